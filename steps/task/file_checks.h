// Small checks of texts in task files. Free functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace slipway::task {

/// Whether there is nothing in `text` but letters and digits of ASCII and `further`, and it is not empty.
bool IsWord(std::string_view text, std::string_view further);
/// Whether it is a UUID: 8-4-4-4-12 hexadecimal digits.
bool IsUuid(std::string_view text);
/// The bytes of base64; line ends are skipped. nullopt if it is none.
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace slipway::task
