#include "steps/task/source_map.h"

#include <algorithm>
#include <charconv>

namespace slipway::task {

namespace {

// Neither is in a file that SplitLines has accepted, so neither is there but for us.
constexpr char kOpen = '\x01';
constexpr char kClose = '\x02';

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

void AppendMark(int line, size_t column, std::string* out) {
  fmt::format_to(std::back_inserter(*out), "{}{}:{}{}", kOpen, line, column + 1, kClose);
}

// Goes through a text with templates in it, and says where each action ends. An action may span lines.
class Marker {
 public:
  std::string Run(const SourceLines& lines) {
    for (const SourceLine& line : lines) {
      Line(line);
      out_.push_back('\n');
    }
    return std::move(out_);
  }

 private:
  void Line(const SourceLine& line) {
    const std::string_view text = line.text;
    bool due = true;  // a mark goes before the next word
    size_t i = 0;
    while (i < text.size()) {
      if (in_action_) {
        const size_t end = EndOfAction(text, i);
        out_.append(text.substr(i, end - i));
        i = end;
        due = true;
      } else if (text.substr(i, 2) == "{{") {
        const bool trims = i + 3 < text.size() && text[i + 2] == '-' && IsBlank(text[i + 3]);
        if (due && !trims) AppendMark(line.number, i, &out_);
        out_.append("{{");
        i += 2;
        Begin(text.substr(i));
      } else {
        if (due && !IsBlank(text[i])) {
          AppendMark(line.number, i, &out_);
          due = false;
        }
        out_.push_back(text[i++]);
      }
    }
  }

  void Begin(std::string_view rest) {
    in_action_ = true;
    quote_ = 0;
    if (rest.size() > 1 && rest[0] == '-' && IsBlank(rest[1])) rest.remove_prefix(2);
    comment_ = rest.starts_with("/*");
  }

  // Behind the "}}" that ends the action, or the end of the line.
  size_t EndOfAction(std::string_view text, size_t i) {
    for (; i < text.size(); ++i) {
      if (comment_) {
        if (text.substr(i, 2) == "*/") comment_ = false;
      } else if (quote_ != 0) {
        if (text[i] == '\\' && quote_ != '`') {
          ++i;
        } else if (text[i] == quote_) {
          quote_ = 0;
        }
      } else if (text.substr(i, 2) == "}}") {
        in_action_ = false;
        return i + 2;
      } else if (text[i] == '"' || text[i] == '`' || text[i] == '\'') {
        quote_ = text[i];
      }
    }
    // Only a raw string goes on in the next line.
    if (quote_ != '`') quote_ = 0;
    return text.size();
  }

  std::string out_;
  bool in_action_ = false;
  bool comment_ = false;
  char quote_ = 0;
};

}  // namespace

std::string PlacePrefix(std::string_view file, Position position) {
  if (position.line == 0) return fmt::format("{}: ", file);
  return fmt::format("{}:{}:{}: ", file, position.line, position.column);
}

Result<SourceLines> SplitLines(std::string_view file, std::string_view text, size_t max_bytes) {
  if (text.size() > max_bytes) {
    return InvalidArgument("{}: has {} bytes; a task file may have {}", file, text.size(), max_bytes);
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  SourceLines lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    const int number = static_cast<int>(lines.size()) + 1;
    const auto bad = std::find_if(line.begin(), line.end(), [](char c) {
      return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
    });
    if (bad != line.end()) {
      return InvalidArgument("{}the control character 0x{:02x} has no place in a task file",
                             PlacePrefix(file, {number, static_cast<int>(bad - line.begin()) + 1}),
                             static_cast<unsigned>(static_cast<unsigned char>(*bad)));
    }
    lines.push_back({.number = number, .text = std::string(line)});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string JoinLines(const SourceLines& lines) {
  std::string out;
  for (const SourceLine& line : lines) out.append(line.text).append("\n");
  return out;
}

std::string Mark(const SourceLines& lines) { return Marker().Run(lines); }

std::string SourceMap::Unmark(std::string_view marked) {
  std::string out;
  size_t line_begin = 0;
  while (!marked.empty()) {
    const size_t open = std::min(marked.find(kOpen), marked.size());
    const std::string_view plain = marked.substr(0, open);
    if (const size_t last = plain.rfind('\n'); last != std::string_view::npos) line_begin = out.size() + last + 1;
    out.append(plain);
    marked.remove_prefix(open);
    const size_t close = marked.find(kClose);
    if (close == std::string_view::npos) {
      out.append(marked);
      break;
    }
    Position source;
    const char* end = marked.data() + close;
    const auto line = std::from_chars(marked.data() + 1, end, source.line);
    if (line.ptr != end) std::from_chars(line.ptr + 1, end, source.column);
    anchors_.push_back({.offset = out.size(), .line_begin = line_begin, .source = source});
    marked.remove_prefix(close + 1);
  }
  for (size_t i = out.find('\n'); i != std::string::npos; i = out.find('\n', i + 1)) line_ends_.push_back(i);
  return out;
}

Position SourceMap::At(size_t offset) const {
  auto after = std::upper_bound(anchors_.begin(), anchors_.end(), offset,
                                [](size_t value, const Anchor& anchor) { return value < anchor.offset; });
  if (after == anchors_.begin()) return anchors_.empty() ? Position() : anchors_.front().source;
  const Anchor& anchor = *std::prev(after);
  const auto line_end = std::lower_bound(line_ends_.begin(), line_ends_.end(), anchor.offset);
  const bool same_line = line_end == line_ends_.end() || offset <= *line_end;
  Position source = anchor.source;
  if (same_line) source.column += static_cast<int>(offset - anchor.offset);
  return source;
}

}  // namespace slipway::task
