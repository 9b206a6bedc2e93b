// Random numbers for templates, from the cryptographic generator of OpenSSL.
#pragma once

#include <cstddef>
#include <cstdint>

namespace slipway::run_template {

/// 0 to limit-1, all equally likely; `limit` is at least 1.
uint64_t RandomBelow(uint64_t limit);
void FillRandom(unsigned char* out, size_t size);

}  // namespace slipway::run_template
