// OutputStream: an output of a build as messages to a client, pieces gathered so that small files cost no message each.
// Each write waits until the client has room for it: that is what bounds the memory.
#pragma once

#include <grpcpp/support/sync_stream.h>

#include <string_view>

#include "daemon/services/call_watch.h"
#include "executor/image/output_sink.h"
#include "slipway/v1/images.pb.h"

namespace slipway::services {

/// File by file. With Bytes() alone it carries an archive.
class OutputStream : public image::OutputSink {
 public:
  using Writer = grpc::internal::WriterInterface<slipway::v1::FetchOutputResponse>;

  OutputStream(Writer& writer, grpc::ServerContext* context, CallWatch& watch)
      : writer_(writer), context_(context), watch_(watch) {}

  Status Entry(const tree::Entry& entry) override;
  Status Data(std::string_view bytes) override { return Bytes(bytes); }
  Status Finish() override { return Flush(); }

  Status Bytes(std::string_view bytes);
  /// CANCELLED if the client is gone.
  Status Flush();

 private:
  Writer& writer_;
  grpc::ServerContext* const context_;
  CallWatch& watch_;
  slipway::v1::FetchOutputResponse response_;
  size_t gathered_ = 0;
};

}  // namespace slipway::services
