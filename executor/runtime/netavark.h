// Netavark: calls the netavark program, which plugs a network namespace into a bridge and writes the firewall's rules.
//
// Stateless; calls for one bridge must not overlap. What netavark is told is a function of its arguments, so that a
// later process can undo what an earlier one did.
#pragma once

#include <string>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/status.h"
#include "executor/runtime/subnet.h"

namespace slipway::runtime {

/// One bridge of ours.
struct BridgeSpec {
  std::string device;  ///< its name on the host, at most 15 bytes; also the network's name
  Ipv4Net subnet;
  int mtu = 0;              ///< 0: netavark's choice
  bool with_names = false;  ///< aardvark-dns answers for the containers' names on the gateway's address
};

/// One namespace's place in it.
struct PortSpec {
  std::string container_id;
  std::string address;
  std::vector<std::string> aliases;
};

class Netavark {
 public:
  /// `program` empty: looked for where distributions put it. NOT_FOUND if there is none. `state_dir` is made if
  /// missing.
  static Result<Netavark> Find(const std::string& program, const std::string& state_dir);

  Status Setup(const Context& ctx, const BridgeSpec& bridge, const PortSpec& port, const std::string& netns_path) const;
  /// Also removes the bridge and its rules when the port was the last.
  Status Teardown(const Context& ctx, const BridgeSpec& bridge, const PortSpec& port,
                  const std::string& netns_path) const;

  const std::string& program() const { return program_; }
  bool has_names() const { return !aardvark_.empty(); }

 private:
  Status Call(const Context& ctx, const std::string& verb, const BridgeSpec& bridge, const PortSpec& port,
              const std::string& netns_path) const;

  std::string program_;
  std::string aardvark_;  // empty: not there
  std::string state_dir_;
};

/// What netavark reads on its standard input.
std::string NetavarkRequest(const BridgeSpec& bridge, const PortSpec& port);

/// The devices plugged into a bridge; empty if there is no such bridge.
std::vector<std::string> BridgePorts(const std::string& device);
bool BridgeExists(const std::string& device);
/// All bridges of the host whose name begins with `prefix`.
std::vector<std::string> FindBridges(const std::string& prefix);

/// Removes a bridge that a killed daemon left, with its firewall rules: what is to be removed is read from the kernel.
/// Waits for the last containers' devices to vanish. Not there is OK.
Status RemoveStaleBridge(const Context& ctx, const Netavark& netavark, const std::string& device);

/// The MTU of the device that the default route uses; 0 if there is none.
int DefaultRouteMtu();

}  // namespace slipway::runtime
