#include "executor/source/tarball.h"

#include <algorithm>

#include "executor/http/url.h"
#include "executor/layer/archive.h"
#include "executor/source/trees.h"

namespace slipway::source {

namespace {
constexpr size_t kHeadBytes = 4096;
constexpr uint64_t kLargestDockerfile = 1U << 20;

bool LooksLikePage(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  return begin != std::string_view::npos && text[begin] == '<';
}

bool IsText(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f';
  });
}

Result<tree::Tree> ReadDockerfile(const content::Blob& blob, std::string_view head, content::Store& store,
                                  content::Lease* lease) {
  if (LooksLikePage(head)) {
    return InvalidArgument(
        "not a tar archive but a web page; does the address of a git repository lack '.git' at its end?");
  }
  if (head.empty()) return InvalidArgument("not a tar archive: the answer is empty");
  if (!IsText(head) || blob.size() > kLargestDockerfile) {
    return InvalidArgument("not a tar archive (plain, gzip, bzip2, xz or zstd), nor the text of a Dockerfile");
  }
  SLIPWAY_ASSIGN_OR_RETURN(const std::string text, blob.ReadAll(kLargestDockerfile));
  if (!IsText(text)) return InvalidArgument("not a tar archive, nor the text of a Dockerfile");
  // As it comes from BuildKit's download, for a COPY of the whole context.
  SLIPWAY_ASSIGN_OR_RETURN(const tree::Tree tree, TreeOfFile("context", text, store, lease));
  std::vector<tree::Entry> entries(tree.entries().begin(), tree.entries().end());
  entries.back().mode = 0600;
  return tree::Tree(std::move(entries));
}

Result<tree::Tree> ReadBody(const Context& ctx, const content::Blob& blob, const Limits& limits, content::Store& store,
                            content::Lease* lease) {
  std::string head(kHeadBytes, '\0');
  SLIPWAY_ASSIGN_OR_RETURN(const size_t size, blob.ReadAt(head, 0));
  head.resize(size);
  if (!layer::LooksLikeArchive(head)) return ReadDockerfile(blob, head, store, lease);
  const layer::ArchiveLimits bounds{.max_entries = limits.max_entries,
                                    .max_total_bytes = limits.max_total_bytes,
                                    .max_file_bytes = std::min(limits.max_file_bytes, limits.max_total_bytes)};
  Result<tree::Tree> tree = layer::ReadArchive(ctx, layer::ReadBlob(blob), bounds, store, lease);
  if (tree.code() == Code::kResourceExhausted) {
    const Status status = std::move(tree).status();
    return ResourceExhausted("{}; the operator's limits are context.max_entries, .max_total_bytes and .max_file_bytes",
                             status.message());
  }
  if (!tree.ok()) return std::move(tree).status();
  tree::Tree whole = WithParents(*tree);
  SLIPWAY_RETURN_IF_ERROR(CheckShape(whole));
  SLIPWAY_RETURN_IF_ERROR(CheckLimits(whole, limits));
  return whole;
}
}  // namespace

Result<FetchedContext> FetchTarball(const Context& ctx, HttpSource& http, content::Store& store, Memo& memo,
                                    const TarballContext& context, const Limits& limits,
                                    const VertexProgress& progress) {
  const std::string shown = http::RedactUrl(context.url);
  FetchedContext out;
  SLIPWAY_ASSIGN_OR_RETURN(out.lease, store.NewLease(fmt::format("context {}", shown)));
  const HttpRequest request{.url = context.url, .max_bytes = limits.max_total_bytes};
  Result<HttpFile> file = http.Fetch(ctx, request, &out.lease, progress);
  if (!file.ok()) return std::move(file).status().With("unable to download the context");
  const std::string key = Hasher().Field("archive 2").Field(file->digest.hex()).Finish().ToString();
  SLIPWAY_ASSIGN_OR_RETURN(out.tree, RecallTree(key, store, memo, limits, &out.lease));
  if (out.tree != nullptr) return out;
  SLIPWAY_ASSIGN_OR_RETURN(const content::Blob blob, store.Open(file->digest));
  SLIPWAY_ASSIGN_OR_RETURN(tree::Tree tree,
                           ReadBody(ctx, blob, limits, store, &out.lease).With(fmt::format("'{}'", shown)));
  out.tree = std::make_shared<const tree::Tree>(std::move(tree));
  SLIPWAY_RETURN_IF_ERROR(RememberTree(key, *out.tree, store, memo, &out.lease));
  return out;
}

}  // namespace slipway::source
