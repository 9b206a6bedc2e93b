// ImagesService.DiffImages: the request as the builder wants it, the differences as messages, within bounds.
#include "daemon/services/images_service.h"
#include "daemon/services/message_check.h"
#include "daemon/services/status.h"
#include "executor/base/utf8.h"
#include "steps/task/quick_build.h"

namespace slipway::services {

namespace v1 = ::slipway::v1;

namespace {

constexpr uint32_t kUsualLimit = 1000;
constexpr uint32_t kHighestLimit = 100'000;
constexpr size_t kLongestValue = 4096;
constexpr size_t kLongestText = 1024;
constexpr size_t kPiece = 64U << 10;

Result<builder::ComparedImage> ToImage(const v1::ImageSource& source, const std::string& default_registry) {
  if (source.has_reference()) {
    if (source.reference().size() > kLongestText)
      return InvalidArgument("a reference has more than {} bytes", kLongestText);
    const std::string_view host = default_registry.empty() ? "docker.io" : std::string_view(default_registry);
    SLIPWAY_ASSIGN_OR_RETURN(oci::Reference reference, oci::Reference::Parse(source.reference(), host));
    return builder::ComparedImage(std::move(reference));
  }
  if (!source.has_layout()) return InvalidArgument("is not set");
  const std::string_view location = source.layout().source_location();
  if (!location.starts_with(task::kUploadPrefix)) return InvalidArgument("a layout must be uploaded first");
  if (source.layout().tag().size() > kLongestText) return InvalidArgument("a tag has more than {} bytes", kLongestText);
  SLIPWAY_ASSIGN_OR_RETURN(const Digest tree, Digest::Parse(location.substr(task::kUploadPrefix.size())));
  return builder::ComparedImage(builder::UploadedLayout{.tree = tree, .tag = source.layout().tag()});
}

std::string Shortened(const std::string& text) {
  return text.size() <= kLongestValue ? text
                                      : fmt::format("{}… ({} bytes)", text.substr(0, kLongestValue), text.size());
}

// Sends differences up to a limit, and counts the others.
class DiffWriter {
 public:
  DiffWriter(grpc::ServerWriter<v1::DiffImagesResponse>& writer, uint32_t limit) : writer_(writer), limit_(limit) {}

  Status Add(const image::Difference& difference) {
    if (++count_ > limit_) return Status();
    v1::ImageDifference* to = response_.add_differences();
    to->set_part(difference.part);
    to->set_name(Shortened(difference.name));
    to->set_layer(difference.layer);
    to->set_aspect(utf8::Repair(difference.aspect));
    if (difference.first) to->set_first(Shortened(*difference.first));
    if (difference.second) to->set_second(Shortened(*difference.second));
    gathered_ += to->ByteSizeLong();
    return gathered_ >= kPiece ? Send() : Status();
  }

  Status Finish(const builder::DiffResult& result) {
    v1::DiffSummary* summary = response_.mutable_summary();
    summary->set_same(result.first == result.second);
    summary->set_first_digest(result.first.ToString());
    summary->set_second_digest(result.second.ToString());
    summary->set_differences(count_);
    summary->set_omitted(count_ > limit_ ? count_ - limit_ : 0);
    return Send();
  }

 private:
  Status Send() {
    const bool sent = writer_.Write(response_);
    response_.Clear();
    gathered_ = 0;
    return sent ? Status() : Cancelled("the client is gone");
  }

  grpc::ServerWriter<v1::DiffImagesResponse>& writer_;
  const uint64_t limit_;
  v1::DiffImagesResponse response_;
  size_t gathered_ = 0;
  uint64_t count_ = 0;
};

}  // namespace

grpc::Status ImagesService::DiffImages(grpc::ServerContext* context, const v1::DiffImagesRequest* request,
                                       grpc::ServerWriter<v1::DiffImagesResponse>* writer) {
  if (const task::FieldErrors unknown = CheckKnown(*request); !unknown.empty()) return BadFields(unknown);
  task::FieldErrors errors;
  builder::DiffRequest diff;
  const Result<builder::ComparedImage> first = ToImage(request->first(), default_registry_);
  if (!first.ok()) errors.push_back({"first", first.status().message()});
  const Result<builder::ComparedImage> second = ToImage(request->second(), default_registry_);
  if (!second.ok()) errors.push_back({"second", second.status().message()});
  if (request->has_platform()) {
    const v1::Platform& platform = request->platform();
    const std::string text = fmt::format("{}/{}{}{}", platform.os(), platform.architecture(),
                                         platform.variant().empty() ? "" : "/", platform.variant());
    const Result<oci::Platform> parsed = oci::Platform::Parse(text);
    if (parsed.ok()) {
      diff.platform = *parsed;
    } else {
      errors.push_back({"platform", parsed.status().message()});
    }
  }
  if (request->limit() > kHighestLimit) errors.push_back({"limit", fmt::format("is more than {}", kHighestLimit)});
  if (!errors.empty()) return BadFields(errors);
  diff.first = *first;
  diff.second = *second;
  // Uploads stay leased while they are read.
  std::vector<std::shared_ptr<content::Lease>> leases;
  for (const builder::ComparedImage& image : {diff.first, diff.second}) {
    const auto* layout = std::get_if<builder::UploadedLayout>(&image);
    if (layout == nullptr) continue;
    Result<std::shared_ptr<content::Lease>> lease = uploads_.Pin(layout->tree);
    if (!lease.ok()) return Refuse(lease.status(), "UPLOAD_NOT_FOUND");
    leases.push_back(*std::move(lease));
  }
  return Limited(context, [&]() -> Status {
    DiffWriter out(*writer, request->limit() == 0 ? kUsualLimit : request->limit());
    SLIPWAY_ASSIGN_OR_RETURN(const builder::DiffResult result,
                             builder_.Diff(ctx_, diff, [&](const image::Difference& difference) {
                               calls_.Touch(context);
                               return out.Add(difference);
                             }));
    return out.Finish(result);
  });
}

}  // namespace slipway::services
