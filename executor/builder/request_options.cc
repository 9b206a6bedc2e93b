#include "executor/builder/request_options.h"

#include <algorithm>

#include "executor/builder/epoch.h"
#include "executor/dockerfile/go_text.h"
#include "executor/runtime/host_entry.h"

namespace slipway::builder {

namespace {

Result<graph::Network> ParseNetwork(const std::string& mode) {
  if (mode.empty() || mode == "default" || mode == "bridge") return graph::Network::kDefault;
  if (mode == "none") return graph::Network::kNone;
  if (mode == "host") return graph::Network::kHost;
  return InvalidArgument("network '{}' is none of default, none, host", mode);
}

// The value that was given last; "" if none was.
std::string ArgumentOf(const BuildRequest& request, std::string_view name) {
  std::string value;
  for (const NamedValue& arg : request.build_args) {
    if (arg.name == name) value = arg.value;
  }
  return value;
}

}  // namespace

graph::LentPtr LentBy(const BuildInputs& inputs) {
  if (inputs.secrets.empty() && inputs.ssh.empty()) return nullptr;
  auto lent = std::make_shared<graph::Lent>();
  for (const Secret& secret : inputs.secrets) lent->secrets[secret.id] = secret.value;
  lent->agents = inputs.agents;
  if (inputs.agents != nullptr) lent->ssh.insert(inputs.ssh.begin(), inputs.ssh.end());
  return lent;
}

std::vector<oci::Platform> PlatformsOf(const BuildRequest& request) {
  std::vector<oci::Platform> out;
  for (const oci::Platform& platform : request.platforms) {
    oci::Platform normal = platform.Normalized();
    if (std::find(out.begin(), out.end(), normal) == out.end()) out.push_back(std::move(normal));
  }
  if (out.empty()) out.push_back(oci::Platform::Host());
  return out;
}

Result<bool> WantsIndex(const BuildRequest& request) {
  const std::string value = ArgumentOf(request, "BUILDKIT_MULTI_PLATFORM");
  if (value.empty()) return false;
  const Result<bool> wanted = dockerfile::ParseBool(value);
  if (!wanted.ok()) {
    return InvalidArgument("build arg BUILDKIT_MULTI_PLATFORM='{}' is neither true nor false", value);
  }
  if (*wanted) return true;
  if (PlatformsOf(request).size() == 1) return false;
  return InvalidArgument("build arg BUILDKIT_MULTI_PLATFORM={} contradicts the {} platforms that are to be built",
                         value, PlatformsOf(request).size());
}

bool KeepsGitDir(const BuildRequest& request) {
  return dockerfile::ParseBool(ArgumentOf(request, "BUILDKIT_CONTEXT_KEEP_GIT_DIR")).ValueOr(false);
}

Result<dockerfile::LowerOptions> LowerOptionsOf(const Options& options, const BuildRequest& request,
                                                const std::vector<NamedValue>& arguments, const oci::Platform& platform,
                                                const graph::LentPtr& lent) {
  dockerfile::LowerOptions out;
  out.target = request.target;
  for (const NamedValue& arg : arguments) {
    out.build_args.emplace_back(arg.name, arg.value);
    if (arg.secret) out.secret_args.push_back(arg.name);
  }
  out.target_platform = platform;
  out.platform_asked = !request.platforms.empty();
  out.build_platform = oci::Platform::Host();
  out.labels = request.labels;
  out.no_cache = request.no_cache;
  SLIPWAY_ASSIGN_OR_RETURN(out.network, ParseNetwork(request.network));
  for (const std::string& host : request.add_hosts) {
    SLIPWAY_ASSIGN_OR_RETURN(runtime::HostEntry entry, runtime::ParseHostEntry(host));
    out.extra_hosts.emplace_back(std::move(entry.name), std::move(entry.address));
  }
  out.allow_host_network = options.allow_host_network;
  out.allow_insecure = options.allow_insecure_security;
  out.ask_host_network = request.inputs.allow_host_network;
  out.ask_insecure = request.inputs.allow_insecure;
  out.ulimits = request.inputs.ulimits;
  out.shm_bytes = request.inputs.shm_bytes;
  out.hostname = ArgumentOf(request, "BUILDKIT_SANDBOX_HOSTNAME");
  out.cache_namespace = ArgumentOf(request, "BUILDKIT_CACHE_MOUNT_NS");
  out.lent = lent;
  SLIPWAY_ASSIGN_OR_RETURN(const bool always_index, WantsIndex(request));
  out.multi_platform = always_index || PlatformsOf(request).size() > 1;
  return out;
}

Result<image::ExportOptions> ExportOptionsOf(const BuildRequest& request, const std::vector<NamedValue>& arguments) {
  image::ExportOptions out;
  out.family = request.media_types;
  SLIPWAY_ASSIGN_OR_RETURN(out.always_index, WantsIndex(request));
  out.compression = request.compression;
  out.level = request.compression_level;
  out.rewrite_timestamp = request.rewrite_timestamp;
  out.annotations = request.annotations;
  SLIPWAY_ASSIGN_OR_RETURN(out.epoch, EpochOf(arguments));
  return out;
}

}  // namespace slipway::builder
