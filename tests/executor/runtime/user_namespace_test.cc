#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "executor/runtime/idmap.h"
#include "executor/runtime/oci_runner.h"
#include "tests/executor/runtime/runner_fixture.h"

namespace slipway::runtime {
namespace {

// A runner with user namespaces, and a root that is an overlay on idmapped layers.
class UserNamespaceTest : public RunnerFixture {
 protected:
  void SetUp() override {
    RunnerFixture::SetUp();
    if (IsSkipped()) return;
    layers_ = fs::Join(dir_.path(), "layers");
    for (const char* name : {"upper", "work"}) ASSERT_TRUE(fs::MakeDirs(fs::Join(layers_, name)).ok());
    ASSERT_TRUE(fs::Rename(rootfs_, fs::Join(layers_, "lower")).ok());
    rootfs_ = fs::Join(dir_.path(), "merged");
    ASSERT_TRUE(fs::MakeDirs(rootfs_).ok());
    RunnerOptions options = Options();
    options.user_namespaces = UserNamespaces::kAuto;
    options.snapshots = layers_;
    Start(options);
    if (!runner_) return;
    if (runner_->id_map() == nullptr) GTEST_SKIP() << "needs user namespaces and idmapped mounts";
    auto view = runner_->id_map()->Attach(layers_, fs::Join(dir_.path(), "view"));
    ASSERT_TRUE(view.ok()) << view.status().ToString();
    view_ = std::move(view).value();
    const std::string options_text =
        fmt::format("lowerdir={0}/lower,upperdir={0}/upper,workdir={0}/work", view_.target());
    ASSERT_TRUE(runner_->id_map()
                    ->AsContainerRoot([&] {
                      if (::mount("overlay", rootfs_.c_str(), "overlay", 0, options_text.c_str()) == 0) return Status();
                      return ErrnoStatus(errno, "mount");
                    })
                    .ok());
    overlay_ = snapshot::ScopedMount(rootfs_);
  }

  ContainerSpec Mapped(const std::string& script) const {
    ContainerSpec spec = Shell(script);
    spec.id_mapped = true;
    return spec;
  }
  struct stat OnDisk(const std::string& path) const {
    struct stat st {};
    EXPECT_EQ(::lstat(fs::Join(fs::Join(layers_, "upper"), path).c_str(), &st), 0) << path;
    return st;
  }

  std::string layers_;
  snapshot::ScopedMount view_;
  snapshot::ScopedMount overlay_;
};

TEST_F(UserNamespaceTest, RootInsideIsNobodyOutside) {
  EXPECT_THAT(Output(Mapped("id -u; cat /proc/self/uid_map")),
              testing::MatchesRegex("0\n *0 +1073741824 +1073741824\n"));
}

TEST_F(UserNamespaceTest, OwnersOnTheDiskAreTheImages) {
  ContainerSpec spec =
      Mapped("touch /tmp/r && stat -c '%u %g' /tmp/r /bin/busybox /etc/passwd && busybox chown 70000:9 /tmp/r");
  EXPECT_EQ(Output(spec), "0 0\n0 0\n0 0\n");
  EXPECT_EQ(OnDisk("tmp/r").st_uid, 70000U);
  spec = Mapped("touch /tmp/u");
  spec.user = {.uid = 1234, .gid = 55};
  Output(spec);
  EXPECT_EQ(OnDisk("tmp/u").st_uid, 1234U);
  EXPECT_EQ(OnDisk("tmp/u").st_gid, 55U);
}

TEST_F(UserNamespaceTest, WritableBindKeepsItsOwners) {
  const std::string cache = fs::Join(dir_.path(), "cache");
  ASSERT_TRUE(fs::MakeDirs(cache).ok());
  ContainerSpec spec = Mapped("stat -c %u /c && touch /c/made && cat /one");
  ASSERT_TRUE(fs::WriteFileAtomic(fs::Join(dir_.path(), "file"), "text\n").ok());
  spec.mounts = {{.source = cache, .destination = "/c"},
                 {.source = fs::Join(dir_.path(), "file"), .destination = "/one", .read_only = true}};
  EXPECT_EQ(Output(spec), "0\ntext\n");
  struct stat st {};
  ASSERT_EQ(::stat(fs::Join(cache, "made").c_str(), &st), 0);
  EXPECT_EQ(st.st_uid, 0U);
  EXPECT_FALSE(fs::Exists(fs::Join(dir_.path(), "run/mounts")) &&
               !fs::ListDir(fs::Join(dir_.path(), "run/mounts")).value().empty());
}

TEST_F(UserNamespaceTest, MountPointsAndWorkingDirectory) {
  ContainerSpec spec = Mapped("pwd; stat -c %u . /t");
  spec.cwd = "/w/deep";
  spec.user.uid = 12;
  spec.mounts = {{.type = Mount::Type::kTmpfs, .destination = "/t", .uid = 3}};
  EXPECT_EQ(Output(spec), "/w/deep\n12\n3\n");
  EXPECT_EQ(OnDisk("w/deep").st_uid, 12U);
  EXPECT_FALSE(fs::Exists(fs::Join(layers_, "upper/t")));
  EXPECT_FALSE(fs::Exists(fs::Join(layers_, "upper/etc/hosts")));
}

TEST_F(UserNamespaceTest, DeviceNodesCannotBeMade) {
  EXPECT_NE(Run(Mapped("mknod /tmp/null c 1 3")).value().exit.code, 0);  // why this is off unless asked for
}

TEST_F(UserNamespaceTest, JoinsANetworkThatIsNotItsOwn) {
  ContainerSpec spec = Mapped("ls /sys/class/net > /dev/null && mkdir /sys/kernel/x");
  spec.network = NetworkMode::kHost;
  EXPECT_EQ(Run(spec).value().exit.code, 1);
  EXPECT_THAT(err(), testing::HasSubstr("Read-only file system"));
}

TEST_F(UserNamespaceTest, InsecureCannotBeMapped) {
  ContainerSpec spec = Mapped("true");
  spec.security = SecurityMode::kInsecure;
  EXPECT_EQ(Run(spec).code(), Code::kInvalidArgument);
}

TEST_F(RunnerFixture, WithoutUserNamespacesAMappedRootIsRefused) {
  ContainerSpec spec = Shell("true");
  spec.id_mapped = true;
  EXPECT_EQ(Run(spec).code(), Code::kInvalidArgument);
}

TEST(IdMap, IdsOnTheHost) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const auto map =
      IdMap::Make({{.container = 0, .host = 5000, .count = 10}, {.container = 20, .host = 9000, .count = 5}});
  ASSERT_TRUE(map.ok()) << map.status().ToString();
  EXPECT_EQ(map->OnHost(3), 5003U);
  EXPECT_EQ(map->OnHost(24), 9004U);
  EXPECT_EQ(map->OnHost(15), 65534U);
}

}  // namespace
}  // namespace slipway::runtime
