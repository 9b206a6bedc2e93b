#include "cli/enum_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

#include "executor/base/ascii.h"
#include "executor/base/near_miss.h"

namespace slipway::cli {

namespace {

using google::protobuf::EnumDescriptor;

char Upper(char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); }
// What all values of a type begin with: "TASK_STATUS_", that of the value 0 without "UNSPECIFIED".
std::string_view Prefix(const EnumDescriptor& type) {
  std::string_view name = type.value(0)->name();
  constexpr std::string_view kZero = "UNSPECIFIED";
  if (name.ends_with(kZero)) name.remove_suffix(kZero.size());
  return name;
}

bool BeginsWithCapital(const EnumDescriptor& type) {
  constexpr std::array<std::string_view, 4> kTypes = {"TaskStatus", "BaseImageTriggerType", "DeliveryVerdict",
                                                      "TriggerKind"};
  return std::find(kTypes.begin(), kTypes.end(), type.name()) != kTypes.end();
}

std::string Plain(std::string_view text) {
  std::string plain;
  for (const char c : text) {
    if (c != '_' && c != '-' && c != ' ') plain += LowerAscii(c);
  }
  return plain;
}

}  // namespace

std::string EnumText(const EnumDescriptor& type, int value) {
  const auto* found = type.FindValueByNumber(value);
  if (found == nullptr) return "Unknown";
  std::string_view name = found->name();
  name.remove_prefix(Prefix(type).size());
  std::string text;
  bool capital = BeginsWithCapital(type);
  for (const char c : name) {
    if (c == '_') {
      capital = true;
    } else {
      text += capital ? Upper(c) : LowerAscii(c);
      capital = false;
    }
  }
  return text;
}

Result<int> ParseEnum(const EnumDescriptor& type, std::string_view text) {
  std::vector<std::string> names;
  for (int i = 1; i < type.value_count(); ++i) {
    names.push_back(EnumText(type, type.value(i)->number()));
    if (Plain(names.back()) == Plain(text) || type.value(i)->name() == text) return type.value(i)->number();
  }
  std::string hint = DidYouMean(text, std::vector<std::string_view>(names.begin(), names.end()));
  if (hint.empty()) hint = fmt::format("; there are {}", fmt::join(names, ", "));
  return InvalidArgument("'{}' is unknown{}", text, hint);
}

}  // namespace slipway::cli
