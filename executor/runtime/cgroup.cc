#include "executor/runtime/cgroup.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "executor/base/fs.h"
#include "executor/runtime/text.h"

namespace slipway::runtime {

namespace {

constexpr std::string_view kLimiting[] = {"memory", "cpu", "cpuset", "pids"};

bool IsLimiting(std::string_view controller) {
  return std::find(std::begin(kLimiting), std::end(kLimiting), controller) != std::end(kLimiting);
}

// cgroup files are small; what cannot be read is taken as empty.
std::string Slurp(const std::string& path) { return fs::ReadFile(path, 1U << 20).ValueOr(""); }

// The folders at and below `root`, deepest first.
void CollectDeepestFirst(const std::string& root, int depth, std::vector<std::string>& out) {
  constexpr int kDeepest = 32;
  if (depth > kDeepest) return;
  auto names = fs::ListDir(root);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    const std::string path = fs::Join(root, name);
    struct stat st {};
    if (::lstat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode)) CollectDeepestFirst(path, depth + 1, out);
  }
  out.push_back(root);
}

void KillMembers(const std::string& folder) {
  const std::string members = Slurp(fs::Join(folder, "cgroup.procs"));
  for (const std::string_view line : SplitWords(members)) {
    pid_t pid = 0;
    std::from_chars(line.data(), line.data() + line.size(), pid);
    if (pid > 1) ::kill(pid, SIGKILL);
  }
}

// One round; true when nothing is left.
bool TryRemove(const std::string& root) {
  std::vector<std::string> folders;
  CollectDeepestFirst(root, 0, folders);
  bool gone = true;
  for (const std::string& folder : folders) {
    if (::rmdir(folder.c_str()) == 0 || errno == ENOENT) continue;
    KillMembers(folder);
    gone = gone && ::rmdir(folder.c_str()) == 0;
  }
  return gone;
}

uint64_t ReadCounter(const std::string& file, std::string_view key) {
  const std::string text = Slurp(file);
  for (const std::string_view line : SplitLines(text)) {
    const auto words = SplitWords(line);
    if (words.size() != 2 || words[0] != key) continue;
    uint64_t value = 0;
    std::from_chars(words[1].data(), words[1].data() + words[1].size(), value);
    return value;
  }
  return 0;
}

}  // namespace

std::string_view CgroupModeName(CgroupMode mode) {
  switch (mode) {
    case CgroupMode::kNone: return "none";
    case CgroupMode::kV1: return "v1";
    case CgroupMode::kV2: return "v2";
  }
  return "?";
}

CgroupLayout ParseCgroupLayout(std::string_view mountinfo, std::string_view v2_controllers) {
  CgroupLayout layout;
  for (const std::string_view line : SplitLines(mountinfo)) {
    // id parent major:minor root MOUNTPOINT options… - TYPE source SUPER-OPTIONS
    const auto words = SplitWords(line);
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (words.size() < 5 || words.end() - dash < 4) continue;
    const std::string mount_point(words[4]);
    if (dash[1] == "cgroup2") {
      layout.mounts[""] = mount_point;
    } else if (dash[1] == "cgroup") {
      for (const std::string_view option : Split(dash[3], ',')) {
        if (IsLimiting(option)) layout.controllers.emplace(option);
        if (option != "rw" && option != "ro") layout.mounts.emplace(option, mount_point);
      }
    }
  }
  if (!layout.controllers.empty()) {
    layout.mode = CgroupMode::kV1;
  } else if (layout.mounts.contains("")) {
    layout.mode = CgroupMode::kV2;
    for (const std::string_view controller : SplitWords(v2_controllers)) {
      if (IsLimiting(controller)) layout.controllers.emplace(controller);
    }
  }
  return layout;
}

CgroupLayout DetectCgroups() {
  const std::string mountinfo = fs::ReadFile("/proc/self/mountinfo").ValueOr("");
  CgroupLayout layout = ParseCgroupLayout(mountinfo, "");
  if (layout.mode != CgroupMode::kV2) return layout;
  return ParseCgroupLayout(mountinfo, Slurp(fs::Join(layout.mounts[""], "cgroup.controllers")));
}

uint64_t OomKills(const CgroupLayout& layout, const std::string& path) {
  if (layout.mode == CgroupMode::kV2) {
    return ReadCounter(fs::Join(fs::Join(layout.mounts.at(""), path), "memory.events"), "oom_kill");
  }
  const auto memory = layout.mounts.find("memory");
  if (memory == layout.mounts.end()) return 0;
  return ReadCounter(fs::Join(fs::Join(memory->second, path), "memory.oom_control"), "oom_kill");
}

Status RemoveCgroups(const Context& ctx, const CgroupLayout& layout, const std::string& path,
                     std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::set<std::string> roots;  // two controllers may share one mount
  for (const auto& [controller, mount_point] : layout.mounts) roots.insert(fs::Join(mount_point, path));
  for (const std::string& root : roots) {
    // A killed process leaves its group a moment later.
    while (fs::Exists(root) && !TryRemove(root)) {
      if (std::chrono::steady_clock::now() > deadline)
        return DeadlineExceeded("remove cgroup '{}': still in use", root);
      SLIPWAY_RETURN_IF_ERROR(ctx.Sleep(std::chrono::milliseconds(10)));
    }
  }
  return Status();
}

}  // namespace slipway::runtime
