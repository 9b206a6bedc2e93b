// A store in a temporary folder with a clock that the test moves.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "executor/base/fs.h"
#include "executor/content/store.h"

namespace slipway::content {

class ManualClock : public Clock {
 public:
  std::chrono::steady_clock::time_point Steady() const override {
    return std::chrono::steady_clock::time_point(passed_);
  }
  SystemTime System() const override { return SystemTime(std::chrono::seconds(1'700'000'000) + passed_); }
  void Advance(std::chrono::nanoseconds by) { passed_ += by; }

 private:
  std::chrono::nanoseconds passed_{0};
};

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override { Reopen(); }

  // As a restart of the daemon.
  void Reopen() {
    store_.reset();
    auto store = Store::Open(root_, {.clock = &clock_});
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = std::move(store).value();
  }

  Digest Put(std::string_view bytes, Lease* lease = nullptr) {
    auto digest = store_->Put(bytes, lease);
    EXPECT_TRUE(digest.ok()) << digest.status().ToString();
    return digest.ok() ? *digest : Digest();
  }
  Digest PutPacked(std::string_view bytes, Lease* lease = nullptr) {
    return PutPacked(std::vector{std::string(bytes)}, lease)[0];
  }
  std::vector<Digest> PutPacked(const std::vector<std::string>& contents, Lease* lease = nullptr) {
    std::unique_ptr<BatchIngest> batch = *store_->BeginBatch();
    std::vector<Digest> digests;
    for (const std::string& content : contents) digests.push_back(*batch->Add(content));
    Status status = batch->Commit(lease);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return digests;
  }
  // What the store gives for a digest; the error in angle brackets where it gives none.
  std::string Get(const Digest& digest) {
    auto blob = store_->Open(digest);
    if (!blob.ok()) return fmt::format("<{}>", CodeName(blob.code()));
    auto bytes = blob->ReadAll();
    return bytes.ok() ? *bytes : fmt::format("<{}>", CodeName(bytes.code()));
  }
  CollectResult Collect(const CollectOptions& options = {}, std::vector<Digest> in_use = {}) {
    auto result = store_->Collect(Context::Background(), options, in_use);
    EXPECT_TRUE(result.ok()) << result.status().ToString();
    return result.ok() ? *result : CollectResult();
  }
  std::string Path(std::string_view below) { return fs::Join(root_, below); }
  std::vector<std::string> List(std::string_view folder) { return *fs::ListDir(Path(folder)); }
  std::string BlobPath(const Digest& digest) { return Path("blobs/" + digest.hex()); }

  fs::TempDir dir_ = *fs::TempDir::Make();
  const std::string root_ = fs::Join(dir_.path(), "store");
  ManualClock clock_;
  std::unique_ptr<Store> store_;
};

}  // namespace slipway::content
