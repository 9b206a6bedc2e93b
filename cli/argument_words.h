// NAME[=VALUE] on the command line, as build arguments and values of task files are given; and options that may be
// repeated.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "slipway/v1/common.pb.h"

namespace slipway::cli {

namespace v1 = ::slipway::v1;

/// One value a flag, and the flag as often as wanted.
CLI::Option* AddRepeated(CLI::App& command, const std::string& name, std::vector<std::string>* values,
                         const std::string& type, const std::string& help);

/// What is wrong with the form of NAME[=VALUE]; empty if nothing is.
std::string CheckPair(const std::string& text);

/// Where the value of a name that stands alone comes from.
enum class Unsaid {
  kEnvironment,       ///< the variable of that name; empty if there is none
  kEnvironmentIfSet,  ///< the same, but there is no such argument if there is no variable, as docker build does it
  kEmpty,             ///< as for values of task files
};

void AppendArguments(const std::vector<std::string>& texts, bool secret, Unsaid unsaid,
                     google::protobuf::RepeatedPtrField<v1::Argument>* out);

}  // namespace slipway::cli
