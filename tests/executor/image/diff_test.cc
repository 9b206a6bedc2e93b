#include "executor/image/diff.h"

#include <gmock/gmock.h>

#include "executor/image/diff_documents.h"
#include "executor/image/exporter.h"
#include "tests/executor/layer/layer_fixture.h"

namespace slipway::image {
namespace {

using layer::Folder;
using layer::Whiteout;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Lines = std::vector<std::string>;

// "part layer name aspect: first -> second", with "-" for what is not there.
DifferenceSink Into(Lines& lines) {
  return [&lines](const Difference& d) {
    lines.push_back(fmt::format("{} {} {} {}: {} -> {}", d.part, d.layer, d.name, d.aspect, d.first.value_or("-"),
                                d.second.value_or("-")));
    return Status();
  };
}

Lines Trees(std::vector<tree::Entry> first, std::vector<tree::Entry> second) {
  Lines lines;
  EXPECT_TRUE(DiffTrees(tree::Tree(std::move(first)), tree::Tree(std::move(second)), "2", Into(lines)).ok());
  return lines;
}

tree::Entry File(std::string path, std::string_view content, uint32_t mode = 0644) {
  tree::Entry entry = layer::File(std::move(path), content.size(), mode);
  entry.digest = Digest::Of(content);
  return entry;
}

TEST(DiffTrees, SaysWhatOfAnEntryDiffers) {
  tree::Entry a = File("d/f", "one");
  tree::Entry b = File("d/f", "three", 0600);
  b.uid = 7;
  b.mtime = {.seconds = 5, .nanos = 20};
  a.xattrs = {{"user.a", "1"}, {"user.b", "x"}};
  b.xattrs = {{"user.b", "y"}, {"user.c", "2"}};
  EXPECT_THAT(Trees({a}, {b}),
              ElementsAre("layer 2 /d/f mode: 0644 -> 0600", "layer 2 /d/f owner: 0:0 -> 7:0",
                          "layer 2 /d/f mtime: 0 -> 5.000000020", "layer 2 /d/f size: 3 -> 5",
                          fmt::format("layer 2 /d/f content: {} -> {}", Digest::Of("one"), Digest::Of("three")),
                          "layer 2 /d/f xattr user.a: 0x31 -> -", "layer 2 /d/f xattr user.b: 0x78 -> 0x79",
                          "layer 2 /d/f xattr user.c: - -> 0x32"));
  EXPECT_THAT(Trees({a}, {a}), IsEmpty());
}

TEST(DiffTrees, SaysWhatIsThereInOneOnly) {
  EXPECT_THAT(Trees({Folder("a"), File("b", "x")}, {File("b", "x"), Whiteout("c"), layer::Link("d", "b")}),
              ElementsAre("layer 2 /a : folder 0755 0:0 -> -", "layer 2 /c : - -> whiteout",
                          "layer 2 /d : - -> symbolic link 0777 0:0 -> b"));
}

TEST(DiffTrees, AnotherTypeIsToldAlone) {
  EXPECT_THAT(Trees({Folder("a")}, {layer::Link("a", "b")}),
              ElementsAre("layer 2 /a type: folder 0755 0:0 -> symbolic link 0777 0:0 -> b"));
}

TEST(DiffDocuments, ComparesConfigsFieldByField) {
  Lines lines;
  ASSERT_TRUE(DiffConfigs(R"({"os":"linux","config":{"Env":["A=1","B=2=3"],"Cmd":["x"]},"history":[{"comment":"1"}]})",
                          R"({"os":"linux","config":{"Env":["B=2","C="],"Labels":{"l":"v"},"Cmd":["x"]}})", Into(lines))
                  .ok());
  EXPECT_THAT(lines, ElementsAre("config  config.Env.A : 1 -> -", "config  config.Env.B value: 2=3 -> 2",
                                 "config  config.Env.C : - -> ", "config  config.Labels.l : - -> v"));
}

TEST(DiffDocuments, ComparesHistoriesEntryByEntry) {
  Lines lines;
  ASSERT_TRUE(DiffHistories(R"({"history":[{"created_by":"a","comment":"x"},{"created_by":"b"}]})",
                            R"({"history":[{"created_by":"a2","comment":"x"}]})", Into(lines))
                  .ok());
  EXPECT_THAT(lines, ElementsAre("history  0 created_by: a -> a2", "history  1 : b -> -"));
}

TEST(DiffDocuments, WhatIsNoDocumentIsRefused) {
  Lines lines;
  EXPECT_EQ(DiffConfigs("[]", "{}", Into(lines)).code(), Code::kInvalidArgument);
  EXPECT_EQ(DiffManifests("{}", "not json", Into(lines)).code(), Code::kInvalidArgument);
  EXPECT_EQ(DiffHistories("{", "{}", Into(lines)).code(), Code::kInvalidArgument);
}

class DiffTest : public layer::LayerTest {
 protected:
  using Entries = std::vector<tree::Entry>;

  DiffSide Image(const std::vector<Entries>& layers, oci::Compression compression = oci::Compression::kGzip) {
    std::vector<layer::AssembledLayer> blobs;
    for (const Entries& entries : layers) blobs.push_back(*Make(Source(entries), {.compression = compression}));
    const Documents::Platform made = MakeDocuments({.chain = {}, .config = {}, .base_layers = 0}, blobs,
                                                   std::vector<std::optional<SystemTime>>(blobs.size()), {});
    DiffSide side;
    side.digest = made.descriptor.digest;
    side.manifest_json = made.manifest_json;
    side.config_json = made.config_json;
    side.manifest = made.manifest;
    side.config = *oci::ImageConfig::Parse(made.config_json);
    side.open_layer = [this](const Context&, const oci::Descriptor& layer) {
      ++opened_;
      return store_->Open(layer.digest);
    };
    return side;
  }
  Lines Diff(const DiffSide& first, const DiffSide& second) {
    Lines lines;
    opened_ = 0;
    const Status status = image::Diff(Context::Background(), first, second, {}, Into(lines));
    EXPECT_TRUE(status.ok()) << status.message();
    return lines;
  }

  int opened_ = 0;
};

TEST_F(DiffTest, OnlyLayersThatDifferAreRead) {
  const Entries base = {Stored("base", "b")};
  const Entries top = {Stored("top", "t")};
  const DiffSide one = Image({base, {Stored("f", "1")}, top});
  const DiffSide two = Image({base, {Stored("f", "2")}, top});
  EXPECT_THAT(Diff(one, two),
              ElementsAre(fmt::format("layers  1 diff id: {} -> {}", one.config.diff_ids[1], two.config.diff_ids[1]),
                          fmt::format("layer 1 /f content: {} -> {}", Digest::Of("1"), Digest::Of("2"))));
  EXPECT_EQ(opened_, 2);
  EXPECT_THAT(Diff(one, one), IsEmpty());
  EXPECT_EQ(opened_, 0);
}

TEST_F(DiffTest, LayersThatDoNotFaceEachOtherAreComparedAsAWhole) {
  const Entries base = {Stored("base", "b"), Stored("old", "o")};
  const DiffSide one = Image({base, {Stored("a", "1")}, {Whiteout("a"), Whiteout("old"), Stored("c", "3")}});
  const DiffSide two = Image({base, {Stored("c", "3"), Whiteout("old"), Stored("d", "4")}});
  EXPECT_THAT(Diff(one, two),
              ElementsAre("layers  count value: 3 -> 2", "layer 1-2 /a : whiteout -> -",
                          fmt::format("layer 1-2 /d : - -> file 0644 0:0 1 bytes {}", Digest::Of("4"))));
}

TEST_F(DiffTest, TheSameLayerInAnotherCompressionIsNoOtherLayer) {
  const Entries entries = {Stored("f", "1")};
  const Lines lines = Diff(Image({entries}), Image({entries}, oci::Compression::kZstd));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], ::testing::StartsWith("layers  0 compressed: application/vnd.oci.image.layer.v1.tar+gzip"));
  EXPECT_EQ(opened_, 0);
}

TEST_F(DiffTest, AFailureOfTheReaderEndsIt) {
  const DiffSide one = Image({{Stored("f", "1"), Stored("g", "1")}});
  const DiffSide two = Image({{Stored("f", "2"), Stored("g", "2")}});
  int calls = 0;
  const Status status = image::Diff(Context::Background(), one, two, {}, [&calls](const Difference&) {
    ++calls;
    return Cancelled("gone");
  });
  EXPECT_EQ(status.code(), Code::kCancelled);
  EXPECT_EQ(calls, 1);
}

TEST_F(DiffTest, AnImageThatContradictsItselfIsDataLoss) {
  DiffSide broken = Image({{Stored("f", "1")}});
  broken.manifest.layers.clear();
  Lines lines;
  EXPECT_EQ(image::Diff(Context::Background(), broken, broken, {}, Into(lines)).code(), Code::kDataLoss);
}

}  // namespace
}  // namespace slipway::image
