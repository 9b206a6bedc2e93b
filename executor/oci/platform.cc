#include "executor/oci/platform.h"

#include <fmt/ranges.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

#include "executor/base/ascii.h"

namespace slipway::oci {

namespace {
template <size_t kSize>
bool IsOneOf(const std::array<std::string_view, kSize>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool KnownOs(std::string_view os) {
  static constexpr std::array<std::string_view, 15> kNames = {"linux",   "windows",   "darwin",  "freebsd", "netbsd",
                                                              "openbsd", "dragonfly", "solaris", "illumos", "aix",
                                                              "android", "plan9",     "wasi",    "wasip1",  "unknown"};
  return IsOneOf(kNames, os);
}

// Those that a platform of one part may name: a typo must not become an architecture.
bool KnownArchitecture(std::string_view architecture) {
  static constexpr std::array<std::string_view, 16> kNames = {
      "386",      "amd64", "arm",     "arm64",   "loong64", "mips",    "mipsle", "mips64",
      "mips64le", "ppc64", "ppc64le", "riscv64", "s390x",   "sparc64", "wasm",   "ppc"};
  return IsOneOf(kNames, architecture);
}

bool GoodPart(std::string_view part) {
  return !part.empty() && std::all_of(part.begin(), part.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '-' || c == '.';
  });
}
}  // namespace

Platform Platform::Host() {
  utsname name{};
  ::uname(&name);
  Platform host{.os = "linux", .architecture = name.machine, .variant = "", .os_version = ""};
  return host.Normalized();
}

Platform Platform::Normalized() const {
  Platform out = *this;
  out.os = LowerAscii(os);
  out.architecture = LowerAscii(architecture);
  out.variant = LowerAscii(variant);
  if (out.os == "macos") out.os = "darwin";
  if (out.architecture == "x86_64" || out.architecture == "x86-64") out.architecture = "amd64";
  if (out.architecture == "aarch64") out.architecture = "arm64";
  if (out.architecture == "i386" || out.architecture == "i686" || out.architecture == "x86") out.architecture = "386";
  if (out.architecture == "armhf" || out.architecture == "armv7l") {
    out.architecture = "arm";
    out.variant = "v7";
  }
  if (out.architecture == "armel") {
    out.architecture = "arm";
    out.variant = "v6";
  }
  if (out.architecture == "amd64" && out.variant == "v1") out.variant = "";
  if (out.architecture == "arm64" && (out.variant == "8" || out.variant == "v8")) out.variant = "";
  if (out.architecture == "arm") {
    if (out.variant.empty() || out.variant == "7") out.variant = "v7";
    if (out.variant == "5" || out.variant == "6" || out.variant == "8") out.variant = "v" + out.variant;
  }
  return out;
}

Result<Platform> Platform::Parse(std::string_view text) {
  std::vector<std::string> parts;
  for (size_t pos = 0; pos <= text.size();) {
    const size_t end = std::min(text.find('/', pos), text.size());
    parts.emplace_back(text.substr(pos, end - pos));
    pos = end + 1;
  }
  const bool good =
      parts.size() <= 3 && std::all_of(parts.begin(), parts.end(), [](const auto& p) { return GoodPart(p); });
  if (!good) return InvalidArgument("platform '{}' is not of the form os/arch[/variant], e.g. linux/amd64", text);
  Platform out;
  if (parts.size() == 1) {
    if (KnownOs(LowerAscii(parts[0]))) {
      out = Host();
      out.os = parts[0];
    } else {
      out.os = "linux";
      out.architecture = parts[0];
    }
  } else {
    out.os = parts[0];
    out.architecture = parts[1];
    if (parts.size() == 3) out.variant = parts[2];
  }
  out = out.Normalized();
  if (parts.size() == 1 && !KnownArchitecture(out.architecture)) {
    return InvalidArgument("platform '{}' is neither an operating system nor an architecture (amd64, arm64, …)", text);
  }
  if (!KnownOs(out.os)) {
    return InvalidArgument("platform '{}': '{}' is not an operating system that images exist for (linux, windows, …)",
                           text, parts[0]);
  }
  return out;
}

std::string Platform::ToString() const {
  return variant.empty() ? fmt::format("{}/{}", os, architecture) : fmt::format("{}/{}/{}", os, architecture, variant);
}

bool Platform::Matches(const Platform& image) const {
  const Platform want = Normalized();
  const Platform have = image.Normalized();
  return want.os == have.os && want.architecture == have.architecture &&
         (want.variant == have.variant || have.variant.empty() || want.variant.empty());
}

}  // namespace slipway::oci
