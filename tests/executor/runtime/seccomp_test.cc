#include "executor/runtime/seccomp.h"

#include <gtest/gtest.h>
#include <seccomp.h>

#include "executor/runtime/oci_config.h"
#include "executor/runtime/syscall_table.h"

namespace slipway::runtime {
namespace {

using nlohmann::json;

// Whether some rule without conditions allows the call.
bool Allows(const json& profile, std::string_view name) {
  for (const json& rule : profile["syscalls"]) {
    if (rule["action"] != "SCMP_ACT_ALLOW" || rule.contains("args")) continue;
    for (const json& n : rule["names"]) {
      if (n == name) return true;
    }
  }
  return false;
}

TEST(SeccompProfile, RefusesWhatReachesPastTheContainer) {
  const json profile = DefaultSeccompProfile(DefaultCapabilities(), "x86_64");
  for (const char* name :
       {"mount", "umount2", "unshare", "setns", "keyctl", "add_key", "request_key", "bpf", "kexec_load", "init_module",
        "open_by_handle_at", "userfaultfd", "io_uring_setup", "swapon", "reboot", "clone", "socket"}) {
    EXPECT_FALSE(Allows(profile, name)) << name;
  }
  for (const char* name : {"read", "execve", "chroot", "mknodat", "setuid", "setxattr", "ptrace", "arch_prctl"}) {
    EXPECT_TRUE(Allows(profile, name)) << name;
  }
}

TEST(SeccompProfile, CapabilityUnlocksItsCalls) {
  auto capabilities = DefaultCapabilities();
  capabilities.insert("CAP_SYS_ADMIN");
  const json profile = DefaultSeccompProfile(capabilities, "x86_64");
  EXPECT_TRUE(Allows(profile, "mount"));
  EXPECT_TRUE(Allows(profile, "clone3"));
}

TEST(SeccompProfile, UnknownMachineHasNone) { EXPECT_TRUE(DefaultSeccompProfile({}, "vax").is_null()); }

// A typing error would refuse a call that programs need. Names that a library of 2022 does not know yet are listed
// here.
TEST(SyscallTable, NamesAreKnownToLibseccomp) {
  const std::set<std::string_view> newer = {"cachestat",
                                            "fchmodat2",
                                            "futex_requeue",
                                            "futex_wait",
                                            "futex_wake",
                                            "getxattrat",
                                            "listmount",
                                            "listxattrat",
                                            "lsm_get_self_attr",
                                            "lsm_list_modules",
                                            "lsm_set_self_attr",
                                            "map_shadow_stack",
                                            "mseal",
                                            "removexattrat",
                                            "riscv_hwprobe",
                                            "set_mempolicy_home_node",
                                            "setxattrat",
                                            "statmount",
                                            "uretprobe"};
  std::vector<std::span<const std::string_view>> tables = {AlwaysAllowedSyscalls()};
  for (const auto& entry : SyscallsByCapability()) tables.push_back(entry.names);
  for (const auto& entry : SyscallsByMachine()) tables.push_back(entry.names);
  for (const auto& table : tables) {
    for (const std::string_view name : table) {
      const bool known = seccomp_syscall_resolve_name(std::string(name).c_str()) != __NR_SCMP_ERROR;
      EXPECT_TRUE(known || newer.contains(name)) << name;
    }
  }
}

TEST(SyscallTable, NoNameTwice) {
  std::set<std::string_view> seen;
  for (const std::string_view name : AlwaysAllowedSyscalls()) EXPECT_TRUE(seen.insert(name).second) << name;
}

}  // namespace
}  // namespace slipway::runtime
