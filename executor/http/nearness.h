// Nearness: whether an address leads back to this machine. A server far away must not send us there by a redirect:
// services listen there that trust whoever reaches them.
#pragma once

#include <sys/socket.h>

#include <string_view>

namespace slipway::http {

enum class Nearness {
  kElsewhere,
  kLink,         ///< link-local: neighbours, and the services by which a cloud tells a machine who it is
  kThisMachine,  ///< loopback, and the unspecified address, which leads there too
};

/// Of an address that is about to be connected to.
Nearness NearnessOf(const sockaddr& address);
/// Of a host as it is written in a URL, in any form that resolvers take for an address ("0x7f.1"). kElsewhere for
/// names other than "localhost": where they lead shows when they are resolved.
Nearness NearnessOf(std::string_view host);

/// Whether an answer from a server that is `from` may lead to one that is `to`.
inline bool MayLead(Nearness from, Nearness to) { return to == Nearness::kElsewhere || to == from; }

/// For messages: what a refused address leads to.
std::string_view Describe(Nearness nearness);

}  // namespace slipway::http
