// Sprint and Sprintf: values as text, as Go's package fmt has it.
//
// What is printed is counted as work, so that a small value that holds much (or itself) ends with the workspace's
// error; the text is then cut short.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "steps/template/workspace.h"

namespace slipway::run_template {

/// fmt.Sprint: each as %v, a space between two that are no strings.
std::string Sprint(Workspace& work, std::span<const Value> values);
/// fmt.Sprintf. Wrong formats give Go's "%!d(string=x)" in the text.
std::string Sprintf(Workspace& work, std::string_view format, std::span<const Value> values);
/// sprig's strval: a string as it is, all else as %v.
std::string ToText(Workspace& work, const Value& value);
/// What a type with a String method says: times, durations, months, weekdays, versions.
bool HasString(const Value& value);
std::string StringOf(const Value& value);

}  // namespace slipway::run_template
