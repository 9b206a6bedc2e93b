#include "executor/dockerfile/source_text.h"

#include <utility>

#include "executor/base/utf8.h"
#include "executor/dockerfile/unicode.h"

namespace slipway::dockerfile {

namespace {

constexpr size_t kMaxShown = 160;
constexpr size_t kMaxMessage = 4000;

// A line as it can be shown in a terminal: cut, and control characters made harmless.
std::string Shown(std::string_view line) {
  std::string shown;
  while (!line.empty()) {
    const utf8::Rune rune = utf8::Decode(line);
    if (shown.size() > kMaxShown) return shown + "…";
    utf8::Append(rune.value == '\t' ? U' ' : IsPrintable(rune.value) ? rune.value : utf8::kReplacement, &shown);
    line.remove_prefix(rune.size);
  }
  return shown;
}

// Messages quote words of the file, and a word can be as long as the file.
std::string Cut(std::string_view message) {
  if (message.size() <= kMaxMessage) return std::string(message);
  size_t size = kMaxMessage;
  while (size > 0 && (static_cast<unsigned char>(message[size]) & 0xC0) == 0x80) --size;
  return std::string(message.substr(0, size)) + "…";
}

}  // namespace

SourceText::SourceText(std::string filename, std::string text)
    : filename_(std::move(filename)), text_(std::move(text)) {
  for (size_t at = 0; at < text_.size();) {
    line_starts_.push_back(at);
    const size_t end = text_.find('\n', at);
    at = end == std::string::npos ? text_.size() : end + 1;
  }
}

std::string_view SourceText::Line(int number) const {
  if (number < 1 || number > line_count()) return {};
  const size_t index = static_cast<size_t>(number) - 1;
  const size_t end = index + 1 < line_starts_.size() ? line_starts_[index + 1] : text_.size();
  std::string_view line = std::string_view(text_).substr(line_starts_[index], end - line_starts_[index]);
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

Status SourceText::At(const SourceRange& where, const Status& error) const {
  if (error.ok() || !where.known()) return error;
  return Status(error.code(), fmt::format("{}:{}: {}\n{:>5} | {}", filename_, where.start_line, Cut(error.message()),
                                          where.start_line, Shown(Line(where.start_line))));
}

}  // namespace slipway::dockerfile
