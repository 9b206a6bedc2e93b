#include "tests/testing/git_server.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>

#include "executor/base/process.h"
#include "executor/http/base64.h"

namespace slipway::testing {

namespace {
constexpr int64_t kFirstCommit = 1'600'000'000;
constexpr size_t kMostOutput = 512U << 20;

std::map<std::string, std::string> Environment(const std::string& home) {
  const char* path = std::getenv("PATH");
  return {{"PATH", path != nullptr ? path : "/usr/bin:/bin"},
          {"HOME", home},
          {"GIT_CONFIG_NOSYSTEM", "1"},
          {"GIT_CONFIG_GLOBAL", "/dev/null"},
          {"GIT_TERMINAL_PROMPT", "0"},
          {"LC_ALL", "C"},
          {"GIT_AUTHOR_NAME", "a"},
          {"GIT_AUTHOR_EMAIL", "a@b"},
          {"GIT_COMMITTER_NAME", "a"},
          {"GIT_COMMITTER_EMAIL", "a@b"}};
}

std::string RunGit(const std::string& folder, const std::vector<std::string>& arguments, int64_t time) {
  SpawnOptions spawn{.argv = {"git", "-c", "protocol.file.allow=always"}, .env = Environment(folder), .cwd = folder};
  spawn.argv.insert(spawn.argv.end(), arguments.begin(), arguments.end());
  (*spawn.env)["GIT_AUTHOR_DATE"] = fmt::format("{} +0000", time);
  (*spawn.env)["GIT_COMMITTER_DATE"] = fmt::format("{} +0000", time);
  const Context ctx = Context::Background().WithTimeout(std::chrono::seconds(60), "git");
  Result<RunOutput> run = RunProgram(ctx, std::move(spawn), {}, kMostOutput);
  if (!run.ok() || !run->exit.ok()) {
    ADD_FAILURE() << "git " << arguments.front() << ": " << (run.ok() ? run->err : run.status().message());
    return "";
  }
  if (run->out.ends_with('\n')) run->out.pop_back();
  return std::move(run->out);
}

ScriptedReply Reply(int status, std::string text) { return {.status = status, .body = std::move(text)}; }
}  // namespace

std::string WhyNoGit() { return std::system("git --version >/dev/null 2>&1") == 0 ? "" : "needs the program 'git'"; }

GitRepository::GitRepository(std::string folder) : folder_(std::move(folder)) {
  EXPECT_TRUE(fs::MakeDirs(folder_).ok());
  Git({"init", "-q", "-b", "main"});
  for (const char* name : {"uploadpack.allowAnySHA1InWant", "uploadpack.allowFilter"}) Git({"config", name, "true"});
}

std::string GitRepository::Git(const std::vector<std::string>& arguments) const {
  return RunGit(folder_, arguments, kFirstCommit + commits_ * 60);
}

void GitRepository::Write(const std::string& path, const std::string& text, bool executable) const {
  const std::string full = fs::Join(folder_, path);
  EXPECT_TRUE(fs::MakeDirs(fs::DirName(full)).ok());
  EXPECT_TRUE(fs::WriteFileAtomic(full, text, executable ? 0755 : 0644).ok());
}

void GitRepository::Link(const std::string& path, const std::string& target) const {
  const std::string full = fs::Join(folder_, path);
  EXPECT_TRUE(fs::MakeDirs(fs::DirName(full)).ok());
  EXPECT_EQ(::symlink(target.c_str(), full.c_str()), 0);
}

void GitRepository::Remove(const std::string& path) const { EXPECT_TRUE(fs::RemoveAll(fs::Join(folder_, path)).ok()); }

std::string GitRepository::Commit(const std::string& message) {
  Git({"add", "-A"});
  Git({"commit", "-q", "--allow-empty", "-m", message});
  ++commits_;
  return Git({"rev-parse", "HEAD"});
}

GitServer::GitServer(const GitServerOptions& options) : options_(options) {
  Result<fs::TempDir> dir = fs::TempDir::Make("", "slipway-git-server-");
  EXPECT_TRUE(dir.ok());
  if (dir.ok()) dir_ = std::move(dir).value();
  server_ = std::make_unique<ScriptedHttpServer>([this](const ScriptedRequest& request) { return Answer(request); });
}

ScriptedReply GitServer::Answer(const ScriptedRequest& request) {
  if (failures.fetch_sub(1) > 0) return Reply(503, "try again");
  for (const auto& [from, to] : redirects) {
    if (!request.target.starts_with(from)) continue;
    return {.status = 302, .headers = {{"Location", to + request.target.substr(from.size())}}};
  }
  if (!options_.password.empty() &&
      request.headers.Get("Authorization") != http::BasicAuthorization(options_.user, options_.password)) {
    return {.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"git\""}}, .body = "no"};
  }
  const size_t question = request.target.find('?');
  const std::string path = request.target.substr(0, question);
  const std::string query = question == std::string::npos ? "" : request.target.substr(question + 1);
  if (path.find("..") != std::string::npos) return Reply(400, "no");
  return options_.static_files ? SendFile(path) : RunBackend(request, path, query);
}

ScriptedReply GitServer::SendFile(const std::string& path) const {
  // Repositories with files are served too: "/x.git/HEAD" is ".git/HEAD" there.
  for (const std::string& middle : {std::string(), std::string("/.git")}) {
    const size_t slash = path.find('/', 1);
    const std::string full =
        dir_.path() + path.substr(0, slash) + middle + (slash == std::string::npos ? "" : path.substr(slash));
    struct stat info {};
    if (::stat(full.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    Result<std::string> text = fs::ReadFile(full);
    if (text.ok())
      return {
          .status = 200, .headers = {{"Content-Type", "application/octet-stream"}}, .body = std::move(text).value()};
  }
  return Reply(404, "no such file");
}

ScriptedReply GitServer::RunBackend(const ScriptedRequest& request, const std::string& path,
                                    const std::string& query) const {
  SpawnOptions spawn{.argv = {"git", "http-backend"}, .env = Environment(dir_.path())};
  auto& env = *spawn.env;
  env["GIT_PROJECT_ROOT"] = dir_.path();
  env["GIT_HTTP_EXPORT_ALL"] = "1";
  env["REQUEST_METHOD"] = request.method;
  env["PATH_INFO"] = path;
  env["QUERY_STRING"] = query;
  env["REMOTE_ADDR"] = "127.0.0.1";
  env["CONTENT_TYPE"] = std::string(request.headers.Get("Content-Type"));
  env["CONTENT_LENGTH"] = std::to_string(request.body.size());
  const Context ctx = Context::Background().WithTimeout(std::chrono::seconds(60), "git http-backend");
  const Result<RunOutput> run = RunProgram(ctx, std::move(spawn), request.body, kMostOutput);
  if (!run.ok()) return Reply(500, run.status().message());
  const size_t end = run->out.find("\r\n\r\n");
  if (end == std::string::npos) return Reply(500, run->err);
  ScriptedReply reply{.status = 200, .body = run->out.substr(end + 4)};
  for (size_t at = 0; at < end;) {
    const size_t stop = std::min(run->out.find("\r\n", at), end);
    const std::string line = run->out.substr(at, stop - at);
    at = stop + 2;
    const size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    if (line.starts_with("Status: ")) {
      reply.status = std::atoi(line.c_str() + 8);
    } else {
      reply.headers.Add(line.substr(0, colon), line.substr(colon + 2));
    }
  }
  return reply;
}

}  // namespace slipway::testing
