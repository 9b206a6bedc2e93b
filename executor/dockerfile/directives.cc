#include "executor/dockerfile/directives.h"

#include <algorithm>

namespace slipway::dockerfile {

namespace {

constexpr std::string_view kBlanks = "\t\n\f\r ";

bool IsAsciiLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsAsciiDigit(char c) { return c >= '0' && c <= '9'; }

void SkipBlanks(std::string_view* text) {
  text->remove_prefix(std::min(text->find_first_not_of(kBlanks), text->size()));
}

}  // namespace

std::optional<Directive> ParseDirective(std::string_view line) {
  if (!line.starts_with('#')) return std::nullopt;
  Directive directive;
  line.remove_prefix(1);
  SkipBlanks(&line);
  while (!line.empty() && (IsAsciiLetter(line[0]) || (IsAsciiDigit(line[0]) && !directive.name.empty()))) {
    directive.name += static_cast<char>(line[0] | 0x20);  // letters become lower case, digits stay
    line.remove_prefix(1);
  }
  SkipBlanks(&line);
  if (directive.name.empty() || !line.starts_with('=')) return std::nullopt;
  line.remove_prefix(1);
  if (line.empty()) return std::nullopt;
  std::string_view value = line;
  SkipBlanks(&value);
  value.remove_suffix(value.size() - (value.find_last_not_of(kBlanks) + 1));
  directive.value = value.empty() ? line.substr(line.size() - 1) : value;
  return directive;
}

Result<std::optional<Directive>> DirectiveReader::Read(std::string_view line) {
  if (done_) return std::optional<Directive>();
  std::optional<Directive> directive = ParseDirective(line);
  if (!directive || (directive->name != "syntax" && directive->name != "escape" && directive->name != "check")) {
    done_ = true;
    return std::optional<Directive>();
  }
  if (!seen_.insert(directive->name).second) {
    return InvalidArgument("the parser directive '{}' was given before; remove one", directive->name);
  }
  return directive;
}

Result<char32_t> ParseEscape(std::string_view value) {
  if (value == "\\") return U'\\';
  if (value == "`") return U'`';
  return InvalidArgument("escape character '{}' is neither ` nor \\", value);
}

void FindSyntaxAndCheck(std::string_view text, Directives* directives) {
  DirectiveReader reader;
  for (int number = 1; !text.empty() && !reader.done(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (number == 1 && line.starts_with("#!")) continue;
    Result<std::optional<Directive>> directive = reader.Read(line);
    if (!directive.ok()) return;  // the parser proper reports it
    if (!directive->has_value()) continue;
    if ((*directive)->name == "syntax") directives->syntax = (*directive)->value;
    if ((*directive)->name != "check") continue;
    directives->check = (*directive)->value.substr(0, (*directive)->value.find(' '));
    directives->check_line = number;
  }
}

}  // namespace slipway::dockerfile
