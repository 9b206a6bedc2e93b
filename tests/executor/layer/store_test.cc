// The store of layers: what of a step's folder and of a recipe is in the index, in the blob and in later reads.
#include "executor/layer/store.h"

#include "executor/layer/view.h"
#include "tests/executor/layer/store_fixture.h"

namespace slipway::layer {
namespace {

TEST_F(StoreTest, AFileThatIsUnchangedIsInTheIndexAndNotInTheBlob) {
  // As `ln a b` leaves it, where `a` is of a layer below.
  const Key key = Upper(*layers_).File("a", "text").HardLink("b", "a").File("c", "new").Add({"a"});
  const std::string owner = fmt::format("{}:{}", ::getuid(), ::getgid());
  EXPECT_EQ(IndexOf(key), fmt::format("f 0644 {0} a 4\nh 0644 {0} b -> a\nf 0644 {0} c 3\n", owner));
  EXPECT_EQ(BlobOf(key), fmt::format("f 0644 {0} b 4\nf 0644 {0} c 3\n", owner));
}

TEST_F(StoreTest, WhatIsUnchangedIsKnownAfterARestart) {
  const Key key = Upper(*layers_).File("a", "text").HardLink("b", "a").Add({"b"});
  layers_.reset();
  layers_ = *Store::Open({.root = temp_.path() + "/layers", .limits = {}}, *store_, pool_, nullptr);
  EXPECT_EQ(BlobOf(key), fmt::format("f 0644 {}:{} a 4\n", ::getuid(), ::getgid()));
}

TEST_F(StoreTest, TheContentOfANameThatTookOverIsTheFiles) {
  const Key key = Upper(*layers_).File("a", "text").HardLink("b", "a").Add({"a"});
  View view(*layers_, {key}, {});
  EXPECT_EQ(*view.ReadFile(ctx_, "a", *store_, 100), "text");
  EXPECT_EQ(*view.ReadFile(ctx_, "b", *store_, 100), "text");
}

TEST_F(StoreTest, EqualRecipesAreOneLayer) {
  const Key one = Recipe({Folder("d"), Stored("d/f", "1")});
  EXPECT_EQ(Recipe({Folder("d"), Stored("d/f", "1")}), one);
  EXPECT_NE(Recipe({Folder("d"), Stored("d/f", "2")}), one);
}

TEST_F(StoreTest, ARecipeIsUnpackedWithItsContents) {
  const Chain chain = {Recipe({Folder("d"), Stored("d/f", "text")})};
  const auto dirs = layers_->LowerDirs(ctx_, chain, {});
  ASSERT_TRUE(dirs.ok()) << dirs.status().ToString();
  EXPECT_EQ(*fs::ReadFile(dirs->front() + "/d/f"), "text");
}

TEST_F(StoreTest, AChainIsUsableWhileAllItsLayersAreKnown) {
  const Key one = Recipe({Stored("one", "1")});
  EXPECT_TRUE(layers_->Usable({one}));
  EXPECT_FALSE(layers_->Usable({one, "recipe:sha256:none"}));
  EXPECT_EQ(layers_->Index(ctx_, "upper:none", {}).code(), Code::kNotFound);
}

}  // namespace
}  // namespace slipway::layer
