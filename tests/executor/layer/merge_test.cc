#include "executor/layer/merge.h"

#include "tests/executor/layer/layer_fixture.h"

namespace slipway::layer {
namespace {

// One line an entry, of files with the layer and path of the content: "f 0644 0:0 a 3 <- 0:a".
std::string Merge(const std::vector<std::vector<tree::Entry>>& layers, bool over_base = false) {
  LayerMerge merge;
  for (const std::vector<tree::Entry>& layer : layers) {
    if (const Status status = merge.Add(tree::Tree(layer)); !status.ok()) return status.message();
  }
  const auto merged = std::move(merge).Finish(over_base);
  if (!merged.ok()) return merged.status().message();
  std::string out;
  for (const MergedEntry& one : *merged) {
    out += Print(one.entry);
    if (one.entry.is_file()) out += fmt::format(" <- {}:{}", one.layer, one.source.path);
    out += "\n";
  }
  return out;
}

TEST(LayerMerge, UpperLayersWinAndWhiteoutsRemove) {
  EXPECT_EQ(Merge({{Folder("d"), File("d/a", 1), File("d/b", 2), File("x", 3)},
                   {Folder("d", 0700), File("d/a", 4), Whiteout("x"), File("y", 5)}}),
            "d 0700 0:0 d\n"
            "f 0644 0:0 d/a 4 <- 1:d/a\n"
            "f 0644 0:0 d/b 2 <- 0:d/b\n"
            "f 0644 0:0 y 5 <- 1:y\n");
}

TEST(LayerMerge, AnOpaqueFolderHidesWhatWasInIt) {
  EXPECT_EQ(
      Merge({{Folder("d"), File("d/old", 1), Folder("d/sub"), File("d/sub/x", 1)}, {Opaque("d"), File("d/new", 2)}}),
      "d 0755 0:0 d\n"
      "f 0644 0:0 d/new 2 <- 1:d/new\n");
}

TEST(LayerMerge, AFileInThePlaceOfAFolderRemovesItAndTheOtherWayRound) {
  EXPECT_EQ(Merge({{Folder("d"), File("d/x", 1), File("f", 1)}, {File("d", 2), Folder("f"), File("f/y", 3)}}),
            "f 0644 0:0 d 2 <- 1:d\n"
            "d 0755 0:0 f\n"
            "f 0644 0:0 f/y 3 <- 1:f/y\n");
}

TEST(LayerMerge, NamesOfAFileStayNamesOfOneFile) {
  EXPECT_EQ(Merge({{File("b", 7), NameOf(File("b", 7), "a"), NameOf(File("b", 7), "c")}}),
            "f 0644 0:0 a 7 <- 0:b\n"
            "h 0644 0:0 b -> a\n"
            "h 0644 0:0 c -> a\n");
}

TEST(LayerMerge, AFileLivesOnUnderItsOtherNameWhenTheFirstIsReplaced) {
  EXPECT_EQ(Merge({{File("a", 7), NameOf(File("a", 7), "b")}, {File("a", 9)}}),
            "f 0644 0:0 a 9 <- 1:a\n"
            "f 0644 0:0 b 7 <- 0:a\n");
  EXPECT_EQ(Merge({{File("a", 7), NameOf(File("a", 7), "b")}, {Whiteout("a")}}), "f 0644 0:0 b 7 <- 0:a\n");
}

TEST(LayerMerge, ALinkMayNameAFileOfALayerBelow) {
  EXPECT_EQ(Merge({{File("a", 7)}, {HardLink("b", "a")}}),
            "f 0644 0:0 a 7 <- 0:a\n"
            "h 0644 0:0 b -> a\n");
  // What it names is told before this layer takes it away.
  EXPECT_EQ(Merge({{File("z", 7)}, {HardLink("b", "z"), Whiteout("z")}}), "f 0644 0:0 b 7 <- 0:z\n");
  EXPECT_EQ(Merge({{HardLink("b", "nothing")}}), "'/b' is a hard link to '/nothing', which no layer has");
}

TEST(LayerMerge, ParentsThatAreLinksAreFollowedInsideTheRoot) {
  EXPECT_EQ(Merge({{Link("lib", "usr/lib"), Folder("usr"), Folder("usr/lib"), Link("out", "/../../etc")},
                   {File("lib/x", 1), File("out/y", 2)}}),
            "d 0755 0:0 etc\n"
            "f 0644 0:0 etc/y 2 <- 1:out/y\n"
            "l 0777 0:0 lib -> usr/lib\n"
            "l 0777 0:0 out -> /../../etc\n"
            "d 0755 0:0 usr\n"
            "d 0755 0:0 usr/lib\n"
            "f 0644 0:0 usr/lib/x 1 <- 1:lib/x\n");
  EXPECT_EQ(Merge({{Link("a", "b"), Link("b", "a")}, {File("a/x", 1)}}), "'/a/x' goes through too many symbolic links");
}

TEST(LayerMerge, AWayThroughLinksIsBounded) {
  std::string up_and_down;
  for (int i = 0; i < 800; ++i) up_and_down += "d/../";
  const std::vector<tree::Entry> base = {Folder("d"), Link("l", up_and_down), Link("m", std::string(4096, '/'))};
  EXPECT_EQ(Merge({base, {File("l/l/l/l/l/l/f", 1)}}), "'/l/l/l/l/l/l/f' is a way of more than 8192 elements");
  EXPECT_EQ(Merge({base, {File("m/f", 1)}}),
            "the symbolic link '/m' has a target of 4096 bytes, more than Linux allows (4095)");
}

TEST(LayerMerge, OverABaseWhatHidesItIsKept) {
  EXPECT_EQ(
      Merge({{Folder("d"), File("d/x", 1)}, {Whiteout("gone"), Whiteout("d")}, {Folder("d"), File("d/y", 2)}}, true),
      "d 0755 0:0 d opaque\n"
      "f 0644 0:0 d/y 2 <- 2:d/y\n"
      "w 0000 0:0 gone\n");
}

TEST(LayerMerge, FoldersThatNoLayerNamesAreMade) {
  EXPECT_EQ(Merge({{File("a/b/c", 1)}}),
            "d 0755 0:0 a\n"
            "d 0755 0:0 a/b\n"
            "f 0644 0:0 a/b/c 1 <- 0:a/b/c\n");
  // In the base they may have another owner, and keep it.
  EXPECT_EQ(Merge({{File("a/b/c", 1)}}, true), "f 0644 0:0 a/b/c 1 <- 0:a/b/c\n");
}

}  // namespace
}  // namespace slipway::layer
