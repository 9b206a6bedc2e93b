// The program as users start it, against a daemon that does as the test says.
#include "tests/cli/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/xattr.h>

#include <array>
#include <cstdlib>
#include <thread>

#include <nlohmann/json.hpp>

#include "tests/cli/events.h"

namespace slipway::cli {
namespace {

using ::testing::ElementsAre;
using testing::FakeServer;
using ::testing::HasSubstr;
using ::testing::Not;

class ProgramTest : public Program {
 protected:
  ProgramTest() { folder_.Write("Dockerfile", "FROM scratch\n"); }

  RunOutput Build(std::vector<std::string> words) {
    words.insert(words.begin(), "build");
    words.push_back(folder_.path());
    return Run(std::move(words));
  }
  v1::DockerBuildRequest LastRequest() const {
    const auto requests = server_.scheduled();
    EXPECT_FALSE(requests.empty());
    return requests.empty() ? v1::DockerBuildRequest() : requests.back().docker_build();
  }
  std::vector<std::string> SentPaths() const {
    std::vector<std::string> paths;
    for (const v1::ContextEntry& entry : server_.manifest()) paths.push_back(entry.path());
    return paths;
  }
};

TEST_F(ProgramTest, BuildPrintsTheLogAndSucceeds) {
  const RunOutput out = Build({"-t", "app:1"});
  EXPECT_EQ(out.exit.code, 0) << out.err;
  EXPECT_EQ(out.out, "built\n");
  EXPECT_THAT(out.err, HasSubstr("Queued a build with ID: ca1\nWaiting for an agent...\n"));
  EXPECT_THAT(LastRequest().image_names(), ElementsAre("app:1"));
  EXPECT_FALSE(LastRequest().has_is_push_enabled());
  EXPECT_EQ(LastRequest().docker_file_path(), "Dockerfile");
  EXPECT_EQ(LastRequest().docker_file_content(), "");
}

TEST_F(ProgramTest, WithoutNameNothingIsPushed) {
  const RunOutput out = Build({});
  EXPECT_EQ(out.exit.code, 0);
  EXPECT_THAT(out.err, HasSubstr("'--image or -t' is not provided. Skipping image push after build.\n"));
  EXPECT_TRUE(LastRequest().has_is_push_enabled());
  EXPECT_FALSE(LastRequest().is_push_enabled());
}

TEST_F(ProgramTest, FlagsBecomeTheRequest) {
  const RunOutput out = Build({"-t",
                               "a",
                               "-t",
                               "b:{{.Run.ID}}",
                               "--build-arg",
                               "K=V=W",
                               "--build-arg=FROM_ENV",
                               "--build-arg",
                               "UNSET",
                               "--secret-build-arg",
                               "S=x",
                               "--target",
                               "st",
                               "--platform",
                               "Linux/ARM64/v8,linux/amd64",
                               "--label",
                               "l=1",
                               "--annotation",
                               "n=2",
                               "--add-host",
                               "h:1.2.3.4",
                               "--network",
                               "none",
                               "--no-cache",
                               "--pull",
                               "--push",
                               "--timeout",
                               "600",
                               "--compression",
                               "zstd",
                               "--media-types",
                               "docker"});
  ASSERT_EQ(out.exit.code, 0) << out.err;
  const v1::DockerBuildRequest request = LastRequest();
  EXPECT_THAT(request.image_names(), ElementsAre("a", "b:{{.Run.ID}}"));
  ASSERT_EQ(request.arguments_size(), 3) << "what the environment lacks is left out, so that a default counts";
  EXPECT_EQ(request.arguments(0).value(), "V=W");
  EXPECT_EQ(request.arguments(1).value(), "seen");
  EXPECT_TRUE(request.arguments(2).is_secret());
  ASSERT_EQ(request.platforms_size(), 2);
  EXPECT_EQ(request.platforms(0).os() + request.platforms(0).architecture() + request.platforms(0).variant(),
            "linuxarm64v8");
  EXPECT_EQ(request.labels().at("l"), "1");
  EXPECT_EQ(request.annotations().at("n"), "2");
  EXPECT_THAT(request.extra_hosts(), ElementsAre("h:1.2.3.4"));
  EXPECT_TRUE(request.no_cache() && request.pull() && request.is_push_enabled());
  EXPECT_EQ(request.timeout().seconds(), 600);
  EXPECT_EQ(request.compression(), v1::LAYER_COMPRESSION_ZSTD);
  EXPECT_EQ(request.media_types(), v1::MEDIA_TYPES_DOCKER);
  EXPECT_EQ(request.target() + request.network(), "stnone");
}

TEST_F(ProgramTest, AttestationsAreOffUnlessAskedFor) {
  const auto sent = [&](std::vector<std::string> words) {
    const RunOutput out = Build(std::move(words));
    EXPECT_EQ(out.exit.code, 0) << out.err;
    return fmt::format("{} {}", v1::ProvenanceMode_Name(LastRequest().provenance()), LastRequest().sbom());
  };
  EXPECT_EQ(sent({}), "PROVENANCE_MODE_UNSPECIFIED false");
  EXPECT_EQ(sent({"--provenance", "--sbom"}), "PROVENANCE_MODE_MIN true");
  EXPECT_EQ(sent({"--provenance=mode=max", "--sbom=false"}), "PROVENANCE_MODE_MAX false");
  EXPECT_EQ(sent({"--provenance=false", "--sbom=true"}), "PROVENANCE_MODE_UNSPECIFIED true");
  EXPECT_EQ(Build({"--provenance=most"}).exit.code, 2);
  EXPECT_EQ(Build({"--sbom=maybe"}).exit.code, 2);
}

TEST_F(ProgramTest, InputsBecomeTheRequest) {
  home_.Write("token", "hush\n");
  const RunOutput out =
      Build({"--secret", "id=tok,src=" + home_.At("token"), "--secret", "id=FROM_ENV", "--ulimit", "nofile=1:2",
             "--shm-size", "32m", "--allow", "network.host,security.insecure", "--build-context",
             "img=docker-image://alpine", "--build-context", "git=https://host/x.git"});
  ASSERT_EQ(out.exit.code, 0) << out.err;
  const v1::DockerBuildRequest request = LastRequest();
  ASSERT_EQ(request.secrets_size(), 2);
  EXPECT_EQ(request.secrets(0).id() + "=" + request.secrets(0).value(), "tok=hush\n");
  EXPECT_EQ(request.secrets(1).id() + "=" + request.secrets(1).value(), "FROM_ENV=seen");
  EXPECT_THAT(request.ulimits(), ElementsAre("nofile=1:2"));
  EXPECT_EQ(request.shm_size_bytes(), 32U << 20);
  EXPECT_THAT(request.allow(), ElementsAre("network.host", "security.insecure"));
  EXPECT_EQ(request.build_contexts().at("img"), "docker-image://alpine");
  EXPECT_EQ(request.build_contexts().at("git"), "https://host/x.git");
  EXPECT_THAT(out.out + out.err, Not(HasSubstr("hush")));
}

TEST_F(ProgramTest, ANamedFolderIsSentUnderItsOwnIgnoreFile) {
  home_.Write("other/f", "1");
  home_.Write("other/hidden", "2");
  home_.Write("other/.dockerignore", "hidden\n");
  const std::vector<std::string> words = {"--build-context", "other=" + home_.At("other")};
  const RunOutput first = Build(words);
  ASSERT_EQ(first.exit.code, 0) << first.err;
  EXPECT_THAT(first.err, HasSubstr("Sent context 'other' (2 files"));
  EXPECT_THAT(LastRequest().build_contexts().at("other"), ::testing::StartsWith("upload:sha256:"));
  EXPECT_EQ(server_.uploads(), 2);
  EXPECT_EQ(Build(words).exit.code, 0);
  EXPECT_EQ(server_.uploads(), 2);  // known from before
  server_.ForgetUploads();
  const RunOutput again = Build(words);
  EXPECT_EQ(again.exit.code, 0) << again.err;
  EXPECT_EQ(server_.uploads(), 4);
}

TEST_F(ProgramTest, WhatIsNotSupportedIsSaid) {
  EXPECT_THAT(Build({"--cgroup-parent", "x"}).err, HasSubstr("--cgroup-parent is not supported"));
  EXPECT_THAT(Build({"--device", "x"}).err, HasSubstr("--device is not supported"));
  EXPECT_THAT(Build({"--ssh", "default"}).err, HasSubstr("SSH_AUTH_SOCK is not set"));
  EXPECT_THAT(Build({"--build-context", "x"}).err, HasSubstr("not of the form NAME=VALUE"));
  EXPECT_THAT(Build({"--shm-size", "x"}).err, HasSubstr("--shm-size: 'x' is no size"));
}

TEST_F(ProgramTest, ContextArrivesAsItIs) {
  folder_.Write("run.sh", "echo hi", 0755);
  folder_.Write("empty", "");
  folder_.Write("copy", "echo hi");
  folder_.Write("large", std::string(3'500'000, 'L'));
  folder_.Symlink("run.sh", "link");
  folder_.Hardlink("run.sh", "second-name");
  const bool attributes = ::setxattr(folder_.At("copy").c_str(), "user.color", "red", 3, 0) == 0;
  const RunOutput out = Build({"-t", "a"});
  ASSERT_EQ(out.exit.code, 0) << out.err;
  std::map<std::string, v1::ContextEntry> sent;
  for (const v1::ContextEntry& entry : server_.manifest()) sent[entry.path()] = entry;
  EXPECT_EQ(sent.size(), 7U);
  EXPECT_EQ(server_.content(sent["run.sh"].sha256()), "echo hi");
  EXPECT_EQ(sent["run.sh"].mode(), 0755U);
  EXPECT_EQ(server_.content(sent["large"].sha256()), std::string(3'500'000, 'L'));
  EXPECT_EQ(sent["link"].link_target(), "run.sh");
  EXPECT_EQ(sent["second-name"].type(), v1::ENTRY_TYPE_HARDLINK);
  EXPECT_EQ(sent["second-name"].link_target(), "run.sh");
  if (attributes) {
    EXPECT_EQ(sent["copy"].xattrs(0).name(), "user.color");
  }
  EXPECT_EQ(server_.files_received(), 3U);  // equal contents once, empty ones not at all
}

TEST_F(ProgramTest, UnchangedContextSendsNoByteTwice) {
  for (int i = 0; i < 500; ++i) folder_.Write("d/" + std::to_string(i), "content " + std::to_string(i));
  ASSERT_EQ(Build({"-t", "a"}).exit.code, 0);
  const uint64_t bytes = server_.bytes_received();
  EXPECT_GT(bytes, 0U);
  const RunOutput again = Build({"-t", "a"});
  ASSERT_EQ(again.exit.code, 0) << again.err;
  EXPECT_EQ(server_.bytes_received(), bytes);
  EXPECT_EQ(server_.uploads(), 1);  // not even the manifest
  EXPECT_THAT(again.err, HasSubstr("Context is unchanged"));
  folder_.Write("d/7", "changed");
  ASSERT_EQ(Build({"-t", "a"}).exit.code, 0);
  EXPECT_EQ(server_.bytes_received(), bytes + 7);
}

TEST_F(ProgramTest, DaemonThatForgotTheUploadGetsItAgain) {
  ASSERT_EQ(Build({"-t", "a"}).exit.code, 0);
  server_.ForgetUploads();
  const RunOutput out = Build({"-t", "a"});
  EXPECT_EQ(out.exit.code, 0) << out.err;
  EXPECT_EQ(server_.uploads(), 2);
  EXPECT_EQ(server_.scheduled().size(), 2U);
}

TEST_F(ProgramTest, IgnoredDockerfileIsSentApart) {
  folder_.Write(".dockerignore", "Dockerfile\n.dockerignore\n");
  folder_.Write("f", "x");
  ASSERT_EQ(Build({"-t", "a"}).exit.code, 0);
  EXPECT_THAT(SentPaths(), ElementsAre(".dockerignore", "f"));  // the daemon hides it
  EXPECT_EQ(LastRequest().docker_file_content(), "FROM scratch\n");
}

TEST_F(ProgramTest, DockerfileByAbsolutePathInAndOutsideTheContext) {
  ASSERT_EQ(Build({"-f", folder_.At("Dockerfile"), "-t", "a"}).exit.code, 0);
  EXPECT_EQ(LastRequest().docker_file_path() + "|" + LastRequest().docker_file_content(), "Dockerfile|");
  home_.Write("Other", "FROM other\n");
  ASSERT_EQ(Build({"-f", home_.At("Other"), "-t", "a"}).exit.code, 0);
  EXPECT_EQ(LastRequest().docker_file_path() + "|" + LastRequest().docker_file_content(), "Other|FROM other\n");
}

TEST_F(ProgramTest, DockerfileFromStandardInput) {
  const RunOutput out = Run({"build", "-t", "a", "-"}, "FROM stdin\n");
  EXPECT_EQ(out.exit.code, 0) << out.err;
  EXPECT_EQ(LastRequest().source_location(), "/dev/null");
  EXPECT_EQ(LastRequest().docker_file_content(), "FROM stdin\n");
}

TEST_F(ProgramTest, RemoteContextIsPassedOn) {
  ASSERT_EQ(Run({"build", "-t", "a", "-f", "d/Dockerfile", "https://host/x.git#main"}).exit.code, 0);
  EXPECT_EQ(LastRequest().source_location(), "https://host/x.git#main");
  EXPECT_EQ(LastRequest().docker_file_path(), "d/Dockerfile");
  EXPECT_EQ(server_.uploads(), 0);
}

TEST_F(ProgramTest, RunThatFailsIsExitCodeOne) {
  for (const auto& [status, words] :
       std::vector<std::pair<v1::RunStatus, std::string>>{{v1::RUN_STATUS_FAILED, "Run failed\n"},
                                                          {v1::RUN_STATUS_ERROR, "Run failed\n"},
                                                          {v1::RUN_STATUS_TIMEOUT, "Run timed out\n"},
                                                          {v1::RUN_STATUS_CANCELED, "Run was canceled\n"}}) {
    server_.OnSchedule([this, status = status](const std::string& id) {
      server_.AppendLog(id, "no luck\n");
      server_.SetStatus(id, status, "because");
    });
    const RunOutput out = Build({"-t", "a"});
    EXPECT_EQ(out.exit.code, 1);
    EXPECT_EQ(out.out, "no luck\n");
    EXPECT_THAT(out.err, HasSubstr(words));
  }
}

TEST_F(ProgramTest, JsonIsAloneOnStandardOutput) {
  const RunOutput out = Build({"-t", "a", "-o", "json"});
  EXPECT_EQ(out.exit.code, 0);
  const auto json = nlohmann::json::parse(out.out, nullptr, false);
  ASSERT_FALSE(json.is_discarded()) << out.out;
  EXPECT_EQ(json["status"], "Succeeded");
  EXPECT_THAT(out.err, HasSubstr("built\n"));
}

TEST_F(ProgramTest, NoWaitPrintsTheQueuedRun) {
  server_.OnSchedule([](const std::string&) {});
  const RunOutput out = Build({"-t", "a", "--no-wait"});
  EXPECT_EQ(out.exit.code, 0);
  EXPECT_EQ(nlohmann::json::parse(out.out)["status"], "Queued");
  EXPECT_THAT(out.err, Not(HasSubstr("Waiting")));
}

TEST_F(ProgramTest, NoLogsWaitsAndPrintsTheRun) {
  const RunOutput out = Build({"-t", "a", "--no-logs", "-o", "table"});
  EXPECT_EQ(out.exit.code, 0) << out.err;
  EXPECT_THAT(out.out, HasSubstr("RUN ID"));
  EXPECT_THAT(out.out, HasSubstr("Succeeded"));
  EXPECT_THAT(out.out, Not(HasSubstr("built")));
}

TEST_F(ProgramTest, QuietPrintsTheDigestOrWhyThereIsNone) {
  server_.OnSchedule([this](const std::string& id) {
    server_.Edit(id, [](v1::Run* run) {
      run->set_status(v1::RUN_STATUS_SUCCEEDED);
      run->mutable_summary()->set_digest("sha256:abc");
    });
  });
  RunOutput out = Build({"-t", "a", "-q"});
  EXPECT_EQ(out.out, "sha256:abc\n");
  EXPECT_EQ(out.err, "");
  server_.OnSchedule([this](const std::string& id) { server_.SetStatus(id, v1::RUN_STATUS_FAILED, "exit code 3"); });
  out = Build({"-t", "a", "-q"});
  EXPECT_EQ(out.exit.code, 1);
  EXPECT_EQ(out.err, "slipway: run ca2 failed: exit code 3; see 'slipway logs ca2'\n");
}

TEST_F(ProgramTest, TtyViewEndsWithASummary) {
  server_.OnSchedule([this](const std::string& id) {
    server_.AddEvent(id, Started(1, "a", "[1/1] COPY . /"));
    server_.AddEvent(id, Finished(2, "a"));
    server_.Edit(id, [](v1::Run* run) {
      run->set_status(v1::RUN_STATUS_SUCCEEDED);
      run->mutable_summary()->set_vertices(1);
      run->mutable_summary()->set_digest("sha256:abc");
    });
  });
  const RunOutput out = Build({"-t", "a", "--progress", "tty"});
  EXPECT_EQ(out.exit.code, 0);
  EXPECT_THAT(out.out, HasSubstr("[1/1] COPY . /"));
  EXPECT_THAT(out.out, HasSubstr("Run ca1 was successful"));
  EXPECT_THAT(out.out, HasSubstr("sha256:abc"));
  EXPECT_TRUE(out.out.ends_with("\x1b[?25h")) << "the cursor is shown again";
}

TEST_F(ProgramTest, RefusedFieldsAreNamed) {
  server_.RefuseSchedule(FakeServer::Failure(grpc::StatusCode::INVALID_ARGUMENT, "bad", "",
                                             {{"docker_build.image_names[0]", "'A' is not a name"}}));
  const RunOutput out = Build({"-t", "A"});
  EXPECT_EQ(out.exit.code, 1);
  EXPECT_THAT(out.err, HasSubstr("slipway: schedule run: image_names[0]: 'A' is not a name\n"));
}

TEST_F(ProgramTest, UploadThatIsRefusedSaysWhy) {
  server_.RefuseUpload(
      FakeServer::Failure(grpc::StatusCode::RESOURCE_EXHAUSTED, "more than 5 entries", "CONTEXT_LIMIT"));
  const RunOutput out = Build({"-t", "a"});
  EXPECT_EQ(out.exit.code, 1);
  EXPECT_THAT(out.err, HasSubstr("slipway: send the context: more than 5 entries\n"));
}

TEST_F(ProgramTest, EntryThatIsRefusedIsNamedByItsPath) {
  folder_.Write("d/odd", "x");
  server_.RefuseUpload(FakeServer::Failure(grpc::StatusCode::INVALID_ARGUMENT, "bad entry", "",
                                           {{"entries[2].xattrs", "are too many"}}));
  EXPECT_THAT(Build({"-t", "a"}).err, HasSubstr("slipway: send the context: 'd/odd' (xattrs): are too many\n"));
}

TEST_F(ProgramTest, FileThatChangesWhileItIsSentIsNamed) {
  folder_.Write("large", std::string(300'000, 'a'));
  server_.OnMissing([this] { folder_.Write("large", std::string(300'000, 'b')); });
  const RunOutput out = Build({"-t", "a"});
  EXPECT_EQ(out.exit.code, 1);
  EXPECT_THAT(out.err, HasSubstr("'large' of the context changed"));
  EXPECT_TRUE(server_.scheduled().empty());
}

TEST_F(ProgramTest, HugeSparseFileIsRefusedBeforeItIsRead) {
  folder_.Write("sparse", "");
  ASSERT_EQ(::truncate(folder_.At("sparse").c_str(), 700LL << 20), 0);
  const RunOutput out = Build({"-t", "a"});
  EXPECT_EQ(out.exit.code, 1);
  EXPECT_THAT(out.err, HasSubstr("'sparse' of the context has 734.0 MB; the daemon takes at most 536.9 MB a file"));
}

TEST_F(ProgramTest, UnreachableDaemonSaysWhatToDo) {
  server_.Stop();
  const RunOutput out = Build({"-t", "a"});
  EXPECT_EQ(out.exit.code, 1);
  EXPECT_THAT(out.err, HasSubstr("cannot reach the daemon at '" + server_.address() + "'"));
  EXPECT_THAT(out.err, HasSubstr("SLIPWAY_SERVER"));
}

TEST_F(ProgramTest, UsageErrorsAreExitCodeTwo) {
  EXPECT_THAT(Run({"biuld", "."}).err, HasSubstr("command 'biuld' is unknown; did you mean 'build'?"));
  EXPECT_THAT(Run({"build", "--no-cahce", "."}).err,
              HasSubstr("flag '--no-cahce' is unknown; did you mean '--no-cache'?"));
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{},
                                             {"build"},
                                             {"build", "-t"},
                                             {"build", ".", "more"},
                                             {"runs", "--status", "Runing"},
                                             {"show"},
                                             {"build", "--platform", "a/b/c/d", "."},
                                             {"build", "--push", "--no-push", "-t", "a", "."},
                                             {"build", "--push", "."},
                                             {"--server", "nonsense", "runs"},
                                             {"build", "--timeout", "0", "."},
                                             {"build", "--label", "=x", "."}}) {
    const RunOutput out = Run(words);
    EXPECT_EQ(out.exit.code, 2) << ::testing::PrintToString(words) << out.err;
    EXPECT_EQ(out.out, "");
  }
  EXPECT_EQ(server_.scheduled().size(), 0U);
}

TEST_F(ProgramTest, ServerMayStandBehindTheCommand) {
  EXPECT_EQ(Run({"runs", "--server", server_.address()}).exit.code, 0);
  EXPECT_EQ(Run({"--server", server_.address(), "runs"}).exit.code, 0);
}

TEST_F(ProgramTest, RunsAreListedOverPages) {
  for (int i = 0; i < 5; ++i) Run({"build", "-t", "a", "-f", folder_.At("Dockerfile"), "/dev/null"});
  const auto json = nlohmann::json::parse(Run({"runs", "-o", "json"}).out);
  EXPECT_EQ(json.size(), 5U);
  EXPECT_EQ(json[0]["runId"], "ca5");
  EXPECT_EQ(nlohmann::json::parse(Run({"runs", "--top", "3", "-o", "json"}).out).size(), 3U);
  EXPECT_EQ(nlohmann::json::parse(Run({"runs", "--status", "queued", "-o", "json"}).out).size(), 0U);
  EXPECT_THAT(Run({"runs"}).out, HasSubstr("RUN ID"));
}

TEST_F(ProgramTest, ShowLogsCancelVersionInfo) {
  server_.OnSchedule([this](const std::string& id) { server_.AppendLog(id, "line\n"); });
  Build({"-t", "a", "--no-wait"});
  EXPECT_THAT(Run({"show", "ca1"}).out, HasSubstr("Queued"));
  EXPECT_EQ(nlohmann::json::parse(Run({"show", "ca1", "-o", "json"}).out)["runId"], "ca1");
  EXPECT_EQ(Run({"logs", "ca1"}).out, "line\n");
  EXPECT_EQ(Run({"cancel", "ca1"}).out, "Run ca1 is being canceled\n");
  EXPECT_TRUE(server_.cancel_requested("ca1"));
  server_.SetStatus("ca1", v1::RUN_STATUS_CANCELED);
  EXPECT_EQ(Run({"logs", "-f", "ca1"}).exit.code, 0);
  EXPECT_THAT(Run({"version"}).out, HasSubstr("Server: 9.9.9"));
  EXPECT_THAT(Run({"info"}).out, HasSubstr("crun 1.8.1"));
  EXPECT_EQ(nlohmann::json::parse(Run({"info", "-o", "json"}).out)["maxRuns"], 2);
  const RunOutput unknown = Run({"show", "zz9"});
  EXPECT_EQ(unknown.exit.code, 1);
  EXPECT_EQ(unknown.err, "slipway: get run 'zz9': run 'zz9' does not exist\n");
}

TEST_F(ProgramTest, PruneTellsWhatWasFreed) {
  EXPECT_EQ(Run({"prune"}).out, "Freed 5.0 GB, 0 B are kept\n");
  EXPECT_EQ(Run({"prune", "--keep-storage", "2GB"}).out, "Freed 5.0 GB, 2.0 GB are kept\n");
  EXPECT_EQ(Run({"prune", "--keep-storage", "1GiB"}).out, "Freed 5.0 GB, 1.1 GB are kept\n");
  EXPECT_EQ(Run({"prune", "--keep-storage", "much"}).exit.code, 2);
}

TEST_F(ProgramTest, WordsThatAreNoUtf8AreRefused) {
  const RunOutput out = Build({"-t", "a", "--label", "l=\xff"});
  EXPECT_EQ(out.exit.code, 1);
  EXPECT_THAT(out.err, HasSubstr("not valid UTF-8"));
  EXPECT_THAT(out.err, Not(HasSubstr("libprotobuf")));
}

TEST_F(ProgramTest, MessagesOfTheDaemonHaveNoPowerOverTheTerminal) {
  server_.RefuseSchedule(FakeServer::Failure(grpc::StatusCode::INVALID_ARGUMENT, "line one\x1b[2J\nline two", ""));
  EXPECT_THAT(Build({"-t", "a"}).err, HasSubstr("slipway: schedule run: line one\nline two\n"));
}

TEST_F(ProgramTest, TerminalGetsTheLiveView) {
  const UniqueFd terminal(::posix_openpt(O_RDWR | O_NOCTTY));
  ASSERT_TRUE(terminal.valid() && ::grantpt(terminal.get()) == 0 && ::unlockpt(terminal.get()) == 0);
  auto out = fs::Open(::ptsname(terminal.get()), O_RDWR | O_NOCTTY);
  ASSERT_TRUE(out.ok());
  auto environment = Environment();
  environment["TERM"] = "xterm";
  environment["NO_COLOR"] = "1";
  environment["LC_ALL"] = "C.UTF-8";
  server_.OnSchedule([this](const std::string& id) {
    server_.AddEvent(id, Started(1, "a", "[1/1] COPY . /"));
    server_.AddEvent(id, Finished(2, "a"));
    server_.SetStatus(id, v1::RUN_STATUS_SUCCEEDED);
  });
  auto child = ChildProcess::Spawn({.argv = {SLIPWAY_PROGRAM, "build", "-t", "a", folder_.path()},
                                    .env = environment,
                                    .stdout_fd = out->get(),
                                    .stderr_fd = out->get()});
  ASSERT_TRUE(child.ok());
  const auto exit = child->Wait(Context::Background().WithTimeout(std::chrono::seconds(30), "the program"));
  EXPECT_TRUE(exit.ok() && exit->ok());
  std::string shown(1 << 16, '\0');
  const ssize_t got = ::read(terminal.get(), shown.data(), shown.size());
  ASSERT_GT(got, 0);
  shown.resize(static_cast<size_t>(got));
  EXPECT_THAT(shown, HasSubstr("✓ [1/1] COPY . /"));
  EXPECT_THAT(shown, HasSubstr("Run ca1 was successful"));
  EXPECT_THAT(shown, Not(HasSubstr("\x1b[3")));  // no colour
}

// Programs that a test signals.
class InterruptTest : public ProgramTest {
 protected:
  void Start(const std::vector<std::string>& flags) {
    std::vector<std::string> words = {SLIPWAY_PROGRAM, "build", "-t", "a"};
    words.insert(words.end(), flags.begin(), flags.end());
    words.push_back(folder_.path());
    out_ = std::move(fs::Open(home_.At("out"), O_RDWR | O_CREAT | O_TRUNC)).value();
    auto child = ChildProcess::Spawn(
        {.argv = std::move(words), .env = Environment(), .stdout_fd = out_.get(), .stderr_fd = out_.get()});
    ASSERT_TRUE(child.ok()) << child.status().ToString();
    child_ = std::move(child).value();
  }
  int Wait() {
    const auto exit = child_.Wait(Context::Background().WithTimeout(std::chrono::seconds(30), "the program"));
    EXPECT_TRUE(exit.ok()) << exit.status().ToString();
    return exit.ok() ? exit->code : -1;
  }
  std::string Output() { return std::move(fs::ReadFile(home_.At("out"))).value(); }

  UniqueFd out_;
  ChildProcess child_;
};

TEST_F(InterruptTest, FirstCtrlCCancelsTheRunAndWaitsForItsEnd) {
  server_.OnSchedule([](const std::string&) {});
  for (const char* progress : {"plain", "tty", "quiet"}) {
    const std::string id = "ca" + std::to_string(server_.scheduled().size() + 1);
    const int streams = server_.streams_begun();
    Start({"--progress", progress});
    ASSERT_TRUE(server_.WaitFor([&] { return server_.streams_begun() > streams; }));
    ASSERT_EQ(::kill(child_.pid(), SIGINT), 0);
    ASSERT_TRUE(server_.WaitFor([&] { return server_.cancel_requested(id); })) << progress;
    server_.AppendLog(id, "stopped\n");
    server_.SetStatus(id, v1::RUN_STATUS_CANCELED);
    EXPECT_EQ(Wait(), 130) << progress;
    if (std::string_view(progress) == "plain") {
      EXPECT_THAT(Output(), HasSubstr("stopped\n"));
      EXPECT_THAT(Output(), HasSubstr("Run was canceled\n"));
    }
  }
}

TEST_F(InterruptTest, SecondCtrlCLeavesAtOnce) {
  server_.OnSchedule([](const std::string&) {});
  Start({});
  ASSERT_TRUE(server_.WaitFor([&] { return server_.streams_begun() == 1; }));
  ASSERT_EQ(::kill(child_.pid(), SIGINT), 0);
  ASSERT_TRUE(server_.WaitFor([&] { return server_.cancel_requested("ca1"); }));
  ASSERT_EQ(::kill(child_.pid(), SIGINT), 0);
  EXPECT_EQ(Wait(), 130);
}

TEST_F(InterruptTest, RunThatSucceedsAllTheSameIsASuccess) {
  server_.OnSchedule([](const std::string&) {});
  Start({});
  ASSERT_TRUE(server_.WaitFor([&] { return server_.streams_begun() == 1; }));
  ASSERT_EQ(::kill(child_.pid(), SIGINT), 0);
  ASSERT_TRUE(server_.WaitFor([&] { return server_.cancel_requested("ca1"); }));
  server_.SetStatus("ca1", v1::RUN_STATUS_SUCCEEDED);
  EXPECT_EQ(Wait(), 0);
}

TEST_F(InterruptTest, BeforeTheRunIsQueuedNothingIsScheduled) {
  std::atomic<bool> reached = false;
  const auto go_on = std::make_shared<std::atomic<bool>>(false);  // the server may look at it when this is over
  server_.OnMissing([&reached, go_on, this] {
    reached = true;
    server_.WaitFor([go_on] { return go_on->load(); });
  });
  Start({});
  ASSERT_TRUE(server_.WaitFor([&] { return reached.load(); }));
  ASSERT_EQ(::kill(child_.pid(), SIGINT), 0);
  EXPECT_EQ(Wait(), 130);
  *go_on = true;
  EXPECT_TRUE(server_.scheduled().empty());
  EXPECT_THAT(Output(), HasSubstr("slipway: interrupted"));
}

TEST_F(InterruptTest, EndsTheProgramWhileItReadsStandardInput) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd in(ends[0]), out(ends[1]);
  auto child = ChildProcess::Spawn(
      {.argv = {SLIPWAY_PROGRAM, "build", "-t", "a", "-"}, .env = Environment(), .stdin_fd = in.get()});
  ASSERT_TRUE(child.ok());
  ASSERT_EQ(::kill(child->pid(), SIGINT), 0);
  const auto exit = child->Wait(Context::Background().WithTimeout(std::chrono::seconds(30), "the program"));
  ASSERT_TRUE(exit.ok());
  EXPECT_EQ(exit->code, 130);
}

TEST_F(InterruptTest, TerminationCancelsTheRunToo) {
  server_.OnSchedule([](const std::string&) {});
  Start({});
  ASSERT_TRUE(server_.WaitFor([&] { return server_.streams_begun() == 1; }));
  ASSERT_EQ(::kill(child_.pid(), SIGTERM), 0);
  ASSERT_TRUE(server_.WaitFor([&] { return server_.cancel_requested("ca1"); }));
  server_.SetStatus("ca1", v1::RUN_STATUS_CANCELED);
  EXPECT_EQ(Wait(), 143);
}

TEST_F(InterruptTest, LostConnectionIsMadeAgain) {
  server_.OnSchedule([this](const std::string& id) { server_.AppendLog(id, "before\n"); });
  Start({});
  ASSERT_TRUE(server_.WaitFor([&] { return Output().find("before\n") != std::string::npos; }));
  server_.Stop();
  server_.AppendLog("ca1", "after\n");
  server_.SetStatus("ca1", v1::RUN_STATUS_SUCCEEDED);
  server_.Start();
  EXPECT_EQ(Wait(), 0);
  EXPECT_THAT(Output(), HasSubstr("before\n"));
  EXPECT_THAT(Output(), HasSubstr("after\n"));
  EXPECT_THAT(Output(), HasSubstr("lost"));
}

}  // namespace
}  // namespace slipway::cli
