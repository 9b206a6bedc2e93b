#include "executor/oci/config.h"

#include <nlohmann/json.hpp>

#include "executor/oci/json.h"

namespace slipway::oci {

namespace {
using OrderedJson = nlohmann::ordered_json;
using Json = nlohmann::json;

Status ReadTime(const Json& object, const char* key, std::optional<SystemTime>& out) {
  std::string text;
  SLIPWAY_RETURN_IF_ERROR(json::Read(object, key, text));
  if (text.empty()) return Status();
  SLIPWAY_ASSIGN_OR_RETURN(out, ParseTime(text));
  return Status();
}

Status ReadOptionalList(const Json& object, const char* key, std::optional<std::vector<std::string>>& out) {
  const auto it = object.find(key);
  if (it == object.end() || it->is_null()) return Status();
  std::vector<std::string> list;
  // Very old images hold one string where a list is meant.
  if (it->is_string()) {
    list.push_back(it->get<std::string>());
  } else {
    SLIPWAY_RETURN_IF_ERROR(json::Read(object, key, list));
  }
  out = std::move(list);
  return Status();
}

// A JSON object whose keys are what counts ("80/tcp": {}).
Status ReadSet(const Json& object, const char* key, std::set<std::string>& out) {
  const auto it = object.find(key);
  if (it == object.end() || it->is_null()) return Status();
  if (!it->is_object()) return InvalidArgument("field '{}' is not an object", key);
  for (const auto& [name, value] : it->items()) out.insert(name);
  return Status();
}

Status ReadNanos(const Json& object, const char* key, std::chrono::nanoseconds& out) {
  int64_t nanos = out.count();
  SLIPWAY_RETURN_IF_ERROR(json::Read(object, key, nanos));
  out = std::chrono::nanoseconds(nanos);
  return Status();
}

Result<Healthcheck> ParseHealthcheck(const Json& object) {
  if (!object.is_object()) return InvalidArgument("field 'Healthcheck' is not an object");
  Healthcheck out;
  int64_t retries = 0;
  SLIPWAY_RETURN_IF_ERROR(json::Read(object, "Test", out.test));
  SLIPWAY_RETURN_IF_ERROR(ReadNanos(object, "Interval", out.interval));
  SLIPWAY_RETURN_IF_ERROR(ReadNanos(object, "Timeout", out.timeout));
  SLIPWAY_RETURN_IF_ERROR(ReadNanos(object, "StartPeriod", out.start_period));
  SLIPWAY_RETURN_IF_ERROR(ReadNanos(object, "StartInterval", out.start_interval));
  SLIPWAY_RETURN_IF_ERROR(json::Read(object, "Retries", retries));
  out.retries = static_cast<int>(retries);
  return out;
}

Result<RunConfig> ParseRunConfig(const Json& object) {
  if (!object.is_object()) return InvalidArgument("field 'config' is not an object");
  RunConfig out;
  SLIPWAY_RETURN_IF_ERROR(json::Read(object, "User", out.user));
  SLIPWAY_RETURN_IF_ERROR(ReadSet(object, "ExposedPorts", out.exposed_ports));
  SLIPWAY_RETURN_IF_ERROR(json::Read(object, "Env", out.env));
  SLIPWAY_RETURN_IF_ERROR(ReadOptionalList(object, "Entrypoint", out.entrypoint));
  SLIPWAY_RETURN_IF_ERROR(ReadOptionalList(object, "Cmd", out.cmd));
  SLIPWAY_RETURN_IF_ERROR(ReadSet(object, "Volumes", out.volumes));
  SLIPWAY_RETURN_IF_ERROR(json::Read(object, "WorkingDir", out.working_dir));
  SLIPWAY_RETURN_IF_ERROR(json::Read(object, "Labels", out.labels));
  SLIPWAY_RETURN_IF_ERROR(json::Read(object, "StopSignal", out.stop_signal));
  SLIPWAY_RETURN_IF_ERROR(json::Read(object, "ArgsEscaped", out.args_escaped));
  SLIPWAY_RETURN_IF_ERROR(json::Read(object, "OnBuild", out.on_build));
  SLIPWAY_RETURN_IF_ERROR(ReadOptionalList(object, "Shell", out.shell));
  if (const auto it = object.find("Healthcheck"); it != object.end() && !it->is_null()) {
    SLIPWAY_ASSIGN_OR_RETURN(out.healthcheck, ParseHealthcheck(*it));
  }
  return out;
}

Result<HistoryEntry> ParseHistory(const Json& object) {
  if (!object.is_object()) return InvalidArgument("an entry of 'history' is not an object");
  HistoryEntry out;
  SLIPWAY_RETURN_IF_ERROR(ReadTime(object, "created", out.created));
  SLIPWAY_RETURN_IF_ERROR(json::Read(object, "created_by", out.created_by));
  SLIPWAY_RETURN_IF_ERROR(json::Read(object, "author", out.author));
  SLIPWAY_RETURN_IF_ERROR(json::Read(object, "comment", out.comment));
  SLIPWAY_RETURN_IF_ERROR(json::Read(object, "empty_layer", out.empty_layer));
  return out;
}

OrderedJson SetToJson(const std::set<std::string>& names) {
  OrderedJson out = OrderedJson::object();
  for (const std::string& name : names) out[name] = OrderedJson::object();
  return out;
}

OrderedJson ToJsonValue(const Healthcheck& check) {
  OrderedJson out = OrderedJson::object();
  if (!check.test.empty()) out["Test"] = check.test;
  if (check.interval.count() != 0) out["Interval"] = check.interval.count();
  if (check.timeout.count() != 0) out["Timeout"] = check.timeout.count();
  if (check.start_period.count() != 0) out["StartPeriod"] = check.start_period.count();
  if (check.start_interval.count() != 0) out["StartInterval"] = check.start_interval.count();
  if (check.retries != 0) out["Retries"] = check.retries;
  return out;
}

OrderedJson ToJsonValue(const RunConfig& config) {
  OrderedJson out = OrderedJson::object();
  if (!config.user.empty()) out["User"] = config.user;
  if (!config.exposed_ports.empty()) out["ExposedPorts"] = SetToJson(config.exposed_ports);
  if (!config.env.empty()) out["Env"] = config.env;
  if (config.entrypoint) out["Entrypoint"] = *config.entrypoint;
  if (config.cmd) out["Cmd"] = *config.cmd;
  if (!config.volumes.empty()) out["Volumes"] = SetToJson(config.volumes);
  if (!config.working_dir.empty()) out["WorkingDir"] = config.working_dir;
  if (!config.labels.empty()) out["Labels"] = config.labels;
  if (!config.stop_signal.empty()) out["StopSignal"] = config.stop_signal;
  if (config.args_escaped) out["ArgsEscaped"] = true;
  if (config.healthcheck) out["Healthcheck"] = ToJsonValue(*config.healthcheck);
  if (!config.on_build.empty()) out["OnBuild"] = config.on_build;
  if (config.shell) out["Shell"] = *config.shell;
  return out;
}

OrderedJson ToJsonValue(const HistoryEntry& entry) {
  OrderedJson out = OrderedJson::object();
  if (entry.created) out["created"] = FormatTime(*entry.created);
  if (!entry.created_by.empty()) out["created_by"] = entry.created_by;
  if (!entry.author.empty()) out["author"] = entry.author;
  if (!entry.comment.empty()) out["comment"] = entry.comment;
  if (entry.empty_layer) out["empty_layer"] = true;
  return out;
}

Status ReadRootfs(const Json& object, std::vector<Digest>& out) {
  const auto rootfs = object.find("rootfs");
  if (rootfs == object.end() || !rootfs->is_object()) return InvalidArgument("the image config has no 'rootfs'");
  std::vector<std::string> ids;
  SLIPWAY_RETURN_IF_ERROR(json::Read(*rootfs, "diff_ids", ids));
  for (const std::string& id : ids) {
    SLIPWAY_ASSIGN_OR_RETURN(Digest digest, Digest::Parse(id));
    out.push_back(digest);
  }
  return Status();
}
}  // namespace

Result<ImageConfig> ImageConfig::Parse(std::string_view text) {
  SLIPWAY_ASSIGN_OR_RETURN(const Json object, json::ParseObject(text, "the image config"));
  ImageConfig out;
  SLIPWAY_RETURN_IF_ERROR(ReadTime(object, "created", out.created));
  SLIPWAY_RETURN_IF_ERROR(json::Read(object, "author", out.author));
  SLIPWAY_RETURN_IF_ERROR(json::Read(object, "architecture", out.platform.architecture));
  SLIPWAY_RETURN_IF_ERROR(json::Read(object, "os", out.platform.os));
  SLIPWAY_RETURN_IF_ERROR(json::Read(object, "os.version", out.platform.os_version));
  SLIPWAY_RETURN_IF_ERROR(json::Read(object, "variant", out.platform.variant));
  if (const auto it = object.find("config"); it != object.end() && !it->is_null()) {
    SLIPWAY_ASSIGN_OR_RETURN(out.config, ParseRunConfig(*it));
  }
  SLIPWAY_RETURN_IF_ERROR(ReadRootfs(object, out.diff_ids));
  if (const auto it = object.find("history"); it != object.end() && it->is_array()) {
    for (const Json& item : *it) {
      SLIPWAY_ASSIGN_OR_RETURN(HistoryEntry entry, ParseHistory(item));
      out.history.push_back(std::move(entry));
    }
  }
  return out;
}

std::string ImageConfig::ToJson() const {
  OrderedJson out = {{"architecture", platform.architecture}};
  if (!platform.variant.empty()) out["variant"] = platform.variant;
  out["os"] = platform.os;
  if (!platform.os_version.empty()) out["os.version"] = platform.os_version;
  if (!author.empty()) out["author"] = author;
  if (created) out["created"] = FormatTime(*created);
  out["config"] = ToJsonValue(config);
  OrderedJson ids = OrderedJson::array();
  for (const Digest& id : diff_ids) ids.push_back(id.ToString());
  out["rootfs"] = {{"type", "layers"}, {"diff_ids", ids}};
  OrderedJson entries = OrderedJson::array();
  for (const HistoryEntry& entry : history) entries.push_back(ToJsonValue(entry));
  out["history"] = entries;
  return out.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace slipway::oci
