// The text of a `cmd` step: an image and its arguments, with the flags of `docker run` before the image that have a
// meaning here. They override what the step's own keys say.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"
#include "steps/task/task.h"

namespace slipway::task {

/// Fills `step` from the text: step->what becomes a CmdStep, based on the one that is there. What deserves attention is
/// added to `warnings`. INVALID_ARGUMENT for what is wrong, and for what only a shell outside of the container could
/// do: then with the words that put it inside.
Status ParseCmd(std::string_view text, std::string_view default_registry, Step* step,
                std::vector<std::string>* warnings);

/// "8080:80", "127.0.0.1:8080:80/udp", "80", "8000-8002:80-82" as docker reads them; several for a range.
Result<std::vector<PortMapping>> ParsePorts(std::string_view text);
/// Bytes: "512m", "2g", "64kb". INVALID_ARGUMENT if it is none, or not more than 0.
Result<uint64_t> ParseSize(std::string_view text);
/// A number of processors: "1.5". INVALID_ARGUMENT if it is none, or not more than 0.
Result<double> ParseCpus(std::string_view text);

}  // namespace slipway::task
