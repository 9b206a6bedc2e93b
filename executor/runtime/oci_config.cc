#include "executor/runtime/oci_config.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>

#include "executor/base/fs.h"
#include "executor/runtime/seccomp.h"
#include "executor/runtime/ulimit.h"

namespace slipway::runtime {

namespace {

using nlohmann::json;

// In the kernel's order: the n-th has number n.
constexpr std::string_view kCapabilities[] = {"CAP_CHOWN",
                                              "CAP_DAC_OVERRIDE",
                                              "CAP_DAC_READ_SEARCH",
                                              "CAP_FOWNER",
                                              "CAP_FSETID",
                                              "CAP_KILL",
                                              "CAP_SETGID",
                                              "CAP_SETUID",
                                              "CAP_SETPCAP",
                                              "CAP_LINUX_IMMUTABLE",
                                              "CAP_NET_BIND_SERVICE",
                                              "CAP_NET_BROADCAST",
                                              "CAP_NET_ADMIN",
                                              "CAP_NET_RAW",
                                              "CAP_IPC_LOCK",
                                              "CAP_IPC_OWNER",
                                              "CAP_SYS_MODULE",
                                              "CAP_SYS_RAWIO",
                                              "CAP_SYS_CHROOT",
                                              "CAP_SYS_PTRACE",
                                              "CAP_SYS_PACCT",
                                              "CAP_SYS_ADMIN",
                                              "CAP_SYS_BOOT",
                                              "CAP_SYS_NICE",
                                              "CAP_SYS_RESOURCE",
                                              "CAP_SYS_TIME",
                                              "CAP_SYS_TTY_CONFIG",
                                              "CAP_MKNOD",
                                              "CAP_LEASE",
                                              "CAP_AUDIT_WRITE",
                                              "CAP_AUDIT_CONTROL",
                                              "CAP_SETFCAP",
                                              "CAP_MAC_OVERRIDE",
                                              "CAP_MAC_ADMIN",
                                              "CAP_SYSLOG",
                                              "CAP_WAKE_ALARM",
                                              "CAP_BLOCK_SUSPEND",
                                              "CAP_AUDIT_READ",
                                              "CAP_PERFMON",
                                              "CAP_BPF",
                                              "CAP_CHECKPOINT_RESTORE"};

constexpr std::string_view kMaskedPaths[] = {"/proc/acpi",
                                             "/proc/asound",
                                             "/proc/interrupts",
                                             "/proc/kcore",
                                             "/proc/keys",
                                             "/proc/latency_stats",
                                             "/proc/sched_debug",
                                             "/proc/scsi",
                                             "/proc/timer_list",
                                             "/proc/timer_stats",
                                             "/sys/devices/virtual/powercap",
                                             "/sys/firmware"};

constexpr std::string_view kReadonlyPaths[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                               "/proc/sysrq-trigger"};

constexpr uint64_t kDefaultShmBytes = 64U << 20;
constexpr uint64_t kCpuPeriodUs = 100'000;

bool HasNul(const std::string& text) { return text.find('\0') != std::string::npos; }

Status CheckMount(const Mount& mount) {
  if (!mount.destination.starts_with('/') || fs::Clean(mount.destination) == "/" || HasNul(mount.destination)) {
    return InvalidArgument("invalid mount target \"{}\"", mount.destination);
  }
  if (mount.type == Mount::Type::kBind && (!mount.source.starts_with('/') || HasNul(mount.source))) {
    return InvalidArgument("mount on '{}': source '{}' is no absolute path", mount.destination, mount.source);
  }
  return Status();
}

json MountEntry(std::string_view destination, std::string_view type, std::string_view source,
                std::vector<std::string> options) {
  return {{"destination", destination}, {"type", type}, {"source", source}, {"options", std::move(options)}};
}

// The file systems of the kernel that every container sees.
json SystemMounts(const ContainerSpec& spec, const BundleContext& context) {
  const bool insecure = spec.security == SecurityMode::kInsecure;
  const char* const writable = insecure ? "rw" : "ro";
  const uint64_t shm = spec.shm_size_bytes != 0 ? spec.shm_size_bytes : kDefaultShmBytes;
  std::vector<std::string> pts = {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"};

  json mounts = json::array();
  mounts.push_back(MountEntry("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}));
  mounts.push_back(MountEntry("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}));
  mounts.push_back(MountEntry("/dev/pts", "devpts", "devpts", std::move(pts)));
  mounts.push_back(
      MountEntry("/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", fmt::format("size={}", shm)}));
  if (context.file_systems.contains("mqueue")) {
    mounts.push_back(MountEntry("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}));
  }
  const bool foreign_network = context.network == NetworkMode::kHost || !context.netns_path.empty();
  if (context.id_mapping.empty() || !foreign_network) {
    mounts.push_back(MountEntry("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", writable}));
  } else {
    // A sysfs can be mounted by the owner of the network namespace only, which here is not the container.
    mounts.push_back(MountEntry("/sys", "bind", "/sys", {"rbind", "nosuid", "noexec", "nodev", writable}));
  }
  if (context.cgroups.mode != CgroupMode::kNone) {
    mounts.push_back(MountEntry("/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", writable}));
  }
  return mounts;
}

json ExtraMount(const Mount& mount) {
  std::vector<std::string> options = mount.options;
  if (mount.read_only) options.emplace_back("ro");
  if (mount.type == Mount::Type::kBind) {
    options.insert(options.begin(), "rbind");
    return MountEntry(mount.destination, "bind", mount.source, std::move(options));
  }
  options.insert(options.begin(), "nosuid");
  if (mount.size_bytes != 0) options.push_back(fmt::format("size={}", mount.size_bytes));
  if (mount.mode) options.push_back(fmt::format("mode={:o}", *mount.mode));
  if (mount.uid) options.push_back(fmt::format("uid={}", *mount.uid));
  if (mount.gid) options.push_back(fmt::format("gid={}", *mount.gid));
  return MountEntry(mount.destination, "tmpfs", "tmpfs", std::move(options));
}

json Mounts(const ContainerSpec& spec, const BundleContext& context) {
  json mounts = SystemMounts(spec, context);
  const std::vector<std::string> file_options = {"rbind", "ro", "nosuid", "noexec", "nodev"};
  mounts.push_back(MountEntry("/etc/resolv.conf", "bind", context.resolv_conf_path, file_options));
  mounts.push_back(MountEntry("/etc/hosts", "bind", context.hosts_path, file_options));
  for (const Mount& mount : spec.mounts) {
    // As BuildKit: what a step asks for replaces what is given to all.
    const std::string destination = fs::Clean(mount.destination);
    std::erase_if(mounts.get_ref<json::array_t&>(),
                  [&destination](const json& m) { return m["destination"] == destination; });
    mounts.push_back(ExtraMount(mount));
    mounts.back()["destination"] = destination;
  }
  return mounts;
}

std::set<std::string, std::less<>> CapabilitiesOf(const ContainerSpec& spec, const BundleContext& context) {
  if (spec.security == SecurityMode::kSandbox) return DefaultCapabilities();
  // What we lack ourselves cannot be given.
  std::set<std::string, std::less<>> all;
  for (size_t i = 0; i < std::size(kCapabilities); ++i) {
    if ((context.capability_bounds >> i & 1) != 0) all.emplace(kCapabilities[i]);
  }
  return all;
}

json Process(const ContainerSpec& spec, const std::set<std::string, std::less<>>& capabilities) {
  json rlimits = json::array();
  for (const Ulimit& limit : spec.ulimits) {
    std::string name = "RLIMIT_" + limit.name;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    rlimits.push_back(
        {{"type", name}, {"soft", static_cast<uint64_t>(limit.soft)}, {"hard", static_cast<uint64_t>(limit.hard)}});
  }
  json process = {{"terminal", false},
                  {"user", {{"uid", spec.user.uid}, {"gid", spec.user.gid}, {"umask", 0022}}},
                  {"args", spec.args},
                  {"env", spec.env},
                  {"cwd", fs::Clean(spec.cwd)},
                  {"rlimits", std::move(rlimits)},
                  // sudo and other setuid programs of the image must work (decisions/0002-privileges.md).
                  {"noNewPrivileges", false}};
  if (!spec.user.additional_gids.empty()) process["user"]["additionalGids"] = spec.user.additional_gids;
  process["capabilities"] = {{"bounding", capabilities}, {"effective", capabilities}, {"permitted", capabilities}};
  return process;
}

json Namespaces(const BundleContext& context) {
  json namespaces = json::array();
  for (const char* type : {"pid", "ipc", "uts", "mount"}) namespaces.push_back({{"type", type}});
  // On v1 the runtimes cannot mount the hierarchies in a cgroup namespace of their own.
  if (context.cgroups.mode == CgroupMode::kV2) namespaces.push_back({{"type", "cgroup"}});
  if (!context.id_mapping.empty()) namespaces.push_back({{"type", "user"}});
  if (!context.netns_path.empty()) {
    namespaces.push_back({{"type", "network"}, {"path", context.netns_path}});
  } else if (context.network != NetworkMode::kHost) {
    namespaces.push_back({{"type", "network"}});
  }
  return namespaces;
}

json Resources(const ContainerSpec& spec, const BundleContext& context) {
  const Limits& limits = spec.limits;
  const CgroupLayout& cgroups = context.cgroups;
  json resources = json::object();
  // What is allowed beyond "none" (null, zero, random, tty, making nodes) the runtime adds itself.
  const bool all_devices = spec.security == SecurityMode::kInsecure;
  resources["devices"] = json::array({{{"allow", all_devices}, {"access", "rwm"}}});
  if (cgroups.Has("memory") && limits.memory_bytes != 0) {
    resources["memory"]["limit"] = limits.memory_bytes;
    if (limits.memory_swap_bytes != 0) resources["memory"]["swap"] = limits.memory_swap_bytes;
  }
  if (cgroups.Has("cpu")) {
    if (limits.cpus > 0) {
      resources["cpu"]["period"] = kCpuPeriodUs;
      resources["cpu"]["quota"] = static_cast<int64_t>(std::llround(limits.cpus * static_cast<double>(kCpuPeriodUs)));
    }
    if (limits.cpu_period_us != 0) resources["cpu"]["period"] = limits.cpu_period_us;
    if (limits.cpu_quota_us != 0) resources["cpu"]["quota"] = limits.cpu_quota_us;
    if (limits.cpu_shares != 0) resources["cpu"]["shares"] = limits.cpu_shares;
  }
  if (cgroups.Has("cpuset")) {
    if (!limits.cpuset_cpus.empty()) resources["cpu"]["cpus"] = limits.cpuset_cpus;
    if (!limits.cpuset_mems.empty()) resources["cpu"]["mems"] = limits.cpuset_mems;
  }
  if (cgroups.Has("pids") && limits.pids != 0) resources["pids"]["limit"] = limits.pids;
  return resources;
}

// For those who make disk images: the device that hands out loop devices, and the first of these.
json LoopDevices() {
  constexpr int kLoopMajor = 7;
  constexpr int kCount = 16;
  json devices = json::array();
  devices.push_back({{"path", "/dev/loop-control"}, {"type", "c"}, {"major", 10}, {"minor", 237}, {"fileMode", 0600}});
  for (int i = 0; i < kCount; ++i) {
    devices.push_back({{"path", fmt::format("/dev/loop{}", i)},
                       {"type", "b"},
                       {"major", kLoopMajor},
                       {"minor", i},
                       {"fileMode", 0600}});
  }
  return devices;
}

json IdMappings(const std::vector<IdRange>& ranges) {
  json out = json::array();
  for (const IdRange& r : ranges) out.push_back({{"containerID", r.container}, {"hostID", r.host}, {"size", r.count}});
  return out;
}

json Linux(const ContainerSpec& spec, const BundleContext& context,
           const std::set<std::string, std::less<>>& capabilities) {
  json linux_part = {{"namespaces", Namespaces(context)},
                     {"cgroupsPath", context.cgroups_path},
                     {"resources", Resources(spec, context)}};
  if (!context.id_mapping.empty()) {
    linux_part["uidMappings"] = IdMappings(context.id_mapping);
    linux_part["gidMappings"] = IdMappings(context.id_mapping);
  }
  if (spec.security == SecurityMode::kInsecure && context.has_loop_devices) linux_part["devices"] = LoopDevices();
  if (spec.security == SecurityMode::kSandbox) {
    linux_part["maskedPaths"] = std::vector<std::string>(std::begin(kMaskedPaths), std::end(kMaskedPaths));
    linux_part["readonlyPaths"] = std::vector<std::string>(std::begin(kReadonlyPaths), std::end(kReadonlyPaths));
    json filter = DefaultSeccompProfile(capabilities, context.machine);
    if (!filter.is_null()) linux_part["seccomp"] = std::move(filter);
  }
  return linux_part;
}

}  // namespace

const std::set<std::string, std::less<>>& DefaultCapabilities() {
  static const std::set<std::string, std::less<>> kDefault = {
      "CAP_AUDIT_WRITE", "CAP_CHOWN",   "CAP_DAC_OVERRIDE",     "CAP_FOWNER",    "CAP_FSETID",
      "CAP_KILL",        "CAP_MKNOD",   "CAP_NET_BIND_SERVICE", "CAP_NET_RAW",   "CAP_SETFCAP",
      "CAP_SETGID",      "CAP_SETPCAP", "CAP_SETUID",           "CAP_SYS_CHROOT"};
  return kDefault;
}

Status CheckSpec(const ContainerSpec& spec) {
  if (spec.args.empty() || spec.args[0].empty()) return InvalidArgument("run a container: no program is given");
  for (const auto* list : {&spec.args, &spec.env}) {
    if (std::any_of(list->begin(), list->end(), HasNul)) {
      return InvalidArgument("run '{}': an argument or variable holds a NUL byte", spec.args[0]);
    }
  }
  if (!spec.rootfs.starts_with('/'))
    return InvalidArgument("run '{}': root '{}' is no absolute path", spec.args[0], spec.rootfs);
  if (!spec.cwd.starts_with('/') || HasNul(spec.cwd)) {
    return InvalidArgument("run '{}': working directory '{}' is no absolute path", spec.args[0], spec.cwd);
  }
  if (spec.id_mapped && spec.security == SecurityMode::kInsecure) {
    return InvalidArgument("run '{}': an insecure container cannot be in a user namespace", spec.args[0]);
  }
  for (const Mount& mount : spec.mounts) SLIPWAY_RETURN_IF_ERROR(CheckMount(mount));
  for (const Ulimit& limit : spec.ulimits) {
    if (!IsUlimitName(limit.name)) return InvalidArgument("ulimit '{}' is unknown", limit.name);
  }
  return Status();
}

json MakeOciConfig(const ContainerSpec& spec, const BundleContext& context) {
  const auto capabilities = CapabilitiesOf(spec, context);
  return {{"ociVersion", "1.0.2"},
          {"process", Process(spec, capabilities)},
          {"root", {{"path", spec.rootfs}, {"readonly", spec.read_only}}},
          {"hostname", spec.hostname},
          {"mounts", Mounts(spec, context)},
          {"linux", Linux(spec, context, capabilities)}};
}

}  // namespace slipway::runtime
