#include "executor/dockerfile/line_args.h"

#include <algorithm>
#include <array>

#include "executor/base/ascii.h"
#include "executor/base/utf8.h"
#include "executor/dockerfile/json_array.h"

namespace slipway::dockerfile {

namespace {

// One flag off the front of `rest`, up to the blank behind it. An escape character at the very end is dropped.
std::string TakeFlag(char32_t escape, std::string_view* rest) {
  std::string word;
  char32_t quote = 0;
  while (!rest->empty()) {
    utf8::Rune rune = utf8::Decode(*rest);
    if (quote == 0 && utf8::IsSpace(rune.value)) break;
    rest->remove_prefix(rune.size);
    if (quote != 0 && rune.value == quote) {
      quote = 0;
    } else if (quote == 0 && (rune.value == '\'' || rune.value == '"')) {
      quote = rune.value;
    } else if (rune.value != escape) {
      utf8::Append(rune.value, &word);
    } else if (!rest->empty()) {
      rune = utf8::Decode(*rest);
      rest->remove_prefix(rune.size);
      utf8::Append(rune.value, &word);
    }
  }
  return word;
}

// JSON if it is some, otherwise false.
Result<bool> TryJson(std::string_view rest, Node* node) {
  auto parsed = ParseJsonStrings(rest);
  if (!parsed.ok()) return node->Blame("[", std::move(parsed).status());
  if (!parsed->has_value()) return false;
  node->json_form = true;
  std::move((*parsed)->begin(), (*parsed)->end(), std::back_inserter(node->args));
  return true;
}

Status WholeText(std::string_view rest, char32_t, Node* node) {
  if (!rest.empty()) node->args.emplace_back(rest);
  return {};
}

Status Blanks(std::string_view rest, char32_t, Node* node) {
  node->args = SplitBlanks(rest);
  return {};
}

Status Quoted(std::string_view rest, char32_t escape, Node* node) {
  node->args = SplitQuoted(rest, escape);
  return {};
}

Status JsonOrText(std::string_view rest, char32_t escape, Node* node) {
  SLIPWAY_ASSIGN_OR_RETURN(const bool json, TryJson(rest, node));
  return json ? Status() : WholeText(rest, escape, node);
}

Status JsonOrBlanks(std::string_view rest, char32_t escape, Node* node) {
  SLIPWAY_ASSIGN_OR_RETURN(const bool json, TryJson(rest, node));
  return json ? Status() : Blanks(rest, escape, node);
}

// `A=1 B=2`, or the old `A all the rest`: whether the first word has a "=" decides.
Status Pairs(std::string_view rest, char32_t escape, Node* node) {
  const std::vector<std::string> words = SplitQuoted(rest, escape);
  if (words.empty()) return {};
  if (words[0].find('=') == std::string::npos) {
    const size_t blank = rest.find_first_of(kArgBlanks);
    if (blank == std::string_view::npos) {
      return node->Blame(words[0],
                         InvalidArgument("{} must have two arguments: write '{}=value'", node->keyword, words[0]));
    }
    const size_t value = std::min(rest.find_first_not_of(kArgBlanks, blank), rest.size());
    node->args = {std::string(rest.substr(0, blank)), std::string(rest.substr(value)), ""};
    return {};
  }
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos) {
      return node->Blame(word, InvalidArgument("no '=' in '{}'; {} takes name=value pairs, and a value with blanks in "
                                               "quotes",
                                               word, node->keyword));
    }
    node->args.insert(node->args.end(), {word.substr(0, equals), word.substr(equals + 1), "="});
  }
  return {};
}

// The type, and then what RUN takes.
Status Health(std::string_view rest, char32_t escape, Node* node) {
  size_t length = 0;
  while (length < rest.size()) {
    const utf8::Rune rune = utf8::Decode(rest.substr(length));
    if (utf8::IsSpace(rune.value)) break;
    length += rune.size;
  }
  if (length == 0) return {};
  node->args.emplace_back(rest.substr(0, length));
  return JsonOrText(utf8::TrimLeft(rest.substr(length)), escape, node);
}

using ArgsParser = Status (*)(std::string_view rest, char32_t escape, Node* node);

struct ArgsOfKeyword {
  std::string_view keyword;
  ArgsParser parse;
};

constexpr std::array<ArgsOfKeyword, 17> kArgParsers = {{{"add", JsonOrBlanks},
                                                        {"arg", Quoted},
                                                        {"cmd", JsonOrText},
                                                        {"copy", JsonOrBlanks},
                                                        {"entrypoint", JsonOrText},
                                                        {"env", Pairs},
                                                        {"expose", Blanks},
                                                        {"from", Blanks},
                                                        {"healthcheck", Health},
                                                        {"label", Pairs},
                                                        {"maintainer", WholeText},
                                                        {"run", JsonOrText},
                                                        {"shell", JsonOrText},
                                                        {"stopsignal", WholeText},
                                                        {"user", WholeText},
                                                        {"volume", JsonOrBlanks},
                                                        {"workdir", WholeText}}};

}  // namespace

std::vector<std::string> TakeFlags(char32_t escape, std::string_view* rest) {
  std::vector<std::string> flags;
  while (true) {
    *rest = utf8::TrimLeft(*rest);
    if (!rest->starts_with("--")) return flags;
    std::string flag = TakeFlag(escape, rest);
    if (flag == "--") return flags;
    flags.push_back(std::move(flag));
  }
}

std::vector<std::string> SplitBlanks(std::string_view text) {
  std::vector<std::string> words;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(kArgBlanks), text.size()));
    if (text.empty()) return words;
    const size_t length = std::min(text.find_first_of(kArgBlanks), text.size());
    words.emplace_back(text.substr(0, length));
    text.remove_prefix(length);
  }
}

std::vector<std::string> SplitQuoted(std::string_view text, char32_t escape) {
  std::vector<std::string> words;
  for (text = utf8::TrimLeft(text); !text.empty(); text = utf8::TrimLeft(text)) {
    std::string word;
    char32_t quote = 0;
    size_t at = 0;
    while (at < text.size()) {
      utf8::Rune rune = utf8::Decode(text.substr(at));
      if (quote == 0 && utf8::IsSpace(rune.value)) break;
      if (rune.value == escape && quote != '\'') {
        at += rune.size;
        if (at == text.size()) break;  // at the end of the line it stands for nothing
        word += text.substr(at - rune.size, rune.size);
        rune = utf8::Decode(text.substr(at));
      } else if (quote == 0 && (rune.value == '\'' || rune.value == '"')) {
        quote = rune.value;
      } else if (rune.value == quote) {
        quote = 0;
      }
      word += text.substr(at, rune.size);
      at += rune.size;
    }
    text.remove_prefix(at);
    if (!word.empty()) words.push_back(std::move(word));
  }
  return words;
}

Status ParseArgs(std::string_view rest, char32_t escape, Node* node) {
  const std::string keyword = LowerAscii(node->keyword);
  for (const ArgsOfKeyword& entry : kArgParsers) {
    if (entry.keyword == keyword) return entry.parse(rest, escape, node);
  }
  node->args.emplace_back();  // unknown: named when the instruction is looked at
  return {};
}

}  // namespace slipway::dockerfile
