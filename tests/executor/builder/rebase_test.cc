// Rebasing against a real registry: what comes out is, to the byte, what a build gives; or it is refused and says why.
#include "executor/builder/rebase.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "executor/base/fs.h"
#include "executor/base/guarded.h"
#include "executor/builder/builder.h"
#include "executor/tree/entry.h"
#include "tests/testing/registry_server.h"

namespace slipway::builder {
namespace {

using ::testing::HasSubstr;

class Notes : public ProgressSink {
 public:
  void OnEvent(const ProgressEvent& event) override {
    if (event.kind == ProgressEvent::Kind::kNote) *text_.Lock() += event.text + "\n";
  }
  std::string text() { return *text_.Lock(); }

 private:
  Guarded<std::string> text_;
};

class RebaseTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    if (const std::string why = slipway::testing::RegistryServer::WhyUnavailable(); !why.empty()) GTEST_SKIP() << why;
    registry_ = slipway::testing::RegistryServer::Start().value();
    dir_ = fs::TempDir::Make("", "slipway-rebase-").value();
    Open();
  }
  void TearDown() override { Close(); }
  void Close() {
    lease_ = {};
    builder_.reset();
  }
  void Open() {
    Options options;
    options.root = fs::Join(dir_.path(), "state");
    auto builder = Builder::Open(options);
    if (!builder.ok()) GTEST_SKIP() << builder.status().message();
    builder_ = std::move(builder).value();
    lease_ = builder_->store().NewLease("test").value();
  }

  Digest Put(const std::string& bytes) {
    const auto batch = builder_->store().BeginBatch().value();
    const Digest digest = batch->Add(bytes).value();
    EXPECT_TRUE(batch->Commit(&lease_).ok());
    return digest;
  }
  // A context of small files.
  source::ContextSpec Files(const std::map<std::string, std::string>& files) {
    std::vector<tree::Entry> entries;
    for (const auto& [path, bytes] : files) {
      tree::Entry entry;
      entry.path = path;
      entry.mode = 0644;
      entry.size = bytes.size();
      entry.digest = Put(bytes);
      entries.push_back(std::move(entry));
    }
    return source::UploadedContext{.tree = Put(tree::Encode(tree::Tree(std::move(entries))))};
  }
  oci::Reference Name(const std::string& name) const {
    return oci::Reference::Parse(registry_->host() + "/" + name).value();
  }
  // "{R}" stands for the registry.
  BuildRequest Request(std::string dockerfile, const std::map<std::string, std::string>& files = {}) {
    for (size_t at = dockerfile.find("{R}"); at != std::string::npos; at = dockerfile.find("{R}")) {
      dockerfile.replace(at, 3, registry_->host());
    }
    BuildRequest request;
    request.dockerfile_text = std::move(dockerfile);
    request.context = files.empty() ? source::ContextSpec(source::NoContext()) : Files(files);
    return request;
  }
  PushResult Push(const Result<BuiltImage>& image, const std::string& name) {
    if (!image.ok()) {
      ADD_FAILURE() << image.status().message();
      return {};
    }
    auto pushed = builder_->Push(Context::Background(), *image, {Name(name)}, notes_);
    EXPECT_TRUE(pushed.ok()) << pushed.status().message();
    return pushed.ok() ? *std::move(pushed) : PushResult();
  }
  Result<BuiltImage> Build(const BuildRequest& request) {
    return builder_->Build(Context::Background(), request, notes_);
  }
  Result<BuiltImage> Rebase(const BuildRequest& request) {
    return builder_->Rebase(Context::Background(), request, notes_);
  }
  PushResult PushBase(const std::string& version, const std::string& more = "") {
    return Push(Build(Request("FROM scratch\nCOPY os /etc/os\nENV V=" + version + "\nWORKDIR /srv\n" + more,
                              {{"os", version}, {"more", version + "!"}})),
                "base:1");
  }
  // Rebases, then builds: whether both give the same.
  void ExpectAsBuilt(const BuildRequest& request) {
    const Digest rebased = Push(Rebase(request), "app:1").manifest.digest;
    const Digest built = Push(Build(request), "built:1").manifest.digest;
    EXPECT_EQ(rebased, built);
  }
  // Builds on base 1, moves the base, and asks for a rebase: why it is refused.
  std::string WhyRefused(const std::string& dockerfile, const std::string& more_of_base = "") {
    PushBase("1");
    BuildRequest request = Request(dockerfile, {{"a", "the a"}, {"b", "the b"}});
    request.rebase_key = "task refused";
    Push(Build(request), "refused:1");
    PushBase("2", more_of_base);
    const auto rebased = Rebase(request);
    EXPECT_EQ(rebased.code(), Code::kFailedPrecondition);
    return rebased.status().message();
  }

  std::unique_ptr<slipway::testing::RegistryServer> registry_;
  fs::TempDir dir_;
  std::unique_ptr<Builder> builder_;
  content::Lease lease_;
  Notes notes_;
};

constexpr std::string_view kApp =
    "FROM {R}/base:1\nARG A=1\nENV FULL=$V-$A\nCOPY --link a /app/a\nLABEL v=$V\nCOPY --link --chown=7:8 b /app/\n"
    "EXPOSE 80\nCMD [\"/app/b\"]\n";

TEST_F(RebaseTest, GivesWhatABuildGives) {
  const PushResult base = PushBase("1");
  BuildRequest request = Request(std::string(kApp), {{"a", "the a"}, {"b", "the b"}});
  request.rebase_key = "task app";
  request.labels = {{"by", "test"}};
  request.annotations = {{"k", "v"}};
  const PushResult first = Push(Build(request), "app:1");

  const PushResult moved = PushBase("2", "COPY more /etc/more\nUSER 7\n");
  ASSERT_NE(base.manifest.digest, moved.manifest.digest);
  const size_t uploads = registry_->Count("PATCH /v2/app/") + registry_->Count("PUT /v2/app/blobs/");
  const auto rebased = Rebase(request);
  ASSERT_TRUE(rebased.ok()) << rebased.status().message();
  const PushResult patched = Push(rebased, "app:1");
  EXPECT_NE(patched.manifest.digest, first.manifest.digest);
  ASSERT_EQ(patched.layers.size(), moved.layers.size() + 2);
  for (const PushedLayer& layer : patched.layers) EXPECT_NE(layer.how, PushedLayer::How::kUploaded);
  // The config, and nothing else.
  EXPECT_LE(registry_->Count("PATCH /v2/app/") + registry_->Count("PUT /v2/app/blobs/"), uploads + 2);
  EXPECT_THAT(notes_.text(), HasSubstr(fmt::format("base {}/base:1: {} -> {}", registry_->host(),
                                                   base.manifest.digest.ToString(), moved.manifest.digest.ToString())));
  ASSERT_EQ(rebased->bases.size(), 1U);
  EXPECT_EQ(rebased->bases[0].digest, moved.manifest.digest);
  EXPECT_TRUE(rebased->bases[0].runtime);

  // A rebase is kept as a build is: the next one goes on from it.
  BuildRequest other_key = request;
  other_key.rebase_key.clear();
  EXPECT_EQ(patched.manifest.digest, Push(Build(other_key), "built:1").manifest.digest);
  const PushResult again = PushBase("3");
  ExpectAsBuilt(request);
  EXPECT_THAT(notes_.text(), HasSubstr(moved.manifest.digest.ToString() + " -> " + again.manifest.digest.ToString()));
}

TEST_F(RebaseTest, FoldersAreMadeAnew) {
  PushBase("1");
  BuildRequest request =
      Request("FROM {R}/base:1\nWORKDIR /app/deep\nCOPY --link a /app/deep/\nWORKDIR more\n", {{"a", "the a"}});
  request.rebase_key = "task folders";
  Push(Build(request), "app:1");
  // The new base has the folder already, and with another mode.
  PushBase("2", "COPY --chmod=700 more /app/deep/more/file\n");
  ExpectAsBuilt(request);
}

TEST_F(RebaseTest, NeedsNoLayerOnThisMachine) {
  PushBase("1");
  BuildRequest request = Request(std::string(kApp), {{"a", "the a"}, {"b", "the b"}});
  request.rebase_key = "task app";
  Push(Build(request), "app:1");
  PushBase("2");
  const PushResult patched = Push(Rebase(request), "app:1");
  Close();
  for (const char* folder : {"layers", "content", "cache.db"}) {
    ASSERT_TRUE(fs::RemoveAll(fs::Join(dir_.path() + "/state", folder)).ok());
  }
  Open();
  const PushResult again = Push(Rebase(request), "app:1");
  EXPECT_EQ(again.manifest.digest, patched.manifest.digest);
}

TEST_F(RebaseTest, AnImageForTwoPlatforms) {
  PushBase("1");
  BuildRequest base = Request("FROM scratch\nARG TARGETARCH\nCOPY os /etc/$TARGETARCH\n", {{"os", "one"}});
  base.platforms = {oci::Platform::Parse("linux/amd64").value(), oci::Platform::Parse("linux/arm64").value()};
  Push(Build(base), "base:1");
  BuildRequest request = Request("FROM {R}/base:1\nCOPY --link a /app/\nENV X=1\n", {{"a", "the a"}});
  request.platforms = base.platforms;
  request.rebase_key = "task two";
  Push(Build(request), "app:1");
  base.context = Files({{"os", "two"}});
  Push(Build(base), "base:1");
  ExpectAsBuilt(request);
}

TEST_F(RebaseTest, RefusesWhatDependsOnTheBase) {
  EXPECT_THAT(WhyRefused("FROM {R}/base:1\nCOPY a /a\n"),
              HasSubstr("line 2, 'COPY a /a': its layer depends on what is in the base; it would not with --link"));
  EXPECT_THAT(WhyRefused("FROM {R}/base:1\nCOPY --link --chmod=755 a /a\n"),
              HasSubstr("is in the base; it would not with --link and without --chmod"));
  // Relative to the base's folder, which is another one now.
  EXPECT_THAT(WhyRefused("FROM {R}/base:1\nCOPY --link a b/\n", "WORKDIR /opt\n"),
              HasSubstr("line 2, 'COPY --link a b/' is not what the last build did"));
  // The variable is the base's.
  EXPECT_THAT(WhyRefused("FROM {R}/base:1\nCOPY --link a /$V/\n"), HasSubstr("is not what the last build did"));
  // What is copied was made on the base.
  EXPECT_THAT(WhyRefused("FROM {R}/base:1 AS s\nCOPY a /made/\nFROM {R}/base:1\nCOPY --link --from=s /made /made\n"),
              HasSubstr("line 4"));
  EXPECT_THAT(WhyRefused("FROM {R}/base:1\nCOPY --link a /a\n", "ONBUILD COPY b /b\n"), HasSubstr("'COPY b /b'"));
  EXPECT_THAT(WhyRefused("FROM scratch\nCOPY --link a /a\n"), HasSubstr("stands on no image of a registry"));
}

TEST_F(RebaseTest, RefusesWhatOnlyABuildMakes) {
  BuildRequest request = Request("FROM {R}/base:1\nCOPY --link a /a\n", {{"a", "the a"}});
  request.rebase_key = "task app";
  EXPECT_THAT(Rebase(request).status().message(), HasSubstr("nothing is kept of an earlier build"));
  PushBase("1");
  Push(Build(request), "app:1");
  EXPECT_TRUE(Rebase(request).ok());
  BuildRequest other = request;
  other.compression = oci::Compression::kZstd;
  EXPECT_THAT(Rebase(other).status().message(), HasSubstr("in another way"));
  other = request;
  other.squash = true;
  EXPECT_THAT(Rebase(other).status().message(), HasSubstr("squashed layers"));
  other = request;
  other.no_cache = true;
  EXPECT_EQ(Rebase(other).code(), Code::kFailedPrecondition);
  other = request;
  other.platforms = {oci::Platform::Parse("linux/s390x").value()};
  EXPECT_THAT(Rebase(other).status().message(), HasSubstr("it was not built for linux/s390x"));
  // What the request may say anew does not stand in the way.
  other = request;
  other.labels = {{"new", "label"}};
  ExpectAsBuilt(other);
}

TEST_F(RebaseTest, AnImageThatIsCopiedFromMustNotHaveChanged) {
  PushBase("1");
  Push(Build(Request("FROM scratch\nCOPY a /tool\n", {{"a", "tool 1"}})), "tool:1");
  BuildRequest request = Request("FROM {R}/base:1\nCOPY --link --from={R}/tool:1 /tool /tool\n");
  request.rebase_key = "task app";
  Push(Build(request), "app:1");
  PushBase("2");
  ExpectAsBuilt(request);
  Push(Build(Request("FROM scratch\nCOPY a /tool\n", {{"a", "tool 2"}})), "tool:1");
  EXPECT_THAT(Rebase(request).status().message(), HasSubstr("tool:1', which a stage is made from, has changed too"));
}

}  // namespace
}  // namespace slipway::builder
