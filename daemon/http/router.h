// Router: which handler answers a request, by method and path. Plain values; built once, then read by many threads.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::web {

struct Request {
  std::string method;
  std::string path;                           ///< decoded, without the query
  std::map<std::string, std::string> params;  ///< what stood in the place of "{name}" in the route
  std::map<std::string, std::string> query;
  std::map<std::string, std::string> headers;  ///< names in lower case; of one given twice, the first
  std::string body;

  /// By its name in any case; "" if it is not there.
  std::string_view header(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> headers;
};

/// A response whose body is one line.
Response TextResponse(int status, std::string line);

/// Answers at once: it runs in one of the listener's few threads.
using Handler = std::function<Response(const Request&)>;

/// Asked when the header is there and the body is not: what a request that cannot lead to anything is refused with.
using Check = std::function<std::optional<Response>(const Request&)>;

class Router {
 public:
  /// `path` like "/webhooks/git/{task}": "{x}" stands for one element, which is not empty. `max_body_bytes` bounds what
  /// is read for this route; 0 takes no body. `check` may be empty.
  void Add(std::string method, std::string path, uint64_t max_body_bytes, Handler handler, Check check = {});

  struct Match {
    const Handler* handler = nullptr;  ///< null: no route
    uint64_t max_body_bytes = 0;
    std::map<std::string, std::string> params;
    const Check* check = nullptr;  ///< null: none, or no route
    std::string allow;  ///< without a handler: the methods that the path has, "GET, POST"; "" if there is no such path
  };
  Match Find(std::string_view method, std::string_view path) const;

 private:
  struct Route {
    std::string method;
    std::vector<std::string> elements;
    uint64_t max_body_bytes = 0;
    Handler handler;
    Check check;
  };
  std::vector<Route> routes_;
};

}  // namespace slipway::web
