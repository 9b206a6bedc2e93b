#include "cli/stat_cache.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "executor/base/fs.h"

namespace slipway::cli {

namespace {

constexpr std::string_view kMagic = "slipway-ctx-1\n";
constexpr int64_t kRacyNanos = 2'000'000'000;
constexpr size_t kMaxUploads = 8;
constexpr size_t kMaxCacheFiles = 100;
constexpr uint64_t kMaxCacheBytes = 1ULL << 30;

class Writer {
 public:
  explicit Writer(std::string* out) : out_(*out) {}
  void Number(uint64_t value) { out_.append(reinterpret_cast<const char*>(&value), sizeof(value)); }
  void Bytes(std::string_view bytes) {
    Number(bytes.size());
    out_ += bytes;
  }
  void Put(const Digest& digest) { out_.append(reinterpret_cast<const char*>(digest.bytes().data()), Digest::kSize); }

 private:
  std::string& out_;
};

// Every read is checked, for a cache file may hold anything.
class Reader {
 public:
  explicit Reader(std::string_view in) : in_(in) {}
  bool Number(uint64_t* value) {
    if (in_.size() < sizeof(*value)) return false;
    std::memcpy(value, in_.data(), sizeof(*value));
    in_.remove_prefix(sizeof(*value));
    return true;
  }
  bool Signed(int64_t* value) {
    uint64_t raw = 0;
    if (!Number(&raw)) return false;
    *value = static_cast<int64_t>(raw);
    return true;
  }
  bool Bytes(std::string_view* bytes) {
    uint64_t size = 0;
    if (!Number(&size) || in_.size() < size) return false;
    *bytes = in_.substr(0, size);
    in_.remove_prefix(size);
    return true;
  }
  bool Get(Digest* digest) {
    if (in_.size() < Digest::kSize) return false;
    std::array<uint8_t, Digest::kSize> bytes{};
    std::memcpy(bytes.data(), in_.data(), bytes.size());
    in_.remove_prefix(Digest::kSize);
    *digest = Digest(bytes);
    return true;
  }
  bool done() const { return in_.empty(); }
  size_t left() const { return in_.size(); }

 private:
  std::string_view in_;
};

std::string EncodeXattrs(const Xattrs& xattrs) {
  std::string out;
  Writer writer(&out);
  for (const auto& [name, value] : xattrs) {
    writer.Bytes(name);
    writer.Bytes(value);
  }
  return out;
}

Xattrs DecodeXattrs(std::string_view encoded) {
  Xattrs xattrs;
  Reader reader(encoded);
  std::string_view name, value;
  while (!reader.done() && reader.Bytes(&name) && reader.Bytes(&value)) xattrs.emplace_back(name, value);
  return xattrs;
}

// Leaves the youngest caches: one a folder adds up where folders are temporary.
void DropOldest(const std::string& folder) {
  const Result<std::vector<std::string>> names = fs::ListDir(folder);
  if (!names.ok() || names->size() <= kMaxCacheFiles) return;
  std::vector<std::pair<int64_t, std::string>> files;
  for (const std::string& name : *names) {
    struct stat st {};
    const std::string path = fs::Join(folder, name);
    if (::stat(path.c_str(), &st) == 0) files.emplace_back(st.st_mtim.tv_sec, path);
  }
  std::sort(files.begin(), files.end());
  for (size_t i = 0; i + kMaxCacheFiles / 2 < files.size(); ++i) ::unlink(files[i].second.c_str());
}

// Renamed into place but not synced: the checksum finds what a crash may leave, and losing the file costs one read.
Status WriteAside(const std::string& path, std::string_view content) {
  const std::string aside = fmt::format("{}.{}", path, ::getpid());
  {
    SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd fd, fs::Open(aside, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    if (Status status = fs::WriteAll(fd.get(), content); !status.ok()) {
      ::unlink(aside.c_str());
      return std::move(status).With(fmt::format("write '{}'", aside));
    }
  }
  return fs::Rename(aside, path);
}

}  // namespace

std::string CacheDir() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && cache[0] == '/') {
    return fs::Join(cache, "slipway");
  }
  if (const char* home = std::getenv("HOME"); home != nullptr && home[0] == '/') {
    return fs::Join(home, ".cache/slipway");
  }
  return "";
}

StatCache StatCache::Open(const std::string& cache_dir, const std::string& root) {
  StatCache cache;
  if (cache_dir.empty()) return cache;
  cache.file_ = fs::Join(fs::Join(cache_dir, "contexts"), Digest::Of(root).hex().substr(0, 32));
  Result<std::string> data = fs::ReadFile(cache.file_, kMaxCacheBytes);
  if (!data.ok()) return cache;
  cache.data_ = std::move(data).value();
  if (!cache.Parse()) {
    cache.records_.clear();
    cache.uploads_.clear();
    cache.data_.clear();
  }
  return cache;
}

bool StatCache::Parse() {
  const std::string_view all = data_;
  if (!all.starts_with(kMagic) || all.size() < kMagic.size() + Digest::kSize) return false;
  const std::string_view body = all.substr(0, all.size() - Digest::kSize);
  Digest sum;
  if (!Reader(all.substr(body.size())).Get(&sum) || sum != Digest::Of(body)) return false;

  Reader reader(body.substr(kMagic.size()));
  uint64_t count = 0;
  if (!reader.Number(&count) || count > kMaxUploads) return false;
  for (uint64_t i = 0; i < count; ++i) {
    std::string_view server, location;
    Upload upload;
    if (!reader.Bytes(&server) || !reader.Get(&upload.manifest) || !reader.Bytes(&location)) return false;
    upload.server = server;
    upload.location = location;
    uploads_.push_back(std::move(upload));
  }
  if (!reader.Number(&count) || count > reader.left()) return false;
  records_.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    Record r;
    const bool good = reader.Bytes(&r.path) && reader.Number(&r.stamp.size) && reader.Signed(&r.stamp.mtime_ns) &&
                      reader.Signed(&r.stamp.ctime_ns) && reader.Number(&r.stamp.inode) &&
                      reader.Number(&r.stamp.device) && reader.Get(&r.digest) && reader.Bytes(&r.xattrs);
    if (!good) return false;
    records_.push_back(std::move(r));
  }
  return reader.done();
}

void StatCache::Recall(std::vector<ContextEntry>* entries) const {
  auto record = records_.begin();
  for (ContextEntry& entry : *entries) {
    if (entry.kind != EntryKind::kFile) continue;
    int order = -1;
    while (record != records_.end() && (order = ComparePaths(record->path, entry.path)) < 0) ++record;
    if (record == records_.end()) return;
    if (order != 0 || record->stamp != entry.stamp) continue;
    entry.digest = record->digest;
    if (!record->xattrs.empty()) entry.xattrs = DecodeXattrs(record->xattrs);
  }
}

std::string StatCache::RecallUpload(std::string_view server, const Digest& manifest) const {
  for (const Upload& upload : uploads_) {
    if (upload.server == server && upload.manifest == manifest) return upload.location;
  }
  return "";
}

void StatCache::RememberUpload(std::string_view server, const Digest& manifest, std::string_view location) {
  std::erase_if(uploads_, [&](const Upload& u) { return u.server == server && u.manifest == manifest; });
  uploads_.insert(uploads_.begin(),
                  Upload{.server = std::string(server), .manifest = manifest, .location = std::string(location)});
  if (uploads_.size() > kMaxUploads) uploads_.resize(kMaxUploads);
}

std::string StatCache::Encode(const std::vector<ContextEntry>& entries, SystemTime looked_at) const {
  const int64_t now =
      std::chrono::duration_cast<std::chrono::nanoseconds>(looked_at.time_since_epoch()).count() - kRacyNanos;
  const auto keep = [now](const ContextEntry& entry) {
    return entry.kind == EntryKind::kFile && !entry.digest.empty() && entry.stamp.mtime_ns < now &&
           entry.stamp.ctime_ns < now;
  };
  std::string out(kMagic);
  out.reserve(data_.size() + 4096);
  Writer writer(&out);
  writer.Number(uploads_.size());
  for (const Upload& upload : uploads_) {
    writer.Bytes(upload.server);
    writer.Put(upload.manifest);
    writer.Bytes(upload.location);
  }
  writer.Number(static_cast<uint64_t>(std::count_if(entries.begin(), entries.end(), keep)));
  for (const ContextEntry& entry : entries) {
    if (!keep(entry)) continue;
    writer.Bytes(entry.path);
    writer.Number(entry.stamp.size);
    writer.Number(static_cast<uint64_t>(entry.stamp.mtime_ns));
    writer.Number(static_cast<uint64_t>(entry.stamp.ctime_ns));
    writer.Number(entry.stamp.inode);
    writer.Number(entry.stamp.device);
    writer.Put(entry.digest);
    writer.Bytes(entry.xattrs.empty() ? "" : EncodeXattrs(entry.xattrs));
  }
  return out;
}

Status StatCache::Save(const std::vector<ContextEntry>& entries, SystemTime looked_at) {
  if (file_.empty()) return {};
  std::string encoded = Encode(entries, looked_at);
  if (data_.size() == encoded.size() + Digest::kSize && std::string_view(data_).starts_with(encoded)) return {};
  Writer(&encoded).Put(Digest::Of(encoded));
  const std::string folder = fs::DirName(file_);
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(folder, 0700));
  SLIPWAY_RETURN_IF_ERROR(WriteAside(file_, encoded));
  DropOldest(folder);
  return {};
}

}  // namespace slipway::cli
