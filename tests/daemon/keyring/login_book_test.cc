#include "daemon/keyring/login_book.h"

#include <gmock/gmock.h>

#include "tests/daemon/keyring/keyring_fixture.h"
#include "tests/testing/manual_clock.h"

namespace slipway::keyring {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

class LoginBookTest : public KeyringFixture {
 protected:
  LoginBookTest() { Open(); }
  void Open() {
    book_ = *LoginBook::Open({.store = *store_,
                              .sealer = *sealer_,
                              .clock = clock_,
                              .resolve = [this](const Context&, const std::string& address) -> Result<std::string> {
                                ++asked_;
                                if (values_.contains(address)) return values_[address];
                                return NotFound("nothing at '{}'", address);
                              }});
  }
  void Set(const std::string& host, const std::string& user, const std::string& password,
           store::LoginKind kind = store::LoginKind::kRegistry) {
    ASSERT_TRUE(book_->Set(Login(host, user, "", kind), password).ok());
  }
  static store::StoredLogin Login(const std::string& host, const std::string& user, const std::string& secret,
                                  store::LoginKind kind = store::LoginKind::kRegistry) {
    return {.kind = kind,
            .host = host,
            .username = user,
            .secret = secret,
            .create_time = {},
            .update_time = {},
            .sealed = {}};
  }

  const Context ctx_ = Context::Background();
  testing::ManualClock clock_;
  std::map<std::string, std::string> values_;
  int asked_ = 0;
  std::unique_ptr<LoginBook> book_;
};

TEST_F(LoginBookTest, RegistriesAndGitHostsAreAskedApart) {
  Set("h.io", "ada", "hush-registry");
  Set("h.io", "", "hush-token", store::LoginKind::kGit);
  const auto registry = *book_->registries()->Lookup(ctx_, "h.io");
  ASSERT_TRUE(registry.has_value());
  EXPECT_EQ(registry->username, "ada");
  EXPECT_EQ(registry->password, "hush-registry");
  const auto git = *book_->git_hosts()->Lookup(ctx_, "h.io");
  ASSERT_TRUE(git.has_value());
  EXPECT_EQ(git->user, "");
  EXPECT_EQ(git->password, "hush-token");
  EXPECT_FALSE(book_->git_hosts()->Lookup(ctx_, "g.io")->has_value());
}

TEST_F(LoginBookTest, ATokenAloneIsAnIdentityToken) {
  Set("r.io", "", "hush-token");
  const auto login = *book_->registries()->Lookup(ctx_, "r.io");
  EXPECT_EQ(login->identity_token, "hush-token");
  EXPECT_EQ(login->password, "");
}

TEST_F(LoginBookTest, AreThereAfterARestartAndNotInTheClear) {
  Set("r.io", "ada", "hush-password");
  EXPECT_THAT(Disk(), HasSubstr("r.io"));
  EXPECT_THAT(Disk(), Not(HasSubstr("hush")));
  Open();
  EXPECT_EQ((*book_->registries()->Lookup(ctx_, "r.io"))->password, "hush-password");
  EXPECT_THAT(book_->Values(), ElementsAre("hush-password"));
  ASSERT_TRUE(book_->Delete(store::LoginKind::kRegistry, "r.io").ok());
  EXPECT_FALSE(book_->registries()->Lookup(ctx_, "r.io")->has_value());
  const Status gone = book_->Delete(store::LoginKind::kRegistry, "r.io");
  EXPECT_EQ(gone.code(), Code::kNotFound);
}

TEST_F(LoginBookTest, AMistypedHostIsTold) {
  Set("registry.example.com", "ada", "hush");
  EXPECT_THAT(book_->Delete(store::LoginKind::kRegistry, "registry.exmaple.com").message(),
              HasSubstr("did you mean 'registry.example.com'?"));
}

TEST_F(LoginBookTest, APasswordElsewhereIsReadWhenItIsNeededAndKeptForAMinute) {
  values_["vault:kv/r#pw"] = "hush-one";
  ASSERT_TRUE(book_->Set(Login("r.io", "ada", "vault:kv/r#pw"), "").ok());
  EXPECT_EQ(asked_, 0);
  EXPECT_EQ((*book_->registries()->Lookup(ctx_, "r.io"))->password, "hush-one");
  EXPECT_EQ((*book_->registries()->Lookup(ctx_, "r.io"))->password, "hush-one");
  EXPECT_EQ(asked_, 1);
  EXPECT_THAT(book_->Values(), ElementsAre("hush-one"));
  values_["vault:kv/r#pw"] = "hush-two";
  clock_.now += std::chrono::minutes(2);
  EXPECT_EQ((*book_->registries()->Lookup(ctx_, "r.io"))->password, "hush-two");
}

TEST_F(LoginBookTest, ASecretOfTheStoreIsReadEachTime) {
  values_["store:r"] = "hush-one";
  ASSERT_TRUE(book_->Set(Login("r.io", "ada", "store:r"), "").ok());
  EXPECT_EQ((*book_->registries()->Lookup(ctx_, "r.io"))->password, "hush-one");
  values_["store:r"] = "hush-two";
  EXPECT_EQ((*book_->registries()->Lookup(ctx_, "r.io"))->password, "hush-two");
}

TEST_F(LoginBookTest, WhatCannotBeReadIsAnErrorThatNamesTheLogin) {
  ASSERT_TRUE(book_->Set(Login("r.io", "ada", "store:gone"), "").ok());
  const auto missing = book_->registries()->Lookup(ctx_, "r.io");
  EXPECT_EQ(missing.code(), Code::kNotFound);
  EXPECT_THAT(missing.status().message(), HasSubstr("the login of the registry 'r.io' for all"));
  values_["store:gone"] = "ab";
  const auto shorter = book_->registries()->Lookup(ctx_, "r.io");
  EXPECT_EQ(shorter.code(), Code::kFailedPrecondition);
  EXPECT_THAT(shorter.status().message(), HasSubstr("holds 2 bytes"));
}

TEST_F(LoginBookTest, AreSealedAnewWithANewKey) {
  Set("r.io", "ada", "hush");
  ASSERT_TRUE(book_->Set(Login("s.io", "ada", "store:s"), "").ok());
  ASSERT_TRUE(secrets::Sealer::AddKey(KeyFile()).ok());
  EXPECT_EQ(*ResealLogins(*store_, *secrets::Sealer::Open(KeyFile())), 1U);
  ASSERT_TRUE(secrets::Sealer::DropOldKeys(KeyFile()).ok());
  sealer_ = std::make_unique<secrets::Sealer>(*secrets::Sealer::Open(KeyFile()));
  Open();
  EXPECT_EQ((*book_->registries()->Lookup(ctx_, "r.io"))->password, "hush");
}

TEST(LoginHost, IsAsReferencesAndAddressesCarryIt) {
  constexpr auto kRegistry = store::LoginKind::kRegistry;
  constexpr auto kGit = store::LoginKind::kGit;
  EXPECT_EQ(*LoginHost(kRegistry, "https://index.docker.io/v1/"), "docker.io");
  EXPECT_EQ(*LoginHost(kRegistry, "docker.io"), "docker.io");
  EXPECT_EQ(*LoginHost(kRegistry, "https://reg.example.com:5000/"), "reg.example.com:5000");
  EXPECT_EQ(*LoginHost(kGit, "Git.Example.com:443"), "git.example.com");
  EXPECT_EQ(*LoginHost(kGit, "https://git:8443/"), "git:8443");
  for (const char* bad : {"", "reg.example.com/team", "a b.io", "single"}) {
    EXPECT_EQ(LoginHost(kRegistry, bad).code(), Code::kInvalidArgument) << bad;
  }
  for (const char* bad : {"", "git.io/x", "ada@git.io", "git.io#x", "http://git.io"}) {
    EXPECT_EQ(LoginHost(kGit, bad).code(), Code::kInvalidArgument) << bad;
  }
}

}  // namespace
}  // namespace slipway::keyring
