#include "executor/builder/build_context.h"

#include <vector>

#include "executor/base/fs.h"
#include "executor/base/near_miss.h"
#include "executor/builder/ignore.h"
#include "executor/builder/request_options.h"
#include "executor/layer/view.h"
#include "executor/ops/git_loan.h"
#include "executor/source/git_login.h"

namespace slipway::builder {

namespace {
constexpr std::string_view kDefaultName = "Dockerfile";
constexpr std::string_view kLowerName = "dockerfile";

// A download that is no archive.
bool IsLoneFile(const tree::Tree& tree) {
  const size_t below_root = tree.entries().size() - (tree.Find("") != nullptr ? 1 : 0);
  const tree::Entry* file = tree.Find("context");
  return below_root == 1 && file != nullptr && file->is_file();
}
}  // namespace

Result<BuildContext> BuildContext::Load(const Context& ctx, const BuildRequest& request, const graph::LentPtr& lent,
                                        const std::string& lent_folder, GitLogins* git_logins,
                                        const source::Limits& limits, source::ContextFetcher& sources,
                                        layer::Store& layers, ProgressSink& sink) {
  const VertexProgress progress(&sink, "context", "[internal] load build context");
  progress.Started();
  const auto load = [&]() -> Result<BuildContext> {
    BuildContext out;
    out.layers_ = &layers;
    source::ContextSpec spec = request.context;
    ops::GitLoan loan;
    if (auto* git = std::get_if<source::GitContext>(&spec)) {
      git->keep_git_dir = git->keep_git_dir || KeepsGitDir(request);
      SLIPWAY_ASSIGN_OR_RETURN(loan, ops::LendToGit(ctx, lent_folder, lent, git));
      SLIPWAY_RETURN_IF_ERROR(source::UseLogin(ctx, git_logins, git));
    }
    SLIPWAY_ASSIGN_OR_RETURN(out.fetched_, sources.Fetch(ctx, spec, limits, progress));
    out.visible_ = out.fetched_.tree;
    if (const auto* upload = std::get_if<source::UploadedContext>(&request.context)) out.encoded_ = upload->tree;
    SLIPWAY_RETURN_IF_ERROR(out.ReadDockerfile(ctx, request));
    // A client applies the ignore file before it uploads.
    if (std::holds_alternative<source::UploadedContext>(request.context)) {
      SLIPWAY_RETURN_IF_ERROR(out.RecallIgnoreFile(ctx));
    } else {
      out.whole_ = true;
      SLIPWAY_RETURN_IF_ERROR(out.ReadIgnoreFile(ctx));
      SLIPWAY_RETURN_IF_ERROR(out.ApplyIgnoreFile());
    }
    return out;
  };
  auto loaded = load();
  progress.Finished(loaded.status());
  return loaded;
}

// A file of the whole tree, links followed inside it.
Result<std::string> BuildContext::ReadFile(const Context& ctx, const std::string& path) const {
  const tree::Entry* entry = fetched_.tree->Find(path);
  if (entry != nullptr && entry->is_file()) {
    SLIPWAY_ASSIGN_OR_RETURN(const content::Blob blob, layers_->content().Open(entry->digest));
    return blob.ReadAll(kLargestDockerfile);
  }
  SLIPWAY_ASSIGN_OR_RETURN(layer::Key key, layers_->AddRecipe(fetched_.tree, encoded_));
  layer::View view(*layers_, {std::move(key)}, {});
  return view.ReadFile(ctx, path, layers_->content(), kLargestDockerfile);
}

Status BuildContext::NoDockerfile() const {
  std::vector<std::string_view> names;
  for (const tree::Entry& entry : fetched_.tree->entries()) {
    if (!entry.is_dir()) names.push_back(entry.path);
  }
  std::string hint = DidYouMean(name_, names);
  if (hint.empty()) {
    for (const std::string_view name : names) {
      if (fs::BaseName(name) == fs::BaseName(name_)) {
        hint = fmt::format("; there is a '{}': name it with --file", name);
        break;
      }
    }
  }
  return NotFound("{}: the build context has no such file{}", name_, hint);
}

Status BuildContext::ReadDockerfile(const Context& ctx, const BuildRequest& request) {
  name_ = request.dockerfile.empty() ? std::string(kDefaultName) : request.dockerfile;
  if (request.dockerfile_text) {
    text_ = *request.dockerfile_text;
    return Status();
  }
  if (const auto* given = std::get_if<source::DockerfileContext>(&request.context)) {
    text_ = given->text;
    return Status();
  }
  if (std::holds_alternative<source::TarballContext>(request.context) && IsLoneFile(*fetched_.tree)) {
    name_ = fetched_.tree->entries().back().path;  // whatever --file says
  }
  SLIPWAY_ASSIGN_OR_RETURN(const std::string path, tree::CleanPath(name_));
  auto text = ReadFile(ctx, path);
  if (text.code() == Code::kNotFound && fs::BaseName(path) == kDefaultName) {
    text = ReadFile(ctx, path.substr(0, path.size() - kDefaultName.size()) + std::string(kLowerName));
  }
  if (!text.ok() && text.code() == Code::kNotFound) return NoDockerfile();
  if (!text.ok()) return std::move(text).status().With(name_);
  text_ = *std::move(text);
  return Status();
}

Status BuildContext::ReadIgnoreFile(const Context& ctx) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string path, tree::CleanPath(name_));
  const auto read = [&](const std::string& name) { return ReadFile(ctx, name); };
  SLIPWAY_ASSIGN_OR_RETURN(ignore_, IgnoreFile::Read(path, read));
  return Status();
}

// What a client applied, as far as it sent it along: for the linter and for messages, so what is wrong with it does not
// matter. A file that leaves itself out came for that only, and must not be seen.
Status BuildContext::RecallIgnoreFile(const Context& ctx) {
  const Result<std::string> path = tree::CleanPath(name_);
  if (!path.ok()) return Status();
  const auto read = [&](const std::string& name) -> Result<std::string> {
    const tree::Entry* entry = fetched_.tree->Find(name);
    if (entry == nullptr || !entry->is_file()) return NotFound("there is no '{}'", name);
    return ReadFile(ctx, name);
  };
  ignore_ = IgnoreFile::Read(*path, read).ValueOr({});
  return ignore_.WhyMissing(ignore_.name()).empty() ? Status() : ApplyIgnoreFile();
}

Status BuildContext::ApplyIgnoreFile() {
  SLIPWAY_ASSIGN_OR_RETURN(const PatternMatcher matcher, PatternMatcher::Make(ignore_.patterns()));
  if (!matcher.empty()) visible_ = std::make_shared<const tree::Tree>(WithoutIgnored(*fetched_.tree, matcher));
  return Status();
}

Result<graph::VertexPtr> BuildContext::Vertex() const {
  SLIPWAY_ASSIGN_OR_RETURN(layer::Key key,
                           layers_->AddRecipe(visible_, visible_ == fetched_.tree ? encoded_ : Digest()));
  graph::SourceOp source{.chain = {std::move(key)}, .identity = tree::DigestOf(*visible_)};
  // What is not in an uploaded context may never have been; of others the whole tree is here to tell.
  const auto whole = whole_ ? fetched_.tree : nullptr;
  source.why_missing = [whole, ignore = ignore_](const std::string& path) {
    return whole == nullptr || whole->Find(path) != nullptr ? ignore.WhyMissing(path) : std::string();
  };
  return graph::Make(std::move(source), {}, {.name = "[internal] load build context"});
}

}  // namespace slipway::builder
