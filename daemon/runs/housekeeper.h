// Housekeeper: a thread that now and then lets go of old uploads and frees space.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "executor/base/context.h"

namespace slipway::runs {

class Housekeeper {
 public:
  struct Chore {
    std::string name;
    std::chrono::seconds every;
    std::function<Status(const Context&)> work;
  };

  /// Does each chore for the first time when its interval has passed.
  explicit Housekeeper(std::vector<Chore> chores);
  /// Ends what is under way.
  ~Housekeeper();
  Housekeeper(const Housekeeper&) = delete;
  Housekeeper& operator=(const Housekeeper&) = delete;

 private:
  void Work();

  const std::vector<Chore> chores_;
  const Context ctx_;
  std::thread thread_;
};

}  // namespace slipway::runs
