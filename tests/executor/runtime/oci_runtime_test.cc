#include "executor/runtime/oci_runtime.h"

#include <gtest/gtest.h>

namespace slipway::runtime {
namespace {

TEST(RuntimeErrors, OnlyThoseOfLevelError) {
  EXPECT_EQ(RuntimeErrors(R"({"level":"warning","msg":"w"}
not json
{"level":"error","msg":"one"}
{"level":"error","msg":"two"})"),
            "one; two");
}

TEST(StartFailure, ProgramThatIsNotThereIsNotFound) {
  const Status status = StartFailure(
      "runc run failed: unable to start container process: exec: \"foo\": executable file not found in $PATH");
  EXPECT_EQ(status.code(), Code::kNotFound);
  EXPECT_EQ(status.message(), "exec: \"foo\": executable file not found in $PATH");
}

TEST(StartFailure, WordsOfCrun) {
  EXPECT_EQ(StartFailure("executable file `foo` not found in $PATH: No such file or directory").code(),
            Code::kNotFound);
  EXPECT_EQ(StartFailure("open executable: Permission denied").code(), Code::kPermissionDenied);
}

TEST(StartFailure, AFolderIsNotAProgram) {
  EXPECT_EQ(
      StartFailure("runc run failed: unable to start container process: exec: \"/etc\": permission denied").code(),
      Code::kPermissionDenied);
}

TEST(StartFailure, WhatIsNotTheImagesFaultIsUnavailable) {
  EXPECT_EQ(StartFailure("runc run failed: no cgroup mount found in mountinfo").code(), Code::kUnavailable);
  EXPECT_EQ(StartFailure("").code(), Code::kUnavailable);
}

TEST(OciRuntime, WithoutCgroupsItGetsAnEmptyHierarchy) {
  const OciRuntime runtime{.name = "runc", .path = "/usr/sbin/runc"};
  const auto argv = runtime.Command("/s").argv;
  EXPECT_EQ(argv[0], "unshare");
  EXPECT_EQ(std::vector<std::string>(argv.end() - 3, argv.end()),
            (std::vector<std::string>{"/usr/sbin/runc", "--root", "/s"}));
}

TEST(OciRuntime, OneForV1OnlyIsNotShownTheOtherHierarchy) {
  OciRuntime runtime{.name = "crun", .path = "/usr/bin/crun"};
  runtime.cgroups = {.mode = CgroupMode::kV1, .controllers = {"memory"}, .mounts = {}};
  runtime.cgroups.mounts = {{"memory", "/sys/fs/cgroup/memory"}, {"", "/sys/fs/cgroup/unified"}};
  EXPECT_EQ(runtime.Command("/s").hidden_mount, "");
  runtime.v1_only = true;
  EXPECT_EQ(runtime.Command("/s").hidden_mount, "/sys/fs/cgroup/unified");
  EXPECT_EQ(runtime.Command("/s").argv, (std::vector<std::string>{"/usr/bin/crun", "--root", "/s"}));
}

TEST(OciRuntime, OfProgramsInGoOneThreadIsEnough) {
  const OciRuntime runtime{.name = "runc", .path = "/usr/sbin/runc"};
  const auto environment = runtime.Command("/s").env;
  ASSERT_TRUE(environment.has_value());
  EXPECT_EQ(environment->at("GOMAXPROCS"), "1");
  EXPECT_EQ(environment->at("PATH"), std::string(std::getenv("PATH")));
}

}  // namespace
}  // namespace slipway::runtime
