#include "steps/task/build_text.h"

#include <algorithm>

#include "executor/base/flag_values.h"
#include "executor/base/fs.h"
#include "steps/task/cmd_text.h"
#include "steps/task/flags.h"
#include "steps/task/shell_words.h"

namespace slipway::task {

namespace {

constexpr std::string_view kWorkspace = "/workspace";

// A template that gives `text`: names and arguments of a quick build are rendered, those of a step have been already.
std::string Literal(std::string_view text) {
  std::string out;
  for (size_t open = text.find("{{"); open != std::string_view::npos; open = text.find("{{")) {
    out.append(text.substr(0, open)).append(R"({{"{{"}})");
    text.remove_prefix(open + 2);
  }
  return out.append(text);
}

std::pair<std::string, std::string> SplitPair(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos) return {text, ""};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

FlagAction AddPair(std::map<std::string, std::string>* out) {
  return [out](const std::string& value) {
    auto [name, text] = SplitPair(value);
    if (name.empty()) return InvalidArgument("'{}' has no name; write NAME=VALUE", value);
    (*out)[name] = std::move(text);
    return Status();
  };
}

bool IsTrueWord(std::string_view text) { return text == "true" || text == "1"; }
bool IsFalseWord(std::string_view text) { return text == "false" || text == "0"; }

// What --attest, --provenance and --sbom say of one attestation.
struct AttestWords {
  std::string type;
  bool wanted = true;
  bool max = false;
  std::vector<std::string> without_effect;
};

Status ReadAttestField(const std::string& field, AttestWords* out) {
  constexpr std::array<std::string_view, 6> kWithoutEffect = {"generator",   "builder-id",   "version",
                                                              "inline-only", "reproducible", "filename"};
  if (IsTrueWord(field) || IsFalseWord(field)) {
    out->wanted = IsTrueWord(field);
    return Status();
  }
  const auto [name, value] = SplitPair(field);
  if (name == "type") {
    out->type = value;
  } else if (name == "mode" && (value == "min" || value == "max")) {
    out->max = value == "max";
  } else if (name == "mode") {
    return InvalidArgument("mode '{}' is neither min nor max", value);
  } else if (name == "disabled" && (IsTrueWord(value) || IsFalseWord(value))) {
    out->wanted = IsFalseWord(value);
  } else if (std::find(kWithoutEffect.begin(), kWithoutEffect.end(), name) != kWithoutEffect.end()) {
    out->without_effect.push_back(name);
  } else {
    return InvalidArgument("'{}' is not understood; write true, false, mode=min, mode=max or disabled=true", field);
  }
  return Status();
}

class Parser {
 public:
  Parser(const BuildSurroundings& around, std::vector<std::string>* warnings) : around_(around), warnings_(*warnings) {}

  Result<BuildStep> Run(std::string_view text) && {
    SLIPWAY_ASSIGN_OR_RETURN(const ShellSplit split, SplitShellWords(text));
    if (split.shell) {
      return InvalidArgument(
          "'{}' is for a shell, and there is none: a build step is the flags and the context of one build",
          split.shell->what.empty() ? "a second line" : split.shell->what);
    }
    std::vector<std::string> positional;
    size_t at = 0;
    SLIPWAY_RETURN_IF_ERROR(ReadFlags(split.words, Flags(), /*interleave=*/true, &at, &positional));
    if (positional.empty())
      return InvalidArgument("names no context; the last word is '.' for the workspace, a folder or a URL");
    if (positional.size() > 1) {
      return InvalidArgument("names {} contexts ('{}' and '{}'); there is one, and words with blanks need quotes",
                             positional.size(), positional[0], positional[1]);
    }
    return Make(positional[0]);
  }

 private:
  std::vector<Flag> Flags() {
    const std::string no_daemon = "has no meaning here, where no Docker daemon builds";
    std::vector<Flag> flags = {
        {"-t --tag", true, [this](const std::string& value) { return Append(&build_.image_names, value); }},
        {"-f --file", true, StoreText(&dockerfile_)},
        {"--build-arg", true, [this](const std::string& value) { return Argument(value); }},
        {"--target", true, StoreText(&build_.target)},
        {"--platform", true, [this](const std::string& value) { return Platforms(value); }},
        {"--label", true, AddPair(&build_.labels)},
        {"--annotation", true, AddPair(&build_.annotations)},
        {"--add-host", true, AppendText(&build_.extra_hosts)},
        {"--network", true, StoreText(&build_.network)},
        {"--secret", true, [this](const std::string& value) { return Secret(value); }},
        {"--ulimit", true, AppendText(&build_.inputs.ulimits)},
        {"--shm-size", true,
         [this](const std::string& value) {
           SLIPWAY_ASSIGN_OR_RETURN(build_.inputs.shm_size_bytes, ParseSize(value));
           return Status();
         }},
        {"--allow", true, AppendText(&build_.inputs.allow)},
        {"--build-context", true, [this](const std::string& value) { return BuildContext(value); }},
        {"--attest", true, [this](const std::string& value) { return Attest("", value); }},
        {"--provenance", true, [this](const std::string& value) { return Attest("provenance", value); }},
        {"--sbom", true, [this](const std::string& value) { return Attest("sbom", value); }},
        {"--squash", false, StoreSwitch(&build_.squash)},
        {"--ssh", true, RefuseFlag("is not taken: a step has no agent")},
        {"--no-cache", false, StoreSwitch(&build_.no_cache)},
        {"--pull", false, StoreSwitch(&build_.pull)},
        {"--isolation", true,
         [](const std::string& value) {
           return value == "default" || value.empty()
                      ? Status()
                      : InvalidArgument("'{}' is for Windows; only 'default' is known", value);
         }},
        {"-q --quiet", false, Accept()},
        {"--rm", false, Accept()},
        {"--force-rm", false, Accept()},
        {"--compress", false, Accept()},
        {"--stream", false, Accept()},
        {"-D --debug", false, Accept()},
        {"--disable-content-trust", false, [this](const std::string& value) { return ContentTrust(value); }},
        {"--load", false, Accept()},
        {"--progress", true, Accept()},
        {"--builder", true, Accept()},
        {"--cache-from", true, [this](const std::string& value) { return Append(&build_.cache_from, value); }},
        {"--cache-to", true, [this](const std::string& value) { return Append(&build_.cache_to, value); }},
        {"--push", false, RefuseFlag("is not taken: a push step pushes")},
        {"-o --output", true, RefuseFlag("is not taken: the image is kept for later steps, and a push step pushes it")},
        {"--iidfile", true, RefuseFlag(no_daemon)},
        {"--metadata-file", true, RefuseFlag(no_daemon)},
    };
    AddWithoutEffect(&flags);
    return flags;
  }

  // Flags for the machine of a Docker daemon. The image is the same without them, so they keep no task from running.
  void AddWithoutEffect(std::vector<Flag>* flags) {
    constexpr std::array<std::string_view, 8> kResources = {"-m --memory",   "--memory-swap",  "-c --cpu-shares",
                                                            "--cpu-period",  "--cpu-quota",    "--cpuset-cpus",
                                                            "--cpuset-mems", "--cgroup-parent"};
    const auto add = [&](std::string_view names, std::string_view why) {
      const std::string_view name = names.substr(names.find("--"));
      flags->push_back({names, true, [this, name, why](const std::string&) {
                          WarnWithoutEffect(name, why);
                          return Status();
                        }});
    };
    for (const std::string_view names : kResources) add(names, "what a build step may use is the operator's to say");
    add("--security-opt", "build steps run in the sandbox that the daemon gives all of them");
  }

  void WarnWithoutEffect(std::string_view flag, std::string_view why) {
    std::string text = fmt::format("{} has no effect here: {}", flag, why);
    if (std::find(warnings_.begin(), warnings_.end(), text) == warnings_.end()) warnings_.push_back(std::move(text));
  }

  Status ContentTrust(const std::string& value) {
    bool disabled = true;
    SLIPWAY_RETURN_IF_ERROR(StoreSwitch(&disabled)(value));
    if (disabled) return Status();
    WarnWithoutEffect("--disable-content-trust=false", "signatures of Docker's Notary are not looked at");
    return Status();
  }

  // "type=sbom,disabled=true"; --provenance and --sbom are short for one with their `type`. The last of a type counts.
  Status Attest(std::string type, const std::string& value) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> fields, SplitCsv(value));
    AttestWords words{.type = std::move(type)};
    for (const std::string& field : fields) SLIPWAY_RETURN_IF_ERROR(ReadAttestField(field, &words));
    if (words.type == "sbom") {
      build_.attest.sbom = words.wanted;
    } else if (words.type == "provenance") {
      const auto mode = words.max ? attest::ProvenanceMode::kMax : attest::ProvenanceMode::kMin;
      build_.attest.provenance = words.wanted ? mode : attest::ProvenanceMode::kNone;
    } else {
      return InvalidArgument("type '{}' is neither sbom nor provenance", words.type);
    }
    for (const std::string& name : words.without_effect) {
      WarnWithoutEffect(fmt::format("'{}' of an attestation", name), "the daemon makes it in its own way");
    }
    return Status();
  }

  // "NAME=docker-image://IMAGE", or a URL. What only a client has, a folder or layout that it uploads, no step has.
  Status BuildContext(const std::string& value) {
    const auto [name, location] = SplitPair(value);
    if (name.empty() || location.empty()) {
      return InvalidArgument("'{}' is not of the form NAME=docker-image://IMAGE or NAME=URL", value);
    }
    const Result<builder::NamedContextSpec> spec = ParseBuildContext(location);
    const bool path =
        location.find("://") == std::string::npos && source::ParseContext(location).code() == Code::kNotFound;
    if (path || location.starts_with(kUploadPrefix) || location.starts_with("oci-layout://")) {
      return InvalidArgument(
          "'{}' of '{}' is a folder, and a step takes images (docker-image://NAME) and URLs only; let an earlier step "
          "copy the files into the context",
          location, name);
    }
    SLIPWAY_RETURN_IF_ERROR(spec.status().With(fmt::format("'{}'", name)));
    build_.inputs.build_contexts[name] = location;
    return Status();
  }

  // "id=ID,src=PATH": a file of a volume that the step mounts.
  Status Secret(const std::string& value) {
    std::string id;
    std::string path;
    for (std::string_view rest = value; !rest.empty();) {
      const size_t comma = std::min(rest.find(','), rest.size());
      const auto [name, text] = SplitPair(std::string(rest.substr(0, comma)));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
      if (name == "id") {
        id = text;
      } else if (name == "src" || name == "source") {
        path = text;
      } else if (name != "type" || text != "file") {
        return InvalidArgument("'{}' is not understood; write id=ID,src=PATH", name);
      }
    }
    if (id.empty() || path.empty()) return InvalidArgument("'{}' needs both id and src", value);
    const auto file = around_.files.find(fs::Clean(path));
    if (file == around_.files.end()) {
      return InvalidArgument("'{}' is no file of a volume that the step mounts (volumeMounts)", path);
    }
    build_.inputs.secrets.push_back({.id = id, .value = file->second});
    return Status();
  }

  static Status Append(std::vector<std::string>* out, const std::string& value) {
    out->push_back(Literal(value));
    return Status();
  }

  Status Argument(const std::string& value) {
    const auto [name, text] = SplitPair(value);
    if (value.find('=') == std::string::npos) {
      return InvalidArgument("'{}' has no value; write {}=VALUE (a step sees no environment to take one from)", value,
                             value);
    }
    build_.arguments.push_back({.name = name, .value = Literal(text)});
    return Status();
  }

  Status Platforms(const std::string& value) {
    for (std::string_view rest = value; !rest.empty();) {
      const size_t comma = std::min(rest.find(','), rest.size());
      SLIPWAY_ASSIGN_OR_RETURN(oci::Platform platform, oci::Platform::Parse(rest.substr(0, comma)));
      build_.platforms.push_back(std::move(platform));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return Status();
  }

  Result<BuildStep> Make(const std::string& context) {
    if (dockerfile_ == "-" || context == "-") return InvalidArgument("'-' (standard input) is nothing that a step has");
    if (build_.platforms.empty()) build_.platforms = around_.platforms;
    const Result<source::ContextSpec> remote = source::ParseContext(context);
    const bool local = remote.code() == Code::kNotFound;
    if (!local && !remote.ok()) return remote.status();
    build_.source_location = local ? "/dev/null" : context;
    // The image is kept; a push step may push it.
    build_.is_push_enabled = false;
    if (!local && !dockerfile_.empty()) build_.docker_file_path = dockerfile_;
    if (context.find("github") != std::string::npos && context.find(".git") == std::string::npos) {
      warnings_.push_back(fmt::format("'{}' may be no git repository; the URL of one ends in '.git'", context));
    }
    if (!around_.cache_tag.empty()) UseCache();
    for (const FieldError& error : Check(build_, around_.rules)) {
      return InvalidArgument("{}: {}", Spoken(error.field), error.message);
    }
    SLIPWAY_ASSIGN_OR_RETURN(Task task, MakeTask(build_, {}, around_.rules));
    BuildStep step = std::get<BuildStep>(std::move(task.steps.front().what));
    if (local) {
      SLIPWAY_ASSIGN_OR_RETURN(step.context_folder, InWorkspace(context, "context"));
      SLIPWAY_ASSIGN_OR_RETURN(
          step.dockerfile,
          InWorkspace(dockerfile_.empty() ? fs::Join(context, "Dockerfile") : dockerfile_, "Dockerfile"));
    }
    return step;
  }

  // Beside the step's first image that has a registry of its own, or else its first: as ACR does it.
  void UseCache() {
    const std::vector<std::string>& names = build_.image_names;
    if (names.empty()) return;
    const auto hosted = std::find_if(names.begin(), names.end(), [](const auto& name) { return oci::HasHost(name); });
    const bool has_host = hosted != names.end();
    if (!has_host && around_.rules.default_registry.empty()) {
      warnings_.push_back("there is no cache: neither the image nor the daemon has a registry to keep it in");
      return;
    }
    Result<oci::Reference> cache =
        oci::Reference::Parse(has_host ? *hosted : names.front(), around_.rules.default_registry);
    if (!cache.ok()) return;  // which is an error of the name
    cache = oci::Reference::Parse(fmt::format("{}/{}:{}", cache->host, cache->repository, around_.cache_tag));
    if (!cache.ok()) {
      warnings_.push_back(fmt::format("there is no cache: {}", cache.status().message()));
      return;
    }
    const std::string ref = cache->ToString();
    build_.cache_from.push_back(Literal(fmt::format("type=registry,ref={}", ref)));
    // The cache is ours to offer, not what the step is for: a registry that refuses it is told of, no more.
    build_.cache_to.push_back(Literal(fmt::format("type=registry,ref={},mode=max,ignore-error=true", ref)));
  }

  Result<std::string> InWorkspace(const std::string& path, std::string_view what) const {
    const std::string whole = fs::Clean(path.starts_with('/') ? path : fs::Join(around_.working_directory, path));
    if (whole == kWorkspace || whole.starts_with(fmt::format("{}/", kWorkspace))) return whole;
    return InvalidArgument("the {} '{}' is not in {}", what, path, kWorkspace);
  }

  // "image_names[1]" as the flag that it came from.
  static std::string Spoken(const std::string& field) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 17> kFlags = {
        {{"image_names", "--tag"},
         {"arguments", "--build-arg"},
         {"platforms", "--platform"},
         {"labels", "--label"},
         {"annotations", "--annotation"},
         {"extra_hosts", "--add-host"},
         {"network", "--network"},
         {"target", "--target"},
         {"docker_file_path", "--file"},
         {"build_contexts", "--build-context"},
         {"secrets", "--secret"},
         {"ulimits", "--ulimit"},
         {"shm_size_bytes", "--shm-size"},
         {"allow", "--allow"},
         {"squash", "--squash"},
         {"cache_from", "--cache-from"},
         {"cache_to", "--cache-to"}}};
    for (const auto& [name, flag] : kFlags) {
      if (field.starts_with(name)) return std::string(flag);
    }
    return field;
  }

  const BuildSurroundings& around_;
  std::vector<std::string>& warnings_;
  QuickBuild build_;
  std::string dockerfile_;
};

}  // namespace

Result<BuildStep> ParseBuild(std::string_view text, const BuildSurroundings& surroundings,
                             std::vector<std::string>* warnings) {
  return Parser(surroundings, warnings).Run(text);
}

}  // namespace slipway::task
