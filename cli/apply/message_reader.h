// MessageReader: YAML (or JSON, which is YAML) into messages of the API: members by their names in camelCase, enums by
// EnumText, durations in seconds, and {valueFrom: env:NAME|file:PATH} wherever a text may stand.
//
// A null is as if the member were not there. All that is wrong is collected, each as "FILE:LINE:COLUMN: what"; reading
// goes on behind it. Bounded: nodes, so that aliases that multiply end.
#pragma once

#include <google/protobuf/message.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <yaml-cpp/yaml.h>

namespace slipway::cli {

class MessageReader {
 public:
  /// `file` is what messages call it, `folder` where paths of valueFrom begin.
  MessageReader(std::string file, std::string folder) : file_(std::move(file)), folder_(std::move(folder)) {}

  /// What is done with a member that a message does not have under this name, or that means something else.
  using Handler = std::function<void(const YAML::Node& value)>;
  using Handlers = std::map<std::string, Handler, std::less<>>;
  /// Handlers that hold for every message of a type, however deep: made for the message that is read.
  using MakeHandlers = std::function<Handlers(google::protobuf::Message* message)>;
  void ForType(const google::protobuf::Descriptor& type, MakeHandlers make) { types_[&type] = std::move(make); }

  /// Fills the message with the members of a mapping. `handlers` come before the message's own fields.
  void Read(const YAML::Node& node, google::protobuf::Message* message, const Handlers& handlers = {});
  /// Calls a handler for each member; others are unknown.
  void ReadMembers(const YAML::Node& node, const Handlers& handlers);
  /// One field, from its value.
  void ReadField(const YAML::Node& value, std::string_view field, google::protobuf::Message* message);

  /// "" and an error if it is none.
  std::string Text(const YAML::Node& node);
  void Error(const YAML::Node& node, std::string_view message);

  const std::vector<std::string>& errors() const { return errors_; }

 private:
  using Field = const google::protobuf::FieldDescriptor;
  void ReadValue(const YAML::Node& value, Field& field, google::protobuf::Message* message);
  void ReadOne(const YAML::Node& value, Field& field, google::protobuf::Message* message);
  void ReadMap(const YAML::Node& value, Field& field, google::protobuf::Message* message);
  void ReadMessage(const YAML::Node& value, Field& field, google::protobuf::Message* message);
  /// Calls `member` for each that is not null, once a name.
  void EachMember(const YAML::Node& node,
                  const std::function<void(const YAML::Node& key, const YAML::Node& value)>& member);
  void Unknown(const YAML::Node& key, const Handlers& handlers, const google::protobuf::Descriptor* type);

  const std::string file_, folder_;
  std::map<const google::protobuf::Descriptor*, MakeHandlers> types_;
  std::vector<std::string> errors_;
  size_t nodes_ = 0;
};

}  // namespace slipway::cli
