// SourceText: a Dockerfile's text with its name, and the errors that point into it.
//
// Immutable once made, so threads may share it. Lines and columns are counted from 1; columns count bytes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"

namespace slipway::dockerfile {

/// Where something stands in a Dockerfile, both ends included. All zero: nowhere (an ONBUILD trigger of a base image).
struct SourceRange {
  int start_line = 0;
  int start_column = 0;
  int end_line = 0;
  int end_column = 0;

  bool known() const { return start_line > 0; }
  bool operator==(const SourceRange&) const = default;
};

class SourceText {
 public:
  SourceText(std::string filename, std::string text);
  SourceText(const SourceText&) = delete;
  SourceText& operator=(const SourceText&) = delete;

  const std::string& filename() const { return filename_; }
  const std::string& text() const { return text_; }
  int line_count() const { return static_cast<int>(line_starts_.size()); }
  /// Line `number` without its line end; empty if there is none such.
  std::string_view Line(int number) const;

  /// `error` with "Dockerfile:3:5: " in front and below it the line and a mark under the column; the code is kept, a
  /// message of more than 12000 bytes is cut. `fault` is the part of `where` that the error is about, as written there:
  /// the column is its first character's. Where that is not found, it is that of `where`, or of the line's text.
  /// OK and an unknown place change nothing. To be called once for an error, by who knows where it belongs.
  Status At(const SourceRange& where, const Status& error, std::string_view fault = {}) const;

  /// The lines of `where` with their numbers ("    3 | RUN x"), as they can be shown in a terminal: without control
  /// characters, long ones cut, at most ten of them. No line end behind the last.
  std::string Excerpt(const SourceRange& where) const;

 private:
  struct Spot {
    int line = 0;
    int column = 0;
  };
  Spot Find(const SourceRange& where, std::string_view fault) const;
  std::string Pointed(const Spot& spot) const;

  std::string filename_;
  std::string text_;
  std::vector<size_t> line_starts_;
};

}  // namespace slipway::dockerfile
