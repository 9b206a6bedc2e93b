// Time zones from the system's zoneinfo files (RFC 8536, "TZif").
//
// Of the rule for the time after the last transition only the offset is used that is in force then: Debian's files list
// transitions up to the year 2037.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <vector>

#include "steps/template/go_time.h"

namespace slipway::run_template {

namespace {

constexpr std::string_view kFolder = "/usr/share/zoneinfo/";
constexpr size_t kHeader = 44;

class Fixed : public Zone {
 public:
  Fixed(int seconds, std::string abbreviation) : offset_{seconds, std::move(abbreviation)} {}
  Offset At(int64_t) const override { return offset_; }

 private:
  Offset offset_;
};

struct Transition {
  int64_t at;
  size_t type;
};

class Rules : public Zone {
 public:
  Rules(std::vector<Transition> transitions, std::vector<Offset> types, size_t first)
      : transitions_(std::move(transitions)), types_(std::move(types)), first_(first) {}

  Offset At(int64_t unix_seconds) const override {
    const auto after = std::upper_bound(transitions_.begin(), transitions_.end(), unix_seconds,
                                        [](int64_t at, const Transition& t) { return at < t.at; });
    return types_[after == transitions_.begin() ? first_ : std::prev(after)->type];
  }

 private:
  std::vector<Transition> transitions_;
  std::vector<Offset> types_;
  size_t first_;  // before all transitions
};

uint64_t BigEndian(std::string_view bytes) {
  uint64_t out = 0;
  for (const char c : bytes) out = out << 8 | static_cast<unsigned char>(c);
  return out;
}

// The numbers of a header, in the file's order.
struct Counts {
  size_t utc = 0, standard = 0, leaps = 0, transitions = 0, types = 0, letters = 0;

  size_t Size(size_t time_size) const {
    return transitions * (time_size + 1) + types * 6 + letters + leaps * (time_size + 4) + standard + utc;
  }
};

bool ReadCounts(std::string_view file, Counts* out) {
  if (file.size() < kHeader || !file.starts_with("TZif")) return false;
  const auto number = [&](size_t i) { return static_cast<size_t>(BigEndian(file.substr(20 + 4 * i, 4))); };
  *out = {number(0), number(1), number(2), number(3), number(4), number(5)};
  constexpr size_t kMax = 1 << 16;
  return std::max({out->utc, out->standard, out->leaps, out->transitions, out->types, out->letters}) < kMax;
}

std::shared_ptr<const Zone> ParseRules(std::string_view file) {
  Counts counts;
  // The second part, with times of 8 bytes, stands behind the old one.
  if (!ReadCounts(file, &counts) || file[4] < '2') return nullptr;
  const size_t old = kHeader + counts.Size(4);
  if (file.size() < old) return nullptr;
  file.remove_prefix(old);
  if (!ReadCounts(file, &counts) || file.size() < kHeader + counts.Size(8) || counts.types == 0) return nullptr;
  file.remove_prefix(kHeader);
  const std::string_view indexes = file.substr(counts.transitions * 8);
  const std::string_view types = indexes.substr(counts.transitions);
  const std::string_view letters = types.substr(counts.types * 6, counts.letters);

  std::vector<Zone::Offset> offsets;
  size_t first = 0;
  bool found = false;
  for (size_t i = 0; i < counts.types; ++i) {
    const std::string_view type = types.substr(i * 6, 6);
    const auto name = static_cast<unsigned char>(type[5]);
    if (name >= letters.size()) return nullptr;
    const std::string_view abbreviation = letters.substr(name, letters.find('\0', name) - name);
    offsets.push_back(
        {static_cast<int32_t>(static_cast<uint32_t>(BigEndian(type.substr(0, 4)))), std::string(abbreviation)});
    if (!found && type[4] == 0) {
      first = i;
      found = true;
    }
  }
  std::vector<Transition> transitions;
  for (size_t i = 0; i < counts.transitions; ++i) {
    const auto type = static_cast<unsigned char>(indexes[i]);
    if (type >= offsets.size()) return nullptr;
    transitions.push_back({static_cast<int64_t>(BigEndian(file.substr(i * 8, 8))), type});
  }
  return std::make_shared<Rules>(std::move(transitions), std::move(offsets), first);
}

bool IsZoneName(std::string_view name) {
  const auto good = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' ||
           c == '+' || c == '/';
  };
  return !name.empty() && name.size() < 64 && name[0] != '/' && std::all_of(name.begin(), name.end(), good);
}

}  // namespace

std::shared_ptr<const Zone> FixedZone(int seconds, std::string abbreviation) {
  return std::make_shared<Fixed>(seconds, std::move(abbreviation));
}

std::shared_ptr<const Zone> UtcZone() {
  static const std::shared_ptr<const Zone> kUtc = FixedZone(0, "UTC");
  return kUtc;
}

std::shared_ptr<const Zone> LoadZone(std::string_view name) {
  if (name.empty() || name == "UTC" || name == "Local") return UtcZone();
  // No dot can stand in it, so that no other folder is reached.
  if (!IsZoneName(name)) return nullptr;
  std::ifstream file(fmt::format("{}{}", kFolder, name), std::ios::binary);
  if (!file) return nullptr;
  std::ostringstream content;
  content << file.rdbuf();
  return ParseRules(content.str());
}

}  // namespace slipway::run_template
