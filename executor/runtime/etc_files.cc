#include "executor/runtime/etc_files.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "executor/base/fs.h"
#include "executor/runtime/text.h"

namespace slipway::runtime {

namespace {

constexpr std::string_view kPublicResolvers[] = {"8.8.8.8", "8.8.4.4"};

bool IsLoopback(std::string_view address) { return address.starts_with("127.") || address == "::1"; }
bool IsIpv6(std::string_view address) { return address.find(':') != std::string_view::npos; }

bool FitsOnALine(std::string_view text) {
  return !text.empty() && text.find_first_of("\n\r") == std::string_view::npos &&
         text.find('\0') == std::string_view::npos;
}

struct Parsed {
  std::vector<std::string> servers;
  std::vector<std::string> searches;
  std::vector<std::string> options;
};

Parsed Parse(std::string_view text) {
  Parsed out;
  for (const std::string_view line : SplitLines(text)) {
    const auto words = SplitWords(line);
    if (words.size() < 2) continue;
    const std::vector<std::string> values(words.begin() + 1, words.end());
    if (words[0] == "nameserver") {
      out.servers.push_back(values[0]);
    } else if (words[0] == "search" || words[0] == "domain") {
      out.searches = values;  // the last line wins (resolv.conf(5))
    } else if (words[0] == "options") {
      out.options.insert(out.options.end(), values.begin(), values.end());
    }
  }
  return out;
}

}  // namespace

std::string HostsFile(std::string_view hostname, std::string_view own_address, const std::vector<HostEntry>& extra) {
  std::string text =
      own_address.empty() ? fmt::format("127.0.0.1\tlocalhost {}\n", hostname) : "127.0.0.1\tlocalhost\n";
  text += "::1\tlocalhost ip6-localhost ip6-loopback\n";
  if (!own_address.empty()) text += fmt::format("{}\t{}\n", own_address, hostname);
  for (const HostEntry& entry : extra) {
    if (FitsOnALine(entry.address) && FitsOnALine(entry.name))
      text += fmt::format("{}\t{}\n", entry.address, entry.name);
  }
  return text;
}

std::string ResolvConf(std::string_view host_text, const DnsOptions& options, bool own_network) {
  Parsed parsed = Parse(host_text);
  if (!options.servers.empty()) {
    parsed.servers = options.servers;
  } else if (own_network) {
    std::erase_if(parsed.servers, [](const std::string& s) { return IsLoopback(s) || IsIpv6(s); });
    if (parsed.servers.empty()) parsed.servers.assign(std::begin(kPublicResolvers), std::end(kPublicResolvers));
  }
  if (!options.first.empty()) {
    parsed.servers.insert(parsed.servers.begin(), options.first);
    parsed.options.insert(parsed.options.end(), {"timeout:1", "attempts:5"});
  }
  if (!options.searches.empty()) parsed.searches = options.searches;
  if (!options.options.empty()) parsed.options = options.options;

  std::string text;
  if (!parsed.searches.empty()) text += fmt::format("search {}\n", fmt::join(parsed.searches, " "));
  for (const std::string& server : parsed.servers) text += fmt::format("nameserver {}\n", server);
  if (!parsed.options.empty()) text += fmt::format("options {}\n", fmt::join(parsed.options, " "));
  return text;
}

std::string ReadHostResolvConf() {
  constexpr uint64_t kLimit = 1U << 20;
  std::string text = fs::ReadFile("/etc/resolv.conf", kLimit).ValueOr("");
  const Parsed parsed = Parse(text);
  const bool stub_only = parsed.servers.size() == 1 && parsed.servers[0] == "127.0.0.53";
  if (!stub_only) return text;
  return fs::ReadFile("/run/systemd/resolve/resolv.conf", kLimit).ValueOr(std::move(text));
}

}  // namespace slipway::runtime
