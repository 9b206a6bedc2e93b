// QuickBuild: a request for one image, as a client states it (ACR's DockerBuildRequest), and its way to a task of two
// steps: build, then push. Plain data; free functions without state.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "executor/base/status.h"
#include "executor/builder/builder.h"
#include "executor/oci/platform.h"
#include "executor/oci/reference.h"
#include "steps/task/field_error.h"
#include "steps/task/quick_build_inputs.h"
#include "steps/task/task.h"
#include "steps/template/run_values.h"

namespace slipway::task {

/// The meaning of a member is told in proto/slipway/v1/runs.proto.
struct QuickBuild {
  std::string source_location;
  std::string docker_file_path;
  std::string docker_file_content;
  std::vector<std::string> image_names;
  std::optional<bool> is_push_enabled;
  bool no_cache = false;
  std::string target;
  std::vector<builder::NamedValue> arguments;
  std::vector<oci::Platform> platforms;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  std::vector<std::string> extra_hosts;
  std::string network;
  bool pull = false;
  oci::Family media_types = oci::Family::kOci;
  oci::Compression compression = oci::Compression::kGzip;
  bool check = false;
  attest::Options attest;
  QuickBuildInputs inputs;
  std::vector<std::string> cache_from;
  std::vector<std::string> cache_to;
  struct Output {
    builder::OutputKind kind = builder::OutputKind::kOci;
    std::vector<std::string> names;
    bool operator==(const Output&) const = default;
  };
  std::vector<Output> outputs;
  std::optional<int> compression_level;
  bool squash = false;
  bool rewrite_timestamp = false;
  std::string source_date_epoch;
  /// Set by the daemon for stored tasks, not by clients.
  std::string rebase_key;  ///< see builder::BuildRequest::rebase_key
  std::string rebase_refusal;
  bool rebase = false;  ///< the base has changed: see BuildStep::rebase

  /// Whether the result is pushed: what was asked for, or else whether it has a name and no other output. A check has
  /// no result.
  bool pushes() const { return !check && is_push_enabled.value_or(!image_names.empty() && outputs.empty()); }
};

/// All that is wrong with a request, as far as it can be known before it runs. Empty if it is fit. Bounds the length of
/// every text and list.
FieldErrors Check(const QuickBuild& build, const QuickBuildRules& rules);

/// The task that does it. `values` fill in the names and arguments. INVALID_ARGUMENT for what Check refuses.
Result<Task> MakeTask(const QuickBuild& build, const run_template::RunValues& values, const QuickBuildRules& rules);

/// "upload:" and a digest: a context that a client uploaded.
inline constexpr std::string_view kUploadPrefix = "upload:";
/// The context that `location` names; also "upload:sha256:…". INVALID_ARGUMENT if it names none that the daemon can
/// fetch.
Result<source::ContextSpec> ParseSourceLocation(std::string_view location);

/// The password or token that a URL carries ("https://user:TOKEN@host/…"; a user alone is a token); "" if it carries
/// none.
std::string SecretOfUrl(std::string_view url);
/// The same URL with "***" in its place.
std::string WithoutSecret(std::string_view url);

}  // namespace slipway::task
