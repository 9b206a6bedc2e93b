#include "daemon/config/command_line.h"

#include <algorithm>
#include <deque>

#include <CLI/CLI.hpp>

#include "daemon/config/keys.h"
#include "daemon/config/yaml_file.h"
#include "executor/base/near_miss.h"

namespace slipway::config {

namespace {

std::string FlagOf(const Key& key) {
  std::string flag = fmt::format("--{}", key.name);
  std::replace_if(
      flag.begin(), flag.end(), [](char c) { return c == '_' || c == '.'; }, '-');
  return flag;
}

struct Flags {
  std::deque<std::vector<std::string>> values;  // by the index of the key
  std::string config_file;
  bool version = false;
  bool rotate_key = false;
};

void Declare(CLI::App& app, Flags& flags) {
  app.add_option("--config", flags.config_file, "YAML file with the same keys ('_' for '-'); flags win over it")
      ->option_text("FILE");
  for (const Key& key : Keys()) {
    std::vector<std::string>& values = flags.values.emplace_back();
    const std::string flag = FlagOf(key);
    if (key.kind == Key::Kind::kBool) {
      app.add_flag_callback(
          flag, [&values] { values = {"true"}; }, std::string(key.help));
      continue;
    }
    CLI::Option* option = app.add_option(flag, values, std::string(key.help))->option_text(std::string(key.form));
    option->expected(1);
    option->multi_option_policy(key.IsList() ? CLI::MultiOptionPolicy::TakeAll : CLI::MultiOptionPolicy::TakeLast);
  }
  app.add_flag("--rotate-key", flags.rotate_key,
               "Exchange the key that secrets are kept with, seal them anew and end; the daemon must not run");
  app.add_flag("--version", flags.version, "Print the version and end");
}

std::string UnknownFlag(const std::vector<std::string>& args) {
  std::vector<std::string> flags = {"--config", "--rotate-key", "--version", "--help"};
  for (const Key& key : Keys()) flags.push_back(FlagOf(key));
  const std::vector<std::string_view> known(flags.begin(), flags.end());
  for (const std::string& arg : args) {
    const std::string name = arg.substr(0, arg.find('='));
    if (!name.starts_with("-")) continue;
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return fmt::format("unknown flag '{}'{}", name, DidYouMean(name, known));
    }
  }
  return {};
}

}  // namespace

Result<Invocation> ReadCommandLine(const std::vector<std::string>& args, std::string_view version) {
  CLI::App app("slipwayd builds container images and pushes them to registries: the daemon", "slipwayd");
  Flags flags;
  Declare(app, flags);
  Invocation out;
  try {
    std::vector<std::string> reversed(args.rbegin(), args.rend());
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    out.print = app.help();
    return out;
  } catch (const CLI::ExtrasError& e) {
    const std::string unknown = UnknownFlag(args);
    return InvalidArgument("{}", unknown.empty() ? std::string(e.what()) : unknown);
  } catch (const CLI::Error& e) {
    return InvalidArgument("{}", e.what());
  }
  if (flags.version) {
    out.print = fmt::format("slipwayd {}\n", version);
    return out;
  }
  out.rotate_key = flags.rotate_key;
  if (!flags.config_file.empty()) SLIPWAY_RETURN_IF_ERROR(ApplyYamlFile(flags.config_file, out.config));
  for (size_t i = 0; i < Keys().size(); ++i) {
    const Key& key = Keys()[i];
    if (flags.values[i].empty()) continue;
    const Status status = key.IsList() ? Apply(key, flags.values[i], out.config)
                                       : Apply(key, std::span(&flags.values[i].back(), 1), out.config);
    if (!status.ok()) return InvalidArgument("{}: {}", FlagOf(key), status.message().substr(key.name.size() + 2));
  }
  SLIPWAY_RETURN_IF_ERROR(Validate(out.config));
  return out;
}

}  // namespace slipway::config
