// CacheSource: a further place where results may be known, such as a cache imported from a registry. Asked by key after
// the daemon's own records; nothing is fetched for records that nobody asks for. Thread-safe.
#pragma once

#include <optional>
#include <string>

#include "executor/base/digest.h"
#include "executor/layer/store.h"

namespace slipway::solver {

class CacheSource {
 public:
  virtual ~CacheSource() = default;
  /// For people: the reference it came from.
  virtual std::string name() const = 0;
  /// The content key that a link (see solver.h) leads to. There need be no result for it.
  virtual std::optional<Digest> FindLink(const Digest& link) = 0;
  /// The file system recorded under a content key, all layers known to the layer store (if only as remote ones).
  virtual std::optional<layer::Chain> Find(const Digest& key) = 0;
};

}  // namespace slipway::solver
