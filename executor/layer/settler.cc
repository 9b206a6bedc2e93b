#include "executor/layer/settler.h"

#include <fcntl.h>

#include <chrono>
#include <utility>

#include "executor/base/fs.h"
#include "executor/base/log.h"
#include "executor/layer/archive.h"

namespace slipway::layer {

namespace {
constexpr std::chrono::seconds kGather{1};

UniqueFd OpenFolder(const std::string& path) {
  Result<UniqueFd> fd = fs::Open(path, O_RDONLY | O_DIRECTORY);
  return fd.ok() ? *std::move(fd) : UniqueFd();
}

}  // namespace

Settler::Settler(std::string root, Records& records, std::string life)
    : root_(std::move(root)),
      held_(OpenFolder(root_)),
      records_(records),
      life_(std::move(life)),
      waiting_("settle", kGather, [this](const std::vector<bool>&) {
        if (const Status status = SettleNow(); !status.ok()) {
          spdlog::warn("bring folders of layers to the disk: {}; the next daemon makes them again", status.message());
        }
      }) {}

Status Settler::Begin() {
  SLIPWAY_RETURN_IF_ERROR(records_.ForgetUnsettled(life_));
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> left, records_.Unsettled());
  if (!left.empty()) Wake();
  return Status();
}

Result<std::string> Settler::Mark() {
  if (life_.empty()) SLIPWAY_RETURN_IF_ERROR(Sync());
  return life_;
}

Status Settler::Sync() const { return held_.valid() ? SyncFolders(held_.get(), root_) : SyncFolders(root_); }

// What is recorded after the question was whole before the sync, or waits for the next one.
Status Settler::SettleNow() {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> folders, records_.Unsettled());
  if (folders.empty()) return Status();
  Status synced = failed_ ? Status() : Sync();
  failed_ = failed_ || !synced.ok();
  SLIPWAY_RETURN_IF_ERROR(failed_ ? records_.Doubt(folders) : records_.Settle(folders));
  // What was recorded meanwhile may be what could not be written.
  if (!synced.ok()) Wake();
  return synced;
}

}  // namespace slipway::layer
