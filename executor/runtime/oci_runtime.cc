#include "executor/runtime/oci_runtime.h"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <tuple>

#include <nlohmann/json.hpp>

#include "executor/base/cleanup.h"
#include "executor/base/fs.h"
#include "executor/base/process.h"
#include "executor/runtime/host.h"
#include "executor/runtime/oci_config.h"
#include "executor/runtime/text.h"

namespace slipway::runtime {

namespace {

// Runs in a mount namespace of its own; "$0" and "$@" are the runtime and its arguments.
constexpr const char* kWithPrivateCgroups = "mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec \"$0\" \"$@\"";

constexpr std::chrono::seconds kProbeTime(30);

// The folders that /bin/true and its libraries may be in.
constexpr const char* kProgramFolders[] = {"/bin",  "/lib", "/lib32", "/lib64", "/libx32",
                                           "/sbin", "/usr", "/nix",   "/gnu"};

// Ours, and for a runtime written in Go: it does one thing after the other, and threads of its collector that start
// beside it cost it a fifth of its time.
std::map<std::string, std::string> Environment() {
  std::map<std::string, std::string> out;
  for (char** e = environ; *e != nullptr; ++e) {
    const std::string_view variable = *e;
    const size_t equals = std::min(variable.find('='), variable.size());
    out.emplace(variable.substr(0, equals), variable.substr(std::min(equals + 1, variable.size())));
  }
  out.try_emplace("GOMAXPROCS", "1");
  return out;
}

std::string FindInPath(const std::string& name) {
  if (name.find('/') != std::string::npos) return ::access(name.c_str(), X_OK) == 0 ? name : "";
  const char* path = std::getenv("PATH");
  // A service's PATH may lack the folders that runtimes are installed in.
  const std::string folders =
      fmt::format("{}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", path != nullptr ? path : "");
  for (const std::string_view folder : Split(folders, ':')) {
    std::string candidate = fs::Join(folder, name);
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "";
}

// "runc version 1.1.5+ds1" -> "1.1.5+ds1"
std::string VersionIn(std::string_view text) {
  const auto lines = SplitLines(text);
  const auto words = lines.empty() ? std::vector<std::string_view>() : SplitWords(lines[0]);
  return words.empty() ? "of unknown version" : std::string(words.back());
}

ContainerSpec TrueContainer(const std::string& rootfs) {
  ContainerSpec spec{.rootfs = rootfs, .args = {"/bin/true"}, .env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}};
  spec.network = NetworkMode::kNone;
  for (const char* folder : kProgramFolders) {
    if (fs::Exists(folder)) spec.mounts.push_back({.source = folder, .destination = folder, .read_only = true});
  }
  return spec;
}

// All four seals are what the runtimes look for. A wrapper script cannot be executed from memory.
Result<std::shared_ptr<const UniqueFd>> SealedCopy(const std::string& path) {
  constexpr uint64_t kLargest = 16U << 20;
  constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  SLIPWAY_ASSIGN_OR_RETURN(const std::string program, fs::ReadFile(path, kLargest));
  if (!program.starts_with("\x7f"
                           "ELF"))
    return FailedPrecondition("'{}' is no program of this machine", path);
  const std::string name(fs::BaseName(path));
#ifdef MFD_EXEC
  UniqueFd copy(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC));
  if (!copy.valid())  // older kernels do not know that flag, nor need it
#else
  UniqueFd copy;
#endif
    copy.Reset(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!copy.valid()) return ErrnoStatus(errno, "make a file in memory");
  SLIPWAY_RETURN_IF_ERROR(fs::WriteAll(copy.get(), program));
  if (::fcntl(copy.get(), F_ADD_SEALS, kSeals) != 0) return ErrnoStatus(errno, "seal a file in memory");
  return std::make_shared<const UniqueFd>(std::move(copy));
}

// Runs /bin/true once with everything that a step's container has but a bridge.
Status TryOnce(const Context& ctx, const OciRuntime& runtime, const std::string& scratch,
               const std::string& cgroup_parent) {
  SLIPWAY_ASSIGN_OR_RETURN(const fs::TempDir dir, fs::TempDir::Make(scratch, "probe-"));
  const std::string rootfs = fs::Join(dir.path(), "rootfs");
  const std::string log = fs::Join(dir.path(), "log.json");
  const std::string hosts = fs::Join(dir.path(), "hosts");
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(rootfs));
  SLIPWAY_RETURN_IF_ERROR(fs::WriteFileAtomic(hosts, ""));
  const std::string id(fs::BaseName(dir.path()));
  BundleContext bundle = HostFacts();
  bundle.hosts_path = hosts;
  bundle.resolv_conf_path = hosts;
  bundle.cgroups = runtime.cgroups;
  bundle.cgroups_path = fs::Join(cgroup_parent, id);
  const nlohmann::json config = MakeOciConfig(TrueContainer(rootfs), bundle);
  SLIPWAY_RETURN_IF_ERROR(fs::WriteFileAtomic(fs::Join(dir.path(), "config.json"), config.dump()));

  SpawnOptions options = runtime.Command(fs::Join(dir.path(), "state"));
  options.argv.insert(options.argv.end(), {"--log", log, "--log-format", "json", "run", "--bundle", dir.path(), id});
  SLIPWAY_ASSIGN_OR_RETURN(const RunOutput output, RunProgram(ctx, std::move(options)));
  if (output.exit.ok()) return Status();
  std::string words = RuntimeErrors(fs::ReadFile(log).ValueOr(""));
  if (words.empty()) words = output.err.empty() ? output.exit.ToString() : output.err.substr(0, 1000);
  return FailedPrecondition("{}", words);
}

// With this host's cgroups as they are, without the v2 hierarchy, without any.
Result<OciRuntime> TryCgroups(const Context& ctx, const OciRuntime& runtime, const std::string& scratch,
                              const std::string& cgroup_parent) {
  Status status = TryOnce(ctx, runtime, scratch, cgroup_parent);
  if (status.ok()) return runtime;
  if (ctx.Done() || runtime.cgroups.mode == CgroupMode::kNone) return status;
  if (runtime.cgroups.mode == CgroupMode::kV1 && runtime.cgroups.mounts.contains("")) {
    OciRuntime v1 = runtime;
    v1.v1_only = true;
    if (TryOnce(ctx, v1, scratch, cgroup_parent).ok()) return v1;
  }
  // The cgroups that are there may be of no use to it (read-only, say): do without limits, but run.
  OciRuntime without = runtime;
  without.cgroups = {};
  if (TryOnce(ctx, without, scratch, cgroup_parent).ok()) return without;
  return status;
}

Result<OciRuntime> TryRuntime(const Context& parent, const std::string& candidate, const std::string& scratch,
                              const std::string& cgroup_parent) {
  const Context ctx = parent.WithTimeout(kProbeTime, "try runtime " + candidate);
  OciRuntime runtime{
      .name = std::string(fs::BaseName(candidate)), .path = FindInPath(candidate), .cgroups = DetectCgroups()};
  if (runtime.path.empty()) return NotFound("not installed");
  SLIPWAY_ASSIGN_OR_RETURN(const RunOutput version, RunProgram(ctx, {.argv = {runtime.path, "--version"}}));
  if (!version.exit.ok())
    return FailedPrecondition("'{} --version' ended with {}", runtime.path, version.exit.ToString());
  runtime.version = VersionIn(version.out);
  SLIPWAY_ASSIGN_OR_RETURN(const RunOutput help, RunProgram(ctx, {.argv = {runtime.path, "run", "--help"}}));
  runtime.can_keep = help.out.find("--keep") != std::string::npos;
  if (auto sealed = SealedCopy(runtime.path); sealed.ok()) {
    OciRuntime from_memory = runtime;
    from_memory.sealed = *std::move(sealed);
    if (auto found = TryCgroups(ctx, from_memory, scratch, cgroup_parent); found.ok()) return found;
  }
  return TryCgroups(ctx, runtime, scratch, cgroup_parent);
}

std::optional<OciRuntime> FindKeeping(const Context& ctx, const OciRuntime& chosen,
                                      const std::vector<std::string>& candidates, const std::string& scratch,
                                      const std::string& cgroup_parent) {
  if (chosen.can_keep || !chosen.cgroups.Has("memory")) return std::nullopt;
  for (const std::string& candidate : candidates) {
    if (FindInPath(candidate) == chosen.path) continue;
    auto found = TryRuntime(ctx, candidate, scratch, cgroup_parent);
    if (found.ok() && found->can_keep && found->cgroups.mode == chosen.cgroups.mode) return *std::move(found);
  }
  return std::nullopt;
}

}  // namespace

SpawnOptions OciRuntime::Command(const std::string& state_root) const {
  SpawnOptions out;
  if (cgroups.mode == CgroupMode::kNone) {
    out.argv = {"unshare", "--mount", "--propagation", "slave", "--", "/bin/sh", "-c", kWithPrivateCgroups};
  } else if (v1_only) {
    out.hidden_mount = cgroups.mounts.at("");
  }
  if (cgroups.mode != CgroupMode::kNone && sealed != nullptr) out.program_fd = sealed->get();
  out.argv.insert(out.argv.end(), {path, "--root", state_root});
  out.env = Environment();
  return out;
}

std::string RuntimeProbe::ToString() const {
  std::string text =
      fmt::format("{} {} (cgroups {}", runtime.name, runtime.version, CgroupModeName(runtime.cgroups.mode));
  text +=
      runtime.cgroups.controllers.empty() ? ")" : fmt::format(": {})", fmt::join(runtime.cgroups.controllers, ", "));
  if (keeping) text += fmt::format("; with a memory limit by {} {}", keeping->name, keeping->version);
  for (const RefusedRuntime& other : refused) text += fmt::format("; {} refused: {}", other.name, other.reason);
  return text;
}

Result<RuntimeProbe> ProbeRuntime(const Context& ctx, const std::vector<std::string>& candidates,
                                  const std::string& scratch, const std::string& cgroup_parent) {
  RuntimeProbe probe;
  std::optional<OciRuntime> without_limits;
  for (const std::string& candidate : candidates) {
    auto found = TryRuntime(ctx, candidate, scratch, cgroup_parent);
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    if (!found.ok()) {
      probe.refused.push_back({candidate, found.status().message()});
      continue;
    }
    const bool limits = found->cgroups.mode == DetectCgroups().mode;
    if (limits) {
      probe.runtime = std::move(found).value();
      probe.keeping = FindKeeping(ctx, probe.runtime, candidates, scratch, cgroup_parent);
      return probe;
    }
    // Another one may know this host's cgroups.
    probe.refused.push_back({candidate, "it cannot use this host's cgroups"});
    if (!without_limits) without_limits = std::move(found).value();
  }
  if (without_limits) {
    probe.runtime = *without_limits;
    return probe;
  }
  std::string reasons;
  for (const RefusedRuntime& other : probe.refused)
    reasons += fmt::format("{}{}: {}", reasons.empty() ? "" : "; ", other.name, other.reason);
  return FailedPrecondition("find an OCI runtime that works on this host: {}; install runc or crun", reasons);
}

std::string RuntimeErrors(std::string_view log) {
  std::string text;
  for (const std::string_view line : SplitLines(log)) {
    const auto entry = nlohmann::json::parse(line, nullptr, false);
    if (!entry.is_object() || entry.value("level", "") != "error") continue;
    const std::string message = entry.value("msg", "");
    if (!message.empty()) text += (text.empty() ? "" : "; ") + message;
  }
  return text;
}

Status StartFailure(std::string_view runtime_words) {
  // "runc run failed: unable to start container process: exec: "foo": executable file not found in $PATH"
  std::string_view words = runtime_words;
  for (const std::string_view lead :
       {"runc run failed: ", "unable to start container process: ", "error during container init: ",
        "container_linux.go:", "starting container process caused: "}) {
    if (const size_t at = words.find(lead); at == 0) words.remove_prefix(lead.size());
  }
  const auto says = [words](std::string_view text) { return words.find(text) != std::string_view::npos; };
  const bool about_program = words.starts_with("exec: ") || words.starts_with("exec ") ||
                             words.starts_with("executable file ") || words.starts_with("open executable");
  if (about_program && (says("not found") || says("no such file") || says("No such file")))
    return NotFound("{}", words);
  if (about_program && (says("permission denied") || says("Permission denied") || says("is a directory"))) {
    return PermissionDenied("{}", words);
  }
  return Unavailable("{}", words.empty() ? "the container could not be started; the runtime did not say why" : words);
}

}  // namespace slipway::runtime
