#include "cli/source_location.h"

#include <gtest/gtest.h>

#include "tests/cli/folder.h"

namespace slipway::cli {
namespace {

SourceKind KindOf(std::string_view text) {
  const auto location = ClassifySource(text);
  EXPECT_TRUE(location.ok()) << text << ": " << location.status().ToString();
  return location.ok() ? location->kind : SourceKind::kNone;
}

TEST(SourceLocation, RemotesArePassedOn) {
  for (const char* text : {"https://host/x.git#main:dir", "http://host/x.tar.gz", "HTTPS://host/x.git", "git://host/x",
                           "git@host:org/x.git#v1", "github.com/org/x", "ssh://git@host/x", "file:///srv/x.git",
                           "oci://reg/repo:tag", "user@10.0.0.1:repo"}) {
    EXPECT_EQ(KindOf(text), SourceKind::kRemote) << text;
    EXPECT_EQ(ClassifySource(text)->text, text);
  }
}

TEST(SourceLocation, NullDeviceInAnyCaseIsNoContext) {
  EXPECT_EQ(KindOf("/dev/null"), SourceKind::kNone);
  EXPECT_EQ(KindOf("/DEV/NULL"), SourceKind::kNone);
}

TEST(SourceLocation, DashIsStandardInput) { EXPECT_EQ(KindOf("-"), SourceKind::kStdin); }

TEST(SourceLocation, FolderThatExistsWins) {
  const Folder folder;
  folder.MakeDir("git@host:x");
  EXPECT_EQ(KindOf(folder.path()), SourceKind::kFolder);
  EXPECT_EQ(KindOf(folder.At("git@host:x")), SourceKind::kFolder);
}

TEST(SourceLocation, OthersAreRefusedWithWhatMayStandThere) {
  const Folder folder;
  folder.Write("f", "");
  EXPECT_EQ(ClassifySource(folder.At("f")).code(), Code::kInvalidArgument);
  EXPECT_EQ(ClassifySource(folder.At("missing")).code(), Code::kNotFound);
  EXPECT_EQ(ClassifySource("ftp://host/x").code(), Code::kInvalidArgument);
  EXPECT_EQ(ClassifySource("").code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace slipway::cli
