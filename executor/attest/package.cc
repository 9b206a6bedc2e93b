#include "executor/attest/package.h"

#include <fmt/format.h>

#include <algorithm>

#include "executor/attest/lines.h"
#include "executor/base/ascii.h"
#include "executor/base/utf8.h"

namespace slipway::attest {

namespace {

// Python's names are compared without case, and '_' and '.' are '-'.
std::string NameInPurl(const Package& package) {
  if (package.type != "pypi") return package.name;
  std::string name = LowerAscii(package.name);
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

}  // namespace

Distribution ParseOsRelease(std::string_view text) {
  Distribution out;
  for (Lines lines(text); const auto line = lines.Next();) {
    const size_t equals = line->find('=');
    if (equals == std::string_view::npos) continue;
    std::string_view value = line->substr(equals + 1);
    if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front()) {
      value = value.substr(1, value.size() - 2);
    }
    if (line->substr(0, equals) == "ID") out.id = CleanField(value);
    if (line->substr(0, equals) == "VERSION_ID") out.version = CleanField(value);
  }
  return out;
}

std::string PercentEncode(std::string_view text, std::string_view keep) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
  std::string out;
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos || keep.find(c) != std::string_view::npos) {
      out.push_back(c);
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string CleanField(std::string_view text) {
  std::string out = utf8::Repair(text.substr(0, kLongestField));
  std::erase_if(out, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  return out;
}

std::string Purl(const Package& package, const Distribution& distribution) {
  const bool of_system = package.type == "deb" || package.type == "apk" || package.type == "rpm";
  const std::string& space = of_system ? distribution.id : package.space;
  std::string out = fmt::format("pkg:{}/", package.type);
  // A namespace may have several parts; the slashes between them stay.
  if (!space.empty()) out += PercentEncode(space, "/") + "/";
  out += PercentEncode(NameInPurl(package));
  if (!package.version.empty()) out += "@" + PercentEncode(package.version, ":");
  std::string qualifiers;
  const auto qualify = [&](std::string_view key, std::string_view value) {
    if (value.empty()) return;
    qualifiers += fmt::format("{}{}={}", qualifiers.empty() ? '?' : '&', key, PercentEncode(value, ":"));
  };
  qualify("arch", package.architecture);
  if (of_system && !distribution.id.empty()) {
    qualify("distro", distribution.version.empty() ? distribution.id : distribution.id + "-" + distribution.version);
  }
  qualify("epoch", package.epoch);
  return out + qualifiers;
}

}  // namespace slipway::attest
