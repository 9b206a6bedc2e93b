#include "executor/ops/file.h"

#include <array>

#include "executor/base/fs.h"
#include "executor/layer/archive.h"
#include "executor/layer/view.h"
#include "executor/ops/key_parts.h"
#include "executor/ops/layer_builder.h"
#include "executor/ops/mode.h"
#include "executor/ops/selection.h"
#include "executor/ops/users.h"

namespace slipway::ops {

namespace {

/// What Key() found and Run() places: selections of the op's copies, in order.
struct Plan {
  std::vector<std::vector<Selected>> selections;
  content::Lease lease;
};

std::string_view Relative(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  return path;
}

tree::Time TimeOf(const std::optional<int64_t>& seconds, const tree::Time& otherwise) {
  return seconds ? tree::Time{*seconds, 0} : otherwise;
}

/// Places the actions of one op into a layer.
class Placer {
 public:
  Placer(const Context& ctx, LayerBuilder& layer, layer::View& root, content::Store& content, content::Lease* lease,
         bool linked, const VertexProgress& progress)
      : linked_(linked), ctx_(ctx), layer_(layer), root_(root), content_(content), lease_(lease), progress_(progress) {}

  Status Place(const graph::CopyAction& copy, const std::vector<Selected>& selection);
  Status Place(const graph::MakeDirAction& make);
  Status Place(const graph::MakeFileAction& make);

 private:
  Result<std::optional<Ids>> Owner(const std::optional<graph::Owner>& owner);
  Status PlaceOne(const graph::CopyAction& copy, const Selected& selected);
  Result<bool> Unpack(const graph::CopyAction& copy, const Selected& selected);
  Status PlaceBelow(const std::string& folder, const std::vector<Picked>& below, bool replace_folder);
  Status PutTouched(tree::Entry entry, bool replace_folder, bool with_mode = true);
  NewFolder Folder(const tree::Time& mtime) const;

  const bool linked_;
  const Context& ctx_;
  LayerBuilder& layer_;
  layer::View& root_;
  content::Store& content_;
  content::Lease* lease_;
  const VertexProgress& progress_;
  // Of the copy being placed:
  std::optional<Ids> owner_;
  std::optional<ModeChange> mode_;
  std::optional<int64_t> mtime_;
};

Result<std::optional<Ids>> Placer::Owner(const std::optional<graph::Owner>& owner) {
  if (!owner) return std::optional<Ids>();
  const ReadImageFile read = [this](const std::string& path) -> Result<std::string> {
    constexpr uint64_t kLargestPasswd = 8U << 20;
    // A linked layer stands on nothing, so that it can be put on any base.
    if (linked_) return NotFound("a layer made with --link has no '/{}'", path);
    return root_.ReadFile(ctx_, path, content_, kLargestPasswd);
  };
  auto ids = ResolveOwner(owner->user, owner->group, read);
  if (ids.ok() || ids.code() != Code::kInvalidArgument) {
    if (!ids.ok()) return std::move(ids).status();
    return std::optional(*std::move(ids));
  }
  // As BuildKit: without a passwd file only root is known; with one, root stands in for a name that it lacks, and so
  // that this is seen, it is said.
  const bool has_passwd = read("etc/passwd").code() != Code::kNotFound;
  if (!has_passwd && owner->user != "root") {
    return InvalidArgument(
        "owner '{}': names are looked up in the image's /etc/passwd, and there is none; give numbers", owner->user);
  }
  if (has_passwd) progress_.Warning(fmt::format("{}; root is the owner instead", ids.status().message()));
  return std::optional(Ids{});
}

NewFolder Placer::Folder(const tree::Time& mtime) const {
  NewFolder folder;
  if (owner_) {
    folder.uid = owner_->uid;
    folder.gid = owner_->gid;
  }
  if (mode_) folder.mode = mode_->OfMadeFolder(folder.mode);
  folder.mtime = TimeOf(mtime_, mtime);
  return folder;
}

// Puts an entry with the copy's owner, mode and time.
Status Placer::PutTouched(tree::Entry entry, bool replace_folder, bool with_mode) {
  if (owner_) {
    entry.uid = owner_->uid;
    entry.gid = owner_->gid;
  }
  if (mode_ && with_mode && entry.type != tree::Type::kSymlink) entry.mode = mode_->Apply(entry.mode, entry.is_dir());
  entry.mtime = TimeOf(mtime_, entry.mtime);
  return layer_.Put(ctx_, std::move(entry), replace_folder);
}

Status Placer::Place(const graph::CopyAction& copy, const std::vector<Selected>& selection) {
  SLIPWAY_ASSIGN_OR_RETURN(owner_, Owner(copy.owner));
  mode_.reset();
  if (!copy.mode.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(mode_, ModeChange::Parse(copy.mode));
  }
  mtime_ = copy.mtime;
  for (const Selected& selected : selection) SLIPWAY_RETURN_IF_ERROR(PlaceOne(copy, selected));
  return Status();
}

Status Placer::PlaceOne(const graph::CopyAction& copy, const Selected& selected) {
  if (copy.unpack && selected.root.is_file()) {
    SLIPWAY_ASSIGN_OR_RETURN(const bool unpacked, Unpack(copy, selected));
    if (unpacked) return Status();
  }
  const bool says_folder = copy.destination.ends_with('/') || copy.destination.ends_with("/.");
  const std::string wanted = fs::Clean(copy.destination);
  const NewFolder folder = Folder(selected.root.mtime);
  const bool from_folder = selected.root.is_dir();
  SLIPWAY_ASSIGN_OR_RETURN(LayerBuilder::Place place, layer_.Resolve(ctx_, Relative(wanted), /*follow_last=*/true));

  if (from_folder && copy.contents) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::string at, layer_.MakeFolders(ctx_, place.path, folder));
    return PlaceBelow(at, selected.below, /*replace_folder=*/false);
  }
  std::string target = place.path;
  if (says_folder || (place.entry && place.entry->is_dir())) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::string at, layer_.MakeFolders(ctx_, place.path, folder));
    const std::string_view base = fs::BaseName(selected.source);
    target = at.empty() ? std::string(base) : fmt::format("{}/{}", at, base);
  } else {
    SLIPWAY_RETURN_IF_ERROR(layer_.MakeFolders(ctx_, fs::DirName("/" + target), folder).status());
  }
  if (!from_folder) {
    tree::Entry entry = selected.root;
    entry.path = std::move(target);
    return PutTouched(std::move(entry), /*replace_folder=*/false);
  }
  SLIPWAY_ASSIGN_OR_RETURN(const std::string at, layer_.MakeFolders(ctx_, target, folder));
  return PlaceBelow(at, selected.below, /*replace_folder=*/false);
}

Status Placer::PlaceBelow(const std::string& folder, const std::vector<Picked>& below, bool replace_folder) {
  const std::string prefix = folder.empty() ? "" : folder + "/";
  constexpr size_t kFoldersOnTheWay = 16;
  layer_.Expect(below.size() + kFoldersOnTheWay);
  for (const Picked& picked : below) {
    tree::Entry entry = picked.Copy(prefix);
    if (entry.type == tree::Type::kHardlink) entry.link = prefix + entry.link;
    SLIPWAY_RETURN_IF_ERROR(PutTouched(std::move(entry), replace_folder));
  }
  return Status();
}

// ADD of an archive: its entries are put below the destination. False if the file is no archive.
Result<bool> Placer::Unpack(const graph::CopyAction& copy, const Selected& selected) {
  SLIPWAY_ASSIGN_OR_RETURN(const content::Blob blob, content_.Open(selected.root.digest));
  std::array<char, 4096> head{};
  SLIPWAY_ASSIGN_OR_RETURN(const size_t got, blob.ReadAt(head, 0));
  if (!layer::LooksLikeArchive(std::string_view(head.data(), got))) return false;
  auto archive = layer::ReadArchive(ctx_, layer::ReadBlob(blob), {}, content_, lease_);
  if (!archive.ok()) return std::move(archive).status().With(fmt::format("extract '/{}'", selected.source));

  NewFolder made = Folder(selected.root.mtime);
  made.mode = NewFolder().mode;  // --chmod is not for what an archive brings, nor for where it goes
  SLIPWAY_ASSIGN_OR_RETURN(const std::string folder,
                           layer_.MakeFolders(ctx_, Relative(fs::Clean(copy.destination)), made));
  for (tree::Entry entry : archive->entries()) {
    if (entry.path.empty()) continue;
    // Links that are there already, or that the archive brought, are followed inside the root.
    const std::string whole = folder.empty() ? entry.path : fmt::format("{}/{}", folder, entry.path);
    NewFolder parent;
    parent.mtime = TimeOf(mtime_, entry.mtime);
    SLIPWAY_ASSIGN_OR_RETURN(const std::string at, layer_.MakeFolders(ctx_, fs::DirName("/" + whole), parent));
    entry.path = at.empty() ? std::string(fs::BaseName(whole)) : fmt::format("{}/{}", at, fs::BaseName(whole));
    if (entry.type == tree::Type::kHardlink) {
      const std::string link = folder.empty() ? entry.link : fmt::format("{}/{}", folder, entry.link);
      SLIPWAY_ASSIGN_OR_RETURN(const LayerBuilder::Place target, layer_.Resolve(ctx_, link, /*follow_last=*/false));
      entry.link = target.path;
    }
    // A folder that is there is kept with what it holds; anything else is replaced. Modes are the archive's own.
    SLIPWAY_RETURN_IF_ERROR(PutTouched(std::move(entry), /*replace_folder=*/true, /*with_mode=*/false));
  }
  return true;
}

Status Placer::Place(const graph::MakeDirAction& make) {
  SLIPWAY_ASSIGN_OR_RETURN(owner_, Owner(make.owner));
  mode_.reset();
  mtime_ = make.mtime;
  NewFolder folder = Folder({});
  folder.mode = make.mode;
  return layer_.MakeFolders(ctx_, Relative(make.path), folder).status();
}

Status Placer::Place(const graph::MakeFileAction& make) {
  SLIPWAY_ASSIGN_OR_RETURN(owner_, Owner(make.owner));
  mtime_ = make.mtime;
  mode_.reset();
  tree::Entry entry;
  SLIPWAY_ASSIGN_OR_RETURN(entry.digest, content_.Put(make.content, lease_));
  SLIPWAY_ASSIGN_OR_RETURN(LayerBuilder::Place place, layer_.Resolve(ctx_, Relative(make.path), /*follow_last=*/true));
  SLIPWAY_RETURN_IF_ERROR(layer_.MakeFolders(ctx_, fs::DirName("/" + place.path), Folder({})).status());
  entry.path = place.path;
  entry.mode = make.mode;
  entry.size = make.content.size();
  return PutTouched(std::move(entry), /*replace_folder=*/false);
}

}  // namespace

Result<solver::ContentKey> FileOps::Key(const Context& ctx, const graph::FileOp& op, const graph::Vertex& vertex,
                                        const std::vector<solver::Output>& inputs, const VertexProgress& progress) {
  auto plan = std::make_shared<Plan>();
  SLIPWAY_ASSIGN_OR_RETURN(plan->lease, content_.NewLease("a copy"));
  Hasher hasher;
  hasher.Field("file 1").Field(inputs.empty() ? "" : inputs[0].key.hex());
  // What is copied counts by content, not by where it comes from; how it is placed counts as it is defined.
  graph::FileOp definition = op;
  for (graph::FileAction& action : definition.actions) {
    auto* copy = std::get_if<graph::CopyAction>(&action);
    if (copy == nullptr) continue;
    layer::View from(layers_, inputs.at(copy->input).chain, progress);
    const graph::Vertex& input = *vertex.inputs.at(copy->input);
    SLIPWAY_ASSIGN_OR_RETURN(
        std::vector<Selected> selection,
        Select(ctx, *copy, from, &plan->lease, IsContext(input) ? SelectionUse::kContext : SelectionUse::kFrom,
               WhyMissingOf(input)));
    AddToDigest(selection, hasher);
    plan->selections.push_back(std::move(selection));
    copy->sources.clear();
    copy->exclude.clear();
    copy->input = 0;
  }
  graph::AddToDigest(definition, hasher);
  solver::ContentKey key;
  key.key = hasher.Finish();
  // The vertex is alive as long as its key: both belong to one node of a solve.
  key.parts = [&op, &vertex, inputs, plan](size_t most_files) {
    solver::KeyParts parts = FileParts(op, vertex, inputs);
    AddFiles(plan->selections, most_files, parts);
    return parts;
  };
  key.memo = std::move(plan);
  return key;
}

Result<layer::Chain> FileOps::Run(const Context& ctx, const graph::FileOp& op,
                                  const std::vector<solver::Output>& inputs, const solver::ContentKey& key,
                                  content::Lease* lease, const VertexProgress& progress) {
  const auto* plan = static_cast<const Plan*>(key.memo.get());
  layer::Chain chain = inputs.empty() ? layer::Chain() : inputs[0].chain;
  layer::View below(layers_, chain, progress);
  LayerBuilder builder(op.link ? nullptr : &below);
  Placer placer(ctx, builder, below, content_, lease, op.link, progress);
  size_t copies = 0;
  for (const graph::FileAction& action : op.actions) {
    if (const auto* copy = std::get_if<graph::CopyAction>(&action)) {
      SLIPWAY_RETURN_IF_ERROR(placer.Place(*copy, plan->selections[copies++]));
    } else if (const auto* dir = std::get_if<graph::MakeDirAction>(&action)) {
      SLIPWAY_RETURN_IF_ERROR(placer.Place(*dir));
    } else {
      SLIPWAY_RETURN_IF_ERROR(placer.Place(std::get<graph::MakeFileAction>(action)));
    }
  }
  SLIPWAY_ASSIGN_OR_RETURN(layer::Key layer, layers_.AddRecipe(builder.Take()));
  chain.push_back(std::move(layer));
  return chain;
}

}  // namespace slipway::ops
