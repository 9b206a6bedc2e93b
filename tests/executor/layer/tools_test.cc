// Second opinions: GNU tar, Python's tarfile, gzip, zstd, xz and bzip2 read what we write, and we read what they write.
#include <sys/stat.h>

#include "executor/base/process.h"
#include "tests/executor/layer/layer_fixture.h"

namespace slipway::layer {
namespace {

class Tools : public LayerTest {
 protected:
  std::string Run(const std::string& script) {
    SpawnOptions options;
    options.argv = {"bash", "-euc", script};
    options.cwd = temp_.path();
    auto output = RunProgram(Context::Background(), options, {}, 64U << 20);
    if (!output.ok()) return output.status().ToString();
    if (!output->exit.ok()) return fmt::format("{}: {}", output->exit.ToString(), output->err);
    return output->out;
  }
  std::string ReadTemp(const std::string& name) { return *fs::ReadFile(temp_.path() + "/" + name, 1U << 30); }
  void WriteTemp(const std::string& name, const std::string& bytes) {
    ASSERT_TRUE(fs::WriteFileAtomic(temp_.path() + "/" + name, bytes).ok());
  }
};

std::string Long(size_t size, char c) { return std::string(size, c); }

class WrittenTar : public Tools {
 protected:
  void SetUp() override {
    Tools::SetUp();
    tree::Entry big = Stored("big-ids", "b");
    big.uid = 3'000'000;
    big.gid = 2'500'000;
    tree::Entry old = Stored("old", "o");
    old.mtime.seconds = -100;
    tree::Entry device = Of(tree::Type::kCharDevice, "null", 0666);
    device.dev_major = 1;
    device.dev_minor = 3;
    tree::Entry capable = Stored("capable", "c", 0755);
    capable.xattrs = {{"security.capability", "\1\2=\n"}};
    WriteTemp("a.tar", MakeTar({Folder("dir", 01777), Stored("dir/file", "hello"), HardLink("dir/hard", "dir/file"),
                                Link("link", "dir/file"), Link("long-link", Long(200, 't')),
                                Stored(Long(150, 'n'), "n"), Folder(Long(80, 'p')),
                                Stored(Long(80, 'p') + "/" + Long(90, 'q'), "split"), Stored("caf\xc3\xa9", "utf8"),
                                big, old, device, capable, Of(tree::Type::kFifo, "pipe", 0600), Whiteout("dir/gone")}));
  }
};

TEST_F(WrittenTar, IsReadByGnuTar) {
  EXPECT_EQ(Run("LC_ALL=C.UTF-8 TZ=UTC tar --numeric-owner --full-time --quoting-style=literal -tvf a.tar | tr -s ' '"),
            fmt::format("-rw-r--r-- 3000000/2500000 1 1970-01-01 00:00:00 big-ids\n"
                        "-rw-r--r-- 0/0 4 1970-01-01 00:00:00 caf\xc3\xa9\n"
                        "-rwxr-xr-x 0/0 1 1970-01-01 00:00:00 capable\n"
                        "drwxrwxrwt 0/0 0 1970-01-01 00:00:00 dir/\n"
                        "-rw-r--r-- 0/0 5 1970-01-01 00:00:00 dir/file\n"
                        "---------- 0/0 0 1970-01-01 00:00:00 dir/.wh.gone\n"
                        "hrw-r--r-- 0/0 0 1970-01-01 00:00:00 dir/hard link to dir/file\n"
                        "lrwxrwxrwx 0/0 0 1970-01-01 00:00:00 link -> dir/file\n"
                        "lrwxrwxrwx 0/0 0 1970-01-01 00:00:00 long-link -> {}\n"
                        "-rw-r--r-- 0/0 1 1970-01-01 00:00:00 {}\n"
                        "crw-rw-rw- 0/0 1,3 1970-01-01 00:00:00 null\n"
                        "-rw-r--r-- 0/0 1 1969-12-31 23:58:20 old\n"
                        "prw------- 0/0 0 1970-01-01 00:00:00 pipe\n"
                        "drwxr-xr-x 0/0 0 1970-01-01 00:00:00 {}/\n"
                        "-rw-r--r-- 0/0 5 1970-01-01 00:00:00 {}/{}\n",
                        Long(200, 't'), Long(150, 'n'), Long(80, 'p'), Long(80, 'p'), Long(90, 'q')));
}

TEST_F(WrittenTar, IsReadByPython) {
  EXPECT_EQ(Run(R"(python3 - <<'P'
import tarfile
with tarfile.open("a.tar", encoding="utf-8", errors="surrogateescape") as t:
    names = [i.name for i in t]
    i = t.getmember("capable")
    print(len(names), i.pax_headers["SCHILY.xattr.security.capability"].encode(), t.getmember("old").mtime,
          t.getmember("big-ids").uid, t.extractfile("dir/hard").read().decode(), t.extractfile("café").read().decode(),
          t.extractfile("p" * 80 + "/" + "q" * 90).read().decode(), t.getmember("long-link").linkname == "t" * 200)
P)"),
            "15 b'\\x01\\x02=\\n' -100.0 3000000 hello utf8 split True\n");
}

TEST_F(Tools, CompressedStreamsAreWholeForTheirOwnTools) {
  const std::string text = SomeText(3'000'000) + Noise(1'000'000);
  const auto entries = [&] { return std::vector<tree::Entry>{Stored("f", text)}; };
  const std::string tar = MakeTar(entries());
  const auto check = [&](oci::Compression compression, int level, const std::string& tool) {
    const auto layer = Make(Source(entries()), {.compression = compression, .level = level});
    WriteTemp("blob", Get(layer->descriptor.digest));
    EXPECT_EQ(Run(tool + " -dc < blob | sha256sum | cut -c1-64"), Digest::Of(tar).hex() + "\n") << tool << " " << level;
  };
  for (const int level : {-1, 1, 3, 6}) check(oci::Compression::kGzip, level, "gzip");
  for (const int level : {-1, 1, 9}) check(oci::Compression::kZstd, level, "zstd");
  check(oci::Compression::kGzip, -1,
        "python3 -c 'import gzip,sys; sys.stdout.buffer.write(gzip.decompress(sys.stdin.buffer.read()))'");
}

// A folder with what tars differ in; every format that GNU tar writes must read as the same tree.
class ReadTar : public Tools {
 protected:
  static constexpr const char* kMake =
      "mkdir -p t/d; cd t; printf hello > d/f; ln d/f d/h; ln -s f d/s; mkfifo p; chmod 4711 d/f; printf x > "
      "\"$(printf 'caf\\303\\251')\"\n"
      "find . -exec touch -h -d @1600000000 {} +; cd ..\n";
};

TEST_F(ReadTar, EveryFormatOfGnuTar) {
  for (const std::string format : {"v7", "oldgnu", "gnu", "ustar", "posix"}) {
    // V7 has no fifo.
    const std::string fifo = format == "v7" ? "--exclude=p" : "";
    EXPECT_EQ(Run(fmt::format("rm -rf t; {}tar --format={} {} --sort=name --owner=7 --group=8 -C t -cf a.tar .", kMake,
                              format, fifo)),
              "");
    EXPECT_EQ(Print(Index(ReadTemp("a.tar"))), fmt::format("d 0755 7:8 .\n"
                                                           "f 0644 7:8 caf\xc3\xa9 1\n"
                                                           "d 0755 7:8 d\n"
                                                           "f 4711 7:8 d/f 5\n"
                                                           "h 4711 7:8 d/h -> d/f\n"
                                                           "l 0777 7:8 d/s -> f\n"
                                                           "{}",
                                                           format == "v7" ? "" : "p 0644 7:8 p\n"))
        << format;
  }
}

TEST_F(ReadTar, LongNamesAndBigNumbers) {
  const std::string name = Long(120, 'a') + "/" + Long(150, 'b');
  for (const std::string format : {"gnu", "posix"}) {
    EXPECT_EQ(
        Run(fmt::format(
            "rm -rf t; mkdir -p t/{}; cd t; touch {}; ln -s {} l; tar --format={} --owner=3000000 --group=2999999 "
            "--mtime=@-5 --sort=name -cf ../a.tar *",
            Long(120, 'a'), name, Long(180, 'c'), format)),
        "");
    const auto index = Index(ReadTemp("a.tar"));
    EXPECT_EQ(Print(index),
              fmt::format("d 0755 3000000:2999999 {}\nf 0644 3000000:2999999 {}\nl 0777 3000000:2999999 l -> {}\n",
                          Long(120, 'a'), name, Long(180, 'c')))
        << format;
    EXPECT_EQ(index->Find(name)->mtime.seconds, -5);
  }
}

TEST_F(ReadTar, EverySparseFormat) {
  Run("truncate -s 3000000 s; for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27; do "
      "printf block$i | dd of=s bs=1 seek=$((i*100000)) conv=notrunc status=none; done");
  const std::string content = ReadTemp("s");
  for (const std::string format :
       {"gnu", "oldgnu", "posix --sparse-version=0.0", "posix --sparse-version=0.1", "posix --sparse-version=1.0"}) {
    EXPECT_EQ(Run(fmt::format("tar --format={} -S -cf a.tar s; test $(stat -c %s a.tar) -lt 1000000", format)), "")
        << format;
    const auto tree = ReadArchive(Context::Background(), FromBytes(ReadTemp("a.tar")), {}, *store_, nullptr);
    ASSERT_TRUE(tree.ok()) << format << ": " << tree.status().ToString();
    ASSERT_NE(tree->Find("s"), nullptr) << format;
    EXPECT_TRUE(Get(tree->Find("s")->digest) == content) << format;
  }
}

TEST_F(ReadTar, EveryCompressionThatAddKnows) {
  Run(
      fmt::format("{}tar --owner=7 --group=8 -C t -cf a.tar d; dd if=/dev/urandom bs=1000 count=1000 of=t/d/r "
                  "status=none; tar -C t -rf a.tar d/r",
                  kMake));
  const auto read = [&](const std::string& bytes) {
    return ReadArchive(Context::Background(), FromBytes(bytes), ArchiveLimits(), *store_, nullptr);
  };
  const auto plain = read(ReadTemp("a.tar"));
  ASSERT_TRUE(plain.ok()) << plain.status().ToString();
  for (const std::string tool : {"gzip", "zstd", "xz", "bzip2"}) {
    Run(tool + " -c < a.tar > a.z");
    const std::string blob = ReadTemp("a.z");
    EXPECT_TRUE(LooksLikeArchive(blob.substr(0, 512))) << tool;
    EXPECT_TRUE(LooksLikeArchive(blob)) << tool;
    EXPECT_EQ(Print(read(blob)), Print(plain)) << tool;
    EXPECT_EQ(read(blob.substr(0, blob.size() / 2)).code(), Code::kDataLoss) << tool;
    const bool of_layers = tool == "gzip" || tool == "zstd";
    EXPECT_EQ(Index(blob).code(), of_layers ? Code::kOk : Code::kInvalidArgument) << tool;
    Run("printf 'no archive, only text' | " + tool + " -c > b.z");
    EXPECT_FALSE(LooksLikeArchive(ReadTemp("b.z"))) << tool;
  }
}

TEST_F(ReadTar, PythonsNamesAreKeptByteForByte) {
  // The second must not become the first.
  Run(R"(python3 - <<'P'
import tarfile
with tarfile.open("a.tar", "w", format=tarfile.PAX_FORMAT, encoding="utf-8", errors="surrogateescape") as t:
    for n in ["caf\u00e9", "cafe\u0301", b"latin\xe9".decode("utf-8", "surrogateescape"), "new\nline"]:
        t.addfile(tarfile.TarInfo(n))
P)");
  EXPECT_EQ(Print(Index(ReadTemp("a.tar"))),
            "f 0644 0:0 cafe\xcc\x81\nf 0644 0:0 caf\xc3\xa9\nf 0644 0:0 latin\xe9\nf 0644 0:0 new\nline\n");
}

}  // namespace
}  // namespace slipway::layer
