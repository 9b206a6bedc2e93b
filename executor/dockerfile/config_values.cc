#include "executor/dockerfile/config_values.h"

#include <signal.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>

#include "executor/base/near_miss.h"

namespace slipway::dockerfile {

namespace {

std::optional<int> Port(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty() || value < 0 || value > 65535) {
    return std::nullopt;
  }
  return value;
}

std::string Upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return out;
}

std::string Lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

constexpr std::array<std::string_view, 38> kSignals = {
    "ABRT", "ALRM", "BUS",  "CHLD", "CLD",  "CONT", "FPE",    "HUP",    "ILL",  "INT",  "IO",   "IOT",  "KILL",
    "PIPE", "POLL", "PROF", "PWR",  "QUIT", "SEGV", "STKFLT", "STOP",   "SYS",  "TERM", "TRAP", "TSTP", "TTIN",
    "TTOU", "URG",  "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ",  "RTMIN", "RTMAX", "EMT", "LOST"};

}  // namespace

Result<std::vector<std::string>> ParseExposedPorts(std::string_view text) {
  const auto bad = [text](std::string_view why) {
    return InvalidArgument("port '{}' is not valid: {} (expected e.g. 80, 80/udp or 8000-8010)", text, why);
  };
  std::string_view rest = text;
  std::string protocol = "tcp";
  if (const size_t slash = rest.find('/'); slash != std::string_view::npos) {
    if (slash + 1 < rest.size()) protocol = Lower(rest.substr(slash + 1));
    rest = rest.substr(0, slash);
  }
  if (protocol != "tcp" && protocol != "udp" && protocol != "sctp") {
    return bad(fmt::format("'{}' is none of the protocols tcp, udp, sctp", protocol));
  }
  if (const size_t colon = rest.rfind(':'); colon != std::string_view::npos) rest = rest.substr(colon + 1);
  if (rest.empty()) return bad("there is no port number");
  const size_t dash = rest.find('-');
  const auto first = Port(rest.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : Port(rest.substr(dash + 1));
  if (!first || !last) return bad("a port is a number up to 65535");
  if (*last < *first) return bad("the range ends before it begins");
  std::vector<std::string> out;
  for (int port = *first; port <= *last; ++port) out.push_back(fmt::format("{}/{}", port, protocol));
  return out;
}

Status CheckSignal(std::string_view text) {
  if (!text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos) {
    const auto number = Port(text);
    if (number && *number > 0) return Status();
    return InvalidArgument("'{}' is not the number of a signal", text);
  }
  std::string name = Upper(text);
  if (name.starts_with("SIG")) name.erase(0, 3);
  const std::string_view base = std::string_view(name).substr(0, name.find_first_of("+-"));
  if (std::find(kSignals.begin(), kSignals.end(), base) != kSignals.end()) {
    if (base.size() == name.size() || base == "RTMIN" || base == "RTMAX") return Status();
  }
  return InvalidArgument("'{}' is not the name of a signal{}", text, DidYouMean(name, kSignals));
}

}  // namespace slipway::dockerfile
