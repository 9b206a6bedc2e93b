#include "cli/apply/message_reader.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <charconv>
#include <set>

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "cli/apply/value_source.h"
#include "cli/enum_text.h"
#include "executor/base/near_miss.h"
#include "executor/base/utf8.h"

namespace slipway::cli {

namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr size_t kMaxNodes = 100'000;
constexpr size_t kMaxErrors = 20;
constexpr size_t kShown = 60;

std::string Describe(const YAML::Node& node) {
  if (node.IsSequence()) return "a list";
  if (node.IsMap()) return "a mapping";
  if (!node.IsScalar()) return "nothing";
  const std::string& text = node.Scalar();
  return fmt::format("'{}'", text.size() > kShown ? text.substr(0, kShown) + "…" : text);
}

const FieldDescriptor* FindField(const Descriptor& type, const std::string& name) {
  for (int i = 0; i < type.field_count(); ++i) {
    if (type.field(i)->json_name() == name || type.field(i)->name() == name) return type.field(i);
  }
  return nullptr;
}

template <typename Number>
bool ParseNumber(std::string_view text, Number* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

bool IsUtf8(const std::string& text) { return utf8::Repair(text) == text; }

bool IsTimestamp(const FieldDescriptor& field) {
  return field.message_type() == google::protobuf::Timestamp::descriptor();
}

}  // namespace

void MessageReader::Error(const YAML::Node& node, std::string_view message) {
  if (errors_.size() > kMaxErrors) return;
  const YAML::Mark mark = node.Mark();
  errors_.push_back(errors_.size() == kMaxErrors
                        ? fmt::format("{}: there are more errors", file_)
                        : fmt::format("{}:{}:{}: {}", file_, mark.line + 1, mark.column + 1, message));
}

void MessageReader::EachMember(const YAML::Node& node,
                               const std::function<void(const YAML::Node&, const YAML::Node&)>& member) {
  if (!node.IsMap()) return Error(node, fmt::format("a mapping is needed here, not {}", Describe(node)));
  std::set<std::string> seen;
  for (const auto& pair : node) {
    if (++nodes_ > kMaxNodes) {
      if (nodes_ == kMaxNodes + 1) Error(node, fmt::format("there are more than {} values", kMaxNodes));
      return;
    }
    if (!pair.first.IsScalar()) {
      Error(pair.first, "the name of a member is needed here");
    } else if (!seen.insert(pair.first.Scalar()).second) {
      Error(pair.first, fmt::format("'{}' is given twice", pair.first.Scalar()));
    } else if (!pair.second.IsNull()) {
      member(pair.first, pair.second);
    }
  }
}

void MessageReader::Unknown(const YAML::Node& key, const Handlers& handlers, const Descriptor* type) {
  std::vector<std::string> names;
  for (const auto& [name, handler] : handlers) names.push_back(name);
  for (int i = 0; type != nullptr && i < type->field_count(); ++i) names.push_back(type->field(i)->json_name());
  Error(key, fmt::format("'{}' is unknown{}", key.Scalar(),
                         DidYouMean(key.Scalar(), std::vector<std::string_view>(names.begin(), names.end()))));
}

void MessageReader::Read(const YAML::Node& node, Message* message, const Handlers& handlers) {
  Handlers all = handlers;
  if (const auto made = types_.find(message->GetDescriptor()); made != types_.end()) {
    all.merge(made->second(message));
  }
  EachMember(node, [&](const YAML::Node& key, const YAML::Node& value) {
    if (const auto handler = all.find(key.Scalar()); handler != all.end()) return handler->second(value);
    const FieldDescriptor* field = FindField(*message->GetDescriptor(), key.Scalar());
    if (field == nullptr) return Unknown(key, all, message->GetDescriptor());
    ReadValue(value, *field, message);
  });
}

void MessageReader::ReadMembers(const YAML::Node& node, const Handlers& handlers) {
  EachMember(node, [&](const YAML::Node& key, const YAML::Node& value) {
    const auto handler = handlers.find(key.Scalar());
    if (handler == handlers.end()) return Unknown(key, handlers, nullptr);
    handler->second(value);
  });
}

void MessageReader::ReadField(const YAML::Node& value, std::string_view field, Message* message) {
  ReadValue(value, *message->GetDescriptor()->FindFieldByName(std::string(field)), message);
}

void MessageReader::ReadValue(const YAML::Node& value, Field& field, Message* message) {
  if (field.is_map()) return ReadMap(value, field, message);
  if (!field.is_repeated()) return ReadOne(value, field, message);
  if (!value.IsSequence()) {
    return Error(value, fmt::format("'{}' is a list, not {}", field.json_name(), Describe(value)));
  }
  for (const YAML::Node& item : value) {
    if (++nodes_ > kMaxNodes) return;
    ReadOne(item, field, message);
  }
}

void MessageReader::ReadMap(const YAML::Node& value, Field& field, Message* message) {
  const google::protobuf::Reflection& reflection = *message->GetReflection();
  EachMember(value, [&](const YAML::Node& key, const YAML::Node& text) {
    Message* entry = reflection.AddMessage(message, &field);
    entry->GetReflection()->SetString(entry, field.message_type()->map_key(), key.Scalar());
    entry->GetReflection()->SetString(entry, field.message_type()->map_value(), Text(text));
  });
}

void MessageReader::ReadMessage(const YAML::Node& value, Field& field, Message* message) {
  if (IsTimestamp(field)) return;  // moments are told by the daemon only
  const google::protobuf::Reflection& reflection = *message->GetReflection();
  Message* to =
      field.is_repeated() ? reflection.AddMessage(message, &field) : reflection.MutableMessage(message, &field);
  if (field.message_type() != google::protobuf::Duration::descriptor()) return Read(value, to);
  std::string text = value.IsScalar() ? value.Scalar() : "";
  if (text.ends_with('s')) text.pop_back();
  int64_t seconds = 0;
  if (!ParseNumber(text, &seconds)) {
    return Error(value, fmt::format("'{}' is a number of seconds, not {}", field.json_name(), Describe(value)));
  }
  static_cast<google::protobuf::Duration*>(to)->set_seconds(seconds);
}

void MessageReader::ReadOne(const YAML::Node& value, Field& field, Message* message) {
  const google::protobuf::Reflection& reflection = *message->GetReflection();
  const auto wrong = [&](std::string_view what) {
    Error(value, fmt::format("'{}' is {}, not {}", field.json_name(), what, Describe(value)));
  };
  // Sets a number or bool.
  const auto set = [&](auto number, auto one, auto more) {
    if (field.is_repeated()) {
      (reflection.*more)(message, &field, number);
    } else {
      (reflection.*one)(message, &field, number);
    }
  };
  const std::string text = value.IsScalar() ? value.Scalar() : "";
  using google::protobuf::Reflection;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE: return ReadMessage(value, field, message);
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string whole = Text(value);
      if (field.is_repeated()) return reflection.AddString(message, &field, std::move(whole));
      return reflection.SetString(message, &field, std::move(whole));
    }
    case FieldDescriptor::CPPTYPE_BOOL: {
      if (text != "true" && text != "false") return wrong("true or false");
      return set(text == "true", &Reflection::SetBool, &Reflection::AddBool);
    }
    case FieldDescriptor::CPPTYPE_ENUM: {
      const Result<int> parsed = ParseEnum(*field.enum_type(), text);
      if (!parsed.ok()) return Error(value, fmt::format("{}: {}", field.json_name(), parsed.status().message()));
      return set(*parsed, &Reflection::SetEnumValue, &Reflection::AddEnumValue);
    }
    case FieldDescriptor::CPPTYPE_INT32: {
      int32_t number = 0;
      if (!ParseNumber(text, &number)) return wrong("a whole number");
      return set(number, &Reflection::SetInt32, &Reflection::AddInt32);
    }
    case FieldDescriptor::CPPTYPE_INT64: {
      int64_t number = 0;
      if (!ParseNumber(text, &number)) return wrong("a whole number");
      return set(number, &Reflection::SetInt64, &Reflection::AddInt64);
    }
    case FieldDescriptor::CPPTYPE_UINT32: {
      uint32_t number = 0;
      if (!ParseNumber(text, &number)) return wrong("a whole number of at least 0");
      return set(number, &Reflection::SetUInt32, &Reflection::AddUInt32);
    }
    case FieldDescriptor::CPPTYPE_UINT64: {
      uint64_t number = 0;
      if (!ParseNumber(text, &number)) return wrong("a whole number of at least 0");
      return set(number, &Reflection::SetUInt64, &Reflection::AddUInt64);
    }
    case FieldDescriptor::CPPTYPE_FLOAT:
    case FieldDescriptor::CPPTYPE_DOUBLE: return wrong("of a kind that cannot be read");
  }
}

std::string MessageReader::Text(const YAML::Node& node) {
  if (node.IsScalar()) {
    if (IsUtf8(node.Scalar())) return node.Scalar();
    Error(node, "the text is not valid UTF-8");
    return "";
  }
  if (!node.IsMap()) {
    Error(node, fmt::format("a text is needed here, not {}", Describe(node)));
    return "";
  }
  std::string text;
  const auto from = [&](const YAML::Node& value) {
    if (!value.IsScalar()) return Error(value, fmt::format("env:NAME or file:PATH is needed, not {}", Describe(value)));
    Result<std::string> read = ReadValueFrom(value.Scalar(), folder_);
    if (read.ok() && !IsUtf8(*read)) read = InvalidArgument("what it holds is not valid UTF-8");
    if (!read.ok()) return Error(value, fmt::format("valueFrom: {}", read.status().message()));
    text = *std::move(read);
  };
  ReadMembers(node, {{"valueFrom", from}});
  return text;
}

}  // namespace slipway::cli
