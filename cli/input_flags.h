// The flags of `slipway build` that give a build more than its context: secrets, SSH agents, named contexts, limits and
// permissions. build_command.cc adds them to the command, build_job.cc uses what they say.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/ssh_flag.h"
#include "executor/base/status.h"
#include "slipway/v1/runs.pb.h"

namespace slipway::cli {

namespace v1 = ::slipway::v1;

/// As they stand on the command line.
struct InputWords {
  std::vector<std::string> secrets, ssh, build_contexts, ulimits, allow, devices;
  std::string shm_size, cgroup_parent;
};

void AddInputFlags(CLI::App* command, InputWords* words);

/// Reads the secrets and the rest into the request, and what the agents are. The contexts are not looked at.
Status ReadInputs(const InputWords& words, v1::DockerBuildRequest* request, std::vector<SshFlag>* ssh);

}  // namespace slipway::cli
