// YamlNode: the first document of a YAML text as a tree, with the place of every node. Anchors are resolved (one node
// may then be reached on several ways, never through itself); what scalars mean is left to the reader of the tree.
//
// Bounded: depth, nodes and the length of the text. A text whose aliases multiply is small here; who walks the tree
// counts.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "executor/base/status.h"

namespace slipway::task {

struct YamlNode;
using YamlNodePtr = std::shared_ptr<const YamlNode>;

struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMapping };
  Kind kind = Kind::kNull;
  size_t offset = 0;  ///< byte of the text where it begins
  std::string tag;    ///< "?" for a plain scalar, "!" for a quoted one or a block, else as given in full
  std::string text;   ///< of a scalar
  std::vector<YamlNodePtr> items;
  std::vector<std::pair<YamlNodePtr, YamlNodePtr>> pairs;  ///< in order; the same key may come again

  bool plain() const { return tag == "?"; }
};

struct YamlLimits {
  size_t depth = 100;
  size_t nodes = 100'000;
};

/// What is wrong with a text, and where.
struct YamlError {
  size_t offset = 0;
  std::string message;
};

/// The tree; nullptr for an empty text or document. Otherwise, if the text is no YAML or past a limit, `error` is set.
YamlNodePtr ParseYaml(const std::string& text, const YamlLimits& limits, YamlError* error);

/// What a node is, for messages: "a list", "the text 'x'", "nothing".
std::string Describe(const YamlNode& node);

/// Whether a plain scalar is YAML's null.
bool IsNull(const YamlNode& node);

}  // namespace slipway::task
