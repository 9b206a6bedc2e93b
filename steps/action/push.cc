// The push step: images that earlier steps have built, sent to their registries.
#include <algorithm>

#include "steps/action/action.h"

namespace slipway::action {

namespace {

constexpr int kAttempts = 3;
constexpr std::chrono::milliseconds kFirstPause(250);

// Names that belong to one image are pushed together, so that its layers are sent once.
struct Batch {
  ImagePtr image;
  std::vector<oci::Reference> names;
};

// What a further attempt cannot mend.
bool IsFinal(Code code) {
  return code == Code::kUnauthenticated || code == Code::kPermissionDenied || code == Code::kInvalidArgument ||
         code == Code::kCancelled;
}

class PushAction : public Action {
 public:
  explicit PushAction(const task::PushStep& step) : step_(step) {}

  Status Run(const Context& ctx, Environment& environment) override {
    environment.report = Report();
    SLIPWAY_ASSIGN_OR_RETURN(const std::vector<Batch> batches, Collect(environment));
    for (const Batch& batch : batches) SLIPWAY_RETURN_IF_ERROR(PushWithRetry(ctx, batch, environment));
    return Status();
  }

 private:
  Result<std::vector<Batch>> Collect(Environment& environment) const {
    std::vector<Batch> batches;
    for (const oci::Reference& name : step_.names) {
      const ImagePtr image = environment.run.FindImage(name);
      if (!image)
        return FailedPrecondition("push '{}': no step before has built an image of this name", name.ToString());
      const auto same =
          std::find_if(batches.begin(), batches.end(), [&image](const Batch& batch) { return batch.image == image; });
      Batch& batch = same != batches.end() ? *same : batches.emplace_back(Batch{image, {}});
      batch.names.push_back(name);
    }
    return batches;
  }

  static Status PushWithRetry(const Context& ctx, const Batch& batch, Environment& environment) {
    Status status;
    for (int attempt = 1; attempt <= kAttempts; ++attempt) {
      status = Push(ctx, batch, attempt, environment);
      if (status.ok() || ctx.Done() || IsFinal(status.code()) || attempt == kAttempts) break;
      SLIPWAY_RETURN_IF_ERROR(ctx.Sleep(kFirstPause * (1 << attempt)));
    }
    return status;
  }

  static Status Push(const Context& ctx, const Batch& batch, int attempt, Environment& environment) {
    for (const oci::Reference& name : batch.names) {
      Say(environment.progress, fmt::format("Pushing image: {}, attempt {}", name.ToString(), attempt));
    }
    SLIPWAY_ASSIGN_OR_RETURN(const builder::PushResult result,
                             environment.run.builder().Push(ctx, *batch.image, batch.names, environment.progress));
    for (const oci::Reference& name : batch.names) {
      Say(environment.progress, fmt::format("Successfully pushed image: {}", name.ToString()));
      environment.pushed.push_back({name, result.manifest.digest});
    }
    Record(result, environment.report);
    return Status();
  }

  static void Record(const builder::PushResult& result, Report& report) {
    for (const builder::PushedLayer& layer : result.layers) {
      switch (layer.how) {
        case builder::PushedLayer::How::kThere: ++report.layers_there; break;
        case builder::PushedLayer::How::kMounted: ++report.layers_mounted; break;
        case builder::PushedLayer::How::kUploaded: ++report.layers_pushed; break;
      }
    }
    report.digest = result.manifest.digest;
  }

  const task::PushStep& step_;
};

}  // namespace

std::unique_ptr<Action> MakePushAction(const task::Step& step) {
  return std::make_unique<PushAction>(std::get<task::PushStep>(step.what));
}

}  // namespace slipway::action
