#include "executor/ops/mode.h"

#include <algorithm>

namespace slipway::ops {

namespace {
constexpr uint32_t kUser = 04700;
constexpr uint32_t kGroup = 02070;
constexpr uint32_t kOther = 01007;
constexpr uint32_t kAll = 07777;

Status Bad(std::string_view text) {
  return InvalidArgument("mode '{}' is neither octal (0755) nor symbolic (u=rwX,go=rX)", text);
}

uint32_t Spread(uint32_t rwx) { return rwx << 6 | rwx << 3 | rwx; }
}  // namespace

Result<ModeChange> ModeChange::Parse(std::string_view text) {
  ModeChange out;
  if (!text.empty() && text.find_first_not_of("01234567") == std::string_view::npos) {
    if (text.size() > 5) return Bad(text);
    out.octal_ = true;
    for (const char c : text) out.value_ = out.value_ * 8 + static_cast<uint32_t>(c - '0');
    if (out.value_ > kAll) return Bad(text);
    return out;
  }
  size_t pos = 0;
  while (true) {
    uint32_t who = 0;
    for (; pos < text.size() && std::string_view("ugoa").find(text[pos]) != std::string_view::npos; ++pos) {
      who |= text[pos] == 'u' ? kUser : text[pos] == 'g' ? kGroup : text[pos] == 'o' ? kOther : kAll;
    }
    if (who == 0) who = kAll;
    if (pos >= text.size() || std::string_view("+-=").find(text[pos]) == std::string_view::npos) return Bad(text);
    while (pos < text.size() && std::string_view("+-=").find(text[pos]) != std::string_view::npos) {
      Clause clause{.who = who, .op = text[pos++], .bits = 0, .conditional_x = false, .copy_from = 0};
      for (; pos < text.size() && std::string_view("rwxXstugo").find(text[pos]) != std::string_view::npos; ++pos) {
        switch (text[pos]) {
          case 'r': clause.bits |= Spread(4); break;
          case 'w': clause.bits |= Spread(2); break;
          case 'x': clause.bits |= Spread(1); break;
          case 'X': clause.conditional_x = true; break;
          case 's': clause.bits |= 06000; break;
          case 't': clause.bits |= 01000; break;
          default: clause.copy_from = text[pos];
        }
      }
      out.clauses_.push_back(clause);
    }
    if (pos == text.size()) return out;
    if (text[pos++] != ',') return Bad(text);
  }
}

uint32_t ModeChange::Apply(uint32_t mode, bool is_dir) const {
  if (octal_) return value_;
  for (const Clause& clause : clauses_) {
    uint32_t bits = clause.bits;
    if (clause.conditional_x && (is_dir || (mode & 0111) != 0)) bits |= Spread(1);
    if (clause.copy_from == 'u') bits |= Spread(mode >> 6 & 7);
    if (clause.copy_from == 'g') bits |= Spread(mode >> 3 & 7);
    if (clause.copy_from == 'o') bits |= Spread(mode & 7);
    bits &= clause.who;
    if (clause.op == '+') mode |= bits;
    if (clause.op == '-') mode &= ~bits;
    if (clause.op == '=') mode = (mode & ~clause.who) | bits;
  }
  return mode;
}

}  // namespace slipway::ops
