#include "executor/layer/store.h"

#include <algorithm>
#include <array>
#include <set>

#include "executor/base/fs.h"
#include "executor/base/guarded.h"
#include "executor/layer/downloads.h"
#include "executor/layer/file_contents.h"
#include "executor/layer/indexes.h"
#include "executor/layer/layer_blobs.h"
#include "executor/layer/layer_key.h"
#include "executor/layer/layout.h"
#include "executor/layer/retention.h"
#include "executor/layer/schema.h"
#include "executor/layer/settler.h"
#include "executor/layer/unpacker.h"

namespace slipway::layer {

namespace {

// Whether the layer itself is the cause of a failure, rather than a limit, this machine or who asked.
bool IsOfTheLayer(Code code) {
  constexpr std::array kOfTheLayer = {
      Code::kNotFound,         Code::kDataLoss,        Code::kInvalidArgument /* no archive */,
      Code::kPermissionDenied, Code::kUnauthenticated, Code::kUnavailable};
  return std::find(kOfTheLayer.begin(), kOfTheLayer.end(), code) != kOfTheLayer.end();
}

/// What layers are known, and for their forms one class each.
class StoreImpl : public Store {
 public:
  StoreImpl(Layout layout, const ArchiveLimits& limits, content::Store& content, ThreadPool& pool, Fetch fetch,
            std::unique_ptr<Records> records)
      : layout_(std::move(layout)),
        content_(content),
        records_(std::move(records)),
        settler_(layout_.root(), *records_),
        retention_(content, *records_),
        downloads_(content, std::move(fetch)),
        indexes_(content, *records_, downloads_, unpackings_, limits),
        unpacker_({.layout = layout_,
                   .content = content,
                   .pool = pool,
                   .records = *records_,
                   .downloads = downloads_,
                   .unpackings = unpackings_,
                   .indexes = indexes_,
                   .settler = settler_},
                  limits),
        files_(content, unpacker_),
        blobs_({.content = content, .pool = pool, .records = *records_, .downloads = downloads_, .indexes = indexes_}) {
  }

  /// Puts right what a crash has left.
  Status Begin();

  content::Store& content() override { return content_; }
  Result<Key> AddRemote(const Digest& diff_id, const Remote& where) override;
  using Store::AddRecipe;
  Result<Key> AddRecipe(TreePtr recipe, const Digest& encoded) override;
  std::string NewUpper() override { return layout_.NewUpper(); }
  Result<Key> AddUpper(const std::string& path, const std::vector<std::string>& unchanged) override;

  bool Usable(const Chain& chain) override;
  bool Lost(const Key& key) override { return lost_.Lock()->contains(key); }
  std::vector<Remote> Remotes(const Key& key) override { return records_->Remotes(key).ValueOr({}); }
  Status NotePlace(const Key& key, const Remote& place) override { return records_->AddRemote(key, place); }
  std::optional<SystemTime> Created(const Key& key) override;
  Digest DiffId(const Key& key) override;

  bool IndexesAtHand(const Chain& chain) override {
    return std::all_of(chain.begin(), chain.end(), [this](const Key& key) { return indexes_.AtHand(key); });
  }
  Result<TreePtr> Index(const Context& ctx, const Key& key, const VertexProgress& progress) override {
    Result<TreePtr> index = indexes_.Get(ctx, key, progress);
    Note(key, index.code());
    return index;
  }
  Result<std::vector<std::string>> LowerDirs(const Context& ctx, const Chain& chain,
                                             const VertexProgress& progress) override;
  Result<std::string> Unpacked(const Context& ctx, const Chain& chain, size_t position,
                               const VertexProgress& progress) override {
    Result<std::string> folder = unpacker_.Folder(ctx, chain, position, progress);
    Note(chain[position], folder.code());
    return folder;
  }

  Result<Digest> FileContent(const Context& ctx, const Chain& chain, size_t position, const tree::Entry& file,
                             content::Lease* lease, const VertexProgress& progress) override {
    Result<Digest> content = files_.Take(ctx, chain, position, file, lease, progress);
    FindLost(ctx, content.code(), chain, {position}, progress);
    return content;
  }
  Result<std::vector<Digest>> FileContents(const Context& ctx, const Chain& chain, const std::vector<FileAt>& files,
                                           content::Lease* lease, const VertexProgress& progress) override;
  Result<content::Blob> OpenFile(const Context& ctx, const Chain& chain, size_t position, const tree::Entry& file,
                                 const VertexProgress& progress) override {
    Result<content::Blob> content = files_.Open(ctx, chain, position, file, progress);
    FindLost(ctx, content.code(), chain, {position}, progress);
    return content;
  }

  std::optional<AssembledLayer> KnownBlob(const Key& key, const AssembleOptions& options) override {
    return blobs_.Known(key, options);
  }
  Result<AssembledLayer> Blob(const Context& ctx, const Key& key, const AssembleOptions& options, content::Lease* lease,
                              BlobSink* sink, const VertexProgress& progress) override {
    return blobs_.Get(ctx, key, options, lease, sink, progress);
  }

  Result<std::vector<Digest>> ContentInUse() override { return retention_.ContentInUse(); }
  Status Retain(const std::vector<Key>& keep) override {
    lost_.Lock()->clear();  // so that it does not grow for ever
    return retention_.Retain(keep);
  }
  Result<uint64_t> FolderBytes() override { return retention_.FolderBytes(); }

 protected:
  void AddPin(const Chain* chain) override { retention_.AddPin(chain); }
  void DropPin(const Chain* chain) override { retention_.DropPin(chain); }

 private:
  Status Insert(LayerRow row, const std::string& mark = "");
  /// Notes what became of asking for a layer.
  void Note(const Key& key, Code code);
  /// If `code` may come of one of these layers: notes which.
  void FindLost(const Context& ctx, Code code, const Chain& chain, const std::set<size_t>& positions,
                const VertexProgress& progress);

  const Layout layout_;
  content::Store& content_;
  const std::unique_ptr<Records> records_;
  struct Turn {};
  Guarded<Turn> adding_remotes_;  // a key is for the blob that came first
  Guarded<std::set<Key>> lost_;
  // Each uses those before it.
  Settler settler_;
  Retention retention_;
  Downloads downloads_;
  Unpackings unpackings_;
  Indexes indexes_;
  Unpacker unpacker_;
  layer::FileContents files_;
  LayerBlobs blobs_;
};

Status StoreImpl::Begin() {
  // Folders that loss of power may have left with holes go with those that no record names.
  SLIPWAY_RETURN_IF_ERROR(settler_.Begin());
  return SweepFolders(layout_, *records_);
}

Status StoreImpl::Insert(LayerRow row, const std::string& mark) {
  retention_.NoteNew(row.key);
  row.created = Clock::Real().System();
  return records_->Insert(row, mark);
}

Result<Key> StoreImpl::AddRemote(const Digest& diff_id, const Remote& where) {
  const Digest& blob = where.descriptor.digest;
  Key key = diff_id.ToString();
  const auto adding = adding_remotes_.Lock();
  std::vector<Remote> known = Remotes(key);
  const auto same_blob = [&](const Remote& remote) { return remote.descriptor.digest == blob; };
  if (!known.empty() && std::none_of(known.begin(), known.end(), same_blob)) {
    // Somebody else says that this blob comes to that diff id. Nobody has looked yet, so the two are not one layer.
    key = fmt::format("{}@{}", key, blob);
    known = Remotes(key);
  }
  // Most bases are known already, and then nothing is written.
  for (const Remote& remote : known) {
    if (remote.host == where.host && remote.repository == where.repository && same_blob(remote)) {
      retention_.NoteNew(key);
      return key;
    }
  }
  SLIPWAY_RETURN_IF_ERROR(
      Insert({.key = key, .diff_id = diff_id, .recipe = {}, .index = {}, .upper = "", .created = {}}));
  SLIPWAY_RETURN_IF_ERROR(records_->AddRemote(key, where));
  return key;
}

Result<Key> StoreImpl::AddRecipe(TreePtr recipe, const Digest& encoded) {
  std::string bytes;
  Digest digest = encoded;
  if (digest.empty()) {
    bytes = tree::Encode(*recipe);
    digest = Digest::Of(bytes);
  }
  Key key = RecipeKey(digest);
  SLIPWAY_ASSIGN_OR_RETURN(const std::optional<LayerRow> known, records_->Find(key));
  if (!known || !content_.Has(digest)) {
    SLIPWAY_ASSIGN_OR_RETURN(content::Lease lease, content_.NewLease("a new recipe"));
    if (encoded.empty()) SLIPWAY_RETURN_IF_ERROR(content_.Put(bytes, &lease, content::Durable::kSoon).status());
    SLIPWAY_RETURN_IF_ERROR(
        Insert({.key = key, .diff_id = {}, .recipe = digest, .index = {}, .upper = "", .created = {}}));
  } else {
    retention_.NoteNew(key);
  }
  indexes_.HoldRecipe(key, std::move(recipe));
  return key;
}

Result<Key> StoreImpl::AddUpper(const std::string& path, const std::vector<std::string>& unchanged) {
  Key key = UpperKey(path);
  SLIPWAY_ASSIGN_OR_RETURN(const std::string mark, settler_.Mark());
  SLIPWAY_RETURN_IF_ERROR(
      Insert({.key = key, .diff_id = {}, .recipe = {}, .index = {}, .upper = path, .created = {}}, mark));
  settler_.Wake();
  if (!unchanged.empty()) SLIPWAY_RETURN_IF_ERROR(records_->AddUnchanged(key, unchanged));
  return key;
}

bool StoreImpl::Usable(const Chain& chain) {
  for (const Key& key : chain) {
    const auto row = records_->Find(key);
    if (!row.ok() || !row->has_value()) return false;
    const LayerRow& layer = **row;
    if (!layer.upper.empty() && !fs::Exists(layer.upper)) return false;
    if (!layer.recipe.empty() && !content_.Has(layer.recipe)) return false;
  }
  return true;
}

void StoreImpl::Note(const Key& key, Code code) {
  auto lost = lost_.Lock();
  if (code == Code::kOk) lost->erase(key);
  if (IsOfTheLayer(code)) lost->insert(key);
}

// By asking again, one by one: what is here takes no time, and the rest was to be unpacked anyway. The lowest is
// enough, since whatever stands on it is lost with it; many more questions to a registry that does not answer would
// take long.
void StoreImpl::FindLost(const Context& ctx, Code code, const Chain& chain, const std::set<size_t>& positions,
                         const VertexProgress& progress) {
  if (!IsOfTheLayer(code)) return;
  for (const size_t position : positions) {
    if (!Unpacked(ctx, chain, position, progress).ok()) return;
  }
}

Result<std::vector<std::string>> StoreImpl::LowerDirs(const Context& ctx, const Chain& chain,
                                                      const VertexProgress& progress) {
  Result<std::vector<std::string>> folders = unpacker_.Folders(ctx, chain, progress);
  if (folders.ok()) {
    for (const Key& key : chain) Note(key, Code::kOk);
    return folders;
  }
  std::set<size_t> all;
  for (size_t i = 0; i < chain.size(); ++i) all.insert(i);
  FindLost(ctx, folders.code(), chain, all, progress);
  return folders;
}

Result<std::vector<Digest>> StoreImpl::FileContents(const Context& ctx, const Chain& chain,
                                                    const std::vector<FileAt>& files, content::Lease* lease,
                                                    const VertexProgress& progress) {
  Result<std::vector<Digest>> contents = files_.TakeAll(ctx, chain, files, lease, progress);
  if (contents.ok()) return contents;
  std::set<size_t> read;
  for (const FileAt& file : files) read.insert(file.position);
  FindLost(ctx, contents.code(), chain, read, progress);
  return contents;
}

std::optional<SystemTime> StoreImpl::Created(const Key& key) {
  const auto row = records_->Find(key);
  return row.ok() && row->has_value() ? std::optional((*row)->created) : std::nullopt;
}

Digest StoreImpl::DiffId(const Key& key) {
  const auto row = records_->Find(key);
  return row.ok() && row->has_value() ? (*row)->diff_id : Digest();
}

}  // namespace

Pin& Pin::operator=(Pin&& other) noexcept {
  if (this != &other) {
    Pin old(std::move(*this));
    store_ = std::exchange(other.store_, nullptr);
    chain_ = std::move(other.chain_);
  }
  return *this;
}

Pin::~Pin() {
  if (store_ != nullptr) store_->DropPin(chain_.get());
}

Pin Store::Hold(Chain chain) {
  auto pinned = std::make_unique<const Chain>(std::move(chain));
  AddPin(pinned.get());
  return Pin(this, std::move(pinned));
}

Result<std::unique_ptr<Store>> Store::Open(const StoreOptions& options, content::Store& content, ThreadPool& pool,
                                           Fetch fetch) {
  Layout layout(options.root);
  SLIPWAY_RETURN_IF_ERROR(layout.Make());
  SLIPWAY_ASSIGN_OR_RETURN(auto records, Records::Open(layout.Database()));
  auto store = std::make_unique<StoreImpl>(std::move(layout), options.limits, content, pool, std::move(fetch),
                                           std::move(records));
  SLIPWAY_RETURN_IF_ERROR(store->Begin());
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace slipway::layer
