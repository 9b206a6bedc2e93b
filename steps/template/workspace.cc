#include "steps/template/workspace.h"

#include "steps/template/semver.h"

namespace slipway::run_template {

namespace {
constexpr uint64_t kLookEvery = 1024;
constexpr size_t kTextCost = sizeof(std::string) + 16;
constexpr size_t kEntryCost = 96;  // a map node with a short key
}  // namespace

void Workspace::Fail(Status status) {
  if (status_.ok()) status_ = std::move(status);
}

bool Workspace::Spend(uint64_t steps) {
  if (!status_.ok()) return false;
  steps_ += std::min<uint64_t>(steps, limits_.steps + 1);
  if (steps_ > limits_.steps) {
    Fail(ResourceExhausted("the template does too much work; the limit is {} steps", limits_.steps));
    return false;
  }
  if (steps_ < next_look_) return true;
  next_look_ = steps_ + kLookEvery;
  if (Status ended = ctx_.Err(); !ended.ok()) Fail(std::move(ended));
  return status_.ok();
}

bool Workspace::Reserve(size_t bytes) {
  if (!status_.ok()) return false;
  if (bytes > limits_.memory_bytes - bytes_) {
    Fail(ResourceExhausted("the template needs too much memory; the limit is {}", FormatBytes(limits_.memory_bytes)));
    return false;
  }
  bytes_ += bytes;
  return true;
}

bool Workspace::Enter(int depth) {
  if (depth <= kMaxNesting) return Spend(1);
  Fail(ResourceExhausted("a list or dictionary is nested deeper than {} levels, or holds itself", kMaxNesting));
  return false;
}

Value Workspace::Text(std::string text) {
  if (!Reserve(text.size() + kTextCost)) return Value::Text("");
  return Value::Text(texts_.emplace_back(std::move(text)));
}

Value Workspace::CopyText(std::string_view text) {
  if (!Reserve(text.size() + kTextCost)) return Value::Text("");
  return Value::Text(texts_.emplace_back(text));
}

Value Workspace::NewList(std::vector<Value> items, Element element) {
  if (!Reserve(sizeof(List) + items.size() * sizeof(Value))) items.clear();
  for (Value& item : items) {
    if (item.kind() == Kind::kInvalid) item = Value::Nil();
  }
  return Value::Of(&lists_.emplace_back(List{element, false, std::move(items)}));
}

Value Workspace::Strings(std::vector<std::string> items) {
  std::vector<Value> values;
  values.reserve(items.size());
  for (std::string& item : items) values.push_back(Text(std::move(item)));
  return NewList(std::move(values), Element::kString);
}

Value Workspace::NilList(Element element) {
  Reserve(sizeof(List));
  return Value::Of(&lists_.emplace_back(List{element, true, {}}));
}

Value Workspace::NewDict(Element element) {
  Reserve(sizeof(Dict));
  return Value::Of(&dicts_.emplace_back(Dict{element, {}}));
}

void Workspace::Set(Dict& dict, std::string_view key, const Value& value) {
  const Value kept = value.kind() == Kind::kInvalid ? Value::Nil() : value;
  const auto found = dict.items.find(key);
  if (found != dict.items.end()) {
    found->second = kept;
  } else if (Reserve(kEntryCost + key.size())) {
    dict.items.emplace(std::string(key), kept);
  }
}

Value Workspace::NewTime(GoTime time) {
  Reserve(sizeof(GoTime));
  return Value::Of(&times_.emplace_back(std::move(time)));
}

Value Workspace::NewCertificate(Certificate certificate) {
  Reserve(certificate.cert.size() + certificate.key.size() + 2 * kTextCost);
  return Value::Of(&certificates_.emplace_back(std::move(certificate)));
}

Value Workspace::NewVersion(Version version) {
  Reserve(version.original.size() * 2 + sizeof(Version));
  return Value::Of(versions_.emplace_back(std::make_shared<Version>(std::move(version))).get());
}

}  // namespace slipway::run_template
