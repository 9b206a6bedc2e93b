// GitRepository: a repository made by the git program in a folder of its own. GitServer: an HTTP server that gives
// repositories out, by `git http-backend` or as static files, with a password if asked for.
//
// Helpers fail the running test when git does. Repositories live in the server's folder (or one of their own) and are
// removed with it. Not thread-safe, but for the server's own threads.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "executor/base/fs.h"
#include "executor/base/status.h"
#include "tests/testing/scripted_http_server.h"

namespace slipway::testing {

/// "" if git is here, else the reason why the test cannot run; for GTEST_SKIP.
std::string WhyNoGit();

class GitRepository {
 public:
  /// Makes one with files, on branch "main".
  explicit GitRepository(std::string folder);

  const std::string& folder() const { return folder_; }
  /// Runs git there; what it printed, without the last newline.
  std::string Git(const std::vector<std::string>& arguments) const;
  /// Writes files (folders are made).
  void Write(const std::string& path, const std::string& text, bool executable = false) const;
  void Link(const std::string& path, const std::string& target) const;
  void Remove(const std::string& path) const;
  /// Commits all that is there; the commit's id. Each commit is made a minute after the one before, from 2020-09-13 on.
  std::string Commit(const std::string& message);
  /// `git update-server-info`, for static serving.
  void UpdateServerInfo() const { Git({"update-server-info"}); }

 private:
  std::string folder_;
  int commits_ = 0;
};

struct GitServerOptions {
  std::string user;  ///< with `password`: asked of everybody
  std::string password;
  bool static_files = false;  ///< no http-backend
};

class GitServer {
 public:
  explicit GitServer(const GitServerOptions& options = {});

  /// A new repository that is served as Url(name); `name` is like "x.git".
  GitRepository Add(const std::string& name) { return GitRepository(dir_.path() + "/" + name); }
  std::string Url(const std::string& name) const { return server_->Url("/" + name); }
  /// With credentials: "http://user:password@host/name".
  std::string Url(const std::string& name, const std::string& userinfo) const {
    return "http://" + userinfo + "@" + server_->host() + "/" + name;
  }
  std::string folder() const { return dir_.path(); }

  std::vector<std::string> lines() const { return server_->lines(); }
  size_t requests() const { return server_->requests().size(); }
  /// Answers before these lines ("GET /x.git/info/refs…") with a redirect to another address: prefix to prefix.
  std::map<std::string, std::string> redirects;
  /// The next so many requests are answered with HTTP 503.
  std::atomic<int> failures = 0;

 private:
  ScriptedReply Answer(const ScriptedRequest& request);
  ScriptedReply RunBackend(const ScriptedRequest& request, const std::string& path, const std::string& query) const;
  ScriptedReply SendFile(const std::string& path) const;

  GitServerOptions options_;
  fs::TempDir dir_;
  std::unique_ptr<ScriptedHttpServer> server_;
};

}  // namespace slipway::testing
