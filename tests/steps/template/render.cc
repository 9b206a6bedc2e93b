#include "tests/steps/template/render.h"

#include <gtest/gtest.h>

#include "steps/template/data_value.h"
#include "steps/template/execute.h"
#include "steps/template/parse.h"

namespace slipway::run_template {

Result<std::string> RenderRow(std::string_view text, const Limits& limits) {
  SLIPWAY_ASSIGN_OR_RETURN(const auto set, ParseTemplate("t", text));
  const nlohmann::json data = nlohmann::json::parse(R"({
    "s": "hello world", "n": 3, "z": 0, "f": 1.5, "b": true, "l": [1, "a", null, 2.5], "ls": ["b", "a", "c"], "e": [],
    "m": {"b": 1, "a": "x", "n": {"k": "v"}}, "nul": null, "u": "héllo wörld", "es": ""})");
  Workspace work(Context::Background(), limits);
  return ExecuteTemplate(*set, ToValue(work, data), limits, work);
}

void ExpectRendered(std::initializer_list<Row> rows) {
  for (const Row& row : rows) {
    const Result<std::string> out = RenderRow(row.text);
    EXPECT_EQ(out.ok() ? *out : out.status().message(), row.expected) << row.text;
  }
}

void ExpectErrors(std::initializer_list<Row> rows) {
  for (const Row& row : rows) {
    const Result<std::string> out = RenderRow(row.text);
    EXPECT_EQ(out.code(), Code::kInvalidArgument) << row.text;
    EXPECT_EQ(out.ok() ? *out : out.status().message(), row.expected) << row.text;
  }
}

}  // namespace slipway::run_template
