#include "steps/template/execute.h"

#include <algorithm>
#include <utility>

#include "executor/base/near_miss.h"
#include "steps/template/format.h"
#include "steps/template/functions.h"
#include "steps/template/go_text.h"

namespace slipway::run_template {

namespace {

// Calls of the executor in each other: a walk or a pipeline each. Bounds the stack.
constexpr int kMaxDepth = 2000;
constexpr size_t kShownNode = 120;  // bytes of an expression in an error
constexpr size_t kBytesPerStep = 256;
constexpr uint64_t kVariablesPerStep = 64;  // a text may declare a hundred thousand

bool IsOperand(NodeType type) {
  return type == NodeType::kField || type == NodeType::kChain || type == NodeType::kVariable;
}

enum class Flow { kNext, kBreak, kContinue };

struct Variable {
  std::string_view name;
  Value value;
};

// Goes in front of an error that has its place already.
struct Frame {
  std::string_view name;  // of the template that runs
  int depth = 0;          // of templates
};

class Executor {
 public:
  Executor(const TemplateSet& set, const Limits& limits, Workspace& work) : set_(set), limits_(limits), work_(work) {}

  Result<std::string> Run(const Value& data) {
    frame_.name = set_.name;
    vars_ = {{"$", data}};
    SLIPWAY_ASSIGN_OR_RETURN(const Flow flow, Walk(data, *set_.templates.find(set_.name)->second));
    (void)flow;
    return std::move(out_);
  }

 private:
  using Args = std::span<const NodePtr>;  // with the function itself in front; may be empty

  Status Error(const Node& at, std::string_view message) const {
    std::string shown = ToString(at);
    if (shown.size() > kShownNode) shown = shown.substr(0, kShownNode) + "...";
    return InvalidArgument("{}: executing {} at <{}>: {}", Location(set_.name, set_.text, at.pos), Quote(frame_.name),
                           shown, message);
  }
  // A limit keeps its code; the place is added all the same.
  Status Placed(const Node& at, const Status& status) const {
    return {status.code(), Error(at, status.message()).message()};
  }
  Status CheckWork(const Node& at) const {
    if (work_.status().ok()) return {};
    const Code code = work_.status().code();
    return code == Code::kResourceExhausted ? Placed(at, work_.status()) : work_.status();
  }

  Status Write(const Node& at, std::string_view text);
  Result<Flow> Walk(const Value& dot, const Node& node);
  Result<Flow> WalkNode(const Value& dot, const Node& node);
  Result<Flow> WalkAction(const Value& dot, const Node& node);
  Result<Flow> WalkBranch(const Value& dot, const Node& node);
  Result<Flow> WalkRange(const Value& dot, const Node& node);
  Result<Flow> Iterate(const Node& node, const Value& index, const Value& element);
  Result<Flow> WalkTemplate(const Value& dot, const Node& node);

  Result<Value> Pipeline(const Value& dot, const Node& pipe);
  Result<Value> Command(const Value& dot, const Node& command, const Value* final);
  Result<Value> Operand(const Value& dot, const Node& node, Args args, const Value* final);
  Result<Value> FieldChain(const Value& dot, Value receiver, const Node& node, std::span<const std::string> path,
                           Args args, const Value* final);
  Result<Value> Field(const Value& dot, const std::string& name, const Node& node, Args args, const Value* final,
                      const Value& receiver);
  Result<Value> Constant(const Node& node) const;
  Result<Value> CallFunction(const Value& dot, const Function& function, const Node& node, Args args,
                             const Value* final, const Value* receiver);
  Result<Value> AndOr(const Value& dot, const Function& function, Args args, const Value* final);
  Result<Value> Argument(const Value& dot, Type type, const Node& node);
  Result<Value> Literal(Type type, const Node& node) const;
  Result<Value> Validate(const Value& value, Type type, const Node& at) const;

  Value& Lookup(std::string_view name) {
    const auto found = std::find_if(vars_.rbegin(), vars_.rend(), [&](const Variable& v) { return v.name == name; });
    work_.Spend(static_cast<uint64_t>(found - vars_.rbegin()) / kVariablesPerStep);
    return found->value;
  }

  // Counts the depth of the C++ stack while it lives.
  class Depth {
   public:
    explicit Depth(int& depth) : depth_(depth) { ++depth_; }
    ~Depth() { --depth_; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;

   private:
    int& depth_;
  };

  const TemplateSet& set_;
  const Limits& limits_;
  Workspace& work_;
  std::string out_;
  std::vector<Variable> vars_;
  Frame frame_;
  int depth_ = 0;
};

Status Executor::Write(const Node& at, std::string_view text) {
  if (out_.size() + text.size() > limits_.output_bytes) {
    return Placed(at, ResourceExhausted("the output is larger than {}", FormatBytes(limits_.output_bytes)));
  }
  out_ += text;
  return {};
}

Result<Flow> Executor::Walk(const Value& dot, const Node& node) {
  const Depth depth(depth_);
  if (depth_ > kMaxDepth) {
    return Placed(node, ResourceExhausted("templates and actions are nested deeper than {} levels", kMaxDepth));
  }
  if (!work_.Spend(1)) return CheckWork(node);
  return WalkNode(dot, node);
}

Result<Flow> Executor::WalkNode(const Value& dot, const Node& node) {
  if (node.type == NodeType::kText) {
    SLIPWAY_RETURN_IF_ERROR(Write(node, node.text));
    return Flow::kNext;
  }
  if (node.type == NodeType::kAction) return WalkAction(dot, node);
  if (node.type == NodeType::kBreak) return Flow::kBreak;
  if (node.type == NodeType::kContinue) return Flow::kContinue;
  if (node.type == NodeType::kRange) return WalkRange(dot, node);
  if (node.type == NodeType::kTemplate) return WalkTemplate(dot, node);
  if (node.type != NodeType::kList) return WalkBranch(dot, node);
  for (const NodePtr& child : node.children) {
    SLIPWAY_ASSIGN_OR_RETURN(const Flow flow, Walk(dot, *child));
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Result<Flow> Executor::WalkAction(const Value& dot, const Node& node) {
  SLIPWAY_ASSIGN_OR_RETURN(const Value value, Pipeline(dot, *node.pipe));
  // A declaration prints nothing.
  if (!node.pipe->variables.empty()) return Flow::kNext;
  const std::string text = value.kind() == Kind::kInvalid ? "<no value>" : Sprint(work_, std::span(&value, 1));
  SLIPWAY_RETURN_IF_ERROR(CheckWork(node));
  SLIPWAY_RETURN_IF_ERROR(Write(node, text));
  return Flow::kNext;
}

Result<Flow> Executor::WalkBranch(const Value& dot, const Node& node) {
  const size_t mark = vars_.size();
  SLIPWAY_ASSIGN_OR_RETURN(const Value value, Pipeline(dot, *node.pipe));
  Result<Flow> flow = Flow::kNext;
  if (IsTrue(value)) {
    flow = Walk(node.type == NodeType::kWith ? value : dot, *node.list);
  } else if (node.else_list) {
    flow = Walk(dot, *node.else_list);
  }
  vars_.resize(mark);
  return flow;
}

Result<Flow> Executor::Iterate(const Node& node, const Value& index, const Value& element) {
  const size_t mark = vars_.size();
  const size_t declared = node.pipe->variables.size();
  // The last variable is the element, the one before it the index.
  if (declared > 0 && node.pipe->is_assign) {
    Lookup(node.pipe->variables.back()) = element;
    if (declared > 1) Lookup(node.pipe->variables.front()) = index;
  } else if (declared > 0) {
    vars_[mark - 1].value = element;
    if (declared > 1) vars_[mark - 2].value = index;
  }
  Result<Flow> flow = Walk(element, *node.list);
  vars_.resize(mark);
  return flow;
}

Result<Flow> Executor::WalkRange(const Value& dot, const Node& node) {
  const size_t mark = vars_.size();
  SLIPWAY_ASSIGN_OR_RETURN(const Value value, Pipeline(dot, *node.pipe));
  bool any = false;
  Flow flow = Flow::kNext;
  const auto one = [&](const Value& index, const Value& element) -> Status {
    any = true;
    SLIPWAY_ASSIGN_OR_RETURN(flow, Iterate(node, index, element));
    return {};
  };
  if (value.kind() == Kind::kList) {
    const std::vector<Value>& items = value.list().items;
    for (size_t i = 0; i < items.size() && flow != Flow::kBreak; ++i) {
      SLIPWAY_RETURN_IF_ERROR(one(Value::Int(static_cast<int64_t>(i)), items[i]));
    }
  } else if (value.kind() == Kind::kDict) {
    // The body may change the dictionary; Go iterates over what it was.
    std::vector<std::pair<Value, Value>> entries;
    if (!work_.Reserve(value.dict().items.size() * sizeof(entries[0]))) return CheckWork(node);
    for (const auto& [key, element] : value.dict().items) entries.emplace_back(work_.CopyText(key), element);
    for (size_t i = 0; i < entries.size() && flow != Flow::kBreak; ++i) {
      SLIPWAY_RETURN_IF_ERROR(one(entries[i].first, entries[i].second));
    }
  } else if (!value.IsNil()) {
    return Error(node, fmt::format("range can't iterate over {}", Sprint(work_, std::span(&value, 1))));
  }
  Result<Flow> out = Flow::kNext;
  if (!any && node.else_list) out = Walk(dot, *node.else_list);
  vars_.resize(mark);
  return out;
}

Result<Flow> Executor::WalkTemplate(const Value& dot, const Node& node) {
  const auto found = set_.templates.find(node.text);
  if (found == set_.templates.end()) {
    std::vector<std::string_view> names;
    for (const auto& [name, root] : set_.templates) names.push_back(name);
    return Error(node, fmt::format("template {} not defined{}", Quote(node.text), DidYouMean(node.text, names)));
  }
  if (frame_.depth == limits_.template_depth) {
    return Placed(node, ResourceExhausted("exceeded the maximum depth of templates ({})", limits_.template_depth));
  }
  Value inner;
  if (node.pipe) {
    SLIPWAY_ASSIGN_OR_RETURN(inner, Pipeline(dot, *node.pipe));
  }
  std::vector<Variable> outer = std::exchange(vars_, {{"$", inner}});
  const Frame frame = std::exchange(frame_, {found->first, frame_.depth + 1});
  Result<Flow> flow = Walk(inner, *found->second);
  frame_ = frame;
  vars_ = std::move(outer);
  if (!flow.ok()) return flow;
  return Flow::kNext;
}

Result<Value> Executor::Pipeline(const Value& dot, const Node& pipe) {
  const Depth depth(depth_);
  if (depth_ > kMaxDepth) {
    return Placed(pipe, ResourceExhausted("templates and actions are nested deeper than {} levels", kMaxDepth));
  }
  Value value;
  const Value* final = nullptr;
  for (const NodePtr& command : pipe.children) {
    SLIPWAY_ASSIGN_OR_RETURN(value, Command(dot, *command, final));
    // An interface that holds nil is no value once it leaves a pipeline.
    if (value.kind() == Kind::kNil) value = Value();
    final = &value;
  }
  for (const std::string& name : pipe.variables) {
    if (pipe.is_assign) {
      Lookup(name) = value;
    } else {
      vars_.push_back({name, value});
    }
  }
  return value;
}

Result<Value> Executor::Command(const Value& dot, const Node& command, const Value* final) {
  const Node& first = *command.children[0];
  if (IsOperand(first.type)) return Operand(dot, first, command.children, final);
  if (first.type == NodeType::kIdentifier) {
    return CallFunction(dot, *FindFunction(first.text), command, command.children, final, nullptr);
  }
  if (command.children.size() > 1 || final != nullptr) {
    return Error(first, fmt::format("can't give argument to non-function {}", ToString(first)));
  }
  if (first.type == NodeType::kPipe) return Pipeline(dot, first);
  if (first.type == NodeType::kDot) return dot;
  if (first.type == NodeType::kNil) return Error(first, "nil is not a command");
  return Constant(first);
}

// A field, chain or variable, perhaps a method with arguments.
Result<Value> Executor::Operand(const Value& dot, const Node& node, Args args, const Value* final) {
  if (node.type == NodeType::kField) return FieldChain(dot, dot, node, node.path, args, final);
  if (node.type == NodeType::kChain) {
    const Node& inner = *node.children[0];
    if (inner.type == NodeType::kNil)
      return Error(node, fmt::format("indirection through explicit nil in {}", ToString(node)));
    SLIPWAY_ASSIGN_OR_RETURN(const Value receiver, Argument(dot, Type::kReflect, inner));
    return FieldChain(dot, receiver, node, node.path, args, final);
  }
  const Value value = Lookup(node.path[0]);
  if (node.path.size() > 1) {
    return FieldChain(dot, value, node, std::span(node.path).subspan(1), args, final);
  }
  if (args.size() > 1 || final != nullptr) {
    return Error(node, fmt::format("can't give argument to non-function {}", ToString(node)));
  }
  return value;
}

Result<Value> Executor::FieldChain(const Value& dot, Value receiver, const Node& node,
                                   std::span<const std::string> path, Args args, const Value* final) {
  for (size_t i = 0; i + 1 < path.size(); ++i) {
    SLIPWAY_ASSIGN_OR_RETURN(receiver, Field(dot, path[i], node, {}, nullptr, receiver));
  }
  return Field(dot, path.back(), node, args, final, receiver);
}

Result<Value> Executor::Field(const Value& dot, const std::string& name, const Node& node, Args args,
                              const Value* final, const Value& receiver) {
  if (receiver.kind() == Kind::kInvalid) return Value();
  if (receiver.kind() == Kind::kNil) return Error(node, fmt::format("nil pointer evaluating interface {{}}.{}", name));
  if (const Function* method = FindMethod(receiver, name))
    return CallFunction(dot, *method, node, args, final, &receiver);
  const bool has_arguments = args.size() > 1 || final != nullptr;
  if (receiver.kind() == Kind::kDict) {
    if (has_arguments) return Error(node, fmt::format("{} is not a method but has arguments", name));
    const auto found = receiver.dict().items.find(name);
    if (found != receiver.dict().items.end()) return found->second;
    return receiver.dict().element == Element::kString ? Value::Text("") : Value::Nil();
  }
  if (receiver.kind() == Kind::kCertificate && (name == "Cert" || name == "Key")) {
    if (has_arguments) return Error(node, fmt::format("{} has arguments but cannot be invoked as function", name));
    const Certificate& certificate = receiver.certificate();
    return Value::Text(name == "Cert" ? certificate.cert : certificate.key);
  }
  return Error(node, fmt::format("can't evaluate field {} in type {}", name, TypeName(receiver)));
}

Result<Value> Executor::Constant(const Node& node) const {
  if (node.type == NodeType::kBool) return Value::Bool(node.truth);
  if (node.type == NodeType::kString) return Value::Text(node.value);
  if (node.type != NodeType::kNumber)
    return Error(node, fmt::format("can't evaluate command {}", Quote(ToString(node))));
  if (node.number.is_floating) return Value::Float(*node.number.floating);
  if (node.number.integer) return Value::Int(*node.number.integer);
  return Error(node, fmt::format("{} overflows int", node.text));
}

Result<Value> Executor::CallFunction(const Value& dot, const Function& function, const Node& node, Args args,
                                     const Value* final, const Value* receiver) {
  if (!args.empty()) args = args.subspan(1);
  const size_t bound = receiver != nullptr ? 1 : 0;
  const size_t given = args.size() + (final != nullptr ? 1 : 0);
  const size_t wanted = function.count - bound;
  const Node& word = node.type == NodeType::kCommand ? *node.children[0] : node;
  if (function.variadic ? given + 1 < wanted : given != wanted) {
    return Error(word, fmt::format("wrong number of args for {}: want {}{} got {}", function.name,
                                   function.variadic ? "at least " : "", function.variadic ? wanted - 1 : wanted,
                                   function.variadic ? args.size() : given));
  }
  if (function.handler == nullptr) return AndOr(dot, function, args, final);

  std::vector<Value> values;
  values.reserve(bound + given);
  if (receiver != nullptr) values.push_back(*receiver);
  const auto type_at = [&](size_t i) { return function.parameters[std::min(i, function.count - 1)]; };
  for (const NodePtr& arg : args) {
    SLIPWAY_ASSIGN_OR_RETURN(const Value value, Argument(dot, type_at(values.size()), *arg));
    values.push_back(value);
  }
  if (final != nullptr) {
    SLIPWAY_ASSIGN_OR_RETURN(const Value value,
                             Validate(*final, type_at(values.size()), args.empty() ? word : *args.back()));
    values.push_back(value);
  }
  uint64_t cost = 1;
  for (const Value& value : values) {
    if (value.kind() == Kind::kString) cost += value.text().size() / kBytesPerStep;
  }
  work_.Spend(cost);
  SLIPWAY_RETURN_IF_ERROR(CheckWork(node));
  const Result<Value> result = function.handler(Call{work_, values});
  SLIPWAY_RETURN_IF_ERROR(CheckWork(node));
  if (!result.ok()) {
    return Placed(node,
                  Status(result.code(), fmt::format("error calling {}: {}", function.name, result.status().message())));
  }
  return *result;
}

Result<Value> Executor::AndOr(const Value& dot, const Function& function, Args args, const Value* final) {
  Value value;
  for (const NodePtr& arg : args) {
    SLIPWAY_ASSIGN_OR_RETURN(value, Argument(dot, Type::kReflect, *arg));
    if (IsTrue(value) == (function.name == "or")) return value;
  }
  return final != nullptr ? *final : value;
}

bool Fits(const Value& value, Type type) {
  switch (type) {
    case Type::kReflect:
    case Type::kAny: return true;
    case Type::kString: return value.kind() == Kind::kString;
    case Type::kInt: return value.kind() == Kind::kInt;
    case Type::kInt64: return value.kind() == Kind::kInt64;
    case Type::kUint32: return false;
    case Type::kBool: return value.kind() == Kind::kBool;
    case Type::kFloat: return value.kind() == Kind::kFloat;
    case Type::kDict: return value.kind() == Kind::kDict && value.dict().element == Element::kAny;
    case Type::kAnyList: return value.kind() == Kind::kList && value.list().element == Element::kAny;
    case Type::kTime: return value.kind() == Kind::kTime;
    case Type::kDuration: return value.kind() == Kind::kDuration;
    case Type::kCertificate: return value.kind() == Kind::kCertificate;
    case Type::kVersion: return value.kind() == Kind::kVersion;
  }
  return false;
}

Result<Value> Executor::Validate(const Value& value, Type type, const Node& at) const {
  if (value.kind() == Kind::kInvalid) {
    if (type == Type::kReflect) return value;
    if (type == Type::kAny) return Value::Nil();
    // Go passes a nil map or slice: nothing is in it, and nothing can be put into the map.
    if (type == Type::kDict || type == Type::kAnyList) return Value::Nil();
    return Error(at, fmt::format("invalid value; expected {}", TypeName(type)));
  }
  if (Fits(value, type)) return value;
  const std::string_view got = value.kind() == Kind::kNil ? "interface {}" : TypeName(value);
  return Error(at, fmt::format("wrong type for value; expected {}; got {}", TypeName(type), got));
}

Result<Value> Executor::Argument(const Value& dot, Type type, const Node& node) {
  if (!work_.Spend(1)) return CheckWork(node);
  if (node.type == NodeType::kNil) {
    if (type == Type::kReflect) return Value();
    if (type == Type::kAny || type == Type::kDict || type == Type::kAnyList) return Value::Nil();
    return Error(node, fmt::format("cannot assign nil to {}", TypeName(type)));
  }
  Result<Value> value = dot;
  if (IsOperand(node.type)) {
    value = Operand(dot, node, {}, nullptr);
  } else if (node.type == NodeType::kPipe) {
    value = Pipeline(dot, node);
  } else if (node.type == NodeType::kIdentifier) {
    value = CallFunction(dot, *FindFunction(node.text), node, {}, nullptr, nullptr);
  } else if (node.type != NodeType::kDot) {
    return Literal(type, node);
  }
  if (!value.ok()) return value;
  return Validate(*value, type, node);
}

Result<Value> Executor::Literal(Type type, const Node& node) const {
  const bool number = node.type == NodeType::kNumber;
  switch (type) {
    case Type::kReflect:
    case Type::kAny: return Constant(node);
    case Type::kString:
      if (node.type == NodeType::kString) return Value::Text(node.value);
      return Error(node, fmt::format("expected string; found {}", ToString(node)));
    case Type::kBool:
      if (node.type == NodeType::kBool) return Value::Bool(node.truth);
      return Error(node, fmt::format("expected bool; found {}", ToString(node)));
    case Type::kInt:
    case Type::kInt64:
    case Type::kDuration:
      if (number && node.number.integer) {
        const Kind kind = type == Type::kInt ? Kind::kInt : type == Type::kInt64 ? Kind::kInt64 : Kind::kDuration;
        return Value::Number(kind, *node.number.integer);
      }
      return Error(node, fmt::format("expected integer; found {}", ToString(node)));
    case Type::kUint32:
      if (number && node.number.unsigned_integer) {
        return Value::Int(static_cast<uint32_t>(*node.number.unsigned_integer));
      }
      return Error(node, fmt::format("expected unsigned integer; found {}", ToString(node)));
    case Type::kFloat:
      if (number && node.number.floating) return Value::Float(*node.number.floating);
      return Error(node, fmt::format("expected float; found {}", ToString(node)));
    case Type::kDict:
    case Type::kAnyList:
    case Type::kTime:
    case Type::kCertificate:
    case Type::kVersion: break;
  }
  return Error(node, fmt::format("can't handle {} for arg of type {}", ToString(node), TypeName(type)));
}

}  // namespace

Result<std::string> ExecuteTemplate(const TemplateSet& set, const Value& data, const Limits& limits, Workspace& work) {
  return Executor(set, limits, work).Run(data);
}

}  // namespace slipway::run_template
