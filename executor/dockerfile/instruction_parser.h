// ParseNode: one node of the parse tree to a typed instruction.
#pragma once

#include <variant>

#include "executor/base/status.h"
#include "executor/dockerfile/instructions.h"
#include "executor/dockerfile/tree.h"

namespace slipway::dockerfile {

/// A Stage without instructions for FROM, an Instruction for all else. Takes the node's texts; its range stays.
/// The error, always INVALID_ARGUMENT, does not say where: node.fault is then what it is about.
Result<std::variant<Stage, Instruction>> ParseNode(Node& node, char32_t escape);

}  // namespace slipway::dockerfile
