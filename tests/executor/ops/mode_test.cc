#include "executor/ops/mode.h"

#include <gtest/gtest.h>

namespace slipway::ops {
namespace {

uint32_t Apply(std::string_view change, uint32_t mode, bool is_dir = false) {
  const auto parsed = ModeChange::Parse(change);
  EXPECT_TRUE(parsed.ok()) << change;
  return parsed.ok() ? parsed->Apply(mode, is_dir) : 0;
}

TEST(ModeChange, OctalReplaces) {
  EXPECT_EQ(Apply("755", 0600), 0755U);
  EXPECT_EQ(Apply("0440", 0777), 0440U);
  EXPECT_EQ(Apply("4755", 0), 04755U);
}

TEST(ModeChange, SymbolicAddsTakesAndSets) {
  EXPECT_EQ(Apply("a+x", 0644), 0755U);
  EXPECT_EQ(Apply("+x", 0644), 0755U);
  EXPECT_EQ(Apply("go-rwx", 0777), 0700U);
  EXPECT_EQ(Apply("u=rwx,go=rx", 0), 0755U);
  EXPECT_EQ(Apply("u+s", 0755), 04755U);
  EXPECT_EQ(Apply("g=u", 0740), 0770U);
}

TEST(ModeChange, CapitalXIsForFoldersAndExecutables) {
  EXPECT_EQ(Apply("a=rX", 0600), 0444U);
  EXPECT_EQ(Apply("a=rX", 0700), 0555U);
  EXPECT_EQ(Apply("a=rX", 0600, true), 0555U);
}

TEST(ModeChange, RefusesWhatIsNeither) {
  for (const char* bad : {"", "8", "12345678", "u", "u+q", "x=y", "u=r,", "99999"}) {
    EXPECT_EQ(ModeChange::Parse(bad).code(), Code::kInvalidArgument) << bad;
  }
}

}  // namespace
}  // namespace slipway::ops
