#include "daemon/sources/context_upload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "executor/base/fs.h"

namespace slipway::sources {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tree::Type;

tree::Entry File(std::string path, std::string_view content) {
  tree::Entry entry;
  entry.path = std::move(path);
  entry.mode = 0644;
  entry.size = content.size();
  entry.digest = Digest::Of(content);
  return entry;
}

tree::Entry Other(std::string path, Type type, std::string link = "") {
  tree::Entry entry;
  entry.path = std::move(path);
  entry.type = type;
  entry.mode = 0755;
  entry.link = std::move(link);
  return entry;
}

class ContextUploadTest : public ::testing::Test {
 protected:
  ContextUploadTest() { Begin(); }
  void Begin(source::Limits limits = {}) { upload_ = *ContextUpload::Begin(*store_, limits); }

  // What Add says about an entry: "member: message".
  std::string AddError(tree::Entry entry) {
    const ManifestError error = upload_->Add(std::move(entry));
    return error.status.ok() ? "" : fmt::format("{}: {}", error.member, error.status.message());
  }
  void AddAll(std::vector<tree::Entry> entries) {
    for (tree::Entry& entry : entries) ASSERT_EQ(AddError(std::move(entry)), "");
  }
  // What EndManifest says: "entry.member: message".
  std::string EndError() {
    const ManifestError error = upload_->EndManifest();
    return error.status.ok() ? "" : fmt::format("{}.{}: {}", error.entry, error.member, error.status.message());
  }
  Status Send(uint32_t entry, std::string_view bytes) {
    std::string member;
    return upload_->AddContent(entry, bytes, &member);
  }

  fs::TempDir dir_ = *fs::TempDir::Make();
  std::unique_ptr<content::Store> store_ = *content::Store::Open(dir_.path());
  std::unique_ptr<ContextUpload> upload_;
};

TEST_F(ContextUploadTest, AFolderIsStoredAsATree) {
  AddAll({Other("d", Type::kDirectory), File("d/b", "bbb"), File("a", "aaaa"), Other("l", Type::kSymlink, "/etc"),
          File("empty", "")});
  ASSERT_EQ(EndError(), "");
  EXPECT_THAT(upload_->missing(), ElementsAre(1, 2));
  ASSERT_TRUE(Send(1, "bb").ok());
  ASSERT_TRUE(Send(1, "b").ok());
  ASSERT_TRUE(Send(2, "aaaa").ok());
  EXPECT_TRUE(upload_->complete());
  const Digest id = *upload_->Commit();
  const tree::Tree tree = *tree::Decode(*store_->Open(id)->ReadAll());
  std::vector<std::string> paths;
  for (const tree::Entry& entry : tree.entries()) paths.push_back(entry.path);
  EXPECT_THAT(paths, ElementsAre("a", "d", "d/b", "empty", "l"));
  EXPECT_EQ(*store_->Open(tree.Find("d/b")->digest)->ReadAll(), "bbb");
  EXPECT_EQ(upload_->counts().bytes_received, 7U);
  EXPECT_EQ(upload_->counts().files_received, 2U);
  EXPECT_EQ(upload_->counts().files_reused, 1U);
}

TEST_F(ContextUploadTest, TheSameFolderSendsNothingTheSecondTime) {
  AddAll({File("a", "aaaa"), File("b", "bbbb")});
  ASSERT_EQ(EndError(), "");
  ASSERT_TRUE(Send(0, "aaaa").ok());
  ASSERT_TRUE(Send(1, "bbbb").ok());
  const Digest first = *upload_->Commit();
  Begin();
  AddAll({File("b", "bbbb"), File("a", "aaaa")});
  ASSERT_EQ(EndError(), "");
  EXPECT_TRUE(upload_->missing().empty());
  EXPECT_EQ(*upload_->Commit(), first);
  EXPECT_EQ(upload_->counts().files_reused, 2U);
  EXPECT_EQ(upload_->counts().bytes_received, 0U);
}

TEST_F(ContextUploadTest, EqualContentsAreAskedForOnce) {
  AddAll({File("a", "same"), File("b", "same"), File("c", "same")});
  ASSERT_EQ(EndError(), "");
  EXPECT_THAT(upload_->missing(), ElementsAre(0));
}

TEST_F(ContextUploadTest, FoldersThatAreNotListedAreMade) {
  AddAll({File("x/y/z", "1"), File("x/y.z", "2"), Other("x/y", Type::kDirectory), File("x/w/a", "3")});
  ASSERT_EQ(EndError(), "");
  for (const uint32_t i : upload_->missing()) ASSERT_TRUE(Send(i, i == 0 ? "1" : i == 1 ? "2" : "3").ok());
  const tree::Tree tree = *tree::Decode(*store_->Open(*upload_->Commit())->ReadAll());
  std::vector<std::string> paths;
  for (const tree::Entry& entry : tree.entries()) paths.push_back(entry.path);
  EXPECT_THAT(paths, ElementsAre("x", "x/w", "x/w/a", "x/y", "x/y/z", "x/y.z"));
  EXPECT_TRUE(upload_->TakeTree()->entries() == tree.entries()) << "what is at hand is what was stored";
}

TEST_F(ContextUploadTest, PathsThatLeadOutOrSayNothingAreRefused) {
  EXPECT_EQ(AddError(File("/etc/passwd", "x")), "path: '/etc/passwd' is absolute");
  EXPECT_EQ(AddError(File("a/../../b", "x")), "path: 'a/../../b' holds '..'");
  EXPECT_EQ(AddError(File("./a", "x")), "path: './a' holds '.'");
  EXPECT_EQ(AddError(File("a//b", "x")), "path: 'a//b' holds an empty name");
  EXPECT_EQ(AddError(File("a/", "x")), "path: 'a/' holds an empty name");
  EXPECT_EQ(AddError(File("", "x")), "path: is empty");
  EXPECT_EQ(AddError(File(std::string("a\0b", 3), "x")), "path: holds a NUL byte");
  EXPECT_THAT(AddError(File(std::string(4097, 'a'), "x")), HasSubstr("path: has 4097 bytes"));
  EXPECT_THAT(AddError(File(std::string(256, 'a'), "x")), HasSubstr("holds a name of 256 bytes"));
  EXPECT_EQ(AddError(File("\x1b[31m/..", "x")), "path: '\\x1b[31m/..' holds '..'") << "no control bytes in messages";
}

TEST_F(ContextUploadTest, MembersMustFitTheType) {
  tree::Entry entry = File("a", "x");
  entry.digest = Digest();
  EXPECT_EQ(AddError(entry), "sha256: is missing");
  entry = File("a", "");
  entry.digest = Digest::Of("x");
  EXPECT_EQ(AddError(entry), "sha256: is not that of an empty file");
  entry = Other("d", Type::kDirectory);
  entry.size = 1;
  EXPECT_EQ(AddError(entry), "size: is given for something that is no file");
  entry = Other("d", Type::kDirectory);
  entry.digest = Digest::Of("x");
  EXPECT_EQ(AddError(entry), "sha256: is given for something that is no file");
  EXPECT_EQ(AddError(Other("l", Type::kSymlink)), "link_target: has 0 bytes; 1 to 4096 are allowed");
  entry = File("a", "x");
  entry.link = "b";
  EXPECT_EQ(AddError(entry), "link_target: is given for something that is no link");
  entry = File("a", "x");
  entry.mode = 0100644;
  EXPECT_EQ(AddError(entry), "mode: 100644 has other bits than permissions (07777)");
  entry = File("a", "x");
  entry.mtime.nanos = 1'000'000'000;
  EXPECT_EQ(AddError(entry), "mtime: has 1000000000 nanoseconds");
}

TEST_F(ContextUploadTest, ForeignAttributesAreRefused) {
  tree::Entry entry = File("a", "x");
  entry.xattrs = {{"security.capability", "x"}, {"user.a", "1"}};
  EXPECT_EQ(AddError(entry), "");
  entry.xattrs = {{"trusted.overlay.opaque", "y"}};
  EXPECT_THAT(AddError(entry), HasSubstr("'trusted.overlay.opaque' is not taken"));
  entry.xattrs = {{"user.b", "1"}, {"user.a", "1"}};
  EXPECT_THAT(AddError(entry), HasSubstr("are not sorted"));
}

TEST_F(ContextUploadTest, APathIsListedOnce) {
  AddAll({File("a", "1"), File("b", "2"), File("a", "3")});
  EXPECT_EQ(EndError(), "2.path: 'a' is listed twice");
}

TEST_F(ContextUploadTest, NothingLiesBelowAFileOrALink) {
  AddAll({File("d/x", "1"), Other("d", Type::kSymlink, "/etc")});
  EXPECT_EQ(EndError(), "0.path: 'd/x' lies below 'd', which is no folder");
}

TEST_F(ContextUploadTest, HardLinksNameAFileBefore) {
  AddAll({File("a", "1"), Other("h", Type::kHardlink, "a")});
  EXPECT_EQ(EndError(), "");
  Begin();
  AddAll({Other("h", Type::kHardlink, "a"), File("a", "1")});
  EXPECT_EQ(EndError(), "0.link_target: 'a' is no file that is listed before");
  Begin();
  AddAll({Other("h", Type::kHardlink, "../../etc/passwd")});
  EXPECT_THAT(EndError(), HasSubstr("is no file that is listed before"));
}

TEST_F(ContextUploadTest, OneDigestHasOneSize) {
  tree::Entry other = File("b", "same");
  other.size = 7;
  AddAll({File("a", "same"), other});
  EXPECT_EQ(EndError(), "1.size: is not that of entries[0], which has the same digest");
}

TEST_F(ContextUploadTest, LimitsAreNamed) {
  Begin({.max_entries = 1, .max_total_bytes = 100, .max_file_bytes = 50});
  EXPECT_THAT(AddError(File("a", std::string(51, 'x'))), HasSubstr("limits.file_bytes"));
  EXPECT_EQ(AddError(File("a", "x")), "");
  EXPECT_THAT(AddError(File("b", "x")), HasSubstr("limits.entries"));
  Begin({.max_entries = 10, .max_total_bytes = 100, .max_file_bytes = 60});
  EXPECT_EQ(AddError(File("a", std::string(60, 'x'))), "");
  EXPECT_THAT(AddError(File("b", std::string(60, 'x'))), HasSubstr("limits.total_bytes"));
}

TEST_F(ContextUploadTest, SizesDoNotOverflow) {
  Begin({.max_entries = 10, .max_total_bytes = UINT64_MAX / 2, .max_file_bytes = UINT64_MAX / 2});
  tree::Entry entry = File("a", "x");
  entry.size = UINT64_MAX;
  EXPECT_THAT(AddError(entry), HasSubstr("limits.file_bytes"));
}

TEST_F(ContextUploadTest, ImpliedFoldersCountToo) {
  Begin({.max_entries = 5});
  AddAll({File("a/b/c/d/e/f/g", "1")});
  EXPECT_THAT(EndError(), HasSubstr("limits.entries"));
}

TEST_F(ContextUploadTest, ContentsComeInTurn) {
  AddAll({File("a", "aaaa"), File("b", "bbbb")});
  ASSERT_EQ(EndError(), "");
  std::string member;
  EXPECT_EQ(upload_->AddContent(1, "bbbb", &member).code(), Code::kInvalidArgument);
  EXPECT_EQ(member, "entry");
  EXPECT_EQ(upload_->AddContent(0, "aaaaa", &member).code(), Code::kInvalidArgument);
  EXPECT_EQ(member, "data");
  EXPECT_EQ(upload_->AddContent(0, "", &member).code(), Code::kInvalidArgument);
  EXPECT_EQ(Send(0, "aa").code(), Code::kOk);
  EXPECT_EQ(Send(1, "bb").code(), Code::kInvalidArgument) << "the first is not complete";
  EXPECT_EQ(upload_->Commit().code(), Code::kAborted);
}

TEST_F(ContextUploadTest, AChangedFileIsFoundOut) {
  AddAll({File("a", "aaaa")});
  ASSERT_EQ(EndError(), "");
  EXPECT_EQ(Send(0, "aaab").code(), Code::kDataLoss);
}

}  // namespace
}  // namespace slipway::sources
