#include "executor/dockerfile/flags.h"

#include <algorithm>

#include "executor/base/ascii.h"
#include "executor/base/near_miss.h"
#include "executor/dockerfile/line_args.h"

namespace slipway::dockerfile {

Status FlagSet::Parse(std::span<const std::string> words) {
  for (const std::string& word : words) {
    Status status = ParseOne(word);
    if (status.ok()) continue;
    fault_ = word;
    return status;
  }
  return {};
}

Status FlagSet::Unknown(std::string_view name) const {
  std::vector<std::string> names;
  for (const Flag& flag : flags_) names.push_back(fmt::format("--{}", flag.name));
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  const std::string hint = DidYouMean(fmt::format("--{}", name), candidates);
  return InvalidArgument("unknown flag '--{}' of {}{}", name, keyword_, hint);
}

Status FlagSet::ParseOne(std::string_view word) {
  const size_t equals = word.find('=');
  const bool has_value = equals != std::string_view::npos;
  const std::string_view name = word.substr(0, equals).substr(2);
  const std::string_view value = has_value ? word.substr(equals + 1) : std::string_view();
  const auto flag = std::find_if(flags_.begin(), flags_.end(), [&](const Flag& f) { return f.name == name; });
  if (flag == flags_.end()) return Unknown(name);
  if (auto* const list = std::get_if<std::vector<std::string>*>(&flag->target); list != nullptr) {
    if (!has_value) return InvalidArgument("flag '--{0}' of {1} has no value; write '--{0}=…'", name, keyword_);
    (*list)->emplace_back(value);
    return {};
  }
  if (std::exchange(flag->used, true)) return InvalidArgument("flag '--{}' of {} is given twice", name, keyword_);
  if (auto* const text = std::get_if<std::string*>(&flag->target); text != nullptr) {
    if (!has_value) return InvalidArgument("flag '--{0}' of {1} has no value; write '--{0}=…'", name, keyword_);
    **text = value;
    return {};
  }
  const std::string lower = LowerAscii(value);
  if ((has_value && lower != "true" && lower != "false")) {
    return InvalidArgument("flag '--{}' of {} takes 'true' or 'false', not '{}'", name, keyword_, value);
  }
  const bool on = lower != "false";
  if (auto* const plain = std::get_if<bool*>(&flag->target); plain != nullptr) {
    **plain = on;
  } else {
    **std::get_if<std::optional<bool>*>(&flag->target) = on;
  }
  return {};
}

}  // namespace slipway::dockerfile
