#include "executor/registry/scope.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "executor/base/ascii.h"

namespace slipway::registry {

namespace {

constexpr size_t kMostChallenges = 16;

bool IsTokenChar(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return std::isalnum(byte) != 0 || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

// Reads a challenge list: scheme, then name=value pairs parted by commas, then perhaps the next scheme.
class ChallengeReader {
 public:
  explicit ChallengeReader(std::string_view text) : rest_(text) {}

  void ReadInto(std::vector<Challenge>& out) {
    while (!rest_.empty() && out.size() < kMostChallenges) {
      SkipBlanksAndCommas();
      const std::string word = Token();
      if (word.empty()) {
        if (!rest_.empty()) rest_.remove_prefix(1);
        continue;
      }
      SkipBlanks();
      if (!rest_.starts_with('=')) {
        out.push_back({.scheme = LowerAscii(word), .params = {}});
        continue;
      }
      rest_.remove_prefix(1);
      SkipBlanks();
      std::string value = Value();
      if (!out.empty()) out.back().params.emplace(LowerAscii(word), std::move(value));
    }
  }

 private:
  void SkipBlanks() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
  }
  void SkipBlanksAndCommas() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t' || rest_.front() == ',')) {
      rest_.remove_prefix(1);
    }
  }
  std::string Token() {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), IsTokenChar);
    std::string out(rest_.begin(), end);
    rest_.remove_prefix(out.size());
    return out;
  }
  std::string Value() {
    if (!rest_.starts_with('"')) return Token();
    std::string out;
    rest_.remove_prefix(1);
    while (!rest_.empty() && rest_.front() != '"') {
      if (rest_.front() == '\\' && rest_.size() > 1) rest_.remove_prefix(1);
      out += rest_.front();
      rest_.remove_prefix(1);
    }
    if (!rest_.empty()) rest_.remove_prefix(1);
    return out;
  }

  std::string_view rest_;
};

}  // namespace

ScopeSet ScopeSet::Pull(std::string_view repository) {
  ScopeSet out;
  out.Add(fmt::format("repository:{}:pull", repository));
  return out;
}

ScopeSet ScopeSet::Push(std::string_view repository) {
  ScopeSet out;
  out.Add(fmt::format("repository:{}:pull,push", repository));
  return out;
}

void ScopeSet::Add(std::string_view text) {
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t colon = one.rfind(':');
    if (colon == std::string_view::npos || one.find(':') == colon) continue;
    std::set<std::string>& actions = actions_[std::string(one.substr(0, colon))];
    one.remove_prefix(colon + 1);
    while (!one.empty()) {
      const size_t comma = std::min(one.find(','), one.size());
      if (comma > 0) actions.emplace(one.substr(0, comma));
      one.remove_prefix(std::min(comma + 1, one.size()));
    }
  }
}

void ScopeSet::Merge(const ScopeSet& other) {
  for (const auto& [resource, actions] : other.actions_) actions_[resource].insert(actions.begin(), actions.end());
}

bool ScopeSet::Covers(const ScopeSet& other) const {
  return std::all_of(other.actions_.begin(), other.actions_.end(), [this](const auto& wanted) {
    const auto have = actions_.find(wanted.first);
    return have != actions_.end() &&
           std::includes(have->second.begin(), have->second.end(), wanted.second.begin(), wanted.second.end());
  });
}

std::vector<std::string> ScopeSet::ToStrings() const {
  std::vector<std::string> out;
  for (const auto& [resource, actions] : actions_)
    out.push_back(fmt::format("{}:{}", resource, fmt::join(actions, ",")));
  return out;
}

std::string Challenge::Param(const std::string& name) const {
  const auto it = params.find(name);
  return it == params.end() ? "" : it->second;
}

std::vector<Challenge> ParseChallenges(const http::Headers& headers) {
  std::vector<Challenge> out;
  for (const std::string_view field : headers.GetAll("WWW-Authenticate")) ChallengeReader(field).ReadInto(out);
  return out;
}

}  // namespace slipway::registry
