#include "daemon/config/keys.h"

#include <algorithm>
#include <vector>

#include "daemon/config/values.h"
#include "executor/base/near_miss.h"
#include "executor/http/url.h"

namespace slipway::config {

namespace {

using Kind = Key::Kind;

Key Text(std::string_view name, std::string Config::*member, std::string_view form, std::string_view help) {
  return {name,
          Kind::kText,
          form,
          help,
          [member](Config& config, const std::string& text) {
            config.*member = text;
            return Status();
          },
          {}};
}

Key List(std::string_view name, std::vector<std::string> Config::*member, std::string_view form,
         std::string_view help) {
  return {name,
          Kind::kList,
          form,
          help,
          [member](Config& config, const std::string& text) {
            if (text.empty()) return InvalidArgument("an element is empty");
            (config.*member).push_back(text);
            return Status();
          },
          [member](Config& config) { (config.*member).clear(); }};
}

Key Bool(std::string_view name, bool Config::*member, std::string_view help) {
  return {name,
          Kind::kBool,
          "BOOL",
          help,
          [member](Config& config, const std::string& text) -> Status {
            SLIPWAY_ASSIGN_OR_RETURN(config.*member, ReadBool(text));
            return Status();
          },
          {}};
}

Key Count(std::string_view name, uint64_t Config::*member, uint64_t least, uint64_t most, std::string_view help) {
  return {name,
          Kind::kText,
          "N",
          help,
          [member, least, most](Config& config, const std::string& text) -> Status {
            SLIPWAY_ASSIGN_OR_RETURN(config.*member, ReadCount(text, least, most));
            return Status();
          },
          {}};
}

Key Bytes(std::string_view name, uint64_t Config::*member, std::string_view help) {
  return {name,
          Kind::kText,
          "BYTES",
          help,
          [member](Config& config, const std::string& text) -> Status {
            SLIPWAY_ASSIGN_OR_RETURN(config.*member, ReadBytes(text));
            return Status();
          },
          {}};
}

Key Limit(std::string_view name, uint64_t source::Limits::*member, bool bytes, std::string_view help) {
  return {name,
          Kind::kText,
          bytes ? "BYTES" : "N",
          help,
          [member, bytes](Config& config, const std::string& text) -> Status {
            SLIPWAY_ASSIGN_OR_RETURN(config.limits.*member, bytes ? ReadBytes(text) : ReadCount(text, 1, 100'000'000));
            return Status();
          },
          {}};
}

Key Source(std::string_view name, std::string secrets::SourceSettings::*member, std::string_view form,
           std::string_view help) {
  return {name,
          Kind::kText,
          form,
          help,
          [member](Config& config, const std::string& text) {
            config.secrets.*member = text;
            return Status();
          },
          {}};
}

Key Seconds(std::string_view name, std::chrono::seconds Config::*member, std::chrono::seconds least,
            std::chrono::seconds most, std::string_view help) {
  return {name,
          Kind::kText,
          "DURATION",
          help,
          [member, least, most](Config& config, const std::string& text) -> Status {
            SLIPWAY_ASSIGN_OR_RETURN(config.*member, ReadSeconds(text, least, most));
            return Status();
          },
          {}};
}

Key Choice(std::string_view name, std::string Config::*member, std::vector<std::string_view> choices,
           std::string_view form, std::string_view help) {
  return {name,
          Kind::kText,
          form,
          help,
          [member, choices = std::move(choices)](Config& config, const std::string& text) {
            if (std::find(choices.begin(), choices.end(), text) == choices.end()) {
              return InvalidArgument("'{}' is not one of {}{}", text, fmt::join(choices, ", "),
                                     DidYouMean(text, choices));
            }
            config.*member = text;
            return Status();
          },
          {}};
}

// Without the slash at its end, so that paths can be put behind it.
Status SetPublicUrl(Config& config, const std::string& text) {
  SLIPWAY_ASSIGN_OR_RETURN(const http::Url url, http::Url::Parse(text));
  if (!url.userinfo.empty() || !url.query.empty())
    return InvalidArgument("user, password and query have no place here");
  config.public_url = text.substr(0, text.find('#'));
  while (config.public_url.ends_with('/')) config.public_url.pop_back();
  return Status();
}

Status AddTarget(Config& config, const std::string& text) {
  if (config.notify.size() >= notify::kMostTargets)
    return InvalidArgument("there are more than {}", notify::kMostTargets);
  SLIPWAY_ASSIGN_OR_RETURN(notify::Target target, notify::ParseTarget(text));
  config.notify.push_back(std::move(target));
  return Status();
}

Status SetLogFormat(Config& config, const std::string& text) {
  if (text != "plain" && text != "json") return InvalidArgument("'{}' is not one of plain, json", text);
  config.log_format = text == "json" ? log::Format::kJson : log::Format::kPlain;
  return Status();
}

std::vector<Key> MakeKeys() {
  using std::chrono::seconds;
  return {
      Text("root", &Config::root, "DIR", "Folder of the state: runs, logs, contents, caches"),
      List("listen", &Config::listen, "HOST:PORT|unix:PATH", "Where to serve the API"),
      Bool("allow_remote", &Config::allow_remote,
           "Listen on more than loopback although nobody has to identify himself"),
      Text("registry", &Config::registry, "HOST[:PORT]", "Where images named without a registry are pushed"),
      Count("max_runs", &Config::max_runs, 0, 256, "Runs at once; 0: two a processor, at least 4"),
      Count("max_queued", &Config::max_queued, 1, 1'000'000, "Runs that may wait"),
      Seconds("run_timeout", &Config::run_timeout, seconds(1), seconds(28800), "Time limit of runs that set none"),
      Seconds("stop_grace", &Config::stop_grace, seconds(0), seconds(86400),
              "How long runs may go on after SIGTERM before they go back to the queue"),
      Text("run_id_prefix", &Config::run_id_prefix, "XX", "First two characters of run ids, for a new root"),
      Bytes("max_log_bytes", &Config::max_log_bytes, "Output kept of one run"),
      Count("keep_runs", &Config::keep_runs, 0, 1'000'000'000,
            "Ended runs to keep, the newest; older ones go. 0: however many"),
      Seconds("keep_runs_for", &Config::keep_runs_for, seconds(0), seconds(31'536'000) * 100,
              "How long ended runs are kept; what keep_runs keeps stays. 0: for ever"),
      {"log_format", Kind::kText, "plain|json", "Form of the daemon's own log", SetLogFormat, {}},
      Choice("log_level", &Config::log_level, {"trace", "debug", "info", "warning", "error", "critical", "off"},
             "LEVEL", "Least level of the daemon's own log: trace, debug, info, warning, error, critical, off"),
      Limit("limits.entries", &source::Limits::max_entries, false, "Files, folders and links of a context"),
      Limit("limits.total_bytes", &source::Limits::max_total_bytes, true, "Bytes of a context"),
      Limit("limits.file_bytes", &source::Limits::max_file_bytes, true, "Bytes of one file of a context"),
      List("insecure_registries", &Config::insecure_registries, "HOST[:PORT]",
           "Registries reached by plain HTTP (loopback always is)"),
      Text("docker_config", &Config::docker_config, "DIR", "Folder of a Docker config.json with credentials"),
      Text("ca_file", &Config::ca_file, "FILE", "Further certificates to trust, PEM"),
      Text("runtime", &Config::runtime, "auto|crun|runc|PATH", "OCI runtime of build steps"),
      Choice("userns", &Config::userns, {"auto", "off"}, "auto|off", "User namespace of build steps"),
      Choice("network", &Config::network, {"bridge", "host", "none"}, "bridge|host|none", "Network of build steps"),
      Bool("allow_host_network", &Config::allow_host_network, "Let requests ask for the host's network"),
      Bool("allow_insecure_security", &Config::allow_insecure_security,
           "Let Dockerfiles ask for RUN --security=insecure, and tasks for privileged steps"),
      Bool("allow_local_git", &Config::allow_local_git, "Let contexts be git repositories of this machine"),
      Count("max_parallel_steps", &Config::max_parallel_steps, 0, 1024,
            "Build steps at once over all runs; 0: four a processor, at least 16"),
      Bytes("keep_storage", &Config::keep_storage_bytes,
            "Contents and caches to keep; 0: a tenth of the disk, at least 10 GB"),
      Count("max_parallel_task_steps", &Config::max_parallel_task_steps, 0, 1024,
            "Steps of one task at once; a task may ask for less. 0: 8"),
      Seconds("base_poll_interval", &Config::base_poll_interval, seconds(0), seconds(86400),
              "How often, about, tags that tasks were built from are looked up; 0: never"),
      Text("registry_token_file", &Config::registry_token_file, "FILE",
           "File with the token that registries prove their notifications with"),
      {"secrets.environment", Kind::kList, "NAME", "Variables of the daemon that tasks may read as env:NAME",
       [](Config& config, const std::string& text) {
         config.secrets.environment.push_back(text);
         return Status();
       },
       [](Config& config) { config.secrets.environment.clear(); }},
      Source("secrets.folder", &secrets::SourceSettings::folder, "DIR", "Files that tasks may read as file:NAME"),
      Source("secrets.vault_address", &secrets::SourceSettings::vault_address, "URL",
             "HashiCorp Vault that tasks may read as vault:MOUNT/PATH#FIELD"),
      Source("secrets.vault_namespace", &secrets::SourceSettings::vault_namespace, "NAME", "Namespace in that Vault"),
      Source("secrets.vault_token_file", &secrets::SourceSettings::vault_token_file, "FILE",
             "File with a token for that Vault"),
      Source("secrets.vault_role_id", &secrets::SourceSettings::vault_role_id, "ID",
             "Role to sign in to that Vault with (AppRole)"),
      Source("secrets.vault_secret_id_file", &secrets::SourceSettings::vault_secret_id_file, "FILE",
             "File with the secret id of that role"),
      Source("secrets.azure_identity_endpoint", &secrets::SourceSettings::azure_identity_endpoint, "URL",
             "Where tokens of managed identities are had, if not in Azure"),
      Source("secrets.azure_vault_endpoint", &secrets::SourceSettings::azure_vault_endpoint, "URL",
             "Where Azure key vaults are asked instead of at their own hosts"),
      Text("http_listen", &Config::http_listen, "HOST:PORT", "Where webhooks come in, over HTTP; nowhere if not set"),
      {"public_url",
       Kind::kText,
       "URL",
       "Address of http_listen as git hosts and people reach it, for links",
       SetPublicUrl,
       {}},
      {"notify", Kind::kRecords, "url=URL[,events=EVENT][,secret_file=FILE]",
       "Whom to tell of run.started, run.finished, image.pushed", AddTarget,
       [](Config& config) { config.notify.clear(); }},
  };
}

}  // namespace

std::span<const Key> Keys() {
  static const std::vector<Key> keys = MakeKeys();
  return keys;
}

const Key* FindKey(std::string_view name) {
  const auto keys = Keys();
  const auto found = std::find_if(keys.begin(), keys.end(), [name](const Key& key) { return key.name == name; });
  return found == keys.end() ? nullptr : &*found;
}

std::string KeyHint(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Key& key : Keys()) names.push_back(key.name);
  return DidYouMean(name, names);
}

Status Apply(const Key& key, std::span<const std::string> values, Config& config) {
  if (key.clear) key.clear(config);
  for (const std::string& value : values) SLIPWAY_RETURN_IF_ERROR(key.set(config, value).With(key.name));
  return Status();
}

}  // namespace slipway::config
