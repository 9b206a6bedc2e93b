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

/// A place in a message; written out only where something is wrong, since a manifest has ten thousands of them.
struct Place {
  const Place* above = nullptr;  ///< nullptr: the message itself
  const FieldDescriptor* field = nullptr;
  int index = -1;  ///< of a repeated field

  std::string Name() const {
    if (field == nullptr) return "";
    std::string out = above->Member(field->name());
    return index < 0 ? out : fmt::format("{}[{}]", out, index);
  }
  std::string Member(std::string_view name) const {
    const std::string path = Name();
    return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
  }
};

class Checker {
 public:
  void Check(const Message& message, const Place& place) {
    const Reflection& reflection = *message.GetReflection();
    const auto& unknown = reflection.GetUnknownFields(message);
    for (int i = 0; i < unknown.field_count() && !Enough(); ++i) {
      Add(place.Member(std::to_string(unknown.field(i).number())),
          fmt::format("no field of {} has the number {}", message.GetDescriptor()->name(), unknown.field(i).number()));
    }
    const google::protobuf::Descriptor& type = *message.GetDescriptor();
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor& field = *type.field(i);
      if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        CheckMessages(message, field, place);
      } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
        CheckEnums(message, field, place);
      }
    }
  }

  task::FieldErrors Take() { return std::move(errors_); }

 private:
  bool Enough() const { return errors_.size() >= kEnough; }
  void Add(std::string field, std::string message) { errors_.push_back({std::move(field), std::move(message)}); }

  void CheckMessages(const Message& message, const FieldDescriptor& field, const Place& place) {
    const Reflection& reflection = *message.GetReflection();
    if (!field.is_repeated()) {
      if (!reflection.HasField(message, &field)) return;
      return Check(reflection.GetMessage(message, &field), {.above = &place, .field = &field});
    }
    const int count = reflection.FieldSize(message, &field);
    for (int i = 0; i < count && !Enough(); ++i) {
      Check(reflection.GetRepeatedMessage(message, &field, i), {.above = &place, .field = &field, .index = i});
    }
  }

  void CheckEnums(const Message& message, const FieldDescriptor& field, const Place& place) {
    const Reflection& reflection = *message.GetReflection();
    const auto check = [&](int value, int index) {
      if (field.enum_type()->FindValueByNumber(value) != nullptr) return;
      Add(Place{.above = &place, .field = &field, .index = index}.Name(),
          fmt::format("{} has no value {}", field.enum_type()->name(), value));
    };
    if (!field.is_repeated()) return check(reflection.GetEnumValue(message, &field), -1);
    const int count = reflection.FieldSize(message, &field);
    for (int i = 0; i < count && !Enough(); ++i) check(reflection.GetRepeatedEnumValue(message, &field, i), i);
  }

  task::FieldErrors errors_;
};

}  // namespace

task::FieldErrors CheckKnown(const Message& message) {
  Checker checker;
  checker.Check(message, {});
  return checker.Take();
}

}  // namespace slipway::services
