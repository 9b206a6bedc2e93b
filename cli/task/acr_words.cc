#include "cli/task/acr_words.h"

#include <unistd.h>

#include "cli/terminal.h"

namespace slipway::cli {

namespace {

constexpr int kMostValues = 100;

void AddNoted(CLI::App& command, const std::string& name, std::vector<std::string>* notes) {
  command
      .add_option_function<std::vector<std::string>>(
          name, [notes, name](const std::vector<std::string>&) { notes->push_back(name); }, "")
      ->group("")
      ->expected(0, kMostValues);
}

}  // namespace

void AddAcrOptions(CLI::App& command, AcrWords* words) {
  for (const char* name : {"-r,--registry", "-g,--resource-group", "--subscription"}) {
    command.add_option(name, words->ignored, "")->group("")->allow_extra_args(false);
  }
  for (const char* name : {"--no-format", "--only-show-errors"}) command.add_flag(name)->group("");
  for (const char* name : {"--cpu", "--agent-pool", "--log-template"}) AddNoted(command, name, &words->lost);
  for (const char* name : {"--assign-identity", "--is-system-task", "--use-identity"}) {
    AddNoted(command, name, &words->refused);
  }
  // Only "None" would be another thing.
  command
      .add_option_function<std::string>(
          "--auth-mode",
          [words](const std::string& mode) {
            if (mode != "Default") words->lost.emplace_back("--auth-mode");
          },
          "")
      ->group("");
}

Status CheckAcrWords(const AcrWords& words) {
  for (const std::string& name : words.lost) {
    WriteText(STDERR_FILENO, fmt::format("note: {} has no meaning for this daemon and is ignored\n", name));
  }
  if (words.refused.empty()) return {};
  return Unimplemented(
      "{} cannot be had: there are no identities here. Log in to registries by user and password, see 'slipway task "
      "credential add --help'",
      words.refused.front());
}

}  // namespace slipway::cli
