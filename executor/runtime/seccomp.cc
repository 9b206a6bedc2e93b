#include "executor/runtime/seccomp.h"

#include <cerrno>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "executor/runtime/syscall_table.h"

namespace slipway::runtime {

namespace {

using nlohmann::json;

struct SeccompMachine {
  std::string_view name;                             // uname -m
  std::initializer_list<const char*> architectures;  // the native one and those whose programs it also runs
};

// Each architecture costs a step some ten milliseconds, since the runtime compiles the whole list for it. Programs of
// 32 bits are met in builds (gcc -m32, wine); the x32 ABI is switched off in the kernels of today, so it is left out.
constexpr SeccompMachine kSeccompMachines[] = {
    {"x86_64", {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86"}},
    {"i686", {"SCMP_ARCH_X86"}},
    {"aarch64", {"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"}},
    {"armv7l", {"SCMP_ARCH_ARM"}},
    {"ppc64le", {"SCMP_ARCH_PPC64LE"}},
    {"s390x", {"SCMP_ARCH_S390X", "SCMP_ARCH_S390"}},
    {"riscv64", {"SCMP_ARCH_RISCV64"}},
};

// clone(2) flags that make a namespace: NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
constexpr uint64_t kNamespaceFlags = 0x7E020000;
constexpr uint64_t kAddressFamilyVsock = 40;

json Allow(std::span<const std::string_view> names) {
  return {{"names", std::vector<std::string_view>(names.begin(), names.end())}, {"action", "SCMP_ACT_ALLOW"}};
}

json AllowIf(std::string_view name, unsigned index, uint64_t value, std::string_view op, uint64_t value_two = 0) {
  json arg = {{"index", index}, {"value", value}, {"op", op}};
  if (value_two != 0) arg["valueTwo"] = value_two;
  return {{"names", json::array({name})}, {"action", "SCMP_ACT_ALLOW"}, {"args", json::array({arg})}};
}

// Without CAP_SYS_ADMIN a process may be cloned, a namespace may not be made. The flags of clone3 lie in memory, where
// no filter can look; ENOSYS makes the C library fall back to clone.
void AddCloneRules(json& rules, std::string_view machine) {
  const unsigned flags_argument = machine == "s390x" ? 1 : 0;
  rules.push_back(AllowIf("clone", flags_argument, kNamespaceFlags, "SCMP_CMP_MASKED_EQ"));
  rules.back()["args"][0]["valueTwo"] = 0;
  rules.push_back({{"names", json::array({"clone3"})}, {"action", "SCMP_ACT_ERRNO"}, {"errnoRet", ENOSYS}});
}

}  // namespace

json DefaultSeccompProfile(const std::set<std::string, std::less<>>& capabilities, std::string_view machine) {
  const SeccompMachine* known = nullptr;
  for (const SeccompMachine& m : kSeccompMachines) {
    if (m.name == machine) known = &m;
  }
  if (known == nullptr) return nullptr;

  json rules = json::array();
  rules.push_back(Allow(AlwaysAllowedSyscalls()));
  for (const MachineSyscalls& extra : SyscallsByMachine()) {
    if (extra.machine == machine) rules.push_back(Allow(extra.names));
  }
  rules.push_back(AllowIf("socket", 0, kAddressFamilyVsock, "SCMP_CMP_NE"));
  // PER_LINUX, PER_LINUX32, UNAME26, both, and "tell me".
  for (const uint64_t personality : {0x0U, 0x8U, 0x20000U, 0x20008U, 0xffffffffU}) {
    rules.push_back(AllowIf("personality", 0, personality, "SCMP_CMP_EQ"));
  }
  for (const CapabilitySyscalls& extra : SyscallsByCapability()) {
    if (capabilities.contains(extra.capability)) rules.push_back(Allow(extra.names));
  }
  if (!capabilities.contains("CAP_SYS_ADMIN")) AddCloneRules(rules, machine);

  json architectures = json::array();
  for (const char* name : known->architectures) architectures.push_back(name);
  return {{"defaultAction", "SCMP_ACT_ERRNO"},
          {"defaultErrnoRet", EPERM},
          {"architectures", std::move(architectures)},
          {"syscalls", std::move(rules)}};
}

}  // namespace slipway::runtime
