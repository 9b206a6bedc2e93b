#include "cli/command.h"

#include <google/protobuf/stubs/logging.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <vector>

#include "cli/connection.h"
#include "cli/keyring_commands.h"
#include "cli/terminal.h"
#include "cli/text_width.h"
#include "executor/base/near_miss.h"

namespace slipway::cli {

namespace {

// The innermost command that was named.
const CLI::App& Chosen(const CLI::App& app) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  return chosen.empty() ? app : Chosen(*chosen.front());
}

std::vector<std::string> KnownWords(const CLI::App& command, bool flags) {
  std::vector<std::string> words;
  if (flags) {
    for (const CLI::Option* option : command.get_options()) {
      for (const std::string& name : option->get_lnames()) words.push_back("--" + name);
      for (const std::string& name : option->get_snames()) words.push_back("-" + name);
    }
  } else {
    for (const CLI::App* sub : command.get_subcommands([](const CLI::App*) { return true; })) {
      words.push_back(sub->get_name());
    }
  }
  return words;
}

// --server may stand behind the command too.
void LetFallThrough(CLI::App& app) {
  for (CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    command->fallthrough();
    LetFallThrough(*command);
  }
}

// "slipway task create".
std::string FullName(const CLI::App& app, const CLI::App& command) {
  if (&command == &app) return app.get_name();
  return FullName(app, *command.get_parent()) + " " + command.get_name();
}

// What is wrong, with the word that was probably meant.
std::string Explain(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = Chosen(app);
  const std::vector<std::string> rest = app.remaining(/*recurse=*/true);
  if (rest.empty()) return error.what();
  const std::string word = rest.front().substr(0, rest.front().find('='));
  const bool flag = word.starts_with('-');
  const std::vector<std::string> known = KnownWords(command, flag);
  const std::string hint = DidYouMean(word, std::vector<std::string_view>(known.begin(), known.end()));
  if (flag) return fmt::format("flag '{}' is unknown{}", word, hint);
  if (command.get_require_subcommand_min() > 0) return fmt::format("command '{}' is unknown{}", word, hint);
  return fmt::format("argument '{}' is one too many", word);
}

int UsageFailure(const CLI::App& app, const CLI::ParseError& error) {
  WriteText(STDERR_FILENO, fmt::format("slipway: {}\nRun '{} --help' for its usage\n", Explain(app, error),
                                       FullName(app, Chosen(app))));
  return kExitUsage;
}

// The variables must be set before gRPC is first used, and only where the user has not set them.
void QuietGrpc() {
  google::protobuf::SetLogHandler(nullptr);
  ::setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);
  ::setenv("GRPC_DNS_RESOLVER", "native", /*overwrite=*/0);
}

struct Command {
  std::string_view name;
  void (*add)(CommandLine& line);
};

constexpr Command kCommands[] = {
    {"build", AddBuild},     {"run", AddRun},       {"runs", AddRuns},     {"show", AddShow},
    {"logs", AddLogs},       {"cancel", AddCancel}, {"diff", AddDiff},     {"notifications", AddNotifications},
    {"task", AddTask},       {"apply", AddApply},   {"secret", AddSecret}, {"credential", AddCredential},
    {"version", AddVersion}, {"info", AddInfo},     {"prune", AddPrune},
};

// A call pays for the options of the command that it names, not for those of all.
void AddCommands(CommandLine& line, std::string_view first_word) {
  const auto named =
      std::find_if(std::begin(kCommands), std::end(kCommands), [&](const Command& c) { return c.name == first_word; });
  if (named != std::end(kCommands)) return named->add(line);
  for (const Command& command : kCommands) command.add(line);
}

}  // namespace

int RunCommandLine(int argc, const char* const* argv) {
  QuietGrpc();
  CLI::App app("Builds container images by a slipway daemon", "slipway");
  CommandLine line{.app = &app, .server = std::string(kDefaultServer)};
  app.require_subcommand(1);
  app.set_version_flag("--version", "slipway " SLIPWAY_VERSION);
  app.add_option("--server", line.server, "Address of the daemon: HOST:PORT or unix:PATH")
      ->envname("SLIPWAY_SERVER")
      ->type_name("ADDRESS")
      ->capture_default_str()
      ->check([](const std::string& text) {
        const Result<std::string> target = GrpcTarget(text);
        return target.ok() ? std::string() : target.status().message();
      });
  AddCommands(line, argc > 1 ? argv[1] : "");
  LetFallThrough(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    return UsageFailure(app, error);
  }
  return line.run();
}

void PrintFailure(const Status& status) {
  // What a daemon says may hold text of a build, which is to have no power over the terminal.
  const std::string text = fmt::format("{}", fmt::join(HarmlessLines(status.message()), "\n"));
  WriteText(STDERR_FILENO, fmt::format("slipway: {}\n", text));
}

int Fail(const Status& status) {
  PrintFailure(status);
  return kExitFailed;
}

void Print(std::string_view text) { WriteText(STDOUT_FILENO, text); }

void AddOutputOption(CLI::App& command, OutputFormat* format) {
  command
      .add_option_function<std::string>(
          "-o,--output",
          [format](const std::string& name) { *format = name == "json" ? OutputFormat::kJson : OutputFormat::kTable; },
          "Print what comes out as 'json' or 'table'")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"json", "table"}));
}

}  // namespace slipway::cli
