#include "cli/input_flags.h"

#include <algorithm>

#include "cli/argument_words.h"
#include "cli/secret_flag.h"
#include "executor/base/flag_values.h"

namespace slipway::cli {

namespace {

Status ReadSecrets(const std::vector<std::string>& words, v1::DockerBuildRequest* request) {
  for (const std::string& word : words) {
    SLIPWAY_ASSIGN_OR_RETURN(const SecretFlag flag, ParseSecretFlag(word));
    SLIPWAY_ASSIGN_OR_RETURN(std::string value, ReadSecret(flag));
    // Of several with one id the last counts.
    v1::BuildSecret* to = nullptr;
    for (v1::BuildSecret& secret : *request->mutable_secrets()) {
      if (secret.id() == flag.id) to = &secret;
    }
    if (to == nullptr) to = request->add_secrets();
    to->set_id(flag.id);
    to->set_value(std::move(value));
  }
  return Status();
}

Status ReadAgents(const std::vector<std::string>& words, v1::DockerBuildRequest* request, std::vector<SshFlag>* ssh) {
  for (const std::string& word : words) {
    SLIPWAY_ASSIGN_OR_RETURN(SshFlag flag, ParseSshFlag(word));
    const bool twice = std::any_of(ssh->begin(), ssh->end(), [&](const SshFlag& f) { return f.id == flag.id; });
    if (twice) return InvalidArgument("--ssh '{}': the agent '{}' is given twice", word, flag.id);
    request->add_ssh(flag.id);
    ssh->push_back(std::move(flag));
  }
  return Status();
}

}  // namespace

void AddInputFlags(CLI::App* command, InputWords* words) {
  AddRepeated(*command, "--secret", &words->secrets, "id=ID[,src=FILE|,env=VAR]",
              "Secret for RUN --mount=type=secret; it is in no log, image or record");
  AddRepeated(*command, "--ssh", &words->ssh, "default|ID[=SOCKET|KEY…]",
              "SSH agent (or keys) for RUN --mount=type=ssh and for git over SSH");
  AddRepeated(*command, "--build-context", &words->build_contexts, "NAME=VALUE",
              "Further context: a folder, a git or file URL, docker-image://NAME or oci-layout://FOLDER[:TAG|@DIGEST]");
  AddRepeated(*command, "--ulimit", &words->ulimits, "NAME=SOFT[:HARD]", "Resource limit of build steps");
  command->add_option("--shm-size", words->shm_size, "Size of /dev/shm of build steps, as in 128m")->type_name("BYTES");
  AddRepeated(*command, "--allow", &words->allow, "ENTITLEMENT",
              "What the Dockerfile may ask for: network.host, security.insecure")
      ->delimiter(',');
  // Known to other builders, so that the answer is better than "unknown option".
  command->add_option("--cgroup-parent", words->cgroup_parent, "")->group("");
  AddRepeated(*command, "--device", &words->devices, "", "")->group("");
}

Status ReadInputs(const InputWords& words, v1::DockerBuildRequest* request, std::vector<SshFlag>* ssh) {
  if (!words.cgroup_parent.empty()) {
    return Unimplemented("--cgroup-parent is not supported: the daemon puts build steps into a cgroup of its own");
  }
  if (!words.devices.empty()) {
    return Unimplemented("--device is not supported: no device of the daemon's machine is given to a build");
  }
  SLIPWAY_RETURN_IF_ERROR(ReadSecrets(words.secrets, request));
  SLIPWAY_RETURN_IF_ERROR(ReadAgents(words.ssh, request, ssh));
  for (const std::string& limit : words.ulimits) request->add_ulimits(limit);
  for (const std::string& permission : words.allow) request->add_allow(permission);
  if (words.shm_size.empty()) return Status();
  SLIPWAY_ASSIGN_OR_RETURN(const int64_t bytes, ParseByteSize(words.shm_size).With("--shm-size"));
  request->set_shm_size_bytes(static_cast<uint64_t>(bytes));
  return Status();
}

}  // namespace slipway::cli
