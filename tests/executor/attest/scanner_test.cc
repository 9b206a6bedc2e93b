#include "executor/attest/scanner.h"

#include <gmock/gmock.h>

#include "tests/executor/layer/layer_fixture.h"

namespace slipway::attest {
namespace {

using layer::File;
using layer::Folder;
using layer::HardLink;
using layer::TarMaker;
using layer::Whiteout;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

tree::Entry Sized(std::string path, uint64_t size, uint32_t mode = 0644) { return File(std::move(path), size, mode); }

TEST(Classify, ByPathModeAndSize) {
  EXPECT_EQ(Classify(Sized("var/lib/dpkg/status", 10)), FileKind::kDpkg);
  EXPECT_EQ(Classify(Sized("var/lib/dpkg/status.d/tzdata", 10)), FileKind::kDpkg);
  EXPECT_EQ(Classify(Sized("var/lib/dpkg/status.d/tzdata.md5sums", 10)), FileKind::kNone);
  EXPECT_EQ(Classify(Sized("backup/var/lib/dpkg/status", 10)), FileKind::kNone);
  EXPECT_EQ(Classify(Sized("usr/lib/sysimage/rpm/rpmdb.sqlite", 10)), FileKind::kRpmSqlite);
  EXPECT_EQ(Classify(Sized("var/lib/rpm/Packages", 10)), FileKind::kRpmOther);
  EXPECT_EQ(Classify(Sized("app/node_modules/@babel/core/package.json", 10)), FileKind::kNpmPackage);
  EXPECT_EQ(Classify(Sized("app/node_modules/debug/package.json", 10)), FileKind::kNpmPackage);
  EXPECT_EQ(Classify(Sized("app/node_modules/debug/lib/package.json", 10)), FileKind::kNone);
  EXPECT_EQ(Classify(Sized("app/package.json", 10)), FileKind::kNone);
  EXPECT_EQ(Classify(Sized("usr/lib/python3/dist-packages/x-1.dist-info/METADATA", 10)), FileKind::kPython);
  EXPECT_EQ(Classify(Sized("usr/local/bin/app", 2 << 20, 0755)), FileKind::kProgram);
  EXPECT_EQ(Classify(Sized("usr/local/bin/app", 2 << 20, 0644)), FileKind::kNone);
  EXPECT_EQ(Classify(Sized("usr/bin/small", 10, 0755)), FileKind::kNone);
  EXPECT_EQ(Classify(Sized("usr/lib/libc.so.6", 2 << 20, 0755)), FileKind::kNone);
  EXPECT_EQ(Classify(Folder("var/lib/dpkg/status")), FileKind::kNone);
}

constexpr const char* kStatus = "Package: bash\nStatus: install ok installed\nVersion: 5.2\nArchitecture: amd64\n";
constexpr const char* kNewer = "Package: bash\nStatus: install ok installed\nVersion: 5.3\nArchitecture: amd64\n";
constexpr const char* kMusl = "P:musl\nV:1.2.4-r2\nA:x86_64\n";

class ScanTest : public layer::LayerTest {
 protected:
  void SetUp() override {
    LayerTest::SetUp();
    const auto fetch = [this](const Context&, const layer::Remote& remote, const auto& sink, const VertexProgress&) {
      ++fetched_;
      return sink(blobs_.at(remote.descriptor.digest));
    };
    auto layers = layer::Store::Open({.root = temp_.path() + "/layers", .limits = {}}, *store_, pool_, fetch);
    ASSERT_TRUE(layers.ok()) << layers.status().ToString();
    layers_ = *std::move(layers);
  }

  layer::Key Remote(const TarMaker& tar) {
    oci::Descriptor descriptor;
    descriptor.media_type = oci::media_type::kLayer;
    descriptor.digest = Digest::Of(tar.Bytes());
    descriptor.size = static_cast<int64_t>(tar.Bytes().size());
    blobs_[descriptor.digest] = tar.Bytes();
    return *layers_->AddRemote(descriptor.digest, {.descriptor = descriptor, .host = "r.io", .repository = "base"});
  }

  Findings Scanned(const layer::Chain& chain) {
    auto found = Scan(Context::Background(), *layers_, chain, {});
    EXPECT_TRUE(found.ok()) << found.status().ToString();
    return found.ok() ? *std::move(found) : Findings();
  }
  std::vector<std::string> Urls(const Findings& found) {
    std::vector<std::string> out;
    for (const Package& package : found.packages) out.push_back(Purl(package, found.distribution));
    return out;
  }

  ThreadPool pool_{2};
  std::map<Digest, std::string> blobs_;
  int fetched_ = 0;
  std::unique_ptr<layer::Store> layers_;
};

TEST_F(ScanTest, ReadsALayerOfARegistryWithoutUnpackingIt) {
  const layer::Key base = Remote(TarMaker()
                                     .Add(File("usr/lib/os-release"), "ID=debian\nVERSION_ID=12\n")
                                     .Add(File("var/lib/dpkg/status"), kStatus)
                                     .Add(File("usr/share/other"), "nothing"));
  const Findings found = Scanned({base});
  EXPECT_THAT(Urls(found), ElementsAre("pkg:deb/debian/bash@5.2?arch=amd64&distro=debian-12"));
  EXPECT_EQ(found.packages[0].found_in, "/var/lib/dpkg/status");
  EXPECT_EQ(fetched_, 1) << "one download for the index and the files";
  EXPECT_EQ(fs::ListDir(temp_.path() + "/layers/unpacked")->size(), 0U);
}

TEST_F(ScanTest, TheUppermostLayerThatShowsAFileCounts) {
  const layer::Key base = Remote(TarMaker().Add(File("var/lib/dpkg/status"), kStatus).Add(File("app/go.mod"), "x"));
  const layer::Key changed = Remote(TarMaker().Add(File("var/lib/dpkg/status"), kNewer));
  const layer::Key removed = Remote(TarMaker().Add(File("var/lib/dpkg/.wh.status")));
  EXPECT_THAT(Urls(Scanned({base, changed})), ElementsAre("pkg:deb/bash@5.3?arch=amd64"));
  EXPECT_THAT(Urls(Scanned({base, changed, removed})), ElementsAre());
}

TEST_F(ScanTest, AFileThatALayerNamesTwiceIsTheLastOne) {
  const layer::Key twice =
      Remote(TarMaker().Add(File("var/lib/dpkg/status"), kStatus).Add(File("var/lib/dpkg/status"), kNewer));
  EXPECT_THAT(Urls(Scanned({twice})), ElementsAre("pkg:deb/bash@5.3?arch=amd64"));
}

TEST_F(ScanTest, OfAFileThatIsNamedTwiceTheFirstLeavesNothingBehind) {
  const layer::Key twice =
      Remote(TarMaker()
                 .Add(File("app/package-lock.json"), "{")
                 .Add(File("app/package-lock.json"), R"({"packages": {"node_modules/x": {"version": "1.0"}}})"));
  const Findings found = Scanned({twice});
  EXPECT_THAT(Urls(found), ElementsAre("pkg:npm/x@1.0"));
  EXPECT_THAT(found.problems, ElementsAre());
}

TEST_F(ScanTest, ADescriptionOfOnePackageHasALowerBoundThanAList) {
  const std::string large = R"({"name": "x", "version": "1.0"})" + std::string(5U << 20, ' ');
  const layer::Key layer = Remote(TarMaker()
                                      .Add(File("app/node_modules/x/package.json"), large)
                                      .Add(File("pool/1"), large)
                                      .Add(HardLink("app/node_modules/y/package.json", "pool/1"))
                                      .Add(File("lib/apk/db/installed"), kMusl));
  const Findings found = Scanned({layer});
  EXPECT_THAT(Urls(found), ElementsAre("pkg:apk/musl@1.2.4-r2?arch=x86_64"));
  EXPECT_THAT(found.problems, ElementsAre(HasSubstr("/app/node_modules/x/package.json: has 52429"),
                                          HasSubstr("/app/node_modules/y/package.json: has 52429")));
}

TEST_F(ScanTest, PackagesBeyondTheMostAreLeftOutAndTold) {
  std::string lists[2];
  for (size_t i = 0; i < kMostPackages + 10; ++i) {
    lists[i % 2] += fmt::format("P:p{}\nV:1\n\n", i);
  }
  const layer::Key layer = Remote(TarMaker()
                                      .Add(File("lib/apk/db/installed"), lists[0])
                                      .Add(File("usr/lib/apk/db/installed"), lists[1])
                                      .Add(File("usr/share/gems/specifications/rake-13.0.6.gemspec"), "#"));
  const Findings found = Scanned({layer});
  EXPECT_EQ(found.packages.size(), kMostPackages);
  EXPECT_THAT(found.problems, ElementsAre("/usr/lib/apk/db/installed: there are more packages than are listed"));
}

TEST_F(ScanTest, CopiedLayersAreReadFromTheStore) {
  const layer::Key copied = *layers_->AddRecipe(tree::Tree(
      {Folder("app"), Stored("app/Cargo.lock", "[[package]]\nname = \"serde\"\nversion = \"1.0\"\nsource = \"r\"\n"),
       Folder("lib"), Folder("lib/apk"), Folder("lib/apk/db"), Stored("lib/apk/db/installed", kMusl)}));
  EXPECT_THAT(Urls(Scanned({copied})), ElementsAre("pkg:apk/musl@1.2.4-r2?arch=x86_64", "pkg:cargo/serde@1.0"));
}

TEST_F(ScanTest, HardLinksAndGemsByName) {
  const std::string metadata = "Name: six\nVersion: 1.16.0\n";
  const layer::Key layer = Remote(TarMaker()
                                      .Add(File("pool/1"), metadata)
                                      .Add(HardLink("usr/lib/six-1.16.0.dist-info/METADATA", "pool/1"))
                                      .Add(File("usr/share/gems/specifications/rake-13.0.6.gemspec"), "#"));
  EXPECT_THAT(Urls(Scanned({layer})), ElementsAre("pkg:gem/rake@13.0.6", "pkg:pypi/six@1.16.0"));
}

TEST_F(ScanTest, WhatCannotBeReadIsSaid) {
  const layer::Key layer = Remote(TarMaker()
                                      .Add(File("var/lib/rpm/rpmdb.sqlite"), "damaged")
                                      .Add(File("usr/share/rpm/Packages"), "old")
                                      .Add(File("app/package-lock.json"), "{")
                                      .Add(File("lib/apk/db/installed"), kMusl));
  const Findings found = Scanned({layer});
  EXPECT_THAT(Urls(found), ElementsAre("pkg:apk/musl@1.2.4-r2?arch=x86_64"));
  EXPECT_THAT(found.problems, ElementsAre(HasSubstr("/app/package-lock.json: "),
                                          HasSubstr("/usr/share/rpm/Packages: a database of rpm"),
                                          HasSubstr("/var/lib/rpm/rpmdb.sqlite: this is no SQLite database")));
}

TEST_F(ScanTest, ScratchHasNothing) { EXPECT_TRUE(Scanned({}).packages.empty()); }

}  // namespace
}  // namespace slipway::attest
