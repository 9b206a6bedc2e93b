// slipway credential: logins of registries and git hosts for all runs.
#include <google/protobuf/util/time_util.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/channel.h"
#include "cli/connection.h"
#include "cli/hidden_input.h"
#include "cli/keyring_commands.h"
#include "cli/run_format.h"
#include "slipway/v1/credentials.grpc.pb.h"

namespace slipway::cli {

namespace {

using CredentialsClient = Client<v1::Credentials>;

constexpr uint64_t kMostBytes = 64U << 10;

struct Words {
  std::string host;
  v1::CredentialKind kind = v1::CREDENTIAL_KIND_REGISTRY;
  std::string username, secret;
  std::optional<std::string> password, token;
  bool password_stdin = false;
};

const char* KindText(v1::CredentialKind kind) { return kind == v1::CREDENTIAL_KIND_GIT ? "git" : "registry"; }

// The password or token; "" where it is read from a secret.
Result<std::string> PasswordOf(const Words& words) {
  if (!words.secret.empty()) return std::string();
  if (words.password) return *words.password;
  if (words.token && *words.token != "-") return *words.token;
  return ReadHidden(STDIN_FILENO, kMostBytes, words.token ? "token" : "password");
}

int Set(const std::string& server, const Words& words) {
  if (words.token && !words.username.empty() && words.kind == v1::CREDENTIAL_KIND_REGISTRY) {
    PrintFailure(InvalidArgument(
        "--token is an identity token, which has no user; a token that goes with a name is a --password"));
    return kExitUsage;
  }
  Result<std::string> password = PasswordOf(words);
  if (!password.ok()) return Fail(password.status());
  Result<CredentialsClient> service = CredentialsClient::Open(server);
  if (!service.ok()) return Fail(service.status());
  v1::SetCredentialRequest request;
  request.mutable_credential()->set_kind(words.kind);
  request.mutable_credential()->set_host(words.host);
  request.mutable_credential()->set_username(words.username);
  request.mutable_credential()->set_secret(words.secret);
  request.set_password(*std::move(password));
  v1::Credential stored;
  Call call(Context::Background(), kCallTimeout);
  const grpc::Status status = (*service)->SetCredential(call.context(), request, &stored);
  if (!status.ok()) return Fail(service->Failure(status, fmt::format("set the login of '{}'", words.host)));
  Print(fmt::format("The login of the {} {} for all runs is set\n",
                    stored.kind() == v1::CREDENTIAL_KIND_GIT ? "git host" : "registry", stored.host()));
  return kExitOk;
}

std::string CredentialsTable(const v1::ListCredentialsResponse& all) {
  std::vector<std::vector<std::string>> rows = {{"HOST", "KIND", "USERNAME", "PASSWORD FROM", "UPDATED"}};
  for (const v1::Credential& one : all.credentials()) {
    rows.push_back({one.host(), KindText(one.kind()), one.username(), one.secret(), WholeSeconds(one.update_time())});
  }
  return Table(rows);
}

std::string CredentialsText(const v1::ListCredentialsResponse& all) {
  using google::protobuf::util::TimeUtil;
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const v1::Credential& one : all.credentials()) {
    nlohmann::ordered_json json = {{"host", one.host()}, {"kind", KindText(one.kind())}, {"username", one.username()}};
    if (!one.secret().empty()) json["secret"] = one.secret();
    json["createTime"] = TimeUtil::ToString(one.create_time());
    json["updateTime"] = TimeUtil::ToString(one.update_time());
    out.push_back(std::move(json));
  }
  return out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

int List(const std::string& server, OutputFormat output) {
  Result<CredentialsClient> service = CredentialsClient::Open(server);
  if (!service.ok()) return Fail(service.status());
  v1::ListCredentialsResponse all;
  Call call(Context::Background(), kCallTimeout);
  const grpc::Status status = (*service)->ListCredentials(call.context(), {}, &all);
  if (!status.ok()) return Fail(service->Failure(status, "list logins"));
  Print(output == OutputFormat::kJson ? CredentialsText(all) : CredentialsTable(all));
  return kExitOk;
}

int Delete(const std::string& server, const Words& words) {
  Result<CredentialsClient> service = CredentialsClient::Open(server);
  if (!service.ok()) return Fail(service.status());
  v1::DeleteCredentialRequest request;
  request.set_kind(words.kind);
  request.set_host(words.host);
  v1::DeleteCredentialResponse response;
  Call call(Context::Background(), kCallTimeout);
  const grpc::Status status = (*service)->DeleteCredential(call.context(), request, &response);
  if (!status.ok()) return Fail(service->Failure(status, fmt::format("delete the login of '{}'", words.host)));
  Print(fmt::format("The login of {} is deleted\n", words.host));
  return kExitOk;
}

void AddHost(CLI::App& command, Words* words) {
  command.add_option("HOST", words->host, "Host, with its port if it has one: registry.example.com:5000, docker.io")
      ->required()
      ->type_name("");
  command
      .add_option_function<std::string>(
          "--kind",
          [words](const std::string& kind) {
            words->kind = kind == "git" ? v1::CREDENTIAL_KIND_GIT : v1::CREDENTIAL_KIND_REGISTRY;
          },
          "What the host is: 'registry' (the default), or 'git', of which repositories are fetched by https")
      ->type_name("KIND")
      ->check(CLI::IsMember({"registry", "git"}));
}

void AddPasswords(CLI::App& command, Words* words) {
  command.add_option("-u,--username", words->username, "Name of the user; none with a token alone")->type_name("NAME");
  CLI::Option* password = command.add_option(
      "-p,--password", words->password, "Password, which other users of this machine may see in the list of processes");
  CLI::Option* from_stdin =
      command.add_flag("--password-stdin", words->password_stdin,
                       "Read the password (or token) from standard input, as happens when none is given");
  CLI::Option* token = command.add_option("--token", words->token, "Token; '-' reads standard input");
  CLI::Option* secret = command.add_option(
      "--from-secret", words->secret,
      "Read the password when it is needed: name of a secret of the daemon, or vault:…, env:… as task files write it");
  password->type_name("PASSWORD")->excludes(from_stdin)->excludes(token)->excludes(secret);
  token->type_name("TOKEN")->excludes(from_stdin)->excludes(secret);
  secret->type_name("SECRET")->excludes(from_stdin);
}

}  // namespace

void AddCredential(CommandLine& line) {
  CLI::App* group = line.app->add_subcommand("credential", "Logins of registries and git hosts for all runs");
  group->require_subcommand(1);

  auto words = std::make_shared<Words>();
  CLI::App* set = group->add_subcommand("set", "Store a login, in place of the one of that host");
  AddHost(*set, words.get());
  AddPasswords(*set, words.get());
  set->callback([&line, words] { line.run = [&line, words] { return Set(line.server, *words); }; });

  auto output = std::make_shared<OutputFormat>(OutputFormat::kTable);
  CLI::App* list = group->add_subcommand("list", "List logins, without passwords");
  AddOutputOption(*list, output.get());
  list->callback([&line, output] { line.run = [&line, output] { return List(line.server, *output); }; });

  auto doomed = std::make_shared<Words>();
  CLI::App* remove = group->add_subcommand("delete", "Delete a login");
  AddHost(*remove, doomed.get());
  remove->callback([&line, doomed] { line.run = [&line, doomed] { return Delete(line.server, *doomed); }; });
}

}  // namespace slipway::cli
