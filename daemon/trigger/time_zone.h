// TimeZone: from wall clocks to moments and back, by the machine's tz database.
//
// And the occurrences of a schedule in a zone, through changes of the clocks:
// - where a clock jumps forward, a schedule with fixed hours that names a time in the gap happens once, when the gap
//   ends; one of every hour simply goes on;
// - where a clock is turned back, fixed hours happen at the first of the two; every hour happens in both.
// Immutable; thread-safe.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/trigger/cron.h"
#include "executor/base/clock.h"
#include "executor/base/status.h"

namespace date {
class time_zone;
}

namespace slipway::trigger {

class TimeZone {
 public:
  static TimeZone Utc() { return TimeZone(); }
  /// "Europe/Berlin", "UTC", "" (UTC). INVALID_ARGUMENT for a zone that the tz database does not have;
  /// FAILED_PRECONDITION if the machine has no such database.
  static Result<TimeZone> Find(std::string_view name);

  /// "UTC" for UTC.
  const std::string& name() const { return name_; }
  CivilMinute ToCivil(SystemTime time) const;

  /// How a wall-clock time stands to the zone's clock.
  struct Moments {
    SystemTime first;   ///< of a time in a gap: when the gap ends
    SystemTime second;  ///< of a time that comes twice: the second; else as first
    bool in_gap = false;
  };
  Moments ToSystem(const CivilMinute& civil) const;
  /// Whether the zone's clock is changed within `span` after `from`.
  bool ChangesWithin(SystemTime from, std::chrono::seconds span) const;

 private:
  TimeZone() = default;
  const date::time_zone* zone_ = nullptr;  // null is UTC; the database lives as long as the program
  std::string name_ = "UTC";
};

/// The first occurrence after `after`; nullopt if the schedule never comes.
std::optional<SystemTime> NextOccurrence(const CronSchedule& schedule, const TimeZone& zone, SystemTime after);

}  // namespace slipway::trigger
