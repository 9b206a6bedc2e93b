// slipway task credential add, update, remove, list: how runs of a task log in to registries.
#include <algorithm>
#include <iostream>
#include <memory>

#include <nlohmann/json.hpp>

#include "cli/task/commands.h"
#include "cli/task/task_format.h"
#include "cli/task/task_json.h"
#include "cli/task/task_part.h"
#include "executor/base/near_miss.h"

namespace slipway::cli {

namespace {

using Credentials = google::protobuf::RepeatedPtrField<v1::RegistryCredential>;

struct Words : PartWords {
  std::string server;
  std::optional<std::string> username, password;
  bool password_stdin = false;
};

void SetLogin(const Words& words, v1::RegistryCredential* credential) {
  if (words.username) credential->set_username(*words.username);
  if (words.password) credential->set_password(*words.password);
}

Credentials::iterator Find(const std::string& server, Credentials* all) {
  return std::find_if(all->begin(), all->end(), [&](const auto& one) { return one.login_server() == server; });
}

Status NoServer(const std::string& server, const Credentials& all) {
  std::vector<std::string_view> names;
  for (const v1::RegistryCredential& one : all) names.push_back(one.login_server());
  return NotFound("Login server '{}' not found{}", server, DidYouMean(server, names));
}

Status Add(const Words& words, Credentials* all) {
  if (Find(words.server, all) != all->end()) {
    return AlreadyExists("Login server '{}' already exists. You cannot add it again.", words.server);
  }
  v1::RegistryCredential* added = all->Add();
  added->set_login_server(words.server);
  SetLogin(words, added);
  return {};
}

Status Update(const Words& words, Credentials* all) {
  const auto found = Find(words.server, all);
  if (found == all->end()) return NoServer(words.server, *all);
  SetLogin(words, &*found);
  return {};
}

Status Remove(const Words& words, Credentials* all) {
  const auto found = Find(words.server, all);
  if (found == all->end()) return NoServer(words.server, *all);
  all->erase(found);
  return {};
}

using Change = Status (*)(const Words&, Credentials*);

void PrintCredentials(const FormChoice& form, const v1::Task& task) {
  PrintList(form, CredentialsJson(task), CredentialTable(task));
}

constexpr TaskPart<v1::RegistryCredential> kCredentials{
    .field = "credentials", .list = &v1::Task::mutable_credentials, .print = &PrintCredentials};

int ChangeCredentials(Connection& connection, Words& words, Change change) {
  if (words.password_stdin) std::getline(std::cin, words.password.emplace());
  if (change == &Add && (!words.password || words.password->empty())) {
    return Misuse(InvalidArgument("a login needs a password: give --password or --password-stdin"));
  }
  return ChangeTaskPart(connection, words, kCredentials, [&](Credentials* all) { return change(words, all); });
}

void AddChange(CLI::App& group, CommandLine& line, const char* name, const char* help, Change change) {
  auto words = std::make_shared<Words>();
  CLI::App* command = AddPartCommand(group, words.get(), name, help);
  command->add_option("--login-server", words->server, "Host of the registry, with its port if it has one")
      ->type_name("HOST")
      ->required();
  if (change != &Remove) {
    command->add_option("-u,--username", words->username, "Name of the user; none with a token alone")
        ->type_name("NAME");
    CLI::Option* password = command->add_option("-p,--password", words->password, "Password or token");
    password->type_name("PASSWORD");
    command->add_flag("--password-stdin", words->password_stdin, "Read the password from standard input")
        ->excludes(password);
  }
  OnPartChosen(*command, line, words,
               [words, change](Connection& connection) { return ChangeCredentials(connection, *words, change); });
}

}  // namespace

void AddTaskCredential(CLI::App& group, CommandLine& line) {
  CLI::App* credential = group.add_subcommand("credential", "Logins of registries for runs of a task");
  credential->require_subcommand(1);
  AddChange(*credential, line, "add", "Add a login", &Add);
  AddChange(*credential, line, "update", "Change what is given of a login", &Update);
  AddChange(*credential, line, "remove", "Remove a login", &Remove);
  auto words = std::make_shared<PartWords>();
  CLI::App* list = AddPartCommand(*credential, words.get(), "list", "List the logins, without passwords");
  OnPartChosen(*list, line, words,
               [words](Connection& connection) { return PrintTaskPart(connection, *words, &PrintCredentials); });
}

}  // namespace slipway::cli
