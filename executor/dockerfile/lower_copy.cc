// COPY and ADD: each source becomes an action of a FileOp, and what it copies from an input.
#include <algorithm>

#include "executor/base/fs.h"
#include "executor/dockerfile/lower_stage.h"
#include "executor/http/url.h"
#include "executor/source/context_source.h"
#include "executor/source/git_url.h"
#include "executor/source/http.h"

namespace slipway::dockerfile {

namespace {

bool IsHttpUrl(std::string_view text) { return text.starts_with("http://") || text.starts_with("https://"); }
bool IsRemote(const std::string& text) { return IsHttpUrl(text) || source::IsGitUrl(text); }

// For logs: without a password, and without the query, in which signed addresses have their secret.
std::string ShownAddress(const std::string& source) {
  const bool is_plain_git = source::IsGitUrl(source) && source.find('@') == std::string::npos;
  return !IsHttpUrl(source) || is_plain_git ? source : http::RedactUrl(source);
}

// What an address says of a repository, a flag may say again, but not otherwise.
Status CheckGitFlags(const AddInstruction& add, const std::string& source) {
  if (!source::IsGitUrl(source)) return Status();
  const Result<source::GitUrl> url = source::GitUrl::Parse(source);
  if (!url.ok()) return Status();  // told by who fetches
  if (add.keep_git_dir == false && url->keep_git_dir) {
    return InvalidArgument("--keep-git-dir=false contradicts the address '{}'", url->Remote());
  }
  if (!add.checksum.empty() && !url->checksum.empty() && add.checksum != url->checksum) {
    return InvalidArgument("--checksum={} contradicts the address, which has {}", add.checksum, url->checksum);
  }
  return Status();
}

}  // namespace

Result<StageLowering::CopyPiece> StageLowering::PieceOf(const CopyParts& parts) const {
  CopyPiece piece;
  const std::string& destination = parts.sources.destination;
  const bool folder =
      destination.empty() || destination == "." || destination.ends_with('/') || destination.ends_with("/.");
  piece.action.destination = Absolute(destination);
  if (folder && !piece.action.destination.ends_with('/')) piece.action.destination += '/';
  piece.action.mode = parts.chmod;
  piece.action.parents = parts.parents;
  piece.action.exclude = parts.excludes;
  if (!parts.chown.empty()) piece.action.owner = OwnerOf(parts.chown);
  return piece;
}

// COPY <<name: the files are made in a file system of their own and copied from there.
Status StageLowering::AddInlineFiles(const CopyParts& parts, std::vector<CopyPiece>& pieces) const {
  for (const InlineFile& file : parts.sources.files) {
    SLIPWAY_ASSIGN_OR_RETURN(CopyPiece piece, PieceOf(parts));
    graph::MakeFileAction make;
    SLIPWAY_ASSIGN_OR_RETURN(make.path, InlinePath(file.name));
    make.content = file.content;
    make.mtime = 0;
    piece.action.sources = {make.path};
    piece.action.wildcards = false;
    piece.action.parents = false;
    graph::FileOp op;
    op.actions.emplace_back(std::move(make));
    piece.from = graph::Make(std::move(op), {ScratchVertex()},
                             {.name = fmt::format("[internal] file '{}' of the Dockerfile", file.name)});
    pieces.push_back(std::move(piece));
  }
  return Status();
}

Status StageLowering::FinishCopy(const CopyParts& parts, std::vector<CopyPiece> pieces) {
  graph::FileOp op;
  op.link = parts.link && parts.chmod.empty();  // with --chmod BuildKit copies as if --link were not there
  std::vector<graph::VertexPtr> inputs = {Root()};
  for (CopyPiece& piece : pieces) {
    const auto known = std::find(inputs.begin() + 1, inputs.end(), piece.from);
    piece.action.input = static_cast<size_t>(known - inputs.begin());
    if (known == inputs.end()) inputs.push_back(piece.from);
    op.actions.emplace_back(std::move(piece.action));
  }
  AddVertex(std::move(op), std::move(inputs), parts.base);
  std::string text = parts.history;
  for (const std::string& path : parts.sources.paths) text += " " + path;
  for (const InlineFile& file : parts.sources.files) text += " <<" + file.name;
  AddHistory(fmt::format("{} {} # buildkit", text, parts.sources.destination), true);
  return Status();
}

Status StageLowering::Apply(const CopyInstruction& copy) {
  std::string history = "COPY";
  if (copy.parents) history += " --parents";
  if (!copy.chown.empty()) history += " --chown=" + copy.chown;
  if (!copy.chmod.empty()) history += " --chmod=" + copy.chmod;
  const CopyParts parts{copy, copy.sources, copy.chown, copy.chmod, copy.link, copy.parents, copy.excludes, history};
  const auto remote = std::find_if(copy.sources.paths.begin(), copy.sources.paths.end(), IsRemote);
  if (remote != copy.sources.paths.end()) {
    return Blame(*remote, InvalidArgument("COPY takes files only; what is behind an address comes with ADD"));
  }
  std::vector<CopyPiece> pieces;
  if (!copy.sources.paths.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(CopyPiece piece, PieceOf(parts));
    piece.action.sources = copy.sources.paths;
    Result<graph::VertexPtr> from = from_(copy.from, /*by_index=*/true);
    if (!from.ok()) return Blame("--from=" + copy.from, std::move(from).status());
    piece.from = *std::move(from);
    pieces.push_back(std::move(piece));
  }
  SLIPWAY_RETURN_IF_ERROR(AddInlineFiles(parts, pieces));
  return FinishCopy(parts, std::move(pieces));
}

Result<StageLowering::CopyPiece> StageLowering::RemotePiece(const AddInstruction& add, const CopyParts& parts,
                                                            const std::string& source) const {
  SLIPWAY_ASSIGN_OR_RETURN(CopyPiece piece, PieceOf(parts));
  piece.action.wildcards = false;
  const graph::VertexInfo info{.name = fmt::format("[internal] fetch {}", ShownAddress(source)), .position = Here(add)};
  if (source::IsGitUrl(source)) {
    graph::GitOp git;
    git.url = source;
    git.keep_git_dir = add.keep_git_dir.value_or(false);
    git.checksum = add.checksum;
    git.lent = options_.lent;
    piece.action.sources = {"/"};
    piece.from = graph::Make(std::move(git), {}, info);
    return piece;
  }
  graph::HttpOp http;
  http.url = source;
  if (!add.checksum.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(http.checksum, Digest::Parse(add.checksum));
  }
  http.name = source::FileNameOf(source);  // whatever the server calls it
  if (http.name.empty()) http.name = "__unnamed__";
  piece.action.sources = {"/" + http.name};
  piece.action.unpack = add.unpack.value_or(false);
  piece.from = graph::Make(std::move(http), {}, info);
  return piece;
}

Status StageLowering::Apply(const AddInstruction& add) {
  std::string history = "ADD";
  if (!add.chown.empty()) history += " --chown=" + add.chown;
  if (!add.chmod.empty()) history += " --chmod=" + add.chmod;
  const CopyParts parts{add, add.sources, add.chown, add.chmod, add.link, false, add.excludes, history};
  std::vector<CopyPiece> pieces;
  const bool remote = std::any_of(add.sources.paths.begin(), add.sources.paths.end(), IsRemote);
  if (!add.checksum.empty() && (!remote || add.sources.paths.size() != 1)) {
    return Blame("--checksum", InvalidArgument("--checksum can be given with one URL or git repository only"));
  }
  for (const std::string& source : add.sources.paths) {
    if (IsRemote(source)) {
      if (Status flags = CheckGitFlags(add, source); !flags.ok()) return Blame(source, std::move(flags));
      Result<CopyPiece> piece = RemotePiece(add, parts, source);
      if (!piece.ok()) return Blame("--checksum=" + add.checksum, std::move(piece).status().With("--checksum"));
      pieces.push_back(*std::move(piece));
      continue;
    }
    SLIPWAY_ASSIGN_OR_RETURN(CopyPiece piece, PieceOf(parts));
    piece.action.sources = {source};
    piece.action.unpack = add.unpack.value_or(true);
    SLIPWAY_ASSIGN_OR_RETURN(piece.from, from_("", /*by_index=*/false));
    pieces.push_back(std::move(piece));
  }
  SLIPWAY_RETURN_IF_ERROR(AddInlineFiles(parts, pieces));
  return FinishCopy(parts, std::move(pieces));
}

}  // namespace slipway::dockerfile
