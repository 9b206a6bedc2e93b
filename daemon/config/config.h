// Config: what the operator sets, from defaults, a YAML file and flags (later ones win). daemon/README.md lists the
// keys. Plain data.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "daemon/notify/settings.h"
#include "daemon/secrets/source_settings.h"
#include "executor/base/log.h"
#include "executor/base/status.h"
#include "executor/source/context_source.h"

namespace slipway::config {

struct Config {
  std::string root = "/var/lib/slipway";
  std::vector<std::string> listen = {"unix:/run/slipway/slipway.sock"};
  bool allow_remote = false;  ///< TCP beyond loopback, although nobody has to identify himself
  std::string registry;       ///< "" for none

  uint64_t max_runs = 0;  ///< 0: two a processor, at least 4
  uint64_t max_queued = 10'000;
  std::chrono::seconds run_timeout{3600};
  std::chrono::seconds stop_grace{30};
  std::string run_id_prefix;
  uint64_t max_log_bytes = 256ULL << 20;
  uint64_t keep_runs = 0;                 ///< ended ones; 0: no bound by count
  std::chrono::seconds keep_runs_for{0};  ///< since their end; 0: no bound by age

  log::Format log_format = log::Format::kPlain;
  std::string log_level = "info";

  source::Limits limits;
  std::vector<std::string> insecure_registries;
  std::string docker_config;
  std::string ca_file;
  std::string runtime = "auto";
  std::string userns = "auto";
  std::string network = "bridge";
  bool allow_host_network = false;
  bool allow_insecure_security = false;
  bool allow_local_git = false;
  uint64_t max_parallel_steps = 0;
  uint64_t keep_storage_bytes = 0;

  std::chrono::seconds base_poll_interval{600};  ///< 0: never
  std::string registry_token_file;               ///< "": registries are not listened to

  uint64_t max_parallel_task_steps = 0;  ///< of one run; 0: engine::kDefaultParallel
  secrets::SourceSettings secrets;

  std::string http_listen;  ///< where webhooks come in, "HOST:PORT"; "": nowhere
  std::string public_url;   ///< of that as others reach it, without a slash at its end; "": not known
  std::vector<notify::Target> notify;
};

/// What fits together: addresses, paths. INVALID_ARGUMENT with the key.
Status Validate(const Config& config);

/// An address to listen on: "HOST:PORT", "[::1]:PORT" or "unix:PATH".
struct Address {
  std::string unix_path;  ///< "" for TCP
  std::string host;       ///< without brackets
  int port = 0;           ///< 0: any free one
  bool loopback() const;
  /// As gRPC wants it.
  std::string ToGrpc() const;
};
Result<Address> ParseAddress(const std::string& text);

}  // namespace slipway::config
