// KeptImages: what runs have built and clients will fetch, by run, kept from collection for a while. In memory: after a
// restart they are gone, and a new run of the same request makes them again from the cache. Thread-safe.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "executor/base/clock.h"
#include "executor/base/guarded.h"
#include "executor/builder/builder.h"

namespace slipway::runs {

class KeptImages {
 public:
  /// How long after the end of the run, or the last fetch.
  static constexpr std::chrono::minutes kKeep{60};
  /// So many at once; past that the one that would be let go first goes.
  static constexpr size_t kMost = 256;

  struct Image {
    std::shared_ptr<const builder::BuiltImage> image;
    std::vector<builder::Output> outputs;
  };

  explicit KeptImages(const Clock& clock) : clock_(clock) {}

  void Hold(const std::string& run_id, Image image);
  /// Nothing (a null image) if it is not kept any more. Counts as a use.
  Image Find(const std::string& run_id);
  /// Lets go what nobody has fetched for kKeep.
  void Sweep();

 private:
  struct Kept {
    Image image;
    std::chrono::steady_clock::time_point until;
  };
  using Map = std::map<std::string, Kept>;

  const Clock& clock_;
  Guarded<Map> images_;
};

}  // namespace slipway::runs
