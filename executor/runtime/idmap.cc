#include "executor/runtime/idmap.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "executor/base/fs.h"

namespace slipway::runtime {

namespace {

// Where a path leads: a bind mount follows links, an idmapped one refuses them.
Result<std::string> RealPath(const std::string& path) {
  const std::unique_ptr<char, decltype(&::free)> real(::realpath(path.c_str(), nullptr), &::free);
  if (real == nullptr) return ErrnoStatus(errno, fmt::format("find '{}'", path));
  return std::string(real.get());
}

Status MakeTarget(const std::string& source, const std::string& target) {
  struct stat st {};
  if (::stat(source.c_str(), &st) != 0) return ErrnoStatus(errno, fmt::format("stat '{}'", source));
  if (S_ISDIR(st.st_mode)) return fs::MakeDirs(target);
  return fs::Open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0644).status();
}

}  // namespace

Result<IdMap> IdMap::Make(const std::vector<IdRange>& ranges) {
  IdMap map;
  map.ranges_ = ranges;
  SLIPWAY_ASSIGN_OR_RETURN(map.user_ns_, snapshot::MakeUserNamespace(ranges));
  return map;
}

Result<snapshot::ScopedMount> IdMap::Attach(const std::string& source, const std::string& target) const {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string real, RealPath(source));
  SLIPWAY_RETURN_IF_ERROR(MakeTarget(real, target));
  return snapshot::MountIdMapped(real, target, user_ns_.get(), snapshot::MountsBelow::kCome);
}

uint32_t IdMap::OnHost(uint32_t id) const {
  constexpr uint32_t kOverflow = 65534;
  for (const IdRange& r : ranges_) {
    if (id >= r.container && id - r.container < r.count) return r.host + (id - r.container);
  }
  return kOverflow;
}

Status IdMap::AsContainerRoot(const std::function<Status()>& work) const { return snapshot::AsOwner(OnHost(0), work); }

}  // namespace slipway::runtime
