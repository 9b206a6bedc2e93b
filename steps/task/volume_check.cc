// The checks of secrets, volumes and mounts.
#include <algorithm>
#include <set>

#include "executor/base/near_miss.h"
#include "executor/base/utf8.h"
#include "steps/task/file_checks.h"
#include "steps/task/task_check.h"

namespace slipway::task {

namespace {

class Checker {
 public:
  Checker(const RawTask& raw, const std::string& file) : raw_(raw), file_(file) {}

  Status Run() {
    for (const RawSecret& secret : raw_.secrets) SLIPWAY_RETURN_IF_ERROR(Secret(secret));
    for (const RawVolume& volume : raw_.volumes) SLIPWAY_RETURN_IF_ERROR(Volume(volume));
    for (const RawStep& step : raw_.steps) SLIPWAY_RETURN_IF_ERROR(Mounts(step));
    return Status();
  }

 private:
  template <typename... Args>
  Status Bad(Position position, fmt::format_string<Args...> format, Args&&... args) const {
    return InvalidArgument("{}{}", PlacePrefix(file_, position), fmt::format(format, std::forward<Args>(args)...));
  }

  Status Secret(const RawSecret& secret) {
    if (secret.id.empty()) return Bad(secret.position, "a secret has no id");
    if (std::any_of(secret.id.begin(), secret.id.end(), [](char c) { return c == ' ' || c == '\t' || c == '\n'; })) {
      return Bad(secret.position, "the id '{}' of a secret holds a blank", secret.id);
    }
    if (secret.keyvault.empty())
      return Bad(secret.position, "the secret '{}' has no 'keyvault' to read it from", secret.id);
    if (!secret.client_id.empty() && !IsUuid(secret.client_id)) {
      return Bad(secret.position, "the clientID of secret '{}' is no UUID", secret.id);
    }
    if (!secrets_.insert(secret.id).second) return Bad(secret.position, "there are two secrets '{}'", secret.id);
    return Status();
  }

  Status Volume(const RawVolume& volume) {
    const std::string& name = volume.name.value;
    if (name.empty()) return Bad(volume.position, "a volume has no name");
    if (!IsWord(name, "-_")) {
      return Bad(volume.name.position, "the name '{}' of a volume may have letters, digits, '-' and '_'", name);
    }
    if (!volumes_.insert(name).second) return Bad(volume.name.position, "there are two volumes '{}'", name);
    if (!volume.has_secret)
      return Bad(volume.position, "the volume '{}' has no 'secret', the only source of files", name);
    if (volume.secret.empty()) return Bad(volume.position, "the 'secret' of volume '{}' has no files", name);
    for (const auto& [file, text] : volume.secret) {
      if (file.value.empty()) return Bad(file.position, "a file of volume '{}' has no name", name);
      if (!IsWord(file.value, "-_.") || file.value == "." || file.value == "..") {
        return Bad(file.position, "the file '{}' of volume '{}' may have letters, digits, '-', '_' and '.' in its name",
                   file.value, name);
      }
    }
    return Status();
  }

  Status Mounts(const RawStep& step) const {
    std::set<std::string> paths;
    for (const RawMount& mount : step.volume_mounts) {
      if (mount.name.empty() || mount.mount_path.empty()) {
        return Bad(mount.position, "a mount needs both 'name' and 'mountPath'");
      }
      if (!volumes_.contains(mount.name)) {
        const std::vector<std::string_view> known(volumes_.begin(), volumes_.end());
        return Bad(mount.position, "the mount '{}' is no volume of the task{}", mount.name,
                   DidYouMean(mount.name, known));
      }
      if (!mount.mount_path.starts_with('/')) {
        return Bad(mount.position, "the mountPath '{}' is no absolute path", mount.mount_path);
      }
      if (!paths.insert(mount.mount_path).second) {
        return Bad(mount.position, "two mounts of a step have the path '{}'", mount.mount_path);
      }
    }
    return Status();
  }

  const RawTask& raw_;
  const std::string& file_;
  std::set<std::string> secrets_;
  std::set<std::string> volumes_;
};

}  // namespace

Status CheckSecretsAndVolumes(const RawTask& raw, const std::string& file) { return Checker(raw, file).Run(); }

}  // namespace slipway::task
