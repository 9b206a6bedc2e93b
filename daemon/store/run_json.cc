#include "daemon/store/run_json.h"

#include <nlohmann/json.hpp>

#include "daemon/store/inputs_json.h"

namespace slipway::store {

namespace {

using Json = nlohmann::json;

// Texts come from clients and need not be UTF-8 in every case; what is not is replaced rather than refused so late.
std::string Dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json ToJson(const Image& image) {
  return {{"registry", image.registry}, {"repository", image.repository}, {"tag", image.tag}, {"digest", image.digest}};
}

Image ImageFrom(const Json& json) {
  return {.registry = json.at("registry"),
          .repository = json.at("repository"),
          .tag = json.at("tag"),
          .digest = json.at("digest")};
}

Json ArgumentsToJson(const std::vector<builder::NamedValue>& arguments) {
  Json out = Json::array();
  for (const builder::NamedValue& argument : arguments) {
    out.push_back({{"name", argument.name}, {"value", argument.value}, {"secret", argument.secret}});
  }
  return out;
}

void ReadArguments(const Json& json, std::vector<builder::NamedValue>* out) {
  for (const Json& item : json) {
    out->push_back({.name = item.at("name"), .value = item.at("value"), .secret = item.at("secret")});
  }
}

Json PlatformsToJson(const std::vector<oci::Platform>& platforms) {
  Json out = Json::array();
  for (const oci::Platform& p : platforms) {
    out.push_back({{"os", p.os}, {"architecture", p.architecture}, {"variant", p.variant}});
  }
  return out;
}

void ReadPlatforms(const Json& json, std::vector<oci::Platform>* out) {
  for (const Json& item : json) {
    oci::Platform platform;
    platform.os = item.at("os");
    platform.architecture = item.at("architecture");
    platform.variant = item.at("variant");
    out->push_back(std::move(platform));
  }
}

std::string_view NameOf(attest::ProvenanceMode mode) {
  switch (mode) {
    case attest::ProvenanceMode::kNone: return "none";
    case attest::ProvenanceMode::kMin: return "min";
    case attest::ProvenanceMode::kMax: return "max";
  }
  return "none";
}

std::string_view OutputName(builder::OutputKind kind) {
  switch (kind) {
    case builder::OutputKind::kOci: return "oci";
    case builder::OutputKind::kDocker: return "docker";
    case builder::OutputKind::kRootfs: return "rootfs";
  }
  return "";
}

Json OutputsToJson(const std::vector<task::QuickBuild::Output>& outputs) {
  Json out = Json::array();
  for (const task::QuickBuild::Output& output : outputs) {
    out.push_back({{"kind", OutputName(output.kind)}, {"names", output.names}});
  }
  return out;
}

void ReadOutputs(const Json& json, std::vector<task::QuickBuild::Output>* out) {
  for (const Json& item : json) {
    task::QuickBuild::Output& output = out->emplace_back();
    const std::string kind = item.at("kind");
    output.kind = kind == "rootfs"   ? builder::OutputKind::kRootfs
                  : kind == "docker" ? builder::OutputKind::kDocker
                                     : builder::OutputKind::kOci;
    output.names = item.at("names").get<std::vector<std::string>>();
  }
}

// Members that runs stored by an older daemon lack.
void ReadOutputMembers(const Json& json, task::QuickBuild* build) {
  if (const auto it = json.find("outputs"); it != json.end()) ReadOutputs(*it, &build->outputs);
  if (const auto it = json.find("compression_level"); it != json.end()) build->compression_level = it->get<int>();
  build->squash = json.value("squash", false);
  build->rewrite_timestamp = json.value("rewrite_timestamp", false);
  build->source_date_epoch = json.value("source_date_epoch", "");
  build->rebase_key = json.value("rebase_key", "");
  build->rebase_refusal = json.value("rebase_refusal", "");
  build->rebase = json.value("rebase", false);
}

task::QuickBuild ReadRequest(const Json& json) {
  task::QuickBuild build;
  build.source_location = json.at("source");
  build.docker_file_path = json.at("dockerfile");
  build.docker_file_content = json.at("dockerfile_content");
  build.image_names = json.at("names").get<std::vector<std::string>>();
  if (!json.at("push").is_null()) build.is_push_enabled = json.at("push").get<bool>();
  build.no_cache = json.at("no_cache");
  build.target = json.at("target");
  ReadArguments(json.at("arguments"), &build.arguments);
  ReadPlatforms(json.at("platforms"), &build.platforms);
  build.labels = json.at("labels").get<std::map<std::string, std::string>>();
  build.annotations = json.at("annotations").get<std::map<std::string, std::string>>();
  build.extra_hosts = json.at("hosts").get<std::vector<std::string>>();
  build.network = json.at("network");
  build.pull = json.at("pull");
  build.media_types = json.at("media_types") == "docker" ? oci::Family::kDocker : oci::Family::kOci;
  const std::string compression = json.at("compression");
  build.compression = compression == "zstd"   ? oci::Compression::kZstd
                      : compression == "none" ? oci::Compression::kNone
                                              : oci::Compression::kGzip;
  build.check = json.value("check", false);  // records of before checks do not have it
  // Runs of before have neither.
  const std::string provenance = json.value("provenance", "none");
  build.attest.provenance = provenance == "max"   ? attest::ProvenanceMode::kMax
                            : provenance == "min" ? attest::ProvenanceMode::kMin
                                                  : attest::ProvenanceMode::kNone;
  build.attest.sbom = json.value("sbom", false);
  // Runs of before have none.
  if (const auto inputs = json.find("inputs"); inputs != json.end()) build.inputs = InputsFromJson(*inputs);
  build.cache_from = json.value("cache_from", std::vector<std::string>());
  build.cache_to = json.value("cache_to", std::vector<std::string>());
  ReadOutputMembers(json, &build);
  return build;
}

std::optional<SystemTime> TimeFrom(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return SystemTime(std::chrono::nanoseconds(json.get<int64_t>()));
}

Json ToJson(const std::optional<SystemTime>& time) {
  if (!time) return nullptr;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time->time_since_epoch()).count();
}

Json ToJson(const Step& step) {
  return {{"id", step.id},
          {"kind", step.kind},
          {"state", step.state},
          {"exit_code", step.exit_code ? Json(*step.exit_code) : Json(nullptr)},
          {"start", ToJson(step.start)},
          {"finish", ToJson(step.finish)},
          {"attempts", step.attempts},
          {"error", step.error},
          {"errors_ignored", step.errors_ignored},
          {"log", {step.log_begin, step.log_end}},
          {"when", step.when},
          {"run_on", step.run_on}};
}

Step StepFrom(const Json& json) {
  Step step;
  step.id = json.at("id");
  step.kind = json.at("kind");
  step.state = json.at("state");
  if (!json.at("exit_code").is_null()) step.exit_code = json.at("exit_code").get<int>();
  step.start = TimeFrom(json.at("start"));
  step.finish = TimeFrom(json.at("finish"));
  step.attempts = json.at("attempts");
  step.error = json.at("error");
  step.errors_ignored = json.at("errors_ignored");
  step.log_begin = json.at("log").at(0);
  step.log_end = json.at("log").at(1);
  step.when = json.at("when").get<std::vector<std::string>>();
  step.run_on = json.at("run_on");
  return step;
}

Json ToJson(const Dependencies& entry) {
  Json buildtime = Json::array();
  for (const Image& image : entry.buildtime) buildtime.push_back(ToJson(image));
  return {{"image", entry.image ? ToJson(*entry.image) : Json(nullptr)},
          {"runtime", entry.runtime ? ToJson(*entry.runtime) : Json(nullptr)},
          {"buildtime", std::move(buildtime)},
          {"revision", entry.revision}};
}

Dependencies DependenciesFrom(const Json& json) {
  Dependencies entry;
  if (!json.at("image").is_null()) entry.image = ImageFrom(json.at("image"));
  if (!json.at("runtime").is_null()) entry.runtime = ImageFrom(json.at("runtime"));
  for (const Json& image : json.at("buildtime")) entry.buildtime.push_back(ImageFrom(image));
  entry.revision = json.at("revision");
  return entry;
}

task::FileTask ReadFileTask(const Json& json) {
  task::FileTask task;
  task.source_location = json.at("source");
  task.file = json.at("file");
  if (!json.at("content").is_null()) task.content = json.at("content").get<std::string>();
  task.values_file = json.at("values_file");
  task.values_content = json.at("values_content");
  ReadArguments(json.at("values"), &task.values);
  std::vector<oci::Platform> platforms;
  ReadPlatforms(json.at("platforms"), &platforms);
  if (!platforms.empty()) task.platform = std::move(platforms.front());
  task.strict = json.at("strict");
  return task;
}

void ReadResult(const Json& json, RunResult* result) {
  if (const auto it = json.find("summary"); it != json.end()) {
    result->summary = Summary{.vertices = it->at("vertices"),
                              .cached = it->at("cached"),
                              .layers_pushed = it->at("layers_pushed"),
                              .layers_mounted = it->at("layers_mounted"),
                              .layers_there = it->at("layers_there"),
                              .digest = it->at("digest")};
  }
  result->revision = json.value("revision", "");
  result->pushed = json.value("pushed", std::vector<size_t>());
  if (const auto it = json.find("bases"); it != json.end()) {
    for (const Json& base : *it) {
      result->base_images.push_back({.image = ImageFrom(base.at("image")), .is_runtime = base.at("runtime")});
    }
  }
  if (const auto it = json.find("steps"); it != json.end()) {
    for (const Json& step : *it) result->steps.push_back(StepFrom(step));
  }
  if (const auto it = json.find("dependencies"); it != json.end()) {
    for (const Json& entry : *it) result->dependencies.push_back(DependenciesFrom(entry));
  }
}

}  // namespace

std::string RequestToJson(const task::QuickBuild& build) {
  Json json = {
      {"source", build.source_location},
      {"dockerfile", build.docker_file_path},
      {"dockerfile_content", build.docker_file_content},
      {"names", build.image_names},
      {"push", build.is_push_enabled ? Json(*build.is_push_enabled) : Json(nullptr)},
      {"no_cache", build.no_cache},
      {"target", build.target},
      {"arguments", ArgumentsToJson(build.arguments)},
      {"platforms", PlatformsToJson(build.platforms)},
      {"labels", build.labels},
      {"annotations", build.annotations},
      {"hosts", build.extra_hosts},
      {"network", build.network},
      {"pull", build.pull},
      {"check", build.check},
      {"media_types", build.media_types == oci::Family::kDocker ? "docker" : "oci"},
      {"compression", std::string(oci::CompressionName(build.compression))},
      {"provenance", std::string(NameOf(build.attest.provenance))},
      {"sbom", build.attest.sbom},
      {"inputs", InputsToJson(build.inputs)},
      {"cache_from", build.cache_from},
      {"cache_to", build.cache_to},
      {"outputs", OutputsToJson(build.outputs)},
      {"squash", build.squash},
      {"rewrite_timestamp", build.rewrite_timestamp},
      {"source_date_epoch", build.source_date_epoch},
      {"rebase_key", build.rebase_key},
      {"rebase_refusal", build.rebase_refusal},
      {"rebase", build.rebase},
  };
  if (build.compression_level) json["compression_level"] = *build.compression_level;
  return Dump(json);
}

Result<task::QuickBuild> RequestFromJson(std::string_view json) try {
  return ReadRequest(Json::parse(json));
} catch (const Json::exception& e) {
  return DataLoss("a stored request cannot be read: {}", e.what());
}

std::string RequestToJson(const task::FileTask& task) {
  const auto platforms = task.platform ? std::vector<oci::Platform>{*task.platform} : std::vector<oci::Platform>();
  return Dump({
      {"source", task.source_location},
      {"file", task.file},
      {"content", task.content ? Json(*task.content) : Json(nullptr)},
      {"values_file", task.values_file},
      {"values_content", task.values_content},
      {"values", ArgumentsToJson(task.values)},
      {"platforms", PlatformsToJson(platforms)},
      {"strict", task.strict},
  });
}

Result<task::FileTask> FileTaskFromJson(std::string_view json) try {
  return ReadFileTask(Json::parse(json));
} catch (const Json::exception& e) {
  return DataLoss("a stored request cannot be read: {}", e.what());
}

std::string ResultToJson(const RunResult& result) {
  Json json = Json::object();
  if (result.summary) {
    const Summary& s = *result.summary;
    json["summary"] = {{"vertices", s.vertices},           {"cached", s.cached},
                       {"layers_pushed", s.layers_pushed}, {"layers_mounted", s.layers_mounted},
                       {"layers_there", s.layers_there},   {"digest", s.digest}};
  }
  if (!result.revision.empty()) json["revision"] = result.revision;
  if (!result.pushed.empty()) json["pushed"] = result.pushed;
  for (const BaseImage& base : result.base_images) {
    json["bases"].push_back({{"image", ToJson(base.image)}, {"runtime", base.is_runtime}});
  }
  for (const Step& step : result.steps) json["steps"].push_back(ToJson(step));
  for (const Dependencies& entry : result.dependencies) json["dependencies"].push_back(ToJson(entry));
  return Dump(json);
}

Status ResultFromJson(std::string_view json, RunResult* result) try {
  ReadResult(Json::parse(json), result);
  return Status();
} catch (const Json::exception& e) {
  return DataLoss("a stored result cannot be read: {}", e.what());
}

}  // namespace slipway::store
