// sprig's regular expressions, on RE2: the syntax and the order of matches are those of Go's package regexp.
#include <re2/re2.h>

#include <functional>
#include <limits>

#include "executor/base/utf8.h"
#include "steps/template/functions.h"

namespace slipway::run_template {

namespace {

constexpr size_t kBytesPerStep = 64;
constexpr size_t kMaxPattern = 10'000;  // bytes; compiling is not counted as work
constexpr uint64_t kCompileSteps = 200;
constexpr size_t kInstructionsPerByte = 256;  // of a compiled expression; a longer one takes its time with each byte

using Groups = std::vector<re2::StringPiece>;

Result<std::unique_ptr<re2::RE2>> Compile(const Call& call) {
  const std::string_view pattern = call.text(0);
  if (pattern.size() > kMaxPattern) return InvalidArgument("a regular expression has at most {} bytes", kMaxPattern);
  if (!call.work.Spend(kCompileSteps + pattern.size())) return call.work.status();
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto regex = std::make_unique<re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (!regex->ok()) return InvalidArgument("regexp: Compile(`{}`): {}", pattern, regex->error());
  return regex;
}

class Matcher {
 public:
  Matcher(const Call& call, const re2::RE2& regex, std::string_view text)
      : call_(call), regex_(regex), text_(text), groups_(static_cast<size_t>(regex.NumberOfCapturingGroups()) + 1) {}

  // The first match at or after `pos`.
  bool Find(size_t pos) {
    if (!call_.work.Spend(1 + (text_.size() - pos) * weight_ / kBytesPerStep)) return false;
    const re2::StringPiece whole(text_.data(), text_.size());
    return regex_.Match(whole, pos, text_.size(), re2::RE2::UNANCHORED, groups_.data(),
                        static_cast<int>(groups_.size()));
  }
  size_t begin() const { return static_cast<size_t>(groups_[0].data() - text_.data()); }
  size_t end() const { return begin() + groups_[0].size(); }
  const Groups& groups() const { return groups_; }

  // Up to `limit` matches (all if below 0) from left to right; an empty one does not follow another match at once.
  void Each(int64_t limit, const std::function<void(size_t begin, size_t end)>& found) {
    size_t pos = 0;
    size_t last_end = std::string_view::npos;
    for (int64_t count = 0; (limit < 0 || count < limit) && pos <= text_.size() && Find(pos);) {
      const bool again = end() == pos && begin() == last_end;
      last_end = end();
      pos = end() == pos ? pos + std::max<size_t>(1, utf8::Decode(text_.substr(pos)).size) : end();
      if (again) continue;
      found(begin(), last_end);
      ++count;
    }
  }

  // Go's ReplaceAll: `replacement` appends what stands for the match that was just found, and counts it.
  std::string Replace(const std::function<void(std::string* out)>& replacement) {
    std::string out;
    size_t pos = 0;
    size_t last_end = 0;
    while (pos <= text_.size() && Find(pos)) {
      const size_t from = begin();
      const size_t to = end();
      if (!call_.work.Reserve(from - last_end)) break;
      out += text_.substr(last_end, from - last_end);
      if (to > last_end || from == 0) replacement(&out);
      last_end = to;
      const size_t width = pos < text_.size() ? utf8::Decode(text_.substr(pos)).size : 0;
      pos = pos + width > to ? pos + width : pos + 1 > to ? pos + 1 : to;
    }
    return out.append(text_.substr(last_end));
  }

 private:
  const Call& call_;
  const re2::RE2& regex_;
  std::string_view text_;
  Groups groups_;
  size_t weight_ = 1 + static_cast<size_t>(regex_.ProgramSize()) / kInstructionsPerByte;
};

Result<Value> Match(const Call& call) {
  // An expression that is none matches nothing.
  const Result<std::unique_ptr<re2::RE2>> regex = Compile(call);
  return Value::Bool(regex.ok() && Matcher(call, **regex, call.text(1)).Find(0));
}

Result<Value> Find(const Call& call) {
  SLIPWAY_ASSIGN_OR_RETURN(const auto regex, Compile(call));
  Matcher matcher(call, *regex, call.text(1));
  if (!matcher.Find(0)) return Value::Text("");
  return Value::Text(call.text(1).substr(matcher.begin(), matcher.end() - matcher.begin()));
}

Result<Value> FindAll(const Call& call) {
  SLIPWAY_ASSIGN_OR_RETURN(const auto regex, Compile(call));
  std::vector<Value> out;
  Matcher(call, *regex, call.text(1)).Each(call.integer(2), [&](size_t begin, size_t end) {
    out.push_back(Value::Text(call.text(1).substr(begin, end - begin)));
  });
  if (out.empty()) return call.work.NilList(Element::kString);
  return call.work.NewList(std::move(out), Element::kString);
}

bool IsNameByte(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// What "$1", "$name" and "${name}" in a replacement stand for. Longest name first, as Go has it.
class Expander {
 public:
  Expander(Workspace& work, const re2::RE2& regex, std::string_view pattern)
      : work_(work), names_(regex.NamedCapturingGroups()), pattern_(pattern) {}

  // Counted piece by piece: the pattern may name a large group a million times, or hold a million names of none.
  void Append(const Groups& groups, std::string* out) const {
    std::string_view rest = pattern_;
    while (!rest.empty() && work_.Spend(1)) {
      const size_t dollar = std::min(rest.find('$'), rest.size());
      Put(rest.substr(0, dollar), out);
      rest.remove_prefix(dollar);
      if (rest.empty()) return;
      rest.remove_prefix(1);
      if (rest.starts_with('$')) {
        *out += '$';
        rest.remove_prefix(1);
        continue;
      }
      const std::optional<std::string_view> name = TakeName(rest);
      if (!name) {
        *out += '$';
        continue;
      }
      const std::optional<size_t> group = GroupOf(*name);
      if (group && *group < groups.size()) Put({groups[*group].data(), groups[*group].size()}, out);
    }
  }

 private:
  void Put(std::string_view text, std::string* out) const {
    if (work_.Reserve(text.size())) *out += text;
  }

  std::optional<std::string_view> TakeName(std::string_view& rest) const {
    const bool braces = rest.starts_with('{');
    std::string_view name = rest.substr(braces ? 1 : 0);
    size_t size = 0;
    while (size < name.size() && IsNameByte(name[size])) ++size;
    if (!work_.SpendBytes(size)) return std::nullopt;
    if (size == 0 || (braces && (size == name.size() || name[size] != '}'))) return std::nullopt;
    name = name.substr(0, size);
    rest.remove_prefix(size + (braces ? 2 : 0));
    return name;
  }

  std::optional<size_t> GroupOf(std::string_view name) const {
    if (name.find_first_not_of("0123456789") == std::string_view::npos) {
      if (name.size() > 8) return std::nullopt;
      return std::stoul(std::string(name));
    }
    const auto found = names_.find(std::string(name));
    if (found == names_.end()) return std::nullopt;
    return static_cast<size_t>(found->second);
  }

  Workspace& work_;
  const std::map<std::string, int>& names_;
  std::string_view pattern_;
};

Result<Value> ReplaceAll(const Call& call) {
  SLIPWAY_ASSIGN_OR_RETURN(const auto regex, Compile(call));
  Matcher matcher(call, *regex, call.text(1));
  const Expander expander(call.work, *regex, call.text(2));
  return call.Text(matcher.Replace([&](std::string* out) { expander.Append(matcher.groups(), out); }));
}

Result<Value> ReplaceAllLiteral(const Call& call) {
  SLIPWAY_ASSIGN_OR_RETURN(const auto regex, Compile(call));
  return call.Text(Matcher(call, *regex, call.text(1)).Replace([&](std::string* out) {
    if (call.work.Reserve(call.text(2).size())) *out += call.text(2);
  }));
}

Result<Value> Split(const Call& call) {
  SLIPWAY_ASSIGN_OR_RETURN(const auto regex, Compile(call));
  const std::string_view text = call.text(1);
  const int64_t limit = call.integer(2);
  if (limit == 0) return call.work.NilList(Element::kString);
  if (text.empty() && !call.text(0).empty()) return call.work.Strings({""});
  std::vector<Value> out;
  size_t begin = 0;
  size_t end = 0;
  Matcher(call, *regex, text).Each(limit, [&](size_t match_begin, size_t match_end) {
    if (limit > 0 && static_cast<int64_t>(out.size()) == limit - 1) return;
    end = match_begin;
    if (match_end != 0) out.push_back(Value::Text(text.substr(begin, end - begin)));
    begin = match_end;
  });
  if (end != text.size()) out.push_back(Value::Text(text.substr(begin)));
  return call.work.NewList(std::move(out), Element::kString);
}

using T = Type;
constexpr std::array kFunctions = {
    Function{"regexMatch", Match, {T::kString, T::kString}},
    Function{"regexFindAll", FindAll, {T::kString, T::kString, T::kInt}},
    Function{"regexFind", Find, {T::kString, T::kString}},
    Function{"regexReplaceAll", ReplaceAll, {T::kString, T::kString, T::kString}},
    Function{"regexReplaceAllLiteral", ReplaceAllLiteral, {T::kString, T::kString, T::kString}},
    Function{"regexSplit", Split, {T::kString, T::kString, T::kInt}},
};

}  // namespace

std::span<const Function> RegexFunctions() { return kFunctions; }

}  // namespace slipway::run_template
