// BridgeNetwork: a bridge with outbound access and a pool of network namespaces that are plugged into it.
//
// Plugging one in takes tens of milliseconds, so one is kept ready and a namespace serves many containers one after the
// other. Containers of one bridge reach the host and the world, and each other only where `isolated` is off. A thread
// of its own does all the work on the bridge; Acquire and the lease's end may be called from any thread. The bridge and
// its firewall rules go with the object, after all leases.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "executor/base/context.h"
#include "executor/runtime/netavark.h"
#include "executor/runtime/netns.h"

namespace slipway::runtime {

class BridgeNetwork {
 public:
  struct Options {
    std::string device;       ///< at most 15 bytes
    bool isolated = true;     ///< containers do not see each other
    bool with_names = false;  ///< aardvark-dns answers for the aliases given to Join, on the gateway's address
    size_t spare = 1;         ///< namespaces kept ready beyond those in use
    size_t most_idle = 16;    ///< beyond this, a namespace that is given back is taken apart
  };

  /// Begins to make the first namespace and returns at once.
  BridgeNetwork(Netavark netavark, SubnetLease subnet, Options options);
  ~BridgeNetwork();
  BridgeNetwork(const BridgeNetwork&) = delete;
  BridgeNetwork& operator=(const BridgeNetwork&) = delete;

  /// A namespace on loan: nobody else is in it. Given back at the end of its life.
  class Lease {
   public:
    Lease();
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&& other) noexcept;
    ~Lease();
    std::string netns_path() const;
    const std::string& address() const;
    /// Not to be used again: whoever was in it could change it.
    void Spoil() { spoiled_ = true; }

   private:
    friend class BridgeNetwork;
    struct Port;
    Lease(BridgeNetwork* network, std::unique_ptr<Port> port);
    BridgeNetwork* network_ = nullptr;
    std::unique_ptr<Port> port_;
    bool spoiled_ = false;
  };

  /// Blocks while one is being made; UNAVAILABLE if that fails. The next call tries again.
  Result<Lease> Acquire(const Context& ctx);
  /// A new namespace with names of its own, which is not used again.
  Result<Lease> Join(const Context& ctx, const std::vector<std::string>& aliases);

  std::string gateway() const { return bridge_.subnet.Host(1); }
  const std::string& device() const { return bridge_.device; }

 private:
  using Port = Lease::Port;
  struct Request;
  void Work();
  void ServeRequest(std::unique_lock<std::mutex>& lock);
  void DropPorts(std::unique_lock<std::mutex>& lock);
  void MakeSpare(std::unique_lock<std::mutex>& lock);
  bool WantsSpare() const;  // under mutex_
  Result<std::unique_ptr<Port>> MakePort(const std::vector<std::string>& aliases);
  Result<uint32_t> TakeHost();
  void GiveBack(std::unique_ptr<Port> port, bool reusable);
  void IsolatePorts() const;
  void TearDown();

  const Netavark netavark_;
  const SubnetLease subnet_;
  const Options options_;
  const BridgeSpec bridge_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<std::unique_ptr<Port>> idle_;        // guarded by mutex_
  std::vector<std::unique_ptr<Port>> discard_;     // guarded by mutex_: to be taken apart by the worker
  std::deque<std::shared_ptr<Request>> requests_;  // guarded by mutex_
  std::set<uint32_t> used_hosts_;                  // guarded by mutex_
  uint32_t last_host_ = 1;                         // guarded by mutex_: the address given out last
  size_t waiting_ = 0;                             // guarded by mutex_
  uint64_t failures_ = 0;                          // guarded by mutex_: failed attempts, ever
  size_t unseen_ = 0;                              // guarded by mutex_: who waited for the last of them and still does
  Status last_failure_;                            // guarded by mutex_: OK if the last attempt was
  bool stopping_ = false;                          // guarded by mutex_
  std::thread worker_;
};

}  // namespace slipway::runtime
