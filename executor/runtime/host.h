// What is known about this host, read once: the machine's name, the kernel's file systems, our own capabilities.
#pragma once

#include <string>
#include <string_view>

#include "executor/base/status.h"
#include "executor/runtime/oci_config.h"

namespace slipway::runtime {

/// The fields of a BundleContext that depend on the host only.
BundleContext HostFacts();

/// A field of /proc/<pid>/status ("SigCgt"), from its text; empty if it is not there.
std::string_view ProcStatusField(std::string_view status_text, std::string_view field);

}  // namespace slipway::runtime
