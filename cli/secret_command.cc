// slipway secret: the daemon's own store of secrets, which task files name as `keyvault: store:NAME`.
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
#include "executor/base/fs.h"
#include "slipway/v1/secrets.grpc.pb.h"

namespace slipway::cli {

namespace {

constexpr uint64_t kMostBytes = 1U << 20;
constexpr int kPage = 1000;

struct SetOptions {
  std::string name;
  std::optional<std::string> value;
  std::optional<std::string> file;
};

Result<std::string> ValueOf(const SetOptions& options) {
  if (options.file) {
    SLIPWAY_ASSIGN_OR_RETURN(std::string text, fs::ReadFile(*options.file, kMostBytes).With("read the value"));
    return WithoutLineEnd(std::move(text));
  }
  if (options.value && *options.value != "-") return *options.value;
  return ReadHidden(STDIN_FILENO, kMostBytes, fmt::format("value of '{}'", options.name));
}

using SecretsClient = Client<v1::Secrets>;

int Set(const std::string& server, const SetOptions& options) {
  Result<std::string> value = ValueOf(options);
  if (!value.ok()) return Fail(value.status());
  Result<SecretsClient> service = SecretsClient::Open(server);
  if (!service.ok()) return Fail(service.status());
  v1::SetSecretRequest request;
  request.set_name(options.name);
  request.set_value(*std::move(value));
  v1::Secret secret;
  Call call(Context::Background(), kCallTimeout);
  const grpc::Status status = (*service)->SetSecret(call.context(), request, &secret);
  if (!status.ok()) return Fail(service->Failure(status, fmt::format("set secret '{}'", options.name)));
  Print(fmt::format("Secret {} is set; task files name it as keyvault: store:{}\n", secret.name(), secret.name()));
  return kExitOk;
}

Result<std::vector<v1::Secret>> Collect(SecretsClient& service) {
  std::vector<v1::Secret> out;
  v1::ListSecretsRequest request;
  request.set_page_size(kPage);
  do {
    Call call(Context::Background(), kCallTimeout);
    v1::ListSecretsResponse page;
    const grpc::Status status = service->ListSecrets(call.context(), request, &page);
    if (!status.ok()) return service.Failure(status, "list secrets");
    for (v1::Secret& one : *page.mutable_secrets()) out.push_back(std::move(one));
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return out;
}

std::string SecretsTable(const std::vector<v1::Secret>& secrets) {
  std::vector<std::vector<std::string>> rows = {{"NAME", "CREATED", "UPDATED"}};
  for (const v1::Secret& one : secrets) {
    rows.push_back({one.name(), WholeSeconds(one.create_time()), WholeSeconds(one.update_time())});
  }
  return Table(rows);
}

std::string SecretsJson(const std::vector<v1::Secret>& secrets) {
  using google::protobuf::util::TimeUtil;
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const v1::Secret& one : secrets) {
    out.push_back({{"name", one.name()},
                   {"createTime", TimeUtil::ToString(one.create_time())},
                   {"updateTime", TimeUtil::ToString(one.update_time())}});
  }
  return out.dump(2) + "\n";
}

int List(const std::string& server, OutputFormat output) {
  Result<SecretsClient> service = SecretsClient::Open(server);
  if (!service.ok()) return Fail(service.status());
  const Result<std::vector<v1::Secret>> found = Collect(*service);
  if (!found.ok()) return Fail(found.status());
  Print(output == OutputFormat::kJson ? SecretsJson(*found) : SecretsTable(*found));
  return kExitOk;
}

int Delete(const std::string& server, const std::string& name) {
  Result<SecretsClient> service = SecretsClient::Open(server);
  if (!service.ok()) return Fail(service.status());
  v1::DeleteSecretRequest request;
  request.set_name(name);
  v1::DeleteSecretResponse response;
  Call call(Context::Background(), kCallTimeout);
  const grpc::Status status = (*service)->DeleteSecret(call.context(), request, &response);
  if (!status.ok()) return Fail(service->Failure(status, fmt::format("delete secret '{}'", name)));
  Print(fmt::format("Secret {} is deleted\n", name));
  return kExitOk;
}

}  // namespace

void AddSecret(CommandLine& line) {
  CLI::App* group = line.app->add_subcommand("secret", "Secrets that the daemon keeps for tasks and logins");
  group->require_subcommand(1);

  auto options = std::make_shared<SetOptions>();
  CLI::App* set = group->add_subcommand("set", "Store a secret, in place of the one of that name");
  set->add_option("NAME", options->name, "Its name; task files say keyvault: store:NAME")->required()->type_name("");
  CLI::Option* value = set->add_option("VALUE", options->value,
                                       "Its value, which other users of this machine may see in the list of processes; "
                                       "'-' or none reads standard input");
  value->type_name("");
  set->add_option("--from-file", options->file, "Read the value from a file")->type_name("FILE")->excludes(value);
  set->callback([&line, options] { line.run = [&line, options] { return Set(line.server, *options); }; });

  auto output = std::make_shared<OutputFormat>(OutputFormat::kTable);
  CLI::App* list = group->add_subcommand("list", "List secrets, without values");
  AddOutputOption(*list, output.get());
  list->callback([&line, output] { line.run = [&line, output] { return List(line.server, *output); }; });

  auto name = std::make_shared<std::string>();
  CLI::App* remove = group->add_subcommand("delete", "Delete a secret");
  remove->add_option("NAME", *name, "Its name")->required()->type_name("");
  remove->callback([&line, name] { line.run = [&line, name] { return Delete(line.server, *name); }; });
}

}  // namespace slipway::cli
