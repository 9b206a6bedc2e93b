#include "daemon/services/message_check.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/unknown_field_set.h>

#include <string>
#include <vector>

#include "executor/base/status.h"

namespace slipway::services {

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr size_t kEnough = 16;

class Checker {
 public:
  void Check(const Message& message, const std::string& path) {
    const Reflection& reflection = *message.GetReflection();
    const auto& unknown = reflection.GetUnknownFields(message);
    for (int i = 0; i < unknown.field_count() && !Enough(); ++i) {
      Add(path.empty() ? std::to_string(unknown.field(i).number())
                       : fmt::format("{}.{}", path, unknown.field(i).number()),
          fmt::format("no field of {} has the number {}", message.GetDescriptor()->name(), unknown.field(i).number()));
    }
    std::vector<const FieldDescriptor*> fields;
    reflection.ListFields(message, &fields);
    for (const FieldDescriptor* field : fields) {
      const std::string name = path.empty() ? field->name() : fmt::format("{}.{}", path, field->name());
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        CheckMessages(message, *field, name);
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
        CheckEnums(message, *field, name);
      }
    }
  }

  task::FieldErrors Take() { return std::move(errors_); }

 private:
  bool Enough() const { return errors_.size() >= kEnough; }
  void Add(std::string field, std::string message) { errors_.push_back({std::move(field), std::move(message)}); }

  void CheckMessages(const Message& message, const FieldDescriptor& field, const std::string& name) {
    const Reflection& reflection = *message.GetReflection();
    if (!field.is_repeated()) return Check(reflection.GetMessage(message, &field), name);
    const int count = reflection.FieldSize(message, &field);
    for (int i = 0; i < count && !Enough(); ++i) {
      Check(reflection.GetRepeatedMessage(message, &field, i), fmt::format("{}[{}]", name, i));
    }
  }

  void CheckEnums(const Message& message, const FieldDescriptor& field, const std::string& name) {
    const Reflection& reflection = *message.GetReflection();
    const auto check = [this, &field](int value, const std::string& where) {
      if (field.enum_type()->FindValueByNumber(value) == nullptr) {
        Add(where, fmt::format("{} has no value {}", field.enum_type()->name(), value));
      }
    };
    if (!field.is_repeated()) return check(reflection.GetEnumValue(message, &field), name);
    const int count = reflection.FieldSize(message, &field);
    for (int i = 0; i < count && !Enough(); ++i) {
      check(reflection.GetRepeatedEnumValue(message, &field, i), fmt::format("{}[{}]", name, i));
    }
  }

  task::FieldErrors errors_;
};

}  // namespace

task::FieldErrors CheckKnown(const Message& message) {
  Checker checker;
  checker.Check(message, "");
  return checker.Take();
}

}  // namespace slipway::services
