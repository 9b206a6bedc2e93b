#include "steps/template/parse.h"

#include <algorithm>
#include <array>
#include <deque>

#include "executor/base/clock.h"
#include "executor/base/near_miss.h"
#include "steps/template/functions.h"
#include "steps/template/go_text.h"
#include "steps/template/lex.h"

namespace slipway::run_template {

namespace {

constexpr size_t kMaxText = 4u << 20;
constexpr int kMaxNestedNodes = 200;

NodePtr MakeNode(NodeType type, size_t pos) {
  auto node = std::make_unique<Node>();
  node->type = type;
  node->pos = pos;
  return node;
}

// ".a.b" and "$x.a" without their dots.
std::vector<std::string> SplitPath(std::string_view text) {
  std::vector<std::string> out;
  if (text.starts_with('.')) text.remove_prefix(1);
  while (true) {
    const size_t dot = text.find('.');
    out.emplace_back(text.substr(0, dot));
    if (dot == std::string_view::npos) return out;
    text.remove_prefix(dot + 1);
  }
}

std::optional<Number> ParseNumber(std::string_view text, std::string* why) {
  Number out;
  out.unsigned_integer = ParseUint(text, 0);
  out.integer = ParseInt(text, 0);
  if (out.integer == int64_t{0}) out.unsigned_integer = 0;
  if (out.integer) {
    out.floating = static_cast<double>(*out.integer);
    return out;
  }
  if (out.unsigned_integer) {
    out.floating = static_cast<double>(*out.unsigned_integer);
    return out;
  }
  const std::optional<double> value = ParseFloat(text);
  if (!value) {
    *why = "illegal number syntax";
    return std::nullopt;
  }
  if (text.find_first_of(".eEpP") == std::string_view::npos) {
    *why = "integer overflow";
    return std::nullopt;
  }
  out.is_floating = true;
  out.floating = *value;
  if (*value >= -0x1p63 && *value < 0x1p63 && static_cast<double>(static_cast<int64_t>(*value)) == *value) {
    out.integer = static_cast<int64_t>(*value);
  }
  return out;
}

bool IsLiteral(NodeType type) {
  return type == NodeType::kBool || type == NodeType::kDot || type == NodeType::kNil || type == NodeType::kNumber ||
         type == NodeType::kString;
}

bool StartsOperand(TokenType type) {
  constexpr std::array kStarts = {TokenType::kBool,   TokenType::kCharConstant, TokenType::kComplex,
                                  TokenType::kDot,    TokenType::kField,        TokenType::kIdentifier,
                                  TokenType::kNumber, TokenType::kNil,          TokenType::kRawString,
                                  TokenType::kString, TokenType::kVariable,     TokenType::kLeftParen};
  return std::find(kStarts.begin(), kStarts.end(), type) != kStarts.end();
}

class Parser {
 public:
  explicit Parser(TemplateSet* set) : set_(set), lexer_(set->text) {}

  Status Run();

 private:
  using Vars = std::vector<std::string>;

  // Tokens with up to three of look-ahead.
  Token Next();
  const Token& Peek();
  Token NextNonSpace();
  const Token& PeekNonSpace();
  void Back(Token token) { ahead_.push_front(std::move(token)); }

  Status Error(const Token& at, std::string_view message) const;
  Status Unexpected(const Token& token, std::string_view context) const;
  Status Expect(TokenType type, std::string_view context);

  Status Add(std::string name, NodePtr root, const Token& at);
  Status Definition();
  Result<NodePtr> ItemList(NodePtr* end);
  Result<NodePtr> TextOrAction();
  Result<NodePtr> Action();
  Result<NodePtr> Loop(NodeType type, const Token& word);
  Result<NodePtr> Control(NodeType type, std::string_view context, size_t pos);
  Result<NodePtr> ElseControl();
  Result<NodePtr> BlockControl();
  Result<NodePtr> TemplateControl();
  Result<std::string> TemplateName(const Token& token, std::string_view context);
  Result<NodePtr> Pipeline(std::string_view context, TokenType end);
  Status Declarations(Node* pipe, std::string_view context);
  Status CheckPipeline(const Node& pipe, std::string_view context, const Token& at) const;
  Result<NodePtr> Command();
  Result<NodePtr> Operand();
  Result<NodePtr> Term();
  Result<NodePtr> NumberTerm(const Token& token);
  Status CheckVariable(const Token& token) const;

  // Counts how deep nodes stand in each other while it lives.
  class Depth {
   public:
    explicit Depth(Parser& parser) : parser_(parser) { ++parser_.depth_; }
    ~Depth() { --parser_.depth_; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;
    Status Check() const {
      if (parser_.depth_ <= kMaxNestedNodes) return {};
      return parser_.Error(parser_.last_, fmt::format("nested deeper than {} levels", kMaxNestedNodes));
    }

   private:
    Parser& parser_;
  };

  TemplateSet* set_;
  Lexer lexer_;
  std::deque<Token> ahead_;
  Token last_;
  size_t action_pos_ = 0;
  Vars vars_{"$"};
  int range_depth_ = 0;
  int depth_ = 0;
};

Token Parser::Next() {
  if (ahead_.empty()) {
    last_ = lexer_.Next();
    return last_;
  }
  Token token = std::move(ahead_.front());
  ahead_.pop_front();
  last_ = token;
  return token;
}

const Token& Parser::Peek() {
  if (ahead_.empty()) ahead_.push_back(lexer_.Next());
  return ahead_.front();
}

Token Parser::NextNonSpace() {
  Token token = Next();
  while (token.type == TokenType::kSpace) token = Next();
  return token;
}

const Token& Parser::PeekNonSpace() {
  Back(NextNonSpace());
  return ahead_.front();
}

Status Parser::Error(const Token& at, std::string_view message) const {
  return InvalidArgument("{}: {}", Location(set_->name, set_->text, std::min(at.pos, set_->text.size())), message);
}

Status Parser::Unexpected(const Token& token, std::string_view context) const {
  if (token.type == TokenType::kError) {
    if (token.text == "unclosed action" || token.text.starts_with("unterminated")) {
      return Error(token, fmt::format("{} (the action starts at {})", token.text,
                                      Location(set_->name, set_->text, action_pos_)));
    }
    return Error(token, token.text);
  }
  if (token.type == TokenType::kEnd) return Error(token, fmt::format("unexpected end of the template in {}", context));
  constexpr size_t kShown = 20;
  const std::string shown = token.text.substr(0, kShown) + (token.text.size() > kShown ? "..." : "");
  return Error(token, fmt::format("unexpected {} in {}", Quote(shown), context));
}

Status Parser::Expect(TokenType type, std::string_view context) {
  const Token token = NextNonSpace();
  return token.type == type ? Status() : Unexpected(token, context);
}

Status Parser::Run() {
  NodePtr root = MakeNode(NodeType::kList, 0);
  while (Peek().type != TokenType::kEnd) {
    if (Peek().type == TokenType::kLeftDelim) {
      Token delim = Next();
      Token word = NextNonSpace();
      if (word.type == TokenType::kDefine) {
        action_pos_ = delim.pos;
        SLIPWAY_RETURN_IF_ERROR(Definition());
        continue;
      }
      Back(std::move(word));
      Back(std::move(delim));
    }
    SLIPWAY_ASSIGN_OR_RETURN(NodePtr node, TextOrAction());
    if (node->type == NodeType::kEnd || node->type == NodeType::kElse) {
      return Error({TokenType::kEndWord, node->pos, ""}, fmt::format("unexpected {}", ToString(*node)));
    }
    root->children.push_back(std::move(node));
  }
  return Add(set_->name, std::move(root), Peek());
}

Status Parser::Add(std::string name, NodePtr root, const Token& at) {
  NodePtr& slot = set_->templates[name];
  if (!slot || IsEmptyTree(*slot)) {
    slot = std::move(root);
  } else if (!IsEmptyTree(*root)) {
    return Error(at, fmt::format("multiple definition of template {}", Quote(name)));
  }
  return {};
}

// A template has variables of its own and stands in no range of its surroundings.
Status Parser::Definition() {
  constexpr std::string_view kContext = "define clause";
  const Token token = NextNonSpace();
  SLIPWAY_ASSIGN_OR_RETURN(std::string name, TemplateName(token, kContext));
  SLIPWAY_RETURN_IF_ERROR(Expect(TokenType::kRightDelim, kContext));
  const Vars outer = std::exchange(vars_, {"$"});
  NodePtr end;
  SLIPWAY_ASSIGN_OR_RETURN(NodePtr root, ItemList(&end));
  if (end->type != NodeType::kEnd) return Error(last_, fmt::format("unexpected {} in {}", ToString(*end), kContext));
  vars_ = outer;
  return Add(std::move(name), std::move(root), token);
}

Result<NodePtr> Parser::ItemList(NodePtr* end) {
  const Depth depth(*this);
  SLIPWAY_RETURN_IF_ERROR(depth.Check());
  NodePtr list = MakeNode(NodeType::kList, PeekNonSpace().pos);
  while (PeekNonSpace().type != TokenType::kEnd) {
    SLIPWAY_ASSIGN_OR_RETURN(NodePtr node, TextOrAction());
    if (node->type == NodeType::kEnd || node->type == NodeType::kElse) {
      *end = std::move(node);
      return list;
    }
    list->children.push_back(std::move(node));
  }
  return Error(Peek(), fmt::format("unexpected end of the template: '{{{{end}}}}' is missing for the action at {}",
                                   Location(set_->name, set_->text, action_pos_)));
}

Result<NodePtr> Parser::TextOrAction() {
  Token token = NextNonSpace();
  if (token.type == TokenType::kText) {
    NodePtr node = MakeNode(NodeType::kText, token.pos);
    node->text = std::move(token.text);
    return node;
  }
  if (token.type != TokenType::kLeftDelim) return Unexpected(token, "input");
  action_pos_ = token.pos;
  return Action();
}

Result<NodePtr> Parser::Action() {
  Token token = NextNonSpace();
  if (token.type == TokenType::kBlock) return BlockControl();
  if (token.type == TokenType::kTemplate) return TemplateControl();
  if (token.type == TokenType::kBreak) return Loop(NodeType::kBreak, token);
  if (token.type == TokenType::kContinue) return Loop(NodeType::kContinue, token);
  if (token.type == TokenType::kIf) return Control(NodeType::kIf, "if", action_pos_);
  if (token.type == TokenType::kRange) return Control(NodeType::kRange, "range", action_pos_);
  if (token.type == TokenType::kWith) return Control(NodeType::kWith, "with", action_pos_);
  if (token.type == TokenType::kElse) return ElseControl();
  if (token.type == TokenType::kEndWord) {
    SLIPWAY_RETURN_IF_ERROR(Expect(TokenType::kRightDelim, "end"));
    return MakeNode(NodeType::kEnd, token.pos);
  }
  NodePtr node = MakeNode(NodeType::kAction, token.pos);
  Back(std::move(token));
  SLIPWAY_ASSIGN_OR_RETURN(node->pipe, Pipeline("command", TokenType::kRightDelim));
  return node;
}

Result<NodePtr> Parser::Loop(NodeType type, const Token& word) {
  NodePtr node = MakeNode(type, word.pos);
  SLIPWAY_RETURN_IF_ERROR(Expect(TokenType::kRightDelim, ToString(*node)));
  if (range_depth_ == 0) return Error(word, fmt::format("{} outside {{{{range}}}}", ToString(*node)));
  return node;
}

Result<NodePtr> Parser::Control(NodeType type, std::string_view context, size_t pos) {
  const Depth depth(*this);
  SLIPWAY_RETURN_IF_ERROR(depth.Check());
  const size_t mark = vars_.size();
  NodePtr node = MakeNode(type, pos);
  SLIPWAY_ASSIGN_OR_RETURN(node->pipe, Pipeline(context, TokenType::kRightDelim));
  if (type == NodeType::kRange) ++range_depth_;
  NodePtr end;
  SLIPWAY_ASSIGN_OR_RETURN(node->list, ItemList(&end));
  if (type == NodeType::kRange) --range_depth_;
  if (end->type == NodeType::kElse) {
    if (type == NodeType::kIf && Peek().type == TokenType::kIf) {
      // "{{else if}}" is "{{else}}{{if}}" and shares the {{end}}.
      const Token word = Next();
      node->else_list = MakeNode(NodeType::kList, end->pos);
      SLIPWAY_ASSIGN_OR_RETURN(NodePtr inner, Control(NodeType::kIf, "if", word.pos));
      node->else_list->children.push_back(std::move(inner));
    } else {
      SLIPWAY_ASSIGN_OR_RETURN(node->else_list, ItemList(&end));
      if (end->type != NodeType::kEnd) return Error(last_, fmt::format("expected end; found {}", ToString(*end)));
    }
  }
  vars_.resize(mark);
  return node;
}

Result<NodePtr> Parser::ElseControl() {
  const Token peek = PeekNonSpace();
  if (peek.type != TokenType::kIf) SLIPWAY_RETURN_IF_ERROR(Expect(TokenType::kRightDelim, "else"));
  return MakeNode(NodeType::kElse, peek.pos);
}

Result<std::string> Parser::TemplateName(const Token& token, std::string_view context) {
  if (token.type != TokenType::kString && token.type != TokenType::kRawString) return Unexpected(token, context);
  std::optional<std::string> name = Unquote(token.text);
  if (!name) return Error(token, fmt::format("invalid syntax in {}", token.text));
  return *std::move(name);
}

Result<NodePtr> Parser::BlockControl() {
  constexpr std::string_view kContext = "block clause";
  const Token token = NextNonSpace();
  NodePtr node = MakeNode(NodeType::kTemplate, token.pos);
  SLIPWAY_ASSIGN_OR_RETURN(node->text, TemplateName(token, kContext));
  SLIPWAY_ASSIGN_OR_RETURN(node->pipe, Pipeline(kContext, TokenType::kRightDelim));
  const Vars outer = std::exchange(vars_, {"$"});
  const int ranges = std::exchange(range_depth_, 0);
  NodePtr end;
  SLIPWAY_ASSIGN_OR_RETURN(NodePtr root, ItemList(&end));
  if (end->type != NodeType::kEnd) return Error(last_, fmt::format("unexpected {} in {}", ToString(*end), kContext));
  vars_ = outer;
  range_depth_ = ranges;
  SLIPWAY_RETURN_IF_ERROR(Add(node->text, std::move(root), token));
  return node;
}

Result<NodePtr> Parser::TemplateControl() {
  constexpr std::string_view kContext = "template clause";
  const Token token = NextNonSpace();
  NodePtr node = MakeNode(NodeType::kTemplate, token.pos);
  SLIPWAY_ASSIGN_OR_RETURN(node->text, TemplateName(token, kContext));
  Token next = NextNonSpace();
  if (next.type == TokenType::kRightDelim) return node;
  Back(std::move(next));
  SLIPWAY_ASSIGN_OR_RETURN(node->pipe, Pipeline(kContext, TokenType::kRightDelim));
  return node;
}

// "$x :=", "$x =" or, in a range, "$i, $x :=" at the start of a pipeline.
Status Parser::Declarations(Node* pipe, std::string_view context) {
  while (PeekNonSpace().type == TokenType::kVariable) {
    Token variable = Next();
    // "$x foo" needs "foo" to be read to know that $x is an argument.
    const bool space = Peek().type == TokenType::kSpace;
    const Token next = PeekNonSpace();
    const bool comma = next.type == TokenType::kChar && next.text == ",";
    if (!comma && next.type != TokenType::kAssign && next.type != TokenType::kDeclare) {
      if (space) Back({TokenType::kSpace, variable.pos + variable.text.size(), " "});
      Back(std::move(variable));
      return {};
    }
    NextNonSpace();
    if (next.type == TokenType::kAssign) {
      pipe->is_assign = true;
      // Go finds out while executing; the variable is known to be missing here.
      SLIPWAY_RETURN_IF_ERROR(CheckVariable(variable));
    }
    pipe->variables.push_back(variable.text);
    vars_.push_back(variable.text);
    if (!comma) return {};
    if (context != "range" || pipe->variables.size() >= 2) {
      return Error(next, fmt::format("too many declarations in {}", context));
    }
    const TokenType after = PeekNonSpace().type;
    if (after != TokenType::kVariable && after != TokenType::kRightDelim && after != TokenType::kRightParen) {
      return Error(Peek(), "range can only initialize variables");
    }
  }
  return {};
}

Result<NodePtr> Parser::Pipeline(std::string_view context, TokenType end) {
  const Depth depth(*this);
  SLIPWAY_RETURN_IF_ERROR(depth.Check());
  NodePtr pipe = MakeNode(NodeType::kPipe, PeekNonSpace().pos);
  SLIPWAY_RETURN_IF_ERROR(Declarations(pipe.get(), context));
  while (true) {
    Token token = NextNonSpace();
    if (token.type == end) {
      SLIPWAY_RETURN_IF_ERROR(CheckPipeline(*pipe, context, token));
      return pipe;
    }
    if (!StartsOperand(token.type)) return Unexpected(token, context);
    Back(std::move(token));
    SLIPWAY_ASSIGN_OR_RETURN(NodePtr command, Command());
    pipe->children.push_back(std::move(command));
  }
}

Status Parser::CheckPipeline(const Node& pipe, std::string_view context, const Token& at) const {
  if (pipe.children.empty()) return Error(at, fmt::format("missing value for {}", context));
  for (size_t i = 1; i < pipe.children.size(); ++i) {
    if (IsLiteral(pipe.children[i]->children[0]->type)) {
      return Error(at, fmt::format("{} cannot be a stage of a pipeline (stage {}): it is no command",
                                   ToString(*pipe.children[i]), i + 1));
    }
  }
  return {};
}

Result<NodePtr> Parser::Command() {
  NodePtr command = MakeNode(NodeType::kCommand, PeekNonSpace().pos);
  while (true) {
    PeekNonSpace();
    SLIPWAY_ASSIGN_OR_RETURN(NodePtr operand, Operand());
    if (operand) command->children.push_back(std::move(operand));
    Token token = Next();
    if (token.type == TokenType::kSpace) continue;
    if (token.type == TokenType::kRightDelim || token.type == TokenType::kRightParen) {
      Back(std::move(token));
    } else if (token.type != TokenType::kPipe) {
      return Unexpected(token, "operand");
    }
    if (command->children.empty()) return Error(last_, "empty command");
    return command;
  }
}

Result<NodePtr> Parser::Operand() {
  SLIPWAY_ASSIGN_OR_RETURN(NodePtr node, Term());
  if (!node || Peek().type != TokenType::kField) return node;
  const Token first = Peek();
  std::vector<std::string> fields;
  while (Peek().type == TokenType::kField) fields.push_back(Next().text.substr(1));
  if (node->type == NodeType::kField || node->type == NodeType::kVariable) {
    node->path.insert(node->path.end(), fields.begin(), fields.end());
    return node;
  }
  if (IsLiteral(node->type)) {
    return Error(first, fmt::format("unexpected . after term {}", Quote(ToString(*node))));
  }
  NodePtr chain = MakeNode(NodeType::kChain, first.pos);
  chain->children.push_back(std::move(node));
  chain->path = std::move(fields);
  return chain;
}

Result<NodePtr> Parser::NumberTerm(const Token& token) {
  NodePtr node = MakeNode(NodeType::kNumber, token.pos);
  node->text = token.text;
  if (token.type == TokenType::kCharConstant) {
    const std::optional<char32_t> rune = UnquoteRune(token.text);
    if (!rune) return Error(token, fmt::format("malformed character constant: {}", token.text));
    node->number = {.integer = *rune, .unsigned_integer = *rune, .floating = *rune};
    return node;
  }
  if (token.type == TokenType::kComplex || token.text.ends_with('i')) {
    return Error(token, fmt::format("complex numbers are not supported: {}", token.text));
  }
  std::string why;
  const std::optional<Number> number = ParseNumber(token.text, &why);
  if (!number) return Error(token, fmt::format("{}: {}", why, Quote(token.text)));
  node->number = *number;
  return node;
}

Status Parser::CheckVariable(const Token& token) const {
  if (std::find(vars_.begin(), vars_.end(), token.text) != vars_.end()) return {};
  // "$" itself is no near miss of anything.
  const std::vector<std::string_view> known(vars_.begin() + 1, vars_.end());
  return Error(token, fmt::format("undefined variable {}{}", Quote(token.text), DidYouMean(token.text, known)));
}

Result<NodePtr> Parser::Term() {
  Token token = NextNonSpace();
  NodePtr node = MakeNode(NodeType::kDot, token.pos);
  node->text = token.text;
  const auto is = [&](TokenType type) { return token.type == type; };
  if (is(TokenType::kLeftParen)) return Pipeline("parenthesized pipeline", TokenType::kRightParen);
  if (is(TokenType::kCharConstant) || is(TokenType::kComplex) || is(TokenType::kNumber)) return NumberTerm(token);
  if (is(TokenType::kDot)) return node;
  if (is(TokenType::kNil)) {
    node->type = NodeType::kNil;
    return node;
  }
  if (is(TokenType::kBool)) {
    node->type = NodeType::kBool;
    node->truth = token.text == "true";
    return node;
  }
  if (is(TokenType::kField)) {
    node->type = NodeType::kField;
    node->path = SplitPath(token.text);
    return node;
  }
  if (is(TokenType::kIdentifier)) {
    if (FindFunction(token.text) == nullptr) {
      return Error(token, fmt::format("function {} not defined{}", Quote(token.text), DidYouMeanFunction(token.text)));
    }
    node->type = NodeType::kIdentifier;
    return node;
  }
  if (is(TokenType::kVariable)) {
    SLIPWAY_RETURN_IF_ERROR(CheckVariable(token));
    node->type = NodeType::kVariable;
    node->path = {token.text};
    return node;
  }
  if (is(TokenType::kString) || is(TokenType::kRawString)) {
    std::optional<std::string> value = Unquote(token.text);
    if (!value) return Error(token, fmt::format("invalid syntax in {}", token.text));
    node->type = NodeType::kString;
    node->value = *std::move(value);
    return node;
  }
  Back(std::move(token));
  return NodePtr();
}

}  // namespace

Result<std::shared_ptr<const TemplateSet>> ParseTemplate(std::string_view name, std::string_view text) {
  if (text.size() > kMaxText) {
    return InvalidArgument("{}: the template has {}; the limit is {}", name, FormatBytes(text.size()),
                           FormatBytes(kMaxText));
  }
  auto set = std::make_shared<TemplateSet>(TemplateSet{std::string(name), std::string(text), {}});
  Parser parser(set.get());
  SLIPWAY_RETURN_IF_ERROR(parser.Run());
  return std::shared_ptr<const TemplateSet>(std::move(set));
}

}  // namespace slipway::run_template
