// RUN: its command, its mounts, and what the build and the operator allow it.
#include <algorithm>
#include <array>
#include <set>

#include "executor/base/ascii.h"
#include "executor/base/fs.h"
#include "executor/dockerfile/expand.h"
#include "executor/dockerfile/lent_mounts.h"
#include "executor/dockerfile/line_args.h"
#include "executor/dockerfile/lower_stage.h"

namespace slipway::dockerfile {

namespace {

constexpr std::string_view kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// Build args that reach RUN without an ARG, and neither the cache key nor the history. They may be written in any case,
// and programs see them in lower and in upper case.
constexpr std::array<std::string_view, 5> kProxyArgs = {"http_proxy", "https_proxy", "ftp_proxy", "no_proxy",
                                                        "all_proxy"};

std::vector<std::string> ProxyVariables(const LowerOptions& options) {
  std::vector<std::string> out;
  for (const std::string_view name : kProxyArgs) {
    std::string value;
    for (const auto& [key, given] : options.build_args) {
      if (LowerAscii(key) == name) value = given;
    }
    if (value.empty()) continue;
    out.push_back(fmt::format("{}={}", UpperAscii(name), value));
    out.push_back(fmt::format("{}={}", name, value));
  }
  return out;
}

// A Dockerfile gets such a permission from two people: the operator and whoever builds.
Status NotAllowed(std::string_view what, std::string_view entitlement, bool by_operator, std::string_view key) {
  if (by_operator) {
    return PermissionDenied("{} needs the entitlement {}, which the build was not given; give it with --allow {}", what,
                            entitlement, entitlement);
  }
  return PermissionDenied("{} needs the entitlement {}, which is not allowed here; the operator can allow it ({})",
                          what, entitlement, key);
}

}  // namespace

std::string StageLowering::RunHistory(const std::vector<std::string>& args) const {
  std::vector<std::string> values;
  std::set<std::string_view> seen;
  for (const std::string& name : args_) {
    if (!seen.insert(name).second) continue;
    const bool secret =
        std::find(options_.secret_args.begin(), options_.secret_args.end(), name) != options_.secret_args.end();
    values.push_back(fmt::format("{}={}", name, secret ? "***" : env_.Get(name).value_or("")));
  }
  std::string text = "RUN";
  if (!values.empty()) text += fmt::format(" |{} {}", values.size(), fmt::join(values, " "));
  return fmt::format("{} {} # buildkit", text, fmt::join(args, " "));
}

Status StageLowering::AddMount(const Mount& mount, graph::ExecOp& op, std::vector<graph::VertexPtr>& inputs) {
  graph::ExecMount out;
  const AbsolutePath absolute = [this](std::string_view path) { return Absolute(path); };
  switch (mount.type) {
    case MountType::kBind: out.type = graph::MountType::kBind; break;
    case MountType::kCache: out.type = graph::MountType::kCache; break;
    case MountType::kTmpfs: out.type = graph::MountType::kTmpfs; break;
    case MountType::kSecret: {
      SLIPWAY_ASSIGN_OR_RETURN(out, SecretMount(mount, absolute));
      op.mounts.push_back(std::move(out));
      return Status();
    }
    case MountType::kSsh: {
      SLIPWAY_ASSIGN_OR_RETURN(out, SshMount(mount, absolute));
      op.mounts.push_back(std::move(out));
      return Status();
    }
  }
  const bool from_context = mount.type == MountType::kBind && mount.from.empty();
  if (from_context || !mount.from.empty()) {
    Result<graph::VertexPtr> from = from_(mount.from, /*by_index=*/false);
    if (!from.ok()) return Blame("from=" + mount.from, std::move(from).status());
    out.input = inputs.size();
    inputs.push_back(*std::move(from));
  }
  out.source = fs::Clean("/" + mount.source);
  out.read_only = mount.read_only;
  out.id = mount.id;
  // A cache is named by its target as written, wherever the working directory is.
  if (mount.type == MountType::kCache && out.id.empty()) out.id = mount.target.empty() ? "." : fs::Clean(mount.target);
  if (!options_.cache_namespace.empty()) out.id = fmt::format("{}/{}", options_.cache_namespace, out.id);
  switch (mount.sharing.value_or(CacheSharing::kShared)) {
    case CacheSharing::kShared: out.sharing = graph::CacheSharing::kShared; break;
    case CacheSharing::kPrivate: out.sharing = graph::CacheSharing::kPrivate; break;
    case CacheSharing::kLocked: out.sharing = graph::CacheSharing::kLocked; break;
  }
  out.size_bytes = static_cast<uint64_t>(std::max<int64_t>(mount.size_bytes, 0));
  // Owner and mode are of a folder that is made in place of the seed's root; a folder of the seed keeps its own.
  if (out.source == "/" && (mount.mode || mount.uid || mount.gid)) {
    out.mode = mount.mode.value_or(0755);
    out.uid = mount.uid.value_or(0);
    out.gid = mount.gid.value_or(0);
  }
  // A secret's or an agent's place has a default of its own; all else without a target is at the working directory.
  const bool own_default = mount.type == MountType::kSecret || mount.type == MountType::kSsh;
  if (!mount.target.empty() || !own_default) {
    out.target = Absolute(mount.target);
    if (out.target == "/")
      return Blame("--mount",
                   InvalidArgument("a mount of type {} cannot have the root as its target", MountTypeName(mount.type)));
  }
  op.mounts.push_back(std::move(out));
  return Status();
}

Status StageLowering::Apply(const RunInstruction& run) {
  graph::ExecOp op;
  std::vector<graph::VertexPtr> inputs = {Root()};
  std::string text;
  if (!run.command.json_form) {
    SLIPWAY_ASSIGN_OR_RETURN(RunScript script, ScriptOf(run.command));
    text = script.command;
    if (script.file) {
      graph::MakeFileAction make;
      SLIPWAY_ASSIGN_OR_RETURN(make.path, InlinePath(script.file->name));
      make.content = script.file->content;
      make.mode = 0755;
      make.mtime = 0;
      graph::FileOp file;
      file.actions.emplace_back(std::move(make));
      graph::ExecMount mount;
      mount.target = script.command;
      mount.read_only = true;
      mount.input = inputs.size();
      mount.source = "/" + script.file->name;
      op.mounts.push_back(std::move(mount));
      inputs.push_back(
          graph::Make(std::move(file), {ScratchVertex()}, {.name = "[internal] script of the Dockerfile"}));
    }
  }
  op.args = ShellArgs(run.command, text);
  for (const Mount& mount : run.mounts) SLIPWAY_RETURN_IF_ERROR(AddMount(mount, op, inputs));
  if (!run.devices.empty()) {
    return Blame("--device", Unimplemented("RUN --device is not supported: no host device is given to a build"));
  }
  Env env = env_;
  if (!env.Get("PATH")) env.Set("PATH", kDefaultPath);
  op.env = env.List();
  PlaceAgentSockets(op);
  op.lent = options_.lent;
  op.arg_names = args_;
  op.uncached_env = ProxyVariables(options_);
  op.cwd = fs::Clean("/" + state_.image.config.working_dir);
  op.user = state_.image.config.user;
  switch (run.network) {
    case NetworkMode::kDefault: op.network = options_.network; break;
    case NetworkMode::kNone: op.network = graph::Network::kNone; break;
    case NetworkMode::kHost: op.network = graph::Network::kHost; break;
  }
  if (op.network == graph::Network::kHost && !(options_.ask_host_network && options_.allow_host_network)) {
    return Blame("--network",
                 NotAllowed("RUN --network=host", "network.host", options_.allow_host_network, "allow_host_network"));
  }
  op.insecure = run.security == SecurityMode::kInsecure;
  if (op.insecure && !(options_.ask_insecure && options_.allow_insecure)) {
    return Blame("--security", NotAllowed("RUN --security=insecure", "security.insecure", options_.allow_insecure,
                                          "allow_insecure_security"));
  }
  op.extra_hosts = options_.extra_hosts;
  op.ulimits = options_.ulimits;
  op.shm_bytes = options_.shm_bytes;
  op.hostname = options_.hostname;
  const std::vector<std::string> args = op.args;
  AddVertex(std::move(op), std::move(inputs), run);
  AddHistory(RunHistory(args), true);
  return Status();
}

}  // namespace slipway::dockerfile
