#include "executor/dockerfile/config_values.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "executor/base/ascii.h"
#include "executor/base/near_miss.h"

namespace slipway::dockerfile {

namespace {

std::optional<int> Port(std::string_view text) {
  int value = 0;
  if (text.starts_with('+')) text.remove_prefix(1);  // as Go's ParseInt
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty() || value < 0 || value > 65535) {
    return std::nullopt;
  }
  return value;
}

constexpr std::array<std::string_view, 36> kSignals = {
    "ABRT", "ALRM", "BUS",  "CHLD", "CLD",  "CONT", "FPE",    "HUP",    "ILL",  "INT",  "IO",    "IOT",
    "KILL", "PIPE", "POLL", "PROF", "PWR",  "QUIT", "SEGV",   "STKFLT", "STOP", "SYS",  "TERM",  "TRAP",
    "TSTP", "TTIN", "TTOU", "URG",  "USR1", "USR2", "VTALRM", "WINCH",  "XCPU", "XFSZ", "RTMIN", "RTMAX"};

// "8000" or "8000-8010"; nullopt if it is neither.
std::optional<std::pair<int, int>> Ports(std::string_view text) {
  const size_t dash = text.find('-');
  const auto first = Port(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : Port(text.substr(dash + 1));
  if (!first || !last || *last < *first) return std::nullopt;
  return std::pair(*first, *last);
}

bool IsAddress(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  std::array<unsigned char, sizeof(in6_addr)> address;
  const std::string name(text);
  return ::inet_pton(AF_INET, name.c_str(), address.data()) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), address.data()) == 1;
}

// Takes "address:host-port:" off the front of a port, which has no effect, but must be right. "" if it is.
std::string TakeHostPart(std::string_view* text, int* host_ports) {
  const size_t colon = text->rfind(':');
  if (colon == std::string_view::npos) return "";
  std::string_view host = text->substr(0, colon);
  text->remove_prefix(colon + 1);
  const size_t before = host.rfind(':');
  const std::string_view address = before == std::string_view::npos ? "" : host.substr(0, before);
  if (before != std::string_view::npos) host.remove_prefix(before + 1);
  if (!address.empty() && !IsAddress(address)) return fmt::format("'{}' is not an IP address", address);
  if (host.empty()) return "";
  const auto ports = Ports(host);
  if (!ports) return fmt::format("'{}' is not a port of the host", host);
  *host_ports = ports->second - ports->first + 1;
  return "";
}

}  // namespace

Result<std::vector<std::string>> ParseExposedPorts(std::string_view text) {
  const auto bad = [text](std::string_view why) {
    return InvalidArgument("port '{}' is not valid: {} (expected e.g. 80, 80/udp or 8000-8010)", text, why);
  };
  std::string_view rest = text;
  int host_ports = 0;
  if (const std::string why = TakeHostPart(&rest, &host_ports); !why.empty()) return bad(why);
  std::string protocol = "tcp";
  if (const size_t slash = rest.find('/'); slash != std::string_view::npos) {
    if (slash + 1 < rest.size()) protocol = LowerAscii(rest.substr(slash + 1));
    rest = rest.substr(0, slash);
  }
  if (rest.empty()) return bad("there is no port number");
  constexpr std::array<std::string_view, 3> kProtocols = {"tcp", "udp", "sctp"};
  if (std::find(kProtocols.begin(), kProtocols.end(), protocol) == kProtocols.end()) {
    return bad(
        fmt::format("'{}' is none of the protocols tcp, udp, sctp{}", protocol, DidYouMean(protocol, kProtocols)));
  }
  const auto ports = Ports(rest);
  if (!ports) return bad("a port is a number up to 65535, and a range goes up");
  const int count = ports->second - ports->first + 1;
  if (host_ports != 0 && host_ports != count && count != 1) {
    return bad("the range of the host's ports is of another length");
  }
  std::vector<std::string> out;
  for (int port = ports->first; port <= ports->second; ++port) out.push_back(fmt::format("{}/{}", port, protocol));
  return out;
}

Status CheckSignal(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) {
    if (number != 0) return Status();
    return InvalidArgument("'{}' is not the number of a signal", text);
  }
  std::string name = UpperAscii(text);
  if (name.starts_with("SIG")) name.erase(0, 3);
  const std::string_view base = std::string_view(name).substr(0, name.find_first_of("+-"));
  if (std::find(kSignals.begin(), kSignals.end(), base) != kSignals.end()) {
    const std::string_view offset = std::string_view(name).substr(base.size());
    if (offset.empty()) return Status();
    // RTMIN+1 to RTMIN+15 and RTMAX-14 to RTMAX-1.
    const auto steps = Port(offset.substr(1));
    const bool up = base == "RTMIN" && offset[0] == '+' && steps && *steps >= 1 && *steps <= 15;
    const bool down = base == "RTMAX" && offset[0] == '-' && steps && *steps >= 1 && *steps <= 14;
    if ((up || down) && offset[1] != '0') return Status();
  }
  return InvalidArgument("'{}' is not the name of a signal{}", text, DidYouMean(name, kSignals));
}

}  // namespace slipway::dockerfile
