// Exposed secrets: where a task hands the value of a secret to something that does not keep it: the arguments of a
// program, which every user of the machine can list, and build arguments, which become part of the image.
//
// Found by value in the finished task, so it does not matter by which template the value came there.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "steps/task/task.h"

namespace slipway::task {

/// A line for each such place, with the place in `file`; never with the value. Values of less than three bytes are not
/// looked for.
std::vector<std::string> ExposedSecrets(const Task& task, const std::map<std::string, std::string>& secrets,
                                        const std::string& file);

}  // namespace slipway::task
