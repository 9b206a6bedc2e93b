#include "executor/runtime/subnet.h"

#include <arpa/inet.h>

#include <algorithm>
#include <bit>
#include <charconv>

#include "executor/runtime/text.h"

namespace slipway::runtime {

namespace {

constexpr int kLeasePrefix = 24;

uint32_t MaskOf(int prefix) { return prefix == 0 ? 0 : ~uint32_t{0} << (32 - prefix); }

bool ParseHex(std::string_view text, uint32_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

Result<Ipv4Net> Ipv4Net::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  in_addr address{};
  int prefix = -1;
  if (slash != std::string_view::npos &&
      ::inet_pton(AF_INET, std::string(text.substr(0, slash)).c_str(), &address) == 1) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
    if (error != std::errc() || end != digits.data() + digits.size()) prefix = -1;
  }
  if (prefix < 0 || prefix > 32) return InvalidArgument("subnet '{}' is not of the form 10.214.0.0/16", text);
  return Ipv4Net{ntohl(address.s_addr) & MaskOf(prefix), prefix};
}

std::string Ipv4Net::Host(uint32_t n) const {
  const uint32_t a = address + n;
  return fmt::format("{}.{}.{}.{}", a >> 24, (a >> 16) & 255, (a >> 8) & 255, a & 255);
}

std::string Ipv4Net::ToString() const { return fmt::format("{}/{}", Host(0), prefix); }

bool Ipv4Net::Overlaps(const Ipv4Net& other) const {
  const uint32_t mask = MaskOf(std::min(prefix, other.prefix));
  return (address & mask) == (other.address & mask);
}

std::vector<Ipv4Net> ParseRoutes(std::string_view proc_net_route) {
  std::vector<Ipv4Net> routes;
  for (const std::string_view line : SplitLines(proc_net_route)) {
    // Iface Destination Gateway Flags RefCnt Use Metric Mask …; addresses as the kernel holds them, in network order.
    const auto words = SplitWords(line);
    uint32_t destination = 0;
    uint32_t mask = 0;
    if (words.size() < 8 || !ParseHex(words[1], destination) || !ParseHex(words[7], mask)) continue;
    if (mask == 0) continue;
    routes.push_back({ntohl(destination), std::popcount(mask)});
  }
  return routes;
}

Result<SubnetLease> SubnetLease::Acquire(const Ipv4Net& pool, const std::string& lock_dir, uint32_t first) {
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(lock_dir));
  const auto routes = ParseRoutes(fs::ReadFile("/proc/net/route", 16U << 20).ValueOr(""));
  const int prefix = std::max(pool.prefix, kLeasePrefix);
  const uint32_t count = uint32_t{1} << (prefix - pool.prefix);
  for (uint32_t i = 0; i < count; ++i) {
    SubnetLease lease;
    lease.net_ = {pool.address + (((first + i) % count) << (32 - prefix)), prefix};
    const auto in_use = [&lease](const Ipv4Net& route) { return route.Overlaps(lease.net_); };
    if (std::any_of(routes.begin(), routes.end(), in_use)) continue;
    auto lock = fs::FileLock::TryAcquire(fs::Join(lock_dir, lease.net_.Host(0)));
    if (!lock.ok()) continue;
    lease.lock_ = std::move(lock).value();
    return lease;
  }
  return ResourceExhausted("find a free subnet in '{}': all are used by other daemons or by routes of this host",
                           pool.ToString());
}

}  // namespace slipway::runtime
