#include "executor/cache/format.h"

#include <limits>

#include "executor/oci/json.h"

namespace slipway::cache {

namespace {

using Json = nlohmann::json;

Result<Digest> DigestAt(const Json& object, const char* member) {
  const auto it = object.find(member);
  if (it == object.end() || !it->is_string()) return InvalidArgument("'{}' is missing or no text", member);
  return Digest::Parse(it->get_ref<const std::string&>());
}

// A list, or an empty one where there is none.
Result<const Json*> ListAt(const Json& object, const char* member, size_t most) {
  static const Json kEmpty = Json::array();
  const auto it = object.find(member);
  if (it == object.end()) return &kEmpty;
  if (!it->is_array()) return InvalidArgument("'{}' is no list", member);
  if (it->size() > most) return ResourceExhausted("'{}' has {} elements; the limit is {}", member, it->size(), most);
  return &*it;
}

Result<size_t> IndexIn(const Json& value, size_t count, std::string_view what) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() >= count) {
    return InvalidArgument("a {} is no number below {}", what, count);
  }
  return static_cast<size_t>(value.get<uint64_t>());
}

Result<Layer> ReadLayer(const Json& json, size_t blobs) {
  if (!json.is_object()) return InvalidArgument("a layer is no object");
  Layer out;
  SLIPWAY_ASSIGN_OR_RETURN(out.diff_id, DigestAt(json, "diffID"));
  if (const auto blob = json.find("blob"); blob != json.end()) {
    SLIPWAY_ASSIGN_OR_RETURN(const size_t index, IndexIn(*blob, blobs, "layer's blob"));
    out.blob = static_cast<int64_t>(index);
  }
  return out;
}

Result<Record> ReadRecord(const Json& json, size_t layers) {
  if (!json.is_object()) return InvalidArgument("a record is no object");
  Record out;
  SLIPWAY_ASSIGN_OR_RETURN(out.key, DigestAt(json, "key"));
  SLIPWAY_ASSIGN_OR_RETURN(const Json* const links, ListAt(json, "links", kMostLinks));
  for (const Json& link : *links) {
    if (!link.is_string()) return InvalidArgument("a link is no text");
    SLIPWAY_ASSIGN_OR_RETURN(Digest digest, Digest::Parse(link.get_ref<const std::string&>()));
    out.links.push_back(digest);
  }
  out.has_result = json.contains("layers");
  SLIPWAY_ASSIGN_OR_RETURN(const Json* const chain, ListAt(json, "layers", kLongestChain));
  for (const Json& layer : *chain) {
    SLIPWAY_ASSIGN_OR_RETURN(const size_t index, IndexIn(layer, layers, "record's layer"));
    out.chain.push_back(index);
  }
  return out;
}

Result<Config> Read(const Json& json, size_t blobs) {
  Config out;
  SLIPWAY_ASSIGN_OR_RETURN(const Json* const layers, ListAt(json, "layers", kMostLayers));
  for (const Json& layer : *layers) {
    SLIPWAY_ASSIGN_OR_RETURN(Layer read, ReadLayer(layer, blobs));
    out.layers.push_back(read);
  }
  SLIPWAY_ASSIGN_OR_RETURN(const Json* const records, ListAt(json, "records", kMostRecords));
  for (const Json& record : *records) {
    SLIPWAY_ASSIGN_OR_RETURN(Record read, ReadRecord(record, out.layers.size()));
    out.records.push_back(std::move(read));
  }
  return out;
}

}  // namespace

std::string Config::ToJson() const {
  Json json = {{"layers", Json::array()}, {"records", Json::array()}};
  for (const Layer& layer : layers) {
    Json& out = json["layers"].emplace_back(Json{{"diffID", layer.diff_id.ToString()}});
    if (layer.blob >= 0) out["blob"] = static_cast<uint64_t>(layer.blob);
  }
  for (const Record& record : records) {
    Json& out = json["records"].emplace_back(Json{{"key", record.key.ToString()}});
    for (const Digest& link : record.links) out["links"].push_back(link.ToString());
    if (record.has_result) out["layers"] = record.chain;
  }
  return json.dump();
}

Result<Config> Config::Parse(std::string_view json, size_t blobs) {
  if (json.size() > kLargestConfig) {
    return ResourceExhausted("it has {} bytes; the limit is {}", json.size(), kLargestConfig);
  }
  SLIPWAY_ASSIGN_OR_RETURN(const Json parsed, oci::json::ParseObject(json, "the config of a build cache"));
  return Read(parsed, blobs);
}

}  // namespace slipway::cache
