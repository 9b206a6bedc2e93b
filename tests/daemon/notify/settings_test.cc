#include "daemon/notify/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "executor/base/fs.h"

namespace slipway::notify {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Settings, AMistakeNeverShowsTheSecret) {
  for (const char* text : {"url=https://a,secret=hidden,secret=hidden", "hidden", "url=https://a,secret=hidden,hidden",
                           "url=https://me:hidden@a b/,secret=hidden", "\"url=https://a,secret=hidden"}) {
    const auto target = ParseTarget(text);
    EXPECT_EQ(target.code(), Code::kInvalidArgument) << text;
    EXPECT_THAT(target.status().message(), Not(HasSubstr("hidden")));
  }
}

TEST(Settings, SecretsAreReadFromTheirFiles) {
  const fs::TempDir dir = *fs::TempDir::Make();
  ASSERT_TRUE(fs::WriteFileAtomic(dir.path() + "/s", "k3y\n").ok());
  ASSERT_TRUE(fs::WriteFileAtomic(dir.path() + "/empty", "\n").ok());
  std::vector<Target> targets = {*ParseTarget("url=https://a,secret_file=" + dir.path() + "/s")};
  ASSERT_TRUE(LoadSecrets(&targets).ok());
  EXPECT_EQ(targets[0].secret, "k3y");
  targets = {*ParseTarget("url=https://a,secret_file=" + dir.path() + "/empty")};
  EXPECT_EQ(LoadSecrets(&targets).code(), Code::kInvalidArgument);
  targets = {*ParseTarget("url=https://a/?t=x,secret_file=" + dir.path() + "/none")};
  const Status missing = LoadSecrets(&targets);
  EXPECT_EQ(missing.code(), Code::kNotFound);
  EXPECT_THAT(missing.message(), HasSubstr("https://a/"));
}

}  // namespace
}  // namespace slipway::notify
