#include "executor/registry/answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::registry {
namespace {

using ::testing::HasSubstr;

http::Response Answer(int status, std::string body = "") {
  return http::Response{
      .status = status, .headers = {}, .body = std::move(body), .url = "https://reg/v2/app/manifests/v1"};
}

TEST(AnswerFailure, EachStatusHasItsCode) {
  const std::vector<std::pair<int, Code>> cases = {{403, Code::kPermissionDenied},  {404, Code::kNotFound},
                                                   {429, Code::kResourceExhausted}, {413, Code::kResourceExhausted},
                                                   {400, Code::kInvalidArgument},   {405, Code::kUnimplemented},
                                                   {500, Code::kUnavailable},       {503, Code::kUnavailable},
                                                   {302, Code::kUnavailable},       {418, Code::kUnavailable}};
  for (const auto& [status, code] : cases) {
    const Status failure = AnswerFailure("pull 'reg/app:v1'", "reg", Answer(status));
    EXPECT_EQ(failure.code(), code) << status;
    EXPECT_THAT(failure.message(), HasSubstr("pull 'reg/app:v1': 'reg' "));
    EXPECT_FALSE(failure.message().ends_with('.'));
  }
}

TEST(AnswerFailure, NamesWhatIsMissing) {
  const auto missing = [](const char* code) {
    return AnswerFailure("w", "reg", Answer(404, fmt::format(R"({{"errors":[{{"code":"{}","message":"m"}}]}})", code)))
        .message();
  };
  EXPECT_THAT(missing("NAME_UNKNOWN"), HasSubstr("no such repository"));
  EXPECT_THAT(missing("BLOB_UNKNOWN"), HasSubstr("no such blob"));
  EXPECT_THAT(missing("MANIFEST_UNKNOWN"), HasSubstr("check the name and the tag (it says: MANIFEST_UNKNOWN: m)"));
}

TEST(ServerText, OddBodiesSayNothing) {
  for (const char* body : {"", "<html>", "{", "[]", R"({"errors":[]})", R"({"errors":[1]})", R"({"errors":{"code":1}})",
                           R"({"errors":[{"code":7,"message":[]}]})"}) {
    const ServerText said = ReadServerText(Answer(500, body));
    EXPECT_EQ(said.code + said.text, "") << body;
  }
}

TEST(ServerText, IsCleanedAndCut) {
  EXPECT_EQ(CleanText("a\nb\x1b[31m\x7f"), "a b [31m ");
  const std::string cut = CleanText(std::string(298, 'x') + "üüü");
  EXPECT_EQ(cut, std::string(298, 'x') + "…") << "no half of a character is left";
}

}  // namespace
}  // namespace slipway::registry
