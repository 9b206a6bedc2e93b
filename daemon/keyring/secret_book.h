// SecretBook: the secrets of the daemon's own store, by name. Thread-safe; what it is given must outlive it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/secrets/sealer.h"
#include "daemon/store/secret_store.h"

namespace slipway::keyring {

inline constexpr size_t kMostSecrets = 10'000;
/// 1 to 127 letters, digits, '-', '_' and '.', not beginning with '.'.
bool IsSecretName(std::string_view name);
/// "store:NAME" of a bare name; any other address stays.
std::string SecretAddress(std::string_view text);

class SecretBook {
 public:
  SecretBook(store::SecretStore& store, const secrets::Sealer& sealer) : store_(store), sealer_(sealer) {}

  /// Stores it in place of what has its name. `name` and `value` are valid. RESOURCE_EXHAUSTED past kMostSecrets.
  Result<store::StoredSecret> Set(const std::string& name, std::string_view value, SystemTime now);
  /// NOT_FOUND if there is none, with the name that was probably meant; DATA_LOSS if it was sealed with another key.
  Result<std::string> Get(const std::string& name) const;
  /// Whose name comes after `after` ("": all), by name, `most` at most.
  Result<std::vector<store::StoredSecret>> List(const std::string& after, size_t most) const;
  /// NOT_FOUND; FAILED_PRECONDITION if a login for all reads its password from it.
  Status Delete(const std::string& name);

 private:
  store::SecretStore& store_;
  const secrets::Sealer& sealer_;
};

/// Seals anew with the sealer's first key what any of its keys opens. How many values there were. DATA_LOSS names the
/// one that none opens.
Result<size_t> ResealSecrets(store::SecretStore& store, const secrets::Sealer& sealer);

}  // namespace slipway::keyring
