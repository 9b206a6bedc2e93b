// What registries tell when an image was pushed: who sent it, whether it is genuine, and which tags stand for something
// new. Pure functions over headers and body.
//
// | registry | how it is known | digest |
// | CNCF distribution (Debian's docker-registry) | "events" | yes |
// | Azure Container Registry | "action" and "target" | yes |
// | Harbor, both its formats | "event_data", or a CloudEvent "harbor.…" | yes |
// | GitHub (ghcr.io) | "package" or "registry_package" | yes |
// | Docker Hub | "push_data" | no |
// | Quay | "docker_url" and "updated_tags" | no |
//
// The proof is the operator's token: `Authorization: Bearer TOKEN` (Harbor: also the token alone), `?token=TOKEN` for
// those that send no header of one's own (Docker Hub, Quay), or GitHub's signature under it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/trigger/webhook.h"
#include "executor/base/status.h"

namespace slipway::trigger {

/// A tag that was pushed.
struct ImagePush {
  std::string registry;    ///< as references name it: "docker.io", "reg.example.com:5000"
  std::string repository;  ///< "library/alpine"
  std::string tag;
  std::string digest;  ///< of what it stands for now; "" where the registry does not say
  bool operator==(const ImagePush&) const = default;
};

struct RegistryEvent {
  std::string sender;             ///< "distribution", "acr", "harbor", "github", "dockerhub", "quay"
  std::string delivery_id;        ///< the sender's own, else made of the body: the same for a redelivery
  std::vector<ImagePush> pushes;  ///< empty for everything else that registries tell (pulls, deletions, tests)
};

/// UNAUTHENTICATED unless the delivery proves that its sender knows `token` (which must not be empty). Compares in
/// constant time. `query_token` is that of the URL, "" for none.
Status VerifyRegistry(const Headers& headers, std::string_view query_token, std::string_view body,
                      std::string_view token, SystemTime now);

/// INVALID_ARGUMENT for a body that no registry documents. `registry`, if not empty, is what the sender is called in
/// references, whatever it calls itself. At most 1000 pushes are taken from one delivery.
Result<RegistryEvent> ParseRegistryEvent(const Headers& headers, std::string_view body, std::string_view registry = "");

}  // namespace slipway::trigger
