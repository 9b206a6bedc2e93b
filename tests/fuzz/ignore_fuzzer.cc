// An ignore file, a NUL, and a path. A single path and a walk down to it may differ only where a `!` brings something
// back; without one they agree.
#include "executor/base/pattern_matcher.h"
#include "tests/fuzz/fuzz.h"

using slipway::PatternMatcher;
using slipway::fuzz::Must;

namespace {

bool Walk(const PatternMatcher& matcher, std::string_view path) {
  PatternMatcher::Folder parent;
  bool matched = false;
  for (size_t slash = path.find('/');; slash = path.find('/', slash + 1)) {
    PatternMatcher::Folder self;
    matched = matcher.Matches(path.substr(0, slash), parent, &self);
    if (slash == std::string_view::npos) return matched;
    if (matched && matcher.CanSkip(path.substr(0, slash), self)) return true;
    parent = std::move(self);
  }
}

bool Clean(std::string_view path) {
  if (path.empty() || path.front() == '/' || path.back() == '/' || path.size() > 4096) return false;
  for (size_t at = 0; at <= path.size();) {
    const size_t slash = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, slash - at);
    if (part.empty() || part == "." || part == "..") return false;
    at = slash + 1;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = slipway::fuzz::Text(data, size);
  const size_t nul = std::min(text.find('\0'), text.size());
  const auto patterns = slipway::ParseIgnoreFile(text.substr(0, nul));
  if (!patterns.ok()) return 0;
  const auto matcher = PatternMatcher::Make(*patterns);
  if (!matcher.ok()) {
    Must(matcher.code() == slipway::Code::kInvalidArgument, "the code of an error");
    return 0;
  }
  const std::string_view path = text.substr(std::min(nul + 1, text.size()));
  if (!Clean(path)) return 0;
  const bool alone = matcher->Matches(path);
  const bool walked = Walk(*matcher, path);
  bool brings_back = false;
  for (const std::string& pattern : *patterns) brings_back = brings_back || pattern.starts_with('!');
  Must(brings_back || alone == walked, "one path and a walk agree");
  return 0;
}
