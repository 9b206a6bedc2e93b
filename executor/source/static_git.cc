#include "executor/source/static_git.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <deque>
#include <unordered_set>

#include "executor/base/fs.h"
#include "executor/source/retry.h"

namespace slipway::source {

namespace {
constexpr uint64_t kLargestPackList = 16U << 20;
constexpr size_t kMostObjects = 5'000'000;

/// A loose object's file: zlib around "type size NUL content".
class Inflater {
 public:
  explicit Inflater(uint64_t limit) : limit_(limit) { ok_ = ::inflateInit(&stream_) == Z_OK; }
  ~Inflater() { ::inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  Status Feed(std::string_view bytes) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // zlib's interface; it only reads
    stream_.avail_in = static_cast<uInt>(bytes.size());
    std::array<char, 64U << 10> buffer;
    while (ok_ && !ended_ && (stream_.avail_in > 0 || stream_.avail_out == 0)) {
      stream_.next_out = reinterpret_cast<Bytef*>(buffer.data());
      stream_.avail_out = static_cast<uInt>(buffer.size());
      const int result = ::inflate(&stream_, Z_NO_FLUSH);
      ended_ = result == Z_STREAM_END;
      ok_ = ended_ || result == Z_OK || result == Z_BUF_ERROR;
      out_.append(buffer.data(), buffer.size() - stream_.avail_out);
      if (out_.size() > limit_) return ResourceExhausted("an object has more than {} bytes", limit_);
      if (result == Z_BUF_ERROR) break;
    }
    return ok_ ? Status() : DataLoss("an object's file is damaged");
  }

  bool whole() const { return ok_ && ended_; }
  const std::string& text() const { return out_; }

 private:
  z_stream stream_{};
  uint64_t limit_;
  bool ok_ = false;
  bool ended_ = false;
  std::string out_;
};

/// The names in a pack's index, version 2.
class PackIndex {
 public:
  explicit PackIndex(std::string bytes) : bytes_(std::move(bytes)) {}

  Status Check() {
    constexpr std::string_view kMagic("\377tOc\0\0\0\2", 8);
    if (!std::string_view(bytes_).starts_with(kMagic) || bytes_.size() < kNames)
      return DataLoss("a pack's index is damaged");
    count_ = Number(8 + 255 * 4);
    if (bytes_.size() < kNames + size_t{count_} * GIT_OID_RAWSZ) return DataLoss("a pack's index is damaged");
    return {};
  }

  bool Has(std::string_view oid) const {
    size_t low = 0;
    size_t high = count_;
    while (low < high) {
      const size_t middle = (low + high) / 2;
      const int order = std::string_view(bytes_).substr(kNames + middle * GIT_OID_RAWSZ, GIT_OID_RAWSZ).compare(oid);
      if (order == 0) return true;
      order < 0 ? low = middle + 1 : high = middle;
    }
    return false;
  }

 private:
  static constexpr size_t kNames = 8 + 256 * 4;
  uint32_t Number(size_t at) const {
    uint32_t value = 0;
    for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes_[at + i]);
    return value;
  }
  std::string bytes_;
  uint32_t count_ = 0;
};

class StaticFetch {
 public:
  StaticFetch(const Context& ctx, http::Transport& transport, const GitConnection& connection, const Mirror& mirror,
              const StaticWish& wish, const PackWriter::OnProgress& on_progress)
      : ctx_(ctx),
        transport_(transport),
        connection_(connection),
        mirror_(mirror),
        wish_(wish),
        on_progress_(on_progress) {}

  Status Run() {
    SLIPWAY_RETURN_IF_ERROR(OpenIncoming());
    for (const std::string& want : wish_.wants) SLIPWAY_RETURN_IF_ERROR(Enqueue(want));
    while (!queue_.empty()) {
      SLIPWAY_RETURN_IF_ERROR(ctx_.Err());
      const git_oid oid = queue_.front();
      queue_.pop_front();
      SLIPWAY_RETURN_IF_ERROR(Visit(oid));
    }
    return Publish();
  }

 private:
  struct Loose {
    std::string name;  // "ab/cdef…"
    git_object_t type;
  };
  struct Pack {
    std::string name;  // "pack-….pack"
    std::unique_ptr<PackIndex> index;
    bool here = false;
  };

  Status OpenIncoming() {
    SLIPWAY_ASSIGN_OR_RETURN(incoming_, fs::TempDir::Make(mirror_.objects_folder(), "tmp_incoming-"));
    SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(incoming_.path() + "/pack"));
    int error = git_odb_open(Out(odb_), incoming_.path().c_str());
    if (error == 0) error = git_odb_add_disk_alternate(odb_.get(), mirror_.objects_folder().c_str());
    return error == 0 ? Status() : LibgitError(error, "open a folder for incoming objects");
  }

  Status Enqueue(const std::string& hex) {
    git_oid oid;
    if (git_oid_fromstr(&oid, hex.c_str()) != 0) return InvalidArgument("'{}' is no object id", hex);
    return Enqueue(oid);
  }
  Status Enqueue(const git_oid& oid) {
    if (!seen_.insert(OidBytes(oid)).second) return {};
    if (seen_.size() > kMostObjects) return ResourceExhausted("the repository has more than {} objects", kMostObjects);
    queue_.push_back(oid);
    return {};
  }

  // A tree or file that the mirror has, it has with all below; a commit perhaps without its history.
  Status Visit(const git_oid& oid) {
    if (git_odb_exists(mirror_.odb(), &oid) == 1 && !wish_.whole_history && !wish_.repair) return {};
    if (git_odb_exists(odb_.get(), &oid) != 1) SLIPWAY_RETURN_IF_ERROR(Get(oid));
    size_t size = 0;
    git_object_t type = GIT_OBJECT_INVALID;
    int error = git_odb_read_header(&size, &type, odb_.get(), &oid);
    if (error == 0 && type == GIT_OBJECT_BLOB) return {};
    if (error == 0 && size > wish_.max_object_bytes) return ResourceExhausted("object {} is too large", OidHex(oid));
    OdbObjectPtr object;
    if (error == 0) error = git_odb_read(Out(object), odb_.get(), &oid);
    if (error != 0) return LibgitError(error, fmt::format("object {}", OidHex(oid)), Code::kDataLoss);
    const std::string_view bytes(static_cast<const char*>(git_odb_object_data(object.get())), size);
    return type == GIT_OBJECT_TREE ? VisitTree(bytes) : VisitHeader(bytes, type);
  }

  // "mode name NUL" and 20 bytes, again and again.
  Status VisitTree(std::string_view bytes) {
    while (!bytes.empty()) {
      const size_t nul = bytes.find('\0');
      if (nul == std::string_view::npos || bytes.size() < nul + 1 + GIT_OID_RAWSZ)
        return DataLoss("a tree object is damaged");
      git_oid oid;
      git_oid_fromraw(&oid, reinterpret_cast<const unsigned char*>(bytes.data()) + nul + 1);
      const bool submodule = bytes.starts_with("160000 ");
      bytes.remove_prefix(nul + 1 + GIT_OID_RAWSZ);
      if (!submodule) SLIPWAY_RETURN_IF_ERROR(Enqueue(oid));
    }
    return {};
  }

  // Commits and tags name others in the lines before the first empty one.
  Status VisitHeader(std::string_view bytes, git_object_t type) {
    while (!bytes.empty() && bytes.front() != '\n') {
      const size_t end = std::min(bytes.find('\n'), bytes.size());
      const std::string_view line = bytes.substr(0, end);
      bytes.remove_prefix(std::min(end + 1, bytes.size()));
      const size_t blank = std::min(line.find(' '), line.size());
      const std::string_view key = line.substr(0, blank);
      const bool wanted =
          type == GIT_OBJECT_TAG ? key == "object" : key == "tree" || (key == "parent" && wish_.whole_history);
      if (wanted) SLIPWAY_RETURN_IF_ERROR(Enqueue(std::string(line.substr(std::min(blank + 1, line.size())))));
    }
    return {};
  }

  Status Get(const git_oid& oid) {
    Status status = GetLoose(oid);
    if (status.code() != Code::kNotFound) return status;
    return GetFromPack(oid);
  }

  /// One file of the repository.
  Status GetFile(const std::string& path, uint64_t limit, const http::Sink& sink) {
    http::Request request;
    request.url = connection_.static_url() + path;
    request.headers = connection_.headers();
    const bool plain = request.url.starts_with("http://");
    request.plain_http = plain ? http::PlainHttp::kAny : http::PlainHttp::kNamedHosts;
    request.max_body = UINT64_MAX;
    uint64_t size = 0;
    request.sink = [&](std::string_view bytes) -> Status {
      size += bytes.size();
      progress_.received_bytes += bytes.size();
      if (size > limit || progress_.received_bytes > wish_.max_bytes)
        return ResourceExhausted("'{}' is too large", path);
      return sink(bytes);
    };
    SLIPWAY_ASSIGN_OR_RETURN(const http::Response answer, transport_.Do(ctx_, request));
    if (answer.status == 404 || answer.status == 410) return NotFound("the server has no '{}'", path);
    if (answer.status >= 500) return Unavailable("'{}': the server failed (HTTP {})", path, answer.status);
    if (answer.status != 200) return FailedPrecondition("'{}': the server answers HTTP {}", path, answer.status);
    return {};
  }

  Status GetText(const std::string& path, uint64_t limit, std::string* text) {
    return Retry(ctx_, [&] {
      text->clear();
      return GetFile(path, limit, [text](std::string_view bytes) {
        text->append(bytes);
        return Status();
      });
    });
  }

  Status GetLoose(const git_oid& oid) {
    const std::string hex = OidHex(oid);
    const std::string name = hex.substr(0, 2) + "/" + hex.substr(2);
    std::unique_ptr<Inflater> object;
    SLIPWAY_RETURN_IF_ERROR(Retry(ctx_, [&] {
      object = std::make_unique<Inflater>(wish_.max_object_bytes);
      return GetFile("/objects/" + name, UINT64_MAX, [&object](std::string_view bytes) { return object->Feed(bytes); });
    }));
    const std::string_view text = object->text();
    const size_t blank = text.find(' ');
    const size_t nul = text.find('\0');
    if (!object->whole() || blank == std::string_view::npos || nul == std::string_view::npos || blank > nul) {
      return DataLoss("object {} is damaged", hex);
    }
    const git_object_t type = git_object_string2type(std::string(text.substr(0, blank)).c_str());
    const std::string_view bytes = text.substr(nul + 1);
    git_oid written;
    if (type == GIT_OBJECT_INVALID || git_odb_hash(&written, bytes.data(), bytes.size(), type) != 0 ||
        !git_oid_equal(&written, &oid)) {
      return DataLoss("object {} has other content than its name says", hex);
    }
    if (const int error = git_odb_write(&written, odb_.get(), bytes.data(), bytes.size(), type); error != 0) {
      return LibgitError(error, fmt::format("write object {}", hex));
    }
    loose_.push_back({.name = name, .type = type});
    Report();
    return {};
  }

  Status LoadPackList() {
    if (packs_loaded_) return {};
    packs_loaded_ = true;
    std::string text;
    const Status status = GetText("/objects/info/packs", kLargestPackList, &text);
    if (status.code() == Code::kNotFound) return {};
    SLIPWAY_RETURN_IF_ERROR(status);
    std::string_view rest = text;
    while (!rest.empty()) {
      const size_t end = std::min(rest.find('\n'), rest.size());
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (line.starts_with("P pack-") && line.ends_with(".pack") && line.find('/') == std::string_view::npos) {
        packs_.push_back({.name = std::string(line.substr(2))});
      }
    }
    return {};
  }

  Status GetFromPack(const git_oid& oid) {
    SLIPWAY_RETURN_IF_ERROR(LoadPackList());
    const std::string name = OidBytes(oid);
    for (Pack& pack : packs_) {
      if (pack.here) continue;
      const std::string stem = "/objects/pack/" + pack.name.substr(0, pack.name.size() - 5);
      if (pack.index == nullptr) SLIPWAY_RETURN_IF_ERROR(GetIndex(stem + ".idx", &pack));
      if (!pack.index->Has(name)) continue;
      pack.here = true;
      SLIPWAY_RETURN_IF_ERROR(GetPack(stem + ".pack"));
      if (git_odb_exists(odb_.get(), &oid) == 1) return {};
    }
    return NotFound("the server has no object {}", OidHex(oid));
  }

  // All indexes are kept until the end, so it is their sum that is bounded.
  Status GetIndex(const std::string& path, Pack* pack) {
    std::string bytes;
    const Status status = GetText(path, wish_.max_index_bytes - index_bytes_, &bytes);
    if (status.code() == Code::kResourceExhausted) {
      return status.With(
          fmt::format("the indexes of the server's packs may have {} bytes in all", wish_.max_index_bytes));
    }
    SLIPWAY_RETURN_IF_ERROR(status);
    index_bytes_ += bytes.size();
    pack->index = std::make_unique<PackIndex>(std::move(bytes));
    return pack->index->Check();
  }

  Status GetPack(const std::string& path) {
    const Status status = Retry(ctx_, [&]() -> Status {
      SLIPWAY_ASSIGN_OR_RETURN(const std::unique_ptr<PackWriter> writer,
                               PackWriter::Begin(incoming_.path() + "/pack", odb_.get(), nullptr));
      SLIPWAY_RETURN_IF_ERROR(GetFile(path, UINT64_MAX, [&](std::string_view bytes) {
        Status written = writer->Write(bytes);
        Report();
        return written;
      }));
      SLIPWAY_RETURN_IF_ERROR(writer->Commit());
      progress_.received_objects += writer->progress().received_objects;
      return {};
    });
    git_odb_refresh(odb_.get());
    return status;
  }

  void Report() {
    PackProgress now = progress_;
    now.received_objects += static_cast<uint32_t>(loose_.size());
    if (on_progress_) on_progress_(now);
  }

  // What others refer to is moved first, so nothing is ever visible that is not whole.
  Status Publish() {
    const std::string from = incoming_.path();
    const std::string to = mirror_.objects_folder();
    SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs::ListDir(from + "/pack"));
    for (const std::string_view ending : {".pack", ".idx"}) {
      for (const std::string& name : names) {
        if (name.ends_with(ending)) SLIPWAY_RETURN_IF_ERROR(fs::Rename(from + "/pack/" + name, to + "/pack/" + name));
      }
    }
    for (const git_object_t type : {GIT_OBJECT_BLOB, GIT_OBJECT_TREE, GIT_OBJECT_COMMIT, GIT_OBJECT_TAG}) {
      // Trees refer to trees and commits to commits, those found later lie deeper.
      for (auto loose = loose_.rbegin(); loose != loose_.rend(); ++loose) {
        if (loose->type != type) continue;
        SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(to + "/" + loose->name.substr(0, 2), 0700));
        SLIPWAY_RETURN_IF_ERROR(fs::Rename(from + "/" + loose->name, to + "/" + loose->name));
      }
    }
    mirror_.Refresh();
    return {};
  }

  const Context& ctx_;
  http::Transport& transport_;
  const GitConnection& connection_;
  const Mirror& mirror_;
  const StaticWish& wish_;
  const PackWriter::OnProgress& on_progress_;
  fs::TempDir incoming_;
  OdbPtr odb_;
  std::deque<git_oid> queue_;
  std::unordered_set<std::string> seen_;
  std::vector<Loose> loose_;
  std::vector<Pack> packs_;
  bool packs_loaded_ = false;
  uint64_t index_bytes_ = 0;
  PackProgress progress_;
};
}  // namespace

Status FetchStatic(const Context& ctx, http::Transport& transport, const GitConnection& connection,
                   const Mirror& mirror, const StaticWish& wish, const PackWriter::OnProgress& on_progress) {
  return StaticFetch(ctx, transport, connection, mirror, wish, on_progress).Run();
}

}  // namespace slipway::source
