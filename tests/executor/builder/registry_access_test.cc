#include "executor/builder/registry_access.h"

#include <gtest/gtest.h>

namespace slipway::builder {
namespace {

std::shared_ptr<registry::CredentialSource> For(const std::string& host) {
  return registry::StaticCredentials({{host, {.username = "ada", .password = "pw"}}});
}

TEST(OpenLogins, AreThoseOfRunsThatAreUnderWay) {
  const Context ctx = Context::Background();
  OpenLogins logins;
  logins.Add(nullptr);
  EXPECT_TRUE(logins.For(ctx, "r.io").empty());
  const auto first = For("r.io");
  auto second = For("r.io");
  const auto other = For("q.io");
  for (const auto& source : {first, other, second, first, second}) logins.Add(source);
  ASSERT_EQ(logins.For(ctx, "r.io").size(), 2U);
  EXPECT_EQ(logins.For(ctx, "r.io")[0], second) << "the latest first";
  second.reset();
  ASSERT_EQ(logins.For(ctx, "r.io").size(), 1U);
  EXPECT_EQ(logins.For(ctx, "r.io")[0], first);
}

}  // namespace
}  // namespace slipway::builder
