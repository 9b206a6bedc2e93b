#include "executor/base/digest.h"

// The functions for this one algorithm. They share the processor's instructions with the general ones, but need none of
// the tables (of all algorithms, their names and their settings) that cost each start of a program a millisecond or
// two.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <cstring>

namespace slipway {

namespace {
constexpr std::string_view kPrefix = "sha256:";

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// The two digits of each byte, one byte after the other.
constexpr auto kHexPairs = [] {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<char, 512> pairs{};
  for (size_t byte = 0; byte < 256; ++byte) {
    pairs[2 * byte] = kDigits[byte >> 4];
    pairs[2 * byte + 1] = kDigits[byte & 15];
  }
  return pairs;
}();

Digest Ended(SHA256_CTX& ctx) {
  std::array<uint8_t, Digest::kSize> out{};
  SHA256_Final(out.data(), &ctx);
  return Digest(out);
}
}  // namespace

Result<Digest> Digest::Parse(std::string_view text) {
  if (!text.starts_with(kPrefix)) {
    return InvalidArgument("digest '{}' is not of the form sha256:<64 hex digits>", text.substr(0, 100));
  }
  const std::string_view hex = text.substr(kPrefix.size());
  std::array<uint8_t, kSize> bytes{};
  bool good = hex.size() == 2 * kSize;
  for (size_t i = 0; good && i < kSize; ++i) {
    const int hi = HexValue(hex[2 * i]);
    const int lo = HexValue(hex[2 * i + 1]);
    good = hi >= 0 && lo >= 0;
    bytes[i] = static_cast<uint8_t>(hi * 16 + lo);
  }
  if (!good) return InvalidArgument("digest '{}' is not of the form sha256:<64 hex digits>", text.substr(0, 100));
  return Digest(bytes);
}

Digest Digest::Of(std::string_view bytes) {
  SHA256_CTX ctx;
  SHA256_Init(&ctx);
  SHA256_Update(&ctx, bytes.data(), bytes.size());
  return Ended(ctx);
}

std::string Digest::hex() const {
  if (!set_) return "";
  std::string out(2 * kSize, '0');
  for (size_t i = 0; i < kSize; ++i) std::memcpy(out.data() + 2 * i, kHexPairs.data() + 2 * bytes_[i], 2);
  return out;
}

std::string Digest::ToString() const { return set_ ? std::string(kPrefix) + hex() : ""; }

std::string Digest::Short() const { return hex().substr(0, 12); }

// A call of the hash costs more than the few bytes of a field, so small pieces are gathered.
struct Hasher::Impl {
  SHA256_CTX ctx;
  size_t gathered = 0;
  std::array<char, 512> small;

  Impl() { SHA256_Init(&ctx); }

  void Add(const void* bytes, size_t size) {
    if (size > small.size() - gathered) {
      Flush();
      if (size > small.size() / 2) {
        SHA256_Update(&ctx, bytes, size);
        return;
      }
    }
    if (size == 0) return;  // of which the address may be null
    std::memcpy(small.data() + gathered, bytes, size);
    gathered += size;
  }

  void Flush() {
    if (gathered > 0) SHA256_Update(&ctx, small.data(), gathered);
    gathered = 0;
  }
};

Hasher::Hasher() : impl_(std::make_unique<Impl>()) {}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

Hasher& Hasher::Update(std::string_view bytes) {
  impl_->Add(bytes.data(), bytes.size());
  return *this;
}

Hasher& Hasher::Update(std::span<const std::byte> bytes) {
  impl_->Add(bytes.data(), bytes.size());
  return *this;
}

Hasher& Hasher::Field(std::string_view bytes) {
  Field(static_cast<uint64_t>(bytes.size()));
  return Update(bytes);
}

Hasher& Hasher::Field(uint64_t value) {
  std::array<char, 8> le{};
  for (size_t i = 0; i < le.size(); ++i) le[i] = static_cast<char>(value >> (8 * i));
  impl_->Add(le.data(), le.size());
  return *this;
}

Digest Hasher::Finish() {
  impl_->Flush();
  return Ended(impl_->ctx);
}

}  // namespace slipway
