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

// As BSD's setmode(3), whose rules BuildKit has.
TEST(ModeChange, OddForms) {
  EXPECT_EQ(Apply("o=r", 01777), 01774U) << "the sticky bit is no class's";
  EXPECT_EQ(Apply("o+t", 0755), 0755U);
  EXPECT_EQ(Apply("u+t", 0755), 01755U);
  EXPECT_EQ(Apply("+t", 0755), 01755U);
  EXPECT_EQ(Apply("a=rx", 01777), 01555U);
  EXPECT_EQ(Apply("=", 06755), 0U);
  EXPECT_EQ(Apply("u=rw", 04755), 0655U) << "setuid is the user's";
  EXPECT_EQ(Apply("g=u", 02740), 02770U) << "a copy is of rwx only";
  EXPECT_EQ(Apply("o+s", 0755), 0755U);
  EXPECT_EQ(Apply("a-X", 0755), 0644U);
  EXPECT_EQ(Apply("u=x,g+X", 0600), 0100U) << "X looks at the mode there was";
  EXPECT_EQ(Apply("u+w-x,go-w", 0577), 0655U);
  EXPECT_EQ(Apply("u=gx", 0750), 0150U) << "bits after a copy replace it";
  EXPECT_EQ(Apply("000000755", 0), 0755U);
}

TEST(ModeChange, FoldersMadeOnTheWay) {
  EXPECT_EQ(ModeChange::Parse("4750")->OfMadeFolder(0755), 0750U);
  EXPECT_EQ(ModeChange::Parse("go-rwx")->OfMadeFolder(0755), 0755U);
}

TEST(ModeChange, RefusesWhatIsNeither) {
  for (const char* bad : {"", "8", "12345678", "u", "u+q", "x=y", "u=r,", "99999"}) {
    EXPECT_EQ(ModeChange::Parse(bad).code(), Code::kInvalidArgument) << bad;
  }
}

}  // namespace
}  // namespace slipway::ops
