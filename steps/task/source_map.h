// SourceMap: which place of the file that the user wrote a place in a later form of its text comes from.
//
// The text of a task file loses lines (comments, the alias block) and has parts replaced (aliases, templates) before it
// is YAML. So that every error can name the place in the user's file, marks are put between its words before that
// ("Mark"), travel through the replacements untouched, and are taken out again ("Unmark"). Free functions and values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"
#include "steps/task/task.h"

namespace slipway::task {

/// "acb.yaml:3:5: " or, without a place, "acb.yaml: ".
std::string PlacePrefix(std::string_view file, Position position);

/// A line of the user's file, without its end, and its number from 1.
struct SourceLine {
  int number = 0;
  std::string text;
};
using SourceLines = std::vector<SourceLine>;

/// The lines of a file: LF and CRLF end them, a byte order mark is dropped. INVALID_ARGUMENT for control characters,
/// which YAML does not have, and for a text longer than `max_bytes`.
Result<SourceLines> SplitLines(std::string_view file, std::string_view text, size_t max_bytes);
/// The lines with an end after each.
std::string JoinLines(const SourceLines& lines);

/// As JoinLines, with a mark before the words of each line. No mark stands where a template's "{{-" or "-}}" would see
/// it in place of white space, nor within "{{ }}".
std::string Mark(const SourceLines& lines);

class SourceMap {
 public:
  SourceMap() = default;
  /// The text without its marks.
  std::string Unmark(std::string_view marked);
  /// The place that the byte `offset` of the unmarked text comes from.
  Position At(size_t offset) const;

 private:
  struct Anchor {
    size_t offset;      // in the text
    size_t line_begin;  // in the text, of the line with the offset
    Position source;
  };
  std::vector<Anchor> anchors_;
  std::vector<size_t> line_ends_;
};

}  // namespace slipway::task
