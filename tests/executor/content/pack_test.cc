#include "executor/content/pack.h"

#include <gtest/gtest.h>

#include <random>

#include "executor/base/fs.h"

namespace slipway::content {
namespace {

class PackTest : public ::testing::Test {
 protected:
  std::string Make(const std::vector<std::string>& contents) {
    const std::string path = fs::Join(dir_.path(), "pack");
    PackWriter pack = *PackWriter::Create(fs::Join(dir_.path(), "staged"));
    for (const std::string& content : contents) EXPECT_TRUE(pack.Add(Digest::Of(content), content).ok());
    EXPECT_TRUE(pack.End().ok() && pack.file().Flush().ok());
    EXPECT_TRUE(pack.file().MoveTo(path).ok());
    return *fs::ReadFile(path);
  }
  Result<std::vector<PackItem>> Read(std::string_view bytes) {
    const std::string path = fs::Join(dir_.path(), "read");
    UniqueFd fd = *fs::Open(path, O_RDWR | O_CREAT | O_TRUNC);
    EXPECT_TRUE(fs::WriteAll(fd.get(), bytes).ok());
    return ReadPackTable(fd.get());
  }
  fs::TempDir dir_ = *fs::TempDir::Make();
};

TEST_F(PackTest, TheTableSaysWhereContentIs) {
  const std::string bytes = Make({"first", "second"});
  EXPECT_EQ(bytes.size(), kPackFrame + 2 * kPackItemFrame + 11);
  const std::vector<PackItem> items = *Read(bytes);
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[1].digest, Digest::Of("second"));
  EXPECT_EQ(bytes.substr(items[1].offset, items[1].size), "second");
}

TEST_F(PackTest, AnEmptyPackIsFine) { EXPECT_TRUE(Read(Make({}))->empty()); }

TEST_F(PackTest, EveryShorterFileIsDataLoss) {
  const std::string bytes = Make({"first", "second"});
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(Read(bytes.substr(0, size)).code(), Code::kDataLoss) << size;
  }
}

TEST_F(PackTest, EveryFlippedBitOutsideOfContentIsDataLoss) {
  const std::string bytes = Make({"first", "second"});
  for (size_t at = 0; at < bytes.size(); ++at) {
    if (at >= 16 && at < 16 + 11) continue;
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    EXPECT_EQ(Read(damaged).code(), Code::kDataLoss) << at;
  }
}

}  // namespace
}  // namespace slipway::content
