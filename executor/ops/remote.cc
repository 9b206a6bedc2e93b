#include "executor/ops/remote.h"

namespace slipway::ops {

namespace {
struct Downloaded {
  source::HttpFile file;
  content::Lease lease;
};
}  // namespace

Result<solver::ContentKey> RemoteOps::Key(const Context& ctx, const graph::HttpOp& op, const VertexProgress& progress) {
  auto downloaded = std::make_shared<Downloaded>();
  source::HttpRequest request{.url = op.url, .checksum = op.checksum};
  request.max_bytes = limits_.max_file_bytes;
  SLIPWAY_ASSIGN_OR_RETURN(downloaded->lease, layers_.content().NewLease("a download"));
  SLIPWAY_ASSIGN_OR_RETURN(downloaded->file, sources_.http().Fetch(ctx, request, &downloaded->lease, progress));
  const source::HttpFile& file = downloaded->file;
  const int64_t mtime = file.last_modified ? std::chrono::system_clock::to_time_t(*file.last_modified) : 0;
  solver::ContentKey key;
  key.key =
      Hasher().Field("http 1").Field(file.digest.hex()).Field(file.name).Field(static_cast<uint64_t>(mtime)).Finish();
  key.explain = fmt::format("{} {}\n", op.url, file.digest.hex());
  key.memo = std::move(downloaded);
  return key;
}

Result<layer::Chain> RemoteOps::Run(const solver::ContentKey& key, content::Lease* lease) {
  const source::HttpFile& file = static_cast<const Downloaded*>(key.memo.get())->file;
  if (lease != nullptr) SLIPWAY_RETURN_IF_ERROR(lease->Add(file.digest));
  tree::Entry entry;
  entry.path = file.name.empty() ? std::string(kUnnamedDownload) : file.name;
  entry.mode = 0600;
  entry.size = file.size;
  entry.digest = file.digest;
  if (file.last_modified) entry.mtime.seconds = std::chrono::system_clock::to_time_t(*file.last_modified);
  std::vector<tree::Entry> entries;
  entries.push_back(std::move(entry));
  SLIPWAY_ASSIGN_OR_RETURN(layer::Key layer, layers_.AddRecipe(tree::Tree(std::move(entries))));
  return layer::Chain{std::move(layer)};
}

Result<solver::ContentKey> RemoteOps::Key(const Context& ctx, const graph::GitOp& op, const VertexProgress& progress) {
  source::GitContext git;
  git.url = op.url;
  git.keep_git_dir = op.keep_git_dir;
  SLIPWAY_ASSIGN_OR_RETURN(const source::GitCommit commit, sources_.git().Resolve(ctx, git, progress));
  if (!op.checksum.empty() && !commit.id.starts_with(op.checksum) && !commit.tag_id.starts_with(op.checksum)) {
    return FailedPrecondition("'{}' is commit {}, not {} as --checksum demands", op.url, commit.id, op.checksum);
  }
  const size_t fragment = op.url.find('#');
  const std::string_view folder =
      fragment == std::string::npos ? std::string_view() : std::string_view(op.url).substr(fragment);
  const size_t colon = folder.find(':');
  solver::ContentKey key;
  key.key = Hasher()
                .Field("git 1")
                .Field(commit.id)
                .Field(colon == std::string_view::npos ? "" : folder.substr(colon + 1))
                .Field(op.keep_git_dir ? op.url : "")
                .Finish();
  key.explain = fmt::format("{} {}\n", op.url, commit.id);
  return key;
}

Result<layer::Chain> RemoteOps::Run(const Context& ctx, const graph::GitOp& op, content::Lease* lease,
                                    const VertexProgress& progress) {
  source::GitContext git;
  git.url = op.url;
  git.keep_git_dir = op.keep_git_dir;
  SLIPWAY_ASSIGN_OR_RETURN(source::FetchedContext fetched, sources_.git().Fetch(ctx, git, limits_, progress));
  SLIPWAY_ASSIGN_OR_RETURN(layer::Key layer, layers_.AddRecipe(*fetched.tree));
  if (lease != nullptr) {
    std::vector<Digest> contents;
    for (const tree::Entry& entry : fetched.tree->entries()) {
      if (!entry.digest.empty()) contents.push_back(entry.digest);
    }
    SLIPWAY_RETURN_IF_ERROR(lease->Add(contents));
  }
  return layer::Chain{std::move(layer)};
}

}  // namespace slipway::ops
