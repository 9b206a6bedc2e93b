#include "executor/oci/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::oci::json {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

nlohmann::json Parse(const char* text) { return *ParseObject(text, "the test"); }

TEST(Json, OnlyObjectsAreDocuments) {
  EXPECT_TRUE(ParseObject(R"({"a":1})", "it").ok());
  for (const char* text : {"", "[]", "1", "null", "{", "{\"a\":}", "{} x", "\xff"}) {
    const auto parsed = ParseObject(text, "it");
    EXPECT_EQ(parsed.code(), Code::kInvalidArgument) << text;
    EXPECT_EQ(parsed.status().message(), "it is not a JSON object");
  }
}

TEST(Json, DepthIsBounded) {
  const auto nested = [](size_t depth) { return "{\"a\":" + std::string(depth, '[') + std::string(depth, ']') + "}"; };
  EXPECT_TRUE(ParseObject(nested(50), "it").ok());
  const auto deep = ParseObject(nested(100'000), "it");
  EXPECT_EQ(deep.code(), Code::kInvalidArgument);
  EXPECT_THAT(deep.status().message(), HasSubstr("nested more than 64 deep"));
  EXPECT_FALSE(ParseObject("{\"a\":" + std::string(1'000'000, '['), "it").ok());
}

// Each item must not cost a walk over all before it.
TEST(Json, ListsOfManyItemsAreReadInOneWalk) {
  std::string text = "{\"a\":[0";
  for (int i = 0; i < 1'000'000; ++i) text += ",{}";
  EXPECT_TRUE(ParseObject(text + "]}", "it").ok());
}

TEST(Json, AbsentAndNullFieldsLeaveTheValue) {
  const auto object = Parse(R"({"n":null})");
  std::string text = "before";
  int64_t number = 7;
  for (const char* key : {"n", "absent"}) {
    EXPECT_TRUE(Read(object, key, text).ok());
    EXPECT_TRUE(Read(object, key, number).ok());
  }
  EXPECT_EQ(text, "before");
  EXPECT_EQ(number, 7);
}

TEST(Json, WrongTypesNameTheField) {
  const auto object = Parse(R"({"s":1,"n":"x","f":1.5,"b":0,"l":["a",1],"m":{"k":1},"big":18446744073709551615})");
  std::string text;
  int64_t number = 0;
  bool flag = false;
  std::vector<std::string> list;
  std::map<std::string, std::string> map;
  EXPECT_THAT(Read(object, "s", text).message(), HasSubstr("'s'"));
  EXPECT_THAT(Read(object, "n", number).message(), HasSubstr("'n'"));
  EXPECT_FALSE(Read(object, "f", number).ok());
  EXPECT_FALSE(Read(object, "big", number).ok());
  EXPECT_FALSE(Read(object, "b", flag).ok());
  EXPECT_FALSE(Read(object, "l", list).ok());
  EXPECT_FALSE(Read(object, "m", map).ok());
  EXPECT_TRUE(list.empty() && map.empty());
}

TEST(Json, ListsAndMapsAreRead) {
  const auto object = Parse(R"({"l":["a","b"],"m":{"k":"v"},"b":true})");
  std::vector<std::string> list;
  std::map<std::string, std::string> map;
  bool flag = false;
  ASSERT_TRUE(Read(object, "l", list).ok());
  ASSERT_TRUE(Read(object, "m", map).ok());
  ASSERT_TRUE(Read(object, "b", flag).ok());
  EXPECT_THAT(list, ElementsAre("a", "b"));
  EXPECT_EQ(map["k"], "v");
  EXPECT_TRUE(flag);
}

}  // namespace
}  // namespace slipway::oci::json
