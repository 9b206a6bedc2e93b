#include "executor/builder/rebase_plan.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace slipway::builder {

namespace {

using Json = nlohmann::json;

int64_t Nanos(SystemTime time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

SystemTime FromNanos(int64_t nanos) { return SystemTime(std::chrono::nanoseconds(nanos)); }

Json ToJsonValue(const RebasePlan::Source& source) {
  return {{"reference", source.reference},
          {"platform", source.platform},
          {"digest", source.digest.ToString()},
          {"config", source.config},
          {"chain", source.chain}};
}

Json ToJsonValue(const RebasePlan::Layer& layer) {
  return {{"definition", layer.definition.ToString()},
          {"position", layer.position},
          {"key", layer.key},
          {"diff_id", layer.diff_id.ToString()},
          {"media_type", layer.blob.media_type},
          {"digest", layer.blob.digest.ToString()},
          {"size", layer.blob.size},
          {"created", Nanos(layer.created)},
          {"host", layer.host},
          {"repository", layer.repository}};
}

Result<Digest> ReadDigest(const Json& object, const char* key) {
  return Digest::Parse(object.at(key).get<std::string>());
}

Result<RebasePlan::Source> ReadSource(const Json& object) {
  RebasePlan::Source out;
  out.reference = object.at("reference").get<std::string>();
  out.platform = object.at("platform").get<std::string>();
  SLIPWAY_ASSIGN_OR_RETURN(out.digest, ReadDigest(object, "digest"));
  out.config = object.at("config").get<std::string>();
  out.chain = object.at("chain").get<layer::Chain>();
  return out;
}

Result<RebasePlan::Layer> ReadLayer(const Json& object) {
  RebasePlan::Layer out;
  SLIPWAY_ASSIGN_OR_RETURN(out.definition, ReadDigest(object, "definition"));
  out.position = object.at("position").get<size_t>();
  out.key = object.at("key").get<std::string>();
  SLIPWAY_ASSIGN_OR_RETURN(out.diff_id, ReadDigest(object, "diff_id"));
  out.blob.media_type = object.at("media_type").get<std::string>();
  SLIPWAY_ASSIGN_OR_RETURN(out.blob.digest, ReadDigest(object, "digest"));
  out.blob.size = object.at("size").get<int64_t>();
  out.created = FromNanos(object.at("created").get<int64_t>());
  out.host = object.at("host").get<std::string>();
  out.repository = object.at("repository").get<std::string>();
  return out;
}

Result<RebasePlan> ReadPlan(const Json& object) {
  RebasePlan out;
  out.refusal = object.at("refusal").get<std::string>();
  if (!out.refusal.empty()) return out;
  out.dockerfile_name = object.at("dockerfile_name").get<std::string>();
  out.dockerfile_text = object.at("dockerfile_text").get<std::string>();
  SLIPWAY_ASSIGN_OR_RETURN(out.context, ReadDigest(object, "context"));
  out.revision = object.at("revision").get<std::string>();
  if (const Json& time = object.at("commit_time"); !time.is_null()) out.commit_time = FromNanos(time.get<int64_t>());
  out.settings = object.at("settings").get<std::string>();
  out.base = object.at("base").get<std::string>();
  SLIPWAY_ASSIGN_OR_RETURN(out.base_digest, ReadDigest(object, "base_digest"));
  for (const Json& item : object.at("sources")) {
    SLIPWAY_ASSIGN_OR_RETURN(RebasePlan::Source source, ReadSource(item));
    out.sources.push_back(std::move(source));
  }
  for (const Json& item : object.at("images")) {
    RebasePlan::Image image;
    SLIPWAY_ASSIGN_OR_RETURN(image.platform, oci::Platform::Parse(item.at("platform").get<std::string>()));
    image.over_base = item.at("over_base").get<size_t>();
    for (const Json& one : item.at("layers")) {
      SLIPWAY_ASSIGN_OR_RETURN(RebasePlan::Layer layer, ReadLayer(one));
      image.layers.push_back(std::move(layer));
    }
    out.images.push_back(std::move(image));
  }
  return out;
}

// WORKDIR and nothing else: it may be done again on any base, without a container and without the context.
bool IsFolder(const graph::Vertex& vertex) {
  const auto* file = std::get_if<graph::FileOp>(&vertex.op);
  return file != nullptr && vertex.inputs.size() == 1 &&
         std::all_of(file->actions.begin(), file->actions.end(),
                     [](const auto& action) { return std::holds_alternative<graph::MakeDirAction>(action); });
}

Status DependsOnBase(const graph::Vertex& vertex) {
  const bool copies = std::holds_alternative<graph::FileOp>(vertex.op);
  const std::string& instruction = vertex.place.instruction.empty() ? vertex.name : vertex.place.instruction;
  const bool asked = instruction.find("--link") != std::string::npos;  // but it has a --chmod, which undoes that
  const std::string_view way_out =
      asked ? "; it would not with --link and without --chmod" : "; it would not with --link";
  return FailedPrecondition("line {}, '{}': its layer depends on what is in the base{}", vertex.position.line,
                            instruction, copies ? way_out : "");
}

}  // namespace

std::string RebasePlan::ToJson() const {
  if (!refusal.empty()) return Json{{"refusal", refusal}}.dump(-1, ' ', false, Json::error_handler_t::replace);
  Json out = {{"refusal", ""},
              {"dockerfile_name", dockerfile_name},
              {"dockerfile_text", dockerfile_text},
              {"context", context.ToString()},
              {"revision", revision},
              {"commit_time", nullptr},
              {"settings", settings},
              {"base", base},
              {"base_digest", base_digest.ToString()},
              {"sources", Json::array()},
              {"images", Json::array()}};
  if (commit_time) out["commit_time"] = Nanos(*commit_time);
  for (const Source& source : sources) out["sources"].push_back(ToJsonValue(source));
  for (const Image& image : images) {
    Json layers = Json::array();
    for (const Layer& layer : image.layers) layers.push_back(ToJsonValue(layer));
    out["images"].push_back(
        {{"platform", image.platform.ToString()}, {"over_base", image.over_base}, {"layers", std::move(layers)}});
  }
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<RebasePlan> RebasePlan::Parse(std::string_view json) {
  try {
    Result<RebasePlan> plan = ReadPlan(Json::parse(json));
    if (plan.ok()) return plan;
    return DataLoss("what is kept of the last build cannot be read: {}", plan.status().message());
  } catch (const Json::exception& error) {
    return DataLoss("what is kept of the last build cannot be read: {}", error.what());
  }
}

bool IsLinked(const graph::Vertex& vertex) {
  const auto* file = std::get_if<graph::FileOp>(&vertex.op);
  return file != nullptr && file->link;
}

Result<std::vector<graph::VertexPtr>> OverBase(const graph::VertexPtr& result) {
  std::vector<graph::VertexPtr> out;
  graph::VertexPtr at = result;
  while (!std::holds_alternative<graph::SourceOp>(at->op)) {
    if (!IsLinked(*at) && !IsFolder(*at)) return DependsOnBase(*at);
    out.push_back(at);
    at = at->inputs.front();
  }
  std::reverse(out.begin(), out.end());
  return out;
}

Digest OwnDefinition(const graph::Vertex& vertex) {
  Hasher hasher;
  hasher.Field("slipway linked copy 1");
  graph::AddToDigest(vertex.op, hasher);
  for (size_t i = 1; i < vertex.inputs.size(); ++i) hasher.Field(vertex.inputs[i]->definition.hex());
  return hasher.Finish();
}

std::string LayerSettings(const BuildRequest& request, const std::optional<SystemTime>& epoch) {
  const bool clamps = request.rewrite_timestamp && epoch;
  return fmt::format("{} {} {} {}", oci::CompressionName(request.compression), request.compression_level,
                     request.media_types == oci::Family::kOci ? "oci" : "docker",
                     clamps ? FormatTime(*epoch) : std::string("any time"));
}

std::string WhyBuild(const BuildRequest& request) {
  if (!request.rebase_refusal.empty()) return request.rebase_refusal;
  if (request.attest.any()) return "what is attested of an image is made by a build";
  if (request.squash) return "squashed layers depend on what is in the base";
  if (!request.cache_to.empty()) return "the cache is exported by a build";
  if (request.no_cache) return "nothing that was built before may be used (no cache)";
  if (!request.inputs.contexts.empty()) return "it has further build contexts, which only a build reads";
  if (!request.local_images.empty()) return "it may stand on images that the same run has built";
  if (request.check_only) return "it is only checked";
  return "";
}

}  // namespace slipway::builder
