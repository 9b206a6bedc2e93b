#include "daemon/store/run_list.h"

#include <vector>

namespace slipway::store {

namespace {

// The condition through whose index a list is read; the first one that there is, most selective first.
enum class Lead { kImage, kTask, kTime, kTrigger, kState, kType, kArchived, kNone };

Lead LeadOf(const RunFilter& filter) {
  if (filter.output_image) return Lead::kImage;
  if (!filter.task.empty()) return Lead::kTask;
  if (filter.create_time_from || filter.create_time_before) return Lead::kTime;
  if (!filter.triggers.empty()) return Lead::kTrigger;
  if (!filter.states.empty()) return Lead::kState;
  if (filter.type) return Lead::kType;
  if (filter.archived.value_or(false)) return Lead::kArchived;
  return Lead::kNone;
}

// The values of a condition that names several, as SQL.
std::vector<std::string> Values(const RunFilter& filter, Lead condition) {
  std::vector<std::string> out;
  if (condition == Lead::kState) {
    for (const RunState state : filter.states) out.push_back(fmt::format("'{}'", StateName(state)));
  } else if (condition == Lead::kTrigger) {
    for (const RunTrigger::Kind kind : filter.triggers) out.push_back(std::to_string(static_cast<int>(kind)));
  }
  return out;
}

// Conditions on the run itself but for `lead`, in a form that no index is used for.
std::string Others(const RunFilter& filter, Lead lead) {
  std::string out;
  const auto among = [&](Lead condition, std::string_view expression) {
    const std::vector<std::string> values = Values(filter, condition);
    if (values.empty() || lead == condition) return;
    out += fmt::format(" AND {} IN ({})", expression, fmt::join(values, ", "));
  };
  if (!filter.task.empty() && lead != Lead::kTask) out += " AND (task || '') = ?9 COLLATE NOCASE";
  if (lead != Lead::kTime) {
    if (filter.create_time_from) out += " AND (create_time + 0) >= ?3";
    if (filter.create_time_before) out += " AND (create_time + 0) < ?4";
  }
  among(Lead::kTrigger, "(trigger_kind + 0)");
  among(Lead::kState, "(state || '')");
  if (filter.type && lead != Lead::kType) out += " AND (type || '') = ?2";
  if (filter.archived && lead != Lead::kArchived) {
    out += fmt::format(" AND (is_archived + 0) = {}", *filter.archived ? 1 : 0);
  }
  return out;
}

// Conditions on an image, under the name of its table.
std::string OfImage(const Image& image, std::string_view table, bool is_lead) {
  // One digest is in fewer runs than one repository.
  const bool by_digest = is_lead && !image.digest.empty();
  const auto column = [&](std::string_view name) {
    return by_digest ? fmt::format("({}.{} || '')", table, name) : fmt::format("{}.{}", table, name);
  };
  std::string out = column("repository") + " = ?5";
  if (!image.registry.empty()) out += fmt::format(" AND {}.registry = ?6", table);
  if (!image.tag.empty()) out += fmt::format(" AND {} = ?7", column("tag"));
  if (!image.digest.empty()) out += fmt::format(" AND {}.digest = ?8", table);
  return out;
}

// A run may have several images that fit; the first of them stands for it.
std::string ByImage(const RunFilter& filter, std::string_view columns) {
  return fmt::format(
      "SELECT {} FROM run_image i CROSS JOIN run WHERE run.number = i.run_number AND {} AND i.run_number < ?1 AND NOT "
      "EXISTS (SELECT 1 FROM run_image e WHERE e.run_number = i.run_number AND e.position < i.position AND {}){} "
      "ORDER BY i.run_number DESC LIMIT ?11",
      columns, OfImage(*filter.output_image, "i", true), OfImage(*filter.output_image, "e", false),
      Others(filter, Lead::kImage));
}

// The start is never later than the upper bound, so that there is one range only.
std::string ByTime(const RunFilter& filter, std::string_view columns) {
  return fmt::format(
      "SELECT {} FROM run WHERE (create_time, number) < (?10, ?1){}{} ORDER BY create_time DESC, number DESC LIMIT ?11",
      columns, filter.create_time_from ? " AND create_time >= ?3" : "", Others(filter, Lead::kTime));
}

std::string ByNumber(std::string_view columns, std::string_view lead, std::string_view others) {
  return fmt::format("SELECT {} FROM run WHERE {}number < ?1{} ORDER BY number DESC LIMIT ?11", columns, lead, others);
}

// Of each value the newest, and of these the newest.
std::string ByValues(std::string_view column, const std::vector<std::string>& values, std::string_view columns,
                     std::string_view others) {
  if (values.size() == 1) return ByNumber(columns, fmt::format("{} = {} AND ", column, values[0]), others);
  std::string all;
  for (size_t i = 0; i < values.size(); ++i) {
    all += fmt::format("{}SELECT number FROM ({}) AS v{}", i == 0 ? "" : " UNION ALL ",
                       ByNumber("number", fmt::format("{} = {} AND ", column, values[i]), others), i);
  }
  return fmt::format("SELECT {} FROM run WHERE number IN ({}) ORDER BY number DESC LIMIT ?11", columns, all);
}

}  // namespace

bool ListsByTime(const RunFilter& filter) { return LeadOf(filter) == Lead::kTime; }

ListStart FirstPage(const RunFilter& filter) {
  ListStart start;
  if (ListsByTime(filter) && filter.create_time_before)
    start = {.number = INT64_MIN, .time = *filter.create_time_before};
  return start;
}

std::string ListSql(const RunFilter& filter, std::string_view columns) {
  const Lead lead = LeadOf(filter);
  const std::string others = Others(filter, lead);
  switch (lead) {
    case Lead::kImage: return ByImage(filter, columns);
    case Lead::kTask: return ByNumber(columns, "task = ?9 COLLATE NOCASE AND ", others);
    case Lead::kTime: return ByTime(filter, columns);
    case Lead::kTrigger: return ByValues("trigger_kind", Values(filter, lead), columns, others);
    case Lead::kState: return ByValues("state", Values(filter, lead), columns, others);
    case Lead::kType: return ByNumber(columns, "type = ?2 AND ", others);
    case Lead::kArchived: return ByNumber(columns, "is_archived = 1 AND ", others);
    case Lead::kNone: return ByNumber(columns, "", others);
  }
  return "";
}

}  // namespace slipway::store
