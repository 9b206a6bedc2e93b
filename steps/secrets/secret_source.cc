#include "steps/secrets/secret_source.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "executor/base/thread_pool.h"

namespace slipway::secrets {

namespace {

constexpr std::chrono::seconds kPatience(120);
constexpr size_t kAtOnce = 5;

Result<std::string> FetchOne(const Context& ctx, const task::Secret& secret, const SecretSources& sources) {
  for (const auto& source : sources) {
    if (!source->Serves(secret.keyvault)) continue;
    auto value = source->Fetch(ctx, secret);
    if (value.ok() && value->size() > kLargestSecret) return ResourceExhausted("its value is larger than 1 MiB");
    return value;
  }
  std::vector<std::string> forms;
  for (const auto& source : sources) forms.push_back(source->form());
  if (forms.empty()) return FailedPrecondition("this daemon is set up with no source of secrets");
  return InvalidArgument("no source of this daemon serves that; known are {}", fmt::join(forms, ", "));
}

}  // namespace

Result<std::map<std::string, std::string>> ResolveSecrets(const Context& ctx, std::span<const task::Secret> secrets,
                                                          const SecretSources& sources) {
  const Context limited = ctx.WithTimeout(kPatience, "fetching secrets; check that their sources answer");
  std::vector<std::optional<Result<std::string>>> values(secrets.size());
  {
    ThreadPool pool(std::min(kAtOnce, std::max<size_t>(1, secrets.size())), "secrets");
    TaskGroup group(pool);
    for (size_t i = 0; i < secrets.size(); ++i) {
      group.Run([&, i]() -> Status {
        values[i] = FetchOne(limited, secrets[i], sources);
        return Status();
      });
    }
    SLIPWAY_RETURN_IF_ERROR(group.Wait());
  }
  std::map<std::string, std::string> out;
  for (size_t i = 0; i < secrets.size(); ++i) {
    if (!values[i]->ok()) {
      return values[i]->status().With(fmt::format("secret '{}' ({})", secrets[i].id, secrets[i].keyvault));
    }
    out[secrets[i].id] = **std::move(values[i]);
  }
  return out;
}

}  // namespace slipway::secrets
