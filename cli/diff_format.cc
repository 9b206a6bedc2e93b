#include "cli/diff_format.h"

#include <nlohmann/json.hpp>

#include "cli/text_width.h"
#include "executor/base/utf8.h"

namespace slipway::cli {

namespace {

namespace v1 = ::slipway::v1;

// What an image says has no power over the terminal, and stays on its line.
std::string OneLine(std::string_view text) { return fmt::format("{}", fmt::join(HarmlessLines(text), "\\n")); }

std::string Where(const v1::ImageDifference& difference) {
  std::string text = difference.part();
  if (!difference.layer().empty()) text += " " + difference.layer();
  return text + " " + OneLine(difference.name());
}

}  // namespace

std::string DifferenceLine(const v1::ImageDifference& difference) {
  const bool both = difference.has_first() && difference.has_second();
  const std::string where = Where(difference);
  if (!difference.aspect().empty()) {
    const auto side = [](bool there, const std::string& text) { return there ? OneLine(text) : std::string("(none)"); };
    const std::string aspect = difference.aspect() == "value" ? "" : " " + OneLine(difference.aspect());
    return fmt::format("~ {}{}: {} -> {}\n", where, aspect, side(difference.has_first(), difference.first()),
                       side(difference.has_second(), difference.second()));
  }
  const std::string& text = difference.has_first() ? difference.first() : difference.second();
  return fmt::format("{} {}: {}\n", both ? '~' : difference.has_first() ? '-' : '+', where, OneLine(text));
}

std::string DiffEnd(const v1::DiffSummary& summary) {
  if (summary.same()) return fmt::format("The images are the same: {}\n", summary.first_digest());
  std::string text = fmt::format("{} between {} and {}\n", Counted(summary.differences(), "difference"),
                                 summary.first_digest(), summary.second_digest());
  if (summary.omitted() > 0) text += fmt::format("{} not shown; see --limit\n", summary.omitted());
  return text;
}

nlohmann::ordered_json DifferenceJson(const v1::ImageDifference& difference) {
  nlohmann::ordered_json json;
  json["part"] = difference.part();
  json["name"] = utf8::Repair(difference.name());
  if (!difference.layer().empty()) json["layer"] = difference.layer();
  if (!difference.aspect().empty()) json["aspect"] = difference.aspect();
  if (difference.has_first()) json["first"] = utf8::Repair(difference.first());
  if (difference.has_second()) json["second"] = utf8::Repair(difference.second());
  return json;
}

std::string DiffJson(nlohmann::ordered_json differences, const v1::DiffSummary& summary) {
  nlohmann::ordered_json json;
  json["same"] = summary.same();
  json["first"] = summary.first_digest();
  json["second"] = summary.second_digest();
  json["count"] = summary.differences();
  json["omitted"] = summary.omitted();
  json["differences"] = std::move(differences);
  return json.dump(2) + "\n";
}

}  // namespace slipway::cli
