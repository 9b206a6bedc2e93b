#include "cli/oci_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/folder.h"

namespace slipway::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class OciLayoutTest : public ::testing::Test {
 protected:
  Digest Blob(const std::string& bytes) const {
    const Digest digest = Digest::Of(bytes);
    folder_.Write("blobs/sha256/" + digest.hex(), bytes);
    return digest;
  }
  Digest Manifest(const std::string& name) const {
    return Blob(fmt::format(R"({{"config":{{"digest":"{}"}},"layers":[{{"digest":"{}"}}]}})",
                            Blob("config of " + name).ToString(), Blob("layer of " + name).ToString()));
  }
  static std::string Named(const Digest& digest, const std::string& tag) {
    return fmt::format(R"({{"digest":"{}","annotations":{{"org.opencontainers.image.ref.name":"{}"}}}})",
                       digest.ToString(), tag);
  }
  void WriteIndex(const std::vector<std::string>& manifests) const {
    folder_.Write("index.json", fmt::format(R"({{"manifests":[{}]}})", fmt::join(manifests, ",")));
  }
  Result<LayoutImage> Read(const std::string& rest = "") const {
    SLIPWAY_ASSIGN_OR_RETURN(const LayoutFlag flag, ParseLayoutFlag(folder_.path() + rest));
    return ReadLayout(flag);
  }

  Folder folder_;
};

TEST_F(OciLayoutTest, FlagsAreFolderTagAndDigest) {
  EXPECT_EQ(ParseLayoutFlag("dir")->tag, "latest");
  EXPECT_EQ(ParseLayoutFlag("dir:v1")->folder, "dir");
  EXPECT_EQ(ParseLayoutFlag("dir:v1")->tag, "v1");
  EXPECT_EQ(ParseLayoutFlag("/a/dir@" + Digest::Of("x").ToString())->digest, Digest::Of("x"));
  for (const char* bad : {"", ":v1", "dir:", "dir@sha256:1", "dir@"}) {
    EXPECT_EQ(ParseLayoutFlag(bad).code(), Code::kInvalidArgument) << bad;
  }
}

TEST_F(OciLayoutTest, AnImageIsFoundByItsTagWithAllThatItIsMadeOf) {
  const Digest one = Manifest("one");
  const Digest two = Manifest("two");
  WriteIndex({Named(one, "v1"), Named(two, "latest")});
  EXPECT_EQ(Read(":v1")->root, one);
  EXPECT_THAT(Read()->blobs, ElementsAre(two, Digest::Of("config of two"), Digest::Of("layer of two")));
}

TEST_F(OciLayoutTest, TheOnlyImageNeedsNoTag) {
  const Digest one = Manifest("one");
  WriteIndex({Named(one, "v1")});
  EXPECT_EQ(Read()->root, one);
}

TEST_F(OciLayoutTest, AnIndexLeadsToThePlatformsThatAreThere) {
  const Digest there = Manifest("there");
  const Digest index = Blob(fmt::format(R"({{"manifests":[{{"digest":"{}"}},{{"digest":"{}"}}]}})", there.ToString(),
                                        Digest::Of("elsewhere").ToString()));
  WriteIndex({Named(index, "latest")});
  EXPECT_THAT(Read()->blobs, ElementsAre(index, there, Digest::Of("config of there"), Digest::Of("layer of there")));
}

TEST_F(OciLayoutTest, SaysWhatIsWrong) {
  EXPECT_EQ(Read().code(), Code::kNotFound);
  folder_.Write("index.json", "not json");
  EXPECT_THAT(Read().status().message(), HasSubstr("is no JSON object"));
  const Digest one = Manifest("one");
  WriteIndex({Named(one, "v1"), Named(one, "v2")});
  EXPECT_THAT(Read(":v3").status().message(), HasSubstr("did you mean"));
  EXPECT_THAT(Read("@" + Digest::Of("gone").ToString()).status().message(), HasSubstr("is not in it"));
  WriteIndex({Named(Blob(fmt::format(R"({{"layers":[{{"digest":"{}"}}]}})", Digest::Of("lost").ToString())), "x")});
  EXPECT_THAT(Read().status().message(), HasSubstr(Digest::Of("lost").ToString()));
  WriteIndex({R"({"digest":7})"});
  EXPECT_FALSE(Read().ok());
}

}  // namespace
}  // namespace slipway::cli
