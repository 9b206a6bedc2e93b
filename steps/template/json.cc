#include "steps/template/json.h"

#include <fmt/format.h>

#include <cmath>

#include "executor/base/utf8.h"
#include "steps/template/format.h"
#include "steps/template/go_text.h"
#include "steps/template/go_time.h"
#include "steps/template/semver.h"

namespace slipway::run_template {

namespace {

void AppendJsonRune(const utf8::Rune& rune, std::string_view raw, std::string* out) {
  const bool broken = rune.value == utf8::kReplacement && rune.size == 1;
  switch (rune.value) {
    case '"': *out += "\\\""; return;
    case '\\': *out += "\\\\"; return;
    case '\n': *out += "\\n"; return;
    case '\r': *out += "\\r"; return;
    case '\t': *out += "\\t"; return;
    default: break;
  }
  if (rune.value < ' ' || rune.value == '<' || rune.value == '>' || rune.value == '&' || rune.value == 0x2028 ||
      rune.value == 0x2029 || broken) {
    *out += fmt::format("\\u{:04x}", static_cast<uint32_t>(rune.value));
  } else {
    *out += raw;
  }
}

class JsonWriter {
 public:
  JsonWriter(Workspace& work, int indent) : work_(work), indent_(indent) {}

  bool Write(const Value& value, int depth);
  std::string Take() { return std::move(out_); }

 private:
  void NewLine(int depth) {
    const auto width = static_cast<size_t>(indent_ * depth);
    if (indent_ == 0 || !work_.Reserve(width)) return;  // whoever writes next sees that there is no more
    out_ += '\n';
    out_.append(width, ' ');
  }

  // `each` writes element after element and calls the function it is given before every one.
  template <typename Each>
  bool Brackets(char open, char close, bool empty, int depth, Each each) {
    out_ += open;
    bool first = true;
    const auto before = [&] {
      if (!std::exchange(first, false)) out_ += ',';
      NewLine(depth + 1);
    };
    if (!each(before)) return false;
    if (!empty) NewLine(depth);
    out_ += close;
    return work_.Reserve(static_cast<size_t>(indent_ * depth) + 8);
  }

  bool WriteText(std::string_view text);
  bool WriteList(const List& list, int depth);
  bool WriteDict(const Dict& dict, int depth);
  bool WriteCertificate(const Certificate& certificate, int depth);

  Workspace& work_;
  int indent_;
  std::string out_;
};

// Counted as it grows: a key or text may be large, stand in a list many times, and be six times as long once escaped.
bool JsonWriter::WriteText(std::string_view text) {
  out_ += '"';
  while (!text.empty()) {
    const size_t before = out_.size();
    const utf8::Rune rune = utf8::Decode(text);
    AppendJsonRune(rune, text.substr(0, rune.size), &out_);
    if (!work_.Reserve(out_.size() - before)) return false;
    text.remove_prefix(rune.size);
  }
  out_ += '"';
  return true;
}

bool JsonWriter::WriteList(const List& list, int depth) {
  if (list.nil) {
    out_ += "null";
    return true;
  }
  return Brackets('[', ']', list.items.empty(), depth, [&](const auto& before) {
    for (const Value& item : list.items) {
      before();
      if (!Write(item, depth + 1)) return false;
    }
    return true;
  });
}

bool JsonWriter::WriteDict(const Dict& dict, int depth) {
  return Brackets('{', '}', dict.items.empty(), depth, [&](const auto& before) {
    for (const auto& [key, value] : dict.items) {
      before();
      if (!WriteText(key)) return false;
      out_ += indent_ > 0 ? ": " : ":";
      if (!Write(value, depth + 1)) return false;
    }
    return true;
  });
}

bool JsonWriter::WriteCertificate(const Certificate& certificate, int depth) {
  return Brackets('{', '}', false, depth, [&](const auto& before) {
    const auto field = [&](std::string_view name, std::string_view text) {
      before();
      AppendJsonString(name, &out_);
      out_ += indent_ > 0 ? ": " : ":";
      return WriteText(text);
    };
    return field("Cert", certificate.cert) && field("Key", certificate.key);
  });
}

bool JsonWriter::Write(const Value& value, int depth) {
  if (!work_.Enter(depth) || !work_.Reserve(16)) return false;
  switch (value.kind()) {
    case Kind::kInvalid:
    case Kind::kNil: out_ += "null"; return true;
    case Kind::kBool: out_ += value.boolean() ? "true" : "false"; return true;
    case Kind::kFloat:
      if (!std::isfinite(value.number())) return false;
      out_ += JsonNumber(value.number());
      return true;
    case Kind::kString: return WriteText(value.text());
    case Kind::kList: return WriteList(value.list(), depth);
    case Kind::kDict: return WriteDict(value.dict(), depth);
    case Kind::kTime:
      AppendJsonString(FormatLayout(value.time(), "2006-01-02T15:04:05.999999999Z07:00"), &out_);
      return true;
    case Kind::kVersion: AppendJsonString(value.version().ToString(), &out_); return true;
    case Kind::kCertificate: return WriteCertificate(value.certificate(), depth);
    case Kind::kInt:
    case Kind::kInt64:
    case Kind::kUint8:
    case Kind::kDuration:
    case Kind::kMonth:
    case Kind::kWeekday: out_ += std::to_string(value.integer()); return true;
  }
  return false;
}

}  // namespace

void AppendJsonString(std::string_view text, std::string* out) {
  *out += '"';
  while (!text.empty()) {
    const utf8::Rune rune = utf8::Decode(text);
    AppendJsonRune(rune, text.substr(0, rune.size), out);
    text.remove_prefix(rune.size);
  }
  *out += '"';
}

std::string JsonNumber(double value) {
  const double magnitude = std::fabs(value);
  if (magnitude == 0 || (magnitude >= 1e-6 && magnitude < 1e21)) return FormatFloat(value, 'f', -1);
  // "1e-09" becomes "1e-9".
  std::string out = FormatFloat(value, 'e', -1);
  if (out.size() >= 4 && out[out.size() - 4] == 'e' && out[out.size() - 3] == '-' && out[out.size() - 2] == '0') {
    out.erase(out.size() - 2, 1);
  }
  return out;
}

std::string ToJson(Workspace& work, const Value& value, int indent) {
  JsonWriter writer(work, indent);
  return writer.Write(value, 0) ? writer.Take() : "";
}

}  // namespace slipway::run_template
