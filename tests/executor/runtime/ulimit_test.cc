#include "executor/runtime/ulimit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::runtime {
namespace {

using ::testing::HasSubstr;

TEST(Ulimit, HasASoftAndAHardLimit) {
  const Ulimit both = *ParseUlimit("nofile=1024:2048");
  EXPECT_EQ(both.name, "nofile");
  EXPECT_EQ(both.soft, 1024);
  EXPECT_EQ(both.hard, 2048);
  const Ulimit one = *ParseUlimit("core=0");
  EXPECT_EQ(one.soft, 0);
  EXPECT_EQ(one.hard, 0);
  EXPECT_EQ(ParseUlimit("memlock=-1:-1")->hard, -1);
  EXPECT_EQ(ParseUlimit("nproc=5:-1")->soft, 5);
}

TEST(Ulimit, SaysWhatIsWrong) {
  for (const char* text : {"", "nofile", "nofile=", "nofile=x", "nofile=1:", "nofile=1:2:3", "nofile=-2", "=1"}) {
    EXPECT_EQ(ParseUlimit(text).code(), Code::kInvalidArgument) << text;
  }
  EXPECT_THAT(ParseUlimit("nofiles=1").status().message(), HasSubstr("did you mean 'nofile'?"));
  EXPECT_THAT(ParseUlimit("nofile=3:2").status().message(), HasSubstr("above the hard one"));
  EXPECT_THAT(ParseUlimit("nofile=-1:2").status().message(), HasSubstr("above the hard one"));
}

}  // namespace
}  // namespace slipway::runtime
