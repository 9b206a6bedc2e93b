#include "steps/task/cache_options.h"

#include <algorithm>
#include <array>
#include <map>

#include "executor/base/ascii.h"
#include "executor/base/near_miss.h"

namespace slipway::task {

namespace {

using Attributes = std::map<std::string, std::string, std::less<>>;

constexpr std::array<std::string_view, 2> kFromNames = {"type", "ref"};
constexpr std::array<std::string_view, 8> kToNames = {
    "type", "ref", "mode", "image-manifest", "oci-mediatypes", "compression", "force-compression", "ignore-error"};
constexpr std::array<std::string_view, 2> kTypes = {"registry", "inline"};
// Kinds of caches that BuildKit has besides.
constexpr std::array<std::string_view, 4> kForeignTypes = {"local", "gha", "s3", "azblob"};

// "a=1,b=2". A text without any "=" is the name of a cache in a registry.
Result<Attributes> Split(std::string_view text, std::span<const std::string_view> known) {
  Attributes out;
  if (text.empty()) return InvalidArgument("is empty; write type=registry,ref=NAME");
  if (text.find('=') == std::string_view::npos) return Attributes{{"type", "registry"}, {"ref", std::string(text)}};
  for (std::string_view rest = text; !rest.empty();) {
    const size_t end = std::min(rest.find(','), rest.size());
    const std::string_view item = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const size_t equals = item.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return InvalidArgument("'{}' in '{}' is not of the form NAME=VALUE", item, text);
    }
    const std::string name = LowerAscii(item.substr(0, equals));
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return InvalidArgument("'{}' in '{}' is not known here{}", name, text, DidYouMean(name, known));
    }
    if (!out.emplace(name, item.substr(equals + 1)).second) {
      return InvalidArgument("'{}' is given twice in '{}'", name, text);
    }
  }
  return out;
}

Result<std::string> TypeOf(const Attributes& attributes) {
  const auto it = attributes.find("type");
  if (it == attributes.end()) return std::string("registry");
  const std::string& type = it->second;
  if (std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end()) return type;
  if (std::find(kForeignTypes.begin(), kForeignTypes.end(), type) != kForeignTypes.end()) {
    return Unimplemented("caches of type '{}' are not supported; use type=registry or type=inline", type);
  }
  return InvalidArgument("'{}' is no type of cache; there are registry and inline{}", type, DidYouMean(type, kTypes));
}

Result<oci::Reference> RefOf(const Attributes& attributes, std::string_view default_host) {
  const auto it = attributes.find("ref");
  if (it == attributes.end() || it->second.empty()) return InvalidArgument("a cache in a registry needs ref=NAME");
  return oci::Reference::Parse(it->second, default_host);
}

Result<bool> BoolOf(const Attributes& attributes, std::string_view name, bool otherwise) {
  const auto it = attributes.find(name);
  if (it == attributes.end()) return otherwise;
  if (it->second == "true" || it->second == "1") return true;
  if (it->second == "false" || it->second == "0") return false;
  return InvalidArgument("{}='{}' is neither true nor false", name, it->second);
}

Result<std::optional<oci::Compression>> CompressionOf(const Attributes& attributes) {
  const auto it = attributes.find("compression");
  if (it == attributes.end()) return std::optional<oci::Compression>();
  if (it->second == "gzip") return std::optional(oci::Compression::kGzip);
  if (it->second == "zstd") return std::optional(oci::Compression::kZstd);
  if (it->second == "uncompressed" || it->second == "none") return std::optional(oci::Compression::kNone);
  return InvalidArgument("compression='{}' is none of gzip, zstd, uncompressed", it->second);
}

}  // namespace

Result<oci::Reference> ParseCacheFrom(std::string_view text, std::string_view default_host) {
  SLIPWAY_ASSIGN_OR_RETURN(const Attributes attributes, Split(text, kFromNames));
  SLIPWAY_ASSIGN_OR_RETURN(const std::string type, TypeOf(attributes));
  if (type == "inline") {
    return InvalidArgument("'{}': to use an image's inline cache write type=registry,ref=IMAGE", text);
  }
  return RefOf(attributes, default_host);
}

Result<builder::CacheTarget> ParseCacheTo(std::string_view text, std::string_view default_host) {
  SLIPWAY_ASSIGN_OR_RETURN(const Attributes attributes, Split(text, kToNames));
  SLIPWAY_ASSIGN_OR_RETURN(const std::string type, TypeOf(attributes));
  builder::CacheTarget out;
  if (type == "inline") {
    if (attributes.size() > 1) return InvalidArgument("'{}': type=inline takes nothing else", text);
    out.type = builder::CacheTarget::Type::kInline;
    return out;
  }
  SLIPWAY_ASSIGN_OR_RETURN(out.ref, RefOf(attributes, default_host));
  if (!out.ref.digest.empty()) return InvalidArgument("'{}': a cache to export to must not have a digest", text);
  if (const auto mode = attributes.find("mode"); mode != attributes.end()) {
    if (mode->second != "min" && mode->second != "max") {
      return InvalidArgument("mode='{}' is neither min nor max", mode->second);
    }
    out.all_steps = mode->second == "max";
  }
  for (const std::string_view name : {"image-manifest", "oci-mediatypes"}) {
    SLIPWAY_ASSIGN_OR_RETURN(const bool wanted, BoolOf(attributes, name, true));
    if (!wanted) return Unimplemented("{}=false: caches are written as OCI 1.1 image manifests only", name);
  }
  SLIPWAY_ASSIGN_OR_RETURN(out.compression, CompressionOf(attributes));
  SLIPWAY_ASSIGN_OR_RETURN(const bool force, BoolOf(attributes, "force-compression", false));
  if (force) return Unimplemented("force-compression=true: layers that exist are exported as they are");
  SLIPWAY_ASSIGN_OR_RETURN(out.ignore_error, BoolOf(attributes, "ignore-error", false));
  return out;
}

}  // namespace slipway::task
