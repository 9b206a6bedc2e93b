// Node: a template as a tree; what the parser makes and the executor walks. Immutable once it is parsed.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace slipway::run_template {

enum class NodeType {
  kText,
  kAction,  ///< pipe
  kBreak,
  kContinue,
  kIf,        ///< pipe, list, else_list
  kWith,      ///< pipe, list, else_list
  kRange,     ///< pipe, list, else_list
  kTemplate,  ///< text (the name), pipe or null
  kList,      ///< children
  kPipe,      ///< variables, is_assign, children (commands)
  kCommand,   ///< children: the function or operand, then its arguments
  kField,     ///< path
  kVariable,  ///< path: "$x", then fields
  kChain,     ///< children[0], path
  kIdentifier,
  kDot,
  kNil,
  kBool,
  kNumber,
  kString,  ///< text as it was written, value
  kEnd,     ///< of the parser only
  kElse,    ///< of the parser only
};

/// A constant under every type that can hold it, as Go's ideal constants.
struct Number {
  std::optional<int64_t> integer;
  std::optional<uint64_t> unsigned_integer;
  std::optional<double> floating;
  bool is_floating = false;  ///< its spelling says so: what it is where any type fits
};

struct Node;
using NodePtr = std::unique_ptr<Node>;

struct Node {
  NodeType type;
  size_t pos;  ///< byte offset in the template's text
  std::string text;
  std::string value;
  std::vector<std::string> path;
  std::vector<NodePtr> children;
  std::vector<std::string> variables;
  bool is_assign = false;
  bool truth = false;
  Number number;
  NodePtr pipe;
  NodePtr list;
  NodePtr else_list;
};

/// The node as source text again, for error messages.
std::string ToString(const Node& node);
/// Nothing but space: a definition that a later one may replace.
bool IsEmptyTree(const Node& node);

/// All templates of one text: the main one and what it defines.
struct TemplateSet {
  std::string name;
  std::string text;
  std::map<std::string, NodePtr, std::less<>> templates;
};

/// "name:line:column" of a byte of `text`; both count from 1.
std::string Location(std::string_view name, std::string_view text, size_t pos);

}  // namespace slipway::run_template
