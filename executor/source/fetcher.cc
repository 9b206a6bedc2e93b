#include "executor/source/fetcher.h"

#include <utility>
#include <vector>

#include "executor/base/delayed.h"
#include "executor/base/fs.h"
#include "executor/base/guarded.h"
#include "executor/source/memo.h"
#include "executor/source/tarball.h"
#include "executor/source/trees.h"

namespace slipway::source {

namespace {
constexpr std::chrono::seconds kArrivedLife{10};

class Fetcher : public ContextFetcher {
 public:
  Fetcher(std::string root, content::Store& store, std::unique_ptr<Memo> memo, std::unique_ptr<GitSource> git,
          std::unique_ptr<HttpSource> http)
      : root_(std::move(root)), store_(store), memo_(std::move(memo)), git_(std::move(git)), http_(std::move(http)) {}

  Result<FetchedContext> Fetch(const Context& ctx, const ContextSpec& spec, const Limits& limits,
                               const VertexProgress& progress) override {
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    return std::visit(
        [&](const auto& context) -> Result<FetchedContext> {
          using Kind = std::decay_t<decltype(context)>;
          if constexpr (std::is_same_v<Kind, GitContext>) {
            return git_->Fetch(ctx, context, limits, progress);
          } else if constexpr (std::is_same_v<Kind, TarballContext>) {
            return FetchTarball(ctx, *http_, store_, *memo_, context, limits, progress);
          } else if constexpr (std::is_same_v<Kind, UploadedContext>) {
            return OpenUpload(context, limits);
          } else if constexpr (std::is_same_v<Kind, DockerfileContext>) {
            return MakeDockerfile(context);
          } else {
            return FetchedContext{.tree = std::make_shared<const tree::Tree>()};
          }
        },
        spec);
  }

  void Expect(ArrivedTree arrived) override {
    const Digest encoded = arrived.encoded;
    std::swap(*arrived_.Lock(), arrived);  // the one before ends outside of the lock
    forgotten_.Add(encoded);
  }

  GitSource& git() override { return *git_; }
  HttpSource& http() override { return *http_; }

  Status Collect(const Context& ctx, std::chrono::seconds idle) override {
    SLIPWAY_RETURN_IF_ERROR(git_->Collect(ctx, idle));
    return memo_->ForgetUnused(std::chrono::system_clock::now() - idle);
  }

  Result<uint64_t> TotalBytes() override { return git_->TotalBytes(); }

 private:
  Result<FetchedContext> OpenUpload(const UploadedContext& upload, const Limits& limits) {
    if (ArrivedTree arrived = TakeArrived(upload.tree); arrived.tree != nullptr) {
      SLIPWAY_RETURN_IF_ERROR(CheckLimits(*arrived.tree, limits));
      FetchedContext out;
      out.tree = std::move(arrived.tree);
      out.shared = std::move(arrived.lease);
      return out;
    }
    FetchedContext out;
    SLIPWAY_ASSIGN_OR_RETURN(out.lease, store_.NewLease("uploaded context"));
    SLIPWAY_ASSIGN_OR_RETURN(const std::vector<Digest> gone, store_.Missing(std::span(&upload.tree, 1), &out.lease));
    if (!gone.empty()) return Incomplete(upload, "its list of files is not here");
    SLIPWAY_ASSIGN_OR_RETURN(const content::Blob blob, store_.Open(upload.tree));
    // An entry takes some 100 bytes; what is far larger than its limit allows is not read at all.
    SLIPWAY_ASSIGN_OR_RETURN(const std::string bytes, blob.ReadAll((64ULL << 20) + limits.max_entries * 4096));
    SLIPWAY_ASSIGN_OR_RETURN(tree::Tree tree,
                             tree::Decode(bytes).With(fmt::format("uploaded context {}", upload.tree.Short())));
    SLIPWAY_RETURN_IF_ERROR(CheckLimits(tree, limits));
    SLIPWAY_RETURN_IF_ERROR(CheckShape(tree).With(fmt::format("uploaded context {}", upload.tree.Short())));
    SLIPWAY_ASSIGN_OR_RETURN(const std::vector<Digest> missing, LeaseContents(tree, store_, &out.lease));
    if (!missing.empty()) return Incomplete(upload, fmt::format("{} of its contents are not here", missing.size()));
    out.tree = std::make_shared<const tree::Tree>(std::move(tree));
    return out;
  }

  // A context with nothing in it if it is another one that is there.
  ArrivedTree TakeArrived(const Digest& encoded) {
    auto arrived = arrived_.Lock();
    return arrived->encoded == encoded ? std::exchange(*arrived, {}) : ArrivedTree();
  }

  static Status Incomplete(const UploadedContext& upload, std::string_view why) {
    return FailedPrecondition("uploaded context {}: {}; upload it again", upload.tree.Short(), why);
  }

  Result<FetchedContext> MakeDockerfile(const DockerfileContext& context) {
    FetchedContext out;
    SLIPWAY_ASSIGN_OR_RETURN(out.lease, store_.NewLease("a Dockerfile"));
    SLIPWAY_ASSIGN_OR_RETURN(tree::Tree tree, TreeOfFile("Dockerfile", context.text, store_, &out.lease));
    out.tree = std::make_shared<const tree::Tree>(std::move(tree));
    return out;
  }

  std::string root_;
  content::Store& store_;
  std::unique_ptr<Memo> memo_;
  std::unique_ptr<GitSource> git_;
  std::unique_ptr<HttpSource> http_;
  Guarded<ArrivedTree> arrived_;
  // Of a client that uploads and never builds.
  Delayed<Digest> forgotten_{"forget uploads", kArrivedLife, [this](const std::vector<Digest>& encoded) {
                               for (const Digest& each : encoded) TakeArrived(each);
                             }};
};
}  // namespace

Result<std::unique_ptr<ContextFetcher>> ContextFetcher::Open(const FetcherOptions& options, content::Store& store,
                                                             http::Transport& transport) {
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(options.root, 0700));
  SLIPWAY_ASSIGN_OR_RETURN(std::unique_ptr<Memo> memo, Memo::Open(options.root + "/memo.db"));
  GitOptions git = options.git;
  git.root = options.root + "/git";
  SLIPWAY_ASSIGN_OR_RETURN(std::unique_ptr<GitSource> source, GitSource::Open(git, store, *memo, transport));
  std::unique_ptr<HttpSource> http = HttpSource::Make(store, *memo, transport);
  return std::unique_ptr<ContextFetcher>(
      std::make_unique<Fetcher>(options.root, store, std::move(memo), std::move(source), std::move(http)));
}

}  // namespace slipway::source
