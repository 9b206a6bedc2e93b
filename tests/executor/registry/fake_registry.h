// FakeRegistry: blobs and uploads of a registry in memory, with faults where a test wants them.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "executor/base/digest.h"
#include "executor/http/url.h"
#include "tests/testing/scripted_http_server.h"

namespace slipway::registry {

class FakeRegistry {
 public:
  using Request = ::slipway::testing::ScriptedRequest;
  using Reply = ::slipway::testing::ScriptedReply;
  using Server = ::slipway::testing::ScriptedHttpServer;

  struct Faults {
    /// An answer instead of the proper one.
    std::function<std::optional<Reply>(const Request&)> instead{};
    /// After the proper thing was done: close the connection instead of answering.
    std::function<bool(const Request&)> lose_answer{};
    /// Where to cut a request.
    Server::Interrupter interrupt{};
    /// Answers GET of an upload with 404.
    bool forget_uploads = false;
    /// Knows nothing of Range.
    bool no_ranges = false;
  };

  FakeRegistry() : FakeRegistry(Faults()) {}
  explicit FakeRegistry(Faults faults)
      : faults_(std::move(faults)), server_([this](const Request& r) { return Answer(r); }, faults_.interrupt) {}

  std::string host() const { return server_.host(); }
  const Server& server() const { return server_; }
  void PutBlob(const std::string& bytes) {
    std::lock_guard lock(mutex_);
    blobs_[Digest::Of(bytes).ToString()] = bytes;
  }
  std::optional<std::string> Blob(const Digest& digest) const {
    std::lock_guard lock(mutex_);
    const auto found = blobs_.find(digest.ToString());
    return found == blobs_.end() ? std::nullopt : std::optional(found->second);
  }
  size_t Count(std::string_view prefix) const {
    size_t count = 0;
    for (const std::string& line : server_.lines()) count += line.starts_with(prefix) ? 1 : 0;
    return count;
  }
  /// Bytes of request bodies that reached the server.
  size_t BytesReceived() const {
    size_t bytes = 0;
    for (const Request& request : server_.requests()) bytes += request.body.size();
    return bytes;
  }

 private:
  Reply Answer(const Request& request) {
    if (faults_.instead) {
      if (auto reply = faults_.instead(request)) return *reply;
    }
    Reply reply = Proper(request);
    if (faults_.lose_answer && faults_.lose_answer(request)) reply.drop = true;
    return reply;
  }

  Reply Proper(const Request& request) {
    std::lock_guard lock(mutex_);
    const std::string path = request.target.substr(0, request.target.find('?'));
    if (path == "/v2/") return Reply{};
    if (path.find("/blobs/uploads/") != std::string::npos) return AnswerUpload(request, path);
    if (path.find("/blobs/") != std::string::npos) return AnswerBlob(request, path);
    return Reply{.status = 404};
  }

  Reply AnswerBlob(const Request& request, const std::string& path) {
    const auto found = blobs_.find(path.substr(path.rfind('/') + 1));
    if (found == blobs_.end()) return Reply{.status = 404, .body = R"({"errors":[{"code":"BLOB_UNKNOWN"}]})"};
    const std::string_view range = request.headers.Get("Range");
    if (range.empty() || faults_.no_ranges) return Reply{.body = found->second};
    const size_t from = std::stoul(std::string(range.substr(6)));
    const auto told = fmt::format("bytes {}-{}/{}", from, found->second.size() - 1, found->second.size());
    return Reply{.status = 206, .headers = {{"Content-Range", told}}, .body = found->second.substr(from)};
  }

  Reply AnswerUpload(const Request& request, const std::string& path) {
    const std::string id = path.substr(path.rfind('/') + 1);
    if (request.method == "POST") {
      const std::string made = fmt::format("u{}", ++uploads_made_);
      uploads_[made] = "";
      return Reply{.status = 202, .headers = {{"Location", path + made + "?_state=secret"}}};
    }
    const auto found = uploads_.find(id);
    if (found == uploads_.end()) return Reply{.status = 404, .body = R"({"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]})"};
    std::string& bytes = found->second;
    const http::Headers state = {{"Location", path + "?_state=secret"},
                                 {"Range", fmt::format("0-{}", bytes.empty() ? 0 : bytes.size() - 1)}};
    if (request.method == "GET")
      return faults_.forget_uploads ? Reply{.status = 404} : Reply{.status = 204, .headers = state};
    if (request.method == "DELETE") {
      uploads_.erase(found);
      return Reply{.status = 204};
    }
    const std::string from(request.headers.Get("Content-Range"));
    if (!from.empty() && std::stoul(from) != bytes.size()) return Reply{.status = 416};
    bytes += request.body;
    if (request.method == "PATCH") return Reply{.status = 202, .headers = state};
    const size_t at = request.target.find("digest=");
    const std::string digest = at == std::string::npos ? "" : http::PercentDecode(request.target.substr(at + 7));
    if (!request.whole) return Reply{};
    if (Digest::Of(bytes).ToString() != digest) {
      return Reply{.status = 400, .body = R"({"errors":[{"code":"DIGEST_INVALID","message":"no match"}]})"};
    }
    blobs_[digest] = bytes;
    uploads_.erase(found);
    return Reply{.status = 201};
  }

  const Faults faults_;
  mutable std::mutex mutex_;
  std::map<std::string, std::string> blobs_;    // guarded by mutex_
  std::map<std::string, std::string> uploads_;  // guarded by mutex_
  int uploads_made_ = 0;                        // guarded by mutex_
  Server server_;                               // last: its threads use the others
};

}  // namespace slipway::registry
