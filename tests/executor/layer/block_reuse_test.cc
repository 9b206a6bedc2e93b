// What is kept of earlier blobs and found again.
#include <algorithm>
#include <map>
#include <mutex>

#include "executor/layer/stored_blocks.h"
#include "executor/layer/survey.h"
#include "tests/executor/layer/layer_fixture.h"

namespace slipway::layer {
namespace {

/// StoredBlocks that counts what it finds.
class Counting : public BlockLibrary {
 public:
  explicit Counting(BlockLibrary& blocks) : blocks_(blocks) {}
  std::optional<PackedBlock> Find(const Digest& key, ByteBuffer& out) override {
    auto found = blocks_.Find(key, out);
    const std::lock_guard lock(mutex_);
    ++(found ? hits : misses);
    return found;
  }
  int hits = 0;
  int misses = 0;

 private:
  BlockLibrary& blocks_;
  std::mutex mutex_;
};

class BlockReuseTest : public LayerTest {
 protected:
  void SetUp() override {
    LayerTest::SetUp();
    auto records = Records::Open(temp_.path() + "/layers.db");
    ASSERT_TRUE(records.ok()) << records.status().ToString();
    records_ = *std::move(records);
    ASSERT_TRUE(AddLayer("recipe:a"));
  }

  bool AddLayer(const Key& key) {
    return records_->Insert({.key = key, .diff_id = {}, .recipe = {}, .index = {}, .upper = "", .created = {}}).ok();
  }

  /// 400 files of 3 to 13 KB: about a dozen blocks.
  std::vector<tree::Entry> Project() {
    std::vector<tree::Entry> entries = {Folder("src")};
    const std::unique_ptr<content::BatchIngest> batch = store_->BeginBatch().value();
    for (uint64_t i = 0; i < 400; ++i) {
      const std::string text = SomeText(3000 + (i * 7919) % 10'000, i);
      entries.push_back(File(fmt::format("src/{:03}.cc", i), text.size()));
      entries.back().digest = *batch->Add(text);
    }
    EXPECT_TRUE(batch->Commit(nullptr).ok());
    return entries;
  }

  struct Made {
    AssembledLayer layer;
    std::vector<PackedBlock> blocks;
    int hits = 0;
    int misses = 0;
  };
  Made MakeWithLibrary(const std::vector<tree::Entry>& entries, const AssembleOptions& options = {}) {
    StoredBlocks stored(*records_, *store_);
    Counting counting(stored);
    BlockReuse reuse{.earlier = &counting, .blocks = {}};
    ThreadPool pool(2);
    auto layer =
        Assemble(Context::Background(), Source(entries), options, *store_, nullptr, pool, nullptr, nullptr, &reuse);
    EXPECT_TRUE(layer.ok()) << layer.status().ToString();
    if (!layer.ok()) return {};
    EXPECT_TRUE(records_->AddBlob("recipe:a", "gzip", *layer, reuse.blocks).ok());
    return {*layer, std::move(reuse.blocks), counting.hits, counting.misses};
  }

  std::unique_ptr<Records> records_;
};

TEST_F(BlockReuseTest, EqualLayersAreCopiedAndTheSameBytes) {
  const std::vector<tree::Entry> entries = Project();
  for (const auto compression : {oci::Compression::kGzip, oci::Compression::kZstd}) {
    const AssembleOptions options{.compression = compression};
    const Made first = MakeWithLibrary(entries, options);
    EXPECT_EQ(first.hits, 0);
    EXPECT_EQ(static_cast<size_t>(first.misses), first.blocks.size());
    const Made second = MakeWithLibrary(entries, options);
    EXPECT_EQ(second.misses, 0);
    EXPECT_EQ(static_cast<size_t>(second.hits), first.blocks.size());
    const auto without = Make(Source(entries), options);
    for (const AssembledLayer& layer : {first.layer, second.layer}) {
      EXPECT_EQ(layer.descriptor, without->descriptor);
      EXPECT_EQ(layer.diff_id, without->diff_id);
    }
  }
}

TEST_F(BlockReuseTest, AChangeTouchesTheBlocksNearIt) {
  std::vector<tree::Entry> entries = Project();
  const Made first = MakeWithLibrary(entries);
  ASSERT_GE(first.blocks.size(), 6U);
  // Near the beginning, so that all behind it moves.
  entries[20] = Stored("src/019.cc", SomeText(40'000, 1234));
  entries.insert(entries.begin() + 30, Stored("src/028a.cc", "a new file"));
  const Made second = MakeWithLibrary(entries);
  EXPECT_GE(second.misses, 1);
  EXPECT_GT(second.hits, second.misses);
  EXPECT_EQ(second.layer.descriptor, Make(Source(entries))->descriptor);
  const std::string blob = Get(second.layer.descriptor.digest);
  const auto index =
      IndexLayer(Context::Background(), FromBytes(blob), oci::Compression::kGzip, second.layer.diff_id, {});
  EXPECT_EQ(Print(index), Print(tree::Tree(entries)));
}

TEST_F(BlockReuseTest, TheInsideOfALargeFileIsFoundBehindAnyOtherFile) {
  const tree::Entry large = Stored("b/large", SomeText(5'000'000));
  const Made first = MakeWithLibrary({Folder("b"), large});
  const Made second = MakeWithLibrary({Stored("a", SomeText(100'001, 7)), Folder("b"), large});
  EXPECT_EQ(static_cast<size_t>(second.hits), first.blocks.size());
}

TEST_F(BlockReuseTest, OtherFormsAreOtherBlocks) {
  const std::vector<tree::Entry> entries = Project();
  MakeWithLibrary(entries, {.compression = oci::Compression::kGzip});
  EXPECT_EQ(MakeWithLibrary(entries, {.compression = oci::Compression::kZstd}).hits, 0);
  EXPECT_EQ(MakeWithLibrary(entries, {.compression = oci::Compression::kZstd, .level = 9}).hits, 0);
  // Levels of gzip that are asked for make blocks that refer to what is before them.
  const Made asked = MakeWithLibrary(entries, {.compression = oci::Compression::kGzip, .level = 6});
  EXPECT_EQ(asked.hits + asked.misses, 0);
}

TEST_F(BlockReuseTest, ABlobThatWasCollectedIsNotMissed) {
  const std::vector<tree::Entry> entries = Project();
  const Made first = MakeWithLibrary(entries);
  std::vector<Digest> contents;
  for (const tree::Entry& entry : entries) {
    if (!entry.digest.empty()) contents.push_back(entry.digest);
  }
  ASSERT_TRUE(store_->Collect(Context::Background(), {}, contents).ok());
  ASSERT_FALSE(store_->Has(first.layer.descriptor.digest));
  const Made second = MakeWithLibrary(entries);
  EXPECT_EQ(second.hits, 0);
  EXPECT_EQ(second.layer.descriptor, first.layer.descriptor);
}

TEST_F(BlockReuseTest, WhatTheDiskLostIsMadeAnew) {
  const std::vector<tree::Entry> entries = Project();
  const Made first = MakeWithLibrary(entries);
  // Other bytes under the blob's name, as a disk may give them back.
  const auto blob = store_->Open(first.layer.descriptor.digest);
  const std::string path = fmt::format("/proc/self/fd/{}", blob->fd());
  std::string bytes = Get(first.layer.descriptor.digest);
  const UniqueFd file(::open(path.c_str(), O_WRONLY));
  ASSERT_TRUE(file.valid());
  for (const PackedBlock& block : first.blocks) bytes[block.offset + block.size / 2] ^= 1;
  ASSERT_EQ(::pwrite(file.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  EntrySource source = Source(entries);
  StoredBlocks stored(*records_, *store_);
  BlockReuse reuse{.earlier = &stored, .blocks = {}};
  ThreadPool pool(2);
  auto other = content::Store::Open(temp_.path() + "/other");
  const auto layer = Assemble(Context::Background(), source, {}, **other, nullptr, pool, nullptr, nullptr, &reuse);
  EXPECT_EQ(layer->descriptor, first.layer.descriptor) << "damaged bytes were copied";
}

TEST_F(BlockReuseTest, AForgottenLayersBlocksAreForgotten) {
  const std::vector<tree::Entry> entries = Project();
  MakeWithLibrary(entries);
  ASSERT_TRUE(records_->Forget({"recipe:a"}).ok());
  ASSERT_TRUE(AddLayer("recipe:a"));
  EXPECT_EQ(MakeWithLibrary(entries).hits, 0);
}

TEST_F(BlockReuseTest, FilesWithoutADigestHaveNoKeys) {
  std::vector<tree::Entry> entries = Project();
  const std::map<std::string, Digest> digests = [&] {
    std::map<std::string, Digest> out;
    for (tree::Entry& entry : entries) out[entry.path] = std::exchange(entry.digest, Digest());
    return out;
  }();
  EntrySource source = Source(entries);
  source.open = [&](const tree::Entry& entry) { return store_->Open(digests.at(entry.path)); };
  StoredBlocks stored(*records_, *store_);
  Counting counting(stored);
  BlockReuse reuse{.earlier = &counting, .blocks = {}};
  ThreadPool pool(2);
  ASSERT_TRUE(Assemble(Context::Background(), source, {}, *store_, nullptr, pool, nullptr, nullptr, &reuse).ok());
  EXPECT_EQ(counting.hits + counting.misses, 0);
  EXPECT_TRUE(reuse.blocks.empty());
}

TEST_F(BlockReuseTest, EffortFollowsWhatMostOfTheBlobIs) {
  const auto effort = [&](uint64_t text_files, uint64_t noise_files) {
    std::vector<tree::Entry> entries;
    for (uint64_t i = 0; i < text_files; ++i) {
      entries.push_back(Stored(fmt::format("text{}", i), SomeText(1'500'000, i + 1)));
    }
    for (uint64_t i = 0; i < noise_files; ++i) {
      entries.push_back(Stored(fmt::format("noise{}", i), Noise(1'500'000, i + 1)));
    }
    return SurveyEffort(Source(entries));
  };
  EXPECT_EQ(effort(24, 0), Effort::kDense);
  EXPECT_EQ(effort(0, 24), Effort::kFast);
  EXPECT_EQ(effort(12, 12), Effort::kFast);
  EXPECT_EQ(effort(21, 3), Effort::kDense);
  EXPECT_EQ(effort(0, 2), Effort::kDense) << "so little is soon done";
}

}  // namespace
}  // namespace slipway::layer
