#include "steps/task/quick_build_inputs.h"

#include <array>
#include <set>

#include "executor/base/near_miss.h"
#include "executor/oci/platform.h"
#include "executor/oci/reference.h"
#include "executor/runtime/ulimit.h"
#include "steps/task/quick_build.h"
#include "steps/task/secret_limits.h"

namespace slipway::task {

namespace {

constexpr size_t kMaxSecrets = 64;
constexpr size_t kMaxSecretBytes = 500 << 10;
constexpr size_t kMaxAllSecretBytes = 2 << 20;
constexpr size_t kMaxAgents = 16;
constexpr size_t kMaxContexts = 64;
constexpr size_t kMaxUlimits = 32;
constexpr size_t kMaxAllow = 16;
constexpr size_t kMaxName = 512;
constexpr size_t kMaxLocation = 4096;
constexpr uint64_t kMaxShmBytes = 1ULL << 40;

constexpr std::string_view kImagePrefix = "docker-image://";
constexpr std::string_view kLayoutPrefix = "oci-layout://";
constexpr std::string_view kHostNetwork = "network.host";
constexpr std::string_view kInsecure = "security.insecure";

class InputChecker {
 public:
  InputChecker(const QuickBuildInputs& inputs, const QuickBuildRules& rules, FieldErrors* errors)
      : inputs_(inputs), rules_(rules), errors_(*errors) {}

  void Run() {
    CheckSecrets();
    CheckAgents();
    CheckContexts();
    CheckLimits();
    CheckAllow();
  }

 private:
  void Add(std::string field, std::string message) { errors_.push_back({std::move(field), std::move(message)}); }

  bool Count(std::string_view field, size_t count, size_t limit) {
    if (count <= limit) return true;
    Add(std::string(field), fmt::format("has {} elements; the limit is {}", count, limit));
    return false;
  }

  // An id: some text that `seen` does not hold yet.
  void CheckId(const std::string& field, const std::string& id, std::set<std::string>* seen) {
    if (id.empty()) return Add(field, "is empty");
    if (id.size() > kMaxName) return Add(field, fmt::format("has {} bytes; the limit is {}", id.size(), kMaxName));
    if (id.find('\0') != std::string::npos) return Add(field, "holds a NUL byte");
    if (!seen->insert(id).second) Add(field, fmt::format("'{}' is given twice", id));
  }

  void CheckSecrets() {
    if (!Count("secrets", inputs_.secrets.size(), kMaxSecrets)) return;
    std::set<std::string> ids;
    size_t bytes = 0;
    for (size_t i = 0; i < inputs_.secrets.size(); ++i) {
      const builder::Secret& secret = inputs_.secrets[i];
      CheckId(fmt::format("secrets[{}].id", i), secret.id, &ids);
      bytes += secret.value.size();
      if (IsTooShortToHide(secret.value)) {
        Add(fmt::format("secrets[{}].value", i),
            fmt::format("has {} bytes; fewer than {} cannot be hidden in logs", secret.value.size(), kShortestSecret));
      }
      if (secret.value.size() <= kMaxSecretBytes) continue;
      Add(fmt::format("secrets[{}].value", i),
          fmt::format("has {} bytes; a secret may have {}", secret.value.size(), kMaxSecretBytes));
    }
    if (bytes > kMaxAllSecretBytes) {
      Add("secrets", fmt::format("have {} bytes together; the limit is {}", bytes, kMaxAllSecretBytes));
    }
  }

  void CheckAgents() {
    if (!Count("ssh", inputs_.ssh.size(), kMaxAgents)) return;
    std::set<std::string> ids;
    for (size_t i = 0; i < inputs_.ssh.size(); ++i) CheckId(fmt::format("ssh[{}]", i), inputs_.ssh[i], &ids);
  }

  void CheckContexts() {
    if (!Count("build_contexts", inputs_.build_contexts.size(), kMaxContexts)) return;
    std::map<std::string, std::string> names;
    for (const auto& [name, location] : inputs_.build_contexts) {
      const std::string field = fmt::format("build_contexts[{}]", name.substr(0, kMaxName));
      const Result<std::string> known_as = ContextName(name);
      if (!known_as.ok()) {
        Add(field, known_as.status().message());
      } else if (const auto [it, is_new] = names.emplace(*known_as, name); !is_new) {
        Add(field, fmt::format("'{}' and '{}' are the same name", it->second, name));
      }
      if (location.size() > kMaxLocation) {
        Add(field, fmt::format("has {} bytes; the limit is {}", location.size(), kMaxLocation));
      } else if (const auto parsed = ParseBuildContext(location); !parsed.ok()) {
        Add(field, parsed.status().message());
      }
    }
  }

  void CheckLimits() {
    if (inputs_.shm_size_bytes > kMaxShmBytes) {
      Add("shm_size_bytes", fmt::format("is {}; the limit is {}", inputs_.shm_size_bytes, kMaxShmBytes));
    }
    if (!Count("ulimits", inputs_.ulimits.size(), kMaxUlimits)) return;
    std::set<std::string> names;
    for (size_t i = 0; i < inputs_.ulimits.size(); ++i) {
      const Result<runtime::Ulimit> limit = runtime::ParseUlimit(inputs_.ulimits[i]);
      const std::string field = fmt::format("ulimits[{}]", i);
      if (!limit.ok()) {
        Add(field, limit.status().message());
      } else if (!names.insert(limit->name).second) {
        Add(field, fmt::format("'{}' is given twice", limit->name));
      }
    }
  }

  void CheckAllow() {
    constexpr std::array<std::string_view, 2> kKnown = {kHostNetwork, kInsecure};
    if (!Count("allow", inputs_.allow.size(), kMaxAllow)) return;
    for (size_t i = 0; i < inputs_.allow.size(); ++i) {
      const std::string field = fmt::format("allow[{}]", i);
      const std::string text = inputs_.allow[i].substr(0, kMaxName);
      if (text == "device" || text.starts_with("device=")) {
        Add(field, "no device of the machine is given to a build");
      } else if (text == kHostNetwork && !rules_.allow_host_network) {
        Add(field, "the operator does not allow the host's network (allow_host_network)");
      } else if (text == kInsecure && !rules_.allow_insecure_security) {
        Add(field, "the operator does not allow steps without a sandbox (allow_insecure_security)");
      } else if (text != kHostNetwork && text != kInsecure) {
        Add(field, fmt::format("'{}' is not one of {}{}", text, fmt::join(kKnown, ", "), DidYouMean(text, kKnown)));
      }
    }
  }

  const QuickBuildInputs& inputs_;
  const QuickBuildRules& rules_;
  FieldErrors& errors_;
};

Result<builder::LayoutContext> ParseLayout(std::string_view location) {
  const std::string_view rest = location.substr(kLayoutPrefix.size());
  const size_t at = rest.find('@');
  if (!rest.starts_with(kUploadPrefix) || at == std::string_view::npos) {
    return InvalidArgument("'{}' is not of the form {}{}DIGEST@DIGEST; a layout is uploaded first", location,
                           kLayoutPrefix, kUploadPrefix);
  }
  builder::LayoutContext layout;
  SLIPWAY_ASSIGN_OR_RETURN(layout.tree, Digest::Parse(rest.substr(kUploadPrefix.size(), at - kUploadPrefix.size())));
  SLIPWAY_ASSIGN_OR_RETURN(layout.manifest, Digest::Parse(rest.substr(at + 1)));
  return layout;
}

}  // namespace

void CheckInputs(const QuickBuildInputs& inputs, const QuickBuildRules& rules, FieldErrors* errors) {
  InputChecker(inputs, rules, errors).Run();
}

Result<std::string> ContextName(std::string_view name) {
  constexpr std::string_view kOfPlatform = "::";
  const size_t split = name.find(kOfPlatform);
  SLIPWAY_ASSIGN_OR_RETURN(const oci::Reference reference, oci::Reference::Parse(name.substr(0, split)));
  if (split == std::string_view::npos) return reference.Short();
  SLIPWAY_ASSIGN_OR_RETURN(const oci::Platform platform, oci::Platform::Parse(name.substr(split + kOfPlatform.size())));
  return fmt::format("{}{}{}", reference.Short(), kOfPlatform, platform.Normalized().ToString());
}

Result<builder::NamedContextSpec> ParseBuildContext(std::string_view location) {
  using Spec = builder::NamedContextSpec;
  if (location.starts_with(kImagePrefix)) {
    std::string name(location.substr(kImagePrefix.size()));
    if (name != "scratch") SLIPWAY_RETURN_IF_ERROR(oci::Reference::Parse(name).status());
    return Spec(builder::ImageContext{std::move(name)});
  }
  if (location.starts_with(kLayoutPrefix)) {
    SLIPWAY_ASSIGN_OR_RETURN(builder::LayoutContext layout, ParseLayout(location));
    return Spec(layout);
  }
  SLIPWAY_ASSIGN_OR_RETURN(source::ContextSpec context, ParseSourceLocation(location));
  if (std::holds_alternative<source::NoContext>(context)) {
    return InvalidArgument("'{}' names nothing; the empty file system is {}scratch", location, kImagePrefix);
  }
  if (const auto* file = std::get_if<source::TarballContext>(&context)) return Spec(builder::FileContext{file->url});
  return Spec(std::move(context));
}

std::vector<Digest> UploadsOf(const QuickBuildInputs& inputs) {
  std::vector<Digest> out;
  for (const auto& [name, location] : inputs.build_contexts) {
    const Result<builder::NamedContextSpec> spec = ParseBuildContext(location);
    if (!spec.ok()) continue;
    if (const auto* layout = std::get_if<builder::LayoutContext>(&*spec)) out.push_back(layout->tree);
    const auto* context = std::get_if<source::ContextSpec>(&*spec);
    if (context == nullptr) continue;
    if (const auto* upload = std::get_if<source::UploadedContext>(context)) out.push_back(upload->tree);
  }
  return out;
}

Result<builder::BuildInputs> MakeInputs(const QuickBuildInputs& inputs) {
  builder::BuildInputs out;
  out.secrets = inputs.secrets;
  out.ssh = inputs.ssh;
  out.agents = inputs.agents;
  for (const auto& [name, location] : inputs.build_contexts) {
    SLIPWAY_ASSIGN_OR_RETURN(std::string known_as, ContextName(name));
    SLIPWAY_ASSIGN_OR_RETURN(builder::NamedContextSpec spec, ParseBuildContext(location));
    out.contexts.insert_or_assign(std::move(known_as), std::move(spec));
  }
  out.ulimits = inputs.ulimits;
  out.shm_bytes = inputs.shm_size_bytes;
  for (const std::string& permission : inputs.allow) {
    out.allow_host_network |= permission == kHostNetwork;
    out.allow_insecure |= permission == kInsecure;
  }
  return out;
}

}  // namespace slipway::task
