#include "daemon/services/status.h"

#include <algorithm>

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

#include "executor/base/utf8.h"

namespace slipway::services {

namespace {

// Failures travel in HTTP/2 headers, of which peers take some kilobytes only.
constexpr size_t kMaxMessage = 2000;
constexpr size_t kMaxViolations = 16;
constexpr size_t kMaxDescription = 200;

// A text that may stand in a header and in a string of protobuf.
std::string Fit(std::string_view text, size_t limit) {
  if (text.size() <= limit) return utf8::Repair(text);
  return utf8::Repair(text.substr(0, limit)) + "…";
}

grpc::Status Make(Code code, std::string_view message, const google::protobuf::Message& detail) {
  google::rpc::Status rich;
  rich.set_code(static_cast<int>(code));
  rich.set_message(Fit(message, kMaxDescription));
  rich.add_details()->PackFrom(detail);
  return {static_cast<grpc::StatusCode>(code), Fit(message, kMaxMessage), rich.SerializeAsString()};
}

}  // namespace

grpc::Status ToGrpc(const Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return {static_cast<grpc::StatusCode>(status.code()), Fit(status.message(), kMaxMessage)};
}

grpc::Status Refuse(const Status& status, std::string_view reason, const std::map<std::string, std::string>& metadata) {
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(reason));
  info.set_domain("slipway");
  for (const auto& [name, value] : metadata) (*info.mutable_metadata())[name] = Fit(value, kMaxDescription);
  return Make(status.code(), status.message(), info);
}

grpc::Status BadFields(const task::FieldErrors& errors, std::string_view prefix) {
  google::rpc::BadRequest bad;
  std::string message;
  for (const task::FieldError& error : errors) {
    const std::string field = Fit(fmt::format("{}{}", prefix, error.field), kMaxDescription);
    if (message.size() < kMaxMessage)
      message += fmt::format("{}{}: {}", message.empty() ? "" : "; ", field, error.message);
    if (static_cast<size_t>(bad.field_violations_size()) == kMaxViolations) continue;
    auto* violation = bad.add_field_violations();
    violation->set_field(field);
    violation->set_description(Fit(error.message, kMaxDescription));
  }
  return Make(Code::kInvalidArgument, message, bad);
}

}  // namespace slipway::services
