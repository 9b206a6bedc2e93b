#include "executor/layer/layout.h"

#include <unistd.h>

#include <atomic>
#include <chrono>

#include "executor/base/clock.h"
#include "executor/base/digest.h"
#include "executor/base/fs.h"

namespace slipway::layer {

namespace {
constexpr std::string_view kUppers = "uppers";
constexpr std::string_view kUnpacked = "unpacked";

std::string RandomName() {
  static std::atomic<uint64_t> counter{0};
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  const auto wall = Clock::Real().System().time_since_epoch().count();
  return Hasher()
      .Field(static_cast<uint64_t>(now))
      .Field(static_cast<uint64_t>(wall))
      .Field(static_cast<uint64_t>(::getpid()))
      .Field(++counter)
      .Finish()
      .hex()
      .substr(0, 24);
}
}  // namespace

Status Layout::Make() const {
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(root_, 0700));
  for (const std::string& folder : Swept()) SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(folder, 0700));
  return Status();
}

std::string Layout::Folder(std::string_view name) const { return fs::Join(root_, name); }
std::string Layout::Database() const { return Folder("layers.db"); }
std::string Layout::NewUpper() const { return fs::Join(Folder(kUppers), RandomName()); }
std::string Layout::NewUnpacked() const { return fs::Join(Folder(kUnpacked), RandomName()); }
std::array<std::string, 3> Layout::Swept() const { return {Folder(kUppers), Folder(kUnpacked), Temporary()}; }

}  // namespace slipway::layer
