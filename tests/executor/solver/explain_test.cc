// What a miss is put down to.
#include "executor/solver/explain.h"

#include <gtest/gtest.h>

namespace slipway::solver {
namespace {

using Kind = KeyPart::Kind;

KeyPart File(const std::string& path, const std::string& content, uint32_t mode = 0644, uint32_t uid = 0) {
  tree::Entry entry;
  entry.mode = mode;
  entry.uid = uid;
  entry.digest = Digest::Of(content);
  return {Kind::kFile, path, FileValue(entry)};
}

std::string Why(const KeyParts& before, const KeyParts& now) {
  CacheStep step{.outcome = CacheStep::Outcome::kMiss};
  Compare(before, now, &step);
  return CacheStepText(step);
}

TEST(Explain, TheValueOfAFileIsTypeModeOwnerAndContent) {
  tree::Entry entry;
  entry.mode = 0644;
  entry.digest = Digest::Of("abc");
  EXPECT_EQ(FileValue(entry), "file 0644 0:0 ba7816bf8f01cfea414140de");
  entry.xattrs = {{"user.a", "1"}};
  const std::string attributes = Hasher().Field("user.a").Field("1").Finish().hex().substr(0, 24);
  EXPECT_EQ(FileValue(entry), "file 0644 0:0 ba7816bf8f01cfea414140de attributes " + attributes);
  const auto value = [](tree::Type type, uint32_t mode) {
    tree::Entry of;
    of.type = type;
    of.mode = mode;
    of.uid = 1000;
    of.gid = 4294967295;
    of.link = "to";
    of.dev_major = 8;
    of.dev_minor = 16;
    return FileValue(of);
  };
  EXPECT_EQ(value(tree::Type::kFile, 0), "file 0000 1000:4294967295 ");
  EXPECT_EQ(value(tree::Type::kDirectory, 07), "folder 0007 1000:4294967295 ");
  EXPECT_EQ(value(tree::Type::kDirectory, 04755), "folder 4755 1000:4294967295 ");
  EXPECT_EQ(value(tree::Type::kSymlink, 0777), "link 0777 1000:4294967295 to");
  EXPECT_EQ(value(tree::Type::kHardlink, 0100), "file 0100 1000:4294967295 same as to");
  EXPECT_EQ(value(tree::Type::kBlockDevice, 010), "device 0010 1000:4294967295 8:16");
  EXPECT_EQ(value(tree::Type::kFifo, 0644), "fifo 0644 1000:4294967295 ");
}

TEST(Explain, TellsHowAFileChanged) {
  const KeyParts before = {File("/a", "1"), File("/b", "1")};
  EXPECT_EQ(Why(before, {File("/a", "1"), File("/b", "2")}), "the file /b changed (content)");
  EXPECT_EQ(Why(before, {File("/a", "1")}), "the file /b was removed");
  EXPECT_EQ(Why(before, {File("/a", "1"), File("/b", "1"), File("/c", "1")}), "the file /c was added");
  EXPECT_EQ(Why(before, {File("/a", "1", 0755), File("/b", "1")}), "the file /a changed (mode): '0644' became '0755'");
  EXPECT_EQ(Why(before, {File("/a", "1", 0644, 7), File("/b", "1")}),
            "the file /a changed (owner): '0:0' became '7:0'");
}

TEST(Explain, TellsTheTargetOfALinkAndAnotherType) {
  tree::Entry link;
  link.type = tree::Type::kSymlink;
  link.mode = 0777;
  link.link = "one two";
  tree::Entry other = link;
  other.link = "three";
  EXPECT_EQ(Why({{Kind::kFile, "/l", FileValue(link)}}, {{Kind::kFile, "/l", FileValue(other)}}),
            "the file /l changed (target): 'one two' became 'three'");
  EXPECT_EQ(Why({{Kind::kFile, "/l", FileValue(link)}}, {File("/l", "x")}),
            "the file /l changed (type): 'link' became 'file'");
}

TEST(Explain, TellsValues) {
  const KeyParts before = {
      {Kind::kArgument, "V", "1"}, {Kind::kEnvironment, "E", "x"}, {Kind::kInstruction, "", "make"}};
  EXPECT_EQ(
      Why(before, {{Kind::kArgument, "V", "2"}, {Kind::kEnvironment, "E", "x"}, {Kind::kInstruction, "", "make"}}),
      "the argument V changed: '1' became '2'");
  EXPECT_EQ(Why(before, {{Kind::kArgument, "V", "1"}, {Kind::kInstruction, "", "make"}}),
            "the variable E is gone; it was 'x'");
  EXPECT_EQ(
      Why(before, {{Kind::kArgument, "V", "1"}, {Kind::kEnvironment, "E", "x"}, {Kind::kInstruction, "", "make a"}}),
      "the instruction changed: 'make' became 'make a'");
}

TEST(Explain, AnotherBaseIsOneChange) {
  EXPECT_EQ(Why({{Kind::kBase, "a:1", "sha256:1"}}, {{Kind::kBase, "a:1", "sha256:2"}}),
            "the base a:1 changed: 'sha256:1' became 'sha256:2'");
  EXPECT_EQ(Why({{Kind::kBase, "a:1", "sha256:1"}}, {{Kind::kBase, "b:2", "sha256:2"}}),
            "the base b:2 changed: 'a:1 (sha256:1)' became 'b:2 (sha256:2)'");
}

TEST(Explain, CountsWhatElseDiffers) {
  EXPECT_EQ(Why({File("/a", "1"), File("/b", "1")}, {File("/a", "2"), File("/b", "2")}),
            "the file /a changed (content), and 1 more");
}

TEST(Explain, SecretsAreNeverKeptButSaidToHaveChanged) {
  const auto parts = [](const std::string& token) {
    KeyParts out = {{Kind::kArgument, "TOKEN", token}, {Kind::kEnvironment, "URL", "https://" + token + "@host"}};
    HideSecrets(out, {token});
    return out;
  };
  const std::string kept = EncodeParts(parts("s3cret-one"));
  EXPECT_EQ(kept.find("s3cret"), std::string::npos) << kept;
  EXPECT_EQ(Why(parts("s3cret-one"), parts("s3cret-two")), "a secret value changed (TOKEN, URL)");
}

TEST(Explain, VeryManyFilesAreFoldedByFolder) {
  const auto parts = [](const std::string& last) {
    KeyParts out;
    for (int i = 0; i < 300; ++i) out.push_back(File(fmt::format("/src/{}/{}", i % 3, i), i == 299 ? last : "same"));
    FoldFiles(out, 10);
    return out;
  };
  EXPECT_EQ(parts("1").size(), 3U);
  EXPECT_EQ(Why(parts("1"), parts("2")), "files below /src/2/ changed");
}

TEST(Explain, FilesThatAreGivenOneByOneAreFoldedAsIfTheyStoodThere) {
  const auto name = [](int i) { return fmt::format("/src/{}/{}", i % 3, i); };
  const auto more = [&name](const auto& take) {
    for (int i = 1; i < 300 && take(name(i), File("", "same").value); ++i) {
    }
  };
  for (const size_t most : {2U, 10U, 299U, 300U, 1000U}) {
    KeyParts given = {{Kind::kArgument, "A", "1"}, File(name(0), "same")};
    KeyParts whole = given;
    for (int i = 1; i < 300; ++i) whole.push_back(File(name(i), "same"));
    FoldFiles(given, most, more);
    FoldFiles(whole, most);
    EXPECT_EQ(EncodeParts(given), EncodeParts(whole)) << most;
    EXPECT_LE(given.size(), most + 1) << most;
  }
}

TEST(Explain, PartsSurviveTheRecordWhateverTheyHold) {
  const KeyParts parts = {{Kind::kInstruction, "", "a\tb\nc\\d"}, {Kind::kFile, "/x\ty\n", "v"}};
  EXPECT_EQ(DecodeParts(EncodeParts(parts)), parts);
  EXPECT_TRUE(DecodeParts("nonsense\n9\n\t\t\n").empty());
}

TEST(Explain, LongValuesThatBeginAlikeStayDifferent) {
  const std::string text(100'000, 'x');
  EXPECT_NE(Why({{Kind::kInstruction, "", text + "1"}}, {{Kind::kInstruction, "", text + "2"}}), "not known why");
  EXPECT_LT(EncodeParts({{Kind::kInstruction, "", text}}).size(), 4096U);
}

}  // namespace
}  // namespace slipway::solver
