#include "executor/runtime/binfmt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kArm64 =
    "enabled\n"
    "interpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P\n"
    "flags: POF\n"
    "offset 0\n"
    "magic 7f454c460201010000000000000000000200b700\n"
    "mask ffffffffffffff00fffffffffffffffffeffffff\n";

oci::Platform P(std::string_view text) { return *oci::Platform::Parse(text); }

Result<std::vector<BinfmtHandler>> One(std::string_view text) {
  auto handler = ParseBinfmtHandler("qemu-aarch64", text);
  if (!handler.ok()) return handler.status();
  return std::vector<BinfmtHandler>{*handler};
}

std::string Replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out(text);
  out.replace(out.find(from), from.size(), to);
  return out;
}

TEST(Binfmt, ReadsWhatTheKernelWrites) {
  const auto handler = ParseBinfmtHandler("qemu-aarch64", kArm64);
  ASSERT_TRUE(handler.ok()) << handler.status().message();
  EXPECT_TRUE(handler->enabled);
  EXPECT_TRUE(handler->fixed);
  EXPECT_EQ(handler->interpreter, "/usr/libexec/qemu-binfmt/aarch64-binfmt-P");
  EXPECT_EQ(handler->magic.size(), 20U);
  EXPECT_TRUE(handler->Matches(ProgramHeader("arm64")));
  EXPECT_FALSE(handler->Matches(ProgramHeader("arm")));
  EXPECT_FALSE(handler->Matches(ProgramHeader("s390x")));
  EXPECT_FALSE(handler->Matches("short"));
}

TEST(Binfmt, BigEndianMachinesHaveTheirNumbersTurnedRound) {
  // As Debian registers qemu-s390x.
  const auto handler = ParseBinfmtHandler("qemu-s390x",
                                          "enabled\ninterpreter /usr/bin/qemu-s390x-static\nflags: F\noffset 0\n"
                                          "magic 7f454c4602020100000000000000000000020016\n"
                                          "mask ffffffffffffff00fffffffffffffffffffeffff\n");
  ASSERT_TRUE(handler.ok());
  EXPECT_TRUE(handler->Matches(ProgramHeader("s390x")));
  EXPECT_FALSE(handler->Matches(ProgramHeader("arm64")));
}

TEST(Binfmt, BadEntriesAreRefused) {
  for (const std::string_view bad :
       {"", "nonsense\n", "enabled\n", "enabled\ninterpreter /x\nmagic 7\n", "enabled\ninterpreter /x\nmagic zz\n",
        "enabled\ninterpreter /x\nmagic 7f45\nmask ff\n", "enabled\ninterpreter /x\noffset -1\n",
        "enabled\ninterpreter /x\noffset 99999999999999999999\n"}) {
    EXPECT_EQ(ParseBinfmtHandler("x", bad).code(), Code::kInvalidArgument) << bad;
  }
}

TEST(Binfmt, AHandlerByExtensionHandlesNoProgram) {
  const auto handler = ParseBinfmtHandler("py", "enabled\ninterpreter /usr/bin/python3\nflags: \nextension .py\n");
  ASSERT_TRUE(handler.ok());
  EXPECT_FALSE(handler->Matches(ProgramHeader("arm64")));
}

TEST(Runnable, ThisMachinesOwnNeedsNoHandler) {
  const std::vector<BinfmtHandler> none;
  EXPECT_TRUE(CheckRunnable(P("linux/amd64"), P("linux/amd64"), none, "").ok());
  EXPECT_TRUE(CheckRunnable(P("linux/amd64/v3"), P("linux/amd64"), none, "").ok());
  EXPECT_TRUE(CheckRunnable(P("linux/386"), P("linux/amd64"), none, "").ok());
  EXPECT_TRUE(CheckRunnable(P("linux/arm/v7"), P("linux/arm64"), none, "").ok());
}

TEST(Runnable, AHandlerThatMatches) {
  EXPECT_TRUE(CheckRunnable(P("linux/arm64"), P("linux/amd64"), One(kArm64), "").ok());
}

TEST(Runnable, NoneSaysWhatToInstallAndHowToRegister) {
  const Status status = CheckRunnable(P("linux/s390x"), P("linux/amd64"), One(kArm64), "");
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("programs of linux/s390x cannot run on this machine, which is linux/amd64"));
  EXPECT_THAT(status.message(), HasSubstr("apt-get install qemu-user-static"));
  EXPECT_THAT(status.message(), HasSubstr("cat /usr/lib/binfmt.d/qemu-s390x.conf"));
}

TEST(Runnable, DisabledSaysHowToEnable) {
  const Status status =
      CheckRunnable(P("linux/arm64"), P("linux/amd64"), One(Replaced(kArm64, "enabled", "disabled")), "");
  EXPECT_THAT(status.message(), HasSubstr("echo 1 > /proc/sys/fs/binfmt_misc/qemu-aarch64"));
}

TEST(Runnable, WithoutFlagFTheInterpreterMustBeInTheImage) {
  // "/" stands for a root file system that has it, or has not.
  const auto absent = One(Replaced(kArm64, "POF", "PO"));
  const std::string interpreter = "interpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P";
  const auto present = One(Replaced(Replaced(kArm64, "POF", "PO"), interpreter, "interpreter /bin/sh"));
  const auto nowhere = One(Replaced(Replaced(kArm64, "POF", "PO"), interpreter, "interpreter /no/such/qemu"));
  EXPECT_TRUE(CheckRunnable(P("linux/arm64"), P("linux/amd64"), absent, "").ok()) << "no root yet";
  EXPECT_TRUE(CheckRunnable(P("linux/arm64"), P("linux/amd64"), present, "/").ok());
  const Status status = CheckRunnable(P("linux/arm64"), P("linux/amd64"), nowhere, "/");
  EXPECT_THAT(status.message(), HasSubstr("lacks flag F, so '/no/such/qemu' would have to be in the image"));
}

TEST(Runnable, ATableThatCannotBeSeenIsSaidSo) {
  const Result<std::vector<BinfmtHandler>> unseen = Unavailable("open the file system binfmt_misc: not permitted");
  const Status status = CheckRunnable(P("linux/arm64"), P("linux/amd64"), unseen, "");
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("not permitted"));
  EXPECT_THAT(DescribeEmulation(P("linux/amd64"), unseen), HasSubstr("none: open the file system"));
}

TEST(Runnable, UnknownArchitecturesAndSystems) {
  EXPECT_THAT(CheckRunnable(P("linux/vax"), P("linux/amd64"), One(kArm64), "").message(),
              HasSubstr("no emulator is known"));
  EXPECT_THAT(CheckRunnable(P("windows/amd64"), P("linux/amd64"), One(kArm64), "").message(),
              HasSubstr("no emulator is known"));
}

TEST(Emulation, NamesWhatRuns) {
  EXPECT_EQ(DescribeEmulation(P("linux/amd64"), One(kArm64)), "linux/arm64");
  EXPECT_THAT(DescribeEmulation(P("linux/amd64"), One(Replaced(kArm64, "POF", "PO"))), HasSubstr("qemu-user-static"));
  EXPECT_THAT(DescribeEmulation(P("linux/arm64"), One(kArm64)), Not(HasSubstr("linux/arm64")));
}

TEST(Binfmt, AFolderWithoutTheFileSystemIsNotTakenForAnEmptyTable) {
  EXPECT_EQ(ReadBinfmtFolder("/usr").code(), Code::kUnavailable);
}

}  // namespace
}  // namespace slipway::runtime
