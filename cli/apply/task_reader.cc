#include "cli/apply/task_reader.h"

#include <fmt/format.h>

#include <array>
#include <map>
#include <optional>

#include "cli/apply/message_reader.h"
#include "cli/platform.h"
#include "executor/base/base64.h"
#include "executor/base/near_miss.h"

namespace slipway::cli {

namespace {

using Handlers = MessageReader::Handlers;
using google::protobuf::Message;

// What `task show` tells and nobody can set.
constexpr std::array<std::string_view, 12> kReadOnly = {
    "id",         "type",       "location",        "creationDate",  "lastUpdatedDate", "etag",
    "createTime", "systemData", "lastUpdatedTime", "resourceGroup", "isSystemTask",    "provisioningState"};
// What ACR knows and this daemon does not.
constexpr std::array<std::string_view, 4> kMeaningless = {"agentConfiguration", "agentPoolName", "identity",
                                                          "logTemplate"};

void PassOver(const YAML::Node&) {}

class TaskReader {
 public:
  TaskReader(const std::string& name, const std::string& folder) : name_(name), reader_(name, folder) {
    reader_.ForType(*v1::Argument::descriptor(), [this](Message* message) {
      // {name: TOKEN, valueFrom: env:TOKEN}
      return Handlers{{"valueFrom", [this, message](const YAML::Node& from) {
                         YAML::Node whole;
                         whole["valueFrom"] = from;
                         reader_.ReadField(whole, "value", message);
                       }}};
    });
    reader_.ForType(*v1::SourceTrigger::descriptor(),
                    [this](Message* message) { return OfSource(static_cast<v1::SourceTrigger*>(message)); });
  }

  void ReadDocument(const YAML::Node& node) {
    if (node.IsNull()) return;
    if (node.IsSequence()) {
      for (const YAML::Node& task : node) ReadTask(task);
    } else if (node.IsMap() && node["tasks"]) {
      reader_.ReadMembers(node, {{"tasks", [this](const YAML::Node& tasks) {
                                    if (tasks.IsSequence()) return ReadDocument(tasks);
                                    reader_.Error(tasks, "'tasks' is a list of tasks");
                                  }}});
    } else {
      ReadTask(node);
    }
  }

  Result<DeclaredTasks> Finish() {
    if (reader_.errors().empty()) return std::move(declared_);
    return InvalidArgument("{}", fmt::join(reader_.errors(), "\n"));
  }

 private:
  // What stands outside of a step in ACR's model and inside of it in the API.
  struct Outside {
    std::optional<YAML::Node> timeout, platform, step;
  };

  void ReadTask(const YAML::Node& node) {
    v1::Task task;
    Outside outside;
    reader_.Read(node, &task, OfTask(&task, &outside));
    if (outside.step) ReadStep(*outside.step, &task);
    Message* step = StepOf(&task);
    if (step == nullptr) {
      reader_.Error(node, "the task has no step: what is it to run?");
    } else {
      FillStep(outside, step);
    }
    if (task.name().empty()) return reader_.Error(node, "the task has no name");
    if (!names_.emplace(task.name(), 1).second) {
      return reader_.Error(node, fmt::format("there is a second task '{}'", task.name()));
    }
    declared_.tasks.push_back(std::move(task));
  }

  Handlers OfTask(v1::Task* task, Outside* outside) {
    Handlers handlers = {{"step", [outside](const YAML::Node& node) { outside->step = node; }},
                         {"timeout", [outside](const YAML::Node& node) { outside->timeout = node; }},
                         {"platform", [outside](const YAML::Node& node) { outside->platform = node; }},
                         {"trigger", [this, task](const YAML::Node& node) { ReadTriggers(node, task); }},
                         {"credentials", [this, task](const YAML::Node& node) { ReadCredentials(node, task); }},
                         {"baseImageDependencies", PassOver}};
    for (const std::string_view name : kReadOnly) handlers.emplace(name, PassOver);
    for (const std::string_view name : kMeaningless) {
      handlers.emplace(name, [this, name](const YAML::Node& node) {
        declared_.notes.push_back(fmt::format("{}:{}:{}: '{}' has no meaning for this daemon and is ignored", name_,
                                              node.Mark().line + 1, node.Mark().column + 1, name));
      });
    }
    return handlers;
  }

  static Message* StepOf(v1::Task* task) {
    if (task->has_docker_build()) return task->mutable_docker_build();
    if (task->has_file_task()) return task->mutable_file_task();
    if (task->has_encoded_task()) return task->mutable_encoded_task();
    return nullptr;
  }

  // The message of the step by its type, or else by what only steps of a kind have.
  Message* MakeStep(const YAML::Node& node, v1::Task* task) {
    static const std::map<std::string, int, std::less<>> kTypes = {{"Docker", 0}, {"FileTask", 1}, {"EncodedTask", 2}};
    int type = 0;
    if (const YAML::Node given = node["type"]; given && given.IsScalar()) {
      const auto found = kTypes.find(given.Scalar());
      if (found == kTypes.end()) {
        std::vector<std::string_view> names;
        for (const auto& [name, number] : kTypes) names.push_back(name);
        const std::string hint = DidYouMean(given.Scalar(), names);
        reader_.Error(given, fmt::format("the type of the step is Docker, FileTask or EncodedTask, not '{}'{}",
                                         given.Scalar(), hint));
        return nullptr;
      }
      type = found->second;
    } else if (node["taskFilePath"]) {
      type = 1;
    } else if (node["encodedTaskContent"] || node["taskContent"]) {
      type = 2;
    }
    if (type == 0) return task->mutable_docker_build();
    return type == 1 ? static_cast<Message*>(task->mutable_file_task()) : task->mutable_encoded_task();
  }

  void ReadStep(const YAML::Node& node, v1::Task* task) {
    if (StepOf(task) != nullptr) return reader_.Error(node, "the task has two steps");
    if (!node.IsMap()) return reader_.Error(node, "the step is a mapping");
    Message* step = MakeStep(node, task);
    if (step == nullptr) return;
    Handlers handlers = {
        {"type", PassOver},
        {"baseImageDependencies", PassOver},
        {"contextPath", [this, step](const YAML::Node& path) { reader_.ReadField(path, "source_location", step); }},
        {"contextAccessToken",
         [this, task](const YAML::Node& token) { reader_.ReadField(token, "context_access_token", task); }}};
    if (auto* encoded = task->has_encoded_task() ? task->mutable_encoded_task() : nullptr; encoded != nullptr) {
      handlers.emplace("encodedTaskContent",
                       [=, this](const YAML::Node& text) { encoded->set_task_content(Decoded(text)); });
      handlers.emplace("encodedValuesContent",
                       [=, this](const YAML::Node& text) { encoded->set_values_content(Decoded(text)); });
    }
    reader_.Read(node, step, handlers);
  }

  std::string Decoded(const YAML::Node& node) {
    Result<std::string> text = Base64Decode(reader_.Text(node));
    if (text.ok()) return *std::move(text);
    reader_.Error(node, text.status().message());
    return "";
  }

  void FillStep(const Outside& outside, Message* step) {
    if (outside.timeout) reader_.ReadField(*outside.timeout, "timeout", step);
    const auto* build = step->GetDescriptor()->FindFieldByName("platforms");
    if (outside.platform) {
      v1::Platform platform;
      if (outside.platform->IsScalar()) {
        const std::string wrong = CheckPlatform(outside.platform->Scalar());
        if (!wrong.empty()) reader_.Error(*outside.platform, wrong);
        platform = ParsePlatform(outside.platform->Scalar());
      } else {
        reader_.Read(*outside.platform, &platform);
      }
      const google::protobuf::Reflection& reflection = *step->GetReflection();
      Message* to = build != nullptr
                        ? reflection.AddMessage(step, build)
                        : reflection.MutableMessage(step, step->GetDescriptor()->FindFieldByName("platform"));
      to->CopyFrom(platform);
    }
    const auto* source = step->GetDescriptor()->FindFieldByName("source_location");
    if (step->GetReflection()->GetString(*step, source).empty()) {
      step->GetReflection()->SetString(step, source, "/dev/null");
    }
  }

  void ReadTriggers(const YAML::Node& node, v1::Task* task) {
    Handlers handlers;
    const std::array<std::pair<const char*, const char*>, 3> fields = {{{"timerTriggers", "timer_triggers"},
                                                                        {"sourceTriggers", "source_triggers"},
                                                                        {"baseImageTrigger", "base_image_trigger"}}};
    for (const auto& [name, field] : fields) {
      handlers.emplace(name,
                       [this, task, field = field](const YAML::Node& value) { reader_.ReadField(value, field, task); });
    }
    reader_.ReadMembers(node, handlers);
  }

  Handlers OfSource(v1::SourceTrigger* source) {
    return {
        {"sourceTriggerEvents", [=, this](const YAML::Node& events) { reader_.ReadField(events, "events", source); }},
        {"webhookPath", PassOver},
        {"sourceRepository", [=, this](const YAML::Node& node) { ReadRepository(node, source); }}};
  }

  void ReadRepository(const YAML::Node& node, v1::SourceTrigger* source) {
    const Handlers token = {
        {"token", [=, this](const YAML::Node& value) { reader_.ReadField(value, "status_token", source); }},
        {"tokenType", PassOver},
        {"scope", PassOver},
        {"refreshToken", PassOver},
        {"expiresIn", PassOver}};
    reader_.ReadMembers(
        node,
        {{"repositoryUrl", [=, this](const YAML::Node& url) { reader_.ReadField(url, "repository_url", source); }},
         {"branch", [=, this](const YAML::Node& branch) { source->add_branches(reader_.Text(branch)); }},
         {"sourceControlType", PassOver},
         {"sourceControlAuthProperties", [=, this](const YAML::Node& value) { reader_.ReadMembers(value, token); }}});
  }

  // ACR's {customRegistries: {HOST: {userName, password}}}, or the API's list.
  void ReadCredentials(const YAML::Node& node, v1::Task* task) {
    if (node.IsSequence()) return reader_.ReadField(node, "credentials", task);
    reader_.ReadMembers(
        node, {{"sourceRegistry", PassOver}, {"customRegistries", [=, this](const YAML::Node& registries) {
                                                if (!registries.IsMap())
                                                  return reader_.Error(registries, "a mapping is needed here");
                                                for (const auto& pair : registries)
                                                  ReadLogin(pair.first, pair.second, task);
                                              }}});
  }

  void ReadLogin(const YAML::Node& server, const YAML::Node& login, v1::Task* task) {
    if (login.IsNull()) return;  // as ACR says "remove it"
    v1::RegistryCredential* credential = task->add_credentials();
    credential->set_login_server(reader_.Text(server));
    const auto member = [=, this](const char* field) {
      return [=, this](const YAML::Node& node) { reader_.ReadField(Value(node), field, credential); };
    };
    reader_.ReadMembers(login, {{"userName", member("username")},
                                {"username", member("username")},
                                {"password", member("password")},
                                {"identity", [this](const YAML::Node& node) {
                                   reader_.Error(node, "there are no identities here; give userName and password");
                                 }}});
  }

  // ACR's {value: X, type: Opaque}, or X.
  YAML::Node Value(const YAML::Node& node) {
    if (!node.IsMap() || !node["value"]) return node;
    YAML::Node value;
    reader_.ReadMembers(node, {{"value", [&](const YAML::Node& inner) { value = inner; }},
                               {"type", [this](const YAML::Node& type) {
                                  if (type.IsScalar() && type.Scalar() == "Opaque") return;
                                  reader_.Error(type, "there is no key vault here: give the value, or valueFrom");
                                }}});
    return value;
  }

  const std::string name_;
  MessageReader reader_;
  DeclaredTasks declared_;
  std::map<std::string, int> names_;
};

}  // namespace

Result<DeclaredTasks> ReadTasks(const std::string& text, const std::string& name, const std::string& folder) try {
  TaskReader reader(name, folder);
  for (const YAML::Node& document : YAML::LoadAll(text)) reader.ReadDocument(document);
  return reader.Finish();
} catch (const YAML::Exception& e) {
  return InvalidArgument("{}:{}:{}: {}", name, e.mark.line + 1, e.mark.column + 1, e.msg);
}

}  // namespace slipway::cli
