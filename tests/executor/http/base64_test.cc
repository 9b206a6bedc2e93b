#include "executor/http/base64.h"

#include <gtest/gtest.h>

namespace slipway::http {
namespace {

TEST(Base64, BasicAuthorizationJoinsNameAndPassword) {
  EXPECT_EQ(BasicAuthorization("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
}

}  // namespace
}  // namespace slipway::http
