// What a person reads who asks for something wrong: whole builds, with real files and steps.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "executor/base/fs.h"
#include "executor/builder/builder.h"
#include "executor/tree/entry.h"

namespace slipway::builder {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class ErrorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    dir_ = fs::TempDir::Make("", "slipway-errors-").value();
    Options options;
    options.root = fs::Join(dir_.path(), "state");
    auto builder = Builder::Open(options);
    if (!builder.ok()) GTEST_SKIP() << builder.status().message();
    builder_ = std::move(builder).value();
    lease_ = builder_->store().NewLease("test").value();
  }
  void TearDown() override {
    lease_ = {};
    builder_.reset();
  }

  Digest Put(const std::string& bytes) { return builder_->store().Put(bytes, &lease_).value(); }
  /// A build of these files; the client has applied the ignore file.
  BuildRequest Request(const std::map<std::string, std::string>& files) {
    std::vector<tree::Entry> entries;
    for (const auto& [path, bytes] : files) {
      tree::Entry& entry = entries.emplace_back();
      entry.path = path;
      entry.mode = 0644;
      entry.size = bytes.size();
      if (!bytes.empty()) entry.digest = Put(bytes);
    }
    BuildRequest request;
    request.context = source::UploadedContext{.tree = Put(tree::Encode(tree::Tree(std::move(entries))))};
    return request;
  }
  Status Fails(const BuildRequest& request) {
    const auto built = builder_->Build(Context::Background(), request, nobody_);
    EXPECT_FALSE(built.ok());
    return built.status();
  }
  std::string ErrorOf(const std::map<std::string, std::string>& files) { return Fails(Request(files)).message(); }

  class Nobody : public ProgressSink {
    void OnEvent(const ProgressEvent&) override {}
  };
  fs::TempDir dir_;
  std::unique_ptr<Builder> builder_;
  content::Lease lease_;
  Nobody nobody_;
};

TEST_F(ErrorsTest, ASourceThatIsMissingIsPointedAt) {
  EXPECT_EQ(ErrorOf({{"Dockerfile", "FROM scratch\nCOPY mian.c /\n"}, {"main.c", "x"}}),
            "Dockerfile:2:6: [2/2] COPY mian.c /: '/mian.c' is not there to be copied (COPY and ADD see the build "
            "context as its ignore file leaves it); did you mean 'main.c'?\n"
            "    2 | COPY mian.c /\n"
            "      |      ^");
}

TEST_F(ErrorsTest, ASourceThatIsIgnoredNamesThePattern) {
  EXPECT_THAT(ErrorOf({{"Dockerfile", "FROM scratch\nCOPY a.o /\n"}, {".dockerignore", "# objects\n*.o\n"}}),
              HasSubstr("'/a.o' is left out by line 2 of '.dockerignore' ('*.o')\n"));
}

TEST_F(ErrorsTest, AnIgnoreFileThatLeavesItselfOutTellsAndIsNotSeen) {
  const std::map<std::string, std::string> files = {
      {"Dockerfile", "FROM scratch\nCOPY a .dockerignore /\n"}, {".dockerignore", "*\n!a\n!Dockerfile\n"}, {"a", "x"}};
  EXPECT_THAT(ErrorOf(files), HasSubstr("'/.dockerignore' is left out by line 1 of '.dockerignore' ('*')\n"));
}

TEST_F(ErrorsTest, AnOwnerThatIsUnknownIsPointedAt) {
  EXPECT_THAT(ErrorOf({{"Dockerfile", "FROM scratch\nCOPY --chown=nobdy f /\n"}, {"f", "x"}}),
              StartsWith("Dockerfile:2:6: [2/2] COPY --chown=nobdy f /: owner 'nobdy': "));
  EXPECT_THAT(ErrorOf({{"Dockerfile", "FROM scratch\nUSER nobdy\n\nWORKDIR /w\n"}, {"f", "x"}}),
              StartsWith("Dockerfile:2:6: [2/2] WORKDIR /w: owner 'nobdy': "));
}

TEST_F(ErrorsTest, ADestinationThatIsInTheWayIsPointedAt) {
  EXPECT_THAT(ErrorOf({{"Dockerfile", "FROM scratch\nCOPY f /a\nCOPY f /a/b\n"}, {"f", "x"}}),
              StartsWith("Dockerfile:3:1: [3/3] COPY f /a/b: "));
}

TEST_F(ErrorsTest, WhatTheDockerfileHasWrongIsInvalid) {
  const Status status = Fails(Request({{"Dockerfile", "FROM scratch\nCOPY --from=1 / /\n"}}));
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(status.message(), StartsWith("Dockerfile:2:6: "));
}

TEST_F(ErrorsTest, ADockerfileThatIsMissingIsNamed) {
  BuildRequest request = Request({{"Dockerfile.txt", "FROM scratch\n"}});
  EXPECT_EQ(Fails(request).code(), Code::kNotFound);
  EXPECT_THAT(Fails(request).message(), StartsWith("Dockerfile: the build context has no such file"));
  request.dockerfile = "docker/Web.Dockerfile";
  EXPECT_THAT(Fails(request).message(), StartsWith("docker/Web.Dockerfile: the build context has no such file"));
}

TEST_F(ErrorsTest, ContradictionsAreTold) {
  BuildRequest attested = Request({{"Dockerfile", "FROM scratch\nLABEL a=1\n"}});
  attested.attest.provenance = attest::ProvenanceMode::kMax;
  attested.media_types = oci::Family::kDocker;
  EXPECT_EQ(Fails(attested).code(), Code::kInvalidArgument);
  BuildRequest commit = Request({{"Dockerfile", "FROM scratch\nLABEL a=1\n"}});
  commit.source_date_epoch = "commit";
  EXPECT_EQ(Fails(commit).code(), Code::kFailedPrecondition);
}

TEST_F(ErrorsTest, AContextThatIsNotHereIsToBeUploaded) {
  BuildRequest request;
  request.context = source::UploadedContext{.tree = Digest::Of("never uploaded")};
  const Status status = Fails(request);
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("upload it again"));
}

}  // namespace
}  // namespace slipway::builder
