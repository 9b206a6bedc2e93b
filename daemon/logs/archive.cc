#include "daemon/logs/archive.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <set>

#include "daemon/logs/cache_steps.h"
#include "executor/base/fs.h"

namespace slipway::logs {

namespace {
// The files of a run: its id and one of these.
constexpr std::array<std::string_view, 4> kParts = {".log", ".events", ".cache", ".cache.new"};
}  // namespace

Result<std::unique_ptr<Archive>> Archive::Open(const std::string& folder, RecorderLimits limits) {
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(folder, 0700));
  return std::unique_ptr<Archive>(new Archive(folder, limits));
}

std::string Archive::PathOf(const std::string& run_id) const { return fs::Join(folder_, run_id); }

std::shared_ptr<RunFeed> Archive::Expect(const std::string& run_id) {
  auto open = open_.Lock();
  std::shared_ptr<RunFeed>& feed = (*open)[run_id];
  if (feed == nullptr) feed = std::make_shared<RunFeed>(PathOf(run_id), true);
  return feed;
}

void Archive::Close(const std::string& run_id) {
  std::shared_ptr<RunFeed> feed;
  {
    auto open = open_.Lock();
    const auto it = open->find(run_id);
    if (it == open->end()) return;
    feed = std::move(it->second);
    open->erase(it);
  }
  feed->Close();
}

std::shared_ptr<RunFeed> Archive::Read(const std::string& run_id) {
  auto open = open_.Lock();
  const auto it = open->find(run_id);
  return it != open->end() ? it->second : std::make_shared<RunFeed>(PathOf(run_id), false);
}

Status Archive::SaveCacheSteps(const std::string& run_id, const std::vector<CacheStep>& steps) const {
  // No sync: the end of the run does not wait for what only explains it. What loss of power leaves empty counts as
  // none.
  const std::string path = PathOf(run_id) + ".cache";
  const std::string aside = path + ".new";
  {
    SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd fd, fs::Open(aside, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    SLIPWAY_RETURN_IF_ERROR(fs::WriteAll(fd.get(), CacheStepsToJson(steps)).With(fmt::format("write '{}'", aside)));
  }
  return fs::Rename(aside, path);
}

Result<std::vector<CacheStep>> Archive::CacheSteps(const std::string& run_id) const {
  const std::string path = PathOf(run_id) + ".cache";
  if (!fs::Exists(path)) return std::vector<CacheStep>();
  SLIPWAY_ASSIGN_OR_RETURN(const std::string json, fs::ReadFile(path));
  if (json.empty()) return std::vector<CacheStep>();
  return CacheStepsFromJson(json).With(fmt::format("read '{}'", path));
}

Status Archive::Remove(const std::string& run_id) const {
  for (const std::string_view part : kParts) {
    SLIPWAY_RETURN_IF_ERROR(fs::RemoveAll(fmt::format("{}{}", PathOf(run_id), part)));
  }
  return Status();
}

Result<std::vector<std::string>> Archive::Recorded() const {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs::ListDir(folder_));
  std::set<std::string> ids;
  for (const std::string& name : names) {
    const size_t dot = name.find('.');
    if (dot != std::string::npos && std::find(kParts.begin(), kParts.end(), name.substr(dot)) != kParts.end()) {
      ids.insert(name.substr(0, dot));
    }
  }
  return std::vector<std::string>(ids.begin(), ids.end());
}

Result<std::unique_ptr<Recorder>> Archive::Record(const std::string& run_id,
                                                  std::shared_ptr<const secrets::Masker> masker) {
  return Recorder::Open(Expect(run_id), flusher_, std::move(masker), limits_).With(fmt::format("run '{}'", run_id));
}

}  // namespace slipway::logs
