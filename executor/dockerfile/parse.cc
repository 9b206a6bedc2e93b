#include "executor/dockerfile/parse.h"

#include <utility>

#include "executor/dockerfile/instruction_parser.h"
#include "executor/dockerfile/tree.h"

namespace slipway::dockerfile {

namespace {

constexpr size_t kMaxBytes = size_t{16} << 20;

Status AddTo(Dockerfile* dockerfile, std::variant<Stage, Instruction> parsed) {
  if (Stage* const stage = std::get_if<Stage>(&parsed); stage != nullptr) {
    dockerfile->stages.push_back(std::move(*stage));
    return {};
  }
  Instruction& instruction = std::get<Instruction>(parsed);
  if (!dockerfile->stages.empty()) {
    dockerfile->stages.back().instructions.push_back(std::move(instruction));
    return {};
  }
  if (ArgInstruction* const arg = std::get_if<ArgInstruction>(&instruction); arg != nullptr) {
    dockerfile->meta_args.push_back(std::move(*arg));
    return {};
  }
  return InvalidArgument("no build stage in current context; only ARG may stand before the first FROM");
}

}  // namespace

Status ParseInto(std::string_view text, std::string_view filename, Dockerfile* dockerfile) {
  if (text.size() > kMaxBytes) return InvalidArgument("{}: the file is larger than {} bytes", filename, kMaxBytes);
  dockerfile->source = std::make_shared<const SourceText>(std::string(filename), std::string(text));
  Tree tree;
  Status whole = ParseTree(*dockerfile->source, &tree);
  dockerfile->directives = std::move(tree.directives);
  dockerfile->empty_continuation_lines = std::move(tree.empty_continuation_lines);
  SLIPWAY_RETURN_IF_ERROR(std::move(whole));
  for (Node& node : tree.nodes) {
    const SourceRange range = node.range;
    Result<std::variant<Stage, Instruction>> parsed = ParseNode(node, dockerfile->escape());
    const Status status = parsed.ok() ? AddTo(dockerfile, *std::move(parsed)) : parsed.status();
    if (!status.ok()) return dockerfile->source->At(range, status, node.fault);
  }
  return {};
}

Result<Dockerfile> Parse(std::string_view text, std::string_view filename) {
  Dockerfile dockerfile;
  SLIPWAY_RETURN_IF_ERROR(ParseInto(text, filename, &dockerfile));
  return dockerfile;
}

Result<Instruction> ParseOnbuild(std::string_view trigger, const SourceRange& where) {
  const std::string what = "trigger";
  if (trigger.size() > kMaxBytes) return InvalidArgument("{}: it is larger than {} bytes", what, kMaxBytes);
  const SourceText source(what, std::string(trigger));
  Tree tree;
  SLIPWAY_RETURN_IF_ERROR(ParseTree(source, &tree));
  if (tree.nodes.size() != 1)
    return source.At(tree.nodes[1].range, InvalidArgument("a trigger must be a single instruction"));
  Node& node = tree.nodes[0];
  const SourceRange range = std::exchange(node.range, where);
  Result<std::variant<Stage, Instruction>> parsed = ParseNode(node, tree.directives.escape);
  if (!parsed.ok()) return source.At(range, parsed.status(), node.fault);
  if (std::holds_alternative<Stage>(*parsed))
    return source.At(range, InvalidArgument("FROM is not allowed as a trigger"));
  return std::get<Instruction>(*std::move(parsed));
}

}  // namespace slipway::dockerfile
