// Sealer: encryption of secrets at rest with a key that lies in a file of its own (mode 0600).
//
// AES-256-GCM; a sealed text is version byte, 12 bytes of nonce, ciphertext, 16 bytes of tag. The *purpose* (a run id)
// is authenticated with it, so that what was sealed for one run cannot be slipped under another. Thread-safe.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "executor/base/status.h"

namespace slipway::secrets {

class Sealer {
 public:
  /// Reads the key file; makes it with a new random key if it is not there. FAILED_PRECONDITION if it is no key of ours
  /// or others may read it.
  static Result<Sealer> Open(const std::string& key_file);

  Sealer(Sealer&& other) noexcept;
  Sealer& operator=(Sealer&& other) noexcept;
  ~Sealer();

  Result<std::string> Seal(std::string_view plain, std::string_view purpose) const;
  /// DATA_LOSS if it was not sealed with this key for this purpose.
  Result<std::string> Unseal(std::string_view sealed, std::string_view purpose) const;

 private:
  static constexpr size_t kKeySize = 32;
  using Key = std::array<unsigned char, kKeySize>;
  explicit Sealer(const Key& key) : key_(key) {}
  Key key_;
};

}  // namespace slipway::secrets
