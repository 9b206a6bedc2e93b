// Masker: takes secret values out of texts. Streams are masked piece by piece, so that a value is found also where it
// was written in two pieces.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::secrets {

/// The values to hide, which may be thousands: a byte of text costs about the same with all of them. Immutable; shared
/// by all streams of a run; thread-safe.
class Masker {
 public:
  /// Empty values are passed over. Of a value also the forms are hidden in which programs show it: without line ends at
  /// its end, each longer line of several (a key that is printed with something before each), and its base64, which is
  /// how task files hand secrets to volumes: in both alphabets, padded or not, with a line end behind the value or
  /// anything else (then all but the last bytes), and in the lines into which programs break it.
  explicit Masker(std::vector<std::string> values);

  bool empty() const { return values_.empty(); }
  /// As they were given, without their forms.
  const std::vector<std::string>& values() const { return given_; }
  /// `text` with each value replaced by "***".
  std::string Mask(std::string_view text) const;

 private:
  friend class MaskStream;
  // Masks `text` into `out`. Stops where the rest may be the beginning of a value, unless `last`; how much was taken.
  size_t MaskInto(std::string_view text, bool last, std::string* out) const;
  void FindInner();
  // Whether a value may be, or begin, at the start of `text`; seldom so where none does.
  bool MayBegin(std::string_view text) const;
  // The length of the longest value at the start of `text`, 0 if there is none. `partial` is set if text might be the
  // beginning of one that is longer.
  size_t MatchAt(std::string_view text, bool* partial) const;

  std::vector<std::string> given_;
  std::vector<std::string> values_;  // with their forms; sorted, each once
  // By value: the longest other one that it begins with, npos if there is none.
  std::vector<size_t> inner_;
  std::vector<bool> heads_;               // by hash of the first bytes, for values that have so many
  std::array<bool, 256> short_begins_{};  // by first byte, for the others
};

/// One stream of bytes. Not thread-safe.
class MaskStream {
 public:
  explicit MaskStream(std::shared_ptr<const Masker> masker) : masker_(std::move(masker)) {}

  /// What may be shown now; may be less than was given so far, by at most the longest value.
  std::string Feed(std::string_view bytes);
  /// The rest.
  std::string Finish();

 private:
  std::shared_ptr<const Masker> masker_;
  std::string held_;
};

}  // namespace slipway::secrets
