#include "executor/layer/unpacker.h"

#include <gmock/gmock.h>

#include <latch>
#include <thread>

#include "tests/executor/layer/parts_fixture.h"

namespace slipway::layer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class UnpackerTest : public LayerPartsTest {
 protected:
  std::string TextOf(const std::string& folder, const std::string& path) {
    return fs::ReadFile(fs::Join(folder, path)).ValueOr("<none>");
  }
  std::vector<std::string> Left(const std::string& folder) { return fs::ListDir(folder).value(); }
  std::string UnpackedRoot() { return std::string(fs::DirName(layout_->NewUnpacked())); }
};

TEST_F(UnpackerTest, FoldersAreGivenFromTheTop) {
  const Chain chain = {Registered(TarMaker().Add(File("a"), "1").Bytes()), Recipe({Stored("b", "2")}),
                       Upper({{"c", "3"}})};
  const auto folders = unpacker_->Folders(ctx_, chain, {});
  ASSERT_TRUE(folders.ok()) << folders.status().ToString();
  ASSERT_THAT(*folders, SizeIs(3));
  EXPECT_EQ(TextOf((*folders)[0], "c"), "3");
  EXPECT_EQ(TextOf((*folders)[1], "b"), "2");
  EXPECT_EQ(TextOf((*folders)[2], "a"), "1");
  EXPECT_EQ(unpacker_->Folder(ctx_, chain, 1, {}).value(), (*folders)[1]);
}

TEST_F(UnpackerTest, AFolderIsRecordedAtOnceAndNotSettledYet) {
  const Key key = Registered(TarMaker().Add(File("a"), "1").Bytes());
  const std::string folder = unpacker_->Folder(ctx_, {key}, 0, {}).value();
  EXPECT_EQ(records_->Unpacked(key, "").value(), folder);
  EXPECT_THAT(records_->Unsettled().value(), ElementsAre(folder));
  settler_.reset();  // which settles what is left
  EXPECT_THAT(records_->Unsettled().value(), IsEmpty());
}

TEST_F(UnpackerTest, TheIndexIsFoundOnTheWay) {
  const Key key = Registered(TarMaker().Add(File("a"), "1").Bytes());
  ASSERT_TRUE(unpacker_->Folder(ctx_, {key}, 0, {}).ok());
  EXPECT_TRUE(indexes_->AtHand(key));
}

TEST_F(UnpackerTest, ALayerThatStandsAloneIsUnpackedOnce) {
  const Key layer = Registered(TarMaker().Add(File("a"), "1").Bytes());
  const Key below = Recipe({Stored("b", "2")});
  EXPECT_EQ(unpacker_->Folder(ctx_, {layer}, 0, {}).value(), unpacker_->Folder(ctx_, {below, layer}, 1, {}).value());
}

TEST_F(UnpackerTest, ALayerThatNeedsWhatIsBelowIsUnpackedForEach) {
  // It does not name the folder that its file is in.
  const Key layer = Registered(TarMaker().Add(File("d/f"), "1").Bytes());
  const Key open = Registered(TarMaker().Add(Folder("d", 0755)).Bytes());
  const Key shut = Registered(TarMaker().Add(Folder("d", 0700)).Bytes());
  const std::string on_open = unpacker_->Folder(ctx_, {open, layer}, 1, {}).value();
  const std::string on_shut = unpacker_->Folder(ctx_, {shut, layer}, 1, {}).value();
  EXPECT_NE(on_open, on_shut);
  EXPECT_EQ(WalkUpper(ctx_, on_open).value().Find("d")->mode, 0755U);
  EXPECT_EQ(WalkUpper(ctx_, on_shut).value().Find("d")->mode, 0700U);
  EXPECT_EQ(unpacker_->Folder(ctx_, {open, layer}, 1, {}).value(), on_open);
}

TEST_F(UnpackerTest, AHardLinkToAFileBelowBringsTheFile) {
  const Key below = Registered(TarMaker().Add(File("f"), "text").Bytes());
  const Key layer = Registered(TarMaker().Add(HardLink("g", "f")).Bytes());
  const std::string folder = unpacker_->Folder(ctx_, {below, layer}, 1, {}).value();
  EXPECT_EQ(TextOf(folder, "g"), "text");
}

TEST_F(UnpackerTest, WhatALayerNeedsOfOneBelowIsFoundWhileThatIsUnpacked) {
  const std::string tar = TarMaker().Add(Folder("d", 0700)).Add(File("d/a"), Noise(2'000'000)).Bytes();
  const std::string upper = TarMaker().Add(File("d/f"), "1").Bytes();
  const Chain chain = {Registered(tar), Registered(upper)};
  std::latch begun(1);
  registry_.give = [&](const Context&, const std::string& blob, const auto& sink) -> Status {
    if (blob == upper) begun.wait();
    SLIPWAY_RETURN_IF_ERROR(sink(std::string_view(blob).substr(0, blob.size() / 2)));
    if (blob == tar) begun.count_down();
    return sink(std::string_view(blob).substr(blob.size() / 2));
  };
  ASSERT_TRUE(unpacker_->Folders(ctx_, chain, {}).ok());
  EXPECT_EQ(downloads_->bytes_read(), tar.size() + upper.size());
}

TEST_F(UnpackerTest, ALayerThatStandsTwiceInAChainAndNeedsWhatIsBelowIsUnpacked) {
  const Key layer = Registered(TarMaker().Add(File("d/f"), "1").Bytes());
  const Key other = Registered(TarMaker().Add(File("d/g"), "2").Bytes());
  // The upper one first, so that it is the one that has the download.
  ASSERT_TRUE(unpacker_->Folder(ctx_, {layer, other, layer}, 2, {}).ok());
  ASSERT_TRUE(unpacker_->Folders(ctx_, {layer, other, layer}, {}).ok());
}

TEST_F(UnpackerTest, ChainsOfTheSameLayersInAnotherOrderDoNotWaitForEachOther) {
  const Key one = Registered(TarMaker().Add(File("d/f"), "1").Bytes());
  const Key two = Registered(TarMaker().Add(File("d/g"), "2").Bytes());
  std::jthread upwards([&] { EXPECT_TRUE(unpacker_->Folder(ctx_, {one, two}, 1, {}).ok()); });
  std::jthread downwards([&] { EXPECT_TRUE(unpacker_->Folder(ctx_, {two, one}, 1, {}).ok()); });
}

TEST_F(UnpackerTest, AFolderThatVanishedIsMadeAgain) {
  const Key key = Registered(TarMaker().Add(File("a"), "1").Bytes());
  const std::string folder = unpacker_->Folder(ctx_, {key}, 0, {}).value();
  ASSERT_TRUE(fs::RemoveAll(folder).ok());
  const std::string again = unpacker_->Folders(ctx_, {key}, {}).value().front();
  EXPECT_EQ(TextOf(again, "a"), "1");
}

TEST_F(UnpackerTest, ABlobThatIsNoLayerLeavesNothing) {
  const Key key = Registered(TarMaker().Add(File("a"), "1").Raw("this is no header").Bytes());
  const auto folder = unpacker_->Folder(ctx_, {key}, 0, {});
  EXPECT_FALSE(folder.ok());
  EXPECT_THAT(folder.status().message(), HasSubstr(key));
  EXPECT_THAT(Left(layout_->Temporary()), IsEmpty());
  EXPECT_THAT(Left(UnpackedRoot()), IsEmpty());
}

TEST_F(UnpackerTest, ADownloadThatBreaksIsBegunAgainInAnotherFolder) {
  const Key key = Registered(TarMaker().Add(File("a"), SomeText(100'000)).Add(File("b"), "2").Bytes());
  registry_.give = [this](const Context&, const std::string& blob, const auto& sink) -> Status {
    if (registry_.fetches > 1) return sink(blob);
    SLIPWAY_RETURN_IF_ERROR(sink(blob.substr(0, 50'000)));
    return Unavailable("the line is dead");
  };
  const auto folder = unpacker_->Folder(ctx_, {key}, 0, {});
  ASSERT_TRUE(folder.ok()) << folder.status().ToString();
  EXPECT_EQ(TextOf(*folder, "b"), "2");
  EXPECT_THAT(Left(layout_->Temporary()), IsEmpty());
}

TEST_F(UnpackerTest, ALayerThatWasForgottenMeanwhileLeavesNothing) {
  const Key key = Registered(TarMaker().Add(File("a"), "1").Bytes());
  registry_.give = [&](const Context&, const std::string& blob, const auto& sink) -> Status {
    SLIPWAY_RETURN_IF_ERROR(records_->Forget({key}).status());
    return sink(blob);
  };
  EXPECT_FALSE(unpacker_->Folder(ctx_, {key}, 0, {}).ok());
  EXPECT_THAT(Left(layout_->Temporary()), IsEmpty());
  EXPECT_THAT(Left(UnpackedRoot()), IsEmpty());
}

TEST_F(UnpackerTest, ALayerThatIsNotKnownIsAnError) {
  EXPECT_EQ(unpacker_->Folder(ctx_, {"sha256:none"}, 0, {}).code(), Code::kNotFound);
  EXPECT_EQ(unpacker_->Folders(ctx_, {"sha256:none"}, {}).code(), Code::kNotFound);
}

}  // namespace
}  // namespace slipway::layer
