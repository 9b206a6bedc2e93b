#include "cli/output_option.h"

#include <algorithm>
#include <array>
#include <optional>

#include "executor/base/fs.h"
#include "executor/base/near_miss.h"

namespace slipway::cli {

namespace {

namespace v1 = ::slipway::v1;

constexpr std::array<std::string_view, 6> kTypes = {"oci", "docker", "local", "tar", "registry", "image"};
constexpr std::array<std::string_view, 5> kKeys = {"type", "dest", "name", "tar", "push"};

// docker's attributes that belong to the whole build here.
std::string_view FlagFor(std::string_view key) {
  if (key == "compression") return "--compression";
  if (key == "compression-level") return "--compression-level";
  if (key == "oci-mediatypes") return "--media-types";
  if (key == "rewrite-timestamp") return "--rewrite-timestamp";
  if (key.starts_with("annotation")) return "--annotation";
  return "";
}

// Fields of a line of comma-separated values; a field may stand in double quotes, in which "" is a quote.
Result<std::vector<std::string>> SplitFields(std::string_view text) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c != '"') {
        fields.back() += c;
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        fields.back() += '"';
        ++i;
      } else {
        quoted = false;
      }
    } else if (c == '"' && fields.back().empty()) {
      quoted = true;
    } else if (c == ',') {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  if (quoted) return InvalidArgument("output '{}': a quote is not closed", text);
  return fields;
}

Result<bool> ParseBool(std::string_view key, std::string_view value) {
  if (value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  return InvalidArgument("output: {}='{}' is neither true nor false", key, value);
}

struct Attributes {
  std::string type;
  std::optional<std::string> dest;
  std::optional<bool> tar;
  std::optional<bool> push;
  std::vector<std::string> names;
};

Result<Attributes> ParseAttributes(std::string_view text) {
  Attributes out;
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> fields, SplitFields(text));
  for (const std::string& field : fields) {
    const size_t equals = field.find('=');
    if (equals == std::string::npos)
      return InvalidArgument("output '{}': '{}' is not of the form KEY=VALUE", text, field);
    const std::string key = field.substr(0, equals);
    const std::string value = field.substr(equals + 1);
    if (key == "type") {
      out.type = value;
    } else if (key == "dest") {
      out.dest = value;
    } else if (key == "name") {
      out.names.push_back(value);
    } else if (key == "tar") {
      SLIPWAY_ASSIGN_OR_RETURN(out.tar, ParseBool(key, value));
    } else if (key == "push") {
      SLIPWAY_ASSIGN_OR_RETURN(out.push, ParseBool(key, value));
    } else if (const std::string_view flag = FlagFor(key); !flag.empty()) {
      return InvalidArgument("output '{}': '{}' is said for the whole build, with {}", text, key, flag);
    } else {
      return InvalidArgument("output '{}': '{}' is not one of {}{}", text, key, fmt::join(kKeys, ", "),
                             DidYouMean(key, kKeys));
    }
  }
  if (out.type.empty()) return InvalidArgument("output '{}' has no type; write type={}", text, fmt::join(kTypes, "|"));
  if (std::find(kTypes.begin(), kTypes.end(), out.type) == kTypes.end()) {
    return InvalidArgument("output type '{}' is not one of {}{}", out.type, fmt::join(kTypes, ", "),
                           DidYouMean(out.type, kTypes));
  }
  return out;
}

Status AddRegistry(const Attributes& attributes, OutputOptions* options) {
  if (attributes.dest || attributes.tar) {
    return InvalidArgument("an output of type={} goes to a registry and takes neither dest nor tar", attributes.type);
  }
  options->push = options->push || attributes.push.value_or(attributes.type == "registry");
  options->names.insert(options->names.end(), attributes.names.begin(), attributes.names.end());
  return {};
}

// The system's names for it are links, behind which the file would be opened or made anew.
bool NamesStandardOutput(std::string_view dest) {
  const std::string path = fs::Clean(dest);
  return path == "/dev/stdout" || path == "/dev/fd/1" || path == "/proc/self/fd/1";
}

Result<OutputSpec> MakeSpec(const Attributes& attributes) {
  OutputSpec spec;
  const std::string& type = attributes.type;
  if (attributes.push) return InvalidArgument("an output of type={} is not pushed; add --push for that", type);
  const bool layout = type == "oci" || type == "docker";
  if (!layout && !attributes.names.empty()) return InvalidArgument("an output of type={} has no name", type);
  if (!layout && attributes.tar && *attributes.tar != (type == "tar")) {
    return InvalidArgument("an output of type={} cannot have tar={}; type=tar is an archive, type=local a folder", type,
                           *attributes.tar);
  }
  const bool folder = type == "local" || !attributes.tar.value_or(true);
  spec.form = folder ? v1::OUTPUT_FORM_FILES : v1::OUTPUT_FORM_ARCHIVE;
  spec.request.set_type(type == "oci"      ? v1::OUTPUT_TYPE_OCI
                        : type == "docker" ? v1::OUTPUT_TYPE_DOCKER
                                           : v1::OUTPUT_TYPE_ROOTFS);
  for (const std::string& name : attributes.names) spec.request.add_names(name);
  spec.dest = attributes.dest.value_or(folder ? "" : "-");
  if (spec.dest.empty()) return InvalidArgument("an output of type={} needs dest=PATH", type);
  if (NamesStandardOutput(spec.dest)) spec.dest = "-";
  if (folder && spec.to_stdout()) {
    return InvalidArgument("an output of type={} is a folder, which standard output cannot be; use type=tar{}", type,
                           layout ? " or leave tar=false away" : "");
  }
  return spec;
}

}  // namespace

bool OutputOptions::to_stdout() const {
  return std::any_of(specs.begin(), specs.end(), [](const OutputSpec& spec) { return spec.to_stdout(); });
}

Status AddOutput(std::string_view text, OutputOptions* options) {
  const bool json = text == "json";
  if (json || text == "table") {
    options->format = json ? OutputFormat::kJson : OutputFormat::kTable;
  } else {
    Attributes attributes;
    if (text.empty()) return InvalidArgument("an output is empty");
    if (text == "-") {
      attributes.type = "tar";
    } else if (text.find('=') == std::string_view::npos) {
      attributes.type = "local";
      attributes.dest = text;
    } else {
      SLIPWAY_ASSIGN_OR_RETURN(attributes, ParseAttributes(text));
    }
    if (attributes.type == "registry" || attributes.type == "image") return AddRegistry(attributes, options);
    SLIPWAY_ASSIGN_OR_RETURN(OutputSpec spec, MakeSpec(attributes));
    for (const OutputSpec& other : options->specs) {
      if (other.dest == spec.dest) return InvalidArgument("two outputs go to '{}'", spec.dest);
    }
    options->specs.push_back(std::move(spec));
  }
  if (options->format != OutputFormat::kNone && options->to_stdout()) {
    return InvalidArgument("both the run and an output are to go to standard output");
  }
  return {};
}

}  // namespace slipway::cli
