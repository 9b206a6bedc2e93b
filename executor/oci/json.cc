#include "executor/oci/json.h"

namespace slipway::oci::json {

namespace {
constexpr int kDeepest = 64;

const nlohmann::json* Find(const nlohmann::json& object, const char* key) {
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

// Asked before parsing: the parser's own call-back makes it walk every list again for each of its items.
bool TooDeep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kDeepest) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

Status WrongType(const char* key, std::string_view wanted, const nlohmann::json& value) {
  return InvalidArgument("field '{}' must be {} but is a JSON {}", key, wanted, value.type_name());
}
}  // namespace

Result<nlohmann::json> ParseObject(std::string_view text, std::string_view what) {
  if (TooDeep(text)) return InvalidArgument("{} is nested more than {} deep", what, kDeepest);
  nlohmann::json document = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded() || !document.is_object()) return InvalidArgument("{} is not a JSON object", what);
  return document;
}

Status Read(const nlohmann::json& object, const char* key, std::string& out) {
  const nlohmann::json* value = Find(object, key);
  if (value == nullptr) return Status();
  if (!value->is_string()) return WrongType(key, "a string", *value);
  out = value->get<std::string>();
  return Status();
}

Status Read(const nlohmann::json& object, const char* key, int64_t& out) {
  const nlohmann::json* value = Find(object, key);
  if (value == nullptr) return Status();
  if (!value->is_number_integer()) return WrongType(key, "a whole number", *value);
  if (value->is_number_unsigned() && value->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) {
    return InvalidArgument("field '{}' is too large", key);
  }
  out = value->get<int64_t>();
  return Status();
}

Status Read(const nlohmann::json& object, const char* key, bool& out) {
  const nlohmann::json* value = Find(object, key);
  if (value == nullptr) return Status();
  if (!value->is_boolean()) return WrongType(key, "true or false", *value);
  out = value->get<bool>();
  return Status();
}

Status Read(const nlohmann::json& object, const char* key, std::vector<std::string>& out) {
  const nlohmann::json* value = Find(object, key);
  if (value == nullptr) return Status();
  if (!value->is_array()) return WrongType(key, "a list of strings", *value);
  std::vector<std::string> items;
  for (const nlohmann::json& item : *value) {
    if (!item.is_string()) return WrongType(key, "a list of strings", item);
    items.push_back(item.get<std::string>());
  }
  out = std::move(items);
  return Status();
}

Status Read(const nlohmann::json& object, const char* key, std::map<std::string, std::string>& out) {
  const nlohmann::json* value = Find(object, key);
  if (value == nullptr) return Status();
  if (!value->is_object()) return WrongType(key, "a map of strings", *value);
  std::map<std::string, std::string> items;
  for (const auto& [name, item] : value->items()) {
    if (!item.is_string()) return WrongType(key, "a map of strings", item);
    items.emplace(name, item.get<std::string>());
  }
  out = std::move(items);
  return Status();
}

}  // namespace slipway::oci::json
