#include "steps/template/strings.h"

#include <cstring>
#include <limits>

#include "executor/base/utf8.h"
#include "steps/template/format.h"
#include "steps/template/go_text.h"

namespace slipway::run_template {

namespace {

// One more of the many texts that are made of one value: a list may hold the same large one thousands of times.
bool ReservePiece(Workspace& work, size_t bytes) { return work.Reserve(bytes + sizeof(std::string)); }

std::vector<std::string> Explode(Workspace& work, std::string_view text, int64_t n) {
  std::vector<std::string> out;
  while (!text.empty()) {
    if (n > 0 && static_cast<int64_t>(out.size()) == n - 1) {
      if (ReservePiece(work, text.size())) out.emplace_back(text);
      break;
    }
    const utf8::Rune rune = utf8::Decode(text);
    if (!ReservePiece(work, rune.size)) break;
    utf8::Append(rune.value, &out.emplace_back());
    text.remove_prefix(rune.size);
  }
  return out;
}

size_t Count(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = FindText(text, part); at != std::string_view::npos; at = FindText(text, part)) {
    ++count;
    text.remove_prefix(at + part.size());
  }
  return count;
}

}  // namespace

// Not std::string_view::find, which compares the whole of `part` at each place: two long texts of one letter would keep
// it busy for days.
size_t FindText(std::string_view text, std::string_view part) {
  if (part.empty()) return 0;
  if (text.size() < part.size()) return std::string_view::npos;
  const void* found = ::memmem(text.data(), text.size(), part.data(), part.size());
  return found == nullptr ? std::string_view::npos : static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

std::vector<std::string> SplitN(Workspace& work, std::string_view text, std::string_view separator, int64_t n) {
  if (n == 0) return {};
  if (separator.empty()) return Explode(work, text, n);
  std::vector<std::string> out;
  while (n < 0 || static_cast<int64_t>(out.size()) < n - 1) {
    const size_t at = FindText(text, separator);
    if (at == std::string_view::npos) break;
    if (!ReservePiece(work, at)) return out;
    out.emplace_back(text.substr(0, at));
    text.remove_prefix(at + separator.size());
  }
  if (ReservePiece(work, text.size())) out.emplace_back(text);
  return out;
}

std::vector<char32_t> ToRunes(Workspace& work, std::string_view text) {
  if (!work.Reserve(text.size() * sizeof(char32_t))) return {};
  return Runes(text);
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
  for (size_t at = FindText(text, from); at != std::string_view::npos; at = FindText(text, from)) {
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
    if (!work.Spend(1) || !work.Reserve(sizeof(std::string))) break;
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
