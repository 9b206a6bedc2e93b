#include "executor/builder/named_contexts.h"

#include "executor/builder/layout_image.h"
#include "executor/http/url.h"

namespace slipway::builder {

namespace {
template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

graph::VertexInfo InfoOf(const std::string& name, std::string_view what) {
  return {.name = fmt::format("[context {}] {}", name, what)};
}
}  // namespace

Result<dockerfile::NamedContext> BuildContexts::Load(const Context& ctx, const std::string& name,
                                                     const oci::Platform& platform) {
  const std::lock_guard lock(mutex_);
  const std::pair key{name, platform.ToString()};
  if (const auto it = loaded_.find(key); it != loaded_.end()) return it->second;
  SLIPWAY_ASSIGN_OR_RETURN(dockerfile::NamedContext loaded, LoadNow(ctx, name, platform));
  return loaded_.emplace(key, std::move(loaded)).first->second;
}

Result<dockerfile::NamedContext> BuildContexts::LoadNow(const Context& ctx, const std::string& name,
                                                        const oci::Platform& platform) {
  using R = Result<dockerfile::NamedContext>;
  return std::visit(
      Overloaded{[&](const ImageContext& image) -> R {
                   dockerfile::NamedContext out;
                   if (image.name == "scratch") return out;
                   SLIPWAY_ASSIGN_OR_RETURN(out.image, parts_.images.Resolve(ctx, image.name, platform));
                   out.from_registry = true;
                   return out;
                 },
                 [&](const LayoutContext& layout) -> R {
                   dockerfile::NamedContext out;
                   SLIPWAY_ASSIGN_OR_RETURN(const source::FetchedContext fetched,
                                            parts_.sources.Fetch(ctx, source::UploadedContext{layout.tree},
                                                                 parts_.limits, VertexProgress()));
                   SLIPWAY_ASSIGN_OR_RETURN(out.image, ResolveLayout(*fetched.tree, layout.manifest, name, platform,
                                                                     parts_.layers, parts_.lease));
                   return out;
                 },
                 [&](const FileContext& file) -> R {
                   return dockerfile::NamedContext{
                       .image = {},
                       .vertex = graph::Make(graph::HttpOp{.url = file.url, .checksum = {}, .name = ""}, {},
                                             InfoOf(name, http::RedactUrl(file.url)))};
                 },
                 [&](const source::ContextSpec& spec) -> R { return LoadFolder(ctx, name, spec); }},
      specs_.at(name));
}

namespace {
// An upload is known by the digest of its encoded tree.
Digest EncodedAs(const source::ContextSpec& spec) {
  const auto* upload = std::get_if<source::UploadedContext>(&spec);
  return upload != nullptr ? upload->tree : Digest();
}
}  // namespace

Result<dockerfile::NamedContext> BuildContexts::LoadFolder(const Context& ctx, const std::string& name,
                                                           const source::ContextSpec& spec) {
  dockerfile::NamedContext out;
  if (const auto* git = std::get_if<source::GitContext>(&spec)) {
    out.vertex = graph::Make(
        graph::GitOp{.url = git->url, .keep_git_dir = git->keep_git_dir, .checksum = git->checksum, .lent = lent_}, {},
        InfoOf(name, "fetch the repository"));
    return out;
  }
  const VertexProgress progress(&parts_.progress, "context " + name,
                                fmt::format("[context {}] load from client", name));
  progress.Started();
  const auto load = [&]() -> Result<graph::VertexPtr> {
    SLIPWAY_ASSIGN_OR_RETURN(const source::FetchedContext fetched,
                             parts_.sources.Fetch(ctx, spec, parts_.limits, progress));
    std::vector<Digest> contents;
    for (const tree::Entry& entry : fetched.tree->entries()) {
      if (!entry.digest.empty()) contents.push_back(entry.digest);
    }
    SLIPWAY_RETURN_IF_ERROR(parts_.lease.Add(contents));
    SLIPWAY_ASSIGN_OR_RETURN(layer::Key key, parts_.layers.AddRecipe(fetched.tree, EncodedAs(spec)));
    return graph::Make(
        graph::SourceOp{.chain = {std::move(key)}, .identity = tree::DigestOf(*fetched.tree), .origin = {}}, {},
        InfoOf(name, "load from client"));
  };
  auto vertex = load();
  progress.Finished(vertex.status());
  SLIPWAY_ASSIGN_OR_RETURN(out.vertex, std::move(vertex));
  return out;
}

}  // namespace slipway::builder
