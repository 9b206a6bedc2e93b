// Whether gRPC is taken down when the last connection is gone.
#pragma once

#include <atomic>

namespace slipway::cli {

/// For a program that leaves by _exit: gRPC stays up then, where ending its threads in order would take a millisecond.
/// To be set before a connection is opened.
inline std::atomic<bool> leave_grpc_to_exit = false;

}  // namespace slipway::cli
