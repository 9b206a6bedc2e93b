// The parse tree: a Dockerfile cut into instructions and each into keyword, flags and arguments. What the words mean is
// told by ParseNode (instruction_parser.h). Pure; errors are INVALID_ARGUMENT and say where they are.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "executor/base/status.h"
#include "executor/dockerfile/instructions.h"
#include "executor/dockerfile/source_text.h"

namespace slipway::dockerfile {

struct Node {
  std::string keyword;
  /// "--name=value", quotes taken off.
  std::vector<std::string> flags;
  /// By keyword: the words, or one text, or (ENV, LABEL) name, value and "=" or "" for each pair.
  std::vector<std::string> args;
  /// The arguments were a JSON array.
  bool json_form = false;
  /// ONBUILD: the instruction within.
  std::unique_ptr<Node> trigger;
  std::vector<Heredoc> heredocs;
  /// The joined line.
  std::string original;
  SourceRange range;
  std::vector<std::string> comments;

  /// The part of the instruction, as written, that the last error is about; "" is all of it. Set by Blame.
  std::string fault;
  /// Notes what an error is about, in passing: return node.Blame(word, InvalidArgument(…)).
  Status Blame(std::string_view part, Status error) {
    fault = part;
    return error;
  }
};

struct Tree {
  Directives directives;
  std::vector<Node> nodes;
  std::vector<int> empty_continuation_lines;
};

/// Fills `tree`, which after an error holds the directives and no nodes.
Status ParseTree(const SourceText& source, Tree* tree);

/// The node as an s-expression without the outer brackets: copy ["--from=a"] "x" "y".
std::string Dump(const Node& node);

}  // namespace slipway::dockerfile
