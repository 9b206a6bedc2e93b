#include "executor/base/digest.h"

#include <gtest/gtest.h>

#include <unordered_set>

namespace slipway {
namespace {

constexpr std::string_view kOfAbc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(Digest, IsSha256) {
  EXPECT_EQ(Digest::Of("abc").ToString(), kOfAbc);
  EXPECT_EQ(Digest::Of("").hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Digest, ParsesWhatItPrints) {
  const Digest digest = *Digest::Parse(kOfAbc);
  EXPECT_EQ(digest, Digest::Of("abc"));
  EXPECT_EQ(digest.Short(), "ba7816bf8f01");
}

TEST(Digest, RefusesEverythingElse) {
  const std::string hex(64, 'a');
  for (const std::string& bad : {std::string(), hex, "sha512:" + hex, "SHA256:" + hex, "sha256:" + hex.substr(1),
                                 "sha256:" + hex + "a", "sha256:" + std::string(64, 'A'),
                                 "sha256:" + std::string(64, 'g'), "sha256:../" + hex.substr(3), " sha256:" + hex}) {
    EXPECT_EQ(Digest::Parse(bad).code(), Code::kInvalidArgument) << bad;
  }
  EXPECT_LT(Digest::Parse(std::string(1 << 20, 'x')).status().message().size(), 300U) << "a long input is not repeated";
}

TEST(Digest, EmptyIsNotTheDigestOfNothing) {
  EXPECT_TRUE(Digest().empty());
  EXPECT_EQ(Digest().ToString(), "");
  EXPECT_NE(Digest(), Digest::Of(""));
  EXPECT_NE(Digest(), Digest(std::array<uint8_t, Digest::kSize>{}));
}

TEST(Digest, OrdersAndHashesByItsBytes) {
  EXPECT_LT(Digest::Of("c"), Digest::Of("a"));  // 2e7d… and ca97…
  EXPECT_EQ((std::unordered_set{Digest::Of("a"), Digest::Of("b"), Digest::Of("a")}).size(), 2U);
}

TEST(Hasher, PiecesMakeTheSameDigest) {
  EXPECT_EQ(Hasher().Update("a").Update(std::as_bytes(std::span("bc", 2))).Finish(), Digest::Of("abc"));
}

TEST(Hasher, PiecesOfAnySizeMakeTheSameDigest) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += static_cast<char>('a' + i % 23);
  for (const size_t first : {1U, 255U, 256U, 257U, 511U, 512U, 513U}) {
    for (const size_t second : {0U, 1U, 255U, 256U, 257U, 300U, 512U, 4000U}) {
      const std::string_view all = text;
      Hasher hasher;
      hasher.Update(all.substr(0, first)).Update(all.substr(first, second)).Update(all.substr(first + second));
      EXPECT_EQ(hasher.Finish(), Digest::Of(text)) << first << " and " << second;
    }
  }
}

TEST(Hasher, AFieldIsItsLengthAndItsBytes) {
  const std::string length("\x03\0\0\0\0\0\0\0", 8);
  EXPECT_EQ(Hasher().Field("abc").Field(uint64_t{3}).Finish(), Digest::Of(length + "abc" + length));
}

TEST(Hasher, FieldsDoNotRunTogether) {
  EXPECT_NE(Hasher().Field("ab").Field("c").Finish(), Hasher().Field("a").Field("bc").Finish());
  EXPECT_NE(Hasher().Field("").Finish(), Hasher().Finish());
  EXPECT_NE(Hasher().Field(uint64_t{1}).Finish(), Hasher().Field(uint64_t{256}).Finish());
}

}  // namespace
}  // namespace slipway
