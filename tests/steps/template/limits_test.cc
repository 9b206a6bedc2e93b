// Template bombs: each ends with an error that names the limit, and soon.
#include <gtest/gtest.h>

#include "tests/steps/template/render.h"

namespace slipway::run_template {
namespace {

void ExpectBounded(std::string_view text, std::string_view words) {
  const Result<std::string> out = RenderRow(text);
  EXPECT_EQ(out.code(), Code::kResourceExhausted) << text;
  EXPECT_NE(out.status().message().find(words), std::string::npos) << out.status().message();
  EXPECT_TRUE(out.status().message().starts_with("t:1:")) << out.status().message();
}

TEST(TemplateLimits, ATemplateThatCallsItself) {
  ExpectBounded(R"({{define "x"}}{{template "x"}}{{end}}{{template "x"}})", "depth");
}

TEST(TemplateLimits, RecursionThatBranches) {
  ExpectBounded(
      R"({{define "x"}}{{if lt . 400}}{{template "x" (add1 .)}}{{template "x" (add1 .)}}{{end}}{{end}}{{template "x" (int64 0)}})",
      "too much work");
}

TEST(TemplateLimits, LoopsInLoops) {
  ExpectBounded("{{range until 100000}}{{range until 100000}}{{end}}{{end}}", "too much work");
  ExpectBounded("{{range until 1000000000}}{{end}}", "too much work");
  ExpectBounded("{{untilStep 0 9223372036854775807 1}}", "too much work");
}

TEST(TemplateLimits, TextThatGrows) {
  ExpectBounded(R"({{repeat 9223372036854775807 "abc"}})", "too much memory");
  ExpectBounded(R"({{indent 1000000000 "x"}})", "too much memory");
  ExpectBounded(R"({{printf "%1000000d" 1 | repeat 1000 | replace " " "          "}})", "too much memory");
  ExpectBounded(R"({{$x := "ab"}}{{range until 100}}{{$x = printf "%s%s" $x $x}}{{end}})", "too much memory");
  ExpectBounded(R"({{$x := repeat 1000000 "ab"}}{{range until 100}}{{$x}}{{end}})", "larger than");
  ExpectBounded(R"({{randAlphaNum 1000000000}})", "too much work");
  ExpectBounded(R"({{regexReplaceAll "" (repeat 100000 "a") (repeat 100000 "b")}})", "too much");
}

TEST(TemplateLimits, ValuesThatHoldThemselves) {
  ExpectBounded(R"({{$d := dict}}{{$_ := set $d "self" $d}}{{$d}})", "holds itself");
  ExpectBounded(R"({{$d := dict}}{{$_ := set $d "self" $d}}{{toJson $d}})", "holds itself");
  ExpectBounded(R"({{$d := dict}}{{$_ := set $d "self" $d}}{{deepCopy $d}})", "holds itself");
  ExpectBounded(R"({{$x := list 1}}{{range until 60}}{{$x = list $x $x}}{{end}}{{$x}})", "too much");
  ExpectBounded(R"({{$x := list 1}}{{range until 1000}}{{$x = list $x}}{{end}}{{$x}})", "nested deeper");
}

TEST(TemplateLimits, KeysAreCountedAsWork) {
  ExpectBounded(R"({{range until 1000}}{{derivePassword 1 "pin" "p" "u" "s"}}{{end}})", "too much work");
}

TEST(TemplateLimits, NestedSource) {
  const std::string parens = "{{" + std::string(100000, '(') + "1" + std::string(100000, ')') + "}}";
  EXPECT_EQ(RenderRow(parens).code(), Code::kInvalidArgument);
  std::string ifs;
  for (int i = 0; i < 10000; ++i) ifs += "{{if 1}}";
  const Result<std::string> out = RenderRow(ifs);
  EXPECT_NE(out.status().message().find("nested deeper"), std::string::npos) << out.status().message();
}

TEST(TemplateLimits, ACancelledContextEndsIt) {
  const Context ctx = Context::Background().Child();
  ctx.Cancel(Cancelled("the run was canceled"));
  EXPECT_EQ(Render(ctx, "t", "{{range until 100000}}x{{end}}", Data{}).code(), Code::kCancelled);
}

}  // namespace
}  // namespace slipway::run_template
