// What is seen when layers lie over each other.
#include "executor/layer/view.h"

#include "tests/executor/layer/store_fixture.h"

namespace slipway::layer {
namespace {

class ViewTest : public StoreTest {
 protected:
  /// Of the layers given, the bottom first.
  View Over(std::vector<std::vector<tree::Entry>> layers) {
    Chain chain;
    for (auto& entries : layers) chain.push_back(Recipe(std::move(entries)));
    return View(*layers_, std::move(chain), {});
  }
  /// "path (layer)", "path/ (layer)" for folders, "path/ (implied)" where no layer names it; "-" if nothing is there.
  static std::string Show(const std::optional<Located>& located) {
    if (!located) return "-";
    const std::string layer = located->implied ? "implied" : std::to_string(located->layer);
    return fmt::format("{}{} ({})", located->entry.path, located->entry.is_dir() ? "/" : "", layer);
  }
  std::string At(View& view, std::string_view path) {
    auto found = view.Lookup(ctx_, path);
    return found.ok() ? Show(*found) : found.status().ToString();
  }
  std::vector<std::string> Below(View& view, std::string_view path) {
    std::vector<std::string> out;
    const std::vector<Seen> all = view.Below(ctx_, path).value();
    for (const Seen& seen : all) out.push_back(Show(seen.Copy()));
    return out;
  }
  /// Where a path leads; "-> path" if nothing is there.
  std::string Leads(View& view, std::string_view path, bool follow_last = true) {
    auto resolved = view.Resolve(ctx_, path, follow_last);
    if (!resolved.ok()) return resolved.status().message();
    return (resolved->found ? "" : "-> ") + resolved->path;
  }
  std::string Read(View& view, std::string_view path) {
    auto text = view.ReadFile(ctx_, path, *store_, 1000);
    return text.ok() ? *text : text.status().message();
  }

  using Lines = std::vector<std::string>;
};

TEST_F(ViewTest, TheTopmostLayerThatHasItCounts) {
  View view = Over({{Stored("a", "old"), Stored("b", "b")}, {Stored("a", "new")}});
  EXPECT_EQ(At(view, "a"), "a (1)");
  EXPECT_EQ(At(view, "b"), "b (0)");
  EXPECT_EQ(At(view, "c"), "-");
  EXPECT_EQ(Read(view, "a"), "new");
}

TEST_F(ViewTest, TheRootIsAlwaysThere) {
  View nothing = Over({});
  EXPECT_EQ(At(nothing, ""), "/ (implied)");
  EXPECT_EQ(Below(nothing, ""), Lines());
}

TEST_F(ViewTest, AWhiteoutHidesAFileAndAllBelowAFolder) {
  View view = Over({{Folder("d"), Stored("d/f", "1"), Stored("g", "2")}, {Whiteout("d"), Whiteout("g")}});
  EXPECT_EQ(At(view, "d"), "-");
  EXPECT_EQ(At(view, "d/f"), "-");
  EXPECT_EQ(At(view, "g"), "-");
  EXPECT_EQ(Below(view, ""), Lines());
}

TEST_F(ViewTest, WhatComesBackAboveAWhiteoutIsNew) {
  View view = Over({{Folder("d", 0700), Stored("d/f", "1")}, {Whiteout("d")}, {Folder("d"), Stored("d/g", "2")}});
  EXPECT_EQ(Below(view, ""), (Lines{"d/ (2)", "d/g (2)"}));
  EXPECT_EQ(At(view, "d/f"), "-");
}

TEST_F(ViewTest, AnOpaqueFolderHidesWhatWasInIt) {
  View view =
      Over({{Folder("d"), Stored("d/f", "1"), Folder("d/s"), Stored("d/s/x", "1")}, {Opaque("d"), Stored("d/g", "2")}});
  EXPECT_EQ(Below(view, "d"), Lines{"d/g (1)"});
  EXPECT_EQ(At(view, "d"), "d/ (1)");
  EXPECT_EQ(At(view, "d/s/x"), "-");
}

TEST_F(ViewTest, AFileInPlaceOfAFolderHidesWhatWasInIt) {
  View view = Over({{Folder("d"), Stored("d/f", "1")}, {Stored("d", "a file")}});
  EXPECT_EQ(At(view, "d"), "d (1)");
  EXPECT_EQ(At(view, "d/f"), "-");
  EXPECT_EQ(Below(view, ""), Lines{"d (1)"});
}

TEST_F(ViewTest, AFolderThatIsOnlyImpliedLetsTheLowerOneThrough) {
  View view = Over({{Folder("d", 0700)}, {Stored("d/f", "1")}});
  EXPECT_EQ(At(view, "d"), "d/ (0)");
  EXPECT_EQ(Below(view, ""), (Lines{"d/ (0)", "d/f (1)"}));
  View alone = Over({{Stored("d/f", "1")}});
  EXPECT_EQ(At(alone, "d"), "d/ (implied)");
}

TEST_F(ViewTest, WhatOneLayerHasIsListedAsIfItWereMerged) {
  const std::vector<tree::Entry> entries = {Stored("a/b/c/f", "1"), Stored("a/b/g", "1"), Stored("a/b.c", "1"),
                                            Whiteout("a/w"),        Stored("a/w/x", "1"), Folder("d", 0700),
                                            Stored("d/e", "1"),     Opaque("o"),          Stored("o/p", "1")};
  const Lines all = {"a/ (implied)",   "a/b/ (implied)", "a/b/c/ (implied)", "a/b/c/f (0)", "a/b/g (0)", "a/b.c (0)",
                     "a/w/ (implied)", "a/w/x (0)",      "d/ (0)",           "d/e (0)",     "o/ (0)",    "o/p (0)"};
  View alone = Over({entries});
  EXPECT_EQ(Below(alone, ""), all);
  EXPECT_EQ(Below(alone, "a/b"), (Lines{"a/b/c/ (implied)", "a/b/c/f (0)", "a/b/g (0)"}));
  EXPECT_EQ(Below(alone, "a/b/c/f"), Lines());
  // A layer that has nothing there, and one that has.
  View under_another = Over({entries, {Stored("z/y", "1")}});
  EXPECT_EQ(Below(under_another, "a/b"), Below(alone, "a/b"));
  Lines more = all;
  more.insert(more.end(), {"z/ (implied)", "z/y (1)"});
  EXPECT_EQ(Below(under_another, ""), more);
}

TEST_F(ViewTest, EntriesOutliveTheViewWithItsIndexes) {
  std::vector<Seen> seen;
  std::vector<std::shared_ptr<const void>> indexes;
  {
    View view = Over({{Stored("a/b", "1")}});
    seen = view.Below(ctx_, "").value();
    indexes = view.Indexes();
  }
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].entry->path, "a");
  EXPECT_EQ(seen[1].entry->path, "a/b");
}

TEST_F(ViewTest, NamesAreThoseOfOneFolder) {
  View view =
      Over({{Stored("d/a", "1"), Stored("d/s/x", "1"), Stored("e", "1")}, {Whiteout("d/a"), Stored("d/b", "1")}});
  EXPECT_EQ(*view.Names(ctx_, "d"), (Lines{"b", "s"}));
  EXPECT_EQ(*view.Names(ctx_, ""), (Lines{"d", "e"}));
}

TEST_F(ViewTest, LinksAreFollowedInsideTheRoot) {
  View view = Over({{Folder("run"), Stored("run/pid", "7"), Link("var", "../../run"), Link("abs", "/run/pid")}});
  EXPECT_EQ(Leads(view, "var/pid"), "run/pid");
  EXPECT_EQ(Leads(view, "abs"), "run/pid");
  EXPECT_EQ(Leads(view, "abs", /*follow_last=*/false), "abs");
  EXPECT_EQ(Leads(view, "../../../run"), "run");
  EXPECT_EQ(Leads(view, "var/new/file"), "-> run/new/file");
  EXPECT_EQ(Read(view, "var/pid"), "7");
}

TEST_F(ViewTest, LinksOfOneLayerLeadIntoAnother) {
  View view = Over({{Link("current", "v1"), Folder("v1"), Stored("v1/f", "one")},
                    {Whiteout("current"), Folder("v2"), Stored("v2/f", "two")},
                    {Link("current", "v2")}});
  EXPECT_EQ(Read(view, "current/f"), "two");
}

TEST_F(ViewTest, ALoopAndAFileInTheWayAreErrors) {
  View view = Over({{Link("a", "b"), Link("b", "a"), Stored("f", "1")}});
  EXPECT_EQ(Leads(view, "a"), "'a' goes through too many symbolic links");
  EXPECT_EQ(Leads(view, "f/x"), "'/f' is not a folder");
  EXPECT_EQ(Read(view, "nothing"), "the image has no file '/nothing'");
}

TEST_F(ViewTest, AHardLinkHasTheContentOfItsFileInWhateverLayer) {
  View view = Over({{Stored("a", "below")}, {HardLink("b", "a")}, {Stored("a", "above"), HardLink("c", "a")}});
  EXPECT_EQ(Read(view, "b"), "below");
  EXPECT_EQ(Read(view, "c"), "above");
  View broken = Over({{HardLink("b", "gone")}});
  EXPECT_EQ(Read(broken, "b"), "'/b' is a hard link to '/gone', which is not in the image");
}

TEST_F(ViewTest, ContentsComeInTheOrderAsked) {
  View view = Over({{Stored("a", "1"), Stored("b", "2"), HardLink("c", "a")}});
  std::vector<Located> files;
  for (const char* path : {"c", "b", "a"}) files.push_back(**view.Lookup(ctx_, path));
  auto lease = *store_->NewLease("the test");
  EXPECT_EQ(*view.Contents(ctx_, files, &lease),
            (std::vector<Digest>{Digest::Of("1"), Digest::Of("2"), Digest::Of("1")}));
}

}  // namespace
}  // namespace slipway::layer
