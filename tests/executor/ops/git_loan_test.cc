#include "executor/ops/git_loan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/testing/fake_agent.h"

namespace slipway::ops {
namespace {

using ::testing::HasSubstr;

class GitLoanTest : public ::testing::Test {
 protected:
  // The context of `url` with what is lent to it.
  source::GitContext Lend(const std::string& url) {
    source::GitContext git{.url = url};
    loan_ = *LendToGit(Context::Background(), dir_.path(), std::make_shared<const graph::Lent>(lent_), &git);
    return git;
  }
  void Forward(const std::string& id) {
    lent_.ssh.insert(id);
    lent_.agents = std::make_shared<testing::FakeAgent>([](const auto&, const auto&) { return std::string("\x0c"); });
  }

  fs::TempDir dir_ = *fs::TempDir::Make();
  graph::Lent lent_;
  GitLoan loan_;
};

TEST_F(GitLoanTest, TheTokenOfTheHostGoesBeforeTheOneForAll) {
  lent_.secrets = {{"GIT_AUTH_TOKEN", "all\n"}, {"GIT_AUTH_TOKEN.host.io", "own"}};
  EXPECT_EQ(Lend("https://host.io/x.git").token, "own");
  EXPECT_EQ(Lend("https://other.io/x.git").token, "all");
}

TEST_F(GitLoanTest, ATokenIsForHttpsWithoutCredentialsOnly) {
  lent_.secrets = {{"GIT_AUTH_TOKEN", "all"}};
  EXPECT_EQ(Lend("https://me:mine@host.io/x.git").token, "");
  EXPECT_EQ(Lend("http://host.io/x.git").token, "");
  EXPECT_EQ(Lend("git@host.io:x.git").token, "");
}

TEST_F(GitLoanTest, SshGetsASocketOfTheDefaultAgent) {
  Forward("default");
  const source::GitContext git = Lend("git@host.io:x.git");
  EXPECT_THAT(git.ssh_agent, HasSubstr(dir_.path()));
  EXPECT_TRUE(fs::Exists(git.ssh_agent));
  loan_ = {};
  EXPECT_FALSE(fs::Exists(git.ssh_agent));
}

TEST_F(GitLoanTest, OtherAgentsAreNotForGit) {
  Forward("other");
  EXPECT_EQ(Lend("git@host.io:x.git").ssh_agent, "");
}

TEST_F(GitLoanTest, AClientThatIsGoneIsTold) {
  lent_.ssh.insert("default");
  lent_.agents = std::make_shared<testing::FakeAgent>(
      [](const auto&, const auto&) { return Result<std::string>(Unavailable("gone")); });
  source::GitContext git{.url = "git@host.io:x.git"};
  const auto loan = LendToGit(Context::Background(), dir_.path(), std::make_shared<const graph::Lent>(lent_), &git);
  EXPECT_EQ(loan.code(), Code::kUnavailable);
}

TEST_F(GitLoanTest, NothingLentIsNothingChanged) {
  source::GitContext git{.url = "git@host.io:x.git"};
  EXPECT_TRUE(LendToGit(Context::Background(), dir_.path(), nullptr, &git).ok());
  EXPECT_EQ(git.ssh_agent, "");
}

}  // namespace
}  // namespace slipway::ops
