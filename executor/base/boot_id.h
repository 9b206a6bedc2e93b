// BootId: tells this boot of the machine from all others. What was written and not synced is there after the end of the
// process, and perhaps not after the next boot.
#pragma once

#include <string>

namespace slipway {

/// "" where the kernel does not say.
std::string BootId();

}  // namespace slipway
