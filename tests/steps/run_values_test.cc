#include "steps/template/run_values.h"

#include <gtest/gtest.h>

namespace slipway::run_template {
namespace {

RunValues Values() {
  return {.id = "cf19",
          .registry = "reg.example.com:5000",
          .date = *ParseTime("2026-01-31T23:59:59Z"),
          .os = "linux",
          .architecture = "amd64",
          .task_name = ""};
}

TEST(RunValues, EveryFormOfAReferenceIsReplaced) {
  EXPECT_EQ(*Render("app:{{.Run.ID}}-{{ .Run.ID }}-{{  .Build.ID}}", Values()), "app:cf19-cf19-cf19");
  EXPECT_EQ(*Render("{{.Run.Registry}}/{{.Run.RegistryName}}", Values()), "reg.example.com:5000/reg");
  EXPECT_EQ(*Render("{{.Run.Date}}-{{.Run.OS}}-{{.Run.Architecture}}-{{.Run.TaskName}}", Values()),
            "20260131-235959z-linux-amd64-");
}

TEST(RunValues, TextWithoutExpressionIsLeftAlone) {
  EXPECT_EQ(*Render("", Values()), "");
  EXPECT_EQ(*Render("a { b } }} ${X}", Values()), "a { b } }} ${X}");
}

TEST(RunValues, TrimMarksEatWhiteSpace) {
  EXPECT_EQ(*Render("a  {{- .Run.ID -}}  b", Values()), "acf19b");
  EXPECT_EQ(*Render("a {{- .Run.ID}} b", Values()), "acf19 b");
}

TEST(RunValues, TheWholeLanguageWorksOnThem) {
  EXPECT_EQ(*Render("app:{{ .Run.ID | upper }}-{{ substr 0 3 .Run.OS }}", Values()), "app:CF19-lin");
}

TEST(RunValues, OtherFieldsAreRefusedByName) {
  const auto typo = Render("app:{{.Run.Id}}", Values());
  EXPECT_EQ(typo.code(), Code::kInvalidArgument);
  EXPECT_EQ(typo.status().message(), "template:1:7: '.Run.Id' is not known here; did you mean '.Run.ID'?");
  EXPECT_FALSE(Render("{{ .Values.x }}", Values()).ok());
  EXPECT_FALSE(Render("{{ if false }}{{ .Values.x }}{{ end }}", Values()).ok());
  EXPECT_FALSE(Render("{{.Run.ID", Values()).ok());
}

}  // namespace
}  // namespace slipway::run_template
