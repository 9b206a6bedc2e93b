#include "executor/ops/mode.h"

namespace slipway::ops {

namespace {
constexpr uint32_t kUser = 04700;
constexpr uint32_t kGroup = 02070;
constexpr uint32_t kOther = 00007;
constexpr uint32_t kSetId = 06000;
constexpr uint32_t kSticky = 01000;
constexpr uint32_t kStandard = kUser | kGroup | kOther;  // what "a" means, and no class with "="
constexpr uint32_t kAll = 07777;

Status Bad(std::string_view text) {
  return InvalidArgument("mode '{}' is neither octal (0755) nor symbolic (u=rwX,go=rX)", text);
}

uint32_t Spread(uint32_t rwx) { return rwx << 6 | rwx << 3 | rwx; }

bool IsOneOf(std::string_view text, size_t pos, std::string_view chars) {
  return pos < text.size() && chars.find(text[pos]) != std::string_view::npos;
}
}  // namespace

Result<ModeChange> ModeChange::Parse(std::string_view text) {
  ModeChange out;
  if (!text.empty() && text.find_first_not_of("01234567") == std::string_view::npos) {
    out.octal_ = true;
    for (const char c : text) {
      out.value_ = out.value_ * 8 + static_cast<uint32_t>(c - '0');
      if (out.value_ > kAll) return Bad(text);
    }
    return out;
  }
  for (size_t pos = 0;; ++pos) {
    if (!out.ParseClause(text, &pos).ok()) return Bad(text);
    if (pos == text.size()) return out;
  }
}

void ModeChange::AddStep(char op, uint32_t who, uint32_t bits) {
  if (op == '=') steps_.push_back({.op = '-', .bits = who != 0 ? who : kStandard});
  steps_.push_back({.op = op == '-' ? '-' : '+', .bits = who != 0 ? who & bits : bits});
}

// "ug+rw-x", up to the comma or the end. Only whether it is right is told.
Status ModeChange::ParseClause(std::string_view text, size_t* pos) {
  uint32_t classes = 0;
  for (; IsOneOf(text, *pos, "ugoa"); ++*pos) {
    const char c = text[*pos];
    classes |= c == 'u' ? kUser : c == 'g' ? kGroup : c == 'o' ? kOther : kStandard;
  }
  if (!IsOneOf(text, *pos, "+-=")) return Bad(text);
  while (IsOneOf(text, *pos, "+-=")) {
    const char op = text[(*pos)++];
    uint32_t who = classes;
    uint32_t bits = 0;
    bool conditional = false;
    bool set = op != '=';  // "=" without bits clears
    const bool special = who == 0 || (who & ~kOther) != 0;
    const auto flush = [&] {
      if (bits != 0 || !set) AddStep(op, who, bits);
      if (conditional) {
        const uint32_t x = who != 0 ? who & Spread(1) : Spread(1);
        steps_.push_back({.op = '+', .bits = x, .conditional = true});
      }
      bits = 0;
      conditional = false;
      set = true;
    };
    for (; IsOneOf(text, *pos, "rwxXstugo"); ++*pos) {
      switch (const char c = text[*pos]) {
        case 'r': bits |= Spread(4); break;
        case 'w': bits |= Spread(2); break;
        case 'x': bits |= Spread(1); break;
        case 'X':
          if (op == '-') {
            bits |= Spread(1);
          } else {
            conditional = true;
          }
          break;
        case 's': bits |= special ? kSetId : 0; break;
        case 't':
          if (special) {
            who |= kSticky;
            bits |= kSticky;
          }
          break;
        default: {
          set = true;  // the copy itself clears what was there
          flush();
          const uint32_t to = classes == 0 ? 0777 : classes & 0777;
          steps_.push_back({.op = op, .copy_from = c, .copy_to = to});
        }
      }
    }
    flush();
  }
  return *pos == text.size() || text[*pos] == ',' ? Status() : Bad(text);
}

uint32_t ModeChange::Apply(uint32_t mode, bool is_dir) const {
  if (octal_) return value_;
  const bool executable = is_dir || (mode & 0111) != 0;
  for (const Step& step : steps_) {
    if (step.conditional && !executable) continue;
    uint32_t bits = step.bits;
    if (step.copy_from != 0) {
      const int shift = step.copy_from == 'u' ? 6 : step.copy_from == 'g' ? 3 : 0;
      bits = Spread(mode >> shift & 7) & step.copy_to;
      if (step.op == '=') mode &= ~step.copy_to;
    }
    mode = step.op == '-' ? mode & ~bits : mode | bits;
  }
  return mode;
}

}  // namespace slipway::ops
