// The parts of a layer store, wired as the store wires them, over a registry of the test's own.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "executor/layer/layer_key.h"
#include "executor/layer/unpacker.h"
#include "tests/executor/layer/layer_fixture.h"

namespace slipway::layer {

/// Blobs in repositories of one host; counts what is fetched. Not to be changed while something is fetched.
class FakeRegistry {
 public:
  /// Uncompressed, so that its digest is the diff id, too.
  Remote Push(const std::string& tar, const std::string& repository = "base") {
    Remote place{.descriptor = {}, .host = "reg.local", .repository = repository};
    place.descriptor.media_type = oci::LayerMediaType(oci::Compression::kNone, oci::Family::kOci);
    place.descriptor.digest = Digest::Of(tar);
    place.descriptor.size = static_cast<int64_t>(tar.size());
    blobs_[place.descriptor.digest] = tar;
    return place;
  }
  void Clear() { blobs_.clear(); }

  Fetch AsFetch() {
    return [this](const Context& ctx, const Remote& place, const std::function<Status(std::string_view)>& sink,
                  const VertexProgress&) -> Status {
      ++fetches;
      const auto found = blobs_.find(place.descriptor.digest);
      if (found == blobs_.end()) return NotFound("no such blob");
      return give ? give(ctx, found->second, sink) : sink(found->second);
    };
  }

  /// How a blob comes; at once if empty.
  std::function<Status(const Context&, const std::string& blob, const std::function<Status(std::string_view)>& sink)>
      give;
  std::atomic<int> fetches = 0;

 private:
  std::map<Digest, std::string> blobs_;
};

class LayerPartsTest : public LayerTest {
 protected:
  void SetUp() override {
    LayerTest::SetUp();
    layout_ = std::make_unique<Layout>(temp_.path() + "/layers");
    ASSERT_TRUE(layout_->Make().ok());
    records_ = *Records::Open(layout_->Database());
    settler_ = std::make_unique<Settler>(layout_->root(), *records_);
    downloads_ = std::make_unique<Downloads>(*store_, registry_.AsFetch());
    indexes_ = std::make_unique<Indexes>(*store_, *records_, *downloads_, unpackings_, ArchiveLimits());
    unpacker_ = std::make_unique<Unpacker>(Unpacker::Parts{.layout = *layout_,
                                                           .content = *store_,
                                                           .pool = pool_,
                                                           .records = *records_,
                                                           .downloads = *downloads_,
                                                           .unpackings = unpackings_,
                                                           .indexes = *indexes_,
                                                           .settler = *settler_},
                                           ArchiveLimits());
  }

  /// A layer that is in the registry only.
  Key Registered(const std::string& tar) {
    const Remote place = registry_.Push(tar);
    const Key key = place.descriptor.digest.ToString();
    EXPECT_TRUE(records_->Insert({.key = key, .diff_id = place.descriptor.digest}).ok());
    EXPECT_TRUE(records_->AddRemote(key, place).ok());
    return key;
  }
  Key Recipe(std::vector<tree::Entry> entries) {
    const Digest recipe = Put(tree::Encode(tree::Tree(std::move(entries))));
    const Key key = RecipeKey(recipe);
    EXPECT_TRUE(records_->Insert({.key = key, .diff_id = {}, .recipe = recipe}).ok());
    return key;
  }
  /// A step's folder with files in it.
  Key Upper(const std::map<std::string, std::string>& files) {
    const std::string folder = layout_->NewUpper();
    EXPECT_TRUE(fs::MakeDirs(folder, 0755).ok());
    for (const auto& [path, content] : files) {
      EXPECT_TRUE(fs::MakeDirs(fs::DirName(fs::Join(folder, path)), 0755).ok());
      EXPECT_TRUE(fs::WriteFileAtomic(fs::Join(folder, path), content).ok());
    }
    const Key key = UpperKey(folder);
    EXPECT_TRUE(records_->Insert({.key = key, .diff_id = {}, .recipe = {}, .index = {}, .upper = folder}).ok());
    return key;
  }

  const Context ctx_ = Context::Background();
  ThreadPool pool_{2};
  FakeRegistry registry_;
  std::unique_ptr<Layout> layout_;
  std::unique_ptr<Records> records_;
  // Each uses those before it.
  std::unique_ptr<Settler> settler_;
  std::unique_ptr<Downloads> downloads_;
  Unpackings unpackings_;
  std::unique_ptr<Indexes> indexes_;
  std::unique_ptr<Unpacker> unpacker_;
};

}  // namespace slipway::layer
