#include "steps/task/alias.h"

#include <algorithm>
#include <array>

#include "executor/base/near_miss.h"
#include "executor/base/utf8.h"
#include "steps/task/yaml_tree.h"

namespace slipway::task {

namespace {

constexpr size_t kMaxAliases = 10'000;
constexpr size_t kMaxSources = 64;

bool IsNameChar(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool IsName(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), IsNameChar); }

// Reads one YAML text that defines aliases: the block itself, or a source file.
class Reader {
 public:
  Reader(std::string_view file, const SourceMap* map, const std::string& text) : file_(file), map_(map), text_(text) {}

  Result<YamlNodePtr> Parse() const {
    YamlError error;
    YamlNodePtr root = ParseYaml(text_, {}, &error);
    if (!error.message.empty()) return Bad(error.offset, error.message);
    return root;
  }

  Status Bad(size_t offset, std::string_view message) const {
    return InvalidArgument("{}{}", PlacePrefix(file_, At(offset)), message);
  }

  // Adds a mapping of names to texts.
  Status Values(const YamlNode& node, std::map<std::string, std::string>* out) const {
    if (IsNull(node)) return Status();
    if (node.kind != YamlNode::Kind::kMapping) return Bad(node.offset, Describe(node) + " is no mapping of aliases");
    for (const auto& [key, value] : node.pairs) {
      if (key->kind != YamlNode::Kind::kScalar || !IsName(key->text)) {
        return Bad(key->offset,
                   fmt::format("the alias {} has a name that is not of letters and digits alone", Describe(*key)));
      }
      if (value->kind == YamlNode::Kind::kSequence || value->kind == YamlNode::Kind::kMapping) {
        return Bad(value->offset, fmt::format("the alias '{}' is {}; it must be a text", key->text, Describe(*value)));
      }
      if (out->size() >= kMaxAliases)
        return Bad(key->offset, fmt::format("there are more than {} aliases", kMaxAliases));
      (*out)[key->text] = IsNull(*value) ? "" : value->text;
    }
    return Status();
  }

  Status Directive(const YamlNode& node, std::string* out) const {
    if (IsNull(node)) return Status();
    const bool text = node.kind == YamlNode::Kind::kScalar;
    if (!text || utf8::Decode(node.text).size != node.text.size()) {
      return Bad(node.offset, fmt::format("the directive is {}; it must be one character", Describe(node)));
    }
    if (IsName(node.text)) return Bad(node.offset, fmt::format("the directive '{}' is a letter or digit", node.text));
    if (!node.text.empty()) *out = node.text;
    return Status();
  }

  Status Sources(const YamlNode& node, std::vector<std::pair<std::string, size_t>>* out) const {
    if (IsNull(node)) return Status();
    if (node.kind != YamlNode::Kind::kSequence) {
      return Bad(node.offset, fmt::format("'src' is {}; it must be a list of files and URLs", Describe(node)));
    }
    for (const YamlNodePtr& item : node.items) {
      if (item->kind != YamlNode::Kind::kScalar || item->text.empty()) {
        return Bad(item->offset, fmt::format("'src' holds {}; it must be a file or URL", Describe(*item)));
      }
      if (out->size() == kMaxSources)
        return Bad(item->offset, fmt::format("there are more than {} sources", kMaxSources));
      out->emplace_back(item->text, item->offset);
    }
    return Status();
  }

 private:
  Position At(size_t offset) const {
    if (map_ != nullptr) return map_->At(offset);
    const std::string_view before = std::string_view(text_).substr(0, offset);
    const size_t line_begin = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
    return {static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1,
            static_cast<int>(before.size() - line_begin) + 1};
  }

  const std::string_view file_;
  const SourceMap* const map_;
  const std::string& text_;
};

Status Load(const Context& ctx, const Reader& block, const AliasLoader& load, const std::string& source, size_t offset,
            std::map<std::string, std::string>* values) {
  const Result<std::string> text = load(ctx, source);
  if (!text.ok()) return block.Bad(offset, fmt::format("read aliases from '{}': {}", source, text.status().message()));
  const Reader reader(source, nullptr, *text);
  SLIPWAY_ASSIGN_OR_RETURN(const YamlNodePtr root, reader.Parse());
  return root == nullptr ? Status() : reader.Values(*root, values);
}

}  // namespace

const std::map<std::string, std::string>& GlobalAliases() {
  static const std::map<std::string, std::string> kGlobal = {
      {"ID", "{{.Run.ID}}"},
      {"SharedVolume", "{{.Run.SharedVolume}}"},
      {"Registry", "{{.Run.Registry}}"},
      {"RegistryName", "{{.Run.RegistryName}}"},
      {"Date", "{{.Run.Date}}"},
      {"OS", "{{.Run.OS}}"},
      {"Architecture", "{{.Run.Architecture}}"},
      {"Commit", "{{.Run.Commit}}"},
      {"Branch", "{{.Run.Branch}}"},
      {"acr", "mcr.microsoft.com/acr/acr-cli:0.19"},
      {"az", "mcr.microsoft.com/acr/azure-cli:2ff604c"},
      {"bash", "mcr.microsoft.com/acr/bash:2ff604c"},
      {"curl", "mcr.microsoft.com/acr/curl:2ff604c"},
      {"cssc", "mcr.microsoft.com/acr/cssc:2ff604c"},
  };
  return kGlobal;
}

Result<Aliases> ReadAliases(const Context& ctx, std::string_view file, const std::string& text, const SourceMap& map,
                            const AliasLoader& load) {
  Aliases out;
  out.values = GlobalAliases();
  const Reader reader(file, &map, text);
  SLIPWAY_ASSIGN_OR_RETURN(const YamlNodePtr root, reader.Parse());
  if (root == nullptr || root->kind != YamlNode::Kind::kMapping || root->pairs.empty()) return out;
  const YamlNode& block = *root->pairs.front().second;
  if (IsNull(block)) return out;
  if (block.kind != YamlNode::Kind::kMapping) {
    return reader.Bad(block.offset, fmt::format("'alias' is {}; it must be a mapping", Describe(block)));
  }
  std::map<std::string, std::string> values;
  std::vector<std::pair<std::string, size_t>> sources;
  for (const auto& [key, value] : block.pairs) {
    if (key->text == "values") {
      SLIPWAY_RETURN_IF_ERROR(reader.Values(*value, &values));
    } else if (key->text == "src") {
      SLIPWAY_RETURN_IF_ERROR(reader.Sources(*value, &sources));
    } else if (key->text == "directive") {
      SLIPWAY_RETURN_IF_ERROR(reader.Directive(*value, &out.directive));
    } else {
      constexpr std::array<std::string_view, 3> kKeys = {"values", "src", "directive"};
      out.warnings.push_back(
          reader.Bad(key->offset, fmt::format("'{}' is no key of 'alias'{}", key->text, DidYouMean(key->text, kKeys)))
              .message());
    }
  }
  for (const auto& [source, offset] : sources) {
    SLIPWAY_RETURN_IF_ERROR(Load(ctx, reader, load, source, offset, &out.values));
  }
  for (auto& [name, value] : values) out.values[name] = std::move(value);
  return out;
}

Result<std::string> Substitute(std::string_view text, const Aliases& aliases, size_t max_bytes) {
  const std::string& directive = aliases.directive;
  std::string out;
  std::string name;
  bool in_name = false;
  // The text is read as if a blank followed it, which is taken out again.
  const std::string padded = std::string(text) + " ";
  for (size_t i = 0; i < padded.size();) {
    const size_t size = std::max<size_t>(1, utf8::Decode(std::string_view(padded).substr(i)).size);
    const std::string_view c = std::string_view(padded).substr(i, size);
    i += size;
    if (out.size() > max_bytes) {
      return ResourceExhausted("the text with its aliases replaced has more than {} bytes", max_bytes);
    }
    if (!in_name) {
      if (c == directive) {
        in_name = true;
        name.clear();
      } else {
        out.append(c);
      }
    } else if (name.empty() && c == directive) {
      out.append(directive);
      in_name = false;
    } else if (c.size() == 1 && IsNameChar(c[0])) {
      name.append(c);
    } else if (const auto found = aliases.values.find(name); found != aliases.values.end()) {
      out.append(found->second);
      in_name = c == directive;
      name.clear();
      if (!in_name) out.append(c);
    } else {
      out.append(directive).append(name).append(c);
      in_name = false;
    }
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

}  // namespace slipway::task
