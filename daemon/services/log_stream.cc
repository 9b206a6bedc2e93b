#include "daemon/services/log_stream.h"

#include <array>

#include "daemon/services/status.h"

namespace slipway::services {

namespace {
constexpr size_t kPiece = 64 << 10;
}

LogStream::Step LogStream::Next(slipway::v1::StreamRunLogResponse* response, grpc::Status* status) {
  if (last_sent_) return Step::kEnd;
  // In this order: what was written before the feed was closed is then read for sure.
  const bool open = feed().open();
  std::array<char, kPiece> buffer;
  const Result<size_t> read = feed().log().ReadAt(buffer, offset_);
  if (!read.ok()) {
    *status = ToGrpc(read.status());
    return Step::kEnd;
  }
  response->set_offset(offset_);
  if (*read > 0) {
    response->set_data(buffer.data(), *read);
    offset_ += *read;
    return Step::kWrite;
  }
  if (open && follow_) return Step::kWait;
  return Last(response, status);
}

LogStream::Step LogStream::Last(slipway::v1::StreamRunLogResponse* response, grpc::Status* status) {
  const Result<store::Run> run = runs_.Get(run_id_);
  if (!run.ok()) {
    *status = ToGrpc(run.status());
    return Step::kEnd;
  }
  response->set_complete(store::IsFinal(run->state) && !feed().open());
  response->set_status(static_cast<slipway::v1::RunStatus>(run->state));
  last_sent_ = true;
  return Step::kWrite;
}

}  // namespace slipway::services
