// FileTask: a request to run a task file, as a client states it (ACR's FileTaskRequest and EncodedTaskRequest). What
// the file says is known only when the run reads it: task_file.h. Plain data; free functions without state.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "executor/builder/builder.h"
#include "executor/oci/platform.h"
#include "steps/task/field_error.h"

namespace slipway::task {

/// What a task file is called that is not named.
inline constexpr std::string_view kDefaultTaskFile = "acb.yaml";

/// The meaning of a member is told in proto/slipway/v1/runs.proto.
struct FileTask {
  std::string source_location;
  std::string file;                    ///< path in the source; with `content` what messages call it; never empty
  std::optional<std::string> content;  ///< of a file that is not in the source
  std::string values_file;             ///< path in the source; "" for none
  std::string values_content;          ///< "" for none
  std::vector<builder::NamedValue> values;
  std::optional<oci::Platform> platform;
  bool strict = false;
};

/// All that is wrong with a request, as far as it can be known before it runs. Empty if it is fit. Bounds the length of
/// every text and list.
FieldErrors Check(const FileTask& task);

}  // namespace slipway::task
