// LayerBuilder: what was put is there, in order, in whatever order it came.
#include "executor/ops/layer_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::ops {
namespace {

using ::testing::ElementsAre;

tree::Entry EntryAt(tree::Type type, std::string path, uint32_t mode) {
  tree::Entry entry;
  entry.type = type;
  entry.path = std::move(path);
  entry.mode = mode;
  return entry;
}
tree::Entry FileAt(std::string path, uint32_t mode = 0644) { return EntryAt(tree::Type::kFile, std::move(path), mode); }
tree::Entry FolderAt(std::string path) { return EntryAt(tree::Type::kDirectory, std::move(path), 0755); }

class LayerBuilderTest : public ::testing::Test {
 protected:
  void Put(tree::Entry entry, bool replace_folder = false) {
    const Status status = builder_.Put(ctx_, std::move(entry), replace_folder);
    ASSERT_TRUE(status.ok()) << status.message();
  }
  bool Has(const std::string& path) { return builder_.Lookup(ctx_, path)->has_value(); }
  std::vector<std::string> Take() {
    std::vector<std::string> out;
    const tree::Tree tree = builder_.Take();
    for (const tree::Entry& entry : tree.entries()) {
      out.push_back(fmt::format("{}{} {:o}", entry.path, entry.is_dir() ? "/" : "", entry.mode));
    }
    return out;
  }

  const Context ctx_ = Context::Background();
  LayerBuilder builder_{nullptr};
};

TEST_F(LayerBuilderTest, EntriesInOrderStayInOrder) {
  for (const char* path : {"a", "a/b"}) Put(FolderAt(path));
  for (const char* path : {"a/b/c", "a/b/d", "a.b", "c"}) Put(FileAt(path));
  EXPECT_TRUE(Has("a/b/c"));
  EXPECT_TRUE(Has("c"));
  EXPECT_FALSE(Has("a/b/e"));
  EXPECT_THAT(Take(), ElementsAre("a/ 755", "a/b/ 755", "a/b/c 644", "a/b/d 644", "a.b 644", "c 644"));
}

TEST_F(LayerBuilderTest, EntriesOutOfOrderArePutInOrder) {
  Put(FileAt("m"));
  Put(FileAt("z"));
  Put(FileAt("m", 0600));  // again
  EXPECT_TRUE(Has("m"));
  Put(FolderAt("b"));
  Put(FileAt("b/x"));
  Put(FileAt("a"));
  Put(FileAt("z", 0700));
  EXPECT_TRUE(Has("b/x"));
  EXPECT_THAT(Take(), ElementsAre("a 644", "b/ 755", "b/x 644", "m 600", "z 700"));
}

TEST_F(LayerBuilderTest, AFolderThatIsReplacedIsEmptied) {
  Put(FolderAt("d"));
  Put(FileAt("d/e"));
  Put(FileAt("f"));
  EXPECT_FALSE(builder_.Put(ctx_, FileAt("d"), /*replace_folder=*/false).ok());
  Put(FileAt("d"), /*replace_folder=*/true);
  EXPECT_FALSE(Has("d/e"));
  Put(FileAt("g"));
  EXPECT_THAT(Take(), ElementsAre("d 644", "f 644", "g 644"));
}

TEST_F(LayerBuilderTest, AFolderThatWasReplacedIsNoParentAnyMore) {
  Put(FolderAt("a"));
  Put(FileAt("a/x"));
  Put(FileAt("a"), /*replace_folder=*/true);
  EXPECT_FALSE(Has("a/x"));
  Put(FolderAt("a"), /*replace_folder=*/true);
  Put(FileAt("a/y"));
  EXPECT_THAT(Take(), ElementsAre("a/ 755", "a/y 644"));
}

TEST_F(LayerBuilderTest, WhatIsExpectedNeedNotCome) {
  Put(FileAt("b"));
  builder_.Expect(1000);
  Put(FileAt("c"));
  Put(FileAt("a"));  // not in order
  builder_.Expect(1000);
  EXPECT_THAT(Take(), ElementsAre("a 644", "b 644", "c 644"));
}

}  // namespace
}  // namespace slipway::ops
