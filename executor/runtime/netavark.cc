#include "executor/runtime/netavark.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bit>
#include <charconv>
#include <cstring>

#include <nlohmann/json.hpp>

#include "executor/base/digest.h"
#include "executor/base/fs.h"
#include "executor/base/process.h"
#include "executor/runtime/netns.h"
#include "executor/runtime/text.h"

namespace slipway::runtime {

namespace {

using nlohmann::json;

constexpr const char* kFolders[] = {
    "/usr/lib/podman", "/usr/libexec/podman", "/usr/local/lib/podman", "/usr/local/libexec/podman",
    "/usr/bin",        "/usr/local/bin"};

// netavark runs iptables, which is in a folder that a service's PATH may lack.
constexpr const char* kPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string FindTool(const std::string& name) {
  for (const char* folder : kFolders) {
    const std::string path = fs::Join(folder, name);
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return "";
}

// netavark prints {"error": "…"}.
std::string ErrorText(const RunOutput& output) {
  const json answer = json::parse(output.out, nullptr, false);
  if (answer.is_object() && answer.contains("error") && answer["error"].is_string())
    return answer["error"].get<std::string>();
  const auto lines = SplitLines(output.err);
  return lines.empty() ? output.exit.ToString() : std::string(lines.back());
}

// The bridge's own address, from the kernel.
Result<Ipv4Net> AddressOf(const std::string& device) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return ErrnoStatus(errno, "list network addresses");
  Result<Ipv4Net> found = NotFound("bridge '{}' has no IPv4 address", device);
  for (const ifaddrs* a = list; a != nullptr; a = a->ifa_next) {
    if (a->ifa_addr == nullptr || a->ifa_addr->sa_family != AF_INET || a->ifa_netmask == nullptr ||
        device != a->ifa_name) {
      continue;
    }
    const auto to_number = [](const sockaddr* s) {
      sockaddr_in in{};
      std::memcpy(&in, s, sizeof(in));
      return ntohl(in.sin_addr.s_addr);
    };
    const uint32_t mask = to_number(a->ifa_netmask);
    found = Ipv4Net{to_number(a->ifa_addr) & mask, std::popcount(mask)};
  }
  ::freeifaddrs(list);
  return found;
}

// Without netavark: the device only, its rules stay.
Status DeleteBridge(const std::string& device) {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return ErrnoStatus(errno, "make a socket");
  ifreq request{};
  device.copy(request.ifr_name, IFNAMSIZ - 1);
  if (::ioctl(socket.get(), SIOCGIFFLAGS, &request) == 0) {
    request.ifr_flags = static_cast<short>(request.ifr_flags & ~IFF_UP);
    (void)::ioctl(socket.get(), SIOCSIFFLAGS, &request);
  }
  if (::ioctl(socket.get(), SIOCBRDELBR, device.c_str()) != 0 && errno != ENXIO) {
    return ErrnoStatus(errno, fmt::format("remove bridge '{}'", device));
  }
  return Status();
}

// Plugs one more namespace in and out: netavark removes a bridge, and the rules that go with it, with its last port.
Status AdoptAndTearDown(const Context& ctx, const Netavark& netavark, const std::string& device) {
  BridgeSpec bridge{.device = device};
  SLIPWAY_ASSIGN_OR_RETURN(bridge.subnet, AddressOf(device));
  SLIPWAY_ASSIGN_OR_RETURN(const NetNamespace netns, NetNamespace::Create());
  const uint32_t last_host = (uint32_t{1} << (32 - bridge.subnet.prefix)) - 2;
  const PortSpec port{.container_id = "stale-" + device, .address = bridge.subnet.Host(last_host)};
  SLIPWAY_RETURN_IF_ERROR(netavark.Setup(ctx, bridge, port, netns.path()));
  return netavark.Teardown(ctx, bridge, port, netns.path());
}

}  // namespace

std::string NetavarkRequest(const BridgeSpec& bridge, const PortSpec& port) {
  json network = {
      {"name", bridge.device},
      {"id", Digest::Of(bridge.device).hex()},
      {"driver", "bridge"},
      {"network_interface", bridge.device},
      {"dns_enabled", bridge.with_names},
      {"internal", false},
      {"ipv6_enabled", false},
      {"ipam_options", {{"driver", "host-local"}}},
      {"subnets", json::array({{{"subnet", bridge.subnet.ToString()}, {"gateway", bridge.subnet.Host(1)}}})}};
  if (bridge.mtu > 0) network["options"] = {{"mtu", std::to_string(bridge.mtu)}};
  json place = {{"interface_name", "eth0"}, {"static_ips", json::array({port.address})}};
  if (!port.aliases.empty()) place["aliases"] = port.aliases;
  const json request = {{"container_id", port.container_id},
                        {"container_name", port.container_id},
                        {"networks", {{bridge.device, std::move(place)}}},
                        {"network_info", {{bridge.device, std::move(network)}}}};
  return request.dump();
}

Result<Netavark> Netavark::Find(const std::string& program, const std::string& state_dir) {
  Netavark found;
  found.program_ = program.empty() ? FindTool("netavark") : program;
  if (found.program_.empty() || ::access(found.program_.c_str(), X_OK) != 0) {
    return NotFound("find netavark{}: install the netavark package",
                    program.empty() ? "" : fmt::format(" at '{}'", program));
  }
  found.aardvark_ = FindTool("aardvark-dns");
  found.state_dir_ = state_dir;
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(state_dir, 0700));
  return found;
}

Status Netavark::Setup(const Context& ctx, const BridgeSpec& bridge, const PortSpec& port,
                       const std::string& netns_path) const {
  return Call(ctx, "setup", bridge, port, netns_path);
}

Status Netavark::Teardown(const Context& ctx, const BridgeSpec& bridge, const PortSpec& port,
                          const std::string& netns_path) const {
  return Call(ctx, "teardown", bridge, port, netns_path);
}

Status Netavark::Call(const Context& ctx, const std::string& verb, const BridgeSpec& bridge, const PortSpec& port,
                      const std::string& netns_path) const {
  SpawnOptions options;
  options.argv = {program_, "--config", state_dir_};
  if (!aardvark_.empty()) options.argv.insert(options.argv.end(), {"--aardvark-binary", aardvark_});
  options.argv.insert(options.argv.end(), {verb, netns_path});
  options.env = std::map<std::string, std::string>{{"PATH", kPath}};
  if (const char* bus = std::getenv("DBUS_SYSTEM_BUS_ADDRESS")) (*options.env)["DBUS_SYSTEM_BUS_ADDRESS"] = bus;
  const auto limited = ctx.WithTimeout(std::chrono::seconds(30), "netavark " + verb);
  SLIPWAY_ASSIGN_OR_RETURN(const RunOutput output,
                           RunProgram(limited, std::move(options), NetavarkRequest(bridge, port)));
  if (output.exit.ok()) return Status();
  return Unavailable("netavark {} on bridge '{}': {}", verb, bridge.device, ErrorText(output));
}

bool BridgeExists(const std::string& device) { return fs::Exists(fmt::format("/sys/class/net/{}/bridge", device)); }

std::vector<std::string> BridgePorts(const std::string& device) {
  return fs::ListDir(fmt::format("/sys/class/net/{}/brif", device)).ValueOr({});
}

std::vector<std::string> FindBridges(const std::string& prefix) {
  std::vector<std::string> out;
  for (std::string& device : fs::ListDir("/sys/class/net").ValueOr({})) {
    if (device.starts_with(prefix) && BridgeExists(device)) out.push_back(std::move(device));
  }
  return out;
}

Status RemoveStaleBridge(const Context& ctx, const Netavark& netavark, const std::string& device) {
  // A namespace without a process takes its devices along, but the kernel takes its time.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (!BridgePorts(device).empty() && std::chrono::steady_clock::now() < deadline) {
    SLIPWAY_RETURN_IF_ERROR(ctx.Sleep(std::chrono::milliseconds(10)));
  }
  if (!BridgeExists(device)) return Status();
  const Status adopted = AdoptAndTearDown(ctx, netavark, device);
  if (!adopted.ok()) spdlog::warn("remove the left-over bridge '{}' by netavark: {}", device, adopted.message());
  return BridgeExists(device) ? DeleteBridge(device) : Status();
}

int DefaultRouteMtu() {
  const std::string routes = fs::ReadFile("/proc/net/route", 16U << 20).ValueOr("");
  for (const std::string_view line : SplitLines(routes)) {
    const auto words = SplitWords(line);
    if (words.size() < 8 || words[1] != "00000000" || words[7] != "00000000") continue;
    const std::string text = fs::ReadFile(fmt::format("/sys/class/net/{}/mtu", words[0]), 64).ValueOr("");
    int mtu = 0;
    std::from_chars(text.data(), text.data() + text.size(), mtu);
    return mtu;
  }
  return 0;
}

}  // namespace slipway::runtime
