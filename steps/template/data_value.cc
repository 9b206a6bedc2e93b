#include "steps/template/data_value.h"

#include <limits>

#include "steps/template/json.h"

namespace slipway::run_template {

namespace {

std::string RegistryName(const std::string& registry) { return registry.substr(0, registry.find_first_of(".:")); }

Value RunValue(Workspace& work, const RunValues& run) {
  const Value out = work.NewDict();
  const auto set = [&](std::string_view key, std::string text) {
    work.Set(out.dict(), key, work.Text(std::move(text)));
  };
  set("ID", run.id);
  set("Commit", run.commit);
  set("Repository", run.repository);
  set("Branch", run.branch);
  set("GitTag", run.git_tag);
  set("TriggeredBy", run.triggered_by);
  set("Registry", run.registry);
  set("RegistryName", RegistryName(run.registry));
  set("Date", FormatRunDate(run.date));
  set("SharedVolume", run.shared_volume);
  set("OS", run.os);
  set("OSVersion", run.os_version);
  set("Architecture", run.architecture);
  set("TaskName", run.task_name);
  return out;
}

}  // namespace

Value ToValue(Workspace& work, const nlohmann::json& json, int depth) {
  if (!work.Enter(depth)) return Value::Nil();
  if (json.is_boolean()) return Value::Bool(json.get<bool>());
  if (json.is_number_integer()) {
    // Past an int it is a float, as JSON has it.
    const bool fits = !json.is_number_unsigned() || json.get<uint64_t>() <= std::numeric_limits<int64_t>::max();
    return fits ? Value::Int(json.get<int64_t>()) : Value::Float(json.get<double>());
  }
  if (json.is_number_float()) return Value::Float(json.get<double>());
  if (json.is_string()) return work.Text(json.get_ref<const std::string&>());
  if (json.is_array()) {
    std::vector<Value> items;
    for (const nlohmann::json& item : json) items.push_back(ToValue(work, item, depth + 1));
    return work.NewList(std::move(items));
  }
  if (!json.is_object()) return Value::Nil();
  const Value out = work.NewDict();
  for (const auto& [key, value] : json.items()) work.Set(out.dict(), key, ToValue(work, value, depth + 1));
  return out;
}

Value ToValue(Workspace& work, const Data& data) {
  const Value root = work.NewDict();
  const auto set = [&](std::string_view key, const Value& value) { work.Set(root.dict(), key, value); };
  const Value run = RunValue(work, data.run);
  const Value build = work.NewDict();
  work.Set(build.dict(), "ID", work.Text(data.run.id));
  const Value values = ToValue(work, data.values);
  const Value secrets = work.NewDict();
  for (const auto& [id, secret] : data.secrets) work.Set(secrets.dict(), id, work.Text(secret));
  set("Run", run);
  set("Build", build);
  set("Values", values);
  set("Secrets", secrets);
  set("ValuesJSON", work.Text(ShellQuote(ToJson(work, values, 0))));
  set("RunJSON", work.Text(ShellQuote(ToJson(work, run, 0))));
  return root;
}

}  // namespace slipway::run_template
