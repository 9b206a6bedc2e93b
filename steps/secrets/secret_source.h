// SecretSource: where the values of a task's `secrets` come from. One implementation a kind of place, told apart by how
// `keyvault` is written: `env:NAME`, `file:NAME`, `store:NAME`, `vault:MOUNT/PATH#FIELD`,
// `https://….vault.azure.net/…`.
//
// What a source may give is the operator's choice, made when it is constructed. Values are never in an error. All are
// thread-safe.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/status.h"
#include "steps/task/task.h"

namespace slipway::secrets {

class SecretSource {
 public:
  virtual ~SecretSource() = default;
  /// How its secrets are written, for messages: "env:NAME".
  virtual std::string form() const = 0;
  /// Whether what `keyvault` names is one of its own, to be had or not.
  virtual bool Serves(std::string_view keyvault) const = 0;
  /// NOT_FOUND if there is no such secret, PERMISSION_DENIED if it may not be had, INVALID_ARGUMENT for a name that is
  /// none, UNAVAILABLE if the place cannot be reached.
  virtual Result<std::string> Fetch(const Context& ctx, const task::Secret& secret) = 0;
};

using SecretSources = std::vector<std::unique_ptr<SecretSource>>;

/// Longer values are refused: these are passwords and keys.
inline constexpr uint64_t kLargestSecret = 1U << 20;

/// All values by id; several are fetched at once, within two minutes. The first error in the order of `secrets` names
/// the secret and its place.
Result<std::map<std::string, std::string>> ResolveSecrets(const Context& ctx, std::span<const task::Secret> secrets,
                                                          const SecretSources& sources);

}  // namespace slipway::secrets
