#include "executor/base/base64.h"

#include <gtest/gtest.h>

namespace slipway {
namespace {

TEST(Base64, EncodesEveryRemainderWithPadding) {
  EXPECT_EQ(Base64Encode(""), "");
  EXPECT_EQ(Base64Encode("f"), "Zg==");
  EXPECT_EQ(Base64Encode("fo"), "Zm8=");
  EXPECT_EQ(Base64Encode("foo"), "Zm9v");
  EXPECT_EQ(Base64Encode("foob"), "Zm9vYg==");
  EXPECT_EQ(Base64Encode(std::string("\0\xff\xfe", 3)), "AP/+");
}

TEST(Base64, DecodesBothAlphabetsWithOrWithoutPadding) {
  for (const char* text : {"AP/+", "AP_-"}) EXPECT_EQ(*Base64Decode(text), std::string("\0\xff\xfe", 3));
  EXPECT_EQ(*Base64Decode("Zg=="), "f");
  EXPECT_EQ(*Base64Decode("Zg"), "f");
  EXPECT_EQ(*Base64Decode(""), "");
}

TEST(Base64, RefusesOtherTextWithoutQuotingIt) {
  for (const char* text : {"secret!", "Z", "Zm9vY"}) {
    const auto decoded = Base64Decode(text);
    EXPECT_EQ(decoded.code(), Code::kInvalidArgument) << text;
    EXPECT_EQ(decoded.status().message(), "the text is not base64");
  }
}

}  // namespace
}  // namespace slipway
