#include "daemon/notify/settings.h"

#include <algorithm>
#include <array>

#include "executor/base/flag_values.h"
#include "executor/base/fs.h"
#include "executor/base/near_miss.h"
#include "executor/http/url.h"

namespace slipway::notify {

namespace {

constexpr std::array<std::string_view, 3> kEvents = {kRunStarted, kRunFinished, kImagePushed};
constexpr std::array<std::string_view, 4> kFields = {"url", "events", "secret", "secret_file"};
constexpr uint64_t kMostSecretBytes = 4096;

Status AddEvent(const std::string& name, Target* target) {
  if (std::find(kEvents.begin(), kEvents.end(), name) == kEvents.end()) {
    return InvalidArgument("'{}' is not one of {}{}", name, fmt::join(kEvents, ", "), DidYouMean(name, kEvents));
  }
  if (!target->Wants(name)) target->events.push_back(name);
  return Status();
}

Status SetField(std::string_view name, std::string value, Target* target) {
  if (name == "events") return AddEvent(value, target);
  std::string* field = name == "url"           ? &target->url
                       : name == "secret"      ? &target->secret
                       : name == "secret_file" ? &target->secret_file
                                               : nullptr;
  if (field == nullptr) {
    return InvalidArgument("unknown field '{}' (there are {}){}", name, fmt::join(kFields, ", "),
                           DidYouMean(name, kFields));
  }
  if (!field->empty()) return InvalidArgument("'{}' is given twice", name);
  if (value.empty()) return InvalidArgument("'{}' is empty", name);
  *field = std::move(value);
  return Status();
}

}  // namespace

bool Target::Wants(std::string_view event) const {
  return std::find(events.begin(), events.end(), event) != events.end();
}

Result<Target> ParseTarget(const std::string& text) {
  Result<std::vector<std::string>> fields = SplitCsv(text);
  if (!fields.ok()) return InvalidArgument("it is not a list of NAME=VALUE with commas");
  Target target;
  for (const std::string& field : *fields) {
    const size_t equals = field.find('=');
    if (equals == std::string::npos) return InvalidArgument("a field is not NAME=VALUE; begin with 'url='");
    SLIPWAY_RETURN_IF_ERROR(SetField(field.substr(0, equals), field.substr(equals + 1), &target));
  }
  if (target.url.empty()) return InvalidArgument("'url' is missing");
  SLIPWAY_RETURN_IF_ERROR(http::Url::Parse(target.url).status());
  if (!target.secret.empty() && !target.secret_file.empty()) {
    return InvalidArgument("'secret' and 'secret_file' exclude each other");
  }
  if (target.events.empty()) target.events.assign(kEvents.begin(), kEvents.end());
  return target;
}

Status LoadSecrets(std::vector<Target>* targets) {
  for (Target& target : *targets) {
    if (target.secret_file.empty()) continue;
    SLIPWAY_ASSIGN_OR_RETURN(target.secret,
                             fs::ReadFile(target.secret_file, kMostSecretBytes)
                                 .With(fmt::format("notify: the secret of '{}'", http::RedactUrl(target.url))));
    while (target.secret.ends_with('\n')) target.secret.pop_back();
    if (target.secret.empty()) return InvalidArgument("notify: secret_file: '{}' is empty", target.secret_file);
  }
  return Status();
}

}  // namespace slipway::notify
