// Tells this boot of the machine from all others, and this mounting of a file system. What was written and not synced
// is there after the end of the process, and perhaps not after the next boot; nor where a disk failed, was taken away,
// and was mounted again without one.
#pragma once

#include <string>

namespace slipway {

/// "" where the kernel does not say.
std::string BootId();
/// The boot with the mount that `path` is on: what was written there in another of the two may be lost. "" where the
/// kernel does not say. Kernels before 6.8 give the number of a mount to later ones again, so they tell the boot only
/// as a rule. A process in a mount namespace of its own sees another mount.
std::string BootAndMount(const std::string& path);

}  // namespace slipway
