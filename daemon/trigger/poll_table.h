// PollTable: which image is looked up when, at its registry. A value without threads and clock: it is told the time.
//
// Each image comes once in an interval, a quarter of it earlier or later by chance, so that many do not come at once.
// One that fails comes later and later, up to 32 intervals; where the registry says that it is asked too often, so do
// all images of that registry. What is held of an image is its row here.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "executor/base/status.h"

namespace slipway::trigger {

class PollTable {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Image {
    std::string registry;
    std::string repository;
    std::string tag;
    auto operator<=>(const Image&) const = default;
  };

  /// `random` gives numbers from 0 up to 1.
  PollTable(std::chrono::nanoseconds interval, std::function<double()> random)
      : interval_(interval), random_(std::move(random)) {}

  /// These and no others are looked up from now on. New ones come first within `spread`, at random.
  void Watch(const std::vector<Image>& images, Time now, std::chrono::nanoseconds spread);
  /// Those whose time has come, each with its next time set.
  std::vector<Image> TakeDue(Time now);
  void Found(const Image& image);
  void Failed(const Image& image, Code code, Time now);

  /// nullopt if nothing is watched.
  std::optional<Time> Next() const;
  size_t size() const { return rows_.size(); }

 private:
  struct Row {
    Time next;
    int failures = 0;
  };
  std::chrono::nanoseconds Part(std::chrono::nanoseconds whole, double least, double more) const;

  std::chrono::nanoseconds interval_;
  std::function<double()> random_;
  std::map<Image, Row> rows_;
};

}  // namespace slipway::trigger
