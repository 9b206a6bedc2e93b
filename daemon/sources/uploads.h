// Uploads: contexts that clients have uploaded, kept from collection until a run has taken them over or an hour has
// passed. Thread-safe.
#pragma once

#include <chrono>
#include <map>
#include <memory>

#include "executor/base/clock.h"
#include "executor/base/guarded.h"
#include "executor/content/store.h"

namespace slipway::sources {

class Uploads {
 public:
  static constexpr std::chrono::minutes kKeep{60};

  Uploads(content::Store& store, const Clock& clock) : store_(store), clock_(clock) {}

  /// An upload has ended well: `lease` holds all of the tree.
  void Hold(const Digest& tree, content::Lease lease);
  /// A lease on all of the tree for somebody who needs it for longer: the one that is held, or a new one. NOT_FOUND if
  /// a part of it is not there any more. Reads the tree from the store if it is not held.
  Result<std::shared_ptr<content::Lease>> Pin(const Digest& tree);
  /// Lets go what nobody has used for an hour.
  void Sweep();

 private:
  struct Held {
    std::shared_ptr<content::Lease> lease;
    std::chrono::steady_clock::time_point until;
  };

  content::Store& store_;
  const Clock& clock_;
  Guarded<std::map<Digest, Held>> held_;
};

}  // namespace slipway::sources
