#include "executor/ops/key_parts.h"

#include <algorithm>

#include "executor/layer/layer_key.h"

namespace slipway::ops {

namespace {

using Kind = solver::KeyPart::Kind;

std::string WithoutUser(std::string url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string::npos) return url;
  const size_t end = std::min(url.find_first_of("/?#", scheme + 3), url.size());
  const size_t at = url.rfind('@', end);
  if (at != std::string::npos && at > scheme) url.erase(scheme + 3, at + 1 - (scheme + 3));
  return url;
}

void AddInput(const graph::Vertex& input, const solver::Output& output, solver::KeyParts& parts) {
  if (const auto* source = std::get_if<graph::SourceOp>(&input.op)) {
    const Digest& shown = source->origin.empty() ? source->identity : source->origin;
    parts.push_back({Kind::kBase, input.name, shown.ToString()});
  } else {
    parts.push_back({Kind::kStepBelow, input.name, output.key.hex()});
  }
}

void Setting(solver::KeyParts& parts, std::string name, std::string value) {
  if (!value.empty()) parts.push_back({Kind::kSetting, std::move(name), std::move(value)});
}

std::string OwnerText(const std::optional<graph::Owner>& owner) {
  if (!owner) return "";
  return owner->group.empty() ? owner->user : owner->user + ":" + owner->group;
}

std::string MountText(const graph::ExecMount& mount) {
  static constexpr std::string_view kTypes[] = {"bind", "cache", "tmpfs", "secret", "ssh"};
  std::string out = fmt::format("type={}", kTypes[static_cast<size_t>(mount.type)]);
  if (!mount.source.empty()) out += ",source=" + mount.source;
  if (!mount.id.empty()) out += ",id=" + mount.id;
  if (mount.read_only) out += ",ro";
  if (mount.env) out += ",env=" + *mount.env;
  if (mount.mode) out += fmt::format(",mode={:04o}", *mount.mode);
  if (mount.uid != 0 || mount.gid != 0) out += fmt::format(",uid={},gid={}", mount.uid, mount.gid);
  if (mount.size_bytes != 0) out += fmt::format(",size={}", mount.size_bytes);
  if (mount.sharing != graph::CacheSharing::kShared) {
    out += mount.sharing == graph::CacheSharing::kLocked ? ",sharing=locked" : ",sharing=private";
  }
  return out;
}

void AddEnv(const graph::ExecOp& op, solver::KeyParts& parts) {
  for (const std::string& variable : op.env) {
    const size_t equals = std::min(variable.find('='), variable.size());
    std::string name = variable.substr(0, equals);
    const bool is_arg = std::find(op.arg_names.begin(), op.arg_names.end(), name) != op.arg_names.end();
    std::string value = equals < variable.size() ? variable.substr(equals + 1) : "";
    parts.push_back({is_arg ? Kind::kArgument : Kind::kEnvironment, std::move(name), std::move(value)});
  }
}

void AddAction(const graph::CopyAction& copy, size_t number, solver::KeyParts& parts) {
  const std::string which = number == 0 ? "" : fmt::format(" of part {}", number + 1);
  Setting(parts, "destination" + which, copy.destination);
  Setting(parts, "--chown" + which, OwnerText(copy.owner));
  Setting(parts, "--chmod" + which, copy.mode);
  if (copy.unpack) Setting(parts, "unpacking" + which, "archives are unpacked");
  if (copy.parents) Setting(parts, "--parents" + which, "yes");
  if (copy.mtime) Setting(parts, "times" + which, std::to_string(*copy.mtime));
}

void AddAction(const graph::MakeDirAction& make, size_t, solver::KeyParts& parts) {
  Setting(parts, "folder " + make.path, fmt::format("{:04o} {}", make.mode, OwnerText(make.owner)));
}

void AddAction(const graph::MakeFileAction& make, size_t, solver::KeyParts& parts) {
  tree::Entry entry;
  entry.mode = make.mode;
  entry.digest = Digest::Of(make.content);
  parts.push_back({Kind::kFile, make.path, solver::FileValue(entry)});
}

}  // namespace

bool IsContext(const graph::Vertex& vertex) {
  const auto* source = std::get_if<graph::SourceOp>(&vertex.op);
  return source != nullptr && source->chain.size() == 1 && layer::IsRecipe(source->chain[0]);
}

const WhyMissing& WhyMissingOf(const graph::Vertex& vertex) {
  static const WhyMissing nothing;
  const auto* source = std::get_if<graph::SourceOp>(&vertex.op);
  return source != nullptr ? source->why_missing : nothing;
}

graph::ExecOp WithDefaultNetwork(const graph::ExecOp& op, bool offline) {
  graph::ExecOp out = op;
  if (offline && op.network == graph::Network::kDefault) out.network = graph::Network::kNone;
  return out;
}

solver::KeyParts ExecParts(const graph::ExecOp& op, const graph::Vertex& vertex,
                           const std::vector<solver::Output>& inputs) {
  solver::KeyParts parts;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!IsContext(*vertex.inputs[i])) AddInput(*vertex.inputs[i], inputs[i], parts);
  }
  const bool shell = op.args.size() == 3 && op.args[1] == "-c";
  parts.push_back({Kind::kInstruction, "", shell ? op.args[2] : fmt::format("{}", fmt::join(op.args, " "))});
  if (shell) Setting(parts, "shell", op.args[0] + " " + op.args[1]);
  AddEnv(op, parts);
  Setting(parts, "working folder", op.cwd);
  Setting(parts, "user", op.user);
  if (op.network != graph::Network::kDefault) {
    Setting(parts, "network", op.network == graph::Network::kNone ? "none" : "host");
  }
  if (op.insecure) Setting(parts, "security", "insecure");
  for (const graph::ExecMount& mount : op.mounts) Setting(parts, "mount on " + mount.target, MountText(mount));
  for (const auto& [name, address] : op.extra_hosts) Setting(parts, "host " + name, address);
  for (const std::string& limit : op.ulimits) Setting(parts, "ulimit " + limit.substr(0, limit.find('=')), limit);
  if (op.shm_bytes != 0) Setting(parts, "shm size", std::to_string(op.shm_bytes));
  Setting(parts, "hostname", op.hostname);
  Setting(parts, "platform", vertex.platform.ToString());
  return parts;
}

solver::KeyParts FileParts(const graph::FileOp& op, const graph::Vertex& vertex,
                           const std::vector<solver::Output>& inputs) {
  solver::KeyParts parts;
  // What is copied from counts by its files only.
  if (!inputs.empty() && !IsContext(*vertex.inputs[0])) AddInput(*vertex.inputs[0], inputs[0], parts);
  if (op.link) Setting(parts, "--link", "yes");
  size_t number = 0;
  for (const graph::FileAction& action : op.actions) {
    std::visit([&](const auto& a) { AddAction(a, number, parts); }, action);
    ++number;
  }
  return parts;
}

void AddFiles(const std::vector<std::vector<Selected>>& selections, size_t most, solver::KeyParts& parts) {
  solver::FoldFiles(parts, most, [&selections](const auto& take) {
    std::string path;
    std::string value;
    for (const std::vector<Selected>& selection : selections) {
      for (const Selected& selected : selection) {
        const std::string source = "/" + selected.source;
        if (!take(source, solver::FileValue(selected.root))) return;
        for (const Picked& picked : selected.below) {
          path = source;
          if (source != "/") path += '/';
          path += picked.path();
          value.clear();
          solver::AppendFileValue(picked.entry(), &value);
          if (!take(path, value)) return;
        }
      }
    }
  });
}

std::function<solver::KeyParts(size_t)> RemoteParts(const std::string& url, std::string what) {
  return [shown = WithoutUser(url), what = std::move(what)](size_t) {
    return solver::KeyParts{{Kind::kRemote, shown, what}};
  };
}

}  // namespace slipway::ops
