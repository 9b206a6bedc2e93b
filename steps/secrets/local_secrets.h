// Secrets of the daemon's own machine: its environment, files of one folder, and a store that it keeps itself.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "steps/secrets/secret_source.h"

namespace slipway::secrets {

/// `env:NAME`: variables of the daemon, and of these only the ones that the operator lists.
class EnvironmentSecrets : public SecretSource {
 public:
  explicit EnvironmentSecrets(std::set<std::string> allowed) : allowed_(std::move(allowed)) {}
  std::string form() const override { return "env:NAME"; }
  bool Serves(std::string_view keyvault) const override { return keyvault.starts_with("env:"); }
  Result<std::string> Fetch(const Context& ctx, const task::Secret& secret) override;

 private:
  const std::set<std::string> allowed_;
};

/// `file:NAME`: a file of the folder that the operator names; a line end at its end is not part of the value.
class FileSecrets : public SecretSource {
 public:
  explicit FileSecrets(std::string folder) : folder_(std::move(folder)) {}
  std::string form() const override { return "file:NAME"; }
  bool Serves(std::string_view keyvault) const override { return keyvault.starts_with("file:"); }
  Result<std::string> Fetch(const Context& ctx, const task::Secret& secret) override;

 private:
  const std::string folder_;
};

/// `store:NAME`: what `lookup` gives, with its codes.
class StoreSecrets : public SecretSource {
 public:
  using Lookup = std::function<Result<std::string>(const std::string& name)>;
  explicit StoreSecrets(Lookup lookup) : lookup_(std::move(lookup)) {}
  std::string form() const override { return "store:NAME"; }
  bool Serves(std::string_view keyvault) const override { return keyvault.starts_with("store:"); }
  Result<std::string> Fetch(const Context& ctx, const task::Secret& secret) override;

 private:
  const Lookup lookup_;
};

}  // namespace slipway::secrets
