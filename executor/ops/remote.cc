#include "executor/ops/remote.h"

#include "executor/http/url.h"
#include "executor/ops/git_loan.h"
#include "executor/ops/key_parts.h"
#include "executor/source/git_url.h"

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
  source::HttpFile& found = downloaded->file;
  if (!op.name.empty() || !found.server_name.empty()) found.name = op.name.empty() ? found.server_name : op.name;
  const source::HttpFile& file = downloaded->file;
  const int64_t mtime = file.last_modified ? std::chrono::system_clock::to_time_t(*file.last_modified) : 0;
  solver::ContentKey key;
  key.key =
      Hasher().Field("http 1").Field(file.digest.hex()).Field(file.name).Field(static_cast<uint64_t>(mtime)).Finish();
  key.parts = RemoteParts(http::RedactUrl(op.url), file.digest.ToString());
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

namespace {
source::GitContext ContextOf(const graph::GitOp& op) {
  source::GitContext git;
  git.url = op.url;
  git.keep_git_dir = op.keep_git_dir;
  git.checksum = op.checksum;
  return git;
}
}  // namespace

Result<solver::ContentKey> RemoteOps::Key(const Context& ctx, const graph::GitOp& op, const VertexProgress& progress) {
  source::GitContext git = ContextOf(op);
  SLIPWAY_ASSIGN_OR_RETURN(const GitLoan loan, LendToGit(ctx, lent_folder_, op.lent, &git));
  SLIPWAY_ASSIGN_OR_RETURN(source::GitCommit commit, sources_.git().Resolve(ctx, git, progress));
  solver::ContentKey key;
  key.key = Hasher().Field("git 1").Field(commit.identity).Field(op.keep_git_dir ? op.url : "").Finish();
  // Records outlive the run; what credentials the address has must not be in them.
  SLIPWAY_ASSIGN_OR_RETURN(const source::GitUrl url, source::GitUrl::Parse(op.url));
  key.parts = RemoteParts(url.Remote(), commit.id);
  key.memo = std::make_shared<const source::GitCommit>(std::move(commit));
  return key;
}

Result<layer::Chain> RemoteOps::Run(const Context& ctx, const graph::GitOp& op, const solver::ContentKey& key,
                                    content::Lease* lease, const VertexProgress& progress) {
  // The commit that the key was made of: its branch may have moved since.
  const auto& commit = *static_cast<const source::GitCommit*>(key.memo.get());
  source::GitContext git = ContextOf(op);
  SLIPWAY_ASSIGN_OR_RETURN(const GitLoan loan, LendToGit(ctx, lent_folder_, op.lent, &git));
  SLIPWAY_ASSIGN_OR_RETURN(source::FetchedContext fetched,
                           sources_.git().FetchCommit(ctx, git, commit, limits_, progress));
  SLIPWAY_ASSIGN_OR_RETURN(layer::Key layer, layers_.AddRecipe(fetched.tree, Digest()));
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
