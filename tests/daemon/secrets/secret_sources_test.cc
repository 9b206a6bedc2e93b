#include "daemon/secrets/secret_sources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "executor/base/fs.h"
#include "executor/http/curl_transport.h"

namespace slipway::secrets {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class OpenSourcesTest : public ::testing::Test {
 protected:
  std::vector<std::string> Forms(const SourceSettings& settings) {
    const auto sources = OpenSources(settings, *transport_);
    EXPECT_TRUE(sources.ok()) << sources.status().message();
    std::vector<std::string> out;
    for (const auto& source : *sources) out.push_back(source->form());
    return out;
  }
  std::string File(const std::string& name, const std::string& text) const {
    const std::string path = dir_.path() + "/" + name;
    EXPECT_TRUE(fs::WriteFileAtomic(path, text).ok());
    return path;
  }

  std::unique_ptr<http::Transport> transport_ = http::NewCurlTransport({}).value();
  fs::TempDir dir_ = fs::TempDir::Make().value();
};

TEST_F(OpenSourcesTest, WhatIsNotSetUpIsNotOffered) {
  EXPECT_THAT(Forms({}), ElementsAre("https://NAME.vault.azure.net/secrets/SECRET"));
  SourceSettings settings{.environment = {"PW"}, .folder = dir_.path(), .vault_address = "https://vault:8200"};
  settings.vault_token_file = File("token", "t0ken\n");
  EXPECT_THAT(Forms(settings), ElementsAre("env:NAME", "file:NAME", "vault:MOUNT/PATH#FIELD",
                                           "https://NAME.vault.azure.net/secrets/SECRET"));
}

TEST_F(OpenSourcesTest, AVaultWantsOneWayToSignIn) {
  SourceSettings settings{.vault_address = "https://vault:8200"};
  EXPECT_EQ(OpenSources(settings, *transport_).code(), Code::kInvalidArgument);
  settings.vault_role_id = "role";
  EXPECT_EQ(OpenSources(settings, *transport_).code(), Code::kInvalidArgument);
  settings.vault_secret_id_file = File("id", "s3cret");
  EXPECT_TRUE(OpenSources(settings, *transport_).ok());
  settings.vault_token_file = File("token", "t0ken");
  EXPECT_EQ(OpenSources(settings, *transport_).code(), Code::kInvalidArgument);
  settings.vault_token_file = dir_.path() + "/none";
  EXPECT_THAT(OpenSources(settings, *transport_).status().message(), HasSubstr("secrets.vault_token_file"));
}

}  // namespace
}  // namespace slipway::secrets
