// SourcesService: slipway.v1.Sources: contexts on their way into the content store. Large files of clients on this
// machine are taken as open files, which spares their bytes the way through the socket. Each upload holds one of gRPC's
// threads; their number is bounded, and one whose client says nothing for long is ended. Thread-safe.
#pragma once

#include <chrono>
#include <semaphore>
#include <string>
#include <utility>

#include "daemon/services/call_watch.h"
#include "daemon/sources/uploads.h"
#include "executor/content/store.h"
#include "executor/source/context_source.h"
#include "slipway/v1/sources.grpc.pb.h"

namespace slipway::services {

class SourcesService final : public slipway::v1::Sources::Service {
 public:
  static constexpr int kMaxUploads = 16;
  static constexpr std::chrono::minutes kIdle{10};

  /// `unix_path`: where clients connect that may hand over files; "": nowhere.
  SourcesService(content::Store& store, sources::Uploads& uploads, const source::Limits& limits,
                 std::string unix_path = "")
      : store_(store), uploads_(uploads), limits_(limits), unix_path_(std::move(unix_path)), slots_(kMaxUploads) {}

  using Stream = grpc::ServerReaderWriter<slipway::v1::UploadContextResponse, slipway::v1::UploadContextRequest>;
  grpc::Status UploadContext(grpc::ServerContext* context, Stream* stream) override;

  /// Ends the calls whose clients have said nothing for kIdle. To be called now and then.
  void EndIdle() { calls_.EndIdle(kIdle); }

 private:
  friend class UploadCall;

  content::Store& store_;
  sources::Uploads& uploads_;
  const source::Limits limits_;
  const std::string unix_path_;
  std::counting_semaphore<> slots_;
  CallWatch calls_;
};

}  // namespace slipway::services
