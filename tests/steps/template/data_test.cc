#include "steps/template/data.h"

#include <gtest/gtest.h>

#include "steps/template/template.h"

namespace slipway::run_template {
namespace {

Data MakeData() {
  Data data;
  data.run = {.id = "cf19",
              .registry = "reg.example.com:5000",
              .date = *ParseTime("2026-01-31T23:59:59Z"),
              .os = "linux",
              .architecture = "amd64",
              .task_name = "",
              .commit = "abc",
              .branch = "main"};
  data.values = *ParseValues("values.yaml", "a: 1\nnested: {deep: {x: it's}}\nlist: [1, 2]\n");
  data.secrets = {{"token", "s3<cret"}};
  return data;
}

std::string Print(std::string_view text, const Data& data = MakeData()) {
  const Result<std::string> out = Render(Context::Background(), "acb.yaml", text, data);
  return out.ok() ? *out : out.status().message();
}

TEST(TemplateData, RunBuildValuesAndSecrets) {
  EXPECT_EQ(Print("{{.Run.ID}} {{.Build.ID}} {{.Run.RegistryName}} {{.Run.Date}} {{.Run.Branch}} [{{.Run.GitTag}}]"),
            "cf19 cf19 reg 20260131-235959z main []");
  EXPECT_EQ(Print("{{.Values.a}} {{.Values.nested.deep.x}} {{.Values.list}} {{.Secrets.token | b64enc}}"),
            "1 it's [1 2] czM8Y3JldA==");
  EXPECT_EQ(Print("{{.ValuesJSON}}"), R"('{"a":1,"list":[1,2],"nested":{"deep":{"x":"it'"'"'s"}}}')");
  EXPECT_TRUE(Print("{{.RunJSON}}").starts_with(R"('{"Architecture":"amd64","Branch":"main")"))
      << Print("{{.RunJSON}}");
}

TEST(TemplateData, AMissingValuePrintsNothing) {
  EXPECT_EQ(Print("[{{.Values.none}}] [{{.Secrets.none}}] [{{.Run.None}}] [<no value>]"), "[] [] [] []");
  EXPECT_EQ(Print("{{.Values.x.y}}"),
            "acb.yaml:1:3: executing \"acb.yaml\" at <.Values.x.y>: nil pointer evaluating interface {}.y");
  EXPECT_EQ(Print("x\n  {{ .Values.none | upper }}"),
            "acb.yaml:2:21: executing \"acb.yaml\" at <upper>: invalid value; expected string");
}

TEST(TemplateData, AnExecutionDoesNotChangeTheData) {
  const Data data = MakeData();
  EXPECT_EQ(Print(R"({{$_ := set .Values "a" 2}}{{.Values.a}})", data), "2");
  EXPECT_EQ(Print("{{.Values.a}}", data), "1");
}

TEST(TemplateData, HostFunctionsAreRefused) {
  EXPECT_NE(Print(R"({{env "HOME"}})").find("pass the value with --set"), std::string::npos);
  EXPECT_NE(Print(R"({{expandenv "$HOME"}})").find("pass the value with --set"), std::string::npos);
  EXPECT_NE(Print(R"({{getHostByName "localhost"}})").find("templates have no network"), std::string::npos);
}

TEST(TemplateData, UnknownFunctionsHaveANearMiss) {
  EXPECT_EQ(Print("{{uper .Run.ID}}"), "acb.yaml:1:3: function \"uper\" not defined; did you mean 'upper'?");
}

TEST(TemplateValues, ScalarsAreTypedAsYaml11) {
  const Result<nlohmann::json> values = ParseValues(
      "v", "i: 1\no: 010\nh: 0x10\nu: 1_000\nf: 1.50\nt: yes\nn: ~\nq: '1'\nd: 2001-01-01\nv: 1.2.3\ne: 1e3\n");
  ASSERT_TRUE(values.ok()) << values.status().message();
  EXPECT_EQ(
      values->dump(),
      R"({"d":"2001-01-01","e":1000.0,"f":1.5,"h":16,"i":1,"n":null,"o":8,"q":"1","t":true,"u":1000,"v":"1.2.3"})");
}

TEST(TemplateValues, AnchorsAndMergesWork) {
  EXPECT_EQ(ParseValues("v", "base: &b {x: 1, y: 2}\nall: {<<: *b, y: 3}\n")->at("all").dump(), R"({"x":1,"y":3})");
}

TEST(TemplateValues, WhatIsNoMappingIsRefusedWithItsPlace) {
  EXPECT_EQ(ParseValues("v.yaml", "").ValueOr(nullptr).dump(), "{}");
  EXPECT_TRUE(ParseValues("v.yaml", "- a\n").status().message().starts_with("v.yaml:1:1: "))
      << ParseValues("v.yaml", "- a\n").status().message();
  EXPECT_TRUE(ParseValues("v.yaml", "a: [1\nb: 2\n").status().message().starts_with("v.yaml:"));
}

TEST(TemplateValues, AliasesThatMultiplyAreBounded) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    bomb +=
        fmt::format("a{0}: &a{0} [*a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}]\n", i, i - 1);
  }
  const Result<nlohmann::json> out = ParseValues("v.yaml", bomb);
  EXPECT_NE(out.status().message().find("more than 100000 values"), std::string::npos) << out.status().message();
  EXPECT_FALSE(ParseValues("v.yaml", "a: " + std::string(5000, '[')).ok());
}

TEST(TemplateValues, SetTakesTheFirstEqualsSign) {
  nlohmann::json values = {{"a", 1}, {"b", 2}};
  const std::vector<std::string> set = {"a=b=c", "x.y=1", "x=a,y=b", "x=last"};
  ASSERT_TRUE(SetValues(set, values).ok());
  EXPECT_EQ(values.dump(), R"({"a":"b=c","b":2,"x":"last","x.y":"1"})");
  EXPECT_EQ(Print(R"({{index .Values "x.y"}})", Data{.run = {}, .values = values, .secrets = {}}), "1");
}

TEST(TemplateValues, SetWithoutKeyOrEqualsIsRefusedAndNotRepeated) {
  nlohmann::json values = nlohmann::json::object();
  const std::vector<std::string> none = {"a=1", "hunter2"};
  EXPECT_EQ(SetValues(none, values).message(), "parse value 2 of --set: there is no '=' in it; write key=value");
  const std::vector<std::string> empty = {"=hunter2"};
  EXPECT_EQ(SetValues(empty, values).message(), "parse value 1 of --set: there is no key before '='; write key=value");
}

TEST(ShellQuote, IsOneWord) {
  EXPECT_EQ(ShellQuote(""), "''");
  EXPECT_EQ(ShellQuote("a/b:1@c=%+,.-_^"), "a/b:1@c=%+,.-_^");
  EXPECT_EQ(ShellQuote("a b"), "'a b'");
  EXPECT_EQ(ShellQuote("it's"), "'it'\"'\"'s'");
}

}  // namespace
}  // namespace slipway::run_template
