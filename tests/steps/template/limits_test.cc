// Template bombs: each ends with an error that names the limit, and soon.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "steps/template/strings.h"
#include "tests/steps/template/render.h"

namespace slipway::run_template {
namespace {

void ExpectBounded(std::string_view text, std::string_view words) {
  const Result<std::string> out = RenderRow(text);
  EXPECT_EQ(out.code(), Code::kResourceExhausted) << text;
  EXPECT_NE(out.status().message().find(words), std::string::npos) << out.status().message();
  EXPECT_TRUE(out.status().message().starts_with("t:1:")) << out.status().message();
}

size_t PeakMemory() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<size_t>(usage.ru_maxrss) << 10;
}

// Ends at a small limit, and before the memory is used: all of these make a gigabyte if nobody counts.
void ExpectFrugal(std::string_view text) {
  constexpr size_t kSlack = 128u << 20;  // a sanitizer keeps for a while what is freed
  const size_t before = PeakMemory();
  const Result<std::string> out = RenderRow(text, Limits{.memory_bytes = 16u << 20});
  EXPECT_EQ(out.code(), Code::kResourceExhausted) << text.substr(0, 200);
  EXPECT_NE(out.status().message().find("too much memory"), std::string::npos) << out.status().message().substr(0, 500);
  EXPECT_LT(PeakMemory() - before, kSlack) << text.substr(0, 200);
}

std::string Times(size_t count, std::string_view text) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

// $x is a text of 1 MB, $l holds `item` 1024 times.
std::string ManyOf(std::string_view item) {
  std::string out = R"({{$x := repeat 1000000 "a"}}{{$l := list )";
  out.append(item).append("}}");
  return out + Times(10, "{{$l = concat $l $l}}");
}

TEST(TemplateLimits, ATextIsCountedAsOftenAsItIsCopied) {
  for (const std::string_view use : {R"({{join "" $l}})", "{{toStrings $l}}", "{{sortAlpha $l}}",
                                     "{{genSelfSignedCert \"x\" $l list 1}}", "{{genSelfSignedCert \"x\" list $l 1}}",
                                     "{{$l}}", "{{toJson $l}}", R"({{regexReplaceAll "a+" $x (repeat 1024 "$0")}})"}) {
    ExpectFrugal(ManyOf("$x").append(use));
  }
  ExpectFrugal(ManyOf("(dict $x 1)") + "{{toJson $l}}");
  ExpectFrugal(ManyOf("$x") + "{{$d := dict $x 1}}{{keys" + Times(1024, " $d") + "}}");
  for (const std::string_view function : {"cat", "quote", "squote"}) {
    ExpectFrugal(fmt::format("{}{{{{{}{}}}}}", ManyOf("1"), function, Times(256, " $x")));
  }
  ExpectFrugal(ManyOf("$x") +
               R"({{$d := dict "opaque" "o" "path" $x}}{{range until 1024}}{{$u := urlJoin $d}}{{end}})");
}

TEST(TemplateLimits, PiecesEndWithTheMemory) {
  const Limits limits{.memory_bytes = 1u << 20};
  const size_t most = limits.memory_bytes / sizeof(std::string);
  const std::string text(500'000, 'a');
  const std::string commas(500'000, ',');
  for (const auto& [whole, separator] : {std::pair(text, ""), std::pair(commas, ",")}) {
    Workspace work(Context::Background(), limits);
    EXPECT_LE(SplitN(work, whole, separator, -1).size(), most);
    EXPECT_EQ(work.status().code(), Code::kResourceExhausted);
  }
  Workspace work(Context::Background(), limits);
  const Value list = work.NewList(std::vector<Value>(1000, Value::Text(text)));
  EXPECT_LE(ToTexts(work, list).size(), 4U);
  EXPECT_EQ(work.status().code(), Code::kResourceExhausted);
}

TEST(TemplateLimits, LongTextsThatAreLookedAtAreWork) {
  const std::string other = R"({{$y := print (repeat 999999 "a") "b"}})";
  ExpectBounded(ManyOf("$x") + other + "{{without $l $y}}", "too much work");
  ExpectBounded(ManyOf("$x") + other + "{{has $y $l}}", "too much work");
  ExpectBounded(ManyOf("(dict $x 1)") + other + "{{has (dict $y 1) $l}}", "too much work");
  ExpectBounded(ManyOf("$x") + other + "{{$d := dict $x 1}}{{pluck $y" + Times(1024, " $d") + "}}", "too much work");
  ExpectBounded(ManyOf("$x") + "{{$d := dict $x 1}}{{$e := dict $x 2}}{{merge $d" + Times(1024, " $e") + "}}",
                "too much work");
  ExpectBounded(R"({{printf (repeat 1000000 "%[")}})", "too much work");
  ExpectBounded(R"({{regexReplaceAll "a" (repeat 1000 "a") (repeat 100000 "$x.")}})", "too much work");
  ExpectBounded(R"({{regexFind "x{1,900}y{1,900}z" (repeat 20000000 "x")}})", "too much work");
}

// Searching as one writes it first takes days for these.
TEST(TemplateLimits, LongTextsAreSearchedOnce) {
  ExpectRendered({
      {R"({{contains (print (repeat 1000000 "a") "b") (repeat 2000000 "a")}})", "false"},
      {R"({{len (replace (print (repeat 1000000 "a") "b") "c" (repeat 2000000 "a"))}})", "2000000"},
      {R"({{len (splitList (print (repeat 1000000 "a") "b") (repeat 2000000 "a"))}})", "1"},
      {R"({{trimAll (print (repeat 300000 "ab") "c") (repeat 300000 "c")}})", ""},
  });
}

TEST(TemplateLimits, VersionsAndConstraintsAreShort) {
  const auto message = [](std::string_view text) { return RenderRow(text).status().message(); };
  EXPECT_NE(message(R"({{semver (print "1.2.3-" (repeat 1000000 "a"))}})").find("at most 256 bytes"),
            std::string::npos);
  EXPECT_NE(message(R"({{semverCompare (repeat 10000 "||") "1.2.3"}})").find("at most 10000 bytes"), std::string::npos);
  ExpectRendered({{R"({{semverCompare "^1.2 || >=3.0, <4" "3.1.0"}})", "true"}});
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
