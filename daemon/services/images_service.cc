#include "daemon/services/images_service.h"

#include "daemon/services/message_check.h"
#include "daemon/services/output_stream.h"
#include "daemon/services/status.h"
#include "executor/base/cleanup.h"

namespace slipway::services {

namespace v1 = ::slipway::v1;

namespace {

/// Nobody looks at how an output comes along but the client that reads it.
class Unseen : public ProgressSink {
 public:
  void OnEvent(const ProgressEvent&) override {}
};

}  // namespace

void ImagesService::Stop() {
  ctx_.Cancel(Unavailable("the daemon is stopping"));
  calls_.EndAll();
}

grpc::Status ImagesService::Limited(grpc::ServerContext* context, const std::function<Status()>& work) {
  if (ctx_.Done()) return Refuse(Unavailable("the daemon is stopping"), "SHUTTING_DOWN");
  if (!slots_.try_acquire()) {
    return Refuse(ResourceExhausted("{} images are being read, which is the limit; try again later", kMaxCalls),
                  "TOO_MANY_STREAMS");
  }
  const Cleanup give([this] { slots_.release(); });
  calls_.Touch(context);
  const Cleanup forget([this, context] { calls_.Forget(context); });
  const Status status = work();
  if (ctx_.Done() && !status.ok()) return Refuse(Unavailable("the daemon is stopping"), "SHUTTING_DOWN");
  return ToGrpc(status);
}

grpc::Status ImagesService::Find(const v1::FetchOutputRequest& request, runs::KeptImages::Image* image) {
  if (const task::FieldErrors unknown = CheckKnown(request); !unknown.empty()) return BadFields(unknown);
  const std::string& id = request.run_id();
  if (!store::IsRunId(id)) return BadFields({{"run_id", "is not the id of a run (3 to 12 of a-z and 0-9)"}});
  if (request.form() == v1::OUTPUT_FORM_UNSPECIFIED) return BadFields({{"form", "is not set"}});
  const Result<store::Run> run = runs_.Get(id);
  if (run.code() == Code::kNotFound) return Refuse(run.status(), "RUN_NOT_FOUND", {{"run_id", id}});
  if (!run.ok()) return ToGrpc(run.status());
  if (request.output() >= run->build.outputs.size()) {
    return BadFields({{"output", fmt::format("{}: run '{}' has {} outputs, counted from 0", request.output(), id,
                                             run->build.outputs.size())}});
  }
  if (run->state != store::RunState::kSucceeded) {
    return Refuse(FailedPrecondition("run '{}' is {}; outputs are those of runs that have succeeded", id,
                                     store::StateName(run->state)),
                  "RUN_NOT_SUCCEEDED", {{"run_id", id}});
  }
  *image = kept_.Find(id);
  if (image->image != nullptr && request.output() < image->outputs.size()) return grpc::Status::OK;
  return Refuse(
      NotFound("what run '{}' has built is not kept any more; build it again (its steps are in the cache)", id),
      "OUTPUT_GONE", {{"run_id", id}});
}

grpc::Status ImagesService::FetchOutput(grpc::ServerContext* context, const v1::FetchOutputRequest* request,
                                        grpc::ServerWriter<v1::FetchOutputResponse>* writer) {
  runs::KeptImages::Image image;
  if (grpc::Status status = Find(*request, &image); !status.ok()) return status;
  return Limited(context, [&]() -> Status {
    Unseen progress;
    OutputStream stream(*writer, context, calls_);
    const builder::Output& output = image.outputs[request->output()];
    if (request->form() == v1::OUTPUT_FORM_FILES) return builder_.Export(ctx_, *image.image, output, stream, progress);
    image::TarOutput tar([&stream](std::string_view bytes) { return stream.Bytes(bytes); });
    SLIPWAY_RETURN_IF_ERROR(builder_.Export(ctx_, *image.image, output, tar, progress));
    return stream.Flush();
  });
}

}  // namespace slipway::services
