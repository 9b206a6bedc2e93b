// What the tests of sources share: a store, a transport and a fetcher in a temporary folder, and looks into trees.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "executor/base/fs.h"
#include "executor/base/process.h"
#include "executor/content/store.h"
#include "executor/http/curl_transport.h"
#include "executor/source/fetcher.h"

namespace slipway::source {

/// Keeps what was told.
class RecordingSink : public ProgressSink {
 public:
  void OnEvent(const ProgressEvent& event) override {
    const std::lock_guard lock(mutex_);
    events_.push_back(event);
  }
  /// All notes and warnings, a line each.
  std::string Text() const {
    const std::lock_guard lock(mutex_);
    std::string out;
    for (const ProgressEvent& event : events_) {
      if (!event.text.empty()) out += event.text + "\n";
    }
    return out;
  }
  /// "fetched N new objects": the sum of all N.
  int FetchedObjects() const {
    const std::lock_guard lock(mutex_);
    int sum = 0;
    for (const ProgressEvent& event : events_) {
      if (event.text.starts_with("fetched ")) sum += std::atoi(event.text.c_str() + 8);
    }
    return sum;
  }
  void Clear() {
    const std::lock_guard lock(mutex_);
    events_.clear();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<ProgressEvent> events_;
};

class SourceTest : public ::testing::Test {
 protected:
  SourceTest() { options_.git.allow_local = true; }

  ContextFetcher& fetcher() {
    if (fetcher_ == nullptr) Reopen();
    return *fetcher_;
  }

  /// A daemon that starts anew on what is on disk.
  void Reopen() {
    fetcher_.reset();
    store_.reset();
    if (dir_.path().empty()) dir_ = fs::TempDir::Make().value();
    options_.root = dir_.path() + "/sources";
    auto store = content::Store::Open(dir_.path() + "/content");
    ASSERT_TRUE(store.ok()) << store.status().message();
    store_ = std::move(store).value();
    if (transport_ == nullptr) transport_ = http::NewCurlTransport({}).value();
    auto fetcher = ContextFetcher::Open(options_, *store_, *transport_);
    ASSERT_TRUE(fetcher.ok()) << fetcher.status().message();
    fetcher_ = std::move(fetcher).value();
  }

  Result<FetchedContext> Fetch(const ContextSpec& spec) {
    ContextFetcher& door = fetcher();
    return door.Fetch(Context::Background(), spec, limits_, VertexProgress(&sink_, "v", "context"));
  }
  Result<FetchedContext> FetchGit(const std::string& url) { return Fetch(GitContext{.url = url}); }

  /// The paths, one a line: "d a/", "f a/b 4", "x run 3", "l ln -> b".
  static std::string List(const FetchedContext& context) {
    std::string out;
    for (const tree::Entry& entry : context.tree->entries()) {
      if (entry.path.empty()) continue;
      if (entry.is_dir()) {
        out += "d " + entry.path + "/\n";
      } else if (entry.type == tree::Type::kSymlink) {
        out += "l " + entry.path + " -> " + entry.link + "\n";
      } else {
        out += fmt::format("{} {} {}\n", (entry.mode & 0111) != 0 ? "x" : "f", entry.path, entry.size);
      }
    }
    return out;
  }
  std::string Read(const FetchedContext& context, const std::string& path) {
    const tree::Entry* entry = context.tree->Find(path);
    if (entry == nullptr) return "(no such file)";
    auto blob = store_->Open(entry->digest);
    return blob.ok() ? blob->ReadAll().ValueOr("(unreadable)") : blob.status().message();
  }

  fs::TempDir dir_;
  FetcherOptions options_;
  Limits limits_;
  RecordingSink sink_;
  std::unique_ptr<content::Store> store_;
  std::unique_ptr<http::Transport> transport_;
  std::unique_ptr<ContextFetcher> fetcher_;
};

}  // namespace slipway::source
