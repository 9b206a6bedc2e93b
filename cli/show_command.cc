// slipway show: one run, or what is attested of the image that it pushed.
#include <memory>

#include <nlohmann/json.hpp>

#include "cli/cache_format.h"
#include "cli/command.h"
#include "cli/connection.h"
#include "cli/run_follower.h"
#include "cli/run_format.h"

namespace slipway::cli {

namespace {

struct ShowOptions {
  std::string run_id;
  bool cache = false;
  OutputFormat output = OutputFormat::kNone;
  bool provenance = false;
  bool sbom = false;
};

struct Statement {
  std::string platform;
  std::string json;
};

std::string PlatformText(const v1::Platform& platform) {
  std::string text = platform.os() + "/" + platform.architecture();
  if (!platform.variant().empty()) text += "/" + platform.variant();
  return text;
}

Result<std::vector<Statement>> ReadStatements(Connection& connection, const std::string& run_id,
                                              v1::AttestationKind kind) {
  v1::ReadAttestationsRequest request;
  request.set_run_id(run_id);
  request.set_kind(kind);
  std::vector<Statement> out;
  Call call(Context::Background(), 2 * kCallTimeout);
  const auto stream = connection.attestations().ReadAttestations(call.context(), request);
  v1::ReadAttestationsResponse piece;
  while (stream->Read(&piece)) {
    if (piece.has_platform() || out.empty()) out.push_back({PlatformText(piece.platform()), ""});
    out.back().json += piece.data();
  }
  if (const grpc::Status status = stream->Finish(); !status.ok()) {
    return connection.Failure(status, fmt::format("show run '{}'", run_id));
  }
  return out;
}

// The statement, where there is one; of an image for several platforms, an object by platform.
int ShowAttestations(Connection& connection, const ShowOptions& options) {
  const v1::AttestationKind kind = options.sbom ? v1::ATTESTATION_KIND_SBOM : v1::ATTESTATION_KIND_PROVENANCE;
  const auto statements = ReadStatements(connection, options.run_id, kind);
  if (!statements.ok()) return Fail(statements.status());
  nlohmann::ordered_json all = nlohmann::ordered_json::object();
  for (const Statement& statement : *statements) {
    all[statement.platform] = nlohmann::ordered_json::parse(statement.json, nullptr, /*allow_exceptions=*/false);
    if (all[statement.platform].is_discarded()) {
      return Fail(DataLoss("the statement about {} is not JSON", statement.platform));
    }
  }
  Print((all.size() == 1 ? all.front() : all).dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) +
        "\n");
  return kExitOk;
}

int ShowCache(Connection& connection, const ShowOptions& options) {
  const Result<v1::GetRunCacheResponse> cache = GetRunCache(Context::Background(), connection, options.run_id);
  if (!cache.ok()) return Fail(cache.status());
  switch (options.output) {
    case OutputFormat::kJson: Print(CacheJson(*cache)); break;
    case OutputFormat::kTable:
    case OutputFormat::kNone: Print(CacheTable(*cache)); break;
  }
  return kExitOk;
}

int Run(const std::string& server, const ShowOptions& options) {
  auto connection = Connection::Open(server);
  if (!connection.ok()) return Fail(connection.status());
  if (options.provenance || options.sbom) return ShowAttestations(**connection, options);
  if (options.cache) return ShowCache(**connection, options);
  const Result<v1::Run> run = GetRun(Context::Background(), **connection, options.run_id);
  if (!run.ok()) return Fail(run.status());
  switch (options.output) {
    case OutputFormat::kJson: Print(RunJson(*run)); break;
    case OutputFormat::kTable: Print(RunTable({&*run, 1})); break;
    case OutputFormat::kNone: Print(RunDetails(*run)); break;
  }
  return kExitOk;
}

}  // namespace

void AddShow(CommandLine& line) {
  auto options = std::make_shared<ShowOptions>();
  CLI::App* command = line.app->add_subcommand("show", "Show one run");
  command->add_option("RUN", options->run_id, "Id of the run")->required()->type_name("");
  CLI::Option* provenance = command->add_flag("--provenance", options->provenance,
                                              "Show where the pushed image comes from (in-toto statement, JSON)");
  command->add_flag("--sbom", options->sbom, "Show what is in the pushed image (in-toto statement with SPDX, JSON)")
      ->excludes(provenance);
  command->add_flag("--cache", options->cache,
                    "For each step whether its result was known, and if not, the first thing that differs from before");
  AddOutputOption(*command, &options->output);
  command->callback([&line, options] { line.run = [&line, options] { return Run(line.server, *options); }; });
}

}  // namespace slipway::cli
