#include "daemon/secrets/hmac.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "executor/base/digest.h"

namespace slipway::secrets {

std::string HmacHex(std::string_view text, std::string_view secret) {
  std::array<uint8_t, Digest::kSize> bytes{};
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), bytes.data(), &size);
  return Digest(bytes).hex();
}

}  // namespace slipway::secrets
