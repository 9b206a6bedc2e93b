// Secrets as files in memory, and sockets of agents, as a container gets them.
#include "executor/ops/lent_mounts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "tests/testing/fake_agent.h"

namespace slipway::ops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LentMountsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "mounting needs root";
    lent_.secrets = {{"tok", "value"}, {"nul", std::string("a\0b", 3)}};
    lent_.ssh = {"default"};
    lent_.agents = std::make_shared<testing::FakeAgent>([](const auto&, const auto&) { return std::string("\x0c"); });
  }
  std::unique_ptr<LentMounts> Make() {
    return std::make_unique<LentMounts>(dir_.path(), std::make_shared<const graph::Lent>(lent_), snapshot::IdMap{});
  }
  Status Add(LentMounts& lent, const graph::ExecMount& mount) {
    return lent.Add(Context::Background(), mount, VertexProgress(), &mounts_, &env_);
  }
  static graph::ExecMount Secret(const std::string& id, const std::string& target) {
    graph::ExecMount mount;
    mount.type = graph::MountType::kSecret;
    mount.id = id;
    mount.target = target;
    mount.mode = 0440;
    mount.uid = 7;
    mount.gid = 8;
    return mount;
  }

  fs::TempDir dir_ = *fs::TempDir::Make();
  graph::Lent lent_;
  std::vector<runtime::Mount> mounts_;
  std::vector<std::string> env_;
};

TEST_F(LentMountsTest, ASecretIsAReadOnlyFileInMemory) {
  const auto lent = Make();
  ASSERT_TRUE(Add(*lent, Secret("tok", "/run/secrets/tok")).ok());
  ASSERT_EQ(mounts_.size(), 1U);
  EXPECT_EQ(mounts_[0].destination, "/run/secrets/tok");
  EXPECT_TRUE(mounts_[0].read_only);
  EXPECT_EQ(*fs::ReadFile(mounts_[0].source), "value");
  struct stat st {};
  ASSERT_EQ(::stat(mounts_[0].source.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777U, 0440U);
  EXPECT_EQ(st.st_uid, 7U);
  EXPECT_EQ(st.st_gid, 8U);
  struct statfs file_system {};
  ASSERT_EQ(::statfs(mounts_[0].source.c_str(), &file_system), 0);
  constexpr auto kTmpfs = 0x01021994;
  EXPECT_EQ(file_system.f_type, kTmpfs);
}

TEST_F(LentMountsTest, NothingStaysBehind) {
  {
    const auto lent = Make();
    ASSERT_TRUE(Add(*lent, Secret("tok", "/a")).ok());
    ASSERT_TRUE(Add(*lent, Secret("tok", "/b")).ok());
  }
  EXPECT_THAT(*fs::ListDir(dir_.path()), IsEmpty());
}

TEST_F(LentMountsTest, ASecretCanBeAVariable) {
  const auto lent = Make();
  graph::ExecMount mount = Secret("tok", "");
  mount.env = "TOKEN";
  ASSERT_TRUE(Add(*lent, mount).ok());
  EXPECT_THAT(env_, ElementsAre("TOKEN=value"));
  EXPECT_THAT(mounts_, IsEmpty());
  mount.id = "nul";
  const Status nul = Add(*lent, mount);
  EXPECT_THAT(nul.message(), HasSubstr("'nul' holds a NUL byte"));
}

TEST_F(LentMountsTest, WhatWasNotLentIsMissedOnlyIfRequired) {
  const auto lent = Make();
  graph::ExecMount secret = Secret("none", "/a");
  graph::ExecMount agent;
  agent.type = graph::MountType::kSsh;
  agent.id = "none";
  EXPECT_TRUE(Add(*lent, secret).ok());
  EXPECT_TRUE(Add(*lent, agent).ok());
  EXPECT_THAT(mounts_, IsEmpty());
  secret.required = agent.required = true;
  EXPECT_EQ(Add(*lent, secret).code(), Code::kNotFound);
  EXPECT_THAT(Add(*lent, agent).message(), HasSubstr("no SSH agent 'none' is forwarded"));
}

TEST_F(LentMountsTest, AnAgentIsASocket) {
  const auto lent = Make();
  graph::ExecMount mount;
  mount.type = graph::MountType::kSsh;
  mount.id = "default";
  mount.target = "/run/buildkit/ssh_agent.0";
  mount.uid = 9;
  ASSERT_TRUE(Add(*lent, mount).ok());
  struct stat st {};
  ASSERT_EQ(::stat(mounts_.at(0).source.c_str(), &st), 0);
  EXPECT_TRUE(S_ISSOCK(st.st_mode));
  EXPECT_EQ(st.st_uid, 9U);
  EXPECT_TRUE(lent->trouble().ok());
}

TEST_F(LentMountsTest, AnAgentWhoseClientIsGoneEndsAStepThatRequiresIt) {
  lent_.agents = std::make_shared<testing::FakeAgent>(
      [](const auto&, const auto&) { return Result<std::string>(Unavailable("the client is gone")); });
  const auto lent = Make();
  graph::ExecMount mount;
  mount.type = graph::MountType::kSsh;
  mount.id = "default";
  mount.target = "/s";
  EXPECT_TRUE(Add(*lent, mount).ok());
  EXPECT_THAT(mounts_, IsEmpty());
  mount.required = true;
  EXPECT_EQ(Add(*lent, mount).code(), Code::kUnavailable);
}

}  // namespace
}  // namespace slipway::ops
