// The default seccomp profile: which system calls a sandboxed container may make, as docker's default profile allows
// them.
//
// A call that is not listed fails with EPERM. Some are allowed only with a capability, some only with certain
// arguments. The result is the "linux.seccomp" object of the OCI runtime specification 1.0.2.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace slipway::runtime {

/// The profile for a container that has `capabilities` ("CAP_SYS_ADMIN", …), on a machine that uname(2) calls
/// `machine`. Null for a machine that we have no table for: it then runs without a filter.
nlohmann::json DefaultSeccompProfile(const std::set<std::string, std::less<>>& capabilities, std::string_view machine);

}  // namespace slipway::runtime
