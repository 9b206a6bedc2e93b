// What is wrong with a quick build, field by field.
#include <algorithm>
#include <array>

#include "executor/base/fs.h"
#include "executor/base/near_miss.h"
#include "executor/runtime/host_entry.h"
#include "steps/task/cache_options.h"
#include "steps/task/field_checks.h"
#include "steps/task/output_check.h"
#include "steps/task/quick_build.h"

namespace slipway::task {

namespace {

constexpr size_t kMaxNames = 64;
constexpr size_t kMaxPlatforms = 16;
constexpr size_t kMaxHosts = 64;
constexpr size_t kMaxLabels = 256;
constexpr size_t kMaxCacheFrom = 16;
constexpr size_t kMaxCacheTo = 4;

class Checker : private FieldChecks {
 public:
  Checker(const QuickBuild& build, const QuickBuildRules& rules) : build_(build), rules_(rules) {}

  FieldErrors Run() && {
    CheckSource();
    CheckNames();
    CheckArguments();
    CheckPlatforms();
    CheckMap("labels", build_.labels);
    CheckMap("annotations", build_.annotations);
    CheckHosts();
    CheckNetwork();
    CheckAttestations();
    CheckInputs(build_.inputs, rules_, &errors_);
    CheckCaches("cache_from", build_.cache_from, kMaxCacheFrom,
                [](const std::string& text, std::string_view host) { return ParseCacheFrom(text, host).status(); });
    CheckCaches("cache_to", build_.cache_to, kMaxCacheTo,
                [](const std::string& text, std::string_view host) { return ParseCacheTo(text, host).status(); });
    Text("target", build_.target, kMaxName);
    for (FieldError& error : CheckOutputs(build_, rules_)) errors_.push_back(std::move(error));
    return std::move(errors_);
  }

 private:
  void CheckSource() {
    if (Text("source_location", build_.source_location, kMaxPath)) {
      const Result<source::ContextSpec> context = ParseSourceLocation(build_.source_location);
      if (!context.ok()) Add("source_location", context.status().message());
    }
    Text("docker_file_content", build_.docker_file_content, kMaxFile);
    if (!Text("docker_file_path", build_.docker_file_path, kMaxPath)) return;
    const std::string& path = build_.docker_file_path;
    // With a text of its own the path is a name only.
    if (!build_.docker_file_content.empty()) return;
    if (!path.empty() && (path.front() == '/' || fs::Clean(path).starts_with("..") || fs::Clean(path) == ".")) {
      Add("docker_file_path", fmt::format("'{}' is not a path inside the context", path));
    }
  }

  void CheckNames() {
    if (build_.image_names.empty() && build_.is_push_enabled.value_or(false)) {
      Add("is_push_enabled", "a push needs at least one of image_names");
    }
    if (!Count("image_names", build_.image_names.size(), kMaxNames)) return;
    for (size_t i = 0; i < build_.image_names.size(); ++i) {
      const std::string field = fmt::format("image_names[{}]", i);
      if (Text(field, build_.image_names[i], kMaxName)) CheckName(field, build_.image_names[i]);
    }
  }

  // Values as a run will have them; only their form matters here.
  // Of a run that a push started: which values there are is known only then.
  run_template::RunValues SampleValues() const {
    return {.id = "aa1",
            .registry = rules_.default_registry,
            .date = SystemTime(),
            .os = "linux",
            .architecture = "amd64",
            .task_name = "task",
            .commit = "1481a2de7b2a7d02428ad93446ab166be7793fbb",
            .branch = "main",
            .git_tag = "v1",
            .repository = "https://git.example.com/org/app.git",
            .triggered_by = "Commit"};
  }

  void CheckName(const std::string& field, const std::string& text) {
    const Result<std::string> rendered = run_template::Render(text, SampleValues());
    if (!rendered.ok()) return Add(field, rendered.status().message());
    const bool placeless = rules_.default_registry.empty() && !oci::HasHost(*rendered);
    if (placeless && build_.pushes()) {
      return Add(field, fmt::format("'{}' names no registry and the daemon has no default one (--registry)", text));
    }
    const Result<oci::Reference> name =
        oci::Reference::Parse(*rendered, placeless ? "docker.io" : std::string_view(rules_.default_registry));
    if (!name.ok()) return Add(field, name.status().message());
    if (!name->digest.empty()) Add(field, fmt::format("'{}': a name to push to must not have a digest", text));
  }

  template <typename Parse>
  void CheckCaches(const std::string& list, const std::vector<std::string>& caches, size_t limit, const Parse& parse) {
    if (!Count(list, caches.size(), limit)) return;
    for (size_t i = 0; i < caches.size(); ++i) {
      const std::string field = fmt::format("{}[{}]", list, i);
      if (!Text(field, caches[i], kMaxName)) continue;
      const Result<std::string> rendered = run_template::Render(caches[i], SampleValues());
      if (!rendered.ok()) {
        Add(field, rendered.status().message());
        continue;
      }
      const std::string_view host =
          rules_.default_registry.empty() ? "docker.io" : std::string_view(rules_.default_registry);
      if (const Status parsed = parse(*rendered, host); !parsed.ok()) Add(field, parsed.message());
    }
  }

  void CheckArguments() {
    if (!Count("arguments", build_.arguments.size(), kMaxArguments)) return;
    for (size_t i = 0; i < build_.arguments.size(); ++i) {
      const builder::NamedValue& argument = build_.arguments[i];
      const std::string name_field = fmt::format("arguments[{}].name", i);
      const std::string value_field = fmt::format("arguments[{}].value", i);
      if (argument.name.empty()) {
        Add(name_field, "is empty");
      } else if (Text(name_field, argument.name, kMaxName) && argument.name.find('=') != std::string::npos) {
        Add(name_field, fmt::format("'{}' holds a '='", argument.name));
      }
      if (argument.secret) Secret(value_field, argument.value);
      if (!Text(value_field, argument.value, kMaxValue) || argument.secret) continue;
      const Result<std::string> rendered = run_template::Render(argument.value, {});
      if (!rendered.ok()) Add(value_field, rendered.status().message());
    }
  }

  void CheckAttestations() {
    if (!build_.attest.any() || build_.media_types == oci::Family::kOci) return;
    Add(build_.attest.sbom ? "sbom" : "provenance",
        "is attached by OCI's media types only; ask for media types 'oci', or leave it out");
  }

  void CheckPlatforms() {
    if (!Count("platforms", build_.platforms.size(), kMaxPlatforms)) return;
    for (size_t i = 0; i < build_.platforms.size(); ++i) {  // one that is given twice is built once
      const std::string field = fmt::format("platforms[{}]", i);
      const oci::Platform& platform = build_.platforms[i];
      if (platform.os.size() + platform.architecture.size() + platform.variant.size() > kMaxName) {
        Add(field, "is too long");
      } else if (platform.os.empty() || platform.architecture.empty()) {
        Add(field + (platform.os.empty() ? ".os" : ".architecture"), "is empty");
      } else if (const auto parsed = oci::Platform::Parse(platform.ToString()); !parsed.ok()) {
        Add(field, parsed.status().message());
      } else if (platform.os == "windows") {
        Add(field + ".os", "images for windows are not built");  // their layers are of another form
      }
    }
  }

  void CheckMap(const std::string& field, const std::map<std::string, std::string>& map) {
    if (!Count(field, map.size(), kMaxLabels)) return;
    for (const auto& [key, value] : map) {
      if (key.empty()) {
        Add(field, "a key is empty");
      } else if (Text(field, key, kMaxName)) {
        Text(fmt::format("{}[{}]", field, key), value, kMaxValue);
      }
    }
  }

  void CheckHosts() {
    if (!Count("extra_hosts", build_.extra_hosts.size(), kMaxHosts)) return;
    for (size_t i = 0; i < build_.extra_hosts.size(); ++i) {
      const std::string field = fmt::format("extra_hosts[{}]", i);
      const std::string& host = build_.extra_hosts[i];
      if (!Text(field, host, kMaxName)) continue;
      if (const auto entry = runtime::ParseHostEntry(host); !entry.ok()) Add(field, entry.status().message());
    }
  }

  void CheckNetwork() {
    constexpr std::array<std::string_view, 3> kKnown = {"default", "none", "host"};
    const std::string& network = build_.network;
    if (network.empty() || !Text("network", network, kMaxName)) return;
    if (std::find(kKnown.begin(), kKnown.end(), network) == kKnown.end()) {
      Add("network", fmt::format("'{}' is not one of default, none, host{}", network, DidYouMean(network, kKnown)));
    } else if (network == "host" && !rules_.allow_host_network) {
      Add("network", "the operator does not allow the host's network (allow_host_network)");
    }
  }

  const QuickBuild& build_;
  const QuickBuildRules& rules_;
};

}  // namespace

FieldErrors Check(const QuickBuild& build, const QuickBuildRules& rules) { return Checker(build, rules).Run(); }

}  // namespace slipway::task
