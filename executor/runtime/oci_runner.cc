#include "executor/runtime/oci_runner.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <random>

#include "executor/base/cleanup.h"
#include "executor/base/digest.h"
#include "executor/runtime/container_process.h"
#include "executor/runtime/files_mount.h"
#include "executor/runtime/host.h"
#include "executor/runtime/layout.h"
#include "executor/runtime/mount_stubs.h"
#include "executor/runtime/port_forward.h"

namespace slipway::runtime {

namespace {

bool IsBelow(const std::string& path, const std::string& folder) {
  return path == folder || (path.starts_with(folder) && path[folder.size()] == '/');
}

// No sync: a bundle is of no use after a crash.
Status WriteFile(const std::string& path, std::string_view text, mode_t mode = 0644) {
  SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd file, fs::Open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  return fs::WriteAll(file.get(), text);
}

bool IsDirectory(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

// What has to be there for the mounts. Below another mount the runtime makes it, since that is not the root's business.
std::vector<MountStubs::Wanted> WantedStubs(const ContainerSpec& spec) {
  std::vector<MountStubs::Wanted> wanted = {{.path = "/etc/resolv.conf"}, {.path = "/etc/hosts"}};
  std::vector<std::string> covered = {"/proc", "/dev", "/sys"};
  for (const Mount& mount : spec.mounts) {
    const std::string path = fs::Clean(mount.destination);
    const bool hidden =
        std::any_of(covered.begin(), covered.end(), [&path](const std::string& c) { return IsBelow(path, c); });
    covered.push_back(path);
    if (hidden) continue;
    const bool is_dir = mount.type == Mount::Type::kTmpfs || IsDirectory(mount.source);
    // The runtimes give a tmpfs the mode of the folder that it covers.
    wanted.push_back({.path = path,
                      .is_dir = is_dir,
                      .mode = mount.type == Mount::Type::kTmpfs ? mount.mode.value_or(01777) : 0755});
  }
  return wanted;
}

// The ports of a container that has an address.
Result<std::vector<std::unique_ptr<PortForward>>> Publish(const std::vector<PublishedPort>& ports,
                                                          const std::string& address) {
  std::vector<std::unique_ptr<PortForward>> out;
  if (address.empty()) return out;
  for (const PublishedPort& port : ports) {
    SLIPWAY_ASSIGN_OR_RETURN(auto forward, PortForward::Open(port, address));
    out.push_back(std::move(forward));
  }
  return out;
}

// A working directory that the image lacks is made for good, and the user's own, as BuildKit does.
Status MakeWorkingDirectory(const ContainerSpec& spec, const IdMap* map) {
  const std::string cwd = fs::Clean(spec.cwd);
  const auto covers = [&cwd](const Mount& m) { return IsBelow(cwd, fs::Clean(m.destination)); };
  for (const char* system : {"/proc", "/dev", "/sys"}) {
    if (IsBelow(cwd, system)) return Status();
  }
  if (cwd == "/" || std::any_of(spec.mounts.begin(), spec.mounts.end(), covers)) return Status();
  SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd root, fs::Open(spec.rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (fs::OpenInRoot(root.get(), cwd, O_PATH | O_CLOEXEC).ok()) return Status();
  const auto on_host = [map](uint32_t id) { return map != nullptr ? map->OnHost(id) : id; };
  return MakeDirsInRoot(root.get(), cwd, on_host(spec.user.uid), on_host(spec.user.gid))
      .With(fmt::format("make working directory '{}' in the container's root", cwd));
}

// An image that lacks /dev has it afterwards, with the mode that runc and BuildKit give it; crun's own is another.
Status MakeDevFolder(const ContainerSpec& spec, const IdMap* map) {
  SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd root, fs::Open(spec.rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (fs::OpenInRoot(root.get(), "/dev", O_PATH | O_CLOEXEC).ok()) return Status();
  const uint32_t owner = map != nullptr ? map->OnHost(0) : 0;
  return MakeDirsInRoot(root.get(), "/dev", owner, owner).With("make '/dev' in the container's root");
}

bool WantsLimits(const Limits& l) {
  return l.memory_bytes != 0 || l.memory_swap_bytes != 0 || l.cpus > 0 || l.cpu_shares != 0 || l.cpu_quota_us != 0 ||
         !l.cpuset_cpus.empty() || !l.cpuset_mems.empty() || l.pids != 0;
}

// The controllers that the limits need and the host has not.
std::string MissingControllers(const Limits& l, const CgroupLayout& cgroups) {
  std::string missing;
  const auto need = [&](bool wanted, const char* controller) {
    if (wanted && !cgroups.Has(controller)) missing += (missing.empty() ? "" : ", ") + std::string(controller);
  };
  need(l.memory_bytes != 0 || l.memory_swap_bytes != 0, "memory");
  need(l.cpus > 0 || l.cpu_shares != 0 || l.cpu_quota_us != 0, "cpu");
  need(!l.cpuset_cpus.empty() || !l.cpuset_mems.empty(), "cpuset");
  need(l.pids != 0, "pids");
  return missing;
}

Status NoNetwork(const Status& why) {
  const Code code = why.code() == Code::kUnavailable ? Code::kUnavailable : Code::kFailedPrecondition;
  return Status(code,
                fmt::format("give the step a network: {}; a step that needs none can run with --network=none, and "
                            "the daemon's option 'network' can be host or none for all steps",
                            why.message()));
}

Status CheckDaemonId(const std::string& id) {
  const auto fits = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; };
  if (id.empty() || id.size() > 40 || !std::all_of(id.begin(), id.end(), fits)) {
    return InvalidArgument("daemon id '{}': 1 to 40 letters, digits, '-' and '_' are allowed", id);
  }
  return Status();
}

}  // namespace

struct OciRunner::Attached {
  NetworkMode mode = NetworkMode::kNone;
  std::shared_ptr<Group> group;  // kept until the lease has ended
  BridgeNetwork::Lease lease;    // mode kDefault
};

struct OciRunner::Bundle {
  std::string id;
  std::string path;
  Cleanup remove;
  std::vector<snapshot::ScopedMount> mounts;  // end before their folder is removed
};

OciRunner::OciRunner(RunnerOptions options, fs::FileLock lock, RuntimeProbe probe)
    : options_(std::move(options)),
      lock_(std::move(lock)),
      probe_(std::move(probe)),
      host_(HostFacts()),
      ahead_(probe_.runtime.cgroups) {}

OciRunner::~OciRunner() {
  const Status status = RemoveCgroups(Context::Background(), probe_.runtime.cgroups, DaemonCgroup(options_));
  if (!status.ok()) spdlog::warn("{}", status.message());
}

Result<std::unique_ptr<OciRunner>> OciRunner::Make(const Context& ctx, const RunnerOptions& options) {
  SLIPWAY_RETURN_IF_ERROR(CheckDaemonId(options.daemon_id));
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(options.run_root, 0711));
  SLIPWAY_ASSIGN_OR_RETURN(fs::FileLock lock, fs::FileLock::TryAcquire(fs::Join(options.run_root, "lock")));
  SLIPWAY_ASSIGN_OR_RETURN(RuntimeProbe probe,
                           ProbeRuntime(ctx, options.runtimes, options.run_root, DaemonCgroup(options)));
  spdlog::info("containers are run by {}", probe.ToString());
  SLIPWAY_RETURN_IF_ERROR(RecoverRunRoot(ctx, options, probe.runtime));
  std::unique_ptr<OciRunner> runner(new OciRunner(options, std::move(lock), std::move(probe)));
  const RuntimeProbe& found = runner->probe_;
  for (const std::string& folder : {ContainersDir(options), runner->StateRoot(found.runtime),
                                    runner->StateRoot(found.keeping ? *found.keeping : found.runtime)}) {
    SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(folder, 0711));
  }
  runner->OpenUserNamespaces(ctx);
  runner->OpenNetwork();
  return runner;
}

void OciRunner::OpenUserNamespaces(const Context& ctx) {
  if (options_.user_namespaces == UserNamespaces::kOff) return;
  const auto open = [&]() -> Status {
    if (options_.snapshots.empty()) return InvalidArgument("no folder of snapshots is named");
    SLIPWAY_ASSIGN_OR_RETURN(id_map_, IdMap::Make(options_.id_ranges));
    return ProbeUserNamespaces(ctx, *this, *id_map_, options_.snapshots);
  };
  const Status status = open();
  if (status.ok()) return;
  id_map_.reset();
  spdlog::warn("containers run without user namespaces: {}", status.message());
}

void OciRunner::OpenNetwork() {
  if (options_.default_network != NetworkMode::kDefault) return;
  const Status made = Bridge().status();
  if (!made.ok()) spdlog::warn("steps that want a network fail for now: {}", made.message());
}

Result<BridgeNetwork*> OciRunner::Bridge() {
  if (options_.default_network != NetworkMode::kDefault) {
    return FailedPrecondition("the operator chose another default network");
  }
  auto bridge = bridge_.Lock();
  if (*bridge == nullptr) {
    SLIPWAY_ASSIGN_OR_RETURN(*bridge, MakeBridge({.device = BridgePrefix(options_)}));
  }
  return bridge->get();
}

std::string OciRunner::gateway() {
  auto bridge = bridge_.Lock();
  return *bridge ? (*bridge)->gateway() : "";
}

Result<std::unique_ptr<BridgeNetwork>> OciRunner::MakeBridge(BridgeNetwork::Options options) const {
  SLIPWAY_ASSIGN_OR_RETURN(Netavark netavark, Netavark::Find(options_.netavark, NetavarkDir(options_)));
  if (options.with_names && !netavark.has_names())
    return FailedPrecondition("find aardvark-dns: install the aardvark-dns package");
  SLIPWAY_ASSIGN_OR_RETURN(const Ipv4Net pool, Ipv4Net::Parse(options_.subnet_pool));
  const uint32_t first = Digest::Of(options_.daemon_id).bytes()[0];
  SLIPWAY_ASSIGN_OR_RETURN(SubnetLease subnet, SubnetLease::Acquire(pool, options_.subnet_locks, first));
  return std::make_unique<BridgeNetwork>(std::move(netavark), std::move(subnet), std::move(options));
}

Result<Cleanup> OciRunner::CreateNetwork(const Context& ctx, const std::string& name) {
  SLIPWAY_RETURN_IF_ERROR(ctx.Err());
  const std::string device = fmt::format("{}{:04x}", BridgePrefix(options_), ++groups_made_ & 0xffff);
  auto made = MakeBridge({.device = device, .isolated = false, .with_names = true, .spare = 0});
  if (!made.ok()) return FailedPrecondition("create network '{}': {}", name, made.status().message());
  const auto network = std::make_shared<Group>();
  network->bridge = std::move(made).value();
  if (!groups_.Lock()->emplace(name, network).second)
    return AlreadyExists("create network '{}': the name is in use", name);
  return Cleanup([this, name] {
    const auto node = groups_.Lock()->extract(name);  // ends after the lock
  });
}

Result<OciRunner::Attached> OciRunner::JoinGroup(const Context& ctx, const ContainerSpec& spec) {
  Attached attached{.mode = NetworkMode::kDefault};
  {
    auto groups = groups_.Lock();
    const auto found = groups->find(spec.network_group.name);
    if (found == groups->end()) return NotFound("join network '{}': it was not created", spec.network_group.name);
    attached.group = found->second;
  }
  SLIPWAY_ASSIGN_OR_RETURN(attached.lease, attached.group->bridge->Join(ctx, spec.network_group.aliases));
  attached.lease.Spoil();
  return attached;
}

Result<BridgeNetwork::Lease> OciRunner::TakeLease(const Context& ctx) {
  SLIPWAY_ASSIGN_OR_RETURN(BridgeNetwork* const bridge, Bridge());
  return bridge->Acquire(ctx);
}

Status OciRunner::NetworkState(const Context& ctx) { return TakeLease(ctx).status(); }

Result<OciRunner::Attached> OciRunner::Attach(const Context& ctx, const ContainerSpec& spec) {
  Attached attached;
  attached.mode = spec.network == NetworkMode::kDefault ? options_.default_network : spec.network;
  if (attached.mode != NetworkMode::kDefault) return attached;
  if (!spec.network_group.name.empty()) return JoinGroup(ctx, spec);
  auto lease = TakeLease(ctx);
  SLIPWAY_RETURN_IF_ERROR(ctx.Err());
  if (!lease.ok()) return NoNetwork(lease.status());
  attached.lease = std::move(lease).value();
  // With all capabilities it can leave rules and routes behind.
  if (spec.security == SecurityMode::kInsecure) attached.lease.Spoil();
  return attached;
}

std::string OciRunner::StateRoot(const OciRuntime& runtime) const {
  return fs::Join(StatesDir(options_), runtime.name);
}

const OciRuntime& OciRunner::RuntimeFor(const ContainerSpec& spec) const {
  return spec.limits.memory_bytes != 0 && probe_.keeping ? *probe_.keeping : probe_.runtime;
}

std::string OciRunner::CgroupOf(const std::string& id) const { return fs::Join(DaemonCgroup(options_), id); }

// What is bound into a user namespace must be seen with mapped owners, too.
Result<ContainerSpec> OciRunner::MapMounts(const ContainerSpec& spec, Bundle& bundle) const {
  ContainerSpec mapped = spec;
  size_t number = 0;
  for (Mount& mount : mapped.mounts) {
    // The runner's own files have the owner that they need.
    if (mount.type != Mount::Type::kBind || IsBelow(mount.source, FilesDir(options_))) continue;
    const std::string target = fmt::format("{}/{}/{}", MountsDir(options_), bundle.id, number++);
    SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(fs::DirName(target), 0711));
    auto attached = id_map_->Attach(mount.source, target);
    // What is only read does not need an owner.
    if (attached.code() == Code::kUnimplemented && mount.read_only) continue;
    if (!attached.ok()) return std::move(attached).status();
    bundle.mounts.push_back(std::move(attached).value());
    mount.source = target;
  }
  return mapped;
}

// Turns mounts of files into binds of what is mounted here.
Result<std::vector<snapshot::ScopedMount>> OciRunner::MountFilesOf(ContainerSpec& spec, Cleanup& remove) const {
  static std::atomic<uint64_t> made = 0;
  std::vector<snapshot::ScopedMount> out;
  const auto on_host = [&](uint32_t id) { return spec.id_mapped ? id_map_->OnHost(id) : id; };
  for (Mount& mount : spec.mounts) {
    if (mount.type != Mount::Type::kFiles) continue;
    if (out.empty()) SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(FilesDir(options_), 0700));
    const std::string target = fmt::format("{}/{}", FilesDir(options_), ++made);
    SLIPWAY_ASSIGN_OR_RETURN(snapshot::ScopedMount attached,
                             MountFiles(mount.files, on_host(spec.user.uid), on_host(spec.user.gid), target));
    out.push_back(std::move(attached));
    mount = {.type = Mount::Type::kBind,
             .source = target,
             .destination = mount.destination,
             .read_only = true,
             .options = {"nosuid", "nodev", "noexec"}};
  }
  std::vector<std::string> targets;
  for (const snapshot::ScopedMount& mount : out) targets.push_back(mount.target());
  remove = Cleanup([targets] {
    for (const std::string& target : targets) ::rmdir(target.c_str());
  });
  return out;
}

Result<OciRunner::Bundle> OciRunner::MakeBundle(const ContainerSpec& spec, const Attached& network) const {
  static thread_local std::mt19937_64 random{std::random_device{}()};
  Bundle bundle;
  bundle.id = fmt::format("{}-{:016x}", options_.daemon_id, random());
  bundle.path = fs::Join(ContainersDir(options_), bundle.id);
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(bundle.path, 0711));
  bundle.remove = Cleanup([path = bundle.path, mounts = fs::Join(MountsDir(options_), bundle.id)] {
    RemoveMountPoints(mounts);
    const Status status = fs::RemoveAll(path);
    if (!status.ok()) spdlog::warn("remove a container's bundle: {}", status.message());
  });
  ContainerSpec mapped;
  if (spec.id_mapped) {
    SLIPWAY_ASSIGN_OR_RETURN(mapped, MapMounts(spec, bundle));
  }

  BundleContext context = host_;
  context.hosts_path = fs::Join(bundle.path, "hosts");
  context.resolv_conf_path = fs::Join(bundle.path, "resolv.conf");
  context.network = network.mode;
  if (network.mode == NetworkMode::kDefault) context.netns_path = network.lease.netns_path();
  context.cgroups = probe_.runtime.cgroups;
  context.cgroups_path = CgroupOf(bundle.id);
  if (spec.id_mapped) context.id_mapping = id_map_->ranges();
  const bool own_network = network.mode != NetworkMode::kHost;
  // A program that listens on its own name is to be reached by the others.
  const std::string own = network.group ? network.lease.address() : "";
  SLIPWAY_RETURN_IF_ERROR(WriteFile(context.hosts_path, HostsFile(spec.hostname, own, spec.extra_hosts)));
  DnsOptions dns = options_.dns;
  if (network.group) dns.first = network.group->bridge->gateway();  // aardvark-dns
  SLIPWAY_RETURN_IF_ERROR(WriteFile(context.resolv_conf_path, ResolvConf(ReadHostResolvConf(), dns, own_network)));
  // Bytes that are no UTF-8 cannot be said in JSON; a runtime written in Go would replace them, too.
  const std::string config = MakeOciConfig(spec.id_mapped ? mapped : spec, context)
                                 .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  // Environment and arguments may hold secrets, and the run root is open to all for passing.
  SLIPWAY_RETURN_IF_ERROR(WriteFile(fs::Join(bundle.path, "config.json"), config, 0600));
  return bundle;
}

Result<ContainerExit> OciRunner::Run(const Context& ctx, const ContainerSpec& wanted, const OutputSink& output) {
  SLIPWAY_RETURN_IF_ERROR(CheckSpec(wanted));
  ahead_.Expect();
  ContainerSpec spec = wanted;
  SLIPWAY_RETURN_IF_ERROR(ctx.Err());
  if (spec.id_mapped && !id_map_) return InvalidArgument("run '{}': there are no user namespaces here", spec.args[0]);
  if (WantsLimits(spec.limits)) {
    const std::string missing = MissingControllers(spec.limits, probe_.runtime.cgroups);
    if (!missing.empty() && !told_limits_.exchange(true)) {
      spdlog::warn("limits of containers are left out where this host has no cgroup controller for them: {}", missing);
    }
  }
  SLIPWAY_ASSIGN_OR_RETURN(const Attached network, Attach(ctx, spec));
  const std::string address = network.mode == NetworkMode::kDefault ? network.lease.address() : "";
  SLIPWAY_ASSIGN_OR_RETURN(const auto ports, Publish(spec.ports, address));
  Cleanup remove_targets;  // after the mounts on them
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<snapshot::ScopedMount> files, MountFilesOf(spec, remove_targets));
  SLIPWAY_ASSIGN_OR_RETURN(const Bundle bundle, MakeBundle(spec, network));
  Cleanup leave;  // before the bundle goes
  if (network.group) {
    SLIPWAY_ASSIGN_OR_RETURN(
        leave, network.group->hosts.Join(fs::Join(bundle.path, "hosts"), address, spec.network_group.aliases));
  }
  MountStubs stubs;
  const auto prepare_root = [&]() -> Status {
    const IdMap* map = spec.id_mapped ? &*id_map_ : nullptr;
    SLIPWAY_RETURN_IF_ERROR(MakeDevFolder(spec, map));
    SLIPWAY_RETURN_IF_ERROR(MakeWorkingDirectory(spec, map));
    SLIPWAY_ASSIGN_OR_RETURN(stubs, MountStubs::Make(spec.rootfs, WantedStubs(spec)));
    return Status();
  };
  SLIPWAY_RETURN_IF_ERROR(spec.id_mapped ? id_map_->AsContainerRoot(prepare_root) : prepare_root());
  std::function<void()> on_started;
  if (spec.on_started) {
    on_started = [&] {
      StartedContainer started{.address = address, .ports = {}};
      for (const auto& port : ports) started.ports.push_back(port->port());
      spec.on_started(started);
    };
  }
  return RunBundle(ctx, spec, bundle, on_started, output);
}

Result<ContainerExit> OciRunner::RunBundle(const Context& ctx, const ContainerSpec& spec, const Bundle& bundle,
                                           const std::function<void()>& on_started, const OutputSink& output) {
  const OciRuntime& runtime = RuntimeFor(spec);
  const std::string log = fs::Join(bundle.path, "log.json");
  const std::string pid_file = fs::Join(bundle.path, "pid");
  // Whether the kernel killed something for its memory can be seen only while the cgroup is there.
  const bool keep = runtime.can_keep && spec.limits.memory_bytes != 0 && runtime.cgroups.Has("memory");
  ContainerCommand command{.spawn = runtime.Command(StateRoot(runtime)),
                           .pid_file = pid_file,
                           .grace = spec.stop_grace,
                           .on_started = on_started};
  command.spawn.argv.insert(command.spawn.argv.end(), {"--log", log, "--log-format", "json", "run", "--bundle",
                                                       bundle.path, "--pid-file", pid_file});
  if (keep) command.spawn.argv.emplace_back("--keep");
  command.spawn.argv.push_back(bundle.id);

  const Result<ContainerOutcome> outcome = RunContainerProcess(ctx, command, output);
  ContainerExit result;
  if (outcome.ok() && keep) result.oom_killed = OomKills(runtime.cgroups, CgroupOf(bundle.id)) > 0;
  // Whatever went wrong, nothing of it may live on. After a clean end there is no state left.
  if (fs::Exists(fs::Join(StateRoot(runtime), bundle.id))) Delete(runtime, bundle.id);
  if (!outcome.ok()) return outcome.status();

  const std::string errors = outcome->exit.ok() ? "" : RuntimeErrors(fs::ReadFile(log).ValueOr(""));
  // crun tells the pid before it looks for the program, and writes down errors of its own only.
  const bool failed_later = runtime.name == "crun" && !errors.empty();
  if (!outcome->started || failed_later) return StartFailure(errors.empty() ? outcome->words : errors);
  result.exit = outcome->exit;
  return result;
}

// The processes are dead or about to be killed here; doing this ourselves is quicker than one more call of the runtime.
void OciRunner::Delete(const OciRuntime& runtime, const std::string& id) const {
  const Context ctx = Context::Background();
  Status status;
  if (runtime.cgroups.mode == CgroupMode::kNone) {
    status = DeleteByRuntime(ctx, runtime, StateRoot(runtime), id);
  } else {
    status = RemoveCgroups(ctx, runtime.cgroups, CgroupOf(id));
    if (status.ok()) status = fs::RemoveAll(fs::Join(StateRoot(runtime), id));
  }
  if (!status.ok()) spdlog::warn("remove container '{}': {}", id, status.message());
}

}  // namespace slipway::runtime
