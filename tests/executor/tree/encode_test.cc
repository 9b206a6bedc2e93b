// The encoding of trees: round trips, and bytes that Encode did not write.
#include <gtest/gtest.h>

#include <random>

#include "executor/tree/entry.h"

namespace slipway::tree {
namespace {

Tree Sample() {
  std::vector<Entry> entries = {
      {.path = "", .type = Type::kDirectory, .mode = 0755},
      {.path = "bin",
       .type = Type::kDirectory,
       .opaque = true,
       .mode = 01777,
       .mtime = {.seconds = -5, .nanos = 999'999'999}},
      {.path = "bin/sh", .mode = 0755, .uid = UINT32_MAX, .gid = 7, .size = UINT64_MAX, .digest = Digest::Of("sh")},
      {.path = "bin/shell", .type = Type::kSymlink, .mode = 0777, .link = "../../weird\n\xff"},
      {.path = "bin/hard", .type = Type::kHardlink, .link = "bin/sh"},
      {.path = "dev/null", .type = Type::kCharDevice, .mode = 0666, .dev_major = 1, .dev_minor = 3},
      {.path = "dev/sda", .type = Type::kBlockDevice, .dev_major = 8},
      {.path = "gone", .type = Type::kWhiteout},
      {.path = "pipe", .type = Type::kFifo},
      {.path = "sock", .type = Type::kSocket, .mtime = {.seconds = INT64_MIN}},
      {.path = "x\x01\xff",
       .mtime = {.seconds = INT64_MAX},
       .xattrs = {{"user.a", std::string("\0b", 2)}, {"user.b", ""}}},
  };
  return Tree(std::move(entries));
}

// Bytes that are decoded must be what Encode writes for that tree: no two encodings, nothing that a Tree cannot be.
// False if they were refused.
bool DecodesToItself(const std::string& bytes) {
  const auto tree = Decode(bytes);
  if (!tree.ok()) {
    EXPECT_EQ(tree.code(), Code::kDataLoss);
    return false;
  }
  EXPECT_EQ(Encode(*tree), bytes);
  return true;
}

TEST(Encoding, RoundTripKeepsEveryField) {
  const Tree tree = Sample();
  const Tree back = *Decode(Encode(tree));
  EXPECT_EQ(back.entries(), tree.entries());
}

TEST(Encoding, AnEmptyTreeIsATree) { EXPECT_TRUE(Decode(Encode(Tree()))->empty()); }

TEST(Encoding, EqualTreesHaveEqualBytes) {
  std::vector<Entry> entries = Sample().entries();
  std::reverse(entries.begin(), entries.end());
  EXPECT_EQ(Encode(Tree(std::move(entries))), Encode(Sample()));
}

TEST(Encoding, IsCompact) {
  std::vector<Entry> entries;
  for (int i = 0; i < 1000; ++i) {
    entries.push_back(
        {.path = fmt::format("a/fairly/long/path/to/some/file-{:04}", i), .mode = 0644, .digest = Digest::Of("x")});
  }
  EXPECT_LT(Encode(Tree(std::move(entries))).size(), 1000U * 52);
}

TEST(Encoding, EveryShorterOrLongerTextIsDataLoss) {
  const std::string bytes = Encode(Sample());
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_EQ(Decode(bytes.substr(0, size)).code(), Code::kDataLoss) << size;
  EXPECT_EQ(Decode(bytes + '\0').code(), Code::kDataLoss);
  EXPECT_EQ(Decode("").code(), Code::kDataLoss);
  EXPECT_EQ(Decode("slipway tree 2\n").code(), Code::kDataLoss);
}

TEST(Encoding, EveryFlippedBitIsRefusedOrIsAnotherTree) {
  const std::string bytes = Encode(Sample());
  int refused = 0;
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      if (!DecodesToItself(damaged)) ++refused;
    }
  }
  EXPECT_GT(refused, 0);
}

TEST(Encoding, RandomDamageNeverCrashes) {
  const std::string bytes = Encode(Sample());
  std::mt19937 random(42);
  for (int round = 0; round < 5000; ++round) {
    std::string damaged = bytes;
    for (uint32_t i = 0; i <= random() % 8; ++i) {
      const size_t at = 15 + random() % (damaged.size() - 15);
      switch (random() % 3) {
        case 0: damaged[at] = static_cast<char>(random()); break;
        case 1: damaged.erase(at, random() % 20); break;
        default: damaged.insert(at, random() % 20, static_cast<char>(random())); break;
      }
      if (damaged.size() < 16) break;
    }
    DecodesToItself(damaged);
  }
}

// One entry with this path, and whatever follows it taken from an entry without a path.
std::string WithPath(std::string_view path) {
  std::string bytes = Encode(Tree(std::vector{Entry{.path = std::string(path.size(), 'p')}}));
  bytes.replace(bytes.find(std::string(path.size(), 'p')), path.size(), path);
  return bytes;
}

TEST(Encoding, PathsThatLeadOutAreDataLoss) {
  EXPECT_TRUE(Decode(WithPath("a/b")).ok());
  for (const std::string_view bad : std::initializer_list<std::string_view>{"../a", "a/../b", "a//b", "/abs", "a/",
                                                                            "./a", "..", std::string_view("a\0b", 3)}) {
    EXPECT_EQ(Decode(WithPath(bad)).code(), Code::kDataLoss) << bad;
  }
}

TEST(Encoding, ACountThatTheBytesCannotHoldIsDataLossAndReservesNothing) {
  std::string bytes = "slipway tree 1\n";
  bytes += "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
  EXPECT_EQ(Decode(bytes).code(), Code::kDataLoss);
}

// Each entry takes a few bytes and stands for a path of 4 kB.
TEST(Encoding, AFewBytesCannotStandForGigabytesOfPaths) {
  constexpr int kEntries = 100'000;
  std::vector<Entry> few;
  const std::string stem(4000, 'p');
  few.push_back({.path = stem + fmt::format("{:06}", 0)});
  few.push_back({.path = stem + fmt::format("{:06}", 1)});
  const std::string two = Encode(Tree(few));
  const std::string one = Encode(Tree(std::vector{few[0]}));
  std::string bytes = "slipway tree 1\n";
  for (int value = kEntries; value > 0; value >>= 7)
    bytes.push_back(static_cast<char>((value & 0x7f) | (value >= 0x80 ? 0x80 : 0)));
  bytes += one.substr(16);
  const std::string_view tail = std::string_view(two).substr(one.size());
  // head, shared (two bytes), length and text of the rest, fields: what the writer does for consecutive numbers.
  for (int i = 1; i < kEntries; ++i) {
    const std::string before = fmt::format("{:06}", i - 1), now = fmt::format("{:06}", i);
    const size_t same =
        static_cast<size_t>(std::mismatch(before.begin(), before.end(), now.begin()).first - before.begin());
    const size_t shared = 4000 + same;
    bytes.push_back(tail[0]);
    bytes.push_back(static_cast<char>((shared & 0x7f) | 0x80));
    bytes.push_back(static_cast<char>(shared >> 7));
    bytes.push_back(static_cast<char>(6 - same));
    bytes += now.substr(same);
    bytes += tail.substr(5);
  }
  EXPECT_LT(bytes.size(), 4U << 20);
  EXPECT_EQ(Decode(bytes).code(), Code::kResourceExhausted);
}

}  // namespace
}  // namespace slipway::tree
