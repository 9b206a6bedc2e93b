#include "cli/output_option.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace v1 = ::slipway::v1;

// What is wrong with the last of these; "" if nothing is.
std::string ErrorOf(const std::vector<std::string>& texts) {
  OutputOptions options;
  Status status;
  for (const std::string& text : texts) {
    EXPECT_TRUE(status.ok()) << status.message();
    status = AddOutput(text, &options);
  }
  return status.message();
}

OutputSpec Parse(const std::string& text) {
  OutputOptions options;
  const Status status = AddOutput(text, &options);
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(options.specs.size(), 1U);
  return options.specs.empty() ? OutputSpec() : options.specs.front();
}

TEST(OutputOption, FormatsOfTheRunAreAsEver) {
  OutputOptions options;
  ASSERT_TRUE(AddOutput("json", &options).ok());
  EXPECT_EQ(options.format, OutputFormat::kJson);
  ASSERT_TRUE(AddOutput("table", &options).ok());
  EXPECT_EQ(options.format, OutputFormat::kTable);
  EXPECT_TRUE(options.specs.empty());
}

TEST(OutputOption, APathIsAFolderAndADashAnArchive) {
  const OutputSpec folder = Parse("out/dir");
  EXPECT_EQ(folder.request.type(), v1::OUTPUT_TYPE_ROOTFS);
  EXPECT_EQ(folder.form, v1::OUTPUT_FORM_FILES);
  EXPECT_EQ(folder.dest, "out/dir");
  const OutputSpec archive = Parse("-");
  EXPECT_EQ(archive.request.type(), v1::OUTPUT_TYPE_ROOTFS);
  EXPECT_EQ(archive.form, v1::OUTPUT_FORM_ARCHIVE);
  EXPECT_TRUE(archive.to_stdout());
}

TEST(OutputOption, StandardOutputGoesByTheNamesOfTheSystem) {
  for (const char* name : {"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev//stdout"}) {
    EXPECT_TRUE(Parse(std::string("type=tar,dest=") + name).to_stdout()) << name;
  }
  EXPECT_FALSE(Parse("type=tar,dest=/dev/fd/10").to_stdout());
  EXPECT_THAT(ErrorOf({"type=local,dest=/dev/stdout"}), HasSubstr("use type=tar"));
}

TEST(OutputOption, LayoutsAreArchivesUnlessTheyAreFolders) {
  const OutputSpec oci = Parse("type=oci,dest=a.tar,name=app:v1,name=b");
  EXPECT_EQ(oci.request.type(), v1::OUTPUT_TYPE_OCI);
  EXPECT_EQ(oci.form, v1::OUTPUT_FORM_ARCHIVE);
  EXPECT_THAT(oci.request.names(), ElementsAre("app:v1", "b"));
  EXPECT_EQ(Parse("type=oci,tar=false,dest=d").form, v1::OUTPUT_FORM_FILES);
  EXPECT_EQ(Parse("type=docker").dest, "-");
  EXPECT_EQ(Parse("type=docker").request.type(), v1::OUTPUT_TYPE_DOCKER);
  EXPECT_EQ(Parse("type=tar,dest=x").form, v1::OUTPUT_FORM_ARCHIVE);
  EXPECT_EQ(Parse("\"type=oci\",\"dest=with,comma and \"\"quote\"\"\"").dest, "with,comma and \"quote\"");
}

TEST(OutputOption, ARegistryIsAPush) {
  OutputOptions options;
  ASSERT_TRUE(AddOutput("type=registry,name=r.io/app", &options).ok());
  EXPECT_TRUE(options.push);
  EXPECT_THAT(options.names, ElementsAre("r.io/app"));
  EXPECT_TRUE(options.specs.empty());
  OutputOptions image;
  ASSERT_TRUE(AddOutput("type=image,name=app,push=true", &image).ok());
  EXPECT_TRUE(image.push);
}

TEST(OutputOption, SaysWhatIsWrong) {
  EXPECT_THAT(ErrorOf({"type=dokcer"}), HasSubstr("did you mean 'docker'"));
  EXPECT_THAT(ErrorOf({"type=oci,dset=x"}), HasSubstr("did you mean 'dest'"));
  EXPECT_THAT(ErrorOf({"dest=x"}), HasSubstr("has no type"));
  EXPECT_THAT(ErrorOf({"type=oci,tar=no"}), HasSubstr("tar='no' is neither true nor false"));
  EXPECT_THAT(ErrorOf({"type=oci,tar=false"}), HasSubstr("needs dest=PATH"));
  EXPECT_THAT(ErrorOf({"type=local"}), HasSubstr("needs dest=PATH"));
  EXPECT_THAT(ErrorOf({"type=local,dest=-"}), HasSubstr("use type=tar"));
  EXPECT_THAT(ErrorOf({"type=local,dest=x,tar=true"}), HasSubstr("cannot have tar=true"));
  EXPECT_THAT(ErrorOf({"type=tar,name=x"}), HasSubstr("has no name"));
  EXPECT_THAT(ErrorOf({"type=oci,compression=zstd"}), HasSubstr("with --compression"));
  EXPECT_THAT(ErrorOf({"type=registry,dest=x"}), HasSubstr("takes neither dest nor tar"));
  EXPECT_THAT(ErrorOf({""}), HasSubstr("is empty"));
  EXPECT_THAT(ErrorOf({"\"type=oci"}), HasSubstr("quote is not closed"));
}

TEST(OutputOption, OnePlaceIsForOneOutput) {
  EXPECT_THAT(ErrorOf({"type=oci,dest=x", "type=docker,dest=x"}), HasSubstr("two outputs go to 'x'"));
  EXPECT_THAT(ErrorOf({"-", "type=oci"}), HasSubstr("two outputs go to '-'"));
  EXPECT_THAT(ErrorOf({"json", "-"}), HasSubstr("standard output"));
  EXPECT_EQ(ErrorOf({"json", "type=oci,dest=x"}), "");
}

}  // namespace
}  // namespace slipway::cli
