#include "executor/runtime/oci_config.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace slipway::runtime {
namespace {

using nlohmann::json;

ContainerSpec Spec() { return {.rootfs = "/r", .args = {"sh", "-c", "true"}, .env = {"PATH=/bin"}}; }

BundleContext Bundle() {
  BundleContext context;
  context.hosts_path = "/b/hosts";
  context.resolv_conf_path = "/b/resolv.conf";
  context.cgroups_path = "/slipway/d/c";
  context.machine = "x86_64";
  context.file_systems = {"mqueue"};
  context.capability_bounds = ~uint64_t{0};
  context.cgroups.mode = CgroupMode::kV1;
  context.cgroups.controllers = {"memory", "cpu", "pids", "cpuset"};
  return context;
}

const json* FindMount(const json& config, std::string_view destination) {
  for (const json& m : config["mounts"]) {
    if (m["destination"] == destination) return &m;
  }
  return nullptr;
}

bool HasOption(const json& mount, std::string_view option) {
  return std::find(mount["options"].begin(), mount["options"].end(), option) != mount["options"].end();
}

const json* FindNamespace(const json& config, std::string_view type) {
  for (const json& n : config["linux"]["namespaces"]) {
    if (n["type"] == type) return &n;
  }
  return nullptr;
}

TEST(OciConfig, SandboxHasDockersCapabilities) {
  const json config = MakeOciConfig(Spec(), Bundle());
  uint64_t mask = 0;  // as CapEff in /proc/self/status, by the numbers of capabilities(7)
  const std::map<std::string, int> numbers = {
      {"CAP_CHOWN", 0},        {"CAP_DAC_OVERRIDE", 1}, {"CAP_FOWNER", 3},
      {"CAP_FSETID", 4},       {"CAP_KILL", 5},         {"CAP_SETGID", 6},
      {"CAP_SETUID", 7},       {"CAP_SETPCAP", 8},      {"CAP_NET_BIND_SERVICE", 10},
      {"CAP_NET_RAW", 13},     {"CAP_SYS_CHROOT", 18},  {"CAP_MKNOD", 27},
      {"CAP_AUDIT_WRITE", 29}, {"CAP_SETFCAP", 31}};
  for (const json& name : config["process"]["capabilities"]["effective"]) mask |= uint64_t{1} << numbers.at(name);
  EXPECT_EQ(mask, 0xa80425fbU);
  EXPECT_TRUE(config["linux"].contains("seccomp"));
  EXPECT_FALSE(config["linux"]["maskedPaths"].empty());
}

TEST(OciConfig, InsecureHasAllThatWeHave) {
  ContainerSpec spec = Spec();
  spec.security = SecurityMode::kInsecure;
  BundleContext context = Bundle();
  context.capability_bounds = 0b1011;
  const json config = MakeOciConfig(spec, context);
  EXPECT_EQ(config["process"]["capabilities"]["bounding"],
            json::array({"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER"}));
  EXPECT_FALSE(config["linux"].contains("seccomp"));
  EXPECT_FALSE(config["linux"].contains("maskedPaths"));
  EXPECT_EQ(config["linux"]["resources"]["devices"][0]["allow"], true);
  EXPECT_TRUE(HasOption(*FindMount(config, "/sys"), "rw"));
}

TEST(OciConfig, NetworkModeDecidesTheNamespace) {
  BundleContext context = Bundle();
  context.network = NetworkMode::kNone;
  EXPECT_FALSE(FindNamespace(MakeOciConfig(Spec(), context), "network")->contains("path"));
  context.network = NetworkMode::kHost;
  EXPECT_EQ(FindNamespace(MakeOciConfig(Spec(), context), "network"), nullptr);
  context.network = NetworkMode::kDefault;
  context.netns_path = "/proc/1/fd/9";
  EXPECT_EQ((*FindNamespace(MakeOciConfig(Spec(), context), "network"))["path"], "/proc/1/fd/9");
}

TEST(OciConfig, CgroupNamespaceOnlyOnV2) {
  BundleContext context = Bundle();
  EXPECT_EQ(FindNamespace(MakeOciConfig(Spec(), context), "cgroup"), nullptr);
  context.cgroups.mode = CgroupMode::kV2;
  EXPECT_NE(FindNamespace(MakeOciConfig(Spec(), context), "cgroup"), nullptr);
}

TEST(OciConfig, EtcFilesAreReadOnly) {
  const json config = MakeOciConfig(Spec(), Bundle());
  for (const char* path : {"/etc/hosts", "/etc/resolv.conf"}) EXPECT_TRUE(HasOption(*FindMount(config, path), "ro"));
  EXPECT_EQ(FindMount(config, "/etc/hostname"), nullptr);  // the image's own
}

TEST(OciConfig, StepsMountReplacesTheStandardOne) {
  ContainerSpec spec = Spec();
  spec.mounts.push_back({.source = "/h", .destination = "/etc/hosts/"});
  const json config = MakeOciConfig(spec, Bundle());
  EXPECT_EQ((*FindMount(config, "/etc/hosts"))["source"], "/h");
  EXPECT_FALSE(HasOption(*FindMount(config, "/etc/hosts"), "ro"));
}

TEST(OciConfig, TmpfsOptions) {
  ContainerSpec spec = Spec();
  spec.mounts.push_back({.type = Mount::Type::kTmpfs,
                         .destination = "/t",
                         .read_only = true,
                         .size_bytes = 4096,
                         .mode = 0750,
                         .uid = 3,
                         .gid = 4});
  const json config = MakeOciConfig(spec, Bundle());
  EXPECT_EQ((*FindMount(config, "/t"))["options"],
            json::array({"nosuid", "ro", "size=4096", "mode=750", "uid=3", "gid=4"}));
}

TEST(OciConfig, LimitsGoWhereAControllerIs) {
  ContainerSpec spec = Spec();
  spec.limits = {.memory_bytes = 1 << 20, .memory_swap_bytes = -1, .cpus = 1.5, .cpuset_cpus = "0-1", .pids = 7};
  BundleContext context = Bundle();
  json resources = MakeOciConfig(spec, context)["linux"]["resources"];
  EXPECT_EQ(resources["memory"], json({{"limit", 1 << 20}, {"swap", -1}}));
  EXPECT_EQ(resources["cpu"], json({{"period", 100000}, {"quota", 150000}, {"cpus", "0-1"}}));
  EXPECT_EQ(resources["pids"]["limit"], 7);
  context.cgroups.controllers = {"pids"};
  resources = MakeOciConfig(spec, context)["linux"]["resources"];
  EXPECT_FALSE(resources.contains("memory"));
  EXPECT_FALSE(resources.contains("cpu"));
}

TEST(OciConfig, UlimitsKeepUnlimited) {
  ContainerSpec spec = Spec();
  spec.ulimits = {{.name = "nofile", .soft = 10, .hard = -1}};
  const json limit = MakeOciConfig(spec, Bundle())["process"]["rlimits"][0];
  EXPECT_EQ(limit["type"], "RLIMIT_NOFILE");
  EXPECT_EQ(limit["hard"], ~uint64_t{0});
}

struct BadSpec {
  const char* name;
  void (*spoil)(ContainerSpec&);
};

class CheckSpecTest : public ::testing::TestWithParam<BadSpec> {};

TEST_P(CheckSpecTest, Refuses) {
  ContainerSpec spec = Spec();
  EXPECT_TRUE(CheckSpec(spec).ok());
  GetParam().spoil(spec);
  EXPECT_EQ(CheckSpec(spec).code(), Code::kInvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(
    All, CheckSpecTest,
    ::testing::Values(
        BadSpec{"NoArgs", [](ContainerSpec& s) { s.args.clear(); }},
        BadSpec{"NulInArgs", [](ContainerSpec& s) { s.args.emplace_back("a\0b", 3); }},
        BadSpec{"NulInEnv", [](ContainerSpec& s) { s.env.emplace_back("a\0b", 3); }},
        BadSpec{"RelativeRoot", [](ContainerSpec& s) { s.rootfs = "r"; }},
        BadSpec{"RelativeCwd", [](ContainerSpec& s) { s.cwd = "w"; }},
        BadSpec{"MountOnRoot", [](ContainerSpec& s) { s.mounts.push_back({.source = "/h", .destination = "/a/.."}); }},
        BadSpec{"RelativeSource", [](ContainerSpec& s) { s.mounts.push_back({.source = "h", .destination = "/a"}); }},
        BadSpec{"UnknownUlimit", [](ContainerSpec& s) { s.ulimits.push_back({.name = "files"}); }}),
    [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace slipway::runtime
