// The push step: images that earlier steps have built, sent to their registries.
#include <algorithm>

#include "steps/action/action.h"

namespace slipway::action {

namespace {

using ImagePtr = std::shared_ptr<const builder::BuiltImage>;

// Names that belong to one image are pushed together, so that its layers are sent once.
struct Batch {
  ImagePtr image;
  std::vector<oci::Reference> names;
};

class PushAction : public Action {
 public:
  explicit PushAction(const task::PushStep& step) : step_(step) {}

  Status Run(const Context& ctx, Environment& environment) override {
    SLIPWAY_ASSIGN_OR_RETURN(const std::vector<Batch> batches, Collect(environment));
    for (const Batch& batch : batches) SLIPWAY_RETURN_IF_ERROR(Push(ctx, batch, environment));
    return Status();
  }

 private:
  Result<std::vector<Batch>> Collect(const Environment& environment) const {
    std::vector<Batch> batches;
    for (const oci::Reference& name : step_.names) {
      const auto found = environment.images.find(name.ToString());
      if (found == environment.images.end()) {
        return FailedPrecondition("push '{}': no step before has built an image of this name", name.ToString());
      }
      const auto same = std::find_if(batches.begin(), batches.end(),
                                     [&found](const Batch& batch) { return batch.image == found->second; });
      Batch& batch = same != batches.end() ? *same : batches.emplace_back(Batch{found->second, {}});
      batch.names.push_back(name);
    }
    return batches;
  }

  static Status Push(const Context& ctx, const Batch& batch, Environment& environment) {
    for (const oci::Reference& name : batch.names) Say(environment, fmt::format("Pushing image: {}", name.ToString()));
    SLIPWAY_ASSIGN_OR_RETURN(const builder::PushResult result,
                             environment.builder.Push(ctx, *batch.image, batch.names, environment.progress));
    for (const oci::Reference& name : batch.names) {
      Say(environment, fmt::format("Successfully pushed image: {}", name.ToString()));
    }
    Record(result, batch, environment.report);
    return Status();
  }

  static void Record(const builder::PushResult& result, const Batch& batch, Report& report) {
    for (const builder::PushedLayer& layer : result.layers) {
      switch (layer.how) {
        case builder::PushedLayer::How::kThere: ++report.layers_there; break;
        case builder::PushedLayer::How::kMounted: ++report.layers_mounted; break;
        case builder::PushedLayer::How::kUploaded: ++report.layers_pushed; break;
      }
    }
    report.digest = result.manifest.digest;
    for (Report::Output& output : report.outputs) {
      if (std::find(batch.names.begin(), batch.names.end(), output.name) == batch.names.end()) continue;
      output.digest = result.manifest.digest;
      output.pushed = true;
    }
  }

  const task::PushStep& step_;
};

}  // namespace

std::unique_ptr<Action> MakePushAction(const task::PushStep& step) { return std::make_unique<PushAction>(step); }

}  // namespace slipway::action
