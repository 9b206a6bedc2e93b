#include "executor/layer/entry_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/executor/layer/layer_fixture.h"

namespace slipway::layer {
namespace {

class EntrySourceTest : public LayerTest {
 protected:
  std::shared_ptr<const tree::Tree> TreeOf(tree::Entry entry) {
    return std::make_shared<const tree::Tree>(tree::Tree({std::move(entry)}));
  }
};

TEST_F(EntrySourceTest, ContentsComeFromTheStore) {
  const tree::Entry file = Stored("f", "text");
  EXPECT_EQ(FromContents(TreeOf(file), *store_).open(file).value().ReadAll().value(), "text");
}

TEST_F(EntrySourceTest, FilesComeFromTheFolderAlsoOnceItIsCalledOtherwise) {
  const std::string folder = temp_.path() + "/folder";
  ASSERT_TRUE(fs::MakeDirs(folder, 0755).ok());
  ASSERT_TRUE(fs::WriteFileAtomic(folder + "/f", "text").ok());
  const tree::Entry file = File("f", 4);
  const EntrySource source = FromFolder(TreeOf(file), folder).value();
  ASSERT_TRUE(fs::Rename(folder, temp_.path() + "/moved").ok());
  EXPECT_EQ(source.open(file).value().ReadAll().value(), "text");
}

TEST_F(EntrySourceTest, NothingOutsideTheFolderIsOpened) {
  const std::string folder = temp_.path() + "/folder";
  ASSERT_TRUE(fs::MakeDirs(folder, 0755).ok());
  ASSERT_TRUE(fs::WriteFileAtomic(temp_.path() + "/secret", "text").ok());
  ASSERT_EQ(::symlink("../secret", (folder + "/link").c_str()), 0);
  ASSERT_EQ(::symlink("..", (folder + "/up").c_str()), 0);
  const UniqueFd root = fs::Open(folder, O_RDONLY | O_DIRECTORY).value();
  EXPECT_FALSE(OpenFileIn(root, File("link", 4)).ok());
  EXPECT_FALSE(OpenFileIn(root, File("up/secret", 4)).ok());
}

TEST_F(EntrySourceTest, APipeInTheFolderIsNotWaitedFor) {
  ASSERT_EQ(::mkfifo((temp_.path() + "/pipe").c_str(), 0600), 0);
  const UniqueFd root = fs::Open(temp_.path(), O_RDONLY | O_DIRECTORY).value();
  EXPECT_EQ(OpenFileIn(root, File("pipe", 4)).code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace slipway::layer
