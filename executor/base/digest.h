// Digest: "sha256:<64 hex>", held as 32 bytes; and the hasher that makes one.
//
// Follows the OCI image specification, "Digests"; only sha256 is accepted.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "executor/base/status.h"

namespace slipway {

class Digest {
 public:
  static constexpr size_t kSize = 32;

  /// The empty digest: no content is named. It is not the digest of zero bytes.
  Digest() = default;
  explicit Digest(const std::array<uint8_t, kSize>& bytes) : bytes_(bytes), set_(true) {}

  /// Accepts "sha256:<64 lower-case hex>"; INVALID_ARGUMENT otherwise.
  static Result<Digest> Parse(std::string_view text);
  /// The digest of `bytes`.
  static Digest Of(std::string_view bytes);

  bool empty() const { return !set_; }
  const std::array<uint8_t, kSize>& bytes() const { return bytes_; }
  /// 64 hex digits; empty if the digest is.
  std::string hex() const;
  /// "sha256:<hex>"; empty if the digest is.
  std::string ToString() const;
  /// The first 12 hex digits, for people.
  std::string Short() const;

  auto operator<=>(const Digest&) const = default;

 private:
  std::array<uint8_t, kSize> bytes_{};
  bool set_ = false;
};

/// Incremental SHA-256. Not thread-safe.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  Hasher& Update(std::string_view bytes);
  Hasher& Update(std::span<const std::byte> bytes);
  /// A length-prefixed field, so that ("ab","c") and ("a","bc") differ. For keys made of several parts.
  Hasher& Field(std::string_view bytes);
  Hasher& Field(uint64_t value);
  /// Ends the computation; the hasher can then only be destroyed or assigned.
  Digest Finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway

template <>
struct std::hash<slipway::Digest> {
  size_t operator()(const slipway::Digest& d) const noexcept {
    size_t h = 0;
    for (size_t i = 0; i < sizeof(h); ++i) h = (h << 8) | d.bytes()[i];
    return h;
  }
};

template <>
struct fmt::formatter<slipway::Digest> : fmt::formatter<std::string_view> {
  auto format(const slipway::Digest& d, fmt::format_context& ctx) const {
    return fmt::formatter<std::string_view>::format(d.ToString(), ctx);
  }
};
