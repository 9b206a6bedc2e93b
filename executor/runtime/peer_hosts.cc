#include "executor/runtime/peer_hosts.h"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include "executor/base/fs.h"

namespace slipway::runtime {

Status PeerHosts::Append(Peer& to, const Peer& peer) {
  SLIPWAY_RETURN_IF_ERROR(fs::WriteAllAt(to.file.get(), peer.line, to.size).With("write a container's hosts file"));
  to.lines[&peer] = to.size;
  to.size += static_cast<int64_t>(peer.line.size());
  return Status();
}

Result<Cleanup> PeerHosts::Join(const std::string& hosts_file, const std::string& address,
                                const std::vector<std::string>& names) {
  Peer joining;
  SLIPWAY_ASSIGN_OR_RETURN(joining.file, fs::Open(hosts_file, O_WRONLY | O_CLOEXEC));
  struct stat st {};
  if (::fstat(joining.file.get(), &st) != 0) return ErrnoStatus(errno, fmt::format("look at '{}'", hosts_file));
  joining.size = st.st_size;
  joining.line = fmt::format("{}\t{}\n", address, fmt::join(names, " "));

  const std::lock_guard lock(mutex_);
  const auto self = peers_.insert(peers_.end(), std::move(joining));
  for (auto peer = peers_.begin(); peer != self; ++peer) {
    Status status = Append(*self, *peer);
    if (status.ok()) status = Append(*peer, *self);
    if (status.ok()) continue;
    Leave(self);
    return status;
  }
  return Cleanup([this, self] {
    const std::lock_guard leaving(mutex_);
    Leave(self);
  });
}

void PeerHosts::Leave(std::list<Peer>::iterator peer) {
  for (Peer& other : peers_) {
    const auto line = other.lines.find(&*peer);
    if (line == other.lines.end()) continue;
    const Status status = fs::WriteAllAt(other.file.get(), "#", line->second);
    if (!status.ok()) spdlog::warn("take a name out of a container's hosts file: {}", status.message());
    other.lines.erase(line);
  }
  peers_.erase(peer);
}

}  // namespace slipway::runtime
