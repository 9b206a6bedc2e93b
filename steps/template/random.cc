#include "steps/template/random.h"

#include <openssl/rand.h>

#include <cstdlib>
#include <limits>

namespace slipway::run_template {

void FillRandom(unsigned char* out, size_t size) {
  // Without randomness nothing that is made of it may be handed out.
  if (RAND_bytes(out, static_cast<int>(size)) != 1) std::abort();
}

uint64_t RandomBelow(uint64_t limit) {
  // What is left over at the top would make small numbers more likely.
  const uint64_t fair = std::numeric_limits<uint64_t>::max() - std::numeric_limits<uint64_t>::max() % limit;
  uint64_t number = fair;
  while (number >= fair) FillRandom(reinterpret_cast<unsigned char*>(&number), sizeof number);
  return number % limit;
}

}  // namespace slipway::run_template
