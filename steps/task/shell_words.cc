#include "steps/task/shell_words.h"

namespace slipway::task {

namespace {

constexpr std::string_view kOperators = "|&;<>()";

class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}

  Result<ShellSplit> Run() && {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\n') {
        EndWord();
        if (!split_.words.empty()) line_end_ = line_end_ ? line_end_ : std::optional<size_t>(at_);
        ++at_;
      } else if (c == ' ' || c == '\t' || c == '\r') {
        EndWord();
        ++at_;
      } else if (c == '#' && !word_) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (text_.substr(at_, 2) == "\\\n") {
        at_ += 2;
      } else if (line_end_) {
        // There is more after a line end: a second command.
        split_.shell = ShellRequest{.what = "", .offset = *line_end_};
        return std::move(split_);
      } else if (kOperators.find(c) != std::string_view::npos) {
        EndWord();
        split_.shell = ShellRequest{.what = Operator(), .offset = at_};
        return std::move(split_);
      } else {
        SLIPWAY_RETURN_IF_ERROR(Part());
      }
    }
    EndWord();
    return std::move(split_);
  }

 private:
  std::string Operator() const {
    const size_t end = std::min(text_.find_first_not_of(kOperators, at_), text_.size());
    return std::string(text_.substr(at_, std::min<size_t>(end - at_, 2)));
  }

  void EndWord() {
    if (word_) split_.words.push_back(*std::exchange(word_, std::nullopt));
  }

  std::string& Word() {
    if (!word_) word_ = ShellWord{.text = {}, .offset = at_};
    return word_->text;
  }

  // A character or what is in quotes.
  Status Part() {
    std::string& out = Word();
    const char c = text_[at_];
    if (c == '\'') {
      const size_t end = text_.find('\'', at_ + 1);
      if (end == std::string_view::npos) return InvalidArgument("the quote ' has no end");
      out.append(text_.substr(at_ + 1, end - at_ - 1));
      at_ = end + 1;
    } else if (c == '"') {
      return DoubleQuoted(out);
    } else if (c == '\\') {
      if (at_ + 1 == text_.size()) return InvalidArgument("a backslash has nothing behind it");
      out.push_back(text_[at_ + 1]);
      at_ += 2;
    } else {
      out.push_back(c);
      ++at_;
    }
    return Status();
  }

  Status DoubleQuoted(std::string& out) {
    for (size_t i = at_ + 1; i < text_.size(); ++i) {
      if (text_[i] == '"') {
        at_ = i + 1;
        return Status();
      }
      if (text_[i] == '\\' && i + 1 < text_.size() &&
          std::string_view("\"\\$`\n").find(text_[i + 1]) != std::string::npos) {
        ++i;
        if (text_[i] == '\n') continue;
      }
      out.push_back(text_[i]);
    }
    return InvalidArgument("the quote \" has no end");
  }

  const std::string_view text_;
  size_t at_ = 0;
  std::optional<ShellWord> word_;
  std::optional<size_t> line_end_;
  ShellSplit split_;
};

}  // namespace

Result<ShellSplit> SplitShellWords(std::string_view text) { return Splitter(text).Run(); }

}  // namespace slipway::task
