// IndexLayer, ReadArchive and LooksLikeArchive: what an archive's entries become, and what is refused.
#include "executor/layer/archive.h"

#include "tests/executor/layer/layer_fixture.h"

namespace slipway::layer {
namespace {

using Archive = LayerTest;

TEST(Index, EntriesOfALayer) {
  tree::Entry device = Of(tree::Type::kCharDevice, "dev/null", 0666);
  device.dev_major = 1;
  device.dev_minor = 3;
  tree::Entry owned = File("etc/passwd");
  owned.uid = 3'000'000;
  owned.gid = 4'294'967'294;
  const std::string tar = TarMaker()
                              .Add(Folder(""))
                              .Add(Folder("etc", 01777))
                              .Add(owned, "root")
                              .Add(Folder("dev"))
                              .Add(device)
                              .Add(Of(tree::Type::kFifo, "dev/fifo", 0600))
                              .Add(Link("etc/link", "../a b/\xc3\xa9"))
                              .Add(NameOf(owned, "etc/shadow"))
                              .Add(File("bin", 0, 06755), "x")
                              .Bytes();
  EXPECT_EQ(Print(Index(tar)),
            "d 0755 0:0 .\n"
            "f 6755 0:0 bin 1\n"
            "d 0755 0:0 dev\n"
            "p 0600 0:0 dev/fifo\n"
            "c 0666 0:0 dev/null 1,3\n"
            "d 1777 0:0 etc\n"
            "l 0777 0:0 etc/link -> ../a b/\xc3\xa9\n"
            "f 0644 3000000:4294967294 etc/passwd 4\n"
            "h 0644 3000000:4294967294 etc/shadow -> etc/passwd\n");
}

TEST(Index, NothingIsAnEmptyLayer) {
  EXPECT_EQ(Print(Index("")), "");
  EXPECT_EQ(Print(Index(TarMaker().Bytes())), "");
  EXPECT_EQ(Print(Index(std::string(512, '\0'))), "");
}

TEST(Index, DiffIdIsVerified) {
  const std::string tar = TarMaker().Add(File("a"), "b").Bytes();
  const auto read = [&](const Digest& id) {
    return IndexLayer(Context::Background(), FromBytes(tar), oci::Compression::kNone, id, {}).code();
  };
  EXPECT_EQ(read(Digest::Of(tar)), Code::kOk);
  EXPECT_EQ(read(Digest::Of("other")), Code::kDataLoss);
}

TEST(Index, FillingAfterTheEndBelongsToTheDiffId) {
  const std::string tar = TarMaker().Add(File("a"), "b").Bytes() + std::string(20'000, '\0');
  EXPECT_TRUE(IndexLayer(Context::Background(), FromBytes(tar), oci::Compression::kNone, Digest::Of(tar), {}).ok());
}

TEST(Whiteout, HidesANameOfTheLayersBelow) {
  EXPECT_EQ(Print(Index(TarMaker().Add(Folder("a")).Add(File("a/.wh.b")).Add(File(".wh.c")).Bytes())),
            "d 0755 0:0 a\n"
            "w 0000 0:0 a/b\n"
            "w 0000 0:0 c\n");
}

TEST(Whiteout, OpaqueMarksItsFolder) {
  const char* expected =
      "d 0700 0:0 a opaque\n"
      "f 0644 0:0 a/b 1\n";
  EXPECT_EQ(Print(Index(TarMaker().Add(Folder("a", 0700)).Add(File("a/.wh..wh..opq")).Add(File("a/b"), "b").Bytes())),
            expected);
  // Wherever the marker stands.
  EXPECT_EQ(Print(Index(TarMaker().Add(File("a/.wh..wh..opq")).Add(File("a/b"), "b").Add(Folder("a", 0700)).Bytes())),
            expected);
  EXPECT_EQ(Print(Index(TarMaker().Add(Folder("a", 0700)).Add(File("a/b"), "b").Add(File("a/.wh..wh..opq")).Bytes())),
            expected);
}

TEST(Whiteout, OpaqueFolderWithoutAnEntryGetsOne) {
  EXPECT_EQ(Print(Index(TarMaker().Add(File("a/.wh..wh..opq")).Bytes())), "d 0755 0:0 a opaque\n");
  EXPECT_EQ(Print(Index(TarMaker().Add(File(".wh..wh..opq")).Bytes())), "d 0755 0:0 . opaque\n");
}

TEST(Whiteout, DoesNotHideWhatItsOwnLayerHas) {
  EXPECT_EQ(Print(Index(TarMaker().Add(File("a"), "1").Add(File(".wh.a")).Bytes())), "f 0644 0:0 a 1\n");
  EXPECT_EQ(Print(Index(TarMaker().Add(File(".wh.a")).Add(File("a"), "1").Bytes())), "f 0644 0:0 a 1\n");
}

TEST(Whiteout, AFolderOverAWhiteoutIsOpaque) {
  const char* expected = "d 0755 0:0 a opaque\n";
  EXPECT_EQ(Print(Index(TarMaker().Add(File(".wh.a")).Add(Folder("a")).Bytes())), expected);
  EXPECT_EQ(Print(Index(TarMaker().Add(Folder("a")).Add(File(".wh.a")).Bytes())), expected);
  EXPECT_EQ(Print(Index(TarMaker().Add(File(".wh.a")).Add(File("a/b")).Bytes())),
            "d 0755 0:0 a opaque\nf 0644 0:0 a/b\n");
}

TEST(Whiteout, OtherMarkersOfAufsAreLeftOut) {
  EXPECT_EQ(Print(Index(TarMaker().Add(Folder(".wh..wh.plnk")).Add(File(".wh..wh.aufs")).Bytes())), "");
}

TEST(Whiteout, OfNothingIsRefused) {
  for (const char* name : {".wh.", ".wh..", ".wh...", "a/.wh.."}) {
    EXPECT_EQ(Index(TarMaker().Add(File(name)).Bytes()).code(), Code::kInvalidArgument) << name;
  }
}

TEST(Place, NamesAreCleanedAndStayInTheRoot) {
  EXPECT_EQ(Print(Index(TarMaker()
                            .Add(File("/abs"))
                            .Add(File("./dot"))
                            .Add(File("../../up"))
                            .Add(File("x/../../y"))
                            .Add(Folder("d//e/"))
                            .Bytes())),
            "f 0644 0:0 abs\n"
            "d 0755 0:0 d/e\n"
            "f 0644 0:0 dot\n"
            "f 0644 0:0 up\n"
            "f 0644 0:0 y\n");
}

TEST(Place, ALaterEntryWins) {
  EXPECT_EQ(Print(Index(TarMaker().Add(File("a"), "1").Add(File("a"), "22").Bytes())), "f 0644 0:0 a 2\n");
  EXPECT_EQ(Print(Index(TarMaker().Add(Folder("a")).Add(File("a/b")).Add(Folder("a", 0700)).Bytes())),
            "d 0700 0:0 a\nf 0644 0:0 a/b\n");
}

TEST(Place, WhatTakesAFoldersPlaceRemovesWhatWasInIt) {
  EXPECT_EQ(Print(Index(TarMaker().Add(Folder("a")).Add(File("a/b")).Add(File("a.c")).Add(File("a"), "1").Bytes())),
            "f 0644 0:0 a 1\nf 0644 0:0 a.c\n");
  EXPECT_EQ(Print(Index(TarMaker().Add(File("a"), "1").Add(Folder("a")).Bytes())), "d 0755 0:0 a opaque\n");
}

TEST(Place, LinksAmongTheParentsAreFollowedInTheRoot) {
  EXPECT_EQ(Print(Index(TarMaker()
                            .Add(Folder("usr/lib"))
                            .Add(Link("lib", "usr/lib"))
                            .Add(File("lib/libc.so"), "c")
                            .Add(Link("usr/lib64", "/../../lib"))
                            .Add(File("usr/lib64/ld.so"), "l")
                            .Add(Link("out", "../../../../etc"))
                            .Add(File("out/passwd"), "p")
                            .Bytes())),
            "f 0644 0:0 etc/passwd 1\n"
            "l 0777 0:0 lib -> usr/lib\n"
            "l 0777 0:0 out -> ../../../../etc\n"
            "d 0755 0:0 usr/lib\n"
            "f 0644 0:0 usr/lib/ld.so 1\n"
            "f 0644 0:0 usr/lib/libc.so 1\n"
            "l 0777 0:0 usr/lib64 -> /../../lib\n");
}

TEST(Place, AFolderTakesALinksPlace) {
  EXPECT_EQ(Print(Index(TarMaker().Add(Link("lib", "usr/lib")).Add(Folder("lib")).Add(File("lib/x")).Bytes())),
            "d 0755 0:0 lib opaque\nf 0644 0:0 lib/x\n");
}

TEST(Place, LoopsOfLinksAreRefused) {
  const auto index = Index(TarMaker().Add(Link("a", "b")).Add(Link("b", "a")).Add(File("a/x")).Bytes());
  EXPECT_EQ(index.code(), Code::kInvalidArgument);
  EXPECT_EQ(Index(TarMaker().Add(Link("a", "a/a")).Add(File("a/x")).Bytes()).code(), Code::kInvalidArgument);
}

TEST(Place, BelowAFileIsNothing) {
  const auto index = Index(TarMaker().Add(File("a"), "1").Add(File("a/b")).Bytes());
  EXPECT_EQ(index.code(), Code::kInvalidArgument);
  EXPECT_EQ(index.status().message(), "read a layer (none): archive entry 'a/b': 'a' is not a folder");
}

TEST(Place, TheRootIsAFolder) {
  EXPECT_EQ(Print(Index(TarMaker().Add(Folder("", 0700)).Bytes())), "d 0700 0:0 .\n");
  EXPECT_EQ(Index(TarMaker().Add(File("..")).Bytes()).code(), Code::kInvalidArgument);
}

TEST(HardLinks, NamesOfOneFileAreSortedOut) {
  EXPECT_EQ(Print(Index(TarMaker()
                            .Add(File("z"), "content")
                            .Add(HardLink("a", "z"))
                            .Add(HardLink("m", "./a"))
                            .Add(HardLink("n", "/z"))
                            .Bytes())),
            "f 0644 0:0 a 7\n"
            "h 0644 0:0 m -> a\n"
            "h 0644 0:0 n -> a\n"
            "h 0644 0:0 z -> a\n");
}

TEST(HardLinks, OutliveTheirFirstName) {
  EXPECT_EQ(Print(Index(TarMaker()
                            .Add(File("a"), "old content")
                            .Add(HardLink("b", "a"))
                            .Add(HardLink("c", "b"))
                            .Add(File("a"), "new")
                            .Bytes())),
            "f 0644 0:0 a 3\n"
            "f 0644 0:0 b 11\n"
            "h 0644 0:0 c -> b\n");
}

TEST(HardLinks, GiveTheFileWhatTheirHeaderSays) {
  tree::Entry link = HardLink("b", "a");
  link.mode = 04640;
  link.uid = 7;
  link.mtime.seconds = 99;
  const auto index = Index(TarMaker().Add(File("a", 0, 0600), "x").Add(link).Bytes());
  EXPECT_EQ(Print(index), "f 4640 7:0 a 1\nh 4640 7:0 b -> a\n");
  EXPECT_EQ(index->Find("a")->mtime.seconds, 99);
}

TEST(HardLinks, ToASymlinkOrDeviceIsAnotherOne) {
  EXPECT_EQ(Print(Index(TarMaker().Add(Link("a", "x")).Add(HardLink("b", "a")).Bytes())),
            "l 0777 0:0 a -> x\nl 0777 0:0 b -> x\n");
}

TEST(HardLinks, ToALayerBelowIsKept) {
  EXPECT_EQ(Print(Index(TarMaker().Add(HardLink("b", "below/a")).Bytes())), "h 0644 0:0 b -> below/a\n");
}

TEST(HardLinks, ToAFolderOrIntoItselfAreRefused) {
  EXPECT_EQ(Index(TarMaker().Add(Folder("d")).Add(HardLink("b", "d")).Bytes()).code(), Code::kInvalidArgument);
  EXPECT_EQ(Index(TarMaker().Add(Folder("d")).Add(File("d/f")).Add(HardLink("d", "d/f")).Bytes()).code(),
            Code::kInvalidArgument);
  EXPECT_EQ(Index(TarMaker().Add(HardLink("b", "/")).Bytes()).code(), Code::kInvalidArgument);
}

TEST(Xattrs, AreReadSortedAndWithoutOverlaysOwn) {
  tree::Entry file = File("a");
  file.xattrs = {{"security.capability", "cap"},
                 {"trusted.overlay.redirect", "/etc"},
                 {"user.b", "2"},
                 {"user.a", "1"},
                 {"user.overlay.opaque", "y"}};
  EXPECT_EQ(Print(Index(TarMaker().Add(file).Bytes())), "f 0644 0:0 a security.capability=cap user.a=1 user.b=2\n");
}

TEST(Times, AreReadFromPaxRecordsToo) {
  tree::Entry before = File("a");
  before.mtime = {.seconds = -2, .nanos = 0};
  tree::Entry late = File("b");
  late.mtime = {.seconds = 99'999'999'999, .nanos = 5};
  const auto index = Index(TarMaker().Add(before).Add(late).Bytes());
  EXPECT_EQ(index->Find("a")->mtime, (tree::Time{.seconds = -2, .nanos = 0}));
  EXPECT_EQ(index->Find("b")->mtime, (tree::Time{.seconds = 99'999'999'999, .nanos = 0}));
}

TEST(Limits, BoundEntriesAndBytes) {
  TarMaker tar;
  for (int i = 0; i < 10; ++i) tar.Add(File(std::to_string(i)), std::string(1000, 'x'));
  EXPECT_EQ(Index(tar.Bytes(), {.max_entries = 10}).code(), Code::kOk);
  EXPECT_EQ(Index(tar.Bytes(), {.max_entries = 9}).code(), Code::kResourceExhausted);
  EXPECT_EQ(Index(tar.Bytes(), {.max_total_bytes = 9999}).code(), Code::kResourceExhausted);
  EXPECT_EQ(Index(tar.Bytes(), {.max_file_bytes = 999}).code(), Code::kResourceExhausted);
  EXPECT_EQ(Index(tar.Bytes(), {.max_table_bytes = 3000}).code(), Code::kResourceExhausted);
}

tree::Entry WithXattrs(tree::Entry entry, int count, size_t name_size, size_t value_size) {
  for (int i = 0; i < count; ++i) {
    std::string name = fmt::format("user.{:05}", i);
    name.resize(std::max(name.size(), name_size), 'n');
    entry.xattrs.emplace_back(std::move(name), std::string(value_size, 'v'));
  }
  return entry;
}

TEST(Limits, CountTheAttributesOfFoldersThatComeAgain) {
  TarMaker tar;
  for (int i = 0; i < 10; ++i) tar.Add(Folder(std::to_string(i)));
  EXPECT_EQ(Index(tar.Bytes(), {.max_table_bytes = 10'000}).code(), Code::kOk);
  for (int i = 0; i < 10; ++i) tar.Add(WithXattrs(Folder(std::to_string(i)), 1, 0, 1000));
  EXPECT_EQ(Index(tar.Bytes(), {.max_table_bytes = 10'000}).code(), Code::kResourceExhausted);
  EXPECT_EQ(Index(tar.Bytes(), {.max_table_bytes = 20'000}).code(), Code::kOk);
}

TEST(Limits, CountTheAttributesThatALinkBrings) {
  TarMaker tar;
  tar.Add(File("f"));
  for (size_t i = 0; i < 10; ++i) tar.Add(WithXattrs(HardLink(fmt::format("l{}", i), "f"), 1, 0, 1000 + i));
  EXPECT_EQ(Index(tar.Bytes(), {.max_table_bytes = 10'000}).code(), Code::kResourceExhausted);
  EXPECT_EQ(Index(tar.Bytes(), {.max_table_bytes = 20'000}).code(), Code::kOk);
}

TEST(Limits, CountAttributesWithoutValues) {
  const std::string tar = TarMaker().Add(WithXattrs(File("f"), 100, 0, 0)).Bytes();
  EXPECT_EQ(Index(tar, {.max_table_bytes = 5000}).code(), Code::kResourceExhausted);
  EXPECT_EQ(Index(tar, {.max_table_bytes = 10'000}).code(), Code::kOk);
}

TEST(Limits, ATargetIsNoLongerThanLinuxHasIt) {
  EXPECT_EQ(Index(TarMaker().Add(Link("l", std::string(4095, 't'))).Bytes()).code(), Code::kOk);
  EXPECT_EQ(Index(TarMaker().Add(Link("l", std::string(4096, 't'))).Bytes()).code(), Code::kInvalidArgument);
}

TEST(Limits, TheWayToAnEntryIsBoundedAlsoBehindItsLastLink) {
  std::string up_and_down;
  for (int i = 0; i < 800; ++i) up_and_down += "d/../";
  const auto way = [&](int links) {
    TarMaker tar;
    tar.Add(Folder("d")).Add(Link("l", up_and_down));
    std::string path;
    for (int i = 0; i < links; ++i) path += "l/";
    return Index(tar.Add(File(path + "f")).Bytes());
  };
  EXPECT_EQ(way(5).code(), Code::kOk);
  EXPECT_EQ(way(6).code(), Code::kInvalidArgument);
}

TEST(Limits, AnEntryHasNoMoreAttributesThanLinuxLists) {
  // With the end of each, 250 bytes a name.
  EXPECT_EQ(Index(TarMaker().Add(WithXattrs(File("f"), 262, 249, 0)).Bytes()).code(), Code::kOk);
  EXPECT_EQ(Index(TarMaker().Add(WithXattrs(File("f"), 263, 249, 0)).Bytes()).code(), Code::kInvalidArgument);
}

TEST(Limits, CountFoldersThatOnlyFollow) {
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "d/";
  EXPECT_EQ(Index(TarMaker().Add(File(deep + "f")).Bytes(), {.max_entries = 100}).code(), Code::kResourceExhausted);
}

TEST(Broken, ALayerIsNotOfACompressionThatOnlyAddKnows) {
  using namespace std::string_view_literals;
  const std::string nothing("BZh9\x17\x72\x45\x38\x50\x90\0\0\0\0"sv);
  EXPECT_EQ(Index(nothing).code(), Code::kInvalidArgument);
  EXPECT_NE(Index(nothing).status().message().find("bzip2"), std::string::npos);
}

TEST(Broken, EarlyEndsAndGarbageSayWhatIsWrong) {
  const std::string tar = TarMaker().Add(File("a"), std::string(3000, 'x')).Bytes();
  EXPECT_EQ(Index(tar.substr(0, 300)).code(), Code::kInvalidArgument);
  EXPECT_EQ(Index(tar.substr(0, 1500)).code(), Code::kDataLoss);
  EXPECT_EQ(Index(tar.substr(0, 512 + 3000)).code(), Code::kOk);  // nothing but filling is missing
  EXPECT_EQ(Index(tar.substr(0, 512 + 3072 + 100)).code(), Code::kDataLoss);
  EXPECT_EQ(Index("hello, this is no archive" + std::string(1000, ' ')).status().message().substr(0, 48),
            "read a layer (none): this is no tar archive: the");
  EXPECT_EQ(Index(TarMaker().Raw(std::string(512, '\0')).Add(File("a")).Bytes()).code(), Code::kInvalidArgument);
}

// Every byte of an archive with all kinds of headers is changed in turn; under the sanitizers nothing may happen but an
// error.
TEST(Broken, MutationsNeverCrash) {
  tree::Entry extended = File(std::string(200, 'n'));
  extended.uid = 1U << 30;
  extended.xattrs = {{"user.a", "1"}};
  tree::Entry device = Of(tree::Type::kBlockDevice, "dev", 0600);
  device.dev_major = 8;
  const std::string tar = TarMaker()
                              .Add(Folder("d"))
                              .Add(extended, "0123456789")
                              .Add(Link("l", std::string(150, 't')))
                              .Add(HardLink("h", std::string(200, 'n')))
                              .Add(device)
                              .Add(File("d/.wh.x"))
                              .Bytes();
  uint64_t seed = 1;
  int read = 0;
  for (size_t at = 0; at < tar.size(); ++at) {
    for (int i = 0; i < 3; ++i) {
      std::string changed = tar;
      seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
      changed[at] = static_cast<char>(seed >> 56);
      // The checksum would catch most: make it right again.
      const size_t block = at / 512 * 512;
      if (at - block < 148 || at - block >= 156) {
        unsigned sum = 0;
        for (size_t b = block; b < block + 512; ++b) {
          sum += b - block >= 148 && b - block < 156 ? ' ' : static_cast<unsigned char>(changed[b]);
        }
        if (changed[block + 148] == '0') changed.replace(block + 148, 6, fmt::format("{:06o}", sum));
      }
      if (Index(changed, {.max_entries = 1000, .max_table_bytes = 1 << 20}).ok()) ++read;
    }
  }
  EXPECT_GT(read, 1000);
}

TEST_F(Archive, PlainArchiveKeepsContents) {
  const std::string large = SomeText(1'000'000);
  const std::string tar = TarMaker()
                              .Add(File("./d/f"), "hello")
                              .Add(File("./large"), large)
                              .Add(HardLink("./e", "./d/f"))
                              .Add(File(".wh.x"), "plain")
                              .Bytes();
  const auto tree = ReadArchive(Context::Background(), FromBytes(tar), {}, *store_, nullptr);
  EXPECT_EQ(Print(tree),
            "f 0644 0:0 .wh.x 5\n"
            "f 0644 0:0 d/f 5\n"
            "h 0644 0:0 e -> d/f\n"
            "f 0644 0:0 large 1000000\n");
  EXPECT_EQ(Get(tree->Find("d/f")->digest), "hello");
  EXPECT_EQ(Get(tree->Find("large")->digest), large);
}

TEST_F(Archive, PlainArchiveLeavesTheRootAloneWhateverIsCalledSo) {
  const std::string tar = TarMaker().Add(File("."), "no root").Add(File("a"), "a").Bytes();
  EXPECT_EQ(Print(ReadArchive(Context::Background(), FromBytes(tar), {}, *store_, nullptr)), "f 0644 0:0 a 1\n");
}

TEST_F(Archive, PlainArchiveCannotLinkToWhatItDoesNotHave) {
  const std::string tar = TarMaker().Add(HardLink("a", "/etc/passwd")).Bytes();
  EXPECT_EQ(ReadArchive(Context::Background(), FromBytes(tar), {}, *store_, nullptr).code(), Code::kInvalidArgument);
}

TEST_F(Archive, PlainArchiveCannotBeUnpackedThroughItsOwnLinkToElsewhere) {
  const auto read = [&](const TarMaker& tar) {
    return ReadArchive(Context::Background(), FromBytes(tar.Bytes()), {}, *store_, nullptr);
  };
  EXPECT_EQ(read(TarMaker().Add(Link("l", "/victim")).Add(File("l/f"))).code(), Code::kInvalidArgument);
  EXPECT_EQ(Print(read(TarMaker().Add(Folder("d")).Add(Link("l", "/d")).Add(File("l/x/f")))),
            "d 0755 0:0 d\nf 0644 0:0 d/x/f\nl 0777 0:0 l -> /d\n");
}

TEST_F(Archive, ABrokenArchiveLeavesNothing) {
  const std::string tar = TarMaker().Add(File("a"), "kept?").Add(File("b"), std::string(9000, 'x')).Bytes();
  EXPECT_FALSE(ReadArchive(Context::Background(), FromBytes(tar.substr(0, 3000)), {}, *store_, nullptr).ok());
  EXPECT_FALSE(store_->Has(Digest::Of("kept?")));
}

TEST(LooksLikeArchive, TellsTarsFromOtherFiles) {
  const std::string tar = TarMaker().Add(File("a"), "b").Bytes();
  EXPECT_TRUE(LooksLikeArchive(tar.substr(0, 512)));
  EXPECT_FALSE(LooksLikeArchive(tar.substr(0, 511)));
  EXPECT_FALSE(LooksLikeArchive(std::string(512, '\0')));
  EXPECT_FALSE(LooksLikeArchive(std::string(512, 'x')));
  EXPECT_FALSE(LooksLikeArchive(""));
}

}  // namespace
}  // namespace slipway::layer
