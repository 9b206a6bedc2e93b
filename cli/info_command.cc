// slipway info: how the daemon is set up and how busy it is.
#include <google/protobuf/util/json_util.h>

#include <chrono>
#include <memory>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/text_width.h"
#include "executor/base/clock.h"

namespace slipway::cli {

namespace {

std::string Details(const std::string& server, const v1::GetInfoResponse& info) {
  std::vector<std::pair<std::string, std::string>> facts = {{"Server", server}};
  facts.emplace_back("Registry", info.registry().empty() ? "none" : info.registry());
  if (!info.run_id_prefix().empty()) facts.emplace_back("Run id prefix", info.run_id_prefix());
  if (info.has_start_time()) {
    facts.emplace_back("Running since", FormatTime(SystemTime(std::chrono::seconds(info.start_time().seconds()))));
  }
  facts.emplace_back("Runs", fmt::format("{} active of at most {}, {} waiting", info.active_runs(), info.max_runs(),
                                         info.queued_runs()));
  if (info.has_context_limits()) {
    const v1::ContextLimits& limits = info.context_limits();
    facts.emplace_back("Context limits",
                       fmt::format("{} entries, {} in all, {} a file", limits.max_entries(),
                                   FormatBytes(limits.max_total_bytes()), FormatBytes(limits.max_file_bytes())));
  }
  for (const v1::InfoProperty& property : info.properties()) facts.emplace_back(property.name(), property.value());
  size_t width = 0;
  for (const auto& [name, value] : facts) width = std::max(width, Columns(Harmless(name)));
  std::string out;
  for (const auto& [name, value] : facts)
    out += fmt::format("{} {}\n", Fit(Harmless(name) + ":", width + 1), Harmless(value));
  return out;
}

int Run(const std::string& server, OutputFormat output) {
  auto connection = Connection::Open(server);
  if (!connection.ok()) return Fail(connection.status());
  v1::GetInfoResponse info;
  Call call(Context::Background(), kCallTimeout);
  if (grpc::Status status = (*connection)->system().GetInfo(call.context(), {}, &info); !status.ok()) {
    return Fail((*connection)->Failure(status, "get info"));
  }
  if (output != OutputFormat::kJson) {
    Print(Details(server, info));
    return kExitOk;
  }
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(info, &json, options).ok()) {
    return Fail(Internal("get info: the daemon's answer cannot be written as JSON"));
  }
  Print(json);
  return kExitOk;
}

}  // namespace

void AddInfo(CommandLine& line) {
  auto output = std::make_shared<OutputFormat>(OutputFormat::kNone);
  CLI::App* command = line.app->add_subcommand("info", "Show how the daemon is set up and how busy it is");
  AddOutputOption(*command, output.get());
  command->callback([&line, output] { line.run = [&line, output] { return Run(line.server, *output); }; });
}

}  // namespace slipway::cli
