// What the tests of the registry client share: a client whose waits do not wait, content stores, small images.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "executor/base/fs.h"
#include "executor/content/store.h"
#include "executor/http/curl_transport.h"
#include "executor/registry/registry.h"

namespace slipway::registry {

/// Records what the client would have waited.
class Waits {
 public:
  std::function<Status(const Context&, std::chrono::nanoseconds)> Sleeper() {
    return [this](const Context& ctx, std::chrono::nanoseconds delay) {
      std::lock_guard lock(mutex_);
      delays_.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(delay));
      return ctx.Err();
    };
  }
  std::vector<std::chrono::milliseconds> delays() const {
    std::lock_guard lock(mutex_);
    return delays_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::chrono::milliseconds> delays_;
};

struct ClientOptions {
  std::shared_ptr<CredentialSource> credentials;
  std::string ca_file;
  size_t max_transfers = 6;
};

/// A Registry with its transport.
class Client {
 public:
  explicit Client(ClientOptions options = {}) {
    http::CurlOptions curl;
    curl.proxy = {};
    if (!options.ca_file.empty()) curl.extra_ca_files = {options.ca_file};
    auto transport = http::NewCurlTransport(curl);
    EXPECT_TRUE(transport.ok()) << transport.status().message();
    Options registry_options;
    registry_options.retry.sleep = waits.Sleeper();
    registry_options.max_transfers_per_host = options.max_transfers;
    registry = std::make_unique<Registry>(registry_options, std::move(transport).value(), options.credentials);
  }
  Session session() const { return registry->NewSession(); }

  Waits waits;
  std::unique_ptr<Registry> registry;
};

/// A content store in a folder of its own.
struct TestStore {
  TestStore() {
    auto made = fs::TempDir::Make();
    EXPECT_TRUE(made.ok());
    dir = std::move(*made);
    auto opened = content::Store::Open(dir.path() + "/content");
    EXPECT_TRUE(opened.ok()) << opened.status().message();
    store = std::move(*opened);
  }
  /// Puts `bytes` in and opens them.
  content::Blob Put(std::string_view bytes) const {
    const auto digest = store->Put(bytes, nullptr);
    EXPECT_TRUE(digest.ok()) << digest.status().message();
    auto blob = store->Open(*digest);
    EXPECT_TRUE(blob.ok()) << blob.status().message();
    return *blob;
  }

  fs::TempDir dir;
  std::unique_ptr<content::Store> store;
};

/// Bytes that do not repeat soon, the same for equal arguments.
inline std::string SomeBytes(size_t size, uint32_t seed = 1) {
  std::string out(size, '\0');
  uint32_t state = seed * 2654435761U + 1;
  for (char& c : out) {
    state = state * 1664525U + 1013904223U;
    c = static_cast<char>(state >> 24);
  }
  return out;
}

inline oci::Descriptor DescriptorOf(std::string_view bytes, std::string_view media_type) {
  oci::Descriptor out;
  out.media_type = media_type;
  out.digest = Digest::Of(bytes);
  out.size = static_cast<int64_t>(bytes.size());
  return out;
}

inline oci::Reference Ref(const std::string& text) {
  auto ref = oci::Reference::Parse(text);
  EXPECT_TRUE(ref.ok()) << ref.status().message();
  return *ref;
}

/// Appends to a string.
inline http::Sink Into(std::string& out) {
  return [&out](std::string_view bytes) {
    out += bytes;
    return Status();
  };
}

}  // namespace slipway::registry
