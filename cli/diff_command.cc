// slipway diff: what differs between two images. Exit code 0: nothing, 1: something, 2: it could not be told.
#include <algorithm>
#include <memory>
#include <thread>

#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/context_packer.h"
#include "cli/context_upload.h"
#include "cli/diff_format.h"
#include "cli/interrupts.h"
#include "cli/platform.h"
#include "executor/base/fs.h"

namespace slipway::cli {

namespace {

constexpr int kExitDiffer = 1;
constexpr int kExitTrouble = 2;
constexpr std::string_view kLayoutPrefix = "oci:";
constexpr size_t kReaders = 8;

struct DiffOptions {
  std::string first;
  std::string second;
  std::string platform;
  uint32_t limit = 1000;
  bool json = false;
};

// "oci:DIR[:TAG]": the folder may have a colon in its own name.
struct LayoutPath {
  std::string folder;
  std::string tag;
};

Result<LayoutPath> ParseLayout(std::string_view text) {
  std::string path(text.substr(kLayoutPrefix.size()));
  if (fs::Exists(path)) return LayoutPath{.folder = path, .tag = ""};
  const size_t colon = path.rfind(':');
  if (colon != std::string::npos && fs::Exists(path.substr(0, colon))) {
    return LayoutPath{.folder = path.substr(0, colon), .tag = path.substr(colon + 1)};
  }
  return NotFound("there is no folder '{}'", path);
}

// Only what the daemon lacks is sent, and what has not changed since the last time is not even read.
Result<std::string> SendLayout(const Context& ctx, Connection& connection, const std::string& folder) {
  if (!fs::Exists(fs::Join(folder, "oci-layout"))) {
    return InvalidArgument("'{}' is no OCI image layout: it has no file 'oci-layout'", folder);
  }
  ThreadPool pool(std::clamp<size_t>(std::thread::hardware_concurrency(), 1, kReaders), "pack");
  SLIPWAY_ASSIGN_OR_RETURN(ContextPacker packer, ContextPacker::Open(pool, folder, CacheDir()));
  SLIPWAY_RETURN_IF_ERROR(packer.Walk(ctx, {}));
  ReadProgress reading;
  SLIPWAY_RETURN_IF_ERROR(packer.Read(ctx, &reading));
  UploadProgress sending;
  SLIPWAY_ASSIGN_OR_RETURN(std::string location, UploadContext(ctx, connection, packer, &sending));
  packer.SaveCache().Ignore();  // only a memory
  return location;
}

Result<v1::ImageSource> ToSource(const Context& ctx, Connection& connection, const std::string& text) {
  v1::ImageSource source;
  if (!text.starts_with(kLayoutPrefix)) {
    source.set_reference(text);
    return source;
  }
  SLIPWAY_ASSIGN_OR_RETURN(const LayoutPath layout, ParseLayout(text));
  SLIPWAY_ASSIGN_OR_RETURN(*source.mutable_layout()->mutable_source_location(),
                           SendLayout(ctx, connection, layout.folder));
  source.mutable_layout()->set_tag(layout.tag);
  return source;
}

Result<v1::DiffSummary> Compare(const Context& ctx, Connection& connection, const DiffOptions& options,
                                const std::function<void(const v1::ImageDifference&)>& tell) {
  v1::DiffImagesRequest request;
  SLIPWAY_ASSIGN_OR_RETURN(*request.mutable_first(), ToSource(ctx, connection, options.first).With(options.first));
  SLIPWAY_ASSIGN_OR_RETURN(*request.mutable_second(), ToSource(ctx, connection, options.second).With(options.second));
  request.set_limit(options.limit);
  if (!options.platform.empty()) *request.mutable_platform() = ParsePlatform(options.platform);
  Call call(ctx);
  const auto stream = connection.images().DiffImages(call.context(), request);
  v1::DiffImagesResponse response;
  std::optional<v1::DiffSummary> summary;
  while (stream->Read(&response)) {
    for (const v1::ImageDifference& difference : response.differences()) tell(difference);
    if (response.has_summary()) summary = response.summary();
  }
  const grpc::Status status = stream->Finish();
  SLIPWAY_RETURN_IF_ERROR(ctx.Err());
  if (!status.ok()) return connection.Failure(status, "compare images");
  if (!summary) return Unavailable("compare images: the daemon ended the answer too early");
  return *std::move(summary);
}

int Trouble(const Status& status) {
  PrintFailure(status);
  return kExitTrouble;
}

int Run(const std::string& server, const DiffOptions& options) {
  const Context ctx = Context::Background().Child();
  const Interrupts interrupts([&ctx](int, int) { ctx.Cancel(Cancelled("interrupted")); });
  auto connection = Connection::Open(server);
  if (!connection.ok()) return Trouble(connection.status());
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  const auto tell = [&](const v1::ImageDifference& difference) {
    if (options.json) {
      list.push_back(DifferenceJson(difference));
    } else {
      Print(DifferenceLine(difference));
    }
  };
  const Result<v1::DiffSummary> summary = Compare(ctx, **connection, options, tell);
  if (!summary.ok()) return Trouble(summary.status());
  Print(options.json ? DiffJson(std::move(list), *summary) : DiffEnd(*summary));
  return summary->same() ? kExitOk : kExitDiffer;
}

}  // namespace

void AddDiff(CommandLine& line) {
  auto options = std::make_shared<DiffOptions>();
  CLI::App* command = line.app->add_subcommand(
      "diff", "Say what differs between two images (exit code 0: nothing, 1: something, 2: trouble)");
  command->add_option("FIRST", options->first, "Image in a registry, or oci:FOLDER[:TAG] for an OCI image layout")
      ->required()
      ->type_name("");
  command->add_option("SECOND", options->second, "The other image")->required()->type_name("");
  command->add_option("--platform", options->platform, "Of images for several platforms, which one")
      ->type_name("OS[/ARCH[/VARIANT]]")
      ->check(CheckPlatform);
  command->add_option("--limit", options->limit, "Tell at most so many differences, and count the others")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(1U, 100'000U));
  command
      ->add_option_function<std::string>(
          "-o,--output", [options](const std::string&) { options->json = true; }, "'json' for programs")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"json"}));
  command->callback([&line, options] { line.run = [&line, options] { return Run(line.server, *options); }; });
}

}  // namespace slipway::cli
