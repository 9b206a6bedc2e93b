// Logins of a run against a registry that lets nobody in without.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "executor/base/fs.h"
#include "executor/builder/builder.h"
#include "tests/testing/registry_server.h"

namespace slipway::builder {
namespace {

struct Quiet : ProgressSink {
  void OnEvent(const ProgressEvent&) override {}
};

class LoginsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const testing::RegistryServerOptions options{.users = {{"ada", "pw"}}};
    if (const std::string why = testing::RegistryServer::WhyUnavailable(options); !why.empty()) GTEST_SKIP() << why;
    registry_ = testing::RegistryServer::Start(options).value();
    Reopen();
  }
  // A builder that has nothing yet.
  void Reopen() {
    builder_.reset();
    dir_ = fs::TempDir::Make().value();
    auto builder = Builder::Open({.root = fs::Join(dir_.path(), "state")});
    if (!builder.ok()) GTEST_SKIP() << builder.status().message();
    builder_ = std::move(builder).value();
  }

  static RegistryAccess Login(const std::string& host, const std::string& password = "pw") {
    return {.logins = registry::StaticCredentials({{host, {.username = "ada", .password = password}}})};
  }
  Result<BuiltImage> Build(const std::string& dockerfile, const RegistryAccess& access) {
    BuildRequest request;
    request.context = source::DockerfileContext{.text = dockerfile};
    request.access = access;
    return builder_->Build(Context::Background(), request, quiet_);
  }
  Status Push(const BuiltImage& image, const std::string& name) {
    const auto reference = oci::Reference::Parse(registry_->host() + "/" + name).value();
    return builder_->Push(Context::Background(), image, {reference}, quiet_).status();
  }

  std::unique_ptr<testing::RegistryServer> registry_;
  fs::TempDir dir_;
  std::unique_ptr<Builder> builder_;
  Quiet quiet_;
};

TEST_F(LoginsTest, PullAndPushWithThoseOfTheRun) {
  if (builder_ == nullptr) GTEST_SKIP();
  const std::string host = registry_->host();
  {
    const auto base = Build("FROM scratch\nCOPY <<one /one\nfirst\none\n", Login(host));
    ASSERT_TRUE(base.ok()) << base.status().message();
    ASSERT_TRUE(Push(*base, "base:v1").ok());
  }
  Reopen();
  const std::string dockerfile = "FROM scratch\nCOPY --from=" + host + "/base:v1 /one /two\n";
  EXPECT_EQ(Build(dockerfile, {}).code(), Code::kUnauthenticated);
  EXPECT_EQ(Build(dockerfile, Login(host, "wrong")).code(), Code::kUnauthenticated);
  EXPECT_EQ(Build(dockerfile, Login("elsewhere")).code(), Code::kUnauthenticated);
  const auto built = Build(dockerfile, Login(host));
  ASSERT_TRUE(built.ok()) << built.status().message();
  EXPECT_TRUE(Push(*built, "app:v1").ok());
  const auto stranger = Build("FROM scratch\nLABEL a=b\n", {.isolated = true});
  ASSERT_TRUE(stranger.ok()) << stranger.status().message();
  EXPECT_EQ(Push(*stranger, "app:v2").code(), Code::kUnauthenticated);
}

TEST_F(LoginsTest, AnIsolatedRunDoesNotHaveTheDaemons) {
  if (builder_ == nullptr) GTEST_SKIP();
  builder_.reset();
  const std::string host = registry_->host();
  ASSERT_TRUE(fs::WriteFileAtomic(fs::Join(dir_.path(), "config.json"),
                                  "{\"auths\": {\"" + host + "\": {\"username\": \"ada\", \"password\": \"pw\"}}}",
                                  0600)
                  .ok());
  builder_ = Builder::Open({.root = fs::Join(dir_.path(), "state"), .docker_config = dir_.path()}).value();
  const std::string dockerfile = "FROM scratch\nLABEL a=b\n";
  EXPECT_TRUE(Push(*Build(dockerfile, {}), "app:v1").ok());
  EXPECT_EQ(Push(*Build(dockerfile, {.isolated = true}), "app:v2").code(), Code::kUnauthenticated);
}

}  // namespace
}  // namespace slipway::builder
