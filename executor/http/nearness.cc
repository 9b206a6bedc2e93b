#include "executor/http/nearness.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>
#include <string>

#include "executor/base/ascii.h"

namespace slipway::http {

namespace {

Nearness NearnessOfIpv4(const in_addr& address) {
  const uint32_t bits = ntohl(address.s_addr);
  if (bits >> 24 == 127 || bits >> 24 == 0) return Nearness::kThisMachine;
  return bits >> 16 == 0xa9fe ? Nearness::kLink : Nearness::kElsewhere;
}

Nearness NearnessOfIpv6(const in6_addr& address) {
  if (IN6_IS_ADDR_LOOPBACK(&address) || IN6_IS_ADDR_UNSPECIFIED(&address)) return Nearness::kThisMachine;
  if (IN6_IS_ADDR_LINKLOCAL(&address)) return Nearness::kLink;
  if (!IN6_IS_ADDR_V4MAPPED(&address) && !IN6_IS_ADDR_V4COMPAT(&address)) return Nearness::kElsewhere;
  in_addr inner{};
  std::memcpy(&inner, address.s6_addr + 12, sizeof inner);
  return NearnessOfIpv4(inner);
}

}  // namespace

Nearness NearnessOf(const sockaddr& address) {
  // Copied, since what is handed over need not be aligned for the family's own type.
  if (address.sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof in);
    return NearnessOfIpv4(in.sin_addr);
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, &address, sizeof in);
    return NearnessOfIpv6(in.sin6_addr);
  }
  // Local sockets.
  return address.sa_family == AF_UNIX ? Nearness::kThisMachine : Nearness::kElsewhere;
}

Nearness NearnessOf(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  host = host.substr(0, host.find('%'));  // the zone of a link-local address
  if (host.ends_with('.')) host.remove_suffix(1);
  const std::string text = LowerAscii(host);
  if (text == "localhost") return Nearness::kThisMachine;
  in6_addr ipv6{};
  if (::inet_pton(AF_INET6, text.c_str(), &ipv6) == 1) return NearnessOfIpv6(ipv6);
  in_addr ipv4{};
  // As resolvers read it: with one to four parts, also octal and hexadecimal ones.
  return ::inet_aton(text.c_str(), &ipv4) != 0 ? NearnessOfIpv4(ipv4) : Nearness::kElsewhere;
}

std::string_view Describe(Nearness nearness) {
  switch (nearness) {
    case Nearness::kThisMachine: return "this machine";
    case Nearness::kLink: return "this machine's own link";
    case Nearness::kElsewhere: break;
  }
  return "elsewhere";
}

}  // namespace slipway::http
