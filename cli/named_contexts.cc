#include "cli/named_contexts.h"

#include <algorithm>

#include "cli/dockerfile_choice.h"
#include "cli/oci_layout.h"
#include "cli/source_location.h"
#include "cli/text_width.h"
#include "executor/base/clock.h"

namespace slipway::cli {

namespace {

constexpr std::string_view kImagePrefix = "docker-image://";
constexpr std::string_view kLayoutPrefix = "oci-layout://";

// Everything but the blobs of one image: patterns of an ignore file.
std::vector<std::string> OnlyBlobs(const LayoutImage& image) {
  std::vector<std::string> patterns = {"*"};
  for (const Digest& blob : image.blobs) patterns.push_back(fmt::format("!blobs/sha256/{}", blob.hex()));
  return patterns;
}

}  // namespace

Status NamedContexts::ParseOne(const std::string& word, Named* named) {
  const size_t equals = word.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == word.size()) {
    return InvalidArgument("it is not of the form NAME=VALUE");
  }
  named->name = word.substr(0, equals);
  const std::string value = word.substr(equals + 1);
  if (value.starts_with(kImagePrefix)) {
    named->location = value;
    return Status();
  }
  if (value.starts_with(kLayoutPrefix)) {
    SLIPWAY_ASSIGN_OR_RETURN(const LayoutFlag flag,
                             ParseLayoutFlag(std::string_view(value).substr(kLayoutPrefix.size())));
    SLIPWAY_ASSIGN_OR_RETURN(const LayoutImage image, ReadLayout(flag));
    named->folder = flag.folder;
    named->layout_root = image.root.ToString();
    named->patterns = OnlyBlobs(image);
    return Status();
  }
  SLIPWAY_ASSIGN_OR_RETURN(const SourceLocation source, ClassifySource(value));
  switch (source.kind) {
    case SourceKind::kRemote: named->location = value; return Status();
    case SourceKind::kFolder: named->folder = source.text; break;
    case SourceKind::kNone:
    case SourceKind::kStdin:
      return InvalidArgument("give a folder, a git or file URL, {}NAME or {}FOLDER", kImagePrefix, kLayoutPrefix);
  }
  SLIPWAY_ASSIGN_OR_RETURN(named->patterns, ReadIgnorePatterns(named->folder, DockerfileChoice()));
  return Status();
}

Result<NamedContexts> NamedContexts::Parse(const std::vector<std::string>& words) {
  NamedContexts out;
  for (const std::string& word : words) {
    Named named;
    SLIPWAY_RETURN_IF_ERROR(ParseOne(word, &named).With(fmt::format("--build-context '{}'", word)));
    std::erase_if(out.contexts_, [&](const Named& other) { return other.name == named.name; });
    out.contexts_.push_back(std::move(named));
  }
  return out;
}

bool NamedContexts::HasFolders() const {
  return std::any_of(contexts_.begin(), contexts_.end(), [](const Named& named) { return !named.folder.empty(); });
}

Status NamedContexts::Pack(const Context& ctx, ThreadPool& pool, const std::string& cache_dir, ReadProgress* progress) {
  for (Named& named : contexts_) {
    if (named.folder.empty()) continue;
    const auto pack = [&]() -> Status {
      SLIPWAY_ASSIGN_OR_RETURN(ContextPacker packer, ContextPacker::Open(pool, named.folder, cache_dir));
      named.packer = std::make_unique<ContextPacker>(std::move(packer));
      SLIPWAY_RETURN_IF_ERROR(named.packer->Walk(ctx, named.patterns));
      return named.packer->Read(ctx, progress);
    };
    SLIPWAY_RETURN_IF_ERROR(pack().With(fmt::format("build context '{}'", named.name)));
  }
  return Status();
}

Status NamedContexts::SendOne(const Context& ctx, Connection& connection, bool again, UploadProgress* progress,
                              const std::function<void(std::string_view)>& note, Named& named) {
  StatCache& cache = named.packer->cache();
  std::string upload = again ? "" : cache.RecallUpload(connection.server(), named.packer->manifest());
  if (upload.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(upload, UploadContext(ctx, connection, *named.packer, progress));
    cache.RememberUpload(connection.server(), named.packer->manifest(), upload);
    note(fmt::format("Sent context '{}' ({}, {})", named.name, Counted(named.packer->file_count(), "file"),
                     FormatBytes(named.packer->total_bytes())));
  }
  named.location = upload;
  if (!named.layout_root.empty()) named.location = fmt::format("{}{}@{}", kLayoutPrefix, upload, named.layout_root);
  return Status();
}

Status NamedContexts::Send(const Context& ctx, Connection& connection, bool again, UploadProgress* progress,
                           const std::function<void(std::string_view)>& note, v1::DockerBuildRequest* request) {
  for (Named& named : contexts_) {
    if (named.packer != nullptr) {
      SLIPWAY_RETURN_IF_ERROR(
          SendOne(ctx, connection, again, progress, note, named).With(fmt::format("build context '{}'", named.name)));
    }
    (*request->mutable_build_contexts())[named.name] = named.location;
  }
  return Status();
}

void NamedContexts::SaveCaches() {
  for (Named& named : contexts_) {
    if (named.packer != nullptr) named.packer->SaveCache().Ignore();  // only a memory
  }
}

}  // namespace slipway::cli
