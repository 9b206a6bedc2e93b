// Git over static files, SSH and git's own protocol; and the .git folder of trees that keep it.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "executor/base/process.h"
#include "executor/source/git_connection.h"
#include "executor/source/static_git.h"
#include "tests/executor/source/source_fixture.h"
#include "tests/testing/free_port_server.h"
#include "tests/testing/git_server.h"

namespace slipway::source {
namespace {

using testing::GitRepository;
using testing::GitServer;
using ::testing::HasSubstr;
using ::testing::Not;

class TransportTest : public SourceTest {
 protected:
  void SetUp() override {
    if (const std::string why = testing::WhyNoGit(); !why.empty()) GTEST_SKIP() << why;
  }

  static std::string Fill(GitRepository& repository) {
    repository.Write("one", "one\n");
    repository.Write("sub/s", "s\n", true);
    repository.Link("ln", "one");
    repository.Commit("first");
    repository.Git({"tag", "-a", "-m", "t", "v1"});
    repository.Write("two", std::string(100'000, 'x'));
    return repository.Commit("second");
  }
};

TEST_F(TransportTest, StaticFilesLooseAndPacked) {
  for (const bool packed : {false, true}) {
    GitServer server({.static_files = true});
    GitRepository repository = server.Add("x.git");
    const std::string commit = Fill(repository);
    if (packed) repository.Git({"repack", "-q", "-a", "-d"});
    repository.UpdateServerInfo();
    const auto context = FetchGit(server.Url("x.git"));
    ASSERT_TRUE(context.ok()) << context.status().message();
    EXPECT_EQ(context->revision, commit);
    EXPECT_EQ(context->branch, "main");
    EXPECT_EQ(List(*context), "l ln -> one\nf one 4\nd sub/\nx sub/s 2\nf two 100000\n");
    EXPECT_EQ(Read(*context, "two"), std::string(100'000, 'x'));
    const auto tag = FetchGit(server.Url("x.git") + "#v1");
    ASSERT_TRUE(tag.ok()) << tag.status().message();
    EXPECT_EQ(List(*tag), "l ln -> one\nf one 4\nd sub/\nx sub/s 2\n");
    const std::string old = repository.Git({"rev-parse", "v1^{}"});
    EXPECT_TRUE(FetchGit(server.Url("x.git") + "#" + old).ok());
    EXPECT_EQ(FetchGit(server.Url("x.git") + "#nope").code(), Code::kNotFound);
    EXPECT_EQ(FetchGit(server.Url("x.git") + "#" + std::string(40, '1')).code(), Code::kNotFound);
    EXPECT_EQ(FetchGit(server.Url("y.git")).code(), Code::kNotFound);
  }
}

TEST_F(TransportTest, StaticFilesByShortIdInHistory) {
  GitServer server({.static_files = true});
  GitRepository repository = server.Add("x.git");
  Fill(repository);
  repository.UpdateServerInfo();
  const std::string first = repository.Git({"rev-parse", "HEAD~1"});
  repository.Git({"tag", "-d", "v1"});
  repository.UpdateServerInfo();
  ASSERT_TRUE(FetchGit(server.Url("x.git")).ok());
  const auto context = FetchGit(server.Url("x.git") + "#" + first.substr(0, 8));
  ASSERT_TRUE(context.ok()) << context.status().message();
  EXPECT_EQ(context->revision, first);
}

TEST_F(TransportTest, StaticFilesOnlyWhatIsNew) {
  GitServer server({.static_files = true});
  GitRepository repository = server.Add("x.git");
  Fill(repository);
  repository.UpdateServerInfo();
  ASSERT_TRUE(FetchGit(server.Url("x.git")).ok());
  sink_.Clear();
  repository.Write("one", "changed");
  repository.Commit("change");
  repository.UpdateServerInfo();
  ASSERT_TRUE(FetchGit(server.Url("x.git")).ok());
  EXPECT_EQ(sink_.FetchedObjects(), 3);
}

TEST_F(TransportTest, StaticFilesWithOtherContentAreRefused) {
  GitServer server({.static_files = true});
  GitRepository repository = server.Add("x.git");
  const std::string commit = Fill(repository);
  repository.UpdateServerInfo();
  const std::string objects = repository.folder() + "/.git/objects/";
  const std::string blob = repository.Git({"rev-parse", "HEAD:one"});
  const std::string other = repository.Git({"rev-parse", "HEAD:two"});
  const auto path = [&](const std::string& oid) { return objects + oid.substr(0, 2) + "/" + oid.substr(2); };
  ASSERT_TRUE(fs::WriteFileAtomic(path(blob), fs::ReadFile(path(other)).value()).ok());
  const auto context = FetchGit(server.Url("x.git"));
  EXPECT_EQ(context.code(), Code::kDataLoss) << context.status().message();
  EXPECT_THAT(context.status().message(), HasSubstr("has other content than its name says"));
}

TEST_F(TransportTest, IndexesOfStaticPacksAreBoundedInAll) {
  GitServer server({.static_files = true});
  GitRepository repository = server.Add("x.git");
  Fill(repository);
  repository.Git({"repack", "-q", "-d"});
  repository.Write("three", "three\n");
  const std::string commit = repository.Commit("third");
  repository.Git({"repack", "-q", "-d"});
  repository.UpdateServerInfo();
  uint64_t both = 0;
  const std::string packs = repository.folder() + "/.git/objects/pack/";
  const std::vector<std::string> names = fs::ListDir(packs).value();
  for (const std::string& name : names) {
    if (name.ends_with(".idx")) both += fs::ReadFile(packs + name).value().size();
  }
  fetcher();
  const GitUrl url = GitUrl::Parse(server.Url("x.git")).value();
  const Context ctx = Context::Background();
  for (const uint64_t bound : {both - 1, both}) {
    const auto connection = ConnectHttp(ctx, *transport_, url, {});
    ASSERT_TRUE(connection.ok()) << connection.status().message();
    const auto mirror = Mirror::Open(fmt::format("{}/mirror{}", dir_.path(), bound), "x", url.Remote());
    ASSERT_TRUE(mirror.ok()) << mirror.status().message();
    const StaticWish wish{
        .wants = {commit}, .max_bytes = 1U << 30, .max_object_bytes = 1U << 30, .max_index_bytes = bound};
    const Status status = FetchStatic(ctx, *transport_, **connection, **mirror, wish, nullptr);
    EXPECT_EQ(status.code(), bound == both ? Code::kOk : Code::kResourceExhausted) << status.message();
    if (bound != both) {
      EXPECT_THAT(status.message(), HasSubstr(fmt::format("indexes of the server's packs may have {} bytes", bound)));
    }
  }
}

TEST_F(TransportTest, GitProtocol) {
  const auto folder = fs::TempDir::Make().value();
  GitRepository repository(folder.path() + "/x.git");
  const std::string commit = Fill(repository);
  const auto daemon = testing::FreePortServer::Start([&](int port) {
    return std::vector<std::string>{"git",
                                    "daemon",
                                    "--reuseaddr",
                                    "--listen=127.0.0.1",
                                    fmt::format("--port={}", port),
                                    "--export-all",
                                    "--base-path=" + folder.path(),
                                    folder.path()};
  });
  ASSERT_TRUE(daemon.ok()) << daemon.status().message();
  const std::string base = fmt::format("git://127.0.0.1:{}", (*daemon)->port());
  const auto context = FetchGit(base + "/x.git");
  ASSERT_TRUE(context.ok()) << context.status().message();
  EXPECT_EQ(context->revision, commit);
  EXPECT_EQ(Read(*context, "one"), "one\n");
  EXPECT_EQ(FetchGit(base + "/y.git").code(), Code::kNotFound);
  EXPECT_EQ(FetchGit("git://127.0.0.1:1/y.git").code(), Code::kUnavailable);
}

/// A server of its own on a free port, with a key that may log in as the user who runs the test.
class SshTest : public TransportTest {
 protected:
  void SetUp() override {
    TransportTest::SetUp();
    if (IsSkipped()) return;
    if (!fs::Exists("/usr/sbin/sshd")) GTEST_SKIP() << "needs the program 'sshd'";
    if (::getuid() != 0) GTEST_SKIP() << "needs root";
    if (!fs::Exists("/run/sshd")) {
      if (!fs::MakeDirs("/run/sshd").ok()) GTEST_SKIP() << "needs the folder /run/sshd";
    }
    folder_ = fs::TempDir::Make().value();
    ASSERT_TRUE(fs::MakeDirs(OddPath("")).ok());
    for (const char* key : {"host", "other", "client", "stranger"})
      Run({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
           key == std::string("client") ? OddPath(key) : Path(key)});
    ASSERT_TRUE(fs::WriteFileAtomic(Path("authorized"), fs::ReadFile(OddPath("client.pub")).value(), 0600).ok());
    StartServer("host", 0);
    GitRepository repository(Path("it's x.git"));
    commit_ = Fill(repository);
  }

  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  /// In a folder whose name must survive ssh's way of reading options.
  std::string OddPath(const std::string& name) const { return Path("a %h\"b/" + name); }
  void Run(std::vector<std::string> argv) {
    const auto run = RunProgram(Context::Background(), {.argv = std::move(argv)});
    ASSERT_TRUE(run.ok() && run->exit.ok()) << (run.ok() ? run->err : run.status().message());
  }
  void StartServer(const std::string& key, int port) {
    server_.reset();
    auto server = testing::FreePortServer::Start(
        [&](int free) {
          return std::vector<std::string>{"/usr/sbin/sshd",
                                          "-D",
                                          "-e",
                                          "-f",
                                          "/dev/null",
                                          "-p",
                                          std::to_string(free),
                                          "-h",
                                          Path(key),
                                          "-o",
                                          "ListenAddress=127.0.0.1",
                                          "-o",
                                          "AuthorizedKeysFile=" + Path("authorized"),
                                          "-o",
                                          "StrictModes=no",
                                          "-o",
                                          "PidFile=none",
                                          "-o",
                                          "UsePAM=no",
                                          "-o",
                                          "PasswordAuthentication=no"};
        },
        port);
    ASSERT_TRUE(server.ok()) << server.status().message();
    server_ = std::move(server).value();
  }
  std::string Url() const { return fmt::format("ssh://root@127.0.0.1:{}{}", server_->port(), Path("it's%20x.git")); }
  Result<FetchedContext> FetchWithKey(const std::string& key) {
    return Fetch(GitContext{.url = Url(), .ssh_key = key == "client" ? OddPath(key) : Path(key)});
  }

  fs::TempDir folder_;
  std::unique_ptr<testing::FreePortServer> server_;
  std::string commit_;
};

TEST_F(SshTest, KeyOpensTheRepository) {
  const auto context = FetchWithKey("client");
  ASSERT_TRUE(context.ok()) << context.status().message();
  EXPECT_EQ(context->revision, commit_);
  EXPECT_EQ(Read(*context, "sub/s"), "s\n");
  EXPECT_TRUE(FetchGit(Url() + "#" + commit_).code() == Code::kUnauthenticated);
}

TEST_F(SshTest, RefusedKeysAndMissingRepositoriesAreTold) {
  const auto stranger = FetchWithKey("stranger");
  EXPECT_EQ(stranger.code(), Code::kUnauthenticated) << stranger.status().message();
  EXPECT_THAT(stranger.status().message(), HasSubstr("the host refuses the key"));
  const auto none = FetchGit(Url());
  EXPECT_EQ(none.code(), Code::kUnauthenticated) << none.status().message();
  EXPECT_THAT(none.status().message(), HasSubstr("none is given"));
  const auto missing = Fetch(GitContext{.url = fmt::format("ssh://root@127.0.0.1:{}/nowhere/x.git", server_->port()),
                                        .ssh_key = OddPath("client")});
  EXPECT_EQ(missing.code(), Code::kNotFound) << missing.status().message();
  const auto nobody = Fetch(GitContext{.url = "ssh://root@127.0.0.1:1/x.git", .ssh_key = OddPath("client")});
  EXPECT_EQ(nobody.code(), Code::kUnavailable) << nobody.status().message();
}

TEST_F(SshTest, HostKeyThatChangedIsNotBelieved) {
  ASSERT_TRUE(FetchWithKey("client").ok());
  StartServer("other", server_->port());
  const auto context = FetchWithKey("client");
  EXPECT_EQ(context.code(), Code::kFailedPrecondition) << context.status().message();
  EXPECT_THAT(context.status().message(), HasSubstr("host's key is not the one that is recorded"));
}

TEST_F(SshTest, UnknownHostsAreRefusedIfTheOperatorSaysSo) {
  options_.git.host_keys = GitOptions::HostKeys::kKnownOnly;
  options_.git.known_hosts = OddPath("known_hosts");
  const auto unknown = FetchWithKey("client");
  EXPECT_EQ(unknown.code(), Code::kFailedPrecondition) << unknown.status().message();
  EXPECT_THAT(unknown.status().message(), HasSubstr("host's key is not known"));
  const std::string key = fs::ReadFile(Path("host.pub")).value();
  ASSERT_TRUE(fs::WriteFileAtomic(OddPath("known_hosts"), fmt::format("[127.0.0.1]:{} {}", server_->port(), key)).ok());
  EXPECT_TRUE(FetchWithKey("client").ok());
}

TEST_F(SshTest, AgentHoldsTheKey) {
  const auto agent = testing::FreePortServer::StartAgent(OddPath("agent.sock"));
  if (!agent.ok()) GTEST_SKIP() << agent.status().message();
  SpawnOptions add{.argv = {"ssh-add", "-q", OddPath("client")}};
  add.env = std::map<std::string, std::string>{{"SSH_AUTH_SOCK", OddPath("agent.sock")}, {"PATH", "/usr/bin:/bin"}};
  ASSERT_TRUE(RunProgram(Context::Background(), add)->exit.ok());
  const auto context = Fetch(GitContext{.url = Url(), .ssh_agent = OddPath("agent.sock")});
  ASSERT_TRUE(context.ok()) << context.status().message();
}

TEST_F(SshTest, HostWithoutGitIsTold) {
  options_.git.ssh_program = "/nonexistent/ssh";
  const auto context = FetchWithKey("client");
  EXPECT_EQ(context.code(), Code::kFailedPrecondition);
  EXPECT_THAT(context.status().message(), HasSubstr("is not installed here"));
}

/// Writes a tree into a folder, as a build would see it.
class GitDirTest : public TransportTest {
 protected:
  void WriteOut(const FetchedContext& context, const std::string& folder) {
    for (const tree::Entry& entry : context.tree->entries()) {
      const std::string path = folder + "/" + entry.path;
      if (entry.is_dir()) {
        ASSERT_TRUE(fs::MakeDirs(path).ok());
      } else if (entry.type == tree::Type::kSymlink) {
        ASSERT_EQ(::symlink(entry.link.c_str(), path.c_str()), 0);
      } else {
        ASSERT_TRUE(fs::WriteFileAtomic(path, Read(context, entry.path), entry.mode).ok());
      }
    }
  }
  static std::string Git(const std::string& folder, std::vector<std::string> arguments) {
    SpawnOptions spawn{.argv = {"git"}, .cwd = folder};
    spawn.argv.insert(spawn.argv.end(), arguments.begin(), arguments.end());
    const auto run = RunProgram(Context::Background(), spawn);
    return run.ok() ? run->out + run->err : run.status().message();
  }
};

TEST_F(GitDirTest, GitWorksInTheTree) {
  GitServer server;
  GitRepository repository = server.Add("x.git");
  const std::string second = Fill(repository);
  const std::string first = repository.Git({"rev-parse", "v1^{}"});
  for (const std::string& ref : {std::string(""), std::string("#v1")}) {
    const auto context = Fetch(GitContext{.url = server.Url("x.git") + ref, .keep_git_dir = true});
    ASSERT_TRUE(context.ok()) << context.status().message();
    const auto folder = fs::TempDir::Make().value();
    WriteOut(*context, folder.path());
    const std::string commit = ref.empty() ? second : first;
    EXPECT_EQ(Git(folder.path(), {"rev-parse", "HEAD"}), commit + "\n");
    EXPECT_EQ(Git(folder.path(), {"status", "--porcelain"}), "");
    EXPECT_EQ(Git(folder.path(), {"log", "--format=%H %s"}), commit + (ref.empty() ? " second\n" : " first\n"));
    EXPECT_EQ(Git(folder.path(), {"fsck", "--no-progress"}), "");
    EXPECT_EQ(Git(folder.path(), {"remote", "get-url", "origin"}), server.Url("x.git") + "\n");
    if (ref == "#v1") {
      EXPECT_EQ(Git(folder.path(), {"describe"}), "v1\n");
    }
    EXPECT_EQ(fs::ReadFile(folder.path() + "/.git/HEAD").value(), commit + "\n");
    EXPECT_EQ(fs::ReadFile(folder.path() + "/.git/shallow").ok(), ref.empty());
  }
}

TEST_F(GitDirTest, SameCommitGivesTheSameBytes) {
  GitServer server;
  GitRepository repository = server.Add("x.git");
  Fill(repository);
  const auto one = Fetch(GitContext{.url = server.Url("x.git"), .keep_git_dir = true});
  const auto two = Fetch(GitContext{.url = "file://" + repository.folder(), .keep_git_dir = true});
  ASSERT_TRUE(one.ok() && two.ok());
  for (const char* path : {".git/HEAD", ".git/index", ".git/shallow"})
    EXPECT_EQ(Read(*one, path), Read(*two, path)) << path;
}

TEST_F(GitDirTest, FolderHasNone) {
  GitServer server;
  GitRepository repository = server.Add("x.git");
  Fill(repository);
  const auto context = Fetch(GitContext{.url = server.Url("x.git") + "#main:sub", .keep_git_dir = true});
  ASSERT_TRUE(context.ok()) << context.status().message();
  EXPECT_EQ(List(*context), "x s 2\n");
}

}  // namespace
}  // namespace slipway::source
