#include "daemon/config/config.h"

#include <charconv>

#include "executor/oci/reference.h"

namespace slipway::config {

namespace {
constexpr std::string_view kUnix = "unix:";
// sockaddr_un.
constexpr size_t kMaxUnixPath = 107;

// A host of images: it must read as one in front of a name.
Status CheckRegistry(std::string_view key, const std::string& host) {
  if (host.empty()) return Status();
  if (host.find("://") != std::string::npos) {
    return InvalidArgument("{}: '{}' is a URL; give HOST or HOST:PORT", key, host);
  }
  const Result<oci::Reference> name = oci::Reference::Parse(host + "/x");
  const bool ok = name.ok() && name->host == host && host.find('/') == std::string::npos;
  if (ok) return Status();
  return InvalidArgument("{}: '{}' is not HOST or HOST:PORT (a host without a dot needs a port)", key, host);
}
}  // namespace

bool Address::loopback() const { return host == "localhost" || host == "::1" || host.starts_with("127."); }

std::string Address::ToGrpc() const {
  if (!unix_path.empty()) return fmt::format("unix:{}", unix_path);
  const bool v6 = host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Result<Address> ParseAddress(const std::string& text) {
  Address address;
  if (text.starts_with(kUnix)) {
    address.unix_path = text.substr(kUnix.size());
    if (address.unix_path.starts_with("//")) address.unix_path.erase(0, 2);
    if (address.unix_path.empty() || address.unix_path.size() > kMaxUnixPath) {
      return InvalidArgument("'{}': the path of a socket has 1 to {} bytes", text, kMaxUnixPath);
    }
    return address;
  }
  const size_t colon = text.rfind(':');
  std::string_view digits = colon == std::string::npos ? std::string_view() : std::string_view(text).substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  const bool number = !digits.empty() && error == std::errc() && end == digits.data() + digits.size();
  if (!number || address.port < 0 || address.port > 65535 || colon == 0) {
    return InvalidArgument("'{}' is neither HOST:PORT nor unix:PATH", text);
  }
  address.host = text.substr(0, colon);
  if (address.host.starts_with('[') && address.host.ends_with(']')) {
    address.host = address.host.substr(1, address.host.size() - 2);
  } else if (address.host.find(':') != std::string::npos) {
    return InvalidArgument("'{}': an IPv6 address stands in brackets", text);
  }
  return address;
}

Status Validate(const Config& config) {
  if (config.root.empty()) return InvalidArgument("root: is empty");
  if (config.listen.empty()) return InvalidArgument("listen: is empty");
  for (const std::string& text : config.listen) {
    SLIPWAY_ASSIGN_OR_RETURN(const Address address, ParseAddress(text).With("listen"));
    if (address.unix_path.empty() && !address.loopback() && !config.allow_remote) {
      return InvalidArgument(
          "listen: '{}' is open to other machines, and whoever reaches the daemon can run anything on it; listen on "
          "loopback or a unix socket, or set allow_remote",
          text);
    }
  }
  if (!config.http_listen.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(const Address address, ParseAddress(config.http_listen).With("http_listen"));
    if (!address.unix_path.empty()) return InvalidArgument("http_listen: '{}' is not HOST:PORT", config.http_listen);
  }
  SLIPWAY_RETURN_IF_ERROR(CheckRegistry("registry", config.registry));
  for (const std::string& host : config.insecure_registries) {
    SLIPWAY_RETURN_IF_ERROR(CheckRegistry("insecure_registries", host));
  }
  if (!config.run_id_prefix.empty()) {
    const bool ok = config.run_id_prefix.size() == 2 &&
                    config.run_id_prefix.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") == std::string::npos;
    if (!ok) return InvalidArgument("run_id_prefix: '{}' is not two of a-z and 0-9", config.run_id_prefix);
  }
  if (config.network == "host" && !config.allow_host_network) {
    return InvalidArgument("network: 'host' needs allow_host_network");
  }
  return Status();
}

}  // namespace slipway::config
