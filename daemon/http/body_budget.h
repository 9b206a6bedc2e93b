// BodyBudget: how much memory the bodies of all requests may take together, so that many strangers take no more than a
// few. A Share is what one request has of it; it goes back when the share does. Thread-safe; a Share is of one thread
// at a time. The budget must outlive its shares.
#pragma once

#include <atomic>
#include <cstdint>

namespace slipway::web {

class BodyBudget {
 public:
  explicit BodyBudget(uint64_t most) : most_(most) {}

  class Share {
   public:
    explicit Share(BodyBudget& budget) : budget_(budget) {}
    ~Share() { Release(); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    /// It has so many bytes from now on. False: there are not so many left, and it has what it had.
    bool GrowTo(uint64_t bytes);
    void Release();

   private:
    BodyBudget& budget_;
    uint64_t bytes_ = 0;
  };

  uint64_t used() const { return used_; }

 private:
  const uint64_t most_;
  std::atomic<uint64_t> used_{0};
};

}  // namespace slipway::web
