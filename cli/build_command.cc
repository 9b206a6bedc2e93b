// slipway build: its options, and the request that they make.
#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/argument_words.h"
#include "cli/build_job.h"
#include "cli/command.h"
#include "cli/input_flags.h"
#include "cli/platform.h"

namespace slipway::cli {

namespace {

struct Words {
  std::vector<std::string> outputs;
  std::vector<std::string> names, build_args, secret_build_args, platforms, labels, annotations, add_hosts;
  std::string target, network, compression, media_types, provenance, sbom, progress = "auto";
  std::vector<std::string> cache_from, cache_to;
  bool no_cache = false, pull = false, check = false, push = false, no_push = false, no_wait = false, no_logs = false,
       quiet = false;
  std::string source_date_epoch;
  std::optional<int> compression_level;
  bool squash = false, rewrite_timestamp = false;
  int timeout = 0;
  InputWords inputs;
  BuildOptions options;
};

std::pair<std::string, std::string> SplitPair(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos) return {text, ""};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

std::string CheckHost(const std::string& text) {
  const size_t split = text.find_first_of(":=");
  if (split == std::string::npos || split == 0 || split + 1 == text.size()) {
    return "'" + text + "' is not of the form HOST:IP";
  }
  return "";
}

// Of several with one name the last counts.
void AddPairs(const std::vector<std::string>& texts, google::protobuf::Map<std::string, std::string>* pairs) {
  for (const std::string& text : texts) {
    auto [name, value] = SplitPair(text);
    (*pairs)[name] = std::move(value);
  }
}

void AddOutputs(const Words& words, v1::DockerBuildRequest* request) {
  const OutputOptions& output = words.options.output;
  for (const OutputSpec& spec : output.specs) *request->add_outputs() = spec.request;
  for (const std::string& name : output.names) request->add_image_names(name);
  if (output.push && !words.no_push) request->set_is_push_enabled(true);
  if (words.compression_level) request->set_compression_level(*words.compression_level);
  request->set_squash(words.squash);
  request->set_rewrite_timestamp(words.rewrite_timestamp);
  request->set_source_date_epoch(words.source_date_epoch);
}

// "", "true", "false", "mode=min", "mode=max", as docker buildx takes them; "min" and "max" alone too.
std::string CheckProvenance(const std::string& text) {
  constexpr std::array<std::string_view, 6> kKnown = {"true", "false", "mode=min", "mode=max", "min", "max"};
  if (std::find(kKnown.begin(), kKnown.end(), text) != kKnown.end()) return "";
  return "'" + text + "' is none of true, false, mode=min, mode=max";
}

v1::ProvenanceMode ProvenanceOf(std::string_view text) {
  if (text.empty() || text == "false") return v1::PROVENANCE_MODE_UNSPECIFIED;
  return text.ends_with("max") ? v1::PROVENANCE_MODE_MAX : v1::PROVENANCE_MODE_MIN;
}

void FillRequest(const Words& words, v1::DockerBuildRequest* request) {
  for (const std::string& name : words.names) request->add_image_names(name);
  if (words.no_push) request->set_is_push_enabled(false);
  if (words.push) request->set_is_push_enabled(true);
  request->set_no_cache(words.no_cache);
  request->set_pull(words.pull);
  request->set_check(words.check);
  request->set_target(words.target);
  request->set_network(words.network);
  AppendArguments(words.build_args, false, Unsaid::kEnvironmentIfSet, request->mutable_arguments());
  AppendArguments(words.secret_build_args, true, Unsaid::kEnvironmentIfSet, request->mutable_arguments());
  for (const std::string& platform : words.platforms) *request->add_platforms() = ParsePlatform(platform);
  AddPairs(words.labels, request->mutable_labels());
  AddPairs(words.annotations, request->mutable_annotations());
  for (const std::string& host : words.add_hosts) request->add_extra_hosts(host);
  for (const std::string& cache : words.cache_from) request->add_cache_from(cache);
  for (const std::string& cache : words.cache_to) request->add_cache_to(cache);
  if (words.timeout > 0) request->mutable_timeout()->set_seconds(words.timeout);
  if (words.media_types == "docker") request->set_media_types(v1::MEDIA_TYPES_DOCKER);
  if (words.compression == "zstd") request->set_compression(v1::LAYER_COMPRESSION_ZSTD);
  request->set_provenance(ProvenanceOf(words.provenance));
  request->set_sbom(words.sbom == "true");
  if (words.compression == "none" || words.compression == "uncompressed")
    request->set_compression(v1::LAYER_COMPRESSION_NONE);
  AddOutputs(words, request);
}

int Run(const CommandLine& line, Words& words) {
  for (const std::string& text : words.outputs) {
    if (const Status status = AddOutput(text, &words.options.output); !status.ok()) {
      PrintFailure(status);
      return kExitUsage;
    }
  }
  if ((words.push || words.options.output.push) && words.names.empty() && words.options.output.names.empty()) {
    PrintFailure(InvalidArgument("a push needs a name for the image; give it with -t"));
    return kExitUsage;
  }
  if (words.no_wait && !words.options.output.specs.empty()) {
    PrintFailure(InvalidArgument("--no-wait leaves before there is an output; leave one of them away"));
    return kExitUsage;
  }
  BuildOptions& options = words.options;
  options.server = line.server;
  options.wait = !words.no_wait;
  options.logs = !words.no_logs;
  options.progress = ParseProgress(words.progress);
  if (words.quiet) options.progress = ProgressMode::kQuiet;
  FillRequest(words, &options.request);
  if (const Status status = ReadInputs(words.inputs, &options.request, &options.ssh); !status.ok()) {
    PrintFailure(status);
    return kExitUsage;
  }
  if (!options.ssh.empty() && !options.wait) {
    PrintFailure(InvalidArgument("--ssh needs the client until the run has ended; leave --no-wait away"));
    return kExitUsage;
  }
  options.build_contexts = words.inputs.build_contexts;
  return RunBuild(std::move(options));
}

void AddOutputFlag(CLI::App* command, Words* words) {
  AddRepeated(
      *command, "-o,--output", &words->outputs, "json|table|type=…|FOLDER",
      "Print the run as 'json' or 'table'; or what becomes of the image: type=oci|docker|tar,dest=FILE (dest=- is "
      "standard output), type=oci,tar=false,dest=FOLDER, type=local,dest=FOLDER, type=registry, or FOLDER; repeatable");
}

void AddOptions(CLI::App* command, Words* words) {
  AddRepeated(*command, "-t,--tag,--image", &words->names, "NAME[:TAG]", "Name of the image; repeatable");
  command
      ->add_option("-f,--file", words->options.dockerfile,
                   "Dockerfile: of the current folder, else of the context; '-' reads it from standard input")
      ->type_name("FILE");
  AddRepeated(*command, "--build-arg", &words->build_args, "NAME[=VALUE]",
              "Build argument; without value, from the environment, if that has it")
      ->check(CheckPair);
  AddRepeated(*command, "--secret-build-arg", &words->secret_build_args, "NAME[=VALUE]",
              "Build argument that logs do not show")
      ->check(CheckPair);
  command->add_option("--target", words->target, "Stage to build")->take_last()->type_name("STAGE");
  AddRepeated(*command, "--platform", &words->platforms, "OS[/ARCH[/VARIANT]]",
              "Platform to build for; several make an index")
      ->delimiter(',')
      ->check(CheckPlatform);
  AddRepeated(*command, "--label", &words->labels, "NAME=VALUE", "Label of the image")->check(CheckPair);
  AddRepeated(*command, "--annotation", &words->annotations, "NAME=VALUE", "Annotation of the manifest")
      ->check(CheckPair);
  AddRepeated(*command, "--add-host", &words->add_hosts, "HOST:IP", "Line for /etc/hosts of build steps")
      ->check(CheckHost);
  command->add_option("--network", words->network, "Network of build steps: default, none or host")->type_name("MODE");
  AddInputFlags(command, &words->inputs);
  AddRepeated(*command, "--cache-from", &words->cache_from, "CACHE",
              "Cache to use: type=registry,ref=NAME or NAME (also an image with an inline cache)");
  AddRepeated(*command, "--cache-to", &words->cache_to, "CACHE",
              "Where to export the cache: type=registry,ref=NAME[,mode=min|max] or type=inline");
  command->add_flag("--no-cache", words->no_cache, "Run every step although its result is known");
  command->add_flag("--pull", words->pull, "Look up base images anew (they always are)");
  CLI::Option* push =
      command->add_flag("--push", words->push, "Push the image under its names (the default if there are any)");
  command->add_flag("--no-push", words->no_push, "Do not push the image")->excludes(push);
  command
      ->add_flag("--check", words->check,
                 "Only look the Dockerfile over: run nothing, make no image, and fail if anything is found")
      ->excludes(push);
  command
      ->add_option("--compression", words->compression,
                   "Compression of layers made here: gzip, zstd or none; layers of the base stay as they are")
      ->type_name("KIND")
      ->check(CLI::IsMember({"gzip", "zstd", "none", "uncompressed"}));
  command
      ->add_option("--compression-level", words->compression_level,
                   "Level of the compression: gzip 1 to 9, zstd 1 to 19; higher is smaller and slower")
      ->type_name("N");
  command->add_flag("--squash", words->squash, "Make one layer of all that is added to the base");
  command
      ->add_option(
          "--source-date-epoch", words->source_date_epoch,
          "Time of all that is made: seconds since 1970, or 'commit' for that of a git context; sets the build "
          "argument SOURCE_DATE_EPOCH")
      ->type_name("TIME");
  command->add_flag("--rewrite-timestamp", words->rewrite_timestamp,
                    "Set times of files in new layers that are later than the epoch to it");
  command->add_option("--media-types", words->media_types, "Media types of manifests: oci or docker")
      ->type_name("FAMILY")
      ->check(CLI::IsMember({"oci", "docker"}));
  // A flag alone says yes; a value is given with '=' only, so that CONTEXT is never taken for one.
  command->add_flag("--provenance{true}", words->provenance, "Attach a provenance: true, false, mode=min or mode=max")
      ->type_name("[=MODE]")
      ->check(CheckProvenance);
  command->add_flag("--sbom{true}", words->sbom, "Attach a bill of materials (SPDX): true or false")
      ->type_name("[=BOOL]")
      ->check(CLI::IsMember({"true", "false"}));
  command->add_option("--timeout", words->timeout, "Seconds that the run may take")
      ->type_name("SECONDS")
      ->check(CLI::Range(1, 28800));
  AddRunFlags(*command, &words->no_wait, &words->no_logs, &words->progress);
  AddOutputFlag(command, words);
  command->add_flag("-q,--quiet", words->quiet, "Print nothing but the digest of the image");
  command
      ->add_option("CONTEXT", words->options.context,
                   "Folder, git or tarball URL, '-' for a Dockerfile on standard input, or /dev/null")
      ->required()
      ->type_name("");
}

}  // namespace

void AddBuild(CommandLine& line) {
  auto words = std::make_shared<Words>();
  CLI::App* command = line.app->add_subcommand("build", "Build an image and push it");
  AddOptions(command, words.get());
  command->callback([&line, words] { line.run = [&line, words] { return Run(line, *words); }; });
}

}  // namespace slipway::cli
