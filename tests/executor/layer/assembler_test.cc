#include "executor/layer/assembler.h"

#include "tests/executor/layer/layer_fixture.h"

namespace slipway::layer {
namespace {

using oci::Compression;
using Assembler = LayerTest;

class Collect : public BlobSink {
 public:
  explicit Collect(int fail_at = -1) : fail_at_(fail_at) {}
  Status Write(std::string_view part) override {
    if (calls++ == fail_at_) return Unavailable("connection reset");
    bytes += part;
    return Status();
  }
  std::string bytes;
  int calls = 0;

 private:
  int fail_at_;
};

TEST_F(Assembler, LayerReadsBackAsTheSameTree) {
  tree::Entry device = Of(tree::Type::kBlockDevice, "dev/sda", 0660);
  device.gid = 6;
  device.dev_major = 8;
  device.dev_minor = 1'048'575;
  tree::Entry capable = Stored("bin/ping", "elf", 0755);
  capable.xattrs = {{"security.capability", std::string("\1\0\0\2 =\n", 7)}};
  tree::Entry ping6 = HardLink("bin/ping6", "bin/ping");
  ping6.mode = 0755;
  tree::Entry big_ids = Stored("big", "ids");
  big_ids.uid = 4'000'000'000;
  big_ids.gid = 2'097'152;
  big_ids.mtime = {.seconds = -5, .nanos = 0};
  tree::Entry opaque = Folder("opaque", 0711);
  opaque.opaque = true;
  const std::string long_name = std::string(90, 'a') + "/" + std::string(120, 'b') + "/" + std::string(200, 'c');
  const std::vector<tree::Entry> entries = {Folder(""),
                                            Folder("bin"),
                                            big_ids,
                                            capable,
                                            ping6,
                                            Folder("dev"),
                                            device,
                                            Of(tree::Type::kFifo, "dev/p", 0600),
                                            Link("lib", std::string(300, 'l')),
                                            opaque,
                                            Stored("opaque/\xff\xfe caf\xc3\xa9", "raw bytes"),
                                            Folder(std::string(90, 'a')),
                                            Folder(std::string(90, 'a') + "/" + std::string(120, 'b')),
                                            Stored(long_name, SomeText(700'000)),
                                            Whiteout("removed"),
                                            Whiteout("bin/gone"),
                                            Stored("empty", "")};
  const EntrySource source = Source(entries);
  for (const Compression compression : {Compression::kNone, Compression::kGzip, Compression::kZstd}) {
    const auto layer = Make(source, {.compression = compression});
    ASSERT_TRUE(layer.ok()) << layer.status().ToString();
    EXPECT_EQ(layer->descriptor.media_type, oci::LayerMediaType(compression, oci::Family::kOci));
    const std::string blob = Get(layer->descriptor.digest);
    EXPECT_EQ(layer->descriptor.size, static_cast<int64_t>(blob.size()));
    const auto index = IndexLayer(Context::Background(), FromBytes(blob), compression, layer->diff_id, {});
    ASSERT_TRUE(index.ok()) << index.status().ToString();
    EXPECT_EQ(Print(*index), Print(*source.tree));
    EXPECT_EQ(index->Find("big")->mtime.seconds, -5);
  }
}

TEST_F(Assembler, TheSameEntriesGiveTheSameBytes) {
  std::vector<tree::Entry> entries;
  for (int i = 0; i < 50; ++i)
    entries.push_back(Stored(fmt::format("f{}", i), SomeText(200'000, static_cast<uint64_t>(i))));
  const EntrySource source = Source(entries);
  for (const Compression compression : {Compression::kGzip, Compression::kZstd}) {
    const auto one = Make(source, {.compression = compression}, 1);
    for (const size_t threads : {2, 5}) {
      const auto many = Make(source, {.compression = compression}, threads);
      EXPECT_EQ(many->descriptor, one->descriptor);
      EXPECT_EQ(many->diff_id, one->diff_id);
    }
  }
}

TEST_F(Assembler, GoldenBytes) {
  // Whatever changes these changes every digest that users know: think twice.
  tree::Entry file = Stored("dir/file", "hello\n");
  file.mtime = {.seconds = 1'700'000'000, .nanos = 999};
  const auto layer = Make(Source({Folder("dir"), file, Whiteout("dir/gone")}), {.compression = Compression::kNone});
  EXPECT_EQ(layer->diff_id.ToString(), "sha256:8a005589ca8030ce796774b62b273f98eda50fb03bb8b93d7e0b29ac816b4a49");
  EXPECT_EQ(layer->tar_bytes, 3072U);
}

TEST_F(Assembler, PartsOfASecondAreLeftOut) {
  tree::Entry file = Stored("f", "x");
  file.mtime = {.seconds = 1'700'000'000, .nanos = 999'999'999};
  const auto index = Index(MakeTar({file}));
  EXPECT_EQ(index->Find("f")->mtime, (tree::Time{.seconds = 1'700'000'000, .nanos = 0}));
}

TEST_F(Assembler, LateTimesAreClamped) {
  tree::Entry early = Stored("early", "x");
  early.mtime.seconds = 10;
  tree::Entry late = Stored("late", "x");
  late.mtime.seconds = 1000;
  const auto layer = Make(Source({early, late}), {.compression = Compression::kNone, .clamp_mtime = 100});
  const auto index = Index(Get(layer->descriptor.digest));
  EXPECT_EQ(index->Find("early")->mtime.seconds, 10);
  EXPECT_EQ(index->Find("late")->mtime.seconds, 100);
}

TEST_F(Assembler, OnlyCapabilitiesAmongAttributesUnlessAsked) {
  tree::Entry file = Stored("f", "x");
  file.xattrs = {{"security.capability", "cap"}, {"user.note", "n"}};
  EXPECT_EQ(Print(Index(MakeTar({file}))), "f 0644 0:0 f 1 security.capability=cap\n");
  const auto all = Make(Source({file}), {.compression = Compression::kNone, .all_xattrs = true});
  EXPECT_EQ(Print(Index(Get(all->descriptor.digest))), "f 0644 0:0 f 1 security.capability=cap user.note=n\n");
}

TEST_F(Assembler, AFileComesBeforeTheLinksToIt) {
  tree::Entry file = Stored("m", "content", 0600);
  const std::string tar = MakeTar({HardLink("a", "m"), HardLink("b", "m"), file, HardLink("z", "m")});
  EXPECT_EQ(tar.substr(0, 1), "a");
  EXPECT_EQ(tar.substr(512, 7), "content");
  EXPECT_EQ(Print(Index(tar)),
            "f 0600 0:0 a 7\n"
            "h 0600 0:0 b -> a\n"
            "h 0600 0:0 m -> a\n"
            "h 0600 0:0 z -> a\n");
}

TEST_F(Assembler, ALinksHeaderHasTheFilesAttributes) {
  tree::Entry file = Stored("a", "content", 0640);
  file.uid = 5;
  file.mtime.seconds = 99;
  file.xattrs = {{"security.capability", "cap"}};
  const std::string tar = MakeTar({file, HardLink("b", "a")});
  EXPECT_EQ(Print(Index(tar)), "f 0640 5:0 a 7 security.capability=cap\nh 0640 5:0 b -> a\n");
  // The capabilities as well, for an unpacker's chown would take them away.
  const size_t first = tar.find("SCHILY.xattr.security.capability=cap");
  EXPECT_NE(tar.find("SCHILY.xattr.security.capability=cap", first + 1), std::string::npos);
}

TEST_F(Assembler, TheSinkGetsTheBlob) {
  Collect sink;
  const auto layer = Make(Source({Stored("f", SomeText(5'000'000))}), {}, 2, &sink);
  EXPECT_EQ(Digest::Of(sink.bytes), layer->descriptor.digest);
}

TEST_F(Assembler, AFailingSinkDoesNotEndTheAssembly) {
  Collect sink(1);
  const auto layer = Make(Source({Stored("f", Noise(5'000'000))}), {}, 2, &sink);
  ASSERT_TRUE(layer.ok()) << layer.status().ToString();
  EXPECT_EQ(sink.calls, 2) << "it was called again after it had failed";
  EXPECT_TRUE(store_->Has(layer->descriptor.digest));
}

TEST_F(Assembler, AFileOfAnotherSizeIsDataLossThatNamesIt) {
  tree::Entry file = Stored("etc/hosts", "short");
  file.size = 10;
  const auto layer = Make(Source({file}));
  EXPECT_EQ(layer.code(), Code::kDataLoss);
  EXPECT_EQ(layer.status().message(),
            "put 'etc/hosts' into a layer: the file changed while it was read: it has 5 bytes, not 10");
}

TEST_F(Assembler, AFileThatShrinksIsDataLossThatNamesIt) {
  const std::string path = temp_.path() + "/f";
  ASSERT_TRUE(fs::WriteFileAtomic(path, "short").ok());
  EntrySource source;
  source.tree = std::make_shared<const tree::Tree>(std::vector{File("f", 1000)});
  source.open = [&](const tree::Entry&) -> Result<content::Blob> {
    return content::Blob(std::make_shared<const UniqueFd>(std::move(fs::Open(path, O_RDONLY)).value()), 0, 1000);
  };
  const auto layer = Make(source);
  EXPECT_EQ(layer.code(), Code::kDataLoss);
  EXPECT_TRUE(layer.status().message().starts_with("put 'f' into a layer: ")) << layer.status().message();
}

TEST_F(Assembler, ASocketIsRefused) {
  EXPECT_EQ(Make(Source({Of(tree::Type::kSocket, "s", 0600)})).code(), Code::kInvalidArgument);
}

TEST_F(Assembler, NothingIsAnEmptyLayer) {
  const auto layer = Make(Source({}));
  // The layer that everyone has: 1024 zero bytes.
  EXPECT_EQ(layer->diff_id.ToString(), "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef");
}

TEST_F(Assembler, ProgressCountsToTheEnd) {
  ThreadPool pool(2);
  std::vector<uint64_t> seen;
  const auto layer = Assemble(Context::Background(), Source({Stored("f", SomeText(5'000'000))}), {}, *store_, nullptr,
                              pool, nullptr, [&](uint64_t done) { seen.push_back(done); });
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_GE(seen.size(), 4U);
  EXPECT_EQ(seen.back(), layer->tar_bytes);
}

}  // namespace
}  // namespace slipway::layer
