#include "cli/schedule.h"

#include <sys/random.h>

#include <array>
#include <chrono>
#include <functional>

namespace slipway::cli {

namespace {

constexpr int kScheduleTries = 3;
// The daemon answers when what was uploaded is on its disk.
constexpr std::chrono::minutes kScheduleTimeout{10};
constexpr std::chrono::minutes kRenderTimeout{5};
constexpr std::chrono::milliseconds kScheduleWait{200};

std::string NewRequestId() {
  std::array<uint8_t, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) return "";
  std::string id;
  for (const uint8_t byte : bytes) id += fmt::format("{:02x}", byte);
  return id;
}

// The daemon could not read a message with such a text, and could not say why either.
template <typename Message>
Status CheckText(const Message& message) {
  if (Message().ParseFromString(message.SerializeAsString())) return {};
  return InvalidArgument("a name or value on the command line (or in the environment) is not valid UTF-8");
}

using Attempt = std::function<grpc::Status(grpc::ClientContext* context, v1::Run* run)>;

Result<v1::Run> Retry(const Context& ctx, Connection& connection, bool reached, std::string_view what,
                      std::string* reason, const Attempt& attempt) {
  SLIPWAY_RETURN_IF_ERROR(ctx.Err());
  grpc::Status status;
  for (int i = 0; i < kScheduleTries; ++i) {
    if (i > 0) SLIPWAY_RETURN_IF_ERROR(ctx.Sleep(kScheduleWait));
    v1::Run run;
    Call call(Context::Background(), kScheduleTimeout);
    status = attempt(call.context(), &run);
    if (status.ok()) return run;
    if (status.error_code() != grpc::StatusCode::UNAVAILABLE || !reached) break;
  }
  return connection.Failure(status, what, reason);
}

}  // namespace

Result<v1::Run> ScheduleRun(const Context& ctx, Connection& connection, v1::ScheduleRunRequest request, bool reached,
                            std::string* reason) {
  SLIPWAY_RETURN_IF_ERROR(CheckText(request));
  request.set_request_id(NewRequestId());
  return Retry(ctx, connection, reached, "schedule run", reason, [&](grpc::ClientContext* context, v1::Run* run) {
    return connection.runs().ScheduleRun(context, request, run);
  });
}

Result<v1::Run> RunStoredTask(const Context& ctx, Connection& connection, v1::RunTaskRequest request, bool reached,
                              std::string* reason) {
  SLIPWAY_RETURN_IF_ERROR(CheckText(request));
  request.set_request_id(NewRequestId());
  const std::string what = fmt::format("run task '{}'", request.name());
  return Retry(ctx, connection, reached, what, reason, [&](grpc::ClientContext* context, v1::Run* run) {
    return connection.tasks().RunTask(context, request, run);
  });
}

Result<v1::RenderTaskResponse> RenderTask(const Context& ctx, Connection& connection,
                                          const v1::ScheduleRunRequest& whole, std::string* reason) {
  SLIPWAY_RETURN_IF_ERROR(CheckText(whole));
  SLIPWAY_RETURN_IF_ERROR(ctx.Err());
  v1::RenderTaskRequest request;
  if (whole.has_file_task()) *request.mutable_file_task() = whole.file_task();
  if (whole.has_encoded_task()) *request.mutable_encoded_task() = whole.encoded_task();
  v1::RenderTaskResponse plan;
  Call call(ctx, kRenderTimeout);
  const grpc::Status status = connection.runs().RenderTask(call.context(), request, &plan);
  if (!status.ok()) return connection.Failure(status, "render the task", reason);
  return plan;
}

}  // namespace slipway::cli
