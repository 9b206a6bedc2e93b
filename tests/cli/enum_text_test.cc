#include "cli/enum_text.h"

#include <gtest/gtest.h>

#include "slipway/v1/tasks.pb.h"

namespace slipway::cli {
namespace {

namespace v1 = ::slipway::v1;

TEST(EnumText, NamesAreThoseOfAcrsModel) {
  EXPECT_EQ(EnumText(v1::TASK_STATUS_ENABLED), "Enabled");
  EXPECT_EQ(EnumText(v1::BASE_IMAGE_TRIGGER_TYPE_RUNTIME), "Runtime");
  EXPECT_EQ(EnumText(v1::TRIGGER_KIND_PULL_REQUEST), "PullRequest");
  EXPECT_EQ(EnumText(v1::REBASE_POLICY_WHEN_SAFE), "whenSafe");
  EXPECT_EQ(EnumText(v1::FORK_POLICY_WITHOUT_SECRETS), "withoutSecrets");
  EXPECT_EQ(EnumText(static_cast<v1::TaskStatus>(99)), "Unknown") << "of a later version";
}

TEST(EnumText, AnyWayOfWritingIsRead) {
  for (const char* text : {"PullRequest", "Pull Request", "pull-request", "PULL_REQUEST"}) {
    EXPECT_EQ(ParseEnum<v1::TriggerKind>(text).value(), v1::TRIGGER_KIND_PULL_REQUEST) << text;
  }
  EXPECT_EQ(ParseEnum<v1::TriggerKind>("Timr").status().message(), "'Timr' is unknown; did you mean 'Timer'?");
  EXPECT_EQ(ParseEnum<v1::TaskStatus>("x").status().message(), "'x' is unknown; there are Enabled, Disabled");
  EXPECT_EQ(ParseEnum<v1::TaskStatus>("Unspecified").code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace slipway::cli
