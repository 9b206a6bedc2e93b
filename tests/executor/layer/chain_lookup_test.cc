#include "executor/layer/chain_lookup.h"

#include <gtest/gtest.h>

#include "tests/executor/layer/layer_fixture.h"

namespace slipway::layer {
namespace {

/// Layers that lie over each other, bottom first.
class Chained {
 public:
  explicit Chained(std::vector<tree::Tree> layers) {
    for (tree::Tree& layer : layers) layers_.push_back(std::make_shared<const tree::Tree>(std::move(layer)));
  }
  /// "layer: entry", or "nothing".
  std::string At(std::string_view path) {
    asked_ = 0;
    const auto index_at = [this](size_t position) -> Result<std::shared_ptr<const tree::Tree>> {
      ++asked_;
      return layers_.at(position);
    };
    const auto found = LookUp(layers_.size(), index_at, path);
    if (!found.ok()) return found.status().ToString();
    if (!*found) return "nothing";
    return fmt::format("{}{}: {}", (*found)->layer, (*found)->implied ? " implied" : "", Print((*found)->entry));
  }
  int asked() const { return asked_; }

 private:
  std::vector<std::shared_ptr<const tree::Tree>> layers_;
  int asked_ = 0;
};

TEST(LookUp, TheTopmostHasItAndNoMoreAreAsked) {
  Chained chain({tree::Tree({File("f", 1)}), tree::Tree({File("f", 2)})});
  EXPECT_EQ(chain.At("f"), "1: f 0644 0:0 f 2");
  EXPECT_EQ(chain.asked(), 1);
}

TEST(LookUp, WhatIsBelowShowsThrough) {
  Chained chain({tree::Tree({Folder("d"), File("d/f", 1)}), tree::Tree({File("g")})});
  EXPECT_EQ(chain.At("d/f"), "0: f 0644 0:0 d/f 1");
  EXPECT_EQ(chain.At("d/none"), "nothing");
}

TEST(LookUp, AWhiteoutHidesAPathAndAllBelowIt) {
  Chained chain({tree::Tree({Folder("d"), File("d/f", 1)}), tree::Tree({Whiteout("d")})});
  EXPECT_EQ(chain.At("d"), "nothing");
  EXPECT_EQ(chain.At("d/f"), "nothing");
  EXPECT_EQ(chain.asked(), 1);
}

TEST(LookUp, AnOpaqueFolderHidesWhatIsBelowIt) {
  Chained chain({tree::Tree({Folder("d"), File("d/f", 1)}), tree::Tree({Opaque("d")})});
  EXPECT_EQ(chain.At("d/f"), "nothing");
  EXPECT_EQ(chain.At("d"), "1: d 0755 0:0 d opaque");
}

TEST(LookUp, AFileInAFoldersPlaceHidesWhatWasBelowIt) {
  Chained chain({tree::Tree({Folder("d"), File("d/f", 1)}), tree::Tree({File("d")})});
  EXPECT_EQ(chain.At("d/f"), "nothing");
}

TEST(LookUp, AFolderThatIsOnlyImpliedIsWhatALowerLayerSays) {
  Chained named({tree::Tree({Folder("d", 0700)}), tree::Tree({File("d/f")})});
  EXPECT_EQ(named.At("d"), "0: d 0700 0:0 d");
  Chained unnamed({tree::Tree({File("g")}), tree::Tree({File("d/f")})});
  EXPECT_EQ(unnamed.At("d"), "1 implied: d 0755 0:0 d");
}

TEST(LookUp, TheRootIsAlwaysThere) {
  EXPECT_EQ(Chained({}).At(""), "0 implied: d 0755 0:0 .");
  EXPECT_EQ(Chained({tree::Tree({File("f")})}).At(""), "0 implied: d 0755 0:0 .");
}

TEST(LookUp, AnIndexThatCannotBeHadIsAnError) {
  const IndexAt none = [](size_t) -> Result<std::shared_ptr<const tree::Tree>> { return Unavailable("not now"); };
  EXPECT_EQ(LookUp(1, none, "f").code(), Code::kUnavailable);
}

}  // namespace
}  // namespace slipway::layer
