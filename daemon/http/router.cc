#include "daemon/http/router.h"

#include <algorithm>
#include <optional>

#include "executor/base/ascii.h"

namespace slipway::web {

namespace {

std::vector<std::string> Split(std::string_view path) {
  std::vector<std::string> out;
  if (path.starts_with('/')) path.remove_prefix(1);
  while (true) {
    const size_t slash = path.find('/');
    out.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return out;
    path.remove_prefix(slash + 1);
  }
}

bool IsParam(std::string_view element) { return element.starts_with('{') && element.ends_with('}'); }

std::optional<std::map<std::string, std::string>> Fit(const std::vector<std::string>& route,
                                                      const std::vector<std::string>& path) {
  if (route.size() != path.size()) return std::nullopt;
  std::map<std::string, std::string> params;
  for (size_t i = 0; i < route.size(); ++i) {
    if (!IsParam(route[i])) {
      if (route[i] != path[i]) return std::nullopt;
      continue;
    }
    if (path[i].empty()) return std::nullopt;
    params[route[i].substr(1, route[i].size() - 2)] = path[i];
  }
  return params;
}

}  // namespace

std::string_view Request::header(std::string_view name) const {
  const std::string lower = LowerAscii(name);
  const auto found = headers.find(lower);
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

Response TextResponse(int status, std::string line) {
  Response out;
  out.status = status;
  out.body = std::move(line) + "\n";
  return out;
}

void Router::Add(std::string method, std::string path, uint64_t max_body_bytes, Handler handler, Check check) {
  routes_.push_back({std::move(method), Split(path), max_body_bytes, std::move(handler), std::move(check)});
}

Router::Match Router::Find(std::string_view method, std::string_view path) const {
  Match out;
  const std::vector<std::string> elements = Split(path);
  for (const Route& route : routes_) {
    auto params = Fit(route.elements, elements);
    if (!params) continue;
    if (route.method == method || (method == "HEAD" && route.method == "GET")) {
      return {.handler = &route.handler,
              .max_body_bytes = route.max_body_bytes,
              .params = *std::move(params),
              .check = route.check ? &route.check : nullptr,
              .allow = ""};
    }
    out.allow += (out.allow.empty() ? "" : ", ") + route.method;
  }
  return out;
}

}  // namespace slipway::web
