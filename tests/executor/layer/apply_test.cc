// ApplyLayer, MaterializeTree and WalkUpper: layers as folders. Need root, for owners, devices and overlay's
// attributes.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "tests/executor/layer/layer_fixture.h"

namespace slipway::layer {
namespace {

constexpr size_t kMany = 3000;

class Apply : public LayerTest {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    LayerTest::SetUp();
    dir_ = NewDir();
  }

  std::string NewDir() {
    const std::string dir = fmt::format("{}/dir{}", temp_.path(), ++dirs_);
    EXPECT_EQ(::mkdir(dir.c_str(), 0755), 0);
    return dir;
  }
  Result<AppliedLayer> Unpack(const std::string& tar, const LowerAccess& lower = {}) {
    return ApplyLayer(Context::Background(), FromBytes(tar), oci::Compression::kNone, {}, dir_, {}, lower);
  }
  /// Unpacks and reads the folder back.
  std::string Unpacked(const std::string& tar, const LowerAccess& lower = {}) {
    const auto applied = Unpack(tar, lower);
    if (!applied.ok()) return applied.status().ToString() + "\n";
    return Print(WalkUpper(Context::Background(), dir_));
  }
  std::string Content(const std::string& path) { return fs::ReadFile(fs::Join(dir_, path)).ValueOr("<none>"); }
  struct stat Stat(const std::string& path) {
    struct stat st {};
    EXPECT_EQ(::lstat(fs::Join(dir_, path).c_str(), &st), 0) << path;
    return st;
  }

  std::string dir_;
  int dirs_ = 0;
};

tree::Entry At(tree::Entry entry, int64_t seconds) {
  entry.mtime.seconds = seconds;
  return entry;
}

TEST_F(Apply, EverythingThatALayerCanHold) {
  tree::Entry owned = At(File("etc/owned", 0, 06751), 1000);
  owned.uid = 1'000'000;
  owned.gid = 7;
  owned.xattrs = {{"security.capability", std::string("\1\0\0\2\0 \0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20)},
                  {"user.note", "n"}};
  tree::Entry device = At(Of(tree::Type::kCharDevice, "dev/null", 0666), 2000);
  device.dev_major = 1;
  device.dev_minor = 3;
  tree::Entry link = At(Link("etc/link", "../x"), 3000);
  link.uid = 5;
  tree::Entry noted = At(Folder("etc", 01777), 4000);
  noted.xattrs = {{"user.folder", "f"}};
  const std::string tar = TarMaker()
                              .Add(At(Folder("", 0711), 5000))
                              .Add(noted)
                              .Add(owned, "content")
                              .Add(link)
                              .Add(At(Folder("dev"), 6000))
                              .Add(device)
                              .Add(Of(tree::Type::kFifo, "dev/fifo", 0620))
                              .Add(NameOf(owned, "dev/owned"))
                              .Add(File("read-only", 0, 0400), "r")
                              .Bytes();
  const auto applied = Unpack(tar);
  ASSERT_TRUE(applied.ok()) << applied.status().ToString();
  EXPECT_TRUE(applied->self_contained);
  EXPECT_EQ(Print(applied->index), Print(Index(tar)));
  const auto walked = WalkUpper(Context::Background(), dir_);
  std::vector<tree::Entry> expected = applied->index.entries();
  expected.erase(expected.begin());  // the root is not walked
  EXPECT_EQ(Print(walked), Print(tree::Tree(expected)));
  EXPECT_EQ(walked->Find("etc/link")->mtime.seconds, 3000);
  EXPECT_EQ(walked->Find("etc")->mtime.seconds, 4000);
  EXPECT_EQ(walked->Find("dev")->mtime.seconds, 6000);
  EXPECT_EQ(walked->Find("dev/owned")->mtime.seconds, 1000);
  EXPECT_EQ(Stat("").st_mtime, 5000);
  EXPECT_EQ(Stat("").st_mode & 07777, 0711U);
  EXPECT_EQ(Content("etc/owned"), "content");
  EXPECT_EQ(Stat("etc/owned").st_ino, Stat("dev/owned").st_ino);
}

TEST_F(Apply, ALinksHeaderIsTheFiles) {
  tree::Entry file = File("a", 0, 0600);
  file.xattrs = {{"security.capability", std::string("\1\0\0\2\0 \0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20)}};
  tree::Entry link = At(HardLink("b", "a"), 99);
  link.mode = 0751;
  link.uid = 7;
  const auto applied = Unpack(TarMaker().Add(file, "x").Add(link).Bytes());
  ASSERT_TRUE(applied.ok()) << applied.status().ToString();
  const auto walked = WalkUpper(Context::Background(), dir_);
  EXPECT_EQ(Print(walked), Print(applied->index));
  EXPECT_EQ(walked->Find("a")->uid, 7U);
  EXPECT_EQ(walked->Find("a")->mtime.seconds, 99);
  EXPECT_EQ(walked->Find("a")->xattrs, file.xattrs);
}

TEST_F(Apply, WhiteoutsAreInOverlaysForm) {
  EXPECT_EQ(
      Unpacked(TarMaker().Add(Folder("a")).Add(File("a/.wh..wh..opq")).Add(File(".wh.b")).Add(File("a/.wh.c")).Bytes()),
      "d 0755 0:0 a opaque\nw 0000 0:0 a/c\nw 0000 0:0 b\n");
  const auto st = Stat("b");
  EXPECT_TRUE(S_ISCHR(st.st_mode));
  EXPECT_EQ(st.st_rdev, ::makedev(0, 0));
  std::array<char, 8> value{};
  EXPECT_EQ(::lgetxattr((dir_ + "/a").c_str(), "trusted.overlay.opaque", value.data(), value.size()), 1);
  EXPECT_EQ(value[0], 'y');
}

TEST_F(Apply, WhatIsReplacedIsRemoved) {
  EXPECT_EQ(Unpacked(TarMaker()
                         .Add(Folder("d"))
                         .Add(File("d/f"), "1")
                         .Add(Folder("d/e"))
                         .Add(File("d/e/g"))
                         .Add(File("d"), "file now")
                         .Add(Link("l", "nowhere"))
                         .Add(File("l"), "was a link")
                         .Add(File("w"), "1")
                         .Add(Folder("w"))
                         .Bytes()),
            "f 0644 0:0 d 8\nf 0644 0:0 l 10\nd 0755 0:0 w opaque\n");
}

TEST_F(Apply, MissingParentsAreMade) {
  tree::Entry file = File("a/b/c");
  file.uid = 9;
  EXPECT_EQ(Unpacked(TarMaker().Add(file).Bytes()), "d 0755 0:0 a\nd 0755 0:0 a/b\nf 0644 9:0 a/b/c\n");
}

TEST_F(Apply, NothingIsWrittenOutsideTheFolder) {
  const std::string outside = NewDir();
  ASSERT_TRUE(fs::WriteFileAtomic(outside + "/victim", "untouched").ok());
  EXPECT_EQ(Unpacked(TarMaker()
                         .Add(Link("abs", outside))
                         .Add(File("abs/victim"), "1")
                         .Add(Link("rel", "../dir2"))
                         .Add(File("rel/victim"), "2")
                         .Add(File("../dir2/victim"), "3")
                         .Add(Link("v", outside + "/victim"))
                         .Add(File("v"), "4")
                         .Add(HardLink("hard", "v"))
                         .Bytes())
                .substr(0, 8),
            "l 0777 0");
  EXPECT_EQ(*fs::ReadFile(outside + "/victim"), "untouched");
  EXPECT_EQ(fs::ListDir(outside)->size(), 1U);
  EXPECT_EQ(Content(outside.substr(1) + "/victim"), "1");
  EXPECT_EQ(Content("dir2/victim"), "3");
}

TEST_F(Apply, AHardLinkCannotReachOutside) {
  const auto applied = Unpack(TarMaker().Add(HardLink("passwd", "../../../../etc/passwd")).Bytes());
  EXPECT_EQ(applied.code(), Code::kInvalidArgument);
  EXPECT_TRUE(applied.status().message().ends_with(
      "archive entry 'passwd': the hard link names 'etc/passwd', which the layer does not have"))
      << applied.status().message();
}

TEST_F(Apply, OverlaysOwnAttributesAreNotTaken) {
  tree::Entry folder = Folder("d");
  folder.xattrs = {{"trusted.overlay.opaque", "y"}, {"trusted.overlay.redirect", "/etc"}};
  ASSERT_TRUE(Unpack(TarMaker().Add(folder).Bytes()).ok());
  EXPECT_LT(::lgetxattr((dir_ + "/d").c_str(), "trusted.overlay.opaque", nullptr, 0), 0);
  EXPECT_LT(::lgetxattr((dir_ + "/d").c_str(), "trusted.overlay.redirect", nullptr, 0), 0);
}

TEST_F(Apply, SparseFilesStaySparse) {
  // GNU's format 1.0 with one segment of four bytes at 8 GiB.
  constexpr uint64_t kAt = 8ULL << 30;
  std::string records;
  for (const std::string_view record : {"22 GNU.sparse.major=1\n", "22 GNU.sparse.minor=0\n",
                                        "26 GNU.sparse.name=sparse\n", "34 GNU.sparse.realsize=8589934600\n"}) {
    records += record;
  }
  std::string map = fmt::format("1\n{}\n4\n", kAt);
  map.resize(512, '\0');
  tree::Entry pax = File("pax");
  std::string bytes = TarMaker().Add(pax, records).Add(File("x"), map + "data").Bytes();
  bytes[156] = 'x';  // make the first one a pax header
  unsigned sum = 0;
  for (size_t i = 0; i < 512; ++i) sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(bytes[i]);
  bytes.replace(148, 6, fmt::format("{:06o}", sum));
  const auto applied = Unpack(bytes);
  ASSERT_TRUE(applied.ok()) << applied.status().ToString();
  const auto st = Stat("sparse");
  EXPECT_EQ(st.st_size, static_cast<off_t>(kAt + 8));
  EXPECT_LE(st.st_blocks, 64);
  const UniqueFd fd = std::move(fs::Open(dir_ + "/sparse", O_RDONLY)).value();
  std::array<char, 8> read{};
  EXPECT_EQ(*fs::ReadFullAt(fd.get(), read, static_cast<int64_t>(kAt)), 8U);
  EXPECT_EQ(std::string_view(read.data(), 8), std::string_view("data\0\0\0\0", 8));
}

TEST_F(Apply, DiffIdIsVerified) {
  const std::string tar = TarMaker().Add(File("a"), "b").Bytes();
  const auto apply = [&](const Digest& id) {
    return ApplyLayer(Context::Background(), FromBytes(tar), oci::Compression::kNone, id, NewDir(), {}, {}).code();
  };
  EXPECT_EQ(apply(Digest::Of(tar)), Code::kOk);
  EXPECT_EQ(apply(Digest::Of("another")), Code::kDataLoss);
}

TEST_F(Apply, CancellingEndsIt) {
  const Context ctx = Context::Background().Child();
  ctx.Cancel(Cancelled("enough"));
  const std::string tar = TarMaker().Add(File("a"), "b").Bytes();
  EXPECT_EQ(ApplyLayer(ctx, FromBytes(tar), oci::Compression::kNone, {}, dir_, {}, {}).code(), Code::kCancelled);
}

// A layer below: folder etc 0700 7:7, link lib -> usr/lib, file usr/lib/f, second name usr/lib/g.
class ApplyOver : public Apply {
 protected:
  void SetUp() override {
    Apply::SetUp();
    if (IsSkipped()) return;
    tree::Entry etc = Folder("etc", 0700);
    etc.uid = etc.gid = 7;
    etc.mtime.seconds = 77;
    tree::Entry file = File("usr/lib/f", 7, 0640);
    file.uid = 3;
    a_ = NameOf(file, "a");
    below_ = tree::Tree({etc, Link("lib", "usr/lib"), Folder("usr"), Folder("usr/lib"), file,
                         HardLink("usr/lib/g", "usr/lib/f"), Link("usr/lib/l", "f")});
    ASSERT_TRUE(fs::WriteFileAtomic(temp_.path() + "/f", "content").ok());
    lower_.lower = [this](const std::string& path) -> Result<tree::Entry> {
      asked_.push_back(path);
      const tree::Entry* found = below_.Find(path);
      if (found == nullptr) return NotFound("no '{}'", path);
      return *found;
    };
    lower_.lower_file = [this](const std::string&) { return fs::Open(temp_.path() + "/f", O_RDONLY); };
  }

  tree::Entry Named(std::string path, std::string target) {
    tree::Entry link = a_;
    link.path = std::move(path);
    link.link = std::move(target);
    return link;
  }

  tree::Entry a_;
  tree::Tree below_;
  LowerAccess lower_;
  std::vector<std::string> asked_;
};

TEST_F(ApplyOver, MissingParentsAreAsBelow) {
  const auto applied = Unpack(TarMaker().Add(File("etc/new/f"), "1").Bytes(), lower_);
  ASSERT_TRUE(applied.ok()) << applied.status().ToString();
  EXPECT_FALSE(applied->self_contained);
  EXPECT_EQ(asked_, (std::vector<std::string>{"etc", "etc/new"}));
  EXPECT_EQ(Print(WalkUpper(Context::Background(), dir_)),
            "d 0700 7:7 etc\nd 0755 0:0 etc/new\nf 0644 0:0 etc/new/f 1\n");
  EXPECT_EQ(Stat("etc").st_mtime, 77);
  // What the layer does not name is not in its index, which other chains may use.
  EXPECT_EQ(Print(applied->index), "f 0644 0:0 etc/new/f 1\n");
}

TEST_F(ApplyOver, AskedOnlyForWhatIsMissing) {
  const auto applied =
      Unpack(TarMaker().Add(Folder("etc")).Add(File("etc/f")).Add(HardLink("etc/g", "etc/f")).Bytes(), lower_);
  EXPECT_TRUE(applied->self_contained);
  EXPECT_TRUE(asked_.empty());
}

TEST_F(ApplyOver, LinksBelowAreFollowed) {
  EXPECT_EQ(Unpacked(TarMaker().Add(File("lib/new"), "1").Bytes(), lower_),
            "d 0755 0:0 usr\nd 0755 0:0 usr/lib\nf 0644 0:0 usr/lib/new 1\n");
}

TEST_F(ApplyOver, WhatIsHiddenIsNotAskedFor) {
  EXPECT_EQ(Unpacked(TarMaker().Add(Folder("usr")).Add(File("usr/.wh..wh..opq")).Add(File("usr/lib/new"), "1").Bytes(),
                     lower_),
            "d 0755 0:0 usr opaque\nd 0755 0:0 usr/lib\nf 0644 0:0 usr/lib/new 1\n");
  EXPECT_TRUE(asked_.empty());
}

TEST_F(ApplyOver, HardLinkToAFileBelowBringsItUp) {
  const auto applied = Unpack(TarMaker().Add(Named("a", "lib/f")).Add(Named("b", "usr/lib/f")).Bytes(), lower_);
  ASSERT_TRUE(applied.ok()) << applied.status().ToString();
  EXPECT_FALSE(applied->self_contained);
  EXPECT_EQ(Print(WalkUpper(Context::Background(), dir_)),
            "f 0640 3:0 a 7\n"
            "h 0640 3:0 b -> a\n"
            "d 0755 0:0 usr\n"
            "d 0755 0:0 usr/lib\n"
            "h 0640 3:0 usr/lib/f -> a\n");
  EXPECT_EQ(Content("b"), "content");
  EXPECT_EQ(Print(applied->index), "h 0640 3:0 a -> usr/lib/f\nh 0640 3:0 b -> usr/lib/f\n");
}

TEST_F(ApplyOver, HardLinkToASecondNameOrALinkBelow) {
  EXPECT_EQ(Unpacked(TarMaker().Add(Named("a", "usr/lib/g")).Add(HardLink("l", "usr/lib/l")).Bytes(), lower_),
            "f 0640 3:0 a 7\n"
            "l 0777 0:0 l -> f\n"
            "d 0755 0:0 usr\n"
            "d 0755 0:0 usr/lib\n"
            "h 0640 3:0 usr/lib/g -> a\n");
}

TEST_F(ApplyOver, HardLinkToWhatIsNowhereIsRefused) {
  EXPECT_EQ(Unpack(TarMaker().Add(HardLink("a", "usr/none")).Bytes(), lower_).code(), Code::kInvalidArgument);
  dir_ = NewDir();
  EXPECT_EQ(Unpack(TarMaker().Add(File("usr/lib/.wh.f")).Add(HardLink("a", "usr/lib/f")).Bytes(), lower_).code(),
            Code::kInvalidArgument);
}

TEST_F(Apply, MaterializedTreeIsTheSameFolder) {
  tree::Entry opaque = At(Folder("o", 0700), 10);
  opaque.opaque = true;
  tree::Entry capable = At(Stored("bin", Noise(3'000'000), 0755), 20);
  capable.xattrs = {{"user.a", "1"}};
  // Links may come before their files.
  const EntrySource source = Source({At(HardLink("a", "z"), 30), capable, opaque, Whiteout("o/gone"),
                                     Stored("o/empty", ""), At(Stored("z", "zz", 04755), 30), Link("l", "z")});
  const Status status = MaterializeTree(Context::Background(), source, dir_);
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(Print(WalkUpper(Context::Background(), dir_)),
            "f 4755 0:0 a 2\n"
            "f 0755 0:0 bin 3000000 user.a=1\n"
            "l 0777 0:0 l -> z\n"
            "d 0700 0:0 o opaque\n"
            "f 0644 0:0 o/empty\n"
            "w 0000 0:0 o/gone\n"
            "h 4755 0:0 z -> a\n");
  EXPECT_EQ(Stat("o").st_mtime, 10);
  EXPECT_EQ(Content("bin"), Noise(3'000'000));
}

TEST_F(Apply, AssembledUnpackedAndWalkedIsTheSame) {
  std::vector<tree::Entry> entries;
  for (size_t i = 0; i < 200; ++i) {
    entries.push_back(At(Folder(fmt::format("d{}", i)), static_cast<int64_t>(i)));
    entries.push_back(At(Stored(fmt::format("d{}/f", i), SomeText(i * 500, i)), static_cast<int64_t>(i)));
  }
  const EntrySource source = Source(entries);
  const auto layer = Make(source);
  const auto applied = ApplyLayer(Context::Background(), ReadBlob(*store_->Open(layer->descriptor.digest)),
                                  oci::Compression::kGzip, layer->diff_id, dir_, {}, {});
  ASSERT_TRUE(applied.ok()) << applied.status().ToString();
  const auto walked = WalkUpper(Context::Background(), dir_);
  EXPECT_EQ(Print(*walked), Print(*source.tree));
  EXPECT_EQ(tree::DigestOf(*walked, {.with_mtime = true}), tree::DigestOf(applied->index, {.with_mtime = true}));
  EXPECT_EQ(Content("d150/f"), SomeText(75'000, 150));
}

TEST_F(Apply, WalkLeavesOutWhatHasNoPlaceInALayer) {
  ASSERT_EQ(::mknod((dir_ + "/socket").c_str(), S_IFSOCK | 0600, 0), 0);
  ASSERT_TRUE(fs::WriteFileAtomic(dir_ + "/file", "x").ok());
  ASSERT_EQ(::setxattr((dir_ + "/file").c_str(), "trusted.secret", "x", 1, 0), 0);
  ASSERT_EQ(::setxattr((dir_ + "/file").c_str(), "trusted.overlay.origin", "x", 1, 0), 0);
  EXPECT_EQ(Print(WalkUpper(Context::Background(), dir_)), "f 0644 0:0 file 1\n");
}

TEST_F(Apply, WalkRefusesWhatARedirectWouldHide) {
  ASSERT_EQ(::mkdir((dir_ + "/moved").c_str(), 0755), 0);
  ASSERT_EQ(::setxattr((dir_ + "/moved").c_str(), "trusted.overlay.redirect", "/old", 4, 0), 0);
  EXPECT_EQ(WalkUpper(Context::Background(), dir_).code(), Code::kFailedPrecondition);
}

TEST_F(Apply, DeepTreesTakeNoDescriptorEach) {
  std::string path;
  TarMaker tar;
  for (int i = 0; i < 1500; ++i) {
    path += path.empty() ? "d" : "/d";
    tar.Add(Folder(path));
  }
  ASSERT_TRUE(Unpack(tar.Bytes()).ok());
  EXPECT_EQ(WalkUpper(Context::Background(), dir_)->size(), 1500U);
}

TEST_F(Apply, ManyEntries) {
  TarMaker tar;
  for (size_t i = 0; i < kMany; ++i) tar.Add(File(fmt::format("d{}/f{}", i % 100, i)), "x");
  const auto applied = Unpack(tar.Bytes());
  ASSERT_TRUE(applied.ok()) << applied.status().ToString();
  EXPECT_EQ(applied->index.size(), kMany);
}

}  // namespace
}  // namespace slipway::layer
