#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "executor/base/process.h"
#include "executor/runtime/layout.h"
#include "executor/runtime/mount_stubs.h"
#include "executor/runtime/oci_runner.h"
#include "executor/runtime/text.h"

namespace slipway::runtime {

namespace {

// Mount points at or below `folder`, from the kernel's table, the last mounted first.
std::vector<std::string> MountsBelow(const std::string& folder) {
  std::vector<std::string> found;
  const std::string table = fs::ReadFile("/proc/self/mountinfo").ValueOr("");
  for (const std::string_view line : SplitLines(table)) {
    const auto words = SplitWords(line);
    if (words.size() > 4 && words[4].starts_with(folder + "/")) found.emplace_back(words[4]);
  }
  std::reverse(found.begin(), found.end());
  return found;
}

Status RemoveContainers(const Context& ctx, const RunnerOptions& options, const OciRuntime& runtime) {
  for (const std::string& name : fs::ListDir(StatesDir(options)).ValueOr({})) {
    const std::string state_root = fs::Join(StatesDir(options), name);
    OciRuntime owner = runtime;
    // Another runtime made it, and its notes are in a form of its own.
    if (name != runtime.name) owner.path = name;
    for (const std::string& id : fs::ListDir(state_root).ValueOr({})) {
      spdlog::info("removing container '{}' that was left running", id);
      const Status status = DeleteByRuntime(ctx, owner, state_root, id);
      if (!status.ok()) spdlog::warn("remove left-over container '{}': {}", id, status.message());
    }
  }
  // Also those that the runtime had not written down yet.
  return RemoveCgroups(ctx, runtime.cgroups, DaemonCgroup(options));
}

// Mounts go before folders are removed: what is bound there belongs to others.
Status RemoveMounts(const RunnerOptions& options) {
  for (const std::string& mount : MountsBelow(options.run_root)) {
    if (::umount2(mount.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0) {
      return ErrnoStatus(errno, fmt::format("unmount what a killed daemon left on '{}'", mount));
    }
  }
  const std::string mounts = MountsDir(options);
  for (const std::string& id : fs::ListDir(mounts).ValueOr({})) RemoveMountPoints(fs::Join(mounts, id));
  return Status();
}

// aardvark-dns leaves its parent, so it lives on when the daemon is killed.
void StopNameServer(const std::string& netavark_dir) {
  const std::string folder = fs::Join(netavark_dir, "aardvark-dns");
  const std::string text = fs::ReadFile(fs::Join(folder, "aardvark.pid"), 64).ValueOr("");
  pid_t pid = 0;
  std::from_chars(text.data(), text.data() + text.size(), pid);
  // The number may be another program's by now.
  const std::string command = pid > 1 ? fs::ReadFile(fmt::format("/proc/{}/cmdline", pid), 1U << 20).ValueOr("") : "";
  if (command.find(folder) != std::string::npos) ::kill(pid, SIGKILL);
  fs::RemoveAll(folder).Ignore();
}

}  // namespace

void RemoveMountPoints(const std::string& folder) {
  for (const std::string& name : fs::ListDir(folder).ValueOr({})) {
    const std::string path = fs::Join(folder, name);
    // Neither works on what is mounted on.
    if (::rmdir(path.c_str()) != 0) ::unlink(path.c_str());
  }
  ::rmdir(folder.c_str());
}

Status DeleteByRuntime(const Context& ctx, const OciRuntime& runtime, const std::string& state_root,
                       const std::string& id) {
  const Context limited = ctx.WithTimeout(std::chrono::seconds(30), "delete container " + id);
  SpawnOptions options = runtime.Command(state_root);
  options.argv.insert(options.argv.end(), {"delete", "--force", id});
  SLIPWAY_ASSIGN_OR_RETURN(const RunOutput output, RunProgram(limited, std::move(options)));
  if (!output.exit.ok())
    return Unavailable("'{} delete' ended with {}: {}", runtime.name, output.exit.ToString(), output.err);
  return Status();
}

Status MakeDirsInRoot(int root_fd, const std::string& path, uid_t uid, gid_t gid) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string resolved, ResolveInRoot(root_fd, path));
  std::string above = ".";
  for (const std::string_view part : Split(resolved, '/')) {
    const std::string name(part);
    SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd dir, fs::OpenInRoot(root_fd, above, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (::mkdirat(dir.get(), name.c_str(), 0755) == 0) {
      if (::fchmodat(dir.get(), name.c_str(), 0755, 0) != 0 ||
          ::fchownat(dir.get(), name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) != 0) {
        return ErrnoStatus(errno, fmt::format("set the owner of '{}'", resolved));
      }
    } else if (errno != EEXIST) {
      return ErrnoStatus(errno, "mkdir");
    }
    above = above == "." ? name : fs::Join(above, name);
  }
  return Status();
}

Status RecoverRunRoot(const Context& ctx, const RunnerOptions& options, const OciRuntime& runtime) {
  SLIPWAY_RETURN_IF_ERROR(RemoveContainers(ctx, options, runtime));
  SLIPWAY_RETURN_IF_ERROR(RemoveMounts(options));
  for (const std::string& name : fs::ListDir(options.run_root).ValueOr({})) {
    if (name != "containers" && name != "state" && !name.starts_with("probe-")) continue;
    SLIPWAY_RETURN_IF_ERROR(fs::RemoveAll(fs::Join(options.run_root, name)));
  }

  StopNameServer(NetavarkDir(options));
  const std::vector<std::string> bridges = FindBridges(BridgePrefix(options));
  if (bridges.empty()) return Status();
  SLIPWAY_ASSIGN_OR_RETURN(const Netavark netavark, Netavark::Find(options.netavark, NetavarkDir(options)));
  for (const std::string& device : bridges) {
    const Status status = RemoveStaleBridge(ctx, netavark, device);
    if (!status.ok()) spdlog::warn("remove the left-over bridge '{}': {}", device, status.message());
  }
  return Status();
}

}  // namespace slipway::runtime
