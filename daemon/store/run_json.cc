#include "daemon/store/run_json.h"

#include <nlohmann/json.hpp>

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
  return build;
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
  if (const auto it = json.find("bases"); it != json.end()) {
    for (const Json& base : *it) {
      result->base_images.push_back({.image = ImageFrom(base.at("image")), .is_runtime = base.at("runtime")});
    }
  }
}

}  // namespace

std::string RequestToJson(const task::QuickBuild& build) {
  return Dump({
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
      {"media_types", build.media_types == oci::Family::kDocker ? "docker" : "oci"},
      {"compression", std::string(oci::CompressionName(build.compression))},
  });
}

Result<task::QuickBuild> RequestFromJson(std::string_view json) try {
  return ReadRequest(Json::parse(json));
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
  for (const BaseImage& base : result.base_images) {
    json["bases"].push_back({{"image", ToJson(base.image)}, {"runtime", base.is_runtime}});
  }
  return Dump(json);
}

Status ResultFromJson(std::string_view json, RunResult* result) try {
  ReadResult(Json::parse(json), result);
  return Status();
} catch (const Json::exception& e) {
  return DataLoss("a stored result cannot be read: {}", e.what());
}

}  // namespace slipway::store
