// The files of /etc that the runner puts over the image's: hosts and resolv.conf. Text in, text out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "executor/runtime/runner.h"

namespace slipway::runtime {

/// What the operator may set instead of what the host's resolv.conf says; empty: as there.
struct DnsOptions {
  std::string first;  ///< a server before all others; it is asked again soon, and often, before it counts as silent
  std::vector<std::string> servers;
  std::vector<std::string> searches;
  std::vector<std::string> options;
};

/// /etc/hosts: localhost and the container's own name first, then `extra`. The name stands for `own_address`, or for
/// localhost where that is empty. Entries with a line end in them are left out.
std::string HostsFile(std::string_view hostname, std::string_view own_address, const std::vector<HostEntry>& extra);

/// /etc/resolv.conf for a container, from the host's. In a network of its own (`own_network`) resolvers on a loopback
/// address or with an IPv6 one are left out, since they cannot be reached from there; if none is left, public ones are
/// named, as docker and BuildKit do.
std::string ResolvConf(std::string_view host_text, const DnsOptions& options, bool own_network);

/// The text of the host's resolv.conf: where systemd-resolved answers on a loopback address, that of the resolvers
/// behind it.
std::string ReadHostResolvConf();

}  // namespace slipway::runtime
