#include "steps/template/strings.h"

#include <limits>

#include "executor/base/utf8.h"
#include "steps/template/format.h"

namespace slipway::run_template {

namespace {

std::vector<std::string> Explode(std::string_view text, int64_t n) {
  std::vector<std::string> out;
  while (!text.empty()) {
    if (n > 0 && static_cast<int64_t>(out.size()) == n - 1) {
      out.emplace_back(text);
      break;
    }
    const utf8::Rune rune = utf8::Decode(text);
    utf8::Append(rune.value, &out.emplace_back());
    text.remove_prefix(rune.size);
  }
  return out;
}

size_t Count(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

}  // namespace

std::vector<std::string> SplitN(std::string_view text, std::string_view separator, int64_t n) {
  if (n == 0) return {};
  if (separator.empty()) return Explode(text, n);
  std::vector<std::string> out;
  while (n < 0 || static_cast<int64_t>(out.size()) < n - 1) {
    const size_t at = text.find(separator);
    if (at == std::string_view::npos) break;
    out.emplace_back(text.substr(0, at));
    text.remove_prefix(at + separator.size());
  }
  out.emplace_back(text);
  return out;
}

std::string ReplaceAll(Workspace& work, std::string_view text, std::string_view from, std::string_view to) {
  const size_t places = from.empty() ? text.size() + 1 : Count(text, from);
  if (to.size() > from.size() && places > std::numeric_limits<uint32_t>::max()) return "";
  if (to.size() > std::numeric_limits<uint32_t>::max() || !work.Reserve(text.size() + places * to.size())) return "";
  std::string out;
  if (from.empty()) {
    while (!text.empty()) {
      const size_t size = utf8::Decode(text).size;
      out += to;
      out += text.substr(0, size);
      text.remove_prefix(size);
    }
    return out.append(to);
  }
  for (size_t at = text.find(from); at != std::string_view::npos; at = text.find(from)) {
    out += text.substr(0, at);
    out += to;
    text.remove_prefix(at + from.size());
  }
  return out.append(text);
}

std::string Repeat(Workspace& work, std::string_view text, int64_t count) {
  if (text.empty() || count <= 0) return "";
  const auto times = static_cast<uint64_t>(count);
  const uint64_t limit = std::numeric_limits<uint64_t>::max() / text.size();
  if (!work.Reserve(times > limit ? limit : static_cast<size_t>(times * text.size()))) return "";
  std::string out;
  out.reserve(times * text.size());
  for (uint64_t i = 0; i < times; ++i) out += text;
  return out;
}

std::vector<std::string> ToTexts(Workspace& work, const Value& value) {
  std::vector<std::string> out;
  if (value.IsNil()) return out;
  if (value.kind() != Kind::kList) return {ToText(work, value)};
  for (const Value& item : value.list().items) {
    if (!work.Spend(1)) break;
    if (!item.IsNil()) out.push_back(ToText(work, item));
  }
  return out;
}

std::string Join(Workspace& work, const std::vector<std::string>& parts, std::string_view separator) {
  size_t size = 0;
  for (const std::string& part : parts) size += part.size() + separator.size();
  if (!work.Reserve(size)) return "";
  std::string out;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += separator;
    out += parts[i];
  }
  return out;
}

}  // namespace slipway::run_template
