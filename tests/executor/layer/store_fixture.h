// A layer store in a temporary folder, and layers in it: recipes written down as text, folders as a container leaves
// them.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "executor/layer/store.h"
#include "tests/executor/layer/layer_fixture.h"

namespace slipway::layer {

class StoreTest : public LayerTest {
 protected:
  void SetUp() override {
    LayerTest::SetUp();
    auto layers = Store::Open({.root = temp_.path() + "/layers", .limits = {}}, *store_, pool_, nullptr);
    ASSERT_TRUE(layers.ok()) << layers.status().ToString();
    layers_ = std::move(layers).value();
  }

  Key Recipe(std::vector<tree::Entry> entries) { return layers_->AddRecipe(tree::Tree(std::move(entries))).value(); }

  /// The blob's entries, with nothing of the store's index in between.
  std::string BlobOf(const Key& key) {
    auto blob = layers_->Blob(ctx_, key, {.compression = oci::Compression::kNone}, nullptr, nullptr, {});
    if (!blob.ok()) return blob.status().ToString();
    return Print(layer::Index(Get(blob->descriptor.digest)));
  }
  std::string IndexOf(const Key& key) {
    auto index = layers_->Index(ctx_, key, {});
    return index.ok() ? Print(**index) : index.status().ToString();
  }

  const Context ctx_ = Context::Background();
  ThreadPool pool_{2};
  std::unique_ptr<Store> layers_;
};

/// A folder to be filled as a container's changes and given to the store.
class Upper {
 public:
  explicit Upper(Store& store) : store_(store), path_(store.NewUpper()) { EXPECT_TRUE(fs::MakeDirs(path_, 0755).ok()); }
  Upper& File(const std::string& path, std::string_view content, mode_t mode = 0644) {
    EXPECT_TRUE(fs::MakeDirs(fs::DirName(At(path)), 0755).ok());
    EXPECT_TRUE(fs::WriteFileAtomic(At(path), content).ok());
    EXPECT_EQ(::chmod(At(path).c_str(), mode), 0);
    return *this;
  }
  Upper& HardLink(const std::string& path, const std::string& file) {
    EXPECT_EQ(::link(At(file).c_str(), At(path).c_str()), 0) << path;
    return *this;
  }
  Key Add(const std::vector<std::string>& unchanged = {}) { return store_.AddUpper(path_, unchanged).value(); }

 private:
  std::string At(const std::string& path) const { return fs::Join(path_, path); }

  Store& store_;
  const std::string path_;
};

}  // namespace slipway::layer
