// SPDX 2.3: the bill of materials as JSON. The same findings and time give the same bytes.
#pragma once

#include <string>

#include "executor/attest/scanner.h"
#include "executor/base/clock.h"
#include "executor/oci/platform.h"

namespace slipway::attest {

/// `created` is the image's own time, so that an image that is not built anew has the same document.
std::string SpdxDocument(const Findings& findings, const oci::Platform& platform, SystemTime created);

}  // namespace slipway::attest
