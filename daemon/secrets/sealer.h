// Sealer: encryption of secrets at rest with a key that lies in a file of its own (mode 0600).
//
// AES-256-GCM; a sealed text is version byte, 12 bytes of nonce, ciphertext, 16 bytes of tag. The *purpose* (a run id)
// is authenticated with it, so that what was sealed for one run cannot be slipped under another. Thread-safe.
//
// The file holds the key, and behind it, while a rotation is under way, those that it takes the place of: what is sealed
// is sealed with the first, what is unsealed may have been sealed with any.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"

namespace slipway::secrets {

class Sealer {
 public:
  /// Reads the key file; makes it with a new random key if it is not there. FAILED_PRECONDITION if it is no key of ours
  /// or others may read it.
  static Result<Sealer> Open(const std::string& key_file);
  /// Puts a new key first into the file. What was sealed before can still be read.
  static Status AddKey(const std::string& key_file);
  /// Removes all keys but the first, with which everything must have been sealed anew.
  static Status DropOldKeys(const std::string& key_file);

  Sealer(Sealer&& other) noexcept = default;
  Sealer& operator=(Sealer&& other) noexcept;
  ~Sealer();

  Result<std::string> Seal(std::string_view plain, std::string_view purpose) const;
  /// DATA_LOSS if it was not sealed with one of these keys for this purpose.
  Result<std::string> Unseal(std::string_view sealed, std::string_view purpose) const;

 private:
  static constexpr size_t kKeySize = 32;
  using Key = std::array<unsigned char, kKeySize>;
  explicit Sealer(std::vector<Key> keys) : keys_(std::move(keys)) {}
  static Result<Key> DrawKey();
  Status Write(const std::string& key_file, size_t count) const;
  void Wipe();

  std::vector<Key> keys_;  // never empty but when moved from
};

}  // namespace slipway::secrets
