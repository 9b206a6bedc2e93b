// ImageConfig: the JSON document that an image's manifest points at ("config"): how to run it and how it was made.
//
// Follows the OCI image specification 1.1 "Image Configuration" plus the fields Docker keeps beside it (Healthcheck,
// OnBuild, Shell, MacAddress …). Written as BuildKit writes it, so that any runtime runs the result.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/clock.h"
#include "executor/base/digest.h"
#include "executor/base/status.h"
#include "executor/oci/platform.h"

namespace slipway::oci {

struct Healthcheck {
  std::vector<std::string> test;  ///< ["NONE"], ["CMD", …] or ["CMD-SHELL", …]; empty inherits
  std::chrono::nanoseconds interval{0};
  std::chrono::nanoseconds timeout{0};
  std::chrono::nanoseconds start_period{0};
  std::chrono::nanoseconds start_interval{0};
  int retries = 0;
  bool operator==(const Healthcheck&) const = default;
};

struct RunConfig {
  std::string user;
  std::set<std::string> exposed_ports;  ///< "80/tcp"
  std::vector<std::string> env;         ///< "KEY=value", in order of first appearance
  std::optional<std::vector<std::string>> entrypoint;
  std::optional<std::vector<std::string>> cmd;
  std::set<std::string> volumes;
  std::string working_dir;
  std::map<std::string, std::string> labels;
  std::string stop_signal;
  bool args_escaped = false;
  std::optional<Healthcheck> healthcheck;
  std::vector<std::string> on_build;
  std::optional<std::vector<std::string>> shell;
  bool operator==(const RunConfig&) const = default;
};

struct HistoryEntry {
  std::optional<SystemTime> created;
  std::string created_by;
  std::string author;
  std::string comment;
  bool empty_layer = false;
  bool operator==(const HistoryEntry&) const = default;
};

struct ImageConfig {
  std::optional<SystemTime> created;
  std::string author;
  Platform platform;
  RunConfig config;
  std::vector<Digest> diff_ids;  ///< bottom first
  std::vector<HistoryEntry> history;

  static Result<ImageConfig> Parse(std::string_view json);
  /// Compact JSON; equal configs give equal bytes.
  std::string ToJson() const;
};

}  // namespace slipway::oci
