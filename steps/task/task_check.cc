#include "steps/task/task_check.h"

#include <algorithm>
#include <array>
#include <set>

#include "executor/base/ascii.h"
#include "executor/base/fs.h"
#include "executor/base/near_miss.h"
#include "executor/base/utf8.h"
#include "steps/task/build_text.h"
#include "steps/task/cmd_text.h"
#include "steps/task/environment.h"
#include "steps/task/file_checks.h"

namespace slipway::task {

namespace {

constexpr std::string_view kWorkspace = "/workspace";
constexpr std::string_view kDefaultNetwork = "acb_default_network";
constexpr std::string_view kRoot = "acb_root";
constexpr std::string_view kAtOnce = "-";
constexpr size_t kMaxSteps = 1000;
constexpr size_t kMaxId = 128;
constexpr int64_t kMaxSeconds = 366LL * 24 * 3600;
constexpr int64_t kMaxTimes = 1'000'000;

std::chrono::seconds Seconds(const Placed<int64_t>& given, int64_t standard) {
  return std::chrono::seconds(given.value <= 0 ? standard : std::min(given.value, kMaxSeconds));
}

bool HasSpace(std::string_view text) {
  while (!text.empty()) {
    const utf8::Rune rune = utf8::Decode(text);
    if (utf8::IsSpace(rune.value)) return true;
    text.remove_prefix(std::max<size_t>(1, rune.size));
  }
  return false;
}

class Maker {
 public:
  Maker(const RawTask& raw, const CheckOptions& options, std::vector<std::string>* warnings)
      : raw_(raw), options_(options), warnings_(*warnings) {}

  Result<Task> Run() && {
    task_.file = options_.file;
    SLIPWAY_RETURN_IF_ERROR(Head());
    task_.steps.resize(raw_.steps.size());
    for (size_t i = 0; i < raw_.steps.size(); ++i) SLIPWAY_RETURN_IF_ERROR(Normalize(i));
    for (size_t i = 0; i < raw_.steps.size(); ++i) SLIPWAY_RETURN_IF_ERROR(CheckStep(i));
    return std::move(task_);
  }

 private:
  template <typename... Args>
  Status Bad(Position position, fmt::format_string<Args...> format, Args&&... args) const {
    return InvalidArgument("{}{}", PlacePrefix(options_.file, position),
                           fmt::format(format, std::forward<Args>(args)...));
  }
  void Warn(Position position, std::string_view text) {
    warnings_.push_back(fmt::format("{}{}", PlacePrefix(options_.file, position), text));
  }
  // A step as messages name it.
  std::string Named(size_t i) const { return fmt::format("step '{}'", task_.steps[i].id); }

  Status Head() {
    SLIPWAY_RETURN_IF_ERROR(Version());
    for (size_t i = 0; i < raw_.steps.size(); ++i) {
      if (raw_.steps[i].empty) return Bad(raw_.steps[i].position, "step {} is empty", i + 1);
    }
    if (raw_.steps.size() > kMaxSteps) {
      return Bad(raw_.steps[kMaxSteps].position, "there are {} steps; a task may have {}", raw_.steps.size(),
                 kMaxSteps);
    }
    if (raw_.max_parallel.value < 0) return Bad(raw_.max_parallel.position, "'maxParallel' is negative");
    task_.max_parallel = static_cast<int>(std::min<int64_t>(raw_.max_parallel.value, kMaxSteps));
    for (const RawSecret& secret : raw_.secrets) {
      task_.secrets.push_back({secret.id, secret.keyvault, secret.client_id, secret.position});
    }
    SLIPWAY_RETURN_IF_ERROR(Networks());
    return Volumes();
  }

  Status Version() {
    constexpr std::array<std::string_view, 3> kKnown = {"v1.0.0", "v1.1.0", "1.0-preview-1"};
    if (raw_.version.value.empty()) return Status();
    task_.version = raw_.version.value;
    const std::string lower = LowerAscii(task_.version);
    if (std::find(kKnown.begin(), kKnown.end(), lower) != kKnown.end()) return Status();
    return Bad(raw_.version.position, "the version '{}' is not known; there are v1.0.0, v1.1.0 and 1.0-preview-1{}",
               task_.version, DidYouMean(lower, kKnown));
  }

  Status Networks() {
    for (const RawNetwork& network : raw_.networks) {
      const std::string& name = network.name.value;
      if (name.empty()) return Bad(network.position, "a network has no name");
      if (name == "none" || name == "host" || name == "bridge") {
        return Bad(network.name.position, "the network '{}' is there always; a task's own needs another name", name);
      }
      if (!IsWord(name, "._-") || name.size() > kMaxId) {
        return Bad(network.name.position, "the network '{}' may have letters, digits, '.', '_' and '-' in its name",
                   name);
      }
      for (const Network& other : task_.networks) {
        if (other.name == name) return Bad(network.name.position, "there are two networks '{}'", name);
      }
      constexpr std::array<std::string_view, 3> kDrivers = {"", "bridge", "external"};
      if (std::find(kDrivers.begin(), kDrivers.end(), network.driver) == kDrivers.end()) {
        return Bad(network.position, "the network '{}' wants the driver '{}'; there is only 'bridge'", name,
                   network.driver);
      }
      task_.networks.push_back({.name = name,
                                .driver = network.driver,
                                .ipv6 = network.ipv6,
                                .skip_creation = network.skip_creation,
                                .is_default = network.is_default,
                                .position = network.position});
      if (network.is_default) default_network_ = name;
    }
    if (task_.networks.empty()) {
      default_network_ = kDefaultNetwork;
      task_.networks.push_back({.name = default_network_, .driver = "bridge", .is_default = true, .position = {}});
    }
    return Status();
  }

  Status Volumes() {
    for (const RawVolume& volume : raw_.volumes) {
      Volume& out = task_.volumes.emplace_back();
      out.name = volume.name.value;
      out.position = volume.position;
      for (const auto& [name, text] : volume.secret) {
        std::optional<std::string> bytes = DecodeBase64(text.value);
        if (!bytes) {
          return Bad(text.position, "the file '{}' of volume '{}' is not base64 (b64enc makes it of a text)",
                     name.value, out.name);
        }
        out.files[name.value] = *std::move(bytes);
      }
    }
    return Status();
  }

  // What every step has, in the order of the original: the first thing that is wrong anywhere is told.
  Status Normalize(size_t i) {
    const RawStep& raw = raw_.steps[i];
    Step& step = task_.steps[i];
    step.position = raw.position;
    step.id = raw.id.value.empty() ? fmt::format("acb_step_{}", i) : raw.id.value;
    const int64_t task_timeout = raw_.step_timeout.value <= 0 ? 600 : raw_.step_timeout.value;
    step.timeout = Seconds(raw.timeout, std::min(task_timeout, kMaxSeconds));
    step.attempt_timeout = Seconds(raw.attempt_timeout, 0);
    step.start_delay = Seconds(raw.start_delay, 0);
    step.retry_delay = Seconds(raw.retry_delay, 5);
    step.network = raw.network.value.empty() ? default_network_ : raw.network.value;
    SLIPWAY_ASSIGN_OR_RETURN(step.env, MergeEnvironment(options_.file, raw_.env, raw.env, &warnings_));
    const PlacedText& directory = raw.working_directory.value.empty() ? raw_.working_directory : raw.working_directory;
    directory_.push_back(
        fs::Clean(directory.value.starts_with('/') ? directory.value : fs::Join(kWorkspace, directory.value)));
    if (raw.keep_directory) {
      step.working_directory.reset();
    } else {
      step.working_directory = directory_.back();
    }
    return Status();
  }

  Status CheckStep(size_t i) {
    const RawStep& raw = raw_.steps[i];
    Step& step = task_.steps[i];
    if (raw.retries.value < 0) return Bad(raw.retries.position, "{}: 'retries' is negative", Named(i));
    if (raw.repeat.value < 0) return Bad(raw.repeat.position, "{}: 'repeat' is negative", Named(i));
    const int kinds =
        (raw.cmd.value.empty() ? 0 : 1) + (raw.build.value.empty() ? 0 : 1) + (raw.push.value.empty() ? 0 : 1);
    if (kinds > 1) return Bad(raw.position, "{} has more than one of cmd, build and push; split it", Named(i));
    SLIPWAY_RETURN_IF_ERROR(Id(i));
    if (kinds == 0) return Bad(raw.position, "{} has none of cmd, build and push", Named(i));
    if (!raw.push.value.empty() && !raw.volume_mounts.empty()) {
      return Bad(raw.volume_mounts[0].position, "{}: 'volumeMounts' are for cmd and build steps", Named(i));
    }
    SLIPWAY_RETURN_IF_ERROR(When(i));
    SLIPWAY_RETURN_IF_ERROR(Words(raw, &step));
    ids_.insert(step.id);

    step.retries = static_cast<int>(std::min(raw.retries.value, kMaxTimes));
    step.repeat = static_cast<int>(std::min(raw.repeat.value, kMaxTimes));
    step.ignore_errors = raw.ignore_errors;
    step.privileged = raw.privileged;
    step.user = raw.user.value;
    for (const PlacedText& text : raw.retry_on_errors.value) step.retry_on_errors.push_back(text.value);
    for (const PlacedText& text : raw.expose.value) step.expose.push_back(text.value);
    for (const PlacedText& text : raw.ports.value) {
      Result<std::vector<PortMapping>> ports = ParsePorts(text.value);
      if (!ports.ok()) return Bad(text.position, "{}: {}", Named(i), ports.status().message());
      step.ports.insert(step.ports.end(), ports->begin(), ports->end());
    }
    if (!raw.cpus.value.empty()) {
      const Result<double> cpus = ParseCpus(raw.cpus.value);
      if (!cpus.ok()) return Bad(raw.cpus.position, "{}: {}", Named(i), cpus.status().message());
      step.cpus = *cpus;
    }
    for (const RawMount& mount : raw.volume_mounts) {
      step.volume_mounts.push_back({.name = mount.name, .mount_path = mount.mount_path, .position = mount.position});
    }
    SLIPWAY_RETURN_IF_ERROR(Work(i));
    SLIPWAY_RETURN_IF_ERROR(KnownNetwork(i));
    return Mounts(i);
  }

  Status Id(size_t i) const {
    const RawStep& raw = raw_.steps[i];
    const std::string& id = task_.steps[i].id;
    const Position position = raw.id.value.empty() ? raw.position : raw.id.position;
    if (HasSpace(id)) return Bad(position, "the id '{}' of a step holds a blank", id);
    // It is the name of a container and of a host.
    if (!IsWord(id, "._-") || id[0] == '-' || id[0] == '.' || id.size() > kMaxId) {
      return Bad(position, "the id '{}' may have letters, digits, '_', '.' and '-', and no more than {} of them", id,
                 kMaxId);
    }
    if (id == kRoot) return Bad(position, "the id '{}' is taken; choose another", id);
    if (ids_.contains(id)) return Bad(position, "two steps have the id '{}'", id);
    return Status();
  }

  Status When(size_t i) {
    const RawStep& raw = raw_.steps[i];
    Step& step = task_.steps[i];
    if (raw.when.value.empty()) {
      if (i > 0) step.when = {task_.steps[i - 1].id};
      return Status();
    }
    const bool at_once = std::any_of(raw.when.value.begin(), raw.when.value.end(),
                                     [](const PlacedText& id) { return id.value == kAtOnce; });
    if (at_once && std::any_of(raw.when.value.begin(), raw.when.value.end(),
                               [](const PlacedText& id) { return id.value != kAtOnce; })) {
      return Bad(raw.when.position, "{}: 'when' has '-' (at once) and other steps", Named(i));
    }
    for (const PlacedText& id : raw.when.value) {
      if (id.value == kAtOnce || id.value == kRoot) continue;
      if (id.value == step.id) return Bad(id.position, "{} waits for itself", Named(i));
      if (!ids_.contains(id.value)) return Bad(id.position, "{}", NoSuchStep(i, id.value));
      if (std::find(step.when.begin(), step.when.end(), id.value) == step.when.end()) step.when.push_back(id.value);
    }
    return Status();
  }

  std::string NoSuchStep(size_t i, const std::string& id) const {
    for (size_t later = i + 1; later < task_.steps.size(); ++later) {
      if (task_.steps[later].id != id) continue;
      return fmt::format("{} waits for '{}', which stands after it (line {}); steps wait for earlier ones", Named(i),
                         id, task_.steps[later].position.line);
    }
    std::vector<std::string_view> known(ids_.begin(), ids_.end());
    return fmt::format("{} waits for '{}', and there is no such step before it{}", Named(i), id, DidYouMean(id, known));
  }

  // Properties whose values are words.
  Status Words(const RawStep& raw, Step* step) const {
    constexpr std::array<std::string_view, 3> kRunOn = {"success", "failure", "always"};
    const auto bad = [this, step](const PlacedText& text, std::string_view key,
                                  std::span<const std::string_view> known) {
      return Bad(text.position, "step '{}': '{}' is '{}'; it may be {}{}", step->id, key, text.value,
                 fmt::join(known, ", "), DidYouMean(text.value, known));
    };
    if (!raw.run_on.value.empty()) {
      const auto found = std::find(kRunOn.begin(), kRunOn.end(), raw.run_on.value);
      if (found == kRunOn.end()) return bad(raw.run_on, "runOn", kRunOn);
      step->run_on = static_cast<RunOn>(found - kRunOn.begin());
    }
    constexpr std::array<std::string_view, 2> kCache = {"enabled", "disabled"};
    const std::string cache = LowerAscii(raw.cache.value);
    if (!cache.empty() && std::find(kCache.begin(), kCache.end(), cache) == kCache.end())
      return bad(raw.cache, "cache", kCache);
    constexpr std::array<std::string_view, 1> kIsolation = {"default"};
    if (!raw.isolation.value.empty() && raw.isolation.value != "default")
      return bad(raw.isolation, "isolation", kIsolation);
    return Status();
  }

  // What the step does.
  Status Work(size_t i) {
    const RawStep& raw = raw_.steps[i];
    Step& step = task_.steps[i];
    std::vector<std::string> warnings;
    Status status;
    Position position = raw.push.position;
    if (!raw.cmd.value.empty()) {
      position = raw.cmd.position;
      CmdStep cmd;
      cmd.pull = raw.pull;
      cmd.download_retries = static_cast<int>(std::clamp<int64_t>(raw.download_retries.value, 0, kMaxTimes));
      cmd.download_retry_delay = Seconds(raw.download_retry_delay, 0);
      cmd.detach = raw.detach;
      cmd.keep = raw.keep;
      if (!raw.entry_point.value.empty()) cmd.entry_point = raw.entry_point.value;
      step.what = std::move(cmd);
      status = ParseCmd(WithAlias(raw.cmd.value), options_.rules.default_registry, &step, &warnings);
      status = std::move(status).With("cmd");
    } else if (!raw.build.value.empty()) {
      position = raw.build.position;
      Result<BuildStep> build =
          ParseBuild(raw.build.value,
                     {.working_directory = directory_[i],
                      .platforms = options_.platform ? std::vector{*options_.platform} : std::vector<oci::Platform>(),
                      .rules = options_.rules,
                      .files = MountedFiles(raw),
                      .cache_tag = CacheTag(raw, step.id)},
                     &warnings);
      status = build.status().With("build");
      if (build.ok()) step.what = *std::move(build);
    } else {
      return Push(i);
    }
    for (const std::string& warning : warnings) Warn(position, fmt::format("{}: {}", Named(i), warning));
    if (!status.ok()) return Bad(position, "{}: {}", Named(i), status.message());
    return Status();
  }

  std::string CacheTag(const RawStep& raw, const std::string& step_id) const {
    if (LowerAscii(raw.cache.value) != "enabled") return "";
    return fmt::format("cache_{}_{}", options_.task_name.empty() ? "quickrun" : options_.task_name, step_id);
  }

  // The files that a step's volumes show it, by path.
  std::map<std::string, std::string> MountedFiles(const RawStep& raw) const {
    std::map<std::string, std::string> files;
    for (const RawMount& mount : raw.volume_mounts) {
      for (const Volume& volume : task_.volumes) {
        if (volume.name != mount.name) continue;
        for (const auto& [name, bytes] : volume.files) files[fs::Join(fs::Clean(mount.mount_path), name)] = bytes;
      }
    }
    return files;
  }

  std::string WithAlias(const std::string& text) const {
    const std::string_view trimmed = utf8::Trim(text);
    const size_t end = std::min(trimmed.find(' '), trimmed.size());
    const auto found = options_.aliases.find(std::string(trimmed.substr(0, end)));
    return found == options_.aliases.end() ? text : found->second + std::string(trimmed.substr(end));
  }

  Status Push(size_t i) {
    PushStep push;
    const std::string_view host =
        options_.rules.default_registry.empty() ? "docker.io" : std::string_view(options_.rules.default_registry);
    for (const PlacedText& text : raw_.steps[i].push.value) {
      Result<oci::Reference> name = oci::Reference::Parse(text.value, host);
      if (!name.ok()) return Bad(text.position, "{}: push: {}", Named(i), name.status().message());
      if (!name->digest.empty()) {
        return Bad(text.position, "{}: push: '{}' has a digest; what is pushed has a tag", Named(i), text.value);
      }
      if (std::find(push.names.begin(), push.names.end(), *name) == push.names.end())
        push.names.push_back(*std::move(name));
    }
    task_.steps[i].what = std::move(push);
    return Status();
  }

  Status KnownNetwork(size_t i) {
    Step& step = task_.steps[i];
    // Only containers are on a network; RUN instructions of a build are on that of its --network.
    if (!std::holds_alternative<CmdStep>(step.what)) step.network.clear();
    if (step.network == "bridge" || step.network == "default") step.network.clear();
    if (step.network.empty() || step.network == "none" || step.network == "host") return Status();
    std::vector<std::string_view> known;
    for (const Network& network : task_.networks) {
      if (network.name == step.network) return Status();
      known.push_back(network.name);
    }
    const RawStep& raw = raw_.steps[i];
    return Bad(raw.network.value.empty() ? raw.position : raw.network.position,
               "{}: the network '{}' is not among the task's 'networks'{}", Named(i), step.network,
               DidYouMean(step.network, known));
  }

  // Mounts of the keys were checked with the volumes; here are those that flags of `cmd` have added.
  Status Mounts(size_t i) const {
    const Step& step = task_.steps[i];
    for (size_t m = raw_.steps[i].volume_mounts.size(); m < step.volume_mounts.size(); ++m) {
      const VolumeMount& mount = step.volume_mounts[m];
      const bool known = std::any_of(task_.volumes.begin(), task_.volumes.end(),
                                     [&mount](const Volume& volume) { return volume.name == mount.name; });
      if (!known)
        return Bad(raw_.steps[i].cmd.position, "{}: -v names '{}', which is no volume of the task", Named(i),
                   mount.name);
      if (!mount.mount_path.starts_with('/')) {
        return Bad(raw_.steps[i].cmd.position, "{}: -v: '{}' is no absolute path", Named(i), mount.mount_path);
      }
    }
    return Status();
  }

  const RawTask& raw_;
  const CheckOptions& options_;
  std::vector<std::string>& warnings_;
  Task task_;
  std::string default_network_;
  std::vector<std::string> directory_;  // of each step: what its paths are relative to
  std::set<std::string> ids_;           // of the steps that were checked
};

}  // namespace

Result<Task> MakeTask(const RawTask& raw, const CheckOptions& options, std::vector<std::string>* warnings) {
  SLIPWAY_RETURN_IF_ERROR(CheckSecretsAndVolumes(raw, options.file));
  return Maker(raw, options, warnings).Run();
}

}  // namespace slipway::task
