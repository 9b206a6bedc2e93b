// slipway prune: frees the daemon's disk of what it keeps for later builds.
#include <chrono>
#include <memory>

#include "cli/command.h"
#include "cli/connection.h"
#include "executor/base/clock.h"

namespace slipway::cli {

namespace {

constexpr std::chrono::hours kPatience{1};  // very much may have to be looked through

int Run(const std::string& server, uint64_t keep_bytes) {
  auto connection = Connection::Open(server);
  if (!connection.ok()) return Fail(connection.status());
  v1::PruneRequest request;
  request.set_keep_bytes(keep_bytes);
  v1::PruneResponse pruned;
  Call call(Context::Background(), kPatience);
  if (grpc::Status status = (*connection)->system().Prune(call.context(), request, &pruned); !status.ok()) {
    return Fail((*connection)->Failure(status, "prune"));
  }
  Print(fmt::format("Freed {}, {} are kept\n", FormatBytes(pruned.freed_bytes()), FormatBytes(pruned.kept_bytes())));
  return kExitOk;
}

}  // namespace

void AddPrune(CommandLine& line) {
  auto keep = std::make_shared<uint64_t>(0);
  CLI::App* command = line.app->add_subcommand(
      "prune", "Remove what the daemon keeps for later builds: cached results, contents, cache mounts");
  command
      ->add_option("--keep-storage", *keep,
                   "How much may stay, as in 10GB; what was not used for longest goes first. Default: only what runs "
                   "under way need")
      ->type_name("SIZE")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/true));
  command->callback([&line, keep] { line.run = [&line, keep] { return Run(line.server, *keep); }; });
}

}  // namespace slipway::cli
