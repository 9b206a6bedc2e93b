// sprig's functions on slash-separated paths and on URLs.
#include "executor/base/fs.h"
#include "steps/template/functions.h"
#include "steps/template/url.h"

namespace slipway::run_template {

namespace {

Result<Value> Base(const Call& call) {
  std::string_view path = call.text(0);
  if (path.empty()) return Value::Text(".");
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.empty()) return Value::Text("/");
  return Value::Text(path.substr(path.rfind('/') + 1));  // npos + 1 is 0
}

Result<Value> Dir(const Call& call) {
  return call.Text(fs::Clean(call.text(0).substr(0, call.text(0).rfind('/') + 1)));
}
Result<Value> Clean(const Call& call) { return call.Text(fs::Clean(call.text(0))); }

Result<Value> Ext(const Call& call) {
  const std::string_view name = call.text(0).substr(call.text(0).rfind('/') + 1);
  const size_t dot = name.rfind('.');
  return Value::Text(dot == std::string_view::npos ? "" : name.substr(dot));
}

Result<Value> IsAbs(const Call& call) { return Value::Bool(call.text(0).starts_with('/')); }

Result<Value> UrlParse(const Call& call) {
  SLIPWAY_ASSIGN_OR_RETURN(const Url url, ParseUrl(call.text(0)));
  const Value out = call.work.NewDict();
  const auto set = [&](std::string_view key, std::string text) {
    call.work.Set(out.dict(), key, call.Text(std::move(text)));
  };
  set("scheme", url.scheme);
  set("host", url.host);
  set("hostname", url.Hostname());
  set("path", url.path);
  set("query", url.query);
  set("opaque", url.opaque);
  set("fragment", url.fragment);
  set("userinfo", url.userinfo.value_or(""));
  return out;
}

Result<std::string> Part(Workspace& work, const Value& dict, std::string_view key) {
  constexpr size_t kEscaped = 3;  // bytes of "%2F"
  if (dict.IsNil()) return std::string();
  const auto found = dict.dict().items.find(key);
  if (found == dict.dict().items.end()) return std::string();
  if (found->second.kind() != Kind::kString) {
    return InvalidArgument("unable to parse {} key, must be of type string, but {} found", key,
                           KindName(found->second));
  }
  const std::string_view text = found->second.text();
  if (!work.SpendBytes(text.size()) || !work.Reserve(text.size() * kEscaped)) return work.status();
  return std::string(text);
}

Result<Value> UrlJoin(const Call& call) {
  Url url;
  SLIPWAY_ASSIGN_OR_RETURN(url.scheme, Part(call.work, call[0], "scheme"));
  SLIPWAY_ASSIGN_OR_RETURN(url.host, Part(call.work, call[0], "host"));
  SLIPWAY_ASSIGN_OR_RETURN(url.path, Part(call.work, call[0], "path"));
  SLIPWAY_ASSIGN_OR_RETURN(url.query, Part(call.work, call[0], "query"));
  SLIPWAY_ASSIGN_OR_RETURN(url.opaque, Part(call.work, call[0], "opaque"));
  SLIPWAY_ASSIGN_OR_RETURN(url.fragment, Part(call.work, call[0], "fragment"));
  SLIPWAY_ASSIGN_OR_RETURN(const std::string userinfo, Part(call.work, call[0], "userinfo"));
  if (!userinfo.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(url.userinfo, CleanUserinfo(userinfo).With("unable to parse userinfo in dict"));
  }
  return call.Text(url.ToString());
}

constexpr std::array kFunctions = {
    Function{"base", Base, {Type::kString}},     Function{"dir", Dir, {Type::kString}},
    Function{"clean", Clean, {Type::kString}},   Function{"ext", Ext, {Type::kString}},
    Function{"isAbs", IsAbs, {Type::kString}},   Function{"urlParse", UrlParse, {Type::kString}},
    Function{"urlJoin", UrlJoin, {Type::kDict}},
};

}  // namespace

std::span<const Function> PathFunctions() { return kFunctions; }

}  // namespace slipway::run_template
