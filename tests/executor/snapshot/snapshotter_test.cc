// The contract of a snapshotter, on every one there is: overlayfs through both of the kernel's interfaces, and copies.
#include "executor/snapshot/snapshotter.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <map>
#include <thread>

#include "executor/base/fs.h"
#include "executor/snapshot/copy_snapshotter.h"
#include "executor/snapshot/mount_table.h"
#include "executor/snapshot/overlay_mount.h"
#include "executor/snapshot/overlay_snapshotter.h"
#include "tests/executor/snapshot/folder_fixture.h"

namespace slipway::snapshot {
namespace {

struct Factory {
  std::string name;
  Result<std::unique_ptr<Snapshotter>> (*open)(const std::string& root);
};

const Factory kFactories[] = {
    {"Overlay", [](const std::string& root) { return OpenOverlay({.root = root}); }},
    {"OverlayByOptions", [](const std::string& root) { return OpenOverlay({.root = root, .try_layers = false}); }},
    {"Copy", [](const std::string& root) { return OpenCopy(root); }},
};

class SnapshotterContract : public FolderTest, public ::testing::WithParamInterface<Factory> {
 protected:
  void SetUp() override {
    FolderTest::SetUp();
    if (IsSkipped()) return;
    root_ = Path("snapshots");
    ASSERT_TRUE(fs::MakeDirs(root_).ok());
    auto snapshotter = GetParam().open(root_);
    if (!snapshotter.ok()) GTEST_SKIP() << snapshotter.status().ToString();
    snapshotter_ = std::move(snapshotter).value();
  }

  std::unique_ptr<Active> Prepare(const std::vector<std::string>& lowers) {
    auto active = snapshotter_->Prepare(Context::Background(), lowers);
    EXPECT_TRUE(active.ok()) << active.status().ToString();
    return active.ok() ? std::move(active).value() : nullptr;
  }
  std::unique_ptr<View> ReadOnly(const std::vector<std::string>& lowers) {
    auto view = snapshotter_->ReadOnly(Context::Background(), lowers);
    EXPECT_TRUE(view.ok()) << view.status().ToString();
    return view.ok() ? std::move(view).value() : nullptr;
  }
  std::string Commit(Active& active, const std::string& name) {
    const std::string target = Path(name);
    const Status status = active.Commit(target);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return target;
  }
  size_t MountsBelowRoot() {
    size_t count = 0;
    for (const std::string& point : ParseMountPoints(*fs::ReadFile("/proc/self/mountinfo"))) {
      if (IsAtOrBelow(point, root_) && point != root_ + "/active") ++count;
    }
    return count;
  }
  size_t FoldersLeft() {
    size_t count = 0;
    for (const char* name : {"active", "work", "copies"}) count += fs::ListDir(root_ + "/" + name).ValueOr({}).size();
    return count;
  }

  std::string root_;
  std::unique_ptr<Snapshotter> snapshotter_;
};

TEST_P(SnapshotterContract, NothingBelowIsAnEmptyRoot) {
  const auto active = Prepare({});
  EXPECT_EQ(List(active->root()), "");
  EXPECT_EQ(ModeOf(active->root()), 0755U);
  Write(active->root() + "/f", "x");
  EXPECT_EQ(List(Commit(*active, "layer")), "f 0644 f\n");
}

TEST_P(SnapshotterContract, LayersAreMergedTheTopmostFirst) {
  const std::string a =
      Layer("a", {"dir/", "dir/one=1", "dir/two=2", "gone=x", "hidden/", "hidden/x=x", "file=a", "todir=f"});
  const std::string b = Layer("b", {"dir/", "dir/two=22", "dir/three=3", "file=b", "todir/", "todir/x=x"});
  MakeWhiteoutAt(b + "/gone");
  ASSERT_EQ(::mkdir((b + "/hidden").c_str(), 0755), 0);
  ASSERT_EQ(::setxattr((b + "/hidden").c_str(), "trusted.overlay.opaque", "y", 1, 0), 0);
  const std::string expected =
      "dir/ 0755\n"
      "f 0644 dir/one\n"
      "f 0644 dir/three\n"
      "f 0644 dir/two\n"
      "f 0644 file\n"
      "hidden/ 0755\n"
      "todir/ 0755\n"
      "f 0644 todir/x\n";
  const auto view = ReadOnly({b, a});
  EXPECT_EQ(List(view->root()), expected);
  EXPECT_EQ(Read(view->root() + "/dir/two"), "22");
  EXPECT_EQ(Read(view->root() + "/file"), "b");
  const auto active = Prepare({b, a});
  EXPECT_EQ(List(active->root()), expected);
}

TEST_P(SnapshotterContract, ALayerMayComeTwice) {
  const std::string a = Layer("a", {"f=first", "only=a"});
  const std::string b = Layer("b", {"f=second"});
  const auto active = Prepare({a, b, a});
  ASSERT_NE(active, nullptr);
  EXPECT_EQ(Read(active->root() + "/f"), "first");
  EXPECT_EQ(Read(active->root() + "/only"), "a");
  const auto view = ReadOnly({b, a, b});
  ASSERT_NE(view, nullptr);
  EXPECT_EQ(Read(view->root() + "/f"), "second");
}

TEST_P(SnapshotterContract, AViewOfOneLayerDoesNotShowItsMarks) {
  const std::string layer = Layer("a", {"f=x"});
  MakeWhiteoutAt(layer + "/gone");
  const auto view = ReadOnly({layer});
  EXPECT_EQ(List(view->root()), "f 0644 f\n");
  EXPECT_EQ(List(ReadOnly({})->root()), "");
}

TEST_P(SnapshotterContract, ChangesBecomeALayer) {
  const std::string lower =
      Layer("lower", {"keep=1", "edit=1", "remove=1", "chmod=1", "d/", "d/keep=1", "d/remove=1", "gone/", "gone/x=1",
                      "again/", "again/old=1", "f2d=1", "d2f/", "d2f/x=1", "untouched/", "untouched/x=1"});
  const auto active = Prepare({lower});
  const std::string root = active->root();
  Write(root + "/edit", "two");
  Write(root + "/new", "n");
  Shell("cd '" + root +
        "' && rm remove d/remove && rm -r gone again && mkdir again && echo -n new > again/new && chmod 600 chmod && "
        "rm f2d && mkdir f2d && echo -n x > f2d/x && rm -r d2f && echo -n f > d2f && mkdir -p n/e/w && mkfifo -m 600 "
        "fifo && ln -s x link && "
        "ln new hard && chmod 4755 new && chown -h 7:8 link");
  const std::string layer = Commit(*active, "layer");
  EXPECT_EQ(List(layer),
            "again/ 0755 opaque\n"
            "f 0644 again/new\n"
            "f 0600 chmod\n"
            "d/ 0755\n"
            "w d/remove\n"
            "f 0644 d2f\n"
            "f 0644 edit\n"
            "f2d/ 0755 opaque\n"
            "f 0644 f2d/x\n"
            "p 0600 fifo\n"
            "w gone\n"
            "f 4755 hard\n"
            "l 7:8 link -> x\n"
            "n/ 0755\n"
            "n/e/ 0755\n"
            "n/e/w/ 0755\n"
            "f 4755 new\n"
            "w remove\n");
  EXPECT_EQ(Read(layer + "/edit"), "two");
  EXPECT_EQ(InodeOf(layer + "/hard"), InodeOf(layer + "/new"));
  // The layers below are as they were.
  EXPECT_EQ(Read(lower + "/edit"), "1");
  EXPECT_TRUE(fs::Exists(lower + "/gone/x"));
  // And over them the layer shows what was seen before.
  EXPECT_EQ(List(ReadOnly({layer, lower})->root()),
            "again/ 0755\nf 0644 again/new\nf 0600 chmod\nd/ 0755\nf 0644 d/keep\nf 0644 d2f\nf 0644 edit\nf2d/ "
            "0755\nf 0644 f2d/x\n"
            "p 0600 fifo\nf 4755 hard\nf 0644 keep\nl 7:8 link -> x\nn/ 0755\nn/e/ 0755\nn/e/w/ 0755\nf 4755 "
            "new\nuntouched/ 0755\n"
            "f 0644 untouched/x\n");
}

TEST_P(SnapshotterContract, NothingChangedIsAnEmptyLayer) {
  const auto active = Prepare({Layer("lower", {"a=1", "d/", "d/b=2"})});
  EXPECT_EQ(Read(active->root() + "/d/b"), "2");
  EXPECT_EQ(List(Commit(*active, "layer")), "");
}

TEST_P(SnapshotterContract, AChangeRightAfterPrepareIsSeen) {
  for (int i = 0; i < 5; ++i) {
    const auto active = Prepare({Layer(fmt::format("lower{}", i), {"a=1"})});
    Write(active->root() + "/a", "2");
    EXPECT_EQ(List(Commit(*active, fmt::format("layer{}", i))), "f 0644 a\n");
  }
}

TEST_P(SnapshotterContract, OwnersModesTimesAndAttributesStay) {
  const std::string lower = Layer("lower", {"d/", "d/f=1"});
  Shell("cd '" + lower +
        "' && chown 5:6 d d/f && chmod 2711 d && chmod 6751 d/f && setfattr -n user.a -v b d/f && "
        "touch -d @1000 d/f && touch -d @2000 d");
  const auto active = Prepare({lower});
  EXPECT_EQ(Describe(active->root() + "/d"), "2711 5:6 2000");
  EXPECT_EQ(Describe(active->root() + "/d/f"), "6751 5:6 1000");
  Shell("cd '" + active->root() +
        "' && touch -d @3000 d/new && chown 9:9 d/new && setfattr -n user.c -v d d/new && touch -d @4000 d");
  const std::string layer = Commit(*active, "layer");
  EXPECT_EQ(Describe(layer + "/d"), "2711 5:6 4000");
  EXPECT_EQ(Describe(layer + "/d/new"), "0644 9:9 3000");
  std::array<char, 4> value{};
  EXPECT_EQ(::getxattr((layer + "/d/new").c_str(), "user.c", value.data(), value.size()), 1);
}

TEST_P(SnapshotterContract, TheRootLooksLikeTheTopmostLayers) {
  const std::string lower = Layer("lower", {"f=1"});
  Shell("chmod 1777 '" + lower + "' && chown 3:4 '" + lower + "'");
  const auto active = Prepare({lower, Layer("other", {})});
  EXPECT_EQ(Describe(active->root()).substr(0, 8), "1777 3:4");
}

TEST_P(SnapshotterContract, DestroyedItLeavesNothing) {
  const std::string lower = Layer("lower", {"a=1"});
  {
    const auto active = Prepare({lower});
    const auto view = ReadOnly({lower});
    Write(active->root() + "/b", "x");
  }
  EXPECT_EQ(MountsBelowRoot(), 0U);
  EXPECT_EQ(FoldersLeft(), 0U);
  EXPECT_EQ(List(lower), "f 0644 a\n");
}

TEST_P(SnapshotterContract, CommittedItLeavesTheLayerOnly) {
  const auto active = Prepare({Layer("lower", {"a=1"})});
  Commit(*active, "layer");
  EXPECT_EQ(MountsBelowRoot(), 0U);
  EXPECT_EQ(active->Commit(Path("again")).code(), Code::kFailedPrecondition);
}

TEST_P(SnapshotterContract, AnExistingTargetIsNotTouched) {
  const auto active = Prepare({});
  const std::string there = Layer("there", {"x=1"});
  EXPECT_EQ(active->Commit(there).code(), Code::kAlreadyExists);
  EXPECT_EQ(List(there), "f 0644 x\n");
  EXPECT_TRUE(active->Commit(Path("layer")).ok());
}

TEST_P(SnapshotterContract, AMissingLayerIsAnErrorAndLeavesNothing) {
  const auto active = snapshotter_->Prepare(Context::Background(), {Path("missing")});
  EXPECT_FALSE(active.ok());
  EXPECT_EQ(MountsBelowRoot(), 0U);
  EXPECT_EQ(FoldersLeft(), 0U);
}

TEST_P(SnapshotterContract, NamesWithOddCharactersAreFine) {
  const std::string a = Layer("odd, na:me\\with \"all\"\n", {"f=1"});
  const std::string b = Layer(std::string(200, 'x') + "/" + std::string(200, 'y'), {"g=1"});
  EXPECT_EQ(List(ReadOnly({a, b})->root()), "f 0644 f\nf 0644 g\n");
  EXPECT_EQ(List(Prepare({b, a})->root()), "f 0644 f\nf 0644 g\n");
}

TEST_P(SnapshotterContract, ManyLayers) {
  std::vector<std::string> lowers;
  for (int i = 0; i < 120; ++i) {
    lowers.push_back(Layer(fmt::format("a-name-that-makes-a-path-of-some-length/layer-{:03}", i),
                           {fmt::format("f{}=x", i), "all=" + std::to_string(i)}));
  }
  const auto active = Prepare(lowers);
  EXPECT_EQ(Read(active->root() + "/all"), "0");
  EXPECT_EQ(fs::ListDir(active->root())->size(), 121U);
}

TEST_P(SnapshotterContract, ManyAtOnce) {
  const std::string lower = Layer("lower", {"a=1"});
  std::vector<std::jthread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 3; ++i) {
        auto active = snapshotter_->Prepare(Context::Background(), {lower});
        if (!active.ok()) continue;
        const std::string mine = fmt::format("{}-{}", t, i);
        if (!fs::WriteFileAtomic((*active)->root() + "/mine", mine).ok()) continue;
        const std::string layer = Path("layer" + mine);
        if ((*active)->Commit(layer).ok() && Read(layer + "/mine") == mine) ++good;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(good, 18);
  EXPECT_EQ(MountsBelowRoot(), 0U);
}

TEST_P(SnapshotterContract, AContextThatIsDoneIsHeeded) {
  const Context ctx = Context::Background().Child();
  ctx.Cancel(Cancelled("enough"));
  EXPECT_EQ(snapshotter_->Prepare(ctx, {Layer("l", {"a=1"})}).code(), Code::kCancelled);
  EXPECT_EQ(snapshotter_->ReadOnly(ctx, {Layer("m", {"a=1"})}).code(), Code::kCancelled);
}

TEST_P(SnapshotterContract, ABusyRootIsGivenUpAllTheSame) {
  auto active = Prepare({Layer("lower", {"a=1"})});
  const UniqueFd held = std::move(fs::Open(active->root() + "/a", O_RDONLY)).value();
  active.reset();
  EXPECT_EQ(MountsBelowRoot(), 0U);
}

TEST_P(SnapshotterContract, OwnersAreShiftedByAnIdMap) {
  const std::string lower = Layer("lower", {"root=1", "user=1"});
  Shell("cd '" + lower + "' && chown 7:8 user");
  // Whoever is root inside must be able to go through to the files.
  const IdMap ids{.host_base = 100'000, .count = 65'536};
  auto active = snapshotter_->Prepare(Context::Background(), {lower}, ids);
  if (active.code() == Code::kUnimplemented) GTEST_SKIP() << active.status().message();
  ASSERT_TRUE(active.ok()) << active.status().ToString();
  const std::string root = (*active)->root();
  EXPECT_EQ(Describe(root + "/root").substr(0, 18), "0644 100000:100000");
  EXPECT_EQ(Describe(root + "/user").substr(0, 18), "0644 100007:100008");
  Shell("cd '" + root +
        "' && rm root && setpriv --reuid 100003 --regid 100004 --clear-groups true && touch /tmp/x$$ && rm /tmp/x$$");
  // As the container's root: new files, a changed one and a removed one.
  Shell("chmod 711 '" + Path("") + "' '" + root_ + "'");
  Shell("setpriv --reuid 100000 --regid 100000 --clear-groups bash -ec 'cd \"" + root +
        "\"; echo x > new; mkdir d; echo y > d/f; chmod 600 d/f; mv d/f moved'");
  Shell("echo changed > '" + root + "/user'");
  const std::string layer = Path("layer");
  const Status status = (*active)->Commit(layer);
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(Describe(layer + "/new").substr(0, 8), "0644 0:0");
  EXPECT_EQ(Describe(layer + "/user").substr(0, 8), "0644 7:8");
  EXPECT_EQ(Describe(layer + "/moved").substr(0, 8), "0600 0:0");
  EXPECT_EQ(List(layer), "d/ 0755\nf 0600 moved\nf 0644 new\nw root\nf 0644 user\n");
  EXPECT_EQ(MountsBelowRoot(), 0U);
  auto view = snapshotter_->ReadOnly(Context::Background(), {layer, lower}, ids);
  ASSERT_TRUE(view.ok()) << view.status().ToString();
  EXPECT_EQ(Describe((*view)->root() + "/user").substr(0, 18), "0644 100007:100008");
}

INSTANTIATE_TEST_SUITE_P(Every, SnapshotterContract, ::testing::ValuesIn(kFactories),
                         [](const auto& factory) { return factory.param.name; });

class OpenSnapshotter : public FolderTest {};

TEST_F(OpenSnapshotter, RemovesWhatACrashLeft) {
  const std::string root = Path("snapshots");
  auto before = Open(root);
  ASSERT_TRUE(before.ok()) << before.status().ToString();
  const std::string lower = Layer("lower", {"precious=1"});
  auto active = (*before)->Prepare(Context::Background(), {lower});
  ASSERT_TRUE(active.ok());
  // A crash runs no destructor: the objects are forgotten, mounts and folders stay.
  active->release();
  before->release();
  const auto after = Open(root);
  ASSERT_TRUE(after.ok()) << after.status().ToString();
  for (const char* name : {"active", "work"}) EXPECT_EQ(fs::ListDir(root + "/" + name).ValueOr({}).size(), 0U) << name;
  EXPECT_EQ(Read(lower + "/precious"), "1");
  EXPECT_TRUE((*after)->Prepare(Context::Background(), {lower}).ok());
}

TEST_F(OpenSnapshotter, LeavesAMountAtItsRootAlone) {
  const std::string root = Path("disk");
  ASSERT_TRUE(fs::MakeDirs(root).ok());
  ASSERT_EQ(::mount("tmpfs", root.c_str(), "tmpfs", 0, nullptr), 0);
  const ScopedMount disk(root);
  Write(root + "/other", "x");
  { EXPECT_TRUE(Open(root).ok()); }
  EXPECT_EQ(Read(root + "/other"), "x");
}

TEST_F(OpenSnapshotter, MountsDoNotReachOtherNamespaces) {
  const auto snapshotter = Open(Path("snapshots"));
  ASSERT_TRUE(snapshotter.ok());
  if ((*snapshotter)->name() != "overlay") GTEST_SKIP() << "nothing is mounted";
  for (const std::string& line : Lines(*fs::ReadFile("/proc/self/mountinfo"))) {
    if (line.find(Path("snapshots/active") + " ") != std::string::npos) {
      EXPECT_EQ(line.find("shared:"), std::string::npos) << line;
    }
  }
}

TEST_F(OpenSnapshotter, TooManyLayersForOldKernelsAreRefusedWithWords) {
  OverlaySpec spec;
  for (int i = 0; i < 400; ++i) spec.lowers.push_back(Layer(fmt::format("layer-{}", i), {}));
  spec.target = Path("merged");
  ASSERT_TRUE(fs::MakeDirs(spec.target).ok());
  const auto mount = MountOverlay(spec, MountInterface::kOptions);
  EXPECT_EQ(mount.code(), Code::kFailedPrecondition);
  EXPECT_TRUE(mount.status().message().starts_with("mount an overlay of 400 folders: ")) << mount.status().message();
  const auto newer = MountOverlay(spec, MountInterface::kLayers);
  EXPECT_TRUE(newer.ok() || newer.code() == Code::kUnimplemented) << newer.status().ToString();
}

}  // namespace
}  // namespace slipway::snapshot
