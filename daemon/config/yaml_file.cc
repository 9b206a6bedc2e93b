#include "daemon/config/yaml_file.h"

#include <set>

#include <yaml-cpp/yaml.h>

#include "daemon/config/keys.h"
#include "executor/base/fs.h"

namespace slipway::config {

namespace {

constexpr uint64_t kMaxFile = 1U << 20;

class Reader {
 public:
  Reader(const std::string& file, Config& config) : file_(file), config_(config) {}

  Status Read(const YAML::Node& root) {
    if (root.IsNull()) return Status();
    return ReadMap(root, "");
  }

  Status At(const YAML::Mark& mark, const std::string& what) const {
    return InvalidArgument("{}:{}:{}: {}", file_, mark.line + 1, mark.column + 1, what);
  }

 private:
  Status ReadMap(const YAML::Node& map, const std::string& prefix) {
    if (!map.IsMap()) {
      return At(map.Mark(),
                prefix.empty() ? "a map of keys is expected" : fmt::format("{}: a map is expected", prefix));
    }
    std::set<std::string> seen;
    for (const auto& item : map) {
      if (!item.first.IsScalar()) return At(item.first.Mark(), "a key is not a text");
      const std::string name = prefix.empty() ? item.first.Scalar() : fmt::format("{}.{}", prefix, item.first.Scalar());
      if (!seen.insert(name).second) return At(item.first.Mark(), fmt::format("key '{}' is given twice", name));
      SLIPWAY_RETURN_IF_ERROR(ReadItem(name, item.first, item.second));
    }
    return Status();
  }

  Status ReadItem(const std::string& name, const YAML::Node& key_node, const YAML::Node& value) {
    if (name == "limits" || name == "secrets") return ReadMap(value, name);
    const Key* key = FindKey(name);
    if (key == nullptr) return At(key_node.Mark(), fmt::format("unknown key '{}'{}", name, KeyHint(name)));
    if (key->IsList() && value.IsSequence()) {
      if (key->clear) key->clear(config_);
      for (const YAML::Node& element : value) {
        SLIPWAY_RETURN_IF_ERROR(SetElement(*key, element));
      }
      return Status();
    }
    if (!value.IsScalar()) {
      return At(value.IsNull() ? key_node.Mark() : value.Mark(),
                fmt::format("{}: {} is expected", name, key->IsList() ? "a list or a single value" : "a single value"));
    }
    if (key->clear) key->clear(config_);
    return Set(*key, value, value.Scalar());
  }

  Status SetElement(const Key& key, const YAML::Node& element) {
    if (element.IsScalar()) return Set(key, element, element.Scalar());
    if (key.kind != Key::Kind::kRecords || !element.IsMap()) {
      return At(element.Mark(), fmt::format("{}: an element is not {}", key.name,
                                            key.kind == Key::Kind::kRecords ? "a map of fields" : "a single value"));
    }
    std::string fields;
    for (const auto& item : element) {
      SLIPWAY_RETURN_IF_ERROR(AddField(key, item.first, item.second, &fields));
    }
    return Set(key, element, fields);
  }

  // As the flag would have it: "name=value" in quotes, once for each value of a list.
  Status AddField(const Key& key, const YAML::Node& name, const YAML::Node& value, std::string* fields) {
    if (value.IsSequence()) {
      for (const YAML::Node& one : value) SLIPWAY_RETURN_IF_ERROR(AddField(key, name, one, fields));
      return Status();
    }
    if (!name.IsScalar() || !value.IsScalar()) {
      return At(name.Mark(), fmt::format("{}: a field is not a name with a single value or a list of them", key.name));
    }
    *fields += fields->empty() ? "\"" : ",\"";
    for (const char c : name.Scalar() + "=" + value.Scalar())
      *fields += c == '"' ? std::string("\"\"") : std::string(1, c);
    *fields += '"';
    return Status();
  }

  Status Set(const Key& key, const YAML::Node& value, const std::string& text) {
    const Status status = key.set(config_, text);
    return status.ok() ? status : At(value.Mark(), fmt::format("{}: {}", key.name, status.message()));
  }

  const std::string& file_;
  Config& config_;
};

}  // namespace

Status ApplyYaml(std::string_view text, const std::string& file, Config& config) {
  Reader reader(file, config);
  try {
    return reader.Read(YAML::Load(std::string(text)));
  } catch (const YAML::Exception& e) {
    return e.mark.is_null() ? InvalidArgument("{}: {}", file, e.msg) : reader.At(e.mark, e.msg);
  }
}

Status ApplyYamlFile(const std::string& file, Config& config) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string text, fs::ReadFile(file, kMaxFile).With("read the configuration"));
  return ApplyYaml(text, file, config);
}

}  // namespace slipway::config
