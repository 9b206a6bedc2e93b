#include "steps/task/file_checks.h"

#include <algorithm>

#include "executor/http/base64.h"

namespace slipway::task {

namespace {
bool IsAlnum(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
}  // namespace

bool IsWord(std::string_view text, std::string_view further) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [further](char c) {
    return IsAlnum(c) || further.find(c) != std::string_view::npos;
  });
}

bool IsUuid(std::string_view text) {
  constexpr std::string_view kForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  if (text.size() != kForm.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool hex = (text[i] >= '0' && text[i] <= '9') || ((text[i] | 0x20) >= 'a' && (text[i] | 0x20) <= 'f');
    if (kForm[i] == '-' ? text[i] != '-' : !hex) return false;
  }
  return true;
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c != '\n' && c != '\r') digits.push_back(c);
  }
  Result<std::string> bytes = http::Base64Decode(digits);
  if (!bytes.ok()) return std::nullopt;
  return *std::move(bytes);
}

}  // namespace slipway::task
