#include "executor/runtime/host_entry.h"

#include <arpa/inet.h>

namespace slipway::runtime {

Result<HostEntry> ParseHostEntry(std::string_view text) {
  const size_t cut = text.find_first_of("=:");
  const bool whole = cut != std::string_view::npos && cut != 0 && cut + 1 != text.size();
  if (!whole || text.substr(0, cut).find_first_of(" \t\r\n#") != std::string_view::npos) {
    return InvalidArgument("'{}' is not of the form name:address", text);
  }
  std::string_view address = text.substr(cut + 1);
  if (address == "host-gateway") {
    return Unimplemented("'{}': host-gateway is not supported; give the address of this machine that build steps reach",
                         text);
  }
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  HostEntry entry{.address = std::string(address), .name = std::string(text.substr(0, cut))};
  in6_addr any{};
  if (::inet_pton(AF_INET, entry.address.c_str(), &any) != 1 &&
      ::inet_pton(AF_INET6, entry.address.c_str(), &any) != 1) {
    return InvalidArgument("'{}': '{}' is no IP address", text, address);
  }
  return entry;
}

}  // namespace slipway::runtime
