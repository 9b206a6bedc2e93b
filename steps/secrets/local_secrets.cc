#include "steps/secrets/local_secrets.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>

#include "executor/base/fs.h"
#include "executor/base/unique_fd.h"

namespace slipway::secrets {

namespace {

// What comes after "env:" and the like.
Result<std::string> NameOf(const task::Secret& secret) {
  const std::string name = secret.keyvault.substr(secret.keyvault.find(':') + 1);
  const auto fits = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.'; };
  if (name.empty() || name.front() == '.' || !std::all_of(name.begin(), name.end(), fits)) {
    return InvalidArgument("'{}' is no name of a secret: letters, digits, '-', '_' and '.' are allowed", name);
  }
  return name;
}

}  // namespace

Result<std::string> EnvironmentSecrets::Fetch(const Context& ctx, const task::Secret& secret) {
  SLIPWAY_RETURN_IF_ERROR(ctx.Err());
  SLIPWAY_ASSIGN_OR_RETURN(const std::string name, NameOf(secret));
  if (!allowed_.contains(name)) {
    return PermissionDenied("the operator does not offer the variable '{}' to tasks", name);
  }
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return NotFound("the daemon's environment has no variable '{}'", name);
  return std::string(value);
}

Result<std::string> FileSecrets::Fetch(const Context& ctx, const task::Secret& secret) {
  SLIPWAY_RETURN_IF_ERROR(ctx.Err());
  SLIPWAY_ASSIGN_OR_RETURN(const std::string name, NameOf(secret));
  SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd folder,
                           fs::Open(folder_, O_RDONLY | O_DIRECTORY).With("open the folder of secrets"));
  // A link may lead to where a secret is really kept, but not out of the operator's folder.
  auto file = fs::OpenInRoot(folder.get(), name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (file.code() == Code::kNotFound) return NotFound("the folder of secrets has no file '{}'", name);
  SLIPWAY_RETURN_IF_ERROR(file.status());
  struct stat st {};
  if (::fstat(file->get(), &st) != 0 || !S_ISREG(st.st_mode)) return InvalidArgument("'{}' is no regular file", name);
  if (static_cast<uint64_t>(st.st_size) > kLargestSecret) return ResourceExhausted("'{}' is larger than 1 MiB", name);
  std::string text(static_cast<size_t>(st.st_size), '\0');
  SLIPWAY_ASSIGN_OR_RETURN(const size_t got, fs::ReadFull(file->get(), text));
  text.resize(got);
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

Result<std::string> StoreSecrets::Fetch(const Context& ctx, const task::Secret& secret) {
  SLIPWAY_RETURN_IF_ERROR(ctx.Err());
  SLIPWAY_ASSIGN_OR_RETURN(const std::string name, NameOf(secret));
  return lookup_(name);
}

}  // namespace slipway::secrets
