#include "steps/template/run_values.h"

#include <fmt/chrono.h>

#include <array>

#include "executor/base/near_miss.h"
#include "steps/template/parse.h"
#include "steps/template/template.h"

namespace slipway::run_template {

namespace {

constexpr std::array<std::string_view, 15> kKnown = {
    ".Run.ID",           ".Run.Registry",    ".Run.RegistryName", ".Run.Date",      ".Run.OS",
    ".Run.Architecture", ".Run.TaskName",    ".Run.Commit",       ".Run.Branch",    ".Run.GitTag",
    ".Run.Repository",   ".Run.TriggeredBy", ".Run.SharedVolume", ".Run.OSVersion", ".Build.ID"};

// A quick build has no values: a field that no run has is a slip, and nothing in its place would be the wrong name.
Status CheckFields(const TemplateSet& set, const Node& node) {
  if (node.type == NodeType::kField) {
    const std::string shown = ToString(node);
    if (std::find(kKnown.begin(), kKnown.end(), shown) == kKnown.end()) {
      return InvalidArgument("{}: '{}' is not known here{}", Location(set.name, set.text, node.pos), shown,
                             DidYouMean(shown, kKnown));
    }
  }
  for (const NodePtr& child : node.children) SLIPWAY_RETURN_IF_ERROR(CheckFields(set, *child));
  for (const NodePtr* part : {&node.pipe, &node.list, &node.else_list}) {
    if (*part) SLIPWAY_RETURN_IF_ERROR(CheckFields(set, **part));
  }
  return {};
}

}  // namespace

std::string FormatRunDate(SystemTime time) {
  return fmt::format("{:%Y%m%d-%H%M%S}z", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

Result<std::string> Render(std::string_view text, const RunValues& values) {
  // What most are, and what an argument with braces that are no template's must stay.
  if (text.find("{{") == std::string_view::npos) return std::string(text);
  SLIPWAY_ASSIGN_OR_RETURN(const std::shared_ptr<const TemplateSet> set, ParseTemplate("template", text));
  for (const auto& [name, root] : set->templates) SLIPWAY_RETURN_IF_ERROR(CheckFields(*set, *root));
  return Render(Context::Background(), "template", text,
                Data{.run = values, .values = nlohmann::json::object(), .secrets = {}});
}

}  // namespace slipway::run_template
