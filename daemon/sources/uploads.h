// Uploads: contexts that clients have uploaded, kept from collection until a run has taken them over or an hour has
// passed. Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "executor/base/clock.h"
#include "executor/base/guarded.h"
#include "executor/content/store.h"
#include "executor/source/context_source.h"
#include "executor/tree/entry.h"

namespace slipway::sources {

class Uploads {
 public:
  static constexpr std::chrono::minutes kKeep{60};

  /// `offer` (may be null) is given what has arrived, for the build that most often follows at once.
  Uploads(content::Store& store, const Clock& clock, std::function<void(source::ArrivedTree)> offer = nullptr)
      : store_(store), clock_(clock), offer_(std::move(offer)) {}

  /// An upload has ended well: `lease` holds all of the tree. `entries` are those of the tree, if they are at hand.
  void Hold(const Digest& tree, content::Lease lease, std::shared_ptr<const tree::Tree> entries = nullptr);
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
  const std::function<void(source::ArrivedTree)> offer_;
  Guarded<std::map<Digest, Held>> held_;
};

}  // namespace slipway::sources
