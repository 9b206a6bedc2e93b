// What the tests of layers share: trees written down as text, archives made of entries, contents kept in a map.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/fs.h"
#include "executor/base/thread_pool.h"
#include "executor/content/store.h"
#include "executor/layer/archive.h"
#include "executor/layer/assembler.h"
#include "executor/layer/tar_writer.h"

namespace slipway::layer {

inline tree::Entry File(std::string path, uint64_t size = 0, uint32_t mode = 0644) {
  tree::Entry entry;
  entry.path = std::move(path);
  entry.mode = mode;
  entry.size = size;
  return entry;
}

inline tree::Entry Of(tree::Type type, std::string path, uint32_t mode, std::string link = "") {
  tree::Entry entry;
  entry.type = type;
  entry.path = std::move(path);
  entry.mode = mode;
  entry.link = std::move(link);
  return entry;
}
inline tree::Entry Folder(std::string path, uint32_t mode = 0755) {
  return Of(tree::Type::kDirectory, std::move(path), mode);
}
/// A folder that hides what is below it.
inline tree::Entry Opaque(std::string path) {
  tree::Entry folder = Folder(std::move(path));
  folder.opaque = true;
  return folder;
}
inline tree::Entry Link(std::string path, std::string target) {
  return Of(tree::Type::kSymlink, std::move(path), 0777, std::move(target));
}
inline tree::Entry HardLink(std::string path, std::string target) {
  return Of(tree::Type::kHardlink, std::move(path), 0644, std::move(target));
}
/// Another name of a file, with the file's attributes, as an honest writer has it.
inline tree::Entry NameOf(const tree::Entry& file, std::string path) {
  tree::Entry entry = file;
  entry.type = tree::Type::kHardlink;
  entry.link = file.path;
  entry.path = std::move(path);
  entry.size = 0;
  return entry;
}
inline tree::Entry Whiteout(std::string path) { return Of(tree::Type::kWhiteout, std::move(path), 0); }

/// One line an entry: type, mode, owner, path and what else there is. Times are left out.
inline std::string Print(const tree::Entry& e) {
  constexpr std::string_view kTypes = "fdlhcbpsw";
  std::string out = fmt::format("{} {:04o} {}:{} {}", kTypes[static_cast<size_t>(e.type)], e.mode, e.uid, e.gid,
                                e.path.empty() ? "." : e.path);
  if (e.opaque) out += " opaque";
  if (e.size != 0) out += fmt::format(" {}", e.size);
  if (!e.link.empty()) out += fmt::format(" -> {}", e.link);
  if (e.dev_major != 0 || e.dev_minor != 0) out += fmt::format(" {},{}", e.dev_major, e.dev_minor);
  for (const auto& [name, value] : e.xattrs) out += fmt::format(" {}={}", name, value);
  return out;
}
inline std::string Print(const tree::Tree& tree) {
  std::string out;
  for (const tree::Entry& entry : tree.entries()) out += Print(entry) + "\n";
  return out;
}
inline std::string Print(const Result<tree::Tree>& tree) {
  return tree.ok() ? Print(*tree) : tree.status().ToString() + "\n";
}

/// An archive of entries in the order given, with names as they are: for what an honest writer would not write.
class TarMaker {
 public:
  TarMaker& Add(const tree::Entry& entry, std::string_view content = {}) {
    tree::Entry copy = entry;
    if (copy.is_file()) copy.size = content.size();
    EXPECT_TRUE(AppendTarHeader(copy, {.clamp_mtime = {}, .all_xattrs = true}, bytes_).ok());
    bytes_ += content;
    bytes_ += TarPadding(content.size());
    return *this;
  }
  TarMaker& Raw(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }
  /// Without the end's blocks.
  const std::string& Open() const { return bytes_; }
  std::string Bytes() const { return bytes_ + std::string(TarTrailer()); }

 private:
  std::string bytes_;
};

/// `step` bytes a read at most.
inline ByteSource FromBytes(std::string bytes, size_t step = SIZE_MAX) {
  auto shared = std::make_shared<std::string>(std::move(bytes));
  return [shared, step, at = size_t{0}](std::span<char> buffer) mutable -> Result<size_t> {
    const size_t size = std::min({buffer.size(), shared->size() - at, step});
    std::copy_n(shared->data() + at, size, buffer.data());
    at += size;
    return size;
  };
}

inline Result<tree::Tree> Index(const std::string& tar, const ArchiveLimits& limits = {}) {
  return IndexLayer(Context::Background(), FromBytes(tar), oci::Compression::kNone, {}, limits);
}

/// A content store in a temporary folder.
class LayerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto dir = fs::TempDir::Make();
    ASSERT_TRUE(dir.ok()) << dir.status().ToString();
    temp_ = std::move(dir).value();
    auto store = content::Store::Open(temp_.path() + "/content");
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = std::move(store).value();
  }

  Digest Put(std::string_view bytes) { return *store_->Put(bytes, nullptr); }
  std::string Get(const Digest& digest) {
    auto blob = store_->Open(digest);
    if (!blob.ok()) return blob.status().ToString();
    auto bytes = blob->ReadAll(1U << 30);
    return bytes.ok() ? *std::move(bytes) : bytes.status().ToString();
  }
  /// Files' contents are in the store already.
  EntrySource Source(std::vector<tree::Entry> entries) {
    EntrySource source;
    source.tree = std::make_shared<const tree::Tree>(std::move(entries));
    source.open = [this](const tree::Entry& entry) { return store_->Open(entry.digest); };
    return source;
  }
  tree::Entry Stored(std::string path, std::string_view content, uint32_t mode = 0644) {
    tree::Entry entry = File(std::move(path), content.size(), mode);
    entry.digest = Put(content);
    return entry;
  }
  Result<AssembledLayer> Make(const EntrySource& source, const AssembleOptions& options = {}, size_t threads = 2,
                              BlobSink* sink = nullptr) {
    ThreadPool pool(threads);
    return Assemble(Context::Background(), source, options, *store_, nullptr, pool, sink, nullptr);
  }
  std::string MakeTar(std::vector<tree::Entry> entries) {
    auto layer = Make(Source(std::move(entries)), {.compression = oci::Compression::kNone});
    EXPECT_TRUE(layer.ok()) << layer.status().ToString();
    return layer.ok() ? Get(layer->descriptor.digest) : "";
  }

  fs::TempDir temp_;
  std::unique_ptr<content::Store> store_;
};

/// Bytes that compress about as source code does; the same for the same seed.
inline std::string SomeText(size_t size, uint64_t seed = 1) {
  static constexpr std::string_view kWords[] = {"return ", "const ", "auto ", "value",  " = ",     "(",     ")", ";\n",
                                                "  ",      "if (",   "std::", "string", "size_t ", "for (", "i", "0"};
  std::string out;
  out.reserve(size + 16);
  while (out.size() < size) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    out += kWords[(seed >> 33) % std::size(kWords)];
    if ((seed >> 40) % 5 == 0) out += std::to_string(seed >> 50);
  }
  out.resize(size);
  return out;
}

inline std::string Noise(size_t size, uint64_t seed = 1) {
  std::string out(size, '\0');
  for (char& c : out) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    c = static_cast<char>(seed >> 56);
  }
  return out;
}

}  // namespace slipway::layer
