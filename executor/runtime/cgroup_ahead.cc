#include "executor/runtime/cgroup_ahead.h"

#include <fcntl.h>
#include <unistd.h>

#include "executor/base/fs.h"
#include "executor/runtime/text.h"

namespace slipway::runtime {

std::string OwnMembersFile(const CgroupLayout& layout, std::string_view own) {
  if (layout.mode == CgroupMode::kNone) return "";
  for (const std::string_view line : SplitLines(own)) {
    // NUMBER:CONTROLLERS:PATH, where v2 has no controllers and a path may hold colons
    const size_t first = line.find(':');
    const size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const auto file_at = [&](const std::string& mount) {
      return fs::Join(mount + std::string(line.substr(second + 1)), "cgroup.procs");
    };
    if (layout.mode == CgroupMode::kV2) {
      if (controllers.empty()) return file_at(layout.mounts.at(""));
      continue;
    }
    for (const std::string_view controller : Split(controllers, ',')) {
      if (layout.Has(controller)) return file_at(layout.mounts.find(controller)->second);
    }
  }
  return "";
}

CgroupAhead::CgroupAhead(const CgroupLayout& layout)
    : file_(OwnMembersFile(layout, fs::ReadFile("/proc/self/cgroup").ValueOr(""))) {
  if (!file_.empty()) worker_ = std::thread([this] { Work(); });
}

CgroupAhead::~CgroupAhead() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (worker_.joinable()) worker_.join();
}

void CgroupAhead::Expect() {
  {
    const std::lock_guard lock(mutex_);
    expected_ = true;
  }
  changed_.notify_all();
}

void CgroupAhead::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || expected_; });
    if (stopping_) return;
    expected_ = false;
    lock.unlock();
    // 0 is the process that writes. Where it is refused, the start takes its time as before.
    if (const auto file = fs::Open(file_, O_WRONLY); file.ok()) (void)!::write(file->get(), "0", 1);
    lock.lock();
  }
}

}  // namespace slipway::runtime
