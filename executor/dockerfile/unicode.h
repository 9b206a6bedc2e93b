// What Go's unicode and strconv packages say of a character (Unicode 15.0): names of variables may hold any letter, and
// history texts quote what cannot be printed.
#pragma once

namespace slipway::dockerfile {

/// A letter of any script.
bool IsLetter(char32_t rune);
/// A decimal digit of any script.
bool IsDigit(char32_t rune);
/// Can be shown as it is: letters, marks, numbers, punctuation, symbols and the ASCII space.
bool IsPrintable(char32_t rune);

}  // namespace slipway::dockerfile
