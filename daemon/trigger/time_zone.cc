#include "daemon/trigger/time_zone.h"

#include <date/tz.h>

#include <stdexcept>

namespace slipway::trigger {

namespace {

using std::chrono::floor;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

date::local_time<minutes> ToLocal(const CivilMinute& civil) {
  const date::year_month_day day{date::year(civil.year), date::month(static_cast<unsigned>(civil.month)),
                                 date::day(static_cast<unsigned>(civil.day))};
  return date::local_days(day) + hours(civil.hour) + minutes(civil.minute);
}

CivilMinute FromLocal(date::local_time<minutes> local) {
  const auto midnight = floor<date::days>(local);
  const date::year_month_day day(midnight);
  const minutes rest = local - midnight;
  return {.year = static_cast<int>(day.year()),
          .month = static_cast<int>(static_cast<unsigned>(day.month())),
          .day = static_cast<int>(static_cast<unsigned>(day.day())),
          .hour = static_cast<int>(rest / hours(1)),
          .minute = static_cast<int>(rest % hours(1) / minutes(1))};
}

SystemTime AtOffset(date::local_time<minutes> local, seconds offset) {
  return SystemTime(std::chrono::duration_cast<SystemTime::duration>(local.time_since_epoch() - offset));
}

}  // namespace

Result<TimeZone> TimeZone::Find(std::string_view name) {
  TimeZone out;
  if (name.empty() || name == "UTC") return out;
  try {
    out.zone_ = date::locate_zone(std::string(name));
  } catch (const std::exception& error) {
    // The library throws the same for a missing database and for an unknown name.
    try {
      (void)date::locate_zone("Etc/UTC");
    } catch (const std::exception&) {
      return FailedPrecondition("time zone '{}': this machine has no tz database; install tzdata", name);
    }
    return InvalidArgument("time zone '{}' is not in the tz database; names are like 'Europe/Berlin' or 'UTC'",
                           name.substr(0, 100));
  }
  out.name_ = name;
  return out;
}

CivilMinute TimeZone::ToCivil(SystemTime time) const {
  const auto at = floor<minutes>(time);
  if (zone_ == nullptr) return FromLocal(date::local_time<minutes>(at.time_since_epoch()));
  const date::sys_info info = zone_->get_info(floor<seconds>(time));
  return FromLocal(floor<minutes>(date::local_time<seconds>(floor<seconds>(time).time_since_epoch() + info.offset)));
}

bool TimeZone::ChangesWithin(SystemTime from, std::chrono::seconds span) const {
  return zone_ != nullptr && zone_->get_info(floor<seconds>(from)).end <= floor<seconds>(from) + span;
}

TimeZone::Moments TimeZone::ToSystem(const CivilMinute& civil) const {
  const date::local_time<minutes> local = ToLocal(civil);
  if (zone_ == nullptr) {
    const SystemTime at = AtOffset(local, seconds(0));
    return {.first = at, .second = at};
  }
  const date::local_info info = zone_->get_info(local);
  if (info.result == date::local_info::nonexistent) {
    const SystemTime end(std::chrono::duration_cast<SystemTime::duration>(info.first.end.time_since_epoch()));
    return {.first = end, .second = end, .in_gap = true};
  }
  const bool twice = info.result == date::local_info::ambiguous;
  return {.first = AtOffset(local, info.first.offset),
          .second = AtOffset(local, twice ? info.second.offset : info.first.offset)};
}

std::optional<SystemTime> NextOccurrence(const CronSchedule& schedule, const TimeZone& zone, SystemTime after) {
  // Where clocks are turned back soon, minutes that the wall clock has passed may come again: then the search begins a
  // day earlier and takes the earliest moment that is later than `after`.
  const bool evenly = schedule.every_hour();
  const bool may_repeat = evenly && zone.ChangesWithin(after, hours(24));
  CivilMinute at = zone.ToCivil(may_repeat ? after - hours(24) : after);
  std::optional<SystemTime> best;
  while (const std::optional<CivilMinute> next = schedule.Next(at)) {
    at = *next;
    const TimeZone::Moments moments = zone.ToSystem(at);
    if (best && moments.first > *best) return best;
    if (moments.in_gap && evenly) continue;
    for (const SystemTime candidate : {moments.first, evenly ? moments.second : moments.first}) {
      if (candidate > after && (!best || candidate < *best)) best = candidate;
    }
    if (best && !may_repeat) return best;
  }
  return best;
}

}  // namespace slipway::trigger
