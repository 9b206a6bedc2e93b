#include "steps/action/shared_run.h"

#include "steps/action/action.h"

namespace slipway::action {

namespace {
// What task files that name no network get; a machine without the means for it still runs steps that need none.
constexpr std::string_view kDefaultNetwork = "acb_default_network";
}  // namespace

SharedRun::SharedRun(builder::Builder& builder, const task::Task& task, RunSource source, ProgressSink& progress)
    : builder_(builder), task_(task), source_(std::move(source)), progress_(progress), revision_(source_.revision) {}

SharedRun::~SharedRun() { EndServices(); }

void SharedRun::AddImage(const oci::Reference& name, ImagePtr image) {
  const std::lock_guard lock(mutex_);
  images_[name.ToString()] = std::move(image);
}

ImagePtr SharedRun::FindImage(const oci::Reference& name) {
  const std::lock_guard lock(mutex_);
  const auto found = images_.find(name.ToString());
  return found == images_.end() ? nullptr : found->second;
}

Images SharedRun::images() {
  const std::lock_guard lock(mutex_);
  return images_;
}

std::string SharedRun::revision() {
  const std::lock_guard lock(mutex_);
  return revision_;
}

Result<builder::Workbench*> SharedRun::Workbench(const Context& ctx) {
  const std::lock_guard opening(opening_);
  if (workbench_ == nullptr) {
    if (source_.workbench != nullptr) {
      workbench_ = source_.workbench;
    } else {
      if (!own_workbench_) {
        SLIPWAY_ASSIGN_OR_RETURN(own_workbench_, builder_.OpenWorkbench(source_.name, source_.access));
      }
      SLIPWAY_ASSIGN_OR_RETURN(const builder::Workbench::SourceFacts facts,
                               own_workbench_->Load(ctx, source_.context, progress_));
      workbench_ = own_workbench_.get();
      const std::lock_guard lock(mutex_);
      revision_ = facts.revision;
    }
  }
  if (!has_networks_) {
    SLIPWAY_RETURN_IF_ERROR(MakeNetworks(ctx, *workbench_));
    has_networks_ = true;
  }
  return workbench_;
}

Status SharedRun::MakeNetworks(const Context& ctx, builder::Workbench& workbench) {
  for (const task::Network& network : task_.networks) {
    {
      const std::lock_guard lock(mutex_);
      if (networks_.contains(network.name)) continue;
    }
    bool made = false;
    if (network.skip_creation) {
      Say(progress_, fmt::format("Skip creating network: {}", network.name));
    } else {
      Say(progress_, fmt::format("Creating network: {}, driver: 'bridge'", network.name));
      Status status = workbench.AddNetwork(ctx, network.name);
      made = status.ok();
      if (made) {
        Say(progress_, fmt::format("Successfully set up network: {}", network.name));
      } else if (network.name == kDefaultNetwork && status.code() == Code::kFailedPrecondition) {
        Say(progress_, fmt::format("WARNING: containers do not find each other by name: {}", status.message()));
      } else {
        return std::move(status).With(fmt::format("failed to create network: {}", network.name));
      }
    }
    const std::lock_guard lock(mutex_);
    networks_[network.name] = made;
  }
  return Status();
}

std::string SharedRun::NetworkFor(const std::string& network) {
  if (network == "bridge" || network == "default") return "";
  const std::lock_guard lock(mutex_);
  const auto found = networks_.find(network);
  // "none" and "host" among them; what nobody knows is refused where it is joined.
  if (found == networks_.end() || found->second) return network;
  return network == "none" || network == "host" ? network : "";
}

void SharedRun::AddService(std::unique_ptr<builder::Container> container) {
  const std::lock_guard lock(mutex_);
  services_.push_back(std::move(container));
}

void SharedRun::EndServices() {
  std::vector<std::unique_ptr<builder::Container>> services;
  {
    const std::lock_guard lock(mutex_);
    services.swap(services_);
  }
  for (const auto& service : services) service->Stop();
  services.clear();
}

}  // namespace slipway::action
