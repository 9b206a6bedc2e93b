#include "daemon/runs/run_logins.h"

#include <gtest/gtest.h>

#include "daemon/runs/run_secrets.h"

namespace slipway::runs {
namespace {

const RunLogins kLogins = {.logins = {{"reg.example.com", "ada", "pw\xff"}, {"r.io:5000", "", "tok"}},
                           .isolated = true};

TEST(RunLogins, TravelWithTheSecretsOfARun) {
  task::QuickBuild build;
  build.source_location = "https://ada:tok@h/a.git";
  const SplitBuild split = SplitSecrets(build);
  const std::string secrets = WithLogins(split.secrets, kLogins);
  EXPECT_EQ(*LoginsOf(secrets), kLogins);
  EXPECT_EQ(JoinSecrets(split.open, secrets)->source_location, build.source_location);
  EXPECT_EQ(*LoginsOf(WithLogins("", kLogins)), kLogins);
}

TEST(RunLogins, NoneAddNothing) {
  EXPECT_EQ(WithLogins("", {}), "");
  EXPECT_EQ(*LoginsOf(""), RunLogins());
  task::QuickBuild build;
  build.source_location = "https://ada:tok@h/a.git";
  EXPECT_EQ(*LoginsOf(SplitSecrets(build).secrets), RunLogins());
  EXPECT_EQ(LoginsOf("garbage").code(), Code::kDataLoss);
}

TEST(RunLogins, ATokenAloneIsOne) {
  const builder::RegistryAccess access = MakeAccess(kLogins);
  EXPECT_TRUE(access.isolated);
  const Context ctx = Context::Background();
  EXPECT_EQ((*access.logins->Lookup(ctx, "reg.example.com"))->username, "ada");
  EXPECT_EQ((*access.logins->Lookup(ctx, "r.io:5000"))->identity_token, "tok");
  EXPECT_FALSE(access.logins->Lookup(ctx, "r.io")->has_value());
  EXPECT_EQ(MakeAccess({}).logins, nullptr);
}

}  // namespace
}  // namespace slipway::runs
