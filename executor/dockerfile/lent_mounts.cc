#include "executor/dockerfile/lent_mounts.h"

#include <algorithm>

#include "executor/base/fs.h"

namespace slipway::dockerfile {

namespace {
constexpr uint32_t kSecretMode = 0400;
constexpr uint32_t kSocketMode = 0600;
constexpr std::string_view kSocketVariable = "SSH_AUTH_SOCK=";

graph::ExecMount OwnedMount(graph::MountType type, const Mount& mount, uint32_t mode) {
  graph::ExecMount out;
  out.type = type;
  out.required = mount.required;
  out.mode = mount.mode.value_or(mode);
  out.uid = mount.uid.value_or(0);
  out.gid = mount.gid.value_or(0);
  return out;
}

Status RefuseRoot(const graph::ExecMount& mount, std::string_view type) {
  if (mount.target != "/") return Status();
  return InvalidArgument("a mount of type {} cannot have the root as its target", type);
}
}  // namespace

Result<graph::ExecMount> SecretMount(const Mount& mount, const AbsolutePath& absolute) {
  graph::ExecMount out = OwnedMount(graph::MountType::kSecret, mount, kSecretMode);
  out.id = !mount.source.empty() ? mount.source : mount.id;
  if (out.id.empty()) out.id = fs::BaseName(mount.target);
  out.env = mount.env;
  if (out.env && (out.env->empty() || out.env->find('=') != std::string::npos)) {
    return InvalidArgument("'{}' is no name of a variable for secret '{}'", *out.env, out.id);
  }
  if (!mount.target.empty()) {
    out.target = absolute(mount.target);
  } else if (!mount.env) {
    out.target = fmt::format("/run/secrets/{}", fs::BaseName(out.id));
  }
  SLIPWAY_RETURN_IF_ERROR(RefuseRoot(out, "secret"));
  return out;
}

Result<graph::ExecMount> SshMount(const Mount& mount, const AbsolutePath& absolute) {
  if (!mount.source.empty()) return InvalidArgument("a mount of type ssh takes no source; id names the agent");
  graph::ExecMount out = OwnedMount(graph::MountType::kSsh, mount, kSocketMode);
  out.id = mount.id.empty() ? "default" : mount.id;
  if (!mount.target.empty()) out.target = absolute(mount.target);
  SLIPWAY_RETURN_IF_ERROR(RefuseRoot(out, "ssh"));
  return out;
}

void PlaceAgentSockets(graph::ExecOp& op) {
  const graph::ExecMount* first = nullptr;
  size_t number = 0;
  for (graph::ExecMount& mount : op.mounts) {
    if (mount.type != graph::MountType::kSsh) continue;
    if (mount.target.empty()) mount.target = fmt::format("/run/buildkit/ssh_agent.{}", number);
    if (first == nullptr) first = &mount;
    ++number;
  }
  const bool set = std::any_of(op.env.begin(), op.env.end(),
                               [](const std::string& variable) { return variable.starts_with(kSocketVariable); });
  if (first != nullptr && !set) op.env.push_back(std::string(kSocketVariable) + first->target);
}

}  // namespace slipway::dockerfile
