#include "executor/layer/file_contents.h"

#include <gmock/gmock.h>

#include "tests/executor/layer/parts_fixture.h"

namespace slipway::layer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FileContentsTest : public LayerPartsTest {
 protected:
  void SetUp() override {
    LayerPartsTest::SetUp();
    files_ = std::make_unique<FileContents>(*store_, *unpacker_);
  }
  std::unique_ptr<FileContents> files_;
};

TEST_F(FileContentsTest, ARecipesAreThereAlready) {
  const tree::Entry file = Stored("f", "text");
  const Chain chain = {Recipe({file})};
  EXPECT_EQ(files_->Take(ctx_, chain, 0, file, nullptr, {}).value(), file.digest);
  EXPECT_EQ(files_->Open(ctx_, chain, 0, file, {}).value().ReadAll().value(), "text");
}

TEST_F(FileContentsTest, ARegistrysLayerIsUnpackedForThem) {
  const Chain chain = {Registered(TarMaker().Add(File("f"), "text").Bytes())};
  EXPECT_EQ(files_->Take(ctx_, chain, 0, File("f", 4), nullptr, {}).value(), Digest::Of("text"));
  EXPECT_EQ(Get(Digest::Of("text")), "text");
  EXPECT_EQ(files_->Open(ctx_, chain, 0, File("f", 4), {}).value().ReadAll().value(), "text");
}

TEST_F(FileContentsTest, ManyComeInTheirOrderFromAllLayers) {
  const std::string large(content::kLargestPacked + 1, 'x');
  const tree::Entry stored = Stored("s", "in the store");
  const Chain chain = {Upper({{"a", "1"}, {"large", large}}), Recipe({stored}), Upper({{"a", "2"}})};
  const auto digests = files_->TakeAll(ctx_, chain,
                                       {{.position = 2, .file = File("a", 1)},
                                        {.position = 0, .file = File("large", large.size())},
                                        {.position = 1, .file = stored},
                                        {.position = 0, .file = File("a", 1)}},
                                       nullptr, {});
  ASSERT_TRUE(digests.ok()) << digests.status().ToString();
  EXPECT_THAT(*digests, ElementsAre(Digest::Of("2"), Digest::Of(large), stored.digest, Digest::Of("1")));
  EXPECT_EQ(Get(Digest::Of("1")), "1");
}

TEST_F(FileContentsTest, ALinkInTheFolderIsNotFollowed) {
  const Key key = Upper({{"f", "text"}});
  const std::string folder = records_->Get(key).value().upper;
  ASSERT_EQ(::symlink("/etc/passwd", fs::Join(folder, "link").c_str()), 0);
  EXPECT_FALSE(files_->Take(ctx_, {key}, 0, File("link", 4), nullptr, {}).ok());
  EXPECT_FALSE(files_->TakeAll(ctx_, {key}, {{.position = 0, .file = File("link", 4)}}, nullptr, {}).ok());
  EXPECT_FALSE(files_->Open(ctx_, {key}, 0, File("link", 4), {}).ok());
}

TEST_F(FileContentsTest, AFileThatIsShorterThanItsEntryIsNamed) {
  const Chain chain = {Upper({{"d/f", "text"}})};
  const auto taken = files_->TakeAll(ctx_, chain, {{.position = 0, .file = File("d/f", 5)}}, nullptr, {});
  EXPECT_EQ(taken.code(), Code::kDataLoss);
  EXPECT_THAT(taken.status().message(), HasSubstr("/d/f"));
}

}  // namespace
}  // namespace slipway::layer
