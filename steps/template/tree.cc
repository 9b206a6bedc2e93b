#include "steps/template/tree.h"

#include <fmt/format.h>

#include <algorithm>

namespace slipway::run_template {

namespace {

void Write(const Node& node, std::string* out);

void WritePath(const Node& node, std::string* out) {
  for (size_t i = 0; i < node.path.size(); ++i) {
    if (i > 0 || node.type != NodeType::kVariable) *out += '.';
    *out += node.path[i];
  }
}

void WriteOperand(const Node& node, std::string* out) {
  const bool parens = node.type == NodeType::kPipe;
  if (parens) *out += '(';
  Write(node, out);
  if (parens) *out += ')';
}

void WritePipe(const Node& node, std::string* out) {
  for (size_t i = 0; i < node.variables.size(); ++i) *out += (i > 0 ? ", " : "") + node.variables[i];
  if (!node.variables.empty()) *out += node.is_assign ? " = " : " := ";
  for (size_t i = 0; i < node.children.size(); ++i) {
    if (i > 0) *out += " | ";
    Write(*node.children[i], out);
  }
}

void WriteBranch(std::string_view word, const Node& node, std::string* out) {
  *out += fmt::format("{{{{{} ", word);
  WritePipe(*node.pipe, out);
  *out += "}}";
}

void Write(const Node& node, std::string* out) {
  switch (node.type) {
    case NodeType::kText: *out += node.text; break;
    case NodeType::kAction:
      *out += "{{";
      WritePipe(*node.pipe, out);
      *out += "}}";
      break;
    case NodeType::kBreak: *out += "{{break}}"; break;
    case NodeType::kContinue: *out += "{{continue}}"; break;
    case NodeType::kEnd: *out += "{{end}}"; break;
    case NodeType::kElse: *out += "{{else}}"; break;
    case NodeType::kIf: WriteBranch("if", node, out); break;
    case NodeType::kWith: WriteBranch("with", node, out); break;
    case NodeType::kRange: WriteBranch("range", node, out); break;
    case NodeType::kTemplate:
      *out += fmt::format("{{{{template \"{}\"", node.text);
      if (node.pipe) {
        *out += ' ';
        WritePipe(*node.pipe, out);
      }
      *out += "}}";
      break;
    case NodeType::kList:
      for (const NodePtr& child : node.children) Write(*child, out);
      break;
    case NodeType::kPipe: WritePipe(node, out); break;
    case NodeType::kCommand:
      for (size_t i = 0; i < node.children.size(); ++i) {
        if (i > 0) *out += ' ';
        WriteOperand(*node.children[i], out);
      }
      break;
    case NodeType::kField:
    case NodeType::kVariable: WritePath(node, out); break;
    case NodeType::kChain:
      WriteOperand(*node.children[0], out);
      WritePath(node, out);
      break;
    case NodeType::kDot: *out += '.'; break;
    case NodeType::kNil: *out += "nil"; break;
    case NodeType::kBool: *out += node.truth ? "true" : "false"; break;
    case NodeType::kIdentifier:
    case NodeType::kNumber:
    case NodeType::kString: *out += node.text; break;
  }
}

}  // namespace

std::string ToString(const Node& node) {
  std::string out;
  Write(node, &out);
  return out;
}

bool IsEmptyTree(const Node& node) {
  if (node.type == NodeType::kText) return node.text.find_first_not_of(" \t\r\n\v\f") == std::string::npos;
  if (node.type != NodeType::kList) return false;
  return std::all_of(node.children.begin(), node.children.end(),
                     [](const NodePtr& child) { return IsEmptyTree(*child); });
}

std::string Location(std::string_view name, std::string_view text, size_t pos) {
  const std::string_view before = text.substr(0, pos);
  const size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return fmt::format("{}:{}:{}", name, 1 + std::count(before.begin(), before.end(), '\n'), pos - line_start + 1);
}

}  // namespace slipway::run_template
