// NearMiss: the known word nearest to a mistyped one, for "did you mean …".
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace slipway {

/// The candidate within an edit distance of a third of the word's length (at least 1, at most 3), case ignored; empty if none.
std::string_view NearMiss(std::string_view word, std::span<const std::string_view> candidates);

/// "; did you mean 'X'?" or "".
std::string DidYouMean(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace slipway
