// Fetching from a web server of static files (git's "dumb" protocol, gitprotocol-http): objects are downloaded one by
// one, or as whole packs, into a folder of their own; only when all that the wanted commits refer to is there are they
// moved into the mirror. Internal to this folder.
#pragma once

#include <string>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/status.h"
#include "executor/http/transport.h"
#include "executor/source/git_connection.h"
#include "executor/source/mirror.h"

namespace slipway::source {

struct StaticWish {
  std::vector<std::string> wants;  ///< 40 hex digits each
  bool whole_history = false;
  bool repair = false;                    ///< look also below what the mirror has: something is missing there
  uint64_t max_bytes = 0;                 ///< bound of all that is downloaded
  uint64_t max_object_bytes = 0;          ///< bound of one object, which passes through memory
  uint64_t max_index_bytes = 256U << 20;  ///< bound of all packs' indexes, which are held in memory
};

/// Brings what is wanted into the mirror, which the caller has locked. NOT_FOUND if the server lacks a wanted object
/// itself.
Status FetchStatic(const Context& ctx, http::Transport& transport, const GitConnection& connection,
                   const Mirror& mirror, const StaticWish& wish, const PackWriter::OnProgress& on_progress);

}  // namespace slipway::source
