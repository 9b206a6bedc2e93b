#include "steps/template/template.h"

#include "steps/template/data_value.h"
#include "steps/template/execute.h"
#include "steps/template/parse.h"
#include "steps/template/workspace.h"

namespace slipway::run_template {

namespace {

// ACR takes these words out wherever they come from; a value that a user spells so is lost there, too.
std::string WithoutNoValue(std::string text) {
  constexpr std::string_view kNoValue = "<no value>";
  size_t at = text.find(kNoValue);
  if (at == std::string::npos) return text;
  std::string out;
  size_t from = 0;
  for (; at != std::string::npos; at = text.find(kNoValue, from)) {
    out.append(text, from, at - from);
    from = at + kNoValue.size();
  }
  return out.append(text, from);
}

}  // namespace

Result<Template> Template::Parse(std::string_view name, std::string_view text) {
  SLIPWAY_ASSIGN_OR_RETURN(std::shared_ptr<const TemplateSet> set, ParseTemplate(name, text));
  return Template(std::move(set));
}

Result<std::string> Template::Execute(const Context& ctx, const Data& data, const Limits& limits) const {
  SLIPWAY_RETURN_IF_ERROR(ctx.Err());
  Workspace work(ctx, limits);
  const Value root = ToValue(work, data);
  SLIPWAY_RETURN_IF_ERROR(work.status().With(set_->name));
  SLIPWAY_ASSIGN_OR_RETURN(std::string out, ExecuteTemplate(*set_, root, limits, work));
  return WithoutNoValue(std::move(out));
}

Result<std::string> Render(const Context& ctx, std::string_view name, std::string_view text, const Data& data,
                           const Limits& limits) {
  SLIPWAY_ASSIGN_OR_RETURN(const Template parsed, Template::Parse(name, text));
  return parsed.Execute(ctx, data, limits);
}

}  // namespace slipway::run_template
