// What the tests of templates share: one set of data and tables of templates.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "executor/base/status.h"
#include "steps/template/template.h"

namespace slipway::run_template {

struct Row {
  std::string_view text;
  std::string_view expected;
};

/// The template "t" over, as its dot:
///   {"s": "hello world", "n": 3, "z": 0, "f": 1.5, "b": true, "l": [1, "a", null, 2.5], "ls": ["b", "a", "c"], "e":
///   [],
///    "m": {"b": 1, "a": "x", "n": {"k": "v"}}, "nul": null, "u": "héllo wörld", "es": ""}
/// "<no value>" is left in the output.
Result<std::string> RenderRow(std::string_view text, const Limits& limits = {});

/// Each prints what is expected.
void ExpectRendered(std::initializer_list<Row> rows);
/// Each is refused with the message that is expected.
void ExpectErrors(std::initializer_list<Row> rows);

}  // namespace slipway::run_template
