// The keys of a task file: YAML nodes to plain fields, by the rules of ACR Tasks' reader (yaml.v2 into Go structs).
// Says nothing about whether the values make sense together: task_check.cc.
//
//   * keys are case-sensitive; of equal ones the last counts; "<<" merges; an unknown key is a warning (or an error);
//   * null is "not given"; a number or bool for a text keeps its spelling; a quoted number is no number; 1.5 for a
//   whole
//     number is 1; 0x10, 010 and 1_000 are 16, 8 and 1000; yes, on, y … are bools;
//   * errors of type are gathered, all of them told at once.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "steps/task/source_map.h"
#include "steps/task/yaml_tree.h"

namespace slipway::task {

/// A value and where it stands.
template <typename T>
struct Placed {
  T value{};
  Position position;
};
using PlacedText = Placed<std::string>;
using PlacedList = Placed<std::vector<PlacedText>>;

struct RawMount {
  Position position;
  std::string name;
  std::string mount_path;
};

/// "given" means that the key stands in the file with something else than null.
struct RawStep {
  bool empty = false;  ///< a null in place of a step
  Position position;
  PlacedText id, cmd, build, working_directory, entry_point, user, network, isolation, cpus, cache, run_on;
  PlacedList push, when, env, expose, ports, retry_on_errors;
  Placed<int64_t> timeout, attempt_timeout, start_delay, retries, retry_delay, repeat, download_retries,
      download_retry_delay;
  bool ignore_errors = false, pull = false, privileged = false, keep = false, detach = false, keep_directory = false;
  std::vector<RawMount> volume_mounts;
};

struct RawSecret {
  Position position;
  std::string id, keyvault, client_id;
};

struct RawNetwork {
  Position position;
  PlacedText name;
  std::string driver;
  bool ipv6 = false, skip_creation = false, is_default = false;
};

struct RawVolume {
  Position position;
  PlacedText name;
  bool has_secret = false;
  std::vector<std::pair<PlacedText, PlacedText>> secret;  ///< file name → base64
};

struct RawTask {
  PlacedText version, working_directory;
  Placed<int64_t> step_timeout, max_parallel;
  PlacedList env;
  std::vector<RawStep> steps;
  std::vector<RawSecret> secrets;
  std::vector<RawNetwork> networks;
  std::vector<RawVolume> volumes;
};

struct Diagnostic {
  Position position;
  std::string message;
};

struct SchemaResult {
  RawTask task;
  std::vector<Diagnostic> errors;
  std::vector<Diagnostic> warnings;  ///< unknown keys, and keys without effect
};

/// `root` may be nullptr: an empty file is a task without steps.
SchemaResult ReadSchema(const YamlNodePtr& root, const SourceMap& map);

}  // namespace slipway::task
