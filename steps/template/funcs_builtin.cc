// Go's own functions: comparison, logic, index, len, print and the escapers.
#include <fmt/format.h>

#include "executor/base/utf8.h"
#include "steps/template/compare.h"
#include "steps/template/format.h"
#include "steps/template/functions.h"
#include "steps/template/go_text.h"

namespace slipway::run_template {

namespace {

Result<size_t> IndexOf(const Value& index, size_t limit) {
  if (index.IsNil()) return InvalidArgument("cannot index slice/array with nil");
  if (!index.IsInteger()) return InvalidArgument("cannot index slice/array with type {}", TypeName(index));
  if (index.integer() < 0 || static_cast<uint64_t>(index.integer()) > limit) {
    return InvalidArgument("index out of range: {}", index.integer());
  }
  return static_cast<size_t>(index.integer());
}

Result<Value> Element(const Value& item, const Value& index) {
  if (item.IsNil()) return InvalidArgument("index of nil pointer");
  if (item.kind() == Kind::kDict) {
    if (index.IsNil()) return InvalidArgument("value is nil; should be of type string");
    if (index.kind() != Kind::kString) return InvalidArgument("value has type {}; should be string", TypeName(index));
    const auto found = item.dict().items.find(index.text());
    if (found != item.dict().items.end()) return found->second;
    return item.dict().element == run_template::Element::kString ? Value::Text("") : Value::Nil();
  }
  if (item.kind() != Kind::kString && item.kind() != Kind::kList) {
    return InvalidArgument("can't index item of type {}", TypeName(item));
  }
  const size_t size = item.kind() == Kind::kString ? item.text().size() : item.list().items.size();
  SLIPWAY_ASSIGN_OR_RETURN(const size_t at, IndexOf(index, size));
  if (at == size) return InvalidArgument("index out of range: {}", at);
  if (item.kind() == Kind::kList) return item.list().items[at];
  return Value::Number(Kind::kUint8, static_cast<unsigned char>(item.text()[at]));
}

Result<Value> Index(const Call& call) {
  if (call[0].IsNil()) return InvalidArgument("index of untyped nil");
  Value item = call[0];
  for (const Value& index : call.args.subspan(1)) {
    SLIPWAY_ASSIGN_OR_RETURN(item, Element(item, index));
  }
  return item;
}

Result<Value> Length(const Call& call) {
  const Value& item = call[0];
  if (item.kind() == Kind::kString) return Value::Int(static_cast<int64_t>(item.text().size()));
  if (item.kind() == Kind::kList) return Value::Int(static_cast<int64_t>(item.list().items.size()));
  if (item.kind() == Kind::kDict) return Value::Int(static_cast<int64_t>(item.dict().items.size()));
  if (item.IsNil()) return InvalidArgument("len of nil pointer");
  return InvalidArgument("len of type {}", TypeName(item));
}

Result<Value> CallValue(const Call& call) {
  if (call[0].IsNil()) return InvalidArgument("call of nil");
  return InvalidArgument("non-function of type {}", TypeName(call[0]));
}

Result<Value> Not(const Call& call) { return Value::Bool(!IsTrue(call[0])); }

Result<Value> Equal(const Call& call) {
  if (call.size() < 2) return InvalidArgument("missing argument for comparison");
  for (const Value& other : call.args.subspan(1)) {
    SLIPWAY_ASSIGN_OR_RETURN(const bool equal, AreEqual(call.work, call[0], other));
    if (equal) return Value::Bool(true);
  }
  return Value::Bool(false);
}

Result<Value> NotEqual(const Call& call) {
  SLIPWAY_ASSIGN_OR_RETURN(const bool equal, AreEqual(call.work, call[0], call[1]));
  return Value::Bool(!equal);
}

Result<Value> Less(const Call& call) {
  SLIPWAY_ASSIGN_OR_RETURN(const bool less, IsLess(call[0], call[1]));
  return Value::Bool(less);
}

Result<bool> LessOrEqual(const Call& call) {
  SLIPWAY_ASSIGN_OR_RETURN(const bool less, IsLess(call[0], call[1]));
  if (less) return true;
  return AreEqual(call.work, call[0], call[1]);
}

Result<Value> LessEqual(const Call& call) {
  SLIPWAY_ASSIGN_OR_RETURN(const bool yes, LessOrEqual(call));
  return Value::Bool(yes);
}

Result<Value> Greater(const Call& call) {
  SLIPWAY_ASSIGN_OR_RETURN(const bool no, LessOrEqual(call));
  return Value::Bool(!no);
}

Result<Value> GreaterEqual(const Call& call) {
  SLIPWAY_ASSIGN_OR_RETURN(const bool less, IsLess(call[0], call[1]));
  return Value::Bool(!less);
}

Result<Value> Print(const Call& call) { return call.Text(Sprint(call.work, call.args)); }

Result<Value> Printf(const Call& call) { return call.Text(Sprintf(call.work, call.text(0), call.args.subspan(1))); }

Result<Value> Println(const Call& call) {
  std::string out;
  for (size_t i = 0; i < call.size(); ++i) {
    if (i > 0) out += ' ';
    out += Sprint(call.work, call.args.subspan(i, 1));
  }
  return call.Text(out + "\n");
}

// The text that an escaper escapes: all arguments printed, no value as templates print it.
std::string Printed(const Call& call) {
  std::vector<Value> values(call.args.begin(), call.args.end());
  for (Value& value : values) {
    if (value.IsNil()) value = Value::Text("<no value>");
  }
  return Sprint(call.work, values);
}

Result<Value> Html(const Call& call) {
  std::string out;
  const std::string text = Printed(call);
  if (!call.work.Reserve(text.size() * 5)) return Value();
  for (const char c : text) {
    switch (c) {
      case '\0': out += "\xEF\xBF\xBD"; break;
      case '"': out += "&#34;"; break;
      case '\'': out += "&#39;"; break;
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      default: out += c;
    }
  }
  return call.Text(std::move(out));
}

void AppendJs(char32_t rune, std::string_view raw, std::string* out) {
  if (rune == '\\' || rune == '\'' || rune == '"') {
    *out += '\\';
    *out += raw;
  } else if (rune < ' ' || rune == '<' || rune == '>' || rune == '&' || rune == '=' || !IsPrint(rune)) {
    // DEL is left alone, as Go leaves it.
    *out += rune == 0x7f ? std::string(raw) : fmt::format("\\u{:04X}", static_cast<uint32_t>(rune));
  } else {
    *out += raw;
  }
}

Result<Value> Js(const Call& call) {
  std::string out;
  const std::string text = Printed(call);
  if (!call.work.Reserve(text.size() * 6)) return Value();
  for (std::string_view rest = text; !rest.empty();) {
    const utf8::Rune rune = utf8::Decode(rest);
    AppendJs(rune.value, rest.substr(0, rune.size), &out);
    rest.remove_prefix(rune.size);
  }
  return call.Text(std::move(out));
}

Result<Value> UrlQuery(const Call& call) {
  constexpr std::string_view kPlain = "-_.~";
  std::string out;
  const std::string text = Printed(call);
  if (!call.work.Reserve(text.size() * 3)) return Value();
  for (const char c : text) {
    const bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (alnum || kPlain.find(c) != std::string_view::npos) {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return call.Text(std::move(out));
}

using T = Type;
constexpr std::array kFunctions = {
    Function{"and", nullptr, {T::kReflect, T::kReflect}, true},
    Function{"or", nullptr, {T::kReflect, T::kReflect}, true},
    Function{"not", Not, {T::kReflect}},
    Function{"len", Length, {T::kReflect}},
    Function{"index", Index, {T::kReflect, T::kReflect}, true},
    Function{"call", CallValue, {T::kReflect, T::kReflect}, true},
    Function{"print", Print, {T::kAny}, true},
    Function{"printf", Printf, {T::kString, T::kAny}, true},
    Function{"println", Println, {T::kAny}, true},
    Function{"html", Html, {T::kAny}, true},
    Function{"js", Js, {T::kAny}, true},
    Function{"urlquery", UrlQuery, {T::kAny}, true},
    Function{"eq", Equal, {T::kReflect, T::kReflect}, true},
    Function{"ne", NotEqual, {T::kReflect, T::kReflect}},
    Function{"lt", Less, {T::kReflect, T::kReflect}},
    Function{"le", LessEqual, {T::kReflect, T::kReflect}},
    Function{"gt", Greater, {T::kReflect, T::kReflect}},
    Function{"ge", GreaterEqual, {T::kReflect, T::kReflect}},
};

}  // namespace

std::span<const Function> BuiltinFunctions() { return kFunctions; }

}  // namespace slipway::run_template
