// HttpSource: one file behind an address (ADD https://…, archives as contexts), in the content store.
//
// What an address gave is remembered with its validators (ETag, Last-Modified), so an unchanged file is asked for and
// not downloaded again; with a checksum that is here already, not even asked for. All functions may be called from any
// thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "executor/base/clock.h"
#include "executor/base/context.h"
#include "executor/base/digest.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/content/store.h"
#include "executor/http/transport.h"

namespace slipway::source {

class Memo;

struct HttpFile {
  Digest digest;
  uint64_t size = 0;
  /// The last element of the address's path, percent-decoded; "" if there is none. What a Dockerfile's ADD names the
  /// file in a folder (a server's Content-Disposition does not count there).
  std::string name;
  /// What the server calls it (Content-Disposition); "" if it does not.
  std::string server_name;
  std::optional<SystemTime> last_modified;
  bool downloaded = false;  ///< false: it was here already
};

struct HttpRequest {
  std::string url;
  Digest checksum;                   ///< FAILED_PRECONDITION if the content has another; empty: any
  uint64_t max_bytes = 20ULL << 30;  ///< RESOURCE_EXHAUSTED past this
};

/// The name by the rule of HttpFile::name, without asking the server.
std::string FileNameOf(std::string_view url);

class HttpSource {
 public:
  /// `store`, `memo` and `transport` must outlive it.
  static std::unique_ptr<HttpSource> Make(content::Store& store, Memo& memo, http::Transport& transport);
  virtual ~HttpSource() = default;

  /// Redirects are followed. 4xx ends at once with the status and the beginning of the body (404 and 410 NOT_FOUND, 401
  /// UNAUTHENTICATED, 403 PERMISSION_DENIED, else FAILED_PRECONDITION); 5xx, 429 and dropped connections are tried
  /// three times (UNAVAILABLE). The content is leased.
  virtual Result<HttpFile> Fetch(const Context& ctx, const HttpRequest& request, content::Lease* lease,
                                 const VertexProgress& progress) = 0;
};

}  // namespace slipway::source
