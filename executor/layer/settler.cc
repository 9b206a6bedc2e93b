#include "executor/layer/settler.h"

#include <chrono>
#include <utility>

#include "executor/base/fs.h"
#include "executor/base/log.h"
#include "executor/layer/archive.h"

namespace slipway::layer {

namespace {
constexpr std::chrono::seconds kGather{1};
}

Settler::Settler(std::string root, Records& records, std::string boot)
    : root_(std::move(root)),
      records_(records),
      boot_(std::move(boot)),
      waiting_("settle", kGather, [this](const std::vector<bool>&) {
        // What cannot be settled stays marked, and is made again after the next loss of power.
        if (const Status status = SettleNow(); !status.ok()) {
          spdlog::warn("bring folders of layers to the disk: {}", status.message());
        }
      }) {}

Status Settler::Begin() {
  SLIPWAY_RETURN_IF_ERROR(records_.ForgetUnsettled(boot_));
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> left, records_.Unsettled());
  if (!left.empty()) Wake();
  return Status();
}

Result<std::string> Settler::Mark() {
  if (boot_.empty()) SLIPWAY_RETURN_IF_ERROR(SyncFolders(root_));
  return boot_;
}

// What is recorded after the question was whole before the sync, or waits for the next one.
Status Settler::SettleNow() {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> folders, records_.Unsettled());
  if (folders.empty()) return Status();
  SLIPWAY_RETURN_IF_ERROR(SyncFolders(root_));
  return records_.Settle(folders);
}

}  // namespace slipway::layer
