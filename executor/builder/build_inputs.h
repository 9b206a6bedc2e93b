// BuildInputs: what a build is given besides its context: secrets, SSH agents, further contexts, limits and
// permissions. Plain data.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "executor/base/digest.h"
#include "executor/base/ssh_agent.h"
#include "executor/source/context_source.h"

namespace slipway::builder {

/// What RUN --mount=type=secret reads. Its value is part of no key, record or message.
struct Secret {
  std::string id;
  std::string value;
};

/// "docker-image://NAME": an image of a registry; "scratch" is the empty file system.
struct ImageContext {
  std::string name;
};

/// "oci-layout://…": an image in an uploaded OCI layout.
struct LayoutContext {
  Digest tree;      ///< the uploaded folder
  Digest manifest;  ///< the manifest or index in it
};

/// An http or https URL: the downloaded file, under the name that its server or URL gives it.
struct FileContext {
  std::string url;
};

using NamedContextSpec = std::variant<ImageContext, LayoutContext, FileContext, source::ContextSpec>;

struct BuildInputs {
  std::vector<Secret> secrets;
  std::vector<std::string> ssh;          ///< ids of the agents that `agents` answers for
  std::shared_ptr<AgentChannel> agents;  ///< may be null if there are none
  std::map<std::string, NamedContextSpec>
      contexts;                      ///< by oci::Reference::Short of their names
  std::vector<std::string> ulimits;  ///< "nofile=1024:2048"
  uint64_t shm_bytes = 0;            ///< of /dev/shm; 0: 64 MiB
  bool allow_host_network = false;   ///< RUN --network=host, if the operator allows it too
  bool allow_insecure = false;       ///< RUN --security=insecure, likewise
};

}  // namespace slipway::builder
