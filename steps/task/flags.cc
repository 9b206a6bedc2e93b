#include "steps/task/flags.h"

#include "executor/base/near_miss.h"

namespace slipway::task {

namespace {

bool HasName(const Flag& flag, std::string_view name) {
  std::string_view rest = flag.names;
  while (!rest.empty()) {
    const size_t blank = std::min(rest.find(' '), rest.size());
    if (rest.substr(0, blank) == name) return true;
    rest.remove_prefix(std::min(blank + 1, rest.size()));
  }
  return false;
}

const Flag* Find(std::span<const Flag> flags, std::string_view name) {
  for (const Flag& flag : flags) {
    if (HasName(flag, name)) return &flag;
  }
  return nullptr;
}

std::string Hint(std::span<const Flag> flags, std::string_view name) {
  std::vector<std::string_view> names;
  for (const Flag& flag : flags) {
    const size_t last = flag.names.rfind(' ');
    names.push_back(flag.names.substr(last == std::string_view::npos ? 0 : last + 1));
  }
  return DidYouMean(name, names);
}

class Reader {
 public:
  Reader(std::span<const ShellWord> words, std::span<const Flag> flags, size_t* at)
      : words_(words), flags_(flags), at_(*at) {}

  Status Word() {
    const std::string& word = words_[at_++].text;
    return word.starts_with("--") ? Long(word) : Short(word);
  }

 private:
  Status Act(const Flag& flag, std::string_view name, const std::string& value) const {
    return flag.action(value).With(name);
  }

  // The value of a flag that stands alone in its word.
  Result<std::string> Next(std::string_view name) {
    if (at_ == words_.size()) return InvalidArgument("{} has no value", name);
    return words_[at_++].text;
  }

  Status Long(const std::string& word) {
    const size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const Flag* flag = Find(flags_, name);
    if (flag == nullptr) return InvalidArgument("the flag {} is not known{}", name, Hint(flags_, name));
    if (equals != std::string::npos) return Act(*flag, name, word.substr(equals + 1));
    if (!flag->takes_value) return Act(*flag, name, "true");
    SLIPWAY_ASSIGN_OR_RETURN(const std::string value, Next(name));
    return Act(*flag, name, value);
  }

  Status Short(const std::string& word) {
    for (size_t i = 1; i < word.size(); ++i) {
      const std::string name = {'-', word[i]};
      const Flag* flag = Find(flags_, name);
      if (flag == nullptr) {
        return InvalidArgument("the flag {}{} is not known", name,
                               word.size() > 2 ? fmt::format(" of '{}'", word) : "");
      }
      const bool equals = i + 1 < word.size() && word[i + 1] == '=';
      if (equals) return Act(*flag, name, word.substr(i + 2));
      if (flag->takes_value) {
        if (i + 1 < word.size()) return Act(*flag, name, word.substr(i + 1));
        SLIPWAY_ASSIGN_OR_RETURN(const std::string value, Next(name));
        return Act(*flag, name, value);
      }
      SLIPWAY_RETURN_IF_ERROR(Act(*flag, name, "true"));
    }
    return Status();
  }

  const std::span<const ShellWord> words_;
  const std::span<const Flag> flags_;
  size_t& at_;
};

}  // namespace

Status ReadFlags(std::span<const ShellWord> words, std::span<const Flag> flags, bool interleave, size_t* at,
                 std::vector<std::string>* positional) {
  Reader reader(words, flags, at);
  while (*at < words.size()) {
    const std::string& word = words[*at].text;
    if (word == "--") {
      ++*at;
      break;
    }
    if (word.size() > 1 && word[0] == '-') {
      SLIPWAY_RETURN_IF_ERROR(reader.Word());
    } else if (interleave) {
      positional->push_back(word);
      ++*at;
    } else {
      return Status();
    }
  }
  for (; interleave && *at < words.size(); ++*at) positional->push_back(words[*at].text);
  return Status();
}

FlagAction StoreText(std::string* out) {
  return [out](const std::string& value) {
    *out = value;
    return Status();
  };
}

FlagAction AppendText(std::vector<std::string>* out) {
  return [out](const std::string& value) {
    out->push_back(value);
    return Status();
  };
}

FlagAction StoreSwitch(bool* out) {
  return [out](const std::string& value) {
    if (value != "true" && value != "false" && value != "1" && value != "0") {
      return InvalidArgument("'{}' is neither true nor false", value);
    }
    *out = value == "true" || value == "1";
    return Status();
  };
}

FlagAction Accept() {
  return [](const std::string&) { return Status(); };
}

FlagAction RefuseFlag(std::string why) {
  return [why = std::move(why)](const std::string&) { return InvalidArgument("{}", why); };
}

}  // namespace slipway::task
