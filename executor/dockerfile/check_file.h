// The rules of the linter that the text of a Dockerfile alone decides. Pure; they only add to `checks`.
#pragma once

#include "executor/dockerfile/checks.h"
#include "executor/dockerfile/instructions.h"

namespace slipway::dockerfile {

/// Rules about single instructions; also for a file of which only the beginning could be read.
void CheckInstructions(const Dockerfile& dockerfile, Checks& checks);

/// Rules about all instructions together: stage names and the case of keywords.
void CheckWhole(const Dockerfile& dockerfile, Checks& checks);

}  // namespace slipway::dockerfile
