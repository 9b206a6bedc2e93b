#include "executor/ops/exec.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "executor/base/fs.h"
#include "executor/layer/view.h"
#include "executor/ops/key_parts.h"
#include "executor/ops/selection.h"
#include "executor/ops/unchanged.h"
#include "executor/ops/users.h"
#include "executor/runtime/binfmt.h"
#include "executor/runtime/ulimit.h"

namespace slipway::ops {

namespace {

constexpr size_t kTailBytes = 4096;
constexpr int kTailLines = 10;

/// Keeps the end of what a program printed.
class Tail {
 public:
  void Add(std::string_view bytes) {
    if (bytes.size() > kTailBytes) bytes.remove_prefix(bytes.size() - kTailBytes);
    text_.append(bytes);
    if (text_.size() > 2 * kTailBytes) text_.erase(0, text_.size() - kTailBytes);
  }
  /// The last lines, indented; "" if there was no output.
  std::string Lines() const {
    std::string_view rest = text_;
    while (rest.ends_with('\n')) rest.remove_suffix(1);
    if (rest.empty()) return "";
    size_t from = rest.size();
    for (int i = 0; i < kTailLines && from != std::string_view::npos; ++i) {
      from = from == 0 ? std::string_view::npos : rest.rfind('\n', from - 1);
    }
    if (from != std::string_view::npos) rest.remove_prefix(from + 1);
    std::string out;
    while (!rest.empty()) {
      const size_t end = std::min(rest.find('\n'), rest.size());
      out += fmt::format("\n    {}", rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return out;
  }

 private:
  std::string text_;
};

// Sets "NAME=value", in place of what has that name.
void ReplaceVariable(const std::string& variable, std::vector<std::string>& env) {
  const std::string_view name = std::string_view(variable).substr(0, variable.find('=') + 1);
  std::erase_if(env, [name](const std::string& other) { return other.starts_with(name); });
  env.push_back(variable);
}

std::string CommandOf(const graph::ExecOp& op) {
  const bool shell = op.args.size() == 3 && op.args[1] == "-c";
  std::string text = shell ? op.args[2] : fmt::format("{}", fmt::join(op.args, " "));
  constexpr size_t kLongest = 200;
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "…";
  return text;
}

Status Failed(const graph::ExecOp& op, const runtime::ContainerExit& exit, const Status& trouble, const Tail& tail) {
  const std::string lines = tail.Lines();
  return FailedPrecondition("the command '{}' ended with {}{}{}{}{}", CommandOf(op), exit.exit.ToString(),
                            exit.oom_killed ? " (the kernel killed a process of it: out of memory)" : "",
                            trouble.ok() ? "" : fmt::format(" ({})", trouble.message()),
                            lines.empty() ? "; it printed nothing" : "; its last output:", lines);
}

// The host path of something inside a mounted root, links followed inside the root only.
Result<std::string> HostPath(const std::string& root, const std::string& path) {
  SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd dir, fs::Open(root, O_RDONLY | O_DIRECTORY));
  SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd at, fs::OpenInRoot(dir.get(), path, O_PATH));
  std::string link(4096, '\0');
  const ssize_t n = ::readlink(fmt::format("/proc/self/fd/{}", at.get()).c_str(), link.data(), link.size());
  if (n < 0) return ErrnoStatus(errno, fmt::format("find '{}'", path));
  link.resize(static_cast<size_t>(n));
  return link;
}

// Whether the program that is to be started is one of this machine, whatever platform its image claims.
bool IsNative(const graph::ExecOp& op, const std::string& root) {
  if (op.args.empty()) return false;
  std::vector<std::string> candidates;
  if (op.args[0].find('/') != std::string::npos) {
    candidates.push_back(op.args[0]);
  } else {
    for (const std::string& env : op.env) {
      if (!env.starts_with("PATH=")) continue;
      for (size_t at = 5; at <= env.size();) {
        const size_t end = std::min(env.find(':', at), env.size());
        candidates.push_back(fs::Join(env.substr(at, end - at), op.args[0]));
        at = end + 1;
      }
    }
  }
  const auto dir = fs::Open(root, O_RDONLY | O_DIRECTORY);
  if (!dir.ok()) return false;
  for (const std::string& path : candidates) {
    const auto file = fs::OpenRegularInRoot(dir->get(), path);
    if (!file.ok()) continue;
    std::string begin(20, '\0');
    const auto got = fs::ReadFull(file->get(), begin);
    return got.ok() && *got == begin.size() &&
           begin.substr(0, 4) ==
               "\x7f"
               "ELF" &&
           begin.substr(18, 2) == runtime::ProgramHeader(oci::Platform::Host().architecture).substr(18, 2);
  }
  return false;
}

// The table of the kernel is read for each step: a handler may have come or gone.
Status CheckEmulation(const graph::ExecOp& op, const oci::Platform& platform, const std::string& root) {
  const oci::Platform host = oci::Platform::Host();
  if (platform.architecture.empty() || platform.architecture == host.architecture) return Status();
  Status runnable = runtime::CheckRunnable(platform, host, runtime::ReadBinfmtHandlers(), root);
  if (runnable.ok() || IsNative(op, root)) return Status();
  return runnable;
}

}  // namespace

Result<solver::ContentKey> ExecOps::Key(const Context& ctx, const graph::ExecOp& op, const graph::Vertex& vertex,
                                        const std::vector<solver::Output>& inputs, const VertexProgress& progress) {
  const auto counted = std::make_shared<const graph::ExecOp>(WithDefaultNetwork(op, runner_.offline()));
  Hasher hasher;
  hasher.Field("exec 2").Field(vertex.platform.ToString());
  graph::AddToDigest(*counted, hasher);
  hasher.Field(inputs.empty() ? "" : inputs[0].key.hex());
  auto mounted = std::make_shared<std::vector<std::vector<Selected>>>();
  for (const graph::ExecMount& mount : op.mounts) {
    if (!mount.input) continue;
    const solver::Output& input = inputs.at(*mount.input);
    // Of a build context only what is mounted counts.
    if (mount.type == graph::MountType::kBind && IsContext(*vertex.inputs.at(*mount.input))) {
      layer::View view(layers_, input.chain, progress);
      graph::CopyAction all;
      all.sources = {mount.source};
      all.wildcards = false;
      auto selection =
          Select(ctx, all, view, nullptr, SelectionUse::kMount, WhyMissingOf(*vertex.inputs.at(*mount.input)));
      if (!selection.ok()) return std::move(selection).status().With(fmt::format("mount on '{}'", mount.target));
      AddToDigest(*selection, hasher);
      mounted->push_back(*std::move(selection));
    } else {
      hasher.Field(input.key.hex());
    }
  }
  solver::ContentKey key;
  key.key = hasher.Finish();
  // The vertex is alive as long as its key: both belong to one node of a solve.
  key.parts = [counted, &vertex, inputs, mounted](size_t most_files) {
    solver::KeyParts parts = ExecParts(*counted, vertex, inputs);
    AddFiles(*mounted, most_files, parts);
    return parts;
  };
  return key;
}

Status ExecOps::AddBind(const Context& ctx, const graph::ExecMount& mount, const layer::Chain& chain,
                        const VertexProgress& progress, Mounted& mounted) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> lowers, layers_.LowerDirs(ctx, chain, progress));
  std::string root;
  if (mount.read_only) {
    SLIPWAY_ASSIGN_OR_RETURN(auto view, snapshotter_.ReadOnly(ctx, lowers, ids_));
    root = view->root();
    mounted.views.push_back(std::move(view));
  } else {
    // Writes are allowed and thrown away.
    SLIPWAY_ASSIGN_OR_RETURN(auto active, snapshotter_.Prepare(ctx, lowers, ids_));
    root = active->root();
    mounted.actives.push_back(std::move(active));
  }
  runtime::Mount bind;
  auto source = HostPath(root, mount.source);
  if (!source.ok()) {
    return source.code() == Code::kNotFound
               ? NotFound("'{}' is not there to be mounted on '{}'", mount.source, mount.target)
               : std::move(source).status();
  }
  bind.source = *std::move(source);
  bind.destination = mount.target;
  bind.read_only = mount.read_only;
  mounted.mounts.push_back(std::move(bind));
  return Status();
}

// What a cache holds at first: what its seed has, in a folder of the seed's owner and mode; or nothing, in a folder
// that is made, which hides the seed.
Status ExecOps::FillCache(const Context& ctx, const graph::ExecMount& mount, const std::vector<solver::Output>& inputs,
                          const VertexProgress& progress, const std::string& path) {
  tree::Entry folder;
  folder.mode = mount.mode.value_or(0755);
  folder.uid = mount.uid;
  folder.gid = mount.gid;
  if (mount.input && !mount.mode && !inputs.at(*mount.input).chain.empty()) {
    layer::View view(layers_, inputs.at(*mount.input).chain, progress);
    graph::CopyAction all;
    all.sources = {mount.source};
    all.wildcards = false;
    SLIPWAY_ASSIGN_OR_RETURN(content::Lease lease, layers_.content().NewLease("a cache mount"));
    SLIPWAY_ASSIGN_OR_RETURN(std::vector<Selected> selection,
                             Select(ctx, all, view, &lease, SelectionUse::kMount, nullptr));
    folder = selection.front().root;
    layer::EntrySource source;
    std::vector<tree::Entry> entries;
    for (const Picked& picked : selection.front().below) entries.push_back(picked.Copy());
    source.tree = std::make_shared<const tree::Tree>(std::move(entries));
    source.open = [this](const tree::Entry& entry) { return layers_.content().Open(entry.digest); };
    SLIPWAY_RETURN_IF_ERROR(layer::MaterializeTree(ctx, source, path));
    SLIPWAY_RETURN_IF_ERROR(layer::SyncFolders(path));  // it outlives the build
  }
  if (::chown(path.c_str(), ids_.host_base + folder.uid, ids_.host_base + folder.gid) != 0 ||
      ::chmod(path.c_str(), folder.mode) != 0) {
    return ErrnoStatus(errno, fmt::format("make the cache for '{}'", mount.target));
  }
  return Status();
}

Result<CacheMounts::Wish> ExecOps::CacheOf(const Context& ctx, const graph::ExecMount& mount,
                                           const std::vector<solver::Output>& inputs, const VertexProgress& progress) {
  const bool empty_seed = !mount.input || inputs.at(*mount.input).chain.empty();
  if (empty_seed && !mount.source.empty() && mount.source != "/") {
    return NotFound("'{}' is not there to be mounted on '{}': the cache begins empty, name where it is with from=",
                    mount.source, mount.target);
  }
  std::string id = mount.id.empty() ? fs::Clean(mount.target) : mount.id;
  // A cache that begins otherwise is another one: with another owner or mode, or from another seed.
  if (mount.uid != 0 || mount.gid != 0 || mount.mode) {
    id += fmt::format(" {}:{} {:o}", mount.uid, mount.gid, mount.mode.value_or(0755));
  }
  if (mount.input) id += fmt::format(" {} {}", inputs.at(*mount.input).key.hex(), mount.source);
  return CacheMounts::Wish{.id = std::move(id), .sharing = mount.sharing, .fill = [&](const std::string& folder) {
                             return FillCache(ctx, mount, inputs, progress, folder);
                           }};
}

Status ExecOps::AddCaches(const Context& ctx, const graph::ExecOp& op, const std::vector<solver::Output>& inputs,
                          const VertexProgress& progress, Mounted& mounted) {
  std::vector<CacheMounts::Wish> wishes;
  std::vector<runtime::Mount> binds;
  for (const graph::ExecMount& mount : op.mounts) {
    if (mount.type != graph::MountType::kCache) continue;
    SLIPWAY_ASSIGN_OR_RETURN(wishes.emplace_back(), CacheOf(ctx, mount, inputs, progress));
    runtime::Mount& bind = binds.emplace_back();
    bind.destination = mount.target;
    bind.read_only = mount.read_only;
  }
  SLIPWAY_ASSIGN_OR_RETURN(mounted.caches, caches_.AcquireAll(ctx, wishes));
  for (size_t i = 0; i < binds.size(); ++i) {
    binds[i].source = mounted.caches[i]->path();
    mounted.mounts.push_back(std::move(binds[i]));
  }
  return Status();
}

Status ExecOps::AddMount(const Context& ctx, const graph::ExecMount& mount, const std::vector<solver::Output>& inputs,
                         const VertexProgress& progress, Mounted& mounted) {
  switch (mount.type) {
    case graph::MountType::kBind:
      return AddBind(ctx, mount, mount.input ? inputs.at(*mount.input).chain : layer::Chain(), progress, mounted);
    case graph::MountType::kCache: return Status();  // AddCaches takes all of them at once
    case graph::MountType::kTmpfs: {
      runtime::Mount tmpfs;
      tmpfs.type = runtime::Mount::Type::kTmpfs;
      tmpfs.destination = mount.target;
      tmpfs.size_bytes = mount.size_bytes;
      tmpfs.read_only = mount.read_only;
      mounted.mounts.push_back(std::move(tmpfs));
      return Status();
    }
    case graph::MountType::kSecret:
    case graph::MountType::kSsh: return mounted.lent.Add(ctx, mount, progress, &mounted.mounts, &mounted.env);
  }
  return Internal("unknown kind of mount");
}

Result<runtime::ContainerSpec> ExecOps::MakeSpec(const graph::ExecOp& op, const std::string& root, Mounted& mounted) {
  runtime::ContainerSpec spec;
  spec.rootfs = root;
  spec.args = op.args;
  spec.env = op.env;
  // A proxy's and a secret's variable take the place of one that the image has.
  for (const std::string& variable : op.uncached_env) ReplaceVariable(variable, spec.env);
  for (const std::string& variable : mounted.env) ReplaceVariable(variable, spec.env);
  spec.cwd = op.cwd.empty() ? "/" : op.cwd;
  SLIPWAY_ASSIGN_OR_RETURN(const Ids ids, ResolveUser(op.user, ImageFilesIn(root)));
  spec.user = {
      .uid = ids.uid, .gid = ids.gid, .additional_gids = {ids.additional_gids.begin(), ids.additional_gids.end()}};
  const bool has_home =
      std::any_of(spec.env.begin(), spec.env.end(), [](const auto& e) { return e.starts_with("HOME="); });
  if (!has_home) spec.env.push_back("HOME=" + HomeOf(ids.uid, ImageFilesIn(root)));
  if (!op.hostname.empty()) spec.hostname = op.hostname;
  switch (op.network) {
    case graph::Network::kDefault: spec.network = runtime::NetworkMode::kDefault; break;
    case graph::Network::kNone: spec.network = runtime::NetworkMode::kNone; break;
    case graph::Network::kHost: spec.network = runtime::NetworkMode::kHost; break;
  }
  spec.security = op.insecure ? runtime::SecurityMode::kInsecure : runtime::SecurityMode::kSandbox;
  spec.mounts = std::move(mounted.mounts);
  // Those that hold others come first, in whatever order they are written.
  std::stable_sort(spec.mounts.begin(), spec.mounts.end(),
                   [](const runtime::Mount& a, const runtime::Mount& b) { return a.destination < b.destination; });
  for (const auto& [name, address] : op.extra_hosts) spec.extra_hosts.push_back({.address = address, .name = name});
  for (const std::string& limit : op.ulimits) {
    SLIPWAY_ASSIGN_OR_RETURN(runtime::Ulimit parsed, runtime::ParseUlimit(limit));
    spec.ulimits.push_back(std::move(parsed));
  }
  spec.shm_size_bytes = op.shm_bytes;
  return spec;
}

Result<layer::Chain> ExecOps::Run(const Context& ctx, const graph::ExecOp& op, const oci::Platform& platform,
                                  const std::vector<solver::Output>& inputs, content::Lease*,
                                  const VertexProgress& progress) {
  runner_.Expect();
  layer::Chain chain = inputs.empty() ? layer::Chain() : inputs[0].chain;
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> lowers, layers_.LowerDirs(ctx, chain, progress));
  SLIPWAY_ASSIGN_OR_RETURN(const std::unique_ptr<snapshot::Active> root, snapshotter_.Prepare(ctx, lowers, ids_));
  SLIPWAY_RETURN_IF_ERROR(CheckEmulation(op, platform, root->root()));
  Mounted mounted(LentMounts(lent_folder_, op.lent, ids_));
  for (const graph::ExecMount& mount : op.mounts) {
    SLIPWAY_RETURN_IF_ERROR(AddMount(ctx, mount, inputs, progress, mounted));
  }
  // Last: nobody waits for a cache while this step still gets ready.
  SLIPWAY_RETURN_IF_ERROR(AddCaches(ctx, op, inputs, progress, mounted));
  SLIPWAY_ASSIGN_OR_RETURN(const runtime::ContainerSpec spec, MakeSpec(op, root->root(), mounted));

  Tail tail;
  const auto output = [&](runtime::Stream stream, std::string_view bytes) {
    tail.Add(bytes);
    progress.Log(stream == runtime::Stream::kStdout ? ProgressEvent::Stream::kStdout : ProgressEvent::Stream::kStderr,
                 bytes);
  };
  SLIPWAY_ASSIGN_OR_RETURN(const runtime::ContainerExit exit, runner_.Run(ctx, spec, output));
  if (!exit.exit.ok()) return Failed(op, exit, mounted.lent.trouble(), tail);

  const std::string upper = layers_.NewUpper();
  SLIPWAY_RETURN_IF_ERROR(root->Commit(upper));
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> unchanged, DropUnchanged(ctx, upper, lowers));
  SLIPWAY_ASSIGN_OR_RETURN(layer::Key layer, layers_.AddUpper(upper, unchanged));
  chain.push_back(std::move(layer));
  return chain;
}

}  // namespace slipway::ops
