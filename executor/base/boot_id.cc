#include "executor/base/boot_id.h"

#include "executor/base/fs.h"

namespace slipway {

std::string BootId() {
  std::string id = fs::ReadFile("/proc/sys/kernel/random/boot_id", 100).ValueOr("");
  while (id.ends_with('\n')) id.pop_back();
  return id;
}

}  // namespace slipway
