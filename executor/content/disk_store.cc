#include "executor/content/disk_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "executor/base/log.h"
#include "executor/content/ingest.h"
#include "executor/content/pack.h"

namespace slipway::content {

namespace {

constexpr auto kSaveUsesEvery = std::chrono::minutes(1);
constexpr auto kSyncAfter = std::chrono::seconds(2);
constexpr size_t kOpenPacks = 64;

const Digest& EmptyContent() {
  static const Digest digest = Digest::Of("");
  return digest;
}

SystemTime ChangeTime(const struct stat& st) {
  return SystemTime(std::chrono::seconds(st.st_ctim.tv_sec) + std::chrono::nanoseconds(st.st_ctim.tv_nsec));
}

// The number in "000000000012.pack"; nullopt for other names.
std::optional<uint64_t> PackNumber(std::string_view name) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || Layout::PackName(number) != name) return std::nullopt;
  return number;
}

// What the log of uses knows of a file, and whether the file still has the size it had then.
struct Known {
  SystemTime used;
  bool damaged = false;
};

Known TakeKnown(std::map<std::string, FileUse>& uses, const std::string& name, const struct stat& st) {
  const auto node = uses.extract(name);
  if (node.empty()) return {.used = ChangeTime(st)};
  return {.used = node.mapped().used, .damaged = node.mapped().size != static_cast<uint64_t>(st.st_size)};
}

// After the end of a process all bytes are there, after that of the machine or a failed write perhaps not. Then the
// page cache may hold what the disk does not, so it has to let go of it.
bool AskTheDisk(int fd) { return ::fdatasync(fd) == 0 && ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0; }

bool IsWholeBlob(int fd, const Digest& digest) {
  const auto hashed = HashFile(fd);
  return hashed.ok() && hashed->first == digest && hashed->second > 0;
}

bool IsWholePack(int fd) {
  const auto items = ReadPackTable(fd);
  if (!items.ok()) return false;
  std::string bytes;
  return std::all_of(items->begin(), items->end(), [&](const PackItem& item) {
    if (item.size > kLargestPacked) return false;
    bytes.resize(item.size);
    const auto got = fs::ReadFullAt(fd, bytes, static_cast<int64_t>(item.offset));
    return got.ok() && *got == item.size && Digest::Of(bytes) == item.digest;
  });
}

}  // namespace

Result<std::shared_ptr<const UniqueFd>> PackFiles::Open(uint64_t number) {
  {
    std::lock_guard lock(mutex_);
    for (auto it = recent_.begin(); it != recent_.end(); ++it) {
      if (it->first != number) continue;
      recent_.splice(recent_.begin(), recent_, it);
      return it->second;
    }
  }
  Result<UniqueFd> fd = fs::Open(layout_.Pack(number), O_RDONLY);
  if (fd.code() == Code::kNotFound) fd = fs::Open(layout_.UnsyncedPack(number), O_RDONLY);
  // It may have come to its place in between.
  if (fd.code() == Code::kNotFound) fd = fs::Open(layout_.Pack(number), O_RDONLY);
  if (!fd.ok()) return std::move(fd).status();
  auto shared = std::make_shared<const UniqueFd>(*std::move(fd));
  std::lock_guard lock(mutex_);
  recent_.emplace_front(number, shared);
  if (recent_.size() > kOpenPacks) recent_.pop_back();
  return shared;
}

void PackFiles::Forget(uint64_t number) {
  std::lock_guard lock(mutex_);
  recent_.remove_if([number](const Entry& entry) { return entry.first == number; });
}

DiskStore::DiskStore(std::string root, const Clock& clock)
    : layout_{std::move(root)},
      clock_(clock),
      catalog_(clock),
      pack_files_(layout_),
      uses_saved_(std::chrono::steady_clock::now()),
      late_sync_("sync blobs", kSyncAfter, [this](const std::vector<Unsynced>& files) {
        const std::vector<Status> settled = Settle(files);
        for (size_t i = 0; i < files.size(); ++i) catalog_.EndSync(files[i].number, settled[i]);
      }) {}

DiskStore::~DiskStore() { SaveUses(); }

Status DiskStore::Load() {
  last_number_ = static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(clock_.System().time_since_epoch()).count());
  for (const std::string& folder : {layout_.Blobs(), layout_.AllUnsynced(), layout_.Packs(), layout_.Ingests()}) {
    SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(folder, 0700));
  }
  SLIPWAY_RETURN_IF_ERROR(fs::SyncDir(layout_.root));
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> unfinished, fs::ListDir(layout_.Ingests()));
  for (const std::string& name : unfinished) {
    SLIPWAY_RETURN_IF_ERROR(fs::RemoveAll(fs::Join(layout_.Ingests(), name)));
  }
  SLIPWAY_ASSIGN_OR_RETURN(UniqueFd nothing, fs::Open("/dev/null", O_RDONLY));
  nothing_ = std::make_shared<const UniqueFd>(std::move(nothing));
  SLIPWAY_ASSIGN_OR_RETURN(use_log_, UseLog::Open(layout_.Uses()));
  SLIPWAY_ASSIGN_OR_RETURN(Uses uses, use_log_->Load());
  SLIPWAY_RETURN_IF_ERROR(RescueUnsynced());
  SLIPWAY_RETURN_IF_ERROR(LoadBlobs(uses));
  SLIPWAY_RETURN_IF_ERROR(LoadPacks(uses));
  std::vector<std::string> gone;  // what is left in `uses` has no file
  for (const auto& [name, use] : uses) gone.push_back(name);
  return use_log_->Forget(gone);
}

Status DiskStore::RescueUnsynced() {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs::ListDir(layout_.AllUnsynced()));
  for (const std::string& name : names) {
    const std::string path = fs::Join(layout_.AllUnsynced(), name);
    const auto pack = PackNumber(name);
    const auto digest = Digest::Parse(fmt::format("sha256:{}", name.substr(0, name.find('.'))));
    const auto fd = fs::Open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const bool readable = fd.ok() && AskTheDisk(fd->get());
    if (readable && pack && IsWholePack(fd->get())) {
      SLIPWAY_RETURN_IF_ERROR(fs::Rename(path, layout_.Pack(*pack)));
    } else if (readable && digest.ok() && IsWholeBlob(fd->get(), *digest)) {
      SLIPWAY_RETURN_IF_ERROR(fs::Rename(path, layout_.Blob(*digest)));
    } else {
      spdlog::warn("content store: '{}' had not reached the disk and is removed", name);
      SLIPWAY_RETURN_IF_ERROR(fs::RemoveAll(path));
    }
  }
  if (names.empty()) return Status();
  SLIPWAY_RETURN_IF_ERROR(fs::SyncDir(layout_.Packs()));
  return fs::SyncDir(layout_.Blobs());
}

Status DiskStore::LoadBlobs(Uses& uses) {
  SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd folder, fs::Open(layout_.Blobs(), O_RDONLY | O_DIRECTORY));
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs::ListDirFd(folder.get()));
  for (const std::string& name : names) {
    const auto digest = Digest::Parse(fmt::format("sha256:{}", name));
    struct stat st {};
    if (!digest.ok() || ::fstatat(folder.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode)) {
      spdlog::warn("content store: '{}/{}' is not a blob and is left alone", layout_.Blobs(), name);
      continue;
    }
    const Known known = TakeKnown(uses, name, st);
    if (known.damaged || st.st_size == 0) {
      spdlog::warn("content store: blob '{}' has lost bytes and is removed", digest->ToString());
      SLIPWAY_RETURN_IF_ERROR(fs::RemoveAll(layout_.Blob(*digest)));
      continue;
    }
    catalog_.LoadBlob(*digest, static_cast<uint64_t>(st.st_size), known.used);
  }
  return Status();
}

Status DiskStore::LoadPacks(Uses& uses) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs::ListDir(layout_.Packs()));
  for (const std::string& name : names) {  // sorted, so the newest last
    const auto number = PackNumber(name);
    if (!number) {
      spdlog::warn("content store: '{}/{}' is not a pack and is left alone", layout_.Packs(), name);
      continue;
    }
    last_number_ = std::max<uint64_t>(last_number_, *number);
    SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd fd, fs::Open(layout_.Pack(*number), O_RDONLY));
    struct stat st {};
    if (::fstat(fd.get(), &st) != 0) return ErrnoStatus(errno, fmt::format("stat '{}'", layout_.Pack(*number)));
    const Known known = TakeKnown(uses, name, st);
    auto items = ReadPackTable(fd.get());
    if (!items.ok() && items.code() != Code::kDataLoss) return std::move(items).status().With(name);
    if (!items.ok()) {
      spdlog::warn("content store: pack '{}' is removed: {}", name, items.status().message());
      SLIPWAY_RETURN_IF_ERROR(fs::RemoveAll(layout_.Pack(*number)));
      continue;
    }
    catalog_.LoadPack(*number, static_cast<uint64_t>(st.st_size), known.used, *items);
  }
  return Status();
}

Result<Blob> DiskStore::Open(const Digest& digest) {
  if (digest == EmptyContent()) return Blob(nothing_, 0, 0);
  while (true) {
    const auto where = catalog_.Use(digest);
    if (!where) return NotFound("content '{}' is not in the store", digest.ToString());
    auto blob = OpenAt(*where, digest);
    if (blob.ok() || blob.code() != Code::kNotFound) return blob;
    // Collected or moved to another pack since we looked; or somebody else removed the file, and then we forget it too.
    catalog_.DropIfLost(digest, *where, [&] { return IsGone(digest, *where); });
  }
}

std::string DiskStore::PathOf(const Digest& digest, const Location& where) const {
  if (!where.is_blob()) return layout_.Pack(where.pack);
  return where.offset != 0 ? layout_.Unsynced(digest, where.offset) : layout_.Blob(digest);
}

// What is not synced may be on its way to its place, so that is looked at last.
bool DiskStore::IsGone(const Digest& digest, const Location& where) const {
  if (fs::Exists(PathOf(digest, where))) return false;
  if (where.is_blob()) return !fs::Exists(layout_.Blob(digest));
  return !fs::Exists(layout_.UnsyncedPack(where.pack)) && !fs::Exists(layout_.Pack(where.pack));
}

Status DiskStore::RemovePack(uint64_t number) {
  const std::string path = layout_.Pack(number);
  // It may have come to its place since we looked.
  for (const std::string& candidate : {path, layout_.UnsyncedPack(number), path}) {
    if (::unlink(candidate.c_str()) == 0) return Status();
    if (errno != ENOENT) return ErrnoStatus(errno, fmt::format("remove '{}'", candidate));
  }
  return Status();
}

Result<Blob> DiskStore::OpenAt(const Location& where, const Digest& digest) {
  if (where.is_blob()) {
    Result<UniqueFd> fd = fs::Open(PathOf(digest, where), O_RDONLY);
    if (fd.code() == Code::kNotFound && where.offset != 0) fd = fs::Open(layout_.Blob(digest), O_RDONLY);
    if (!fd.ok()) return std::move(fd).status();
    return Blob(std::make_shared<const UniqueFd>(*std::move(fd)), 0, where.size);
  }
  SLIPWAY_ASSIGN_OR_RETURN(auto fd, pack_files_.Open(where.pack));
  return Blob(std::move(fd), static_cast<int64_t>(where.offset), where.size);
}

bool DiskStore::Has(const Digest& digest) { return digest == EmptyContent() || catalog_.Has(digest); }

Result<std::vector<Digest>> DiskStore::Missing(std::span<const Digest> digests, Lease* lease) {
  std::vector<Digest> missing = catalog_.Missing(digests, IdOf(lease));
  std::erase(missing, EmptyContent());
  return missing;
}

Status DiskStore::Publish(StagedFile& file, const Digest& digest, uint64_t size, int64_t lease) {
  if (catalog_.ReserveBlob(digest, lease)) return Status();
  Status status = file.MoveTo(layout_.Blob(digest));
  if (status.ok()) status = fs::SyncDir(layout_.Blobs());
  catalog_.FinishBlob(digest, status.ok() ? std::optional(size) : std::nullopt, lease);
  return status;
}

Status DiskStore::PublishUnsynced(StagedFile& file, const Digest& digest, uint64_t size, int64_t lease) {
  SLIPWAY_RETURN_IF_ERROR(file.Flush());
  if (catalog_.ReserveBlob(digest, lease)) return Status();
  const uint64_t number = NextNumber();
  const Status status = file.MoveTo(layout_.Unsynced(digest, number));
  if (status.ok()) catalog_.BeginSync(number);
  catalog_.FinishBlob(digest, status.ok() ? std::optional(size) : std::nullopt, lease, number);
  if (status.ok()) late_sync_.Add({.digest = digest, .number = number, .file = file.Release()});
  return status;
}

void DiskStore::SyncBehind(std::vector<Unsynced> files) {
  if (files.empty()) return;
  ++batches_behind_;
  behind_.Submit([this, batch = std::make_shared<std::vector<Unsynced>>(std::move(files))] {
    const std::vector<Status> settled = Settle(*batch);
    std::vector<uint64_t> numbers;
    for (const Unsynced& file : *batch) numbers.push_back(file.number);
    batch->clear();  // closes the files
    --batches_behind_;
    for (size_t i = 0; i < numbers.size(); ++i) catalog_.EndSync(numbers[i], settled[i]);
  });
}

// What became of each. One sync of a folder for all; the catalog is told last, so that nobody takes a blob for settled
// before its name is.
std::vector<Status> DiskStore::Settle(const std::vector<Unsynced>& files) {
  std::vector<Status> settled;
  std::vector<const Unsynced*> blobs;
  bool any_pack = false;
  for (const Unsynced& file : files) {
    const Result<bool> moved = SettleOne(file);
    settled.push_back(moved.status());
    if (!moved.ok() || !*moved) continue;
    if (file.digest.empty()) {
      any_pack = true;
    } else {
      blobs.push_back(&file);
    }
  }
  Status synced = any_pack ? fs::SyncDir(layout_.Packs()) : Status();
  if (synced.ok() && !blobs.empty()) synced = fs::SyncDir(layout_.Blobs());
  for (Status& status : settled) {
    if (status.ok()) status = synced;
    if (!status.ok()) spdlog::error("content store: {}", status.message());
  }
  if (synced.ok()) {
    for (const Unsynced* blob : blobs) catalog_.SettleBlob(blob->digest, blob->number);
  }
  return settled;
}

// False if it was collected meanwhile. What cannot be synced or moved stays where it is, usable, and is looked at when
// the store is opened again.
Result<bool> DiskStore::SettleOne(const Unsynced& file) {
  const bool is_pack = file.digest.empty();
  const std::string path = is_pack ? layout_.UnsyncedPack(file.number) : layout_.Unsynced(file.digest, file.number);
  const std::string place = is_pack ? layout_.Pack(file.number) : layout_.Blob(file.digest);
  if (::fdatasync(file.file.get()) != 0) return ErrnoStatus(errno, fmt::format("sync '{}'", path));
  if (::rename(path.c_str(), place.c_str()) == 0) return true;
  if (errno == ENOENT) return false;
  return ErrnoStatus(errno, fmt::format("move '{}' to its place", path));
}

Result<Lease> DiskStore::NewLease(std::string_view purpose) {
  spdlog::debug("content store: lease for {}", purpose);
  return Guard();
}

Status DiskStore::AddToLease(int64_t id, std::span<const Digest> digests) {
  catalog_.AddToLease(id, digests);
  return Status();
}

void DiskStore::EndLease(int64_t id) {
  catalog_.EndLease(id);
  SaveUsesNowAndThen();
}

Result<uint64_t> DiskStore::TotalBytes() { return catalog_.total_bytes(); }

void DiskStore::SaveUsesNowAndThen() {
  const auto now = std::chrono::steady_clock::now();
  auto saved = uses_saved_.load();
  // Of several threads that find it due, the one that moves the time does it.
  if (now - saved >= kSaveUsesEvery && uses_saved_.compare_exchange_strong(saved, now)) SaveUses();
}

void DiskStore::SaveUses() {
  if (use_log_ == nullptr) return;
  if (Status status = use_log_->Write(catalog_.TakeUses()); !status.ok()) {
    spdlog::warn("content store: last uses are not saved: {}", status.message());
  }
}

}  // namespace slipway::content
