// FakeTerminal: the screen that a real terminal would show for the bytes that were written to it. Knows what our view
// writes: line feed (as with ONLCR), carriage return, cursor up, clearing, colours (which it drops), hiding the cursor.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "cli/text_width.h"
#include "executor/base/utf8.h"

namespace slipway::cli {

class FakeTerminal {
 public:
  explicit FakeTerminal(size_t columns) : columns_(columns) {}

  void Write(std::string_view bytes) {
    while (!bytes.empty()) {
      if (bytes.starts_with("\x1b[")) {
        const size_t end = bytes.find_first_of("ABCDHJKhlm", 2);
        ASSERT_NE(end, std::string_view::npos);
        Control(bytes.substr(2, end - 2), bytes[end]);
        bytes.remove_prefix(end + 1);
        continue;
      }
      const utf8::Rune rune = utf8::Decode(bytes);
      if (rune.value == '\n') {
        column_ = 0;
        ++row_;
      } else if (rune.value == '\r') {
        column_ = 0;
      } else {
        Put(bytes.substr(0, rune.size));
      }
      bytes.remove_prefix(rune.size);
    }
  }

  /// Rows joined by line feeds, without blanks at their ends and empty rows at the end.
  std::string Screen() const {
    std::string out;
    size_t last = 0;
    std::vector<std::string> rows;
    for (const auto& cells : rows_) {
      std::string row;
      for (const std::string& cell : cells) row += cell.empty() ? " " : cell;
      row.erase(row.find_last_not_of(' ') + 1);
      rows.push_back(row);
      if (!row.empty()) last = rows.size();
    }
    for (size_t i = 0; i < last; ++i) out += rows[i] + "\n";
    return out;
  }
  bool cursor_hidden() const { return hidden_; }

 private:
  void Put(std::string_view character) {
    if (Columns(character) == 0) return;
    if (column_ == columns_) {
      column_ = 0;
      ++row_;
    }
    if (rows_.size() <= row_) rows_.resize(row_ + 1);
    if (rows_[row_].size() <= column_) rows_[row_].resize(column_ + 1);
    rows_[row_][column_++] = character;
  }

  void Control(std::string_view parameters, char final) {
    const size_t count = parameters.empty() ? 1 : static_cast<size_t>(std::atoi(std::string(parameters).c_str()));
    switch (final) {
      case 'A': row_ -= std::min(row_, count); break;
      case 'K':
        if (row_ < rows_.size()) rows_[row_].resize(std::min(rows_[row_].size(), column_));
        break;
      case 'J':
        if (row_ < rows_.size()) {
          rows_[row_].resize(std::min(rows_[row_].size(), column_));
          rows_.resize(row_ + 1);
        }
        break;
      case 'h': hidden_ = false; break;
      case 'l': hidden_ = true; break;
      case 'm': break;
      default: FAIL() << "unknown control sequence " << final;
    }
  }

  const size_t columns_;
  std::vector<std::vector<std::string>> rows_;
  size_t row_ = 0;
  size_t column_ = 0;
  bool hidden_ = false;
};

}  // namespace slipway::cli
