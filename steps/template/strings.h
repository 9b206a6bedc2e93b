// Cutting and joining of text as Go's package strings has it. Stateless; results refer to their arguments.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "steps/template/workspace.h"

namespace slipway::run_template {

/// Where `part` stands in `text`, or npos; in linear time, whatever the two are.
size_t FindText(std::string_view text, std::string_view part);
/// strings.SplitN: n < 0 is all parts, 0 is none; an empty separator splits into characters. Fewer past the workspace's
/// limit.
std::vector<std::string> SplitN(Workspace& work, std::string_view text, std::string_view separator, int64_t n);
/// Characters, a broken byte as U+FFFD. None past the workspace's limit.
std::vector<char32_t> ToRunes(Workspace& work, std::string_view text);
/// strings.ReplaceAll; an empty `from` stands before every character and at the end. "" past the workspace's limit.
std::string ReplaceAll(Workspace& work, std::string_view text, std::string_view from, std::string_view to);
/// `text` `count` times; "" past the workspace's limit.
std::string Repeat(Workspace& work, std::string_view text, int64_t count);
/// sprig's strslice: the elements of a list as text, without nil; any other value as a list of one; nil as none.
/// Fewer past the workspace's limit.
std::vector<std::string> ToTexts(Workspace& work, const Value& value);
std::string Join(Workspace& work, const std::vector<std::string>& parts, std::string_view separator);

}  // namespace slipway::run_template
