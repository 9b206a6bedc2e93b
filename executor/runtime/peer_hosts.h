// PeerHosts: keeps the hosts files of the containers of one network up to date while they come and go, so that a name
// is there from the moment its container starts until it has ended, whatever the name server does meanwhile.
//
// (aardvark-dns closes its sockets whenever its list of names changes, so lookups that come then are lost:
// decisions/0003-names-on-a-network.md.) A file is only ever appended to, or a line's first byte is changed, each with
// one write: a program that reads it meanwhile sees whole lines. Thread-safe; must outlive what Join gives.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "executor/base/cleanup.h"
#include "executor/base/status.h"
#include "executor/base/unique_fd.h"

namespace slipway::runtime {

class PeerHosts {
 public:
  /// Tells the others of this container and this one of the others. `hosts_file` is complete but for the others. It
  /// leaves at the end of what is given back.
  Result<Cleanup> Join(const std::string& hosts_file, const std::string& address,
                       const std::vector<std::string>& names);

 private:
  struct Peer {
    UniqueFd file;
    int64_t size = 0;
    std::string line;
    std::map<const Peer*, int64_t> lines;  // where those of the others are
  };
  static Status Append(Peer& to, const Peer& peer);
  void Leave(std::list<Peer>::iterator peer);

  std::mutex mutex_;
  std::list<Peer> peers_;  // guarded by mutex_
};

}  // namespace slipway::runtime
