// The system calls of the default seccomp profile, as plain tables. The rules that use them are in seccomp.cc.
//
// Left out on purpose: what reaches past the container (mount, kexec_load, init_module, bpf, keyctl and the other key
// calls, userfaultfd, setns, unshare), what is a rich source of kernel bugs (io_uring), and what is obsolete.
#pragma once

#include <span>
#include <string_view>

namespace slipway::runtime {

struct CapabilitySyscalls {
  std::string_view capability;
  std::span<const std::string_view> names;
};

struct MachineSyscalls {
  std::string_view machine;  ///< as uname(2) says
  std::span<const std::string_view> names;
};

/// Allowed to all, with any arguments.
std::span<const std::string_view> AlwaysAllowedSyscalls();
/// Allowed in addition to a container with the capability. A capability may occur once only.
std::span<const CapabilitySyscalls> SyscallsByCapability();
/// What only one kind of machine has.
std::span<const MachineSyscalls> SyscallsByMachine();

}  // namespace slipway::runtime
