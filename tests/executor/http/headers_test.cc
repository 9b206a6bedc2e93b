#include <gtest/gtest.h>

#include "executor/http/transport.h"

namespace slipway::http {
namespace {

TEST(Headers, NamesAreComparedWithoutCase) {
  Headers headers{{"Content-Type", "text/plain"}};
  EXPECT_EQ(headers.Get("content-TYPE"), "text/plain");
  EXPECT_TRUE(headers.Has("CONTENT-type"));
  EXPECT_EQ(headers.Find("Content"), nullptr);
}

TEST(Headers, SetReplacesAllAndAddKeepsAll) {
  Headers headers;
  headers.Add("A", "1");
  headers.Add("a", "2");
  EXPECT_EQ(headers.GetAll("A").size(), 2U);
  headers.Set("A", "3");
  ASSERT_EQ(headers.GetAll("a").size(), 1U);
  EXPECT_EQ(headers.Get("a"), "3");
  headers.Remove("A");
  EXPECT_TRUE(headers.fields().empty());
}

TEST(Headers, NumbersMustBeWholeAndNotNegative) {
  const Headers headers{{"a", "42"}, {"b", "-1"}, {"c", "4x"}, {"d", ""}, {"e", "99999999999999999999999"}};
  EXPECT_EQ(headers.GetNumber("a"), 42U);
  for (const char* name : {"b", "c", "d", "e", "absent"}) EXPECT_EQ(headers.GetNumber(name), std::nullopt) << name;
}

}  // namespace
}  // namespace slipway::http
