// Scopes and challenges: what a token is for, and what a registry asks for with 401.
//
// Follows the distribution project's token authentication ("repository:name:pull,push") and RFC 9110's
// WWW-Authenticate.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "executor/http/transport.h"

namespace slipway::registry {

/// Actions by resource, e.g. {"repository:library/alpine": {"pull"}}.
class ScopeSet {
 public:
  ScopeSet() = default;
  static ScopeSet Pull(std::string_view repository);
  static ScopeSet Push(std::string_view repository);

  /// Adds "type:name:action,action"; malformed text is passed over. `text` may hold several, parted by blanks.
  void Add(std::string_view text);
  void Merge(const ScopeSet& other);
  /// Whether all of `other` is in this one.
  bool Covers(const ScopeSet& other) const;
  bool empty() const { return actions_.empty(); }
  std::vector<std::string> ToStrings() const;

 private:
  std::map<std::string, std::set<std::string>> actions_;
};

/// One challenge of a WWW-Authenticate field.
struct Challenge {
  std::string scheme;                         ///< lower case: "bearer", "basic"
  std::map<std::string, std::string> params;  ///< names in lower case

  std::string Param(const std::string& name) const;
};

/// All challenges of all fields; what is malformed is passed over.
std::vector<Challenge> ParseChallenges(const http::Headers& headers);

}  // namespace slipway::registry
