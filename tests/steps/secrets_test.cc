// Sources of secrets. The HTTP ones talk to a real server on loopback that speaks the documented API.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "executor/base/fs.h"
#include "executor/http/curl_transport.h"
#include "steps/secrets/azure_key_vault.h"
#include "steps/secrets/local_secrets.h"
#include "steps/secrets/secret_source.h"
#include "steps/secrets/vault_secrets.h"
#include "tests/testing/scripted_http_server.h"

namespace slipway::secrets {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::ScriptedHttpServer;
using testing::ScriptedReply;
using testing::ScriptedRequest;

const Context& Ctx() {
  static const Context kContext = Context::Background();
  return kContext;
}

task::Secret Secret(std::string keyvault, std::string client_id = "") {
  return {.id = "pw", .keyvault = std::move(keyvault), .client_id = std::move(client_id)};
}

std::unique_ptr<http::Transport> NewTransport() { return http::NewCurlTransport({}).value(); }

ScriptedReply Json(int status, const json& body) {
  return {.status = status, .headers = {{"Content-Type", "application/json"}}, .body = body.dump()};
}

TEST(EnvironmentSecrets, OnlyListedVariablesAreGiven) {
  ASSERT_EQ(::setenv("SLIPWAY_TEST_PW", "hunter2", 1), 0);
  EnvironmentSecrets source({"SLIPWAY_TEST_PW", "SLIPWAY_TEST_NONE"});
  EXPECT_EQ(source.Fetch(Ctx(), Secret("env:SLIPWAY_TEST_PW")).value(), "hunter2");
  EXPECT_EQ(source.Fetch(Ctx(), Secret("env:SLIPWAY_TEST_NONE")).code(), Code::kNotFound);
  EXPECT_EQ(source.Fetch(Ctx(), Secret("env:PATH")).code(), Code::kPermissionDenied);
  EXPECT_EQ(source.Fetch(Ctx(), Secret("env:")).code(), Code::kInvalidArgument);
}

TEST(FileSecrets, FilesOfOneFolderOnly) {
  const fs::TempDir dir = fs::TempDir::Make().value();
  ASSERT_TRUE(fs::WriteFileAtomic(dir.path() + "/pw", "two\nlines\n").ok());
  ASSERT_EQ(::symlink("/etc/passwd", (dir.path() + "/link").c_str()), 0);
  FileSecrets source(dir.path());
  EXPECT_EQ(source.Fetch(Ctx(), Secret("file:pw")).value(), "two\nlines");
  EXPECT_EQ(source.Fetch(Ctx(), Secret("file:none")).code(), Code::kNotFound);
  EXPECT_EQ(source.Fetch(Ctx(), Secret("file:../pw")).code(), Code::kInvalidArgument);
  EXPECT_EQ(source.Fetch(Ctx(), Secret("file:link")).code(), Code::kNotFound);
}

// Vault's key-value engine, as far as reading goes: sign in by AppRole, tokens that can be revoked, versions.
class FakeVault {
 public:
  explicit FakeVault(std::string token = "root")
      : token_(std::move(token)), server_([this](const ScriptedRequest& request) { return Answer(request); }) {}

  VaultOptions Options() const { return {.address = server_.Url("/")}; }
  VaultOptions WithToken() const {
    VaultOptions options = Options();
    options.token = "root";
    return options;
  }
  void Revoke(std::string next) { token_ = std::move(next); }
  ScriptedHttpServer& server() { return server_; }

 private:
  ScriptedReply Answer(const ScriptedRequest& request) const {
    if (request.Line() == "POST /v1/auth/approle/login") {
      const json login = json::parse(request.body);
      if (login["role_id"] != "role" || login["secret_id"] != "s3cret-id") {
        return Json(400, {{"errors", {"invalid role or secret ID"}}});
      }
      return Json(200, {{"auth", {{"client_token", token_}, {"lease_duration", 3600}}}});
    }
    if (request.headers.Get("X-Vault-Token") != token_) return Json(403, {{"errors", {"permission denied"}}});
    const auto secret = [](const json& data) {
      return Json(200, {{"data", {{"data", data}, {"metadata", {{"version", 2}}}}}});
    };
    if (request.target == "/v1/secret/data/team/app")
      return secret({{"value", "v2"}, {"password", "hunter2"}, {"n", 5}});
    if (request.target == "/v1/secret/data/team/app?version=1") return secret({{"value", "v1"}});
    return Json(404, {{"errors", json::array()}});
  }

  std::string token_;
  ScriptedHttpServer server_;
};

TEST(VaultSecrets, ReadsFieldsAndVersionsWithAToken) {
  FakeVault vault;
  const auto transport = NewTransport();
  VaultSecrets source(vault.WithToken(), *transport);
  EXPECT_EQ(source.Fetch(Ctx(), Secret("vault:secret/team/app")).value(), "v2");
  EXPECT_EQ(source.Fetch(Ctx(), Secret("vault:secret/team/app#password")).value(), "hunter2");
  EXPECT_EQ(source.Fetch(Ctx(), Secret("vault:secret/team/app#n")).value(), "5");
  EXPECT_EQ(source.Fetch(Ctx(), Secret("vault:secret/team/app?version=1#value")).value(), "v1");
}

TEST(VaultSecrets, SaysWhatIsMissingWithoutTheValue) {
  FakeVault vault;
  const auto transport = NewTransport();
  VaultSecrets source(vault.WithToken(), *transport);
  const auto field = source.Fetch(Ctx(), Secret("vault:secret/team/app#nope"));
  EXPECT_EQ(field.code(), Code::kNotFound);
  EXPECT_THAT(field.status().message(), Not(HasSubstr("hunter2")));
  EXPECT_EQ(source.Fetch(Ctx(), Secret("vault:secret/none")).code(), Code::kNotFound);
  for (const char* bad : {"vault:", "vault:secret", "vault:secret/", "vault:/a/b", "vault:a//b", "vault:a/../b",
                          "vault:a/b?x=1", "vault:a/b?version=", "vault:a/b#", "vault:a/b c"}) {
    EXPECT_EQ(source.Fetch(Ctx(), Secret(bad)).code(), Code::kInvalidArgument) << bad;
  }
}

TEST(VaultSecrets, ATokenThatIsRefusedIsDenied) {
  FakeVault vault("another");
  const auto transport = NewTransport();
  VaultSecrets source(vault.WithToken(), *transport);
  const auto value = source.Fetch(Ctx(), Secret("vault:secret/team/app"));
  EXPECT_EQ(value.code(), Code::kPermissionDenied);
  EXPECT_EQ(value.status().message(), "read the secret: Vault answered 403: permission denied");
}

TEST(VaultSecrets, SignsInByAppRoleOnceAndAgainWhenRevoked) {
  FakeVault vault("first");
  const auto transport = NewTransport();
  VaultOptions options = vault.Options();
  options.role_id = "role";
  options.secret_id = "s3cret-id";
  VaultSecrets source(options, *transport);
  EXPECT_TRUE(source.Fetch(Ctx(), Secret("vault:secret/team/app")).ok());
  EXPECT_TRUE(source.Fetch(Ctx(), Secret("vault:secret/team/app")).ok());
  EXPECT_EQ(vault.server().requests().size(), 3U);
  vault.Revoke("second");
  EXPECT_TRUE(source.Fetch(Ctx(), Secret("vault:secret/team/app")).ok());

  options.secret_id = "wrong-id";
  VaultSecrets wrong(options, *transport);
  const auto refused = wrong.Fetch(Ctx(), Secret("vault:secret/team/app"));
  EXPECT_EQ(refused.code(), Code::kFailedPrecondition);
  EXPECT_THAT(refused.status().message(), Not(HasSubstr("wrong-id")));
}

TEST(VaultSecrets, AVaultThatIsNotThereIsUnavailable) {
  VaultOptions options{.address = "http://127.0.0.1:1", .token = "root"};
  const auto transport = NewTransport();
  VaultSecrets source(options, *transport);
  EXPECT_EQ(source.Fetch(Ctx(), Secret("vault:secret/team/app")).code(), Code::kUnavailable);
}

TEST(KeyVaultUrl, IsReadInTheWordsOfTheOriginal) {
  const auto address = ParseKeyVaultUrl("https://MyVault.vault.azure.net/secrets/Pw/");
  ASSERT_TRUE(address.ok());
  EXPECT_EQ(address->host, "myvault.vault.azure.net");
  EXPECT_EQ(address->path, "/secrets/pw");
  EXPECT_EQ(address->resource, "https://vault.azure.net");
  const std::pair<const char*, const char*> bad[] = {
      {"", "missing azure keyvault URL"},
      {"http://v.vault.azure.net/secrets/a", "invalid azure keyvault secret URL scheme. Expected Https"},
      {"https://v.vault.azure.net/secrets", "invalid azure keyvault secret URL. Bad number of URL segments: 1"},
      {"https://v.vault.azure.net/secrets/a/b/c", "invalid azure keyvault secret URL. Bad number of URL segments: 4"},
      {"https://v.vault.azure.net/keys/a",
       "invalid azure keyvault secret URL. Expected 'secrets' collection, but found: keys"},
      {"https://vault/secrets/a", "extracted vault resource vault from vault URL https://vault/secrets/a is invalid"}};
  for (const auto& [url, message] : bad) EXPECT_EQ(ParseKeyVaultUrl(url).status().message(), message) << url;
}

TEST(AzureKeyVaultSecrets, ReadsWithTheTokenOfAnIdentity) {
  ScriptedHttpServer server([](const ScriptedRequest& request) {
    if (request.target.starts_with("/identity?")) {
      EXPECT_EQ(request.headers.Get("Metadata"), "true");
      EXPECT_THAT(request.target, HasSubstr("resource=https://vault.azure.net"));
      if (request.target.find("client_id=00000000-0000-0000-0000-000000000001") == std::string::npos) {
        return Json(400, {{"error", "invalid_request"}, {"error_description", "Identity not found"}});
      }
      return Json(200, {{"access_token", "t0ken"}, {"expires_in", "3599"}});
    }
    if (request.headers.Get("Authorization") != "Bearer t0ken") return Json(401, json::object());
    if (request.target == "/secrets/pw?api-version=7.4") return Json(200, {{"value", "hunter2"}});
    return Json(404, {{"error", {{"code", "SecretNotFound"}, {"message", "A secret with (name/id) x was not found"}}}});
  });
  const auto transport = NewTransport();
  AzureKeyVaultSecrets source({.identity_endpoint = server.Url("/identity"), .vault_endpoint = server.Url()},
                              *transport);
  const std::string identity = "00000000-0000-0000-0000-000000000001";
  EXPECT_EQ(source.Fetch(Ctx(), Secret("https://v.vault.azure.net/secrets/pw", identity)).value(), "hunter2");
  const auto missing = source.Fetch(Ctx(), Secret("https://v.vault.azure.net/secrets/x", identity));
  EXPECT_EQ(missing.code(), Code::kNotFound);
  EXPECT_THAT(missing.status().message(), HasSubstr("was not found"));
  EXPECT_THAT(source.Fetch(Ctx(), Secret("https://v.vault.azure.net/secrets/pw")).status().message(),
              HasSubstr("Identity not found"));
}

TEST(AzureKeyVaultSecrets, SendsNothingForAUrlWhoseHostMayBeReadInTwoWays) {
  std::atomic<int> requests = 0;
  ScriptedHttpServer server([&](const ScriptedRequest&) {
    ++requests;
    return Json(200, {{"access_token", "t0ken"}, {"value", "hunter2"}});
  });
  const auto transport = NewTransport();
  AzureKeyVaultSecrets source({.identity_endpoint = server.Url("/identity"), .vault_endpoint = server.Url()},
                              *transport);
  for (const std::string url : {"https://evil\u3002com?.vault.azure.net/secrets/x",
                                "https://evil\u3002com#.vault.azure.net/secrets/x",
                                "https://evil\u3002com/secrets/x",
                                "https://v.vault\uff0eazure.net/secrets/x",
                                "https://evil.com?.vault.azure.net/secrets/x",
                                "https://evil.com#.vault.azure.net/secrets/x",
                                "https://v.vault.azure.net/secrets/x?y",
                                "https://v.vault.azure.net/secrets/x#y",
                                "https://user:pass@v.vault.azure.net/secrets/x",
                                "https://@v.vault.azure.net/secrets/x",
                                "https://v.vault.azure.net@evil.com/secrets/x",
                                "https://v.vault.azure.net:8443/secrets/x",
                                "https://evil.com\\.vault.azure.net/secrets/x",
                                "https://evil.com%2f.vault.azure.net/secrets/x",
                                "https://2130706433?.vault.azure.net/secrets/x",
                                "https://2130706433/secrets/x",
                                "https://127.0.0.1/secrets/x",
                                "https://127.0x1/secrets/x",
                                "https://[::1]/secrets/x",
                                "https://.vault.azure.net/secrets/x",
                                "https://v..vault.azure.net/secrets/x",
                                "https://v.vault.azure.net./secrets/x",
                                "https://v_1.vault.azure.net/secrets/x",
                                "https://v.vault.azure.net/secrets/%78"}) {
    const auto refused = source.Fetch(Ctx(), Secret(url));
    EXPECT_EQ(refused.code(), Code::kInvalidArgument) << url;
    EXPECT_THAT(refused.status().message(), Not(HasSubstr("pass"))) << url;
  }
  EXPECT_EQ(requests, 0);
  EXPECT_EQ(source.Fetch(Ctx(), Secret("https://V-1.Vault.Azure.Net:443/secrets/x")).value(), "hunter2");
  EXPECT_EQ(requests, 2);
}

TEST(ResolveSecrets, AsksTheSourceThatServes) {
  SecretSources sources;
  sources.push_back(std::make_unique<StoreSecrets>([](const std::string& name) -> Result<std::string> {
    if (name == "big") return std::string(kLargestSecret + 1, 'x');
    return name == "one" ? Result<std::string>("1") : NotFound("no secret '{}' is kept", name);
  }));
  sources.push_back(std::make_unique<EnvironmentSecrets>(std::set<std::string>{"SLIPWAY_TEST_PW2"}));
  ASSERT_EQ(::setenv("SLIPWAY_TEST_PW2", "2", 1), 0);
  const std::vector<task::Secret> good = {{.id = "a", .keyvault = "store:one", .client_id = ""},
                                          {.id = "b", .keyvault = "env:SLIPWAY_TEST_PW2", .client_id = ""}};
  const auto values = ResolveSecrets(Ctx(), good, sources);
  ASSERT_TRUE(values.ok()) << values.status().message();
  EXPECT_EQ(*values, (std::map<std::string, std::string>{{"a", "1"}, {"b", "2"}}));
  EXPECT_TRUE(ResolveSecrets(Ctx(), {}, sources).value().empty());

  const auto error = [&](const std::string& keyvault) {
    const std::vector<task::Secret> one = {{.id = "a", .keyvault = keyvault, .client_id = ""}};
    return ResolveSecrets(Ctx(), one, sources).status().message();
  };
  EXPECT_EQ(error("store:two"), "secret 'a' (store:two): no secret 'two' is kept");
  EXPECT_EQ(error("store:big"), "secret 'a' (store:big): its value is larger than 1 MiB");
  EXPECT_EQ(error("gcp:x"), "secret 'a' (gcp:x): no source of this daemon serves that; known are store:NAME, env:NAME");
}

}  // namespace
}  // namespace slipway::secrets
