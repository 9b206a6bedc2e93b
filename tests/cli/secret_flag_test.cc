#include "cli/secret_flag.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/cli/folder.h"

namespace slipway::cli {
namespace {

using ::testing::HasSubstr;

// "id file=… variable=…", or the error's message.
std::string Read(std::string_view text) {
  const auto flag = ParseSecretFlag(text);
  if (!flag.ok()) return flag.status().message();
  return fmt::format("{} file={} variable={}", flag->id, flag->file, flag->variable);
}

TEST(SecretFlag, ComesFromAFile) {
  EXPECT_EQ(Read("id=a,src=/f"), "a file=/f variable=");
  EXPECT_EQ(Read("type=file,id=a,source=x"), "a file=x variable=");
  EXPECT_EQ(Read("ID=a,\"src=with,comma\""), "a file=with,comma variable=");
}

TEST(SecretFlag, ComesFromTheEnvironment) {
  EXPECT_EQ(Read("id=a,env=V"), "a file= variable=V");
  EXPECT_EQ(Read("id=a,type=env,src=V"), "a file= variable=V");
  EXPECT_EQ(Read("id=a,type=env"), "a file= variable=a");
}

TEST(SecretFlag, ItsIdIsAVariableOrElseAFile) {
  ASSERT_EQ(::setenv("SLIPWAY_TEST_SECRET", "v", 1), 0);
  EXPECT_EQ(Read("id=SLIPWAY_TEST_SECRET"), "SLIPWAY_TEST_SECRET file= variable=SLIPWAY_TEST_SECRET");
  EXPECT_EQ(Read("id=SLIPWAY_TEST_SECRET,type=file"), "SLIPWAY_TEST_SECRET file=SLIPWAY_TEST_SECRET variable=");
  EXPECT_EQ(Read("id=SLIPWAY_TEST_NONE"), "SLIPWAY_TEST_NONE file=SLIPWAY_TEST_NONE variable=");
}

TEST(SecretFlag, SaysWhatIsWrong) {
  EXPECT_THAT(Read("src=/f"), HasSubstr("there is no id"));
  EXPECT_THAT(Read("id=a,secret"), HasSubstr("'secret' is not of the form KEY=VALUE"));
  EXPECT_THAT(Read("id=a,sourc=b"), HasSubstr("did you mean 'source'?"));
  EXPECT_THAT(Read("id=a,type=x"), HasSubstr("type 'x' is neither file nor env"));
  EXPECT_THAT(Read(""), HasSubstr("the value is empty"));
}

TEST(SecretFlag, ValuesAreReadAsTheyAre) {
  Folder folder;
  folder.Write("f", std::string("a\n\0b", 4));
  EXPECT_EQ(*ReadSecret({.id = "a", .file = folder.At("f"), .variable = ""}), std::string("a\n\0b", 4));
  ASSERT_EQ(::setenv("SLIPWAY_TEST_SECRET", "v", 1), 0);
  EXPECT_EQ(*ReadSecret({.id = "a", .file = "", .variable = "SLIPWAY_TEST_SECRET"}), "v");
  EXPECT_EQ(*ReadSecret({.id = "a", .file = "", .variable = "SLIPWAY_TEST_NONE"}), "");
}

TEST(SecretFlag, FilesThatAreNotThereOrTooLargeAreErrors) {
  Folder folder;
  EXPECT_EQ(ReadSecret({.id = "a", .file = folder.At("none"), .variable = ""}).code(), Code::kNotFound);
  folder.Write("large", std::string(kMaxSecretBytes + 1, 'x'));
  EXPECT_EQ(ReadSecret({.id = "a", .file = folder.At("large"), .variable = ""}).code(), Code::kResourceExhausted);
}

}  // namespace
}  // namespace slipway::cli
