// Files and archives behind addresses; uploaded contexts.
#include "executor/source/http.h"

#include <gmock/gmock.h>

#include <cstdlib>

#include "executor/base/process.h"
#include "tests/executor/source/source_fixture.h"
#include "tests/testing/scripted_http_server.h"

namespace slipway::source {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::ScriptedHttpServer;
using testing::ScriptedReply;
using testing::ScriptedRequest;

class HttpTest : public SourceTest {
 protected:
  Result<HttpFile> Get(const HttpRequest& request) {
    ContextFetcher& door = fetcher();
    lease_ = store_->NewLease("test").value();
    return door.http().Fetch(Context::Background(), request, &lease_, VertexProgress(&sink_, "v", "add"));
  }
  // No lease outlives its store.
  void ReopenStore() {
    lease_ = content::Lease();
    Reopen();
  }
  std::string Text(const HttpFile& file) { return store_->Open(file.digest)->ReadAll().value(); }
  content::Lease lease_;
};

TEST_F(HttpTest, FileWithNameAndTime) {
  const ScriptedHttpServer server([](const ScriptedRequest&) {
    return ScriptedReply{.headers = {{"Last-Modified", "Sun, 07 Nov 2021 08:45:01 GMT"},
                                     {"Content-Disposition", "attachment; filename=\"a b.txt\""}},
                         .body = "hello"};
  });
  const auto file = Get({.url = server.Url("/dir/file.txt?x=y#z")});
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(file->name, "file.txt");
  EXPECT_EQ(file->server_name, "a b.txt");
  EXPECT_EQ(file->size, 5U);
  EXPECT_EQ(file->last_modified, SystemTime(std::chrono::seconds(1636274701)));
  EXPECT_EQ(Text(*file), "hello");
}

TEST_F(HttpTest, UnchangedFileIsNotDownloadedAgain) {
  std::atomic<int> version = 1;
  const ScriptedHttpServer server([&version](const ScriptedRequest& request) -> ScriptedReply {
    const std::string tag = fmt::format("\"{}\"", version.load());
    if (request.headers.Get("If-None-Match") == tag) return {.status = 304};
    return {.headers = {{"ETag", tag}}, .body = "v" + tag};
  });
  const HttpRequest request{.url = server.Url("/f")};
  EXPECT_TRUE(Get(request)->downloaded);
  ReopenStore();
  const auto again = Get(request);
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_FALSE(again->downloaded);
  EXPECT_EQ(Text(*again), "v\"1\"");
  version = 2;
  const auto changed = Get(request);
  EXPECT_TRUE(changed->downloaded);
  EXPECT_EQ(Text(*changed), "v\"2\"");
  lease_ = content::Lease();
  ASSERT_TRUE(store_->Collect(Context::Background(), {}, {}).ok());
  EXPECT_TRUE(Get(request)->downloaded) << "collected content is not asked for with validators";
}

TEST_F(HttpTest, ChecksumIsVerifiedAndSparesTheQuestion) {
  const ScriptedHttpServer server([](const ScriptedRequest&) { return ScriptedReply{.body = "hello"}; });
  const HttpRequest good{.url = server.Url("/f"), .checksum = Digest::Of("hello")};
  ASSERT_TRUE(Get(good).ok());
  ASSERT_TRUE(Get(good).ok());
  EXPECT_EQ(server.requests().size(), 1U);
  const auto bad = Get({.url = server.Url("/f"), .checksum = Digest::Of("other")});
  EXPECT_EQ(bad.code(), Code::kFailedPrecondition);
  EXPECT_THAT(bad.status().message(), HasSubstr("digest mismatch"));
}

TEST_F(HttpTest, ClientErrorsEndAtOnceServerErrorsAreRetried) {
  const ScriptedHttpServer server([](const ScriptedRequest& request) -> ScriptedReply {
    if (request.target == "/404") return {.status = 404, .body = "no\nsuch thing"};
    if (request.target == "/403") return {.status = 403};
    if (request.target == "/flaky")
      return request.index % 3 == 2 ? ScriptedReply{.body = "ok"} : ScriptedReply{.status = 503};
    return {.status = 500};
  });
  EXPECT_EQ(Get({.url = server.Url("/flaky")})->size, 2U);
  const auto missing = Get({.url = server.Url("/404")});
  EXPECT_EQ(missing.code(), Code::kNotFound);
  EXPECT_THAT(missing.status().message(), HasSubstr("invalid response status 404: no such thing"));
  EXPECT_EQ(Get({.url = server.Url("/403")}).code(), Code::kPermissionDenied);
  EXPECT_EQ(server.requests().size(), 5U);
  EXPECT_EQ(Get({.url = server.Url("/500")}).code(), Code::kUnavailable);
  EXPECT_EQ(server.requests().size(), 8U);
}

TEST_F(HttpTest, BrokenTransferIsBegunAnew) {
  const ScriptedHttpServer server([](const ScriptedRequest& request) {
    ScriptedReply reply{.body = std::string(100'000, 'x')};
    if (request.index == 0) reply.drop_after = 50'000;
    return reply;
  });
  const auto file = Get({.url = server.Url("/f")});
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(file->size, 100'000U);
}

TEST_F(HttpTest, SizeIsBounded) {
  const ScriptedHttpServer server([](const ScriptedRequest&) { return ScriptedReply{.body = std::string(5000, 'x')}; });
  EXPECT_EQ(Get({.url = server.Url("/f"), .max_bytes = 4999}).code(), Code::kResourceExhausted);
  EXPECT_TRUE(Get({.url = server.Url("/f"), .max_bytes = 5000}).ok());
}

TEST_F(HttpTest, CredentialsOfTheAddressAreSentAndNeverShown) {
  const ScriptedHttpServer server([](const ScriptedRequest& request) -> ScriptedReply {
    return {.status = request.headers.Get("Authorization") == "Basic dTpwQHNz" ? 200 : 401, .body = "x"};
  });
  EXPECT_TRUE(Get({.url = "http://u:p%40ss@" + server.host() + "/f"}).ok());
  const auto refused = Get({.url = "http://u:s3cret@" + server.host() + "/f?token=s3cret"});
  EXPECT_EQ(refused.code(), Code::kUnauthenticated);
  EXPECT_THAT(refused.status().message(), Not(HasSubstr("s3cret")));
}

class TarballTest : public HttpTest {
 protected:
  /// An archive of f and d/g made by tar with these flags.
  static std::string Archive(const std::vector<std::string>& flags) {
    const auto dir = fs::TempDir::Make().value();
    EXPECT_TRUE(fs::MakeDirs(dir.path() + "/t/d").ok());
    EXPECT_TRUE(fs::WriteFileAtomic(dir.path() + "/t/f", "f\n").ok());
    EXPECT_TRUE(fs::WriteFileAtomic(dir.path() + "/t/d/g", "g\n", 0755).ok());
    SpawnOptions tar{.argv = {"tar", "-C", "t", "-cf", "a"}, .cwd = dir.path()};
    tar.argv.insert(tar.argv.end(), flags.begin(), flags.end());
    const auto run = RunProgram(Context::Background(), tar);
    EXPECT_TRUE(run.ok() && run->exit.ok()) << (run.ok() ? run->err : run.status().message());
    return fs::ReadFile(dir.path() + "/a").value();
  }
  Result<FetchedContext> FetchBody(const std::string& body) {
    const ScriptedHttpServer server([&body](const ScriptedRequest&) { return ScriptedReply{.body = body}; });
    return Fetch(TarballContext{.url = server.Url("/ctx")});
  }
};

TEST_F(TarballTest, EveryCompression) {
  for (const char* flag : {"--format=pax", "-z", "-j", "-J", "--zstd"}) {
    const auto context = FetchBody(Archive({flag, "."}));
    ASSERT_TRUE(context.ok()) << flag << ": " << context.status().message();
    EXPECT_EQ(List(*context), "d d/\nx d/g 2\nf f 2\n") << flag;
    EXPECT_EQ(Read(*context, "d/g"), "g\n");
  }
}

TEST_F(TarballTest, MissingParentsAreMade) {
  const auto context = FetchBody(Archive({"d/g"}));
  ASSERT_TRUE(context.ok()) << context.status().message();
  EXPECT_EQ(List(*context), "d d/\nx d/g 2\n");
  EXPECT_EQ(context->tree->Find("d")->mode, 0755U);
}

TEST_F(TarballTest, UnchangedArchiveIsNeitherSentNorUnpackedAgain) {
  const std::string body = Archive({"-z", "."});
  const ScriptedHttpServer server([&body](const ScriptedRequest& request) -> ScriptedReply {
    if (request.headers.Get("If-None-Match") == "\"1\"") return {.status = 304};
    return {.headers = {{"ETag", "\"1\""}}, .body = body};
  });
  ASSERT_TRUE(Fetch(TarballContext{.url = server.Url("/ctx")}).ok());
  Reopen();
  const auto context = Fetch(TarballContext{.url = server.Url("/ctx")});
  ASSERT_TRUE(context.ok()) << context.status().message();
  EXPECT_EQ(List(*context), "d d/\nx d/g 2\nf f 2\n");
}

TEST_F(TarballTest, TextIsADockerfile) {
  const auto context = FetchBody("FROM scratch\nCOPY x /\n");
  ASSERT_TRUE(context.ok()) << context.status().message();
  EXPECT_EQ(List(*context), "f context 22\n");
}

TEST_F(TarballTest, OtherBodiesAreRefused) {
  const auto page = FetchBody("\n <!DOCTYPE html><html>");
  EXPECT_EQ(page.code(), Code::kInvalidArgument);
  EXPECT_THAT(page.status().message(),
              HasSubstr("not a tar archive but a web page; does the address of a git repository lack '.git'"));
  EXPECT_THAT(FetchBody("").status().message(), HasSubstr("not a tar archive"));
  EXPECT_THAT(FetchBody(std::string(3000, '\1')).status().message(), HasSubstr("not a tar archive"));
  const std::string good = Archive({"-z", "."});
  EXPECT_FALSE(FetchBody(good.substr(0, good.size() / 2)).ok());
  const ScriptedHttpServer server([](const ScriptedRequest&) { return ScriptedReply{.status = 404, .body = "gone"}; });
  const auto missing = Fetch(TarballContext{.url = server.Url("/ctx")});
  EXPECT_EQ(missing.code(), Code::kNotFound);
  EXPECT_THAT(missing.status().message(), HasSubstr("unable to download the context"));
}

TEST_F(TarballTest, HostileArchives) {
  // Names are clamped at the root.
  const auto outside = FetchBody(Archive({"-P", "--transform=s,^f$,../../etc/f,", "f"}));
  ASSERT_TRUE(outside.ok()) << outside.status().message();
  EXPECT_EQ(List(*outside), "d etc/\nf etc/f 2\n");
  // A bomb ends at the limit.
  limits_.max_total_bytes = 1U << 20;
  const auto dir = fs::TempDir::Make().value();
  const auto bomb =
      RunProgram(Context::Background(), {.argv = {"sh", "-c", "truncate -s 64M z && tar -czf a z"}, .cwd = dir.path()});
  ASSERT_TRUE(bomb.ok() && bomb->exit.ok());
  const auto context = FetchBody(fs::ReadFile(dir.path() + "/a").value());
  EXPECT_EQ(context.code(), Code::kResourceExhausted);
  EXPECT_THAT(context.status().message(), HasSubstr("context.max_"));
}

class UploadTest : public HttpTest {
 protected:
  Result<FetchedContext> FetchTree(std::vector<tree::Entry> entries) {
    fetcher();
    const Digest digest = store_->Put(tree::Encode(tree::Tree(std::move(entries))), nullptr).value();
    return Fetch(UploadedContext{.tree = digest});
  }
  tree::Entry File(const std::string& path, const std::string& text, bool put = true) {
    fetcher();
    tree::Entry entry;
    entry.path = path;
    entry.mode = 0644;
    entry.size = text.size();
    entry.digest = put ? store_->Put(text, nullptr).value() : Digest::Of(text);
    return entry;
  }
  static tree::Entry Odd(const std::string& path, tree::Type type, const std::string& link = "") {
    tree::Entry entry;
    entry.path = path;
    entry.type = type;
    entry.link = link;
    return entry;
  }
};

TEST_F(UploadTest, WholeTreeIsOpened) {
  const auto context =
      FetchTree({Odd("d", tree::Type::kDirectory), File("d/f", "x"), Odd("d/h", tree::Type::kHardlink, "d/f")});
  ASSERT_TRUE(context.ok()) << context.status().message();
  EXPECT_EQ(Read(*context, "d/f"), "x");
}

TEST_F(UploadTest, MissingContentsMeanUploadAgain) {
  const auto context = FetchTree({File("f", "x"), File("g", "absent", false)});
  EXPECT_EQ(context.code(), Code::kFailedPrecondition);
  EXPECT_THAT(context.status().message(), HasSubstr("1 of its contents are not here; upload it again"));
  EXPECT_EQ(Fetch(UploadedContext{.tree = Digest::Of("nothing")}).code(), Code::kFailedPrecondition);
}

TEST_F(UploadTest, WhatHasJustArrivedIsNotReadAgain) {
  const auto arrived = std::make_shared<const tree::Tree>(std::vector<tree::Entry>{File("f", "x")});
  const Digest elsewhere = Digest::Of("not in the store");
  const auto lease = std::make_shared<content::Lease>();
  fetcher().Expect({.encoded = elsewhere, .tree = arrived, .lease = lease});
  EXPECT_EQ(Fetch(UploadedContext{.tree = Digest::Of("another")}).code(), Code::kFailedPrecondition);
  const auto context = Fetch(UploadedContext{.tree = elsewhere});
  ASSERT_TRUE(context.ok());
  EXPECT_EQ(context->tree, arrived);
  EXPECT_EQ(context->shared, lease);
  EXPECT_EQ(Fetch(UploadedContext{.tree = elsewhere}).code(), Code::kFailedPrecondition) << "once";
  fetcher().Expect({.encoded = elsewhere, .tree = arrived, .lease = lease});
  limits_.max_entries = 0;
  EXPECT_EQ(Fetch(UploadedContext{.tree = elsewhere}).code(), Code::kResourceExhausted) << "limits hold";
}

TEST_F(UploadTest, MalformedTreesAreRefused) {
  EXPECT_FALSE(FetchTree({File("../f", "x")}).ok());
  EXPECT_FALSE(FetchTree({File("/f", "x")}).ok());
  EXPECT_FALSE(FetchTree({File("a/f", "x")}).ok());
  EXPECT_FALSE(FetchTree({File("a", "x"), File("a/f", "x")}).ok());
  EXPECT_FALSE(FetchTree({Odd("l", tree::Type::kSymlink, "x"), File("l/f", "x")}).ok());
  EXPECT_FALSE(FetchTree({Odd("f", tree::Type::kFile)}).ok());
  EXPECT_FALSE(FetchTree({Odd("h", tree::Type::kHardlink, "x")}).ok());
  EXPECT_FALSE(FetchTree({Odd("w", tree::Type::kWhiteout)}).ok());
  fetcher();
  const Digest rubbish = store_->Put("rubbish", nullptr).value();
  EXPECT_EQ(Fetch(UploadedContext{.tree = rubbish}).code(), Code::kDataLoss);
}

TEST_F(UploadTest, LimitsHold) {
  limits_.max_entries = 1;
  EXPECT_EQ(FetchTree({File("f", "x"), File("g", "y")}).code(), Code::kResourceExhausted);
}

TEST_F(UploadTest, DockerfileAloneAndNothing) {
  const auto one = Fetch(DockerfileContext{.text = "FROM scratch\n"});
  ASSERT_TRUE(one.ok());
  EXPECT_EQ(List(*one), "f Dockerfile 13\n");
  const auto none = Fetch(NoContext{});
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(none->tree->empty());
}

}  // namespace
}  // namespace slipway::source
