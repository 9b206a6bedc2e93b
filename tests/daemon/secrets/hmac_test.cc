#include "daemon/secrets/hmac.h"

#include <gtest/gtest.h>

namespace slipway::secrets {
namespace {

TEST(Hmac, IsThatOfTheStandard) {
  // RFC 4231, test case 2.
  EXPECT_EQ(HmacHex("what do ya want for nothing?", "Jefe"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_NE(HmacHex("", "a"), HmacHex("", "b"));
}

}  // namespace
}  // namespace slipway::secrets
