#include "executor/base/status.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace slipway {
namespace {

TEST(Status, OkHasNoMessage) {
  EXPECT_TRUE(Status().ok());
  EXPECT_EQ(Status().code(), Code::kOk);
  EXPECT_EQ(Status().message(), "");
  EXPECT_EQ(Status().ToString(), "OK");
  EXPECT_TRUE(Status(Code::kOk, "ignored").ok());
}

TEST(Status, ContextGoesInFrontAndTheCodeStays) {
  Status status = NotFound("tag '{}' is unknown", "v1").With("pull 'alpine'");
  EXPECT_EQ(status.code(), Code::kNotFound);
  EXPECT_EQ(status.message(), "pull 'alpine': tag 'v1' is unknown");
  EXPECT_EQ(status.ToString(), "NOT_FOUND: pull 'alpine': tag 'v1' is unknown");
  EXPECT_TRUE(Status().With("context").ok());
}

TEST(Status, CodesCarryTheNumbersOfGrpc) {
  EXPECT_EQ(static_cast<int>(Code::kUnauthenticated), 16);
  EXPECT_EQ(static_cast<int>(Code::kFailedPrecondition), 9);
  EXPECT_EQ(CodeName(Code::kDataLoss), "DATA_LOSS");
}

TEST(Status, ErrnoSaysWhatItMeans) {
  EXPECT_EQ(ErrnoStatus(ENOENT, "open 'x'").ToString(), "NOT_FOUND: open 'x': No such file or directory");
  EXPECT_EQ(ErrnoStatus(ENOSPC, "").code(), Code::kResourceExhausted);
  EXPECT_EQ(ErrnoStatus(EFBIG, "").code(), Code::kResourceExhausted);
  EXPECT_EQ(ErrnoStatus(EACCES, "").code(), Code::kPermissionDenied);
  EXPECT_EQ(ErrnoStatus(EIO, "").code(), Code::kUnknown);
}

Result<int> Half(int value) {
  if (value % 2 != 0) return InvalidArgument("{} is odd", value);
  return value / 2;
}

Result<int> Quarter(int value) {
  SLIPWAY_ASSIGN_OR_RETURN(const int half, Half(value));
  SLIPWAY_ASSIGN_OR_RETURN(const int quarter, Half(half));
  return quarter;
}

Status CheckQuarter(int value) {
  SLIPWAY_RETURN_IF_ERROR(Quarter(value).status());
  return Status();
}

TEST(Result, HoldsAValueOrTheReason) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).status().message(), "3 is odd");
  EXPECT_EQ(CheckQuarter(7).code(), Code::kInvalidArgument);
  EXPECT_TRUE(CheckQuarter(4).ok());
  EXPECT_EQ(Half(3).ValueOr(9), 9);
  EXPECT_EQ(Half(3).With("halve").status().message(), "halve: 3 is odd");
  EXPECT_EQ(*Half(4).With("halve"), 2);
}

TEST(Result, HoldsWhatCannotBeCopied) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(5);
  std::unique_ptr<int> value = *std::move(result);
  EXPECT_EQ(*value, 5);
}

}  // namespace
}  // namespace slipway
