// FreePortServer: a program that listens on a port of loopback that is free, stopped when destroyed.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "executor/base/process.h"
#include "executor/base/status.h"

namespace slipway::testing {

class FreePortServer {
 public:
  /// Finds a port (unless one is given), starts the program with what `argv` makes of it, and waits until it accepts
  /// connections. Another port is tried if someone else was faster.
  static Result<std::unique_ptr<FreePortServer>> Start(const std::function<std::vector<std::string>(int port)>& argv,
                                                       int port = 0);
  /// An ssh-agent on a socket.
  static Result<std::unique_ptr<FreePortServer>> StartAgent(const std::string& socket);

  int port() const { return port_; }

 private:
  int port_ = 0;
  ChildProcess process_;
};

}  // namespace slipway::testing
