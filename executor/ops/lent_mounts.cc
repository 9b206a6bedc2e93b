#include "executor/ops/lent_mounts.h"

namespace slipway::ops {

Status LentMounts::Add(const Context& ctx, const graph::ExecMount& mount, const VertexProgress& progress,
                       std::vector<runtime::Mount>* mounts, std::vector<std::string>* env) {
  if (mount.type == graph::MountType::kSecret) return AddSecret(mount, mounts, env);
  return AddAgent(ctx, mount, progress, mounts);
}

Status LentMounts::AddSecret(const graph::ExecMount& mount, std::vector<runtime::Mount>* mounts,
                             std::vector<std::string>* env) {
  const std::string* value = nullptr;
  if (lent_ != nullptr) {
    if (const auto it = lent_->secrets.find(mount.id); it != lent_->secrets.end()) value = &it->second;
  }
  if (value == nullptr) {
    if (!mount.required) return Status();
    return NotFound(
        "secret '{0}': not found: the build was given no such secret; give it with --secret id={0},src=FILE", mount.id);
  }
  if (mount.env) {
    if (value->find('\0') != std::string::npos) {
      return InvalidArgument("secret '{}' holds a NUL byte, so it cannot be given as a variable; mount it as a file",
                             mount.id);
    }
    env->push_back(fmt::format("{}={}", *mount.env, *value));
  }
  if (mount.target.empty()) return Status();
  if (secrets_ == nullptr) {
    SLIPWAY_ASSIGN_OR_RETURN(SecretFiles files, SecretFiles::Make(folder_));
    secrets_ = std::make_unique<SecretFiles>(std::move(files));
  }
  runtime::Mount bind;
  SLIPWAY_ASSIGN_OR_RETURN(bind.source, secrets_->Add(*value, mount.mode.value_or(0400), ids_.host_base + mount.uid,
                                                      ids_.host_base + mount.gid));
  bind.destination = mount.target;
  bind.read_only = true;
  bind.options = {"nosuid", "nodev", "noexec"};
  mounts->push_back(std::move(bind));
  return Status();
}

Status LentMounts::AddAgent(const Context& ctx, const graph::ExecMount& mount, const VertexProgress& progress,
                            std::vector<runtime::Mount>* mounts) {
  if (lent_ == nullptr || !lent_->ssh.contains(mount.id)) {
    if (!mount.required) return Status();
    return NotFound("no SSH agent '{0}' is forwarded from the client; forward one with --ssh {0}", mount.id);
  }
  if (Status there = ProbeAgent(ctx, *lent_->agents, mount.id); !there.ok()) {
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    if (mount.required) return there;
    progress.Warning(there.message(), "the step goes on without the agent, which it does not require");
    return Status();
  }
  if (socket_folder_ == nullptr) {
    SLIPWAY_ASSIGN_OR_RETURN(fs::TempDir folder, fs::TempDir::Make(folder_, "ssh-"));
    socket_folder_ = std::make_unique<fs::TempDir>(std::move(folder));
  }
  AgentSocket::Options options{.id = mount.id,
                               .mode = mount.mode.value_or(0600),
                               .uid = ids_.host_base + mount.uid,
                               .gid = ids_.host_base + mount.gid};
  const std::string path = fs::Join(socket_folder_->path(), std::to_string(sockets_.size()));
  SLIPWAY_ASSIGN_OR_RETURN(auto socket, AgentSocket::Listen(ctx, path, std::move(options), lent_->agents));
  sockets_.push_back(std::move(socket));
  runtime::Mount bind;
  bind.source = path;
  bind.destination = mount.target;
  mounts->push_back(std::move(bind));
  return Status();
}

Status LentMounts::trouble() const {
  for (const auto& socket : sockets_) SLIPWAY_RETURN_IF_ERROR(socket->trouble());
  return Status();
}

}  // namespace slipway::ops
