#include "executor/dockerfile/tree.h"

#include <algorithm>
#include <utility>

#include "executor/base/ascii.h"
#include "executor/base/utf8.h"
#include "executor/dockerfile/directives.h"
#include "executor/dockerfile/go_text.h"
#include "executor/dockerfile/heredoc.h"
#include "executor/dockerfile/line_args.h"

namespace slipway::dockerfile {

namespace {

constexpr size_t kMaxLine = 65535;
constexpr size_t kMaxInstructions = 100'000;
constexpr int kMaxTriggers = 8;

std::string_view TrimLineEnd(std::string_view line) {
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool IsComment(std::string_view line) { return utf8::TrimLeft(line).starts_with('#'); }

// Takes the escape character off a line that goes on with the next; a doubled one is none.
bool TakeContinuation(char32_t escape, std::string_view* line) {
  const char mark = static_cast<char>(escape);
  const size_t last = line->find_last_not_of(" \t");
  if (last == std::string_view::npos || (*line)[last] != mark) return false;
  if (last > 0 && (*line)[last - 1] == mark) return false;
  *line = line->substr(0, last);
  return true;
}

Status NodeFromLine(std::string_view line, char32_t escape, int depth, Node* node) {
  node->original = line;
  std::string_view rest = utf8::Trim(line);
  const size_t length = std::min(rest.find_first_of(kArgBlanks), rest.size());
  node->keyword = rest.substr(0, length);
  rest.remove_prefix(length);
  node->flags = TakeFlags(escape, &rest);
  rest = utf8::Trim(rest);
  if (LowerAscii(node->keyword) != "onbuild") return ParseArgs(rest, escape, node);
  if (rest.empty()) return {};
  if (depth == kMaxTriggers) return InvalidArgument("ONBUILD within ONBUILD is not allowed");
  node->trigger = std::make_unique<Node>();
  Status status = NodeFromLine(rest, escape, depth + 1, node->trigger.get());
  node->fault = node->trigger->fault;
  return status;
}

bool MayHaveHeredocs(const Node& node) {
  const Node& inner = node.trigger != nullptr ? *node.trigger : node;
  const std::string keyword = LowerAscii(inner.keyword);
  return !inner.json_form && (keyword == "add" || keyword == "copy" || keyword == "run");
}

class TreeParser {
 public:
  TreeParser(const SourceText& source, Tree* tree) : source_(source), rest_(source.text()), tree_(*tree) {
    constexpr std::string_view kBom = "\xEF\xBB\xBF";
    if (rest_.starts_with(kBom)) {
      rest_.remove_prefix(kBom.size());
      bom_size_ = kBom.size();
    }
  }

  // A tree that is not whole is none, but its directives may matter.
  Status Run() {
    FindSyntaxAndCheck(rest_, &tree_.directives);
    Status status = Lines();
    if (!status.ok()) tree_ = Tree{.directives = tree_.directives, .nodes = {}, .empty_continuation_lines = {}};
    return status;
  }

 private:
  Status Lines() {
    std::string_view line;
    while (true) {
      SLIPWAY_ASSIGN_OR_RETURN(const bool more, NextLine(&line));
      if (!more) break;
      SLIPWAY_RETURN_IF_ERROR(TopLine(line));
    }
    if (tree_.nodes.empty())
      return InvalidArgument("{}: it is empty: there are no instructions in it", source_.filename());
    return {};
  }

  char32_t escape() const { return tree_.directives.escape; }

  Status Here(const Status& error) const { return source_.At({.start_line = line_number_}, error); }

  // The next line with its line end; false at the end.
  Result<bool> NextLine(std::string_view* line) {
    if (rest_.empty()) return false;
    const size_t end = rest_.find('\n');
    const size_t size = end == std::string_view::npos ? rest_.size() : end;
    ++line_number_;
    if (size > kMaxLine) return Here(InvalidArgument("the line is longer than {} bytes", kMaxLine));
    *line = rest_.substr(0, end == std::string_view::npos ? size : size + 1);
    rest_.remove_prefix(line->size());
    return true;
  }

  // A line that is not within an instruction.
  Status TopLine(std::string_view raw) {
    const std::string_view line = utf8::TrimLeft(TrimLineEnd(raw));
    SLIPWAY_ASSIGN_OR_RETURN(const bool directive, TakeDirective(line));
    if (directive) return {};
    if (IsComment(line)) {
      AddComment(line);
      return {};
    }
    if (line.empty()) return {};
    const size_t indent = static_cast<size_t>(line.data() - raw.data()) + (line_number_ == 1 ? bom_size_ : 0);
    return Instruction(line, static_cast<int>(indent) + 1);
  }

  Result<bool> TakeDirective(std::string_view line) {
    Result<std::optional<Directive>> directive = directive_reader_.Read(line);
    if (!directive.ok()) return Here(directive.status());
    if (!directive->has_value()) return false;
    if ((*directive)->name != "escape") return true;
    const Result<char32_t> escape = ParseEscape((*directive)->value);
    if (!escape.ok()) return Here(escape.status());
    tree_.directives.escape = *escape;
    return true;
  }

  void AddComment(std::string_view line) {
    const std::string_view text = utf8::Trim(line.substr(1));
    if (text.empty()) {
      comments_.clear();
    } else {
      comments_.emplace_back(text);
    }
  }

  Status Instruction(std::string_view first, int column) {
    SourceRange range{.start_line = line_number_, .start_column = column};
    std::string text;
    SLIPWAY_RETURN_IF_ERROR(JoinLines(first, &text));
    range.end_line = line_number_;
    Node node;
    const Status parsed = NodeFromLine(text, escape(), 0, &node);
    if (!parsed.ok()) return source_.At(range, parsed, node.fault);
    if (MayHaveHeredocs(node) && text.find("<<") != std::string::npos) {
      SLIPWAY_RETURN_IF_ERROR(ReadHeredocs(text, range, &node));
    }
    range.end_line = line_number_;
    range.end_column = static_cast<int>(source_.Line(line_number_).size());
    node.range = range;
    node.comments = std::exchange(comments_, {});
    if (tree_.nodes.size() == kMaxInstructions) {
      return source_.At(range, InvalidArgument("more than {} instructions", kMaxInstructions));
    }
    tree_.nodes.push_back(std::move(node));
    return {};
  }

  // Comments and blank lines between continued lines are left out.
  Status JoinLines(std::string_view line, std::string* text) {
    bool goes_on = TakeContinuation(escape(), &line);
    *text = line;
    bool blank_line = false;
    std::string_view raw;
    while (goes_on) {
      SLIPWAY_ASSIGN_OR_RETURN(const bool more, NextLine(&raw));
      if (!more) break;
      std::string_view next = TrimLineEnd(raw);
      if (IsComment(next)) continue;
      if (utf8::TrimLeft(next).empty()) {
        blank_line = true;
        continue;
      }
      goes_on = TakeContinuation(escape(), &next);
      *text += next;
    }
    if (blank_line) tree_.empty_continuation_lines.push_back(line_number_);
    return {};
  }

  Status ReadHeredocs(std::string_view text, const SourceRange& range, Node* node) {
    Result<std::vector<Heredoc>> heredocs = HeredocsOfLine(text);
    if (!heredocs.ok()) return source_.At(range, heredocs.status());
    node->heredocs = *std::move(heredocs);
    for (Heredoc& heredoc : node->heredocs) {
      SLIPWAY_ASSIGN_OR_RETURN(const bool closed, ReadHeredoc(&heredoc));
      if (!closed) {
        return source_.At(
            range, InvalidArgument("heredoc '{0}' is not closed; no line that is just '{0}' follows it", heredoc.name),
            "<<");
      }
    }
    return {};
  }

  Result<bool> ReadHeredoc(Heredoc* heredoc) {
    std::string_view raw;
    while (true) {
      SLIPWAY_ASSIGN_OR_RETURN(const bool more, NextLine(&raw));
      if (!more) return false;
      std::string_view line = TrimLineEnd(raw);
      if (heredoc->strip_tabs) line.remove_prefix(std::min(line.find_first_not_of('\t'), line.size()));
      if (line == heredoc->name) return true;
      heredoc->content += raw;
    }
  }

  const SourceText& source_;
  std::string_view rest_;
  size_t bom_size_ = 0;
  int line_number_ = 0;
  DirectiveReader directive_reader_;
  std::vector<std::string> comments_;
  Tree& tree_;
};

}  // namespace

Status ParseTree(const SourceText& source, Tree* tree) { return TreeParser(source, tree).Run(); }

std::string Dump(const Node& node) {
  std::string text = LowerAscii(node.keyword);
  if (!node.flags.empty()) text += " " + QuoteList(node.flags);
  for (const std::string& arg : node.args) text += " " + Quote(arg);
  if (node.trigger != nullptr) text += " (" + Dump(*node.trigger) + ")";
  return text;
}

}  // namespace slipway::dockerfile
