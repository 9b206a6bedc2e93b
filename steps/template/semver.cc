#include "steps/template/semver.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <array>
#include <vector>

#include "steps/template/go_text.h"

namespace slipway::run_template {

namespace {

constexpr std::string_view kTail =
    R"((?:-([0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*))?(?:\+([0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*))?)";
// A part of a constraint's version: a number or a wildcard. The bar is in Masterminds' expression too.
constexpr std::string_view kPart = R"([0-9|x|X|\*]+)";

// Bytes. A method that compares two versions is one step of work, however long they are.
constexpr size_t kLongestVersion = 256;
constexpr size_t kLongestConstraint = 10'000;

std::vector<std::string> Parts(std::string_view text, std::string_view separator) {
  std::vector<std::string> out;
  for (size_t at = text.find(separator); at != std::string_view::npos; at = text.find(separator)) {
    out.emplace_back(text.substr(0, at));
    text.remove_prefix(at + separator.size());
  }
  out.emplace_back(text);
  return out;
}

bool IsWildcard(std::string_view part) { return part == "x" || part == "X" || part == "*"; }

int Order(uint64_t a, uint64_t b) { return a == b ? 0 : a < b ? -1 : 1; }

int ComparePart(const std::string& a, const std::string& b) {
  if (a == b) return 0;
  if (a.empty()) return -1;
  if (b.empty()) return 1;
  const std::optional<uint64_t> x = ParseUint(a, 10);
  const std::optional<uint64_t> y = ParseUint(b, 10);
  if (x && y) return Order(*x, *y);
  // Numbers come before words. (Masterminds/semver 1.5 has it so too, whatever its comments say.)
  if (x || y) return x ? -1 : 1;
  return a < b ? -1 : 1;
}

int ComparePrerelease(const std::string& a, const std::string& b) {
  if (a == b) return 0;
  // A release is above its prereleases.
  if (a.empty()) return 1;
  if (b.empty()) return -1;
  const std::vector<std::string> x = Parts(a, ".");
  const std::vector<std::string> y = Parts(b, ".");
  for (size_t i = 0; i < std::max(x.size(), y.size()); ++i) {
    const int order = ComparePart(i < x.size() ? x[i] : "", i < y.size() ? y[i] : "");
    if (order != 0) return order;
  }
  return 0;
}

enum class Op { kEqual, kNotEqual, kGreater, kLess, kGreaterEqual, kLessEqual, kTilde, kCaret };

struct Comparison {
  Op op = Op::kEqual;
  Version version;
  bool dirty = false;  // some part is a wildcard or missing
  bool minor_dirty = false;
  bool patch_dirty = false;
};

Op OpOf(std::string_view text) {
  if (text == "!=") return Op::kNotEqual;
  if (text == ">") return Op::kGreater;
  if (text == "<") return Op::kLess;
  if (text == ">=" || text == "=>") return Op::kGreaterEqual;
  if (text == "<=" || text == "=<") return Op::kLessEqual;
  if (text == "~" || text == "~>") return Op::kTilde;
  return text == "^" ? Op::kCaret : Op::kEqual;
}

Result<Comparison> ParseComparison(const std::string& text) {
  static const re2::RE2 kPattern(
      fmt::format(R"(\s*(!=|>=|=>|<=|=<|~>|=|>|<|~|\^|)\s*v?({0})(?:\.({0}))?(?:\.({0}))?{1}\s*)", kPart, kTail));
  std::string op, major, minor, patch, prerelease, metadata;
  if (!re2::RE2::FullMatch(text, kPattern, &op, &major, &minor, &patch, &prerelease, &metadata)) {
    return InvalidArgument("improper constraint: {}", text);
  }
  Comparison out;
  out.op = OpOf(op);
  const std::string tail = prerelease.empty() ? "" : "-" + prerelease;
  std::string version = fmt::format("{}.{}.{}{}", major, minor, patch.empty() ? "0" : patch, tail);
  if (IsWildcard(major)) {
    version = "0.0.0";
    out.dirty = true;
  } else if (minor.empty() || IsWildcard(minor)) {
    version = fmt::format("{}.0.0{}", major, tail);
    out.dirty = out.minor_dirty = true;
  } else if (IsWildcard(patch)) {
    version = fmt::format("{}.{}.0{}", major, minor, tail);
    out.dirty = out.patch_dirty = true;
  }
  Result<Version> parsed = ParseVersion(version);
  if (!parsed.ok()) return InvalidArgument("improper constraint: {}", text);
  out.version = *std::move(parsed);
  return out;
}

bool MeetsTilde(const Version& version, const Comparison& c) {
  if (Compare(version, c.version) < 0) return false;
  const Version& least = c.version;
  if (least.major == 0 && least.minor == 0 && least.patch == 0 && !c.minor_dirty && !c.patch_dirty) return true;
  return version.major == least.major && (version.minor == least.minor || c.minor_dirty);
}

// "<1.x" and "<=1.x" look at the parts that are given only.
bool MeetsDirtyLess(const Version& version, const Comparison& c) {
  if (version.major > c.version.major) return false;
  return version.minor <= c.version.minor || c.minor_dirty;
}

bool MeetsOne(const Version& version, const Comparison& c) {
  const bool stable_only = !version.prerelease.empty() && c.version.prerelease.empty();
  const int order = Compare(version, c.version);
  if (c.op == Op::kNotEqual && !c.dirty) return order != 0;
  if (stable_only) return false;
  switch (c.op) {
    case Op::kNotEqual: return version.major != c.version.major || (version.minor != c.version.minor && !c.minor_dirty);
    case Op::kGreater: return order > 0;
    case Op::kGreaterEqual: return order >= 0;
    case Op::kLess: return c.dirty ? MeetsDirtyLess(version, c) : order < 0;
    case Op::kLessEqual: return c.dirty ? MeetsDirtyLess(version, c) : order <= 0;
    case Op::kTilde: return MeetsTilde(version, c);
    case Op::kCaret: return order >= 0 && version.major == c.version.major;
    case Op::kEqual: return c.dirty ? MeetsTilde(version, c) : order == 0;
  }
  return false;
}

// "1.2 - 2.0" is ">= 1.2, <= 2.0".
std::string WithoutRanges(std::string constraint) {
  static const re2::RE2 kRange(
      fmt::format(R"(\s*(v?{0}(?:\.{0})?(?:\.{0})?{1})\s+-\s+(v?{0}(?:\.{0})?(?:\.{0})?{1})\s*)", kPart, [] {
        std::string tail(kTail);
        // Groups of its own would shift the second version.
        for (size_t at = tail.find("([0"); at != std::string::npos; at = tail.find("([0", at)) {
          tail.insert(at + 1, "?:");
        }
        return tail;
      }()));
  re2::RE2::GlobalReplace(&constraint, kRange, R"(>= \1, <= \2)");
  return constraint;
}

}  // namespace

std::string Version::ToString() const {
  std::string out = fmt::format("{}.{}.{}", major, minor, patch);
  if (!prerelease.empty()) out += "-" + prerelease;
  if (!metadata.empty()) out += "+" + metadata;
  return out;
}

Result<Version> ParseVersion(std::string_view text) {
  static const re2::RE2 kPattern(fmt::format(R"(v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?{})", kTail));
  if (text.size() > kLongestVersion) return InvalidArgument("a version has at most {} bytes", kLongestVersion);
  std::array<std::string, 3> parts;
  Version out;
  out.original = text;
  if (!re2::RE2::FullMatch(out.original, kPattern, &parts[0], &parts[1], &parts[2], &out.prerelease, &out.metadata)) {
    return InvalidArgument("Invalid Semantic Version");
  }
  std::array<uint64_t*, 3> numbers = {&out.major, &out.minor, &out.patch};
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].empty()) continue;
    const std::optional<int64_t> number = ParseInt(parts[i], 10);
    if (!number) return InvalidArgument("Error parsing version segment: {} is out of range", parts[i]);
    *numbers[i] = static_cast<uint64_t>(*number);
  }
  return out;
}

int Compare(const Version& a, const Version& b) {
  if (const int order = Order(a.major, b.major); order != 0) return order;
  if (const int order = Order(a.minor, b.minor); order != 0) return order;
  if (const int order = Order(a.patch, b.patch); order != 0) return order;
  return ComparePrerelease(a.prerelease, b.prerelease);
}

Result<bool> Meets(std::string_view constraint, const Version& version) {
  if (constraint.size() > kLongestConstraint) {
    return InvalidArgument("a constraint has at most {} bytes", kLongestConstraint);
  }
  bool met = false;
  // All of it is read, so that a broken alternative is never passed over.
  for (const std::string& alternative : Parts(WithoutRanges(std::string(constraint)), "||")) {
    bool all = true;
    for (const std::string& part : Parts(alternative, ",")) {
      SLIPWAY_ASSIGN_OR_RETURN(const Comparison comparison, ParseComparison(part));
      all = all && MeetsOne(version, comparison);
    }
    met = met || all;
  }
  return met;
}

}  // namespace slipway::run_template
