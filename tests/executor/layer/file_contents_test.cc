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

// The index of the upper layer alone has the file a/big. Unpacked over the lower one it is t/big, and a is a link that
// leads out, as x was the root.
TEST_F(FileContentsTest, AFolderThatDiffersFromItsIndexDoesNotLeadOut) {
  const std::string secret(content::kLargestPacked + 1, 's');
  const std::string host = temp_.path() + "/host";
  ASSERT_TRUE(fs::MakeDirs(host).ok());
  ASSERT_TRUE(fs::WriteFileAtomic(host + "/big", secret).ok());
  const std::string big(secret.size(), 'b');
  const Chain chain = {Registered(TarMaker().Add(Link("a", "t")).Add(Link("x", "/")).Bytes()),
                       Registered(TarMaker().Add(File("a/big"), big).Add(Link("x/a", host)).Bytes())};
  ASSERT_EQ(fs::ReadFile(fs::Join(unpacker_->Folder(ctx_, chain, 1, {}).value(), "a/big")).ValueOr(""), secret);
  const tree::Entry file = File("a/big", big.size());
  EXPECT_FALSE(files_->Take(ctx_, chain, 1, file, nullptr, {}).ok());
  EXPECT_FALSE(files_->TakeAll(ctx_, chain, {{.position = 1, .file = file}}, nullptr, {}).ok());
  EXPECT_FALSE(files_->Open(ctx_, chain, 1, file, {}).ok());
  EXPECT_FALSE(store_->Has(Digest::Of(secret)));
}

TEST_F(FileContentsTest, ALargeFileOfAnotherSizeThanItsEntryIsNamed) {
  const Chain chain = {Upper({{"d/f", std::string(content::kLargestPacked + 2, 'x')}})};
  const auto taken = files_->Take(ctx_, chain, 0, File("d/f", content::kLargestPacked + 1), nullptr, {});
  EXPECT_EQ(taken.code(), Code::kDataLoss);
  EXPECT_THAT(taken.status().message(), HasSubstr("/d/f"));
}

TEST_F(FileContentsTest, ALargeFileGetsASecondName) {
  const Key key = Upper({{"f", std::string(content::kLargestPacked + 1, 'x')}});
  ASSERT_TRUE(files_->Take(ctx_, {key}, 0, File("f", content::kLargestPacked + 1), nullptr, {}).ok());
  struct stat st {};
  ASSERT_EQ(::stat(fs::Join(records_->Get(key).value().upper, "f").c_str(), &st), 0);
  EXPECT_EQ(st.st_nlink, 2U);
}

TEST_F(FileContentsTest, AFileThatIsShorterThanItsEntryIsNamed) {
  const Chain chain = {Upper({{"d/f", "text"}})};
  const auto taken = files_->TakeAll(ctx_, chain, {{.position = 0, .file = File("d/f", 5)}}, nullptr, {});
  EXPECT_EQ(taken.code(), Code::kDataLoss);
  EXPECT_THAT(taken.status().message(), HasSubstr("/d/f"));
}

}  // namespace
}  // namespace slipway::layer
