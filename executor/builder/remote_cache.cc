#include "executor/builder/remote_cache.h"

#include <algorithm>

#include "executor/cache/importer.h"

namespace slipway::builder {

namespace {

// Which Dockerfile this is, as far as can be told: the image's name without its tag, else where the context comes from.
std::string ScopeOf(const BuildRequest& request) {
  std::string scope = request.dockerfile + "\n";
  if (!request.names.empty()) return scope + request.names[0].host + "/" + request.names[0].repository;
  if (const auto* git = std::get_if<source::GitContext>(&request.context)) {
    return scope + git->url.substr(0, git->url.find('#'));
  }
  return scope;
}

// One whose records are worth keeping in the config of the image: it has to be known when the image is described, and
// so long it holds the results.
void AddInline(std::vector<solver::VertexResult> results, std::vector<image::PlatformImage>& images) {
  const auto shared = std::make_shared<const std::vector<solver::VertexResult>>(std::move(results));
  for (image::PlatformImage& image : images) {
    image.extra_member = cache::kInlineMember;
    image.extra_json = [shared, chain = image.chain](const std::vector<Digest>& diff_ids) {
      return cache::InlineRecords(chain, diff_ids, *shared).ToJson();
    };
  }
}

}  // namespace

solver::SolveOptions SolveOptionsOf(const BuildRequest& request) {
  solver::SolveOptions out;
  out.scope = ScopeOf(request);
  out.want_results = !request.cache_to.empty();
  for (const NamedValue& arg : request.build_args) {
    if (arg.secret) out.secrets.push_back(arg.value);
  }
  for (const Secret& secret : request.inputs.secrets) out.secrets.push_back(secret.value);
  return out;
}

std::vector<std::shared_ptr<solver::CacheSource>> ImportCaches(const Context& ctx, const BuildRequest& request,
                                                               const registry::Session& session,
                                                               const std::vector<oci::Platform>& platforms,
                                                               layer::Store& layers, ProgressSink& sink) {
  std::vector<std::shared_ptr<solver::CacheSource>> out;
  for (const oci::Reference& ref : request.cache_from) {
    const std::string name = ref.ToString();
    const VertexProgress progress(&sink, "import cache " + name,
                                  fmt::format("[internal] importing cache from {}", name));
    progress.Started();
    auto source = cache::Import(ctx, session, ref, platforms, layers);
    if (source.ok()) {
      out.push_back(*std::move(source));
    } else if (ctx.Err().ok()) {
      progress.Warning(
          fmt::format("the cache '{}' is not used: {}", name, source.status().message()),
          source.code() == Code::kNotFound ? "there is nothing before the first build that exports to it" : "");
    }
    progress.Finished(Status());
  }
  return out;
}

Status ExportCaches(const Context& ctx, const BuildRequest& request, const registry::Session& session,
                    cache::Exporter& exporter, const image::ExportOptions& options,
                    std::vector<solver::VertexResult> results, std::vector<image::PlatformImage>& images,
                    content::Lease* lease, ProgressSink& progress) {
  bool is_inline = false;
  for (const CacheTarget& target : request.cache_to) {
    if (target.type == CacheTarget::Type::kInline) {
      is_inline = true;
      continue;
    }
    cache::ExportRequest to{.ref = target.ref, .all_steps = target.all_steps, .layers = options, .images = {}};
    to.layers.family = oci::Family::kOci;
    if (target.compression) to.layers.compression = *target.compression;
    for (const image::PlatformImage& image : images) to.images.push_back(image.chain);
    const Status status = exporter.Export(ctx, session, to, results, lease, progress);
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    if (!status.ok() && !target.ignore_error) return status;
    if (!status.ok()) VertexProgress(&progress, "", "").Warning(status.message());
  }
  if (is_inline) AddInline(std::move(results), images);
  return Status();
}

}  // namespace slipway::builder
