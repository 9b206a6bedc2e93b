#include "executor/source/submodules.h"

#include <algorithm>

#include "executor/base/ascii.h"

namespace slipway::source {

namespace {
constexpr size_t kMostSubmodules = 10'000;

std::string_view Trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

/// A value as git reads it: quotes may begin and end anywhere, `\` escapes, # and ; begin a comment outside of quotes.
class Value {
 public:
  /// Takes one line; false if the value goes on in the next one. `ok` is false if it is malformed.
  bool AddLine(std::string_view line) {
    for (size_t i = 0; i < line.size(); ++i) {
      const char c = line[i];
      if (c == '\\') {
        if (i + 1 == line.size()) return false;
        Escape(line[++i]);
      } else if (c == '"') {
        quoted_ = !quoted_;
        kept_ = text_.size();
      } else if (!quoted_ && (c == '#' || c == ';')) {
        break;
      } else {
        text_.push_back(c);
        if (quoted_ || (c != ' ' && c != '\t' && c != '\r')) kept_ = text_.size();
      }
    }
    ok_ = ok_ && !quoted_;
    return true;
  }
  bool ok() const { return ok_; }
  std::string Take() {
    text_.resize(kept_);  // blanks at the end do not count unless they are quoted
    return std::move(text_);
  }

 private:
  void Escape(char c) {
    switch (c) {
      case 'n': text_.push_back('\n'); break;
      case 't': text_.push_back('\t'); break;
      case 'b': text_.push_back('\b'); break;
      case '"':
      case '\\': text_.push_back(c); break;
      default: ok_ = false;
    }
    kept_ = text_.size();
  }

  std::string text_;
  size_t kept_ = 0;
  bool quoted_ = false;
  bool ok_ = true;
};

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {
    if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);
  }

  Result<std::vector<Submodule>> Run() {
    while (!rest_.empty()) {
      std::string_view line = Trim(NextLine());
      if (line.starts_with('[')) {
        SLIPWAY_RETURN_IF_ERROR(Section(&line));
        line = Trim(line);
      }
      if (line.empty() || line.front() == '#' || line.front() == ';') continue;
      SLIPWAY_RETURN_IF_ERROR(Variable(line));
    }
    return std::move(out_);
  }

 private:
  std::string_view NextLine() {
    const size_t end = std::min(rest_.find('\n'), rest_.size());
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    ++number_;
    return line;
  }

  Status Malformed() const { return InvalidArgument(".gitmodules:{}: malformed", number_); }

  // [submodule "name"], with \" and \\ in the name.
  Status Section(std::string_view* line) {
    current_ = false;
    size_t at = 1;
    while (at < line->size() && (*line)[at] != ' ' && (*line)[at] != '\t' && (*line)[at] != ']') ++at;
    const std::string section = LowerAscii(line->substr(1, at - 1));
    while (at < line->size() && ((*line)[at] == ' ' || (*line)[at] == '\t')) ++at;
    std::string name;
    bool named = false;
    if (at < line->size() && (*line)[at] == '"') {
      named = true;
      for (++at; at < line->size() && (*line)[at] != '"'; ++at) {
        if ((*line)[at] == '\\' && at + 1 < line->size()) ++at;
        name.push_back((*line)[at]);
      }
      ++at;
    }
    if (at >= line->size() || (*line)[at] != ']') return Malformed();
    line->remove_prefix(at + 1);
    if (section != "submodule" || !named) return {};
    current_ = true;
    const auto same = std::find_if(out_.begin(), out_.end(), [&name](const Submodule& s) { return s.name == name; });
    if (same != out_.end()) {
      std::rotate(same, same + 1, out_.end());
      return {};
    }
    if (out_.size() >= kMostSubmodules)
      return ResourceExhausted(".gitmodules names more than {} submodules", kMostSubmodules);
    out_.push_back({.name = std::move(name)});
    return {};
  }

  Status Variable(std::string_view line) {
    const size_t equals = line.find('=');
    const std::string key = LowerAscii(Trim(line.substr(0, equals)));
    Value value;
    if (equals != std::string_view::npos) {
      std::string_view text = Trim(line.substr(equals + 1));
      while (!value.AddLine(text)) {
        if (rest_.empty()) return Malformed();
        text = NextLine();
        if (text.ends_with('\r')) text.remove_suffix(1);
      }
    }
    if (!value.ok()) return Malformed();
    if (!current_) return {};
    Submodule& submodule = out_.back();
    if (key == "path") submodule.path = value.Take();
    if (key == "url") submodule.url = value.Take();
    if (key == "update") submodule.skipped = LowerAscii(value.Take()) == "none";
    return {};
  }

  std::string_view rest_;
  size_t number_ = 0;
  bool current_ = false;
  std::vector<Submodule> out_;
};
}  // namespace

Result<std::vector<Submodule>> ParseGitmodules(std::string_view text) { return Parser(text).Run(); }

}  // namespace slipway::source
