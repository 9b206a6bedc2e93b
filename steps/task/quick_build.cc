#include "steps/task/quick_build.h"

#include <algorithm>
#include <set>

#include "steps/task/cache_options.h"

namespace slipway::task {

namespace {

// ACR's limits of the two steps of a quick build.
constexpr std::chrono::seconds kBuildTimeout{28800};
constexpr std::chrono::seconds kPushTimeout{3600};

// Where the secret of a URL stands: [begin, end). Empty if it has none.
struct Span {
  size_t begin = 0;
  size_t end = 0;
};

Span FindSecret(std::string_view url) {
  const size_t scheme = url.find("://");
  // scp-like "git@host:path" has a user and no secret.
  if (scheme == std::string_view::npos || url.starts_with("ssh://")) return {};
  const size_t begin = scheme + 3;
  const size_t end = std::min(url.find_first_of("/?#", begin), url.size());
  const size_t at = url.substr(0, end).rfind('@');
  if (at == std::string_view::npos || at < begin) return {};
  const size_t colon = url.find(':', begin);
  // A user alone over HTTP is a token ("https://TOKEN@host").
  return colon < at ? Span{colon + 1, at} : Span{begin, at};
}

std::string_view DefaultHost(const QuickBuildRules& rules) {
  return rules.default_registry.empty() ? "docker.io" : std::string_view(rules.default_registry);
}

Result<std::vector<oci::Reference>> RenderNames(const std::vector<std::string>& texts,
                                                const run_template::RunValues& values, const QuickBuildRules& rules) {
  std::vector<oci::Reference> names;
  for (const std::string& text : texts) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::string rendered, run_template::Render(text, values));
    SLIPWAY_ASSIGN_OR_RETURN(oci::Reference name, oci::Reference::Parse(rendered, DefaultHost(rules)));
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
  }
  return names;
}

Result<std::vector<builder::Output>> RenderOutputs(const QuickBuild& build, const run_template::RunValues& values,
                                                   const QuickBuildRules& rules) {
  std::vector<builder::Output> outputs;
  for (const QuickBuild::Output& output : build.outputs) {
    builder::Output& out = outputs.emplace_back(builder::Output{.kind = output.kind, .names = {}});
    SLIPWAY_ASSIGN_OR_RETURN(out.names,
                             RenderNames(output.names.empty() ? build.image_names : output.names, values, rules));
  }
  return outputs;
}

// Whether the image's documents are needed although nobody pushes it. A file system has none.
bool NeedsDocuments(const QuickBuild& build) {
  return std::any_of(build.outputs.begin(), build.outputs.end(),
                     [](const auto& output) { return output.kind != builder::OutputKind::kRootfs; });
}

}  // namespace

std::string SecretOfUrl(std::string_view url) {
  const Span span = FindSecret(url);
  return std::string(url.substr(span.begin, span.end - span.begin));
}

std::string WithoutSecret(std::string_view url) {
  const Span span = FindSecret(url);
  if (span.begin == span.end) return std::string(url);
  return fmt::format("{}***{}", url.substr(0, span.begin), url.substr(span.end));
}

Result<source::ContextSpec> ParseSourceLocation(std::string_view location) {
  if (location.empty()) return InvalidArgument("no source location is given");
  if (location == "/dev/null") return source::ContextSpec(source::NoContext{});
  if (location.starts_with(kUploadPrefix)) {
    SLIPWAY_ASSIGN_OR_RETURN(Digest tree, Digest::Parse(location.substr(kUploadPrefix.size())));
    return source::ContextSpec(source::UploadedContext{tree});
  }
  Result<source::ContextSpec> parsed = source::ParseContext(location);
  if (parsed.ok()) return parsed;
  if (parsed.code() == Code::kNotFound) {
    return InvalidArgument("'{}' is a path of the client's machine; upload it first", WithoutSecret(location));
  }
  return std::move(parsed).status();
}

Result<Task> MakeTask(const QuickBuild& build, const run_template::RunValues& values, const QuickBuildRules& rules) {
  builder::BuildRequest request;
  SLIPWAY_ASSIGN_OR_RETURN(request.context, ParseSourceLocation(build.source_location));
  if (!build.docker_file_content.empty()) request.dockerfile_text = build.docker_file_content;
  SLIPWAY_ASSIGN_OR_RETURN(request.names, RenderNames(build.image_names, values, rules));
  if (!build.docker_file_path.empty()) request.dockerfile = build.docker_file_path;
  for (const builder::NamedValue& argument : build.arguments) {
    request.build_args.push_back(argument);
    // A secret is taken as it is: what looks like a template in it is none.
    if (argument.secret) continue;
    SLIPWAY_ASSIGN_OR_RETURN(request.build_args.back().value, run_template::Render(argument.value, values));
  }
  request.target = build.target;
  request.platforms = build.platforms;
  request.labels = build.labels;
  request.annotations = build.annotations;
  request.add_hosts = build.extra_hosts;
  request.network = build.network;
  request.no_cache = build.no_cache;
  request.pull = build.pull;
  request.media_types = build.media_types;
  request.compression = build.compression;
  request.check_only = build.check;
  request.attest = build.attest;
  SLIPWAY_ASSIGN_OR_RETURN(request.inputs, MakeInputs(build.inputs));
  // --network=host is its own permission, as with docker.
  request.inputs.allow_host_network |= build.network == "host";
  const std::string_view cache_host = DefaultHost(rules);
  for (const std::string& text : build.cache_from) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::string rendered, run_template::Render(text, values));
    SLIPWAY_ASSIGN_OR_RETURN(oci::Reference from, ParseCacheFrom(rendered, cache_host));
    request.cache_from.push_back(std::move(from));
  }
  for (const std::string& text : build.cache_to) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::string rendered, run_template::Render(text, values));
    SLIPWAY_ASSIGN_OR_RETURN(builder::CacheTarget to, ParseCacheTo(rendered, cache_host));
    request.cache_to.push_back(std::move(to));
  }
  request.compression_level = build.compression_level.value_or(-1);
  request.squash = build.squash;
  request.rewrite_timestamp = build.rewrite_timestamp;
  request.source_date_epoch = build.source_date_epoch;
  request.rebase_key = build.rebase_key;
  request.rebase_refusal = build.rebase_refusal;

  Task task;
  const bool push = build.pushes();
  request.push_follows = push;
  const std::vector<oci::Reference> names = request.names;
  SLIPWAY_ASSIGN_OR_RETURN(std::vector<builder::Output> outputs, RenderOutputs(build, values, rules));
  const bool assemble = !push && !build.check && (outputs.empty() || NeedsDocuments(build));
  task.steps.push_back(
      {.id = "build",
       .when = {},
       .timeout = kBuildTimeout,
       .what = BuildStep{.request = std::move(request), .assemble = assemble, .rebase = build.rebase, .outputs = std::move(outputs)}});
  if (push) {
    task.steps.push_back({.id = "push", .when = {"build"}, .timeout = kPushTimeout, .what = PushStep{.names = names}});
  }
  return task;
}

}  // namespace slipway::task
