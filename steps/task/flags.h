// Flags: the options that stand before the positional words of a docker command line ("-t app --build-arg=A=1 ."). A
// table says which exist; docker's ways of writing them are understood: "--name value", "--name=value", "-n value",
// "-nvalue",
// "-n=value", and several short switches in one word ("-it").
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"
#include "steps/task/shell_words.h"

namespace slipway::task {

/// What a flag does when it is met. `value` is "true" or "false" for a switch. An error needs no name of the flag.
using FlagAction = std::function<Status(const std::string& value)>;

struct Flag {
  std::string_view names;  ///< "-t --tag"
  bool takes_value = true;
  FlagAction action;
};

/// Reads the flags from words[*at] on and leaves *at at the first word that is none. With `interleave`, positional
/// words are gathered in *positional and flags may follow them (as `docker build` takes them); else the first
/// positional word ends the flags (as `docker run` does). "--" ends them in both. INVALID_ARGUMENT names the flag.
Status ReadFlags(std::span<const ShellWord> words, std::span<const Flag> flags, bool interleave, size_t* at,
                 std::vector<std::string>* positional);

/// Actions that store, accept silently, and refuse.
FlagAction StoreText(std::string* out);
FlagAction AppendText(std::vector<std::string>* out);
FlagAction StoreSwitch(bool* out);
FlagAction Accept();
FlagAction RefuseFlag(std::string why);

}  // namespace slipway::task
