#include "steps/task/output_check.h"

#include <algorithm>
#include <charconv>

namespace slipway::task {

namespace {

constexpr size_t kMaxOutputs = 16;
constexpr size_t kMaxOutputNames = 16;
constexpr size_t kMaxName = 512;

bool IsSeconds(std::string_view text) {
  int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  return error == std::errc() && end == text.data() + text.size() && seconds >= 0;
}

std::string NameError(const std::string& text, const QuickBuildRules& rules) {
  if (text.size() > kMaxName) return fmt::format("has {} bytes; the limit is {}", text.size(), kMaxName);
  const run_template::RunValues values{.id = "aa1",
                                       .registry = rules.default_registry,
                                       .date = SystemTime(),
                                       .os = "linux",
                                       .architecture = "amd64",
                                       .task_name = ""};
  const Result<std::string> rendered = run_template::Render(text, values);
  if (!rendered.ok()) return rendered.status().message();
  const std::string_view host = rules.default_registry.empty() ? "docker.io" : std::string_view(rules.default_registry);
  const Result<oci::Reference> name = oci::Reference::Parse(*rendered, host);
  if (!name.ok()) return name.status().message();
  if (!name->digest.empty()) return fmt::format("'{}': a name to give must not have a digest", text);
  return "";
}

void CheckOutput(const QuickBuild& build, size_t index, const QuickBuildRules& rules, FieldErrors& errors) {
  const QuickBuild::Output& output = build.outputs[index];
  const std::string field = fmt::format("outputs[{}]", index);
  if (output.kind == builder::OutputKind::kDocker && build.platforms.size() > 1) {
    errors.push_back({field + ".type", fmt::format("a docker archive holds one platform, and {} are built; use an OCI "
                                                   "layout or one platform",
                                                   build.platforms.size())});
  }
  if (output.kind == builder::OutputKind::kRootfs && !output.names.empty()) {
    errors.push_back({field + ".names", "a file system has no name"});
  }
  if (output.names.size() > kMaxOutputNames) {
    errors.push_back(
        {field + ".names", fmt::format("has {} elements; the limit is {}", output.names.size(), kMaxOutputNames)});
    return;
  }
  for (size_t i = 0; i < output.names.size(); ++i) {
    if (std::string error = NameError(output.names[i], rules); !error.empty()) {
      errors.push_back({fmt::format("{}.names[{}]", field, i), std::move(error)});
    }
  }
}

void CheckLevel(const QuickBuild& build, FieldErrors& errors) {
  if (!build.compression_level) return;
  const LevelRange levels = LevelsOf(build.compression);
  const int level = *build.compression_level;
  if (levels.most == 0) {
    errors.push_back({"compression_level", "is given for layers that are not compressed"});
  } else if (level < levels.least || level > levels.most) {
    errors.push_back(
        {"compression_level", fmt::format("{} is not a level of {}, which has {} to {}", level,
                                          oci::CompressionName(build.compression), levels.least, levels.most)});
  }
}

void CheckEpoch(const QuickBuild& build, FieldErrors& errors) {
  const std::string& epoch = build.source_date_epoch;
  const bool argument = std::any_of(build.arguments.begin(), build.arguments.end(), [](const auto& arg) {
    return arg.name == "SOURCE_DATE_EPOCH" && !arg.value.empty();
  });
  if (!epoch.empty() && epoch != "commit" && !IsSeconds(epoch)) {
    errors.push_back({"source_date_epoch",
                      fmt::format("'{}' is neither 'commit' nor a number of seconds since 1970", epoch.substr(0, 64))});
  }
  if (epoch == "commit" && build.source_location.starts_with(kUploadPrefix)) {
    errors.push_back({"source_date_epoch",
                      "an uploaded folder has no commit; build from the repository, or give a number "
                      "(git log -1 --format=%ct)"});
  }
  if (!epoch.empty() && argument) {
    errors.push_back(
        {"source_date_epoch", "is given beside the build argument SOURCE_DATE_EPOCH; which one is meant?"});
  }
  if (build.rewrite_timestamp && epoch.empty() && !argument) {
    errors.push_back({"rewrite_timestamp",
                      "needs the time that later ones are set to: source_date_epoch, or the build "
                      "argument SOURCE_DATE_EPOCH"});
  }
}

}  // namespace

LevelRange LevelsOf(oci::Compression compression) {
  switch (compression) {
    case oci::Compression::kGzip: return {.least = 1, .most = 9};
    case oci::Compression::kZstd: return {.least = 1, .most = 19};
    case oci::Compression::kNone: break;
  }
  return {};
}

FieldErrors CheckOutputs(const QuickBuild& build, const QuickBuildRules& rules) {
  FieldErrors errors;
  if (build.outputs.size() > kMaxOutputs) {
    errors.push_back({"outputs", fmt::format("has {} elements; the limit is {}", build.outputs.size(), kMaxOutputs)});
  } else {
    for (size_t i = 0; i < build.outputs.size(); ++i) CheckOutput(build, i, rules, errors);
  }
  const bool inline_cache = std::any_of(build.cache_to.begin(), build.cache_to.end(), [](const std::string& to) {
    return to == "inline" || to.find("type=inline") != std::string::npos;
  });
  if (build.squash && inline_cache) {
    errors.push_back({"squash",
                      "an inline cache is about the layers of each step, of which squashing makes one; write the "
                      "cache to a registry instead"});
  }
  CheckLevel(build, errors);
  CheckEpoch(build, errors);
  return errors;
}

}  // namespace slipway::task
