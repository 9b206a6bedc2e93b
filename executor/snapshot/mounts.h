// Mounts: overlay mounts owned by an object, and the kernel's mount table.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"

namespace slipway::snapshot {

/// A mount that is taken away when the object goes. Move-only.
class ScopedMount {
 public:
  ScopedMount() = default;
  ScopedMount(ScopedMount&& other) noexcept;
  ScopedMount& operator=(ScopedMount&& other) noexcept;
  /// Unmounts; what is still in use is detached, so that nothing stays visible. Failure is logged.
  ~ScopedMount();

  const std::string& path() const { return path_; }
  /// As the destructor, but tells what went wrong. A busy mount is waited for a little, then detached.
  Status Unmount();

 private:
  friend Result<ScopedMount> MountOverlay(const std::vector<std::string>&, const std::string&, const std::string&,
                                          const std::string&);
  explicit ScopedMount(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

/// Mounts an overlay on `target`. `lowers`: the topmost first, at least one. `upper` and `work` empty: read-only.
Result<ScopedMount> MountOverlay(const std::vector<std::string>& lowers, const std::string& upper,
                                 const std::string& work, const std::string& target);

/// Mount points at or below `path`, in the order in which they were mounted.
Result<std::vector<std::string>> MountsBelow(const std::string& path);

}  // namespace slipway::snapshot
