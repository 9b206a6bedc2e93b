#include "daemon/trigger/registry_event.h"

#include "daemon/trigger/payloads.h"
#include "executor/base/ascii.h"
#include "executor/base/digest.h"
#include "executor/oci/json.h"
#include "executor/oci/reference.h"

namespace slipway::trigger {

namespace {

constexpr size_t kMostPushes = 1000;

std::string HostOfUrl(std::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return "";
  url.remove_prefix(scheme + 3);
  return std::string(url.substr(0, url.find_first_of("/?#")));
}

// Adds what names a tag of an image; what does not is no image that anybody could stand on.
void Add(std::string_view host, std::string_view repository, std::string_view tag, std::string_view digest,
         RegistryEvent* event) {
  if (host.empty() || repository.empty() || tag.empty() || event->pushes.size() >= kMostPushes) return;
  // Docker Hub calls itself by several names.
  if (host == "registry.hub.docker.com" || host == "index.docker.io" || host == "registry-1.docker.io") {
    host = "docker.io";
  }
  const auto reference = oci::Reference::Parse(fmt::format("{}/{}:{}", host, repository, tag));
  if (!reference.ok()) return;
  ImagePush push{.registry = reference->host,
                 .repository = reference->repository,
                 .tag = reference->tag,
                 .digest = Digest::Parse(digest).ok() ? std::string(digest) : ""};
  event->pushes.push_back(std::move(push));
}

// One event of the CNCF distribution; Azure sends such a one alone.
void AddNotification(const Payload& item, std::string_view registry, RegistryEvent* event) {
  if (item.Text("action") != "push") return;
  std::string host(registry);
  if (host.empty()) host = item.Text("request.host");
  if (host.empty()) host = HostOfUrl(item.Text("target.url"));
  Add(host, item.Text("target.repository"), item.Text("target.tag"), item.Text("target.digest"), event);
}

RegistryEvent Distribution(const Payload& body, std::string_view registry) {
  RegistryEvent event{.sender = "distribution", .delivery_id = "", .pushes = {}};
  for (const Payload& item : body.Items("events")) {
    AddNotification(item, registry, &event);
    if (event.delivery_id.empty()) event.delivery_id = item.Text("id");
  }
  return event;
}

RegistryEvent Azure(const Payload& body, std::string_view registry) {
  RegistryEvent event{.sender = "acr", .delivery_id = body.Text("id"), .pushes = {}};
  AddNotification(body, registry, &event);
  return event;
}

// `data` holds the same in both of Harbor's formats.
RegistryEvent Harbor(std::string_view type, std::string id, const Payload& data, std::string_view registry) {
  RegistryEvent event{.sender = "harbor", .delivery_id = std::move(id), .pushes = {}};
  if (type != "PUSH_ARTIFACT" && type != "harbor.artifact.pushed") return event;
  const std::string repository = data.Text("repository.repo_full_name");
  for (const Payload& resource : data.Items("resources")) {
    const std::string url = resource.Text("resource_url");  // "host/project/name:tag"
    const std::string host = registry.empty() ? url.substr(0, url.find('/')) : std::string(registry);
    Add(host, repository, resource.Text("tag"), resource.Text("digest"), &event);
  }
  return event;
}

RegistryEvent GitHub(const Payload& body, const Payload& package, std::string_view registry) {
  RegistryEvent event{.sender = "github", .delivery_id = "", .pushes = {}};
  const std::string type = package.Text("package_type");
  if (body.Text("action") != "published" && body.Text("action") != "updated") return event;
  if (type != "CONTAINER" && type != "container") return event;
  const std::string owner = package.Text("owner.login");
  const std::string name = package.Text("name");
  std::string repository = owner + "/" + name;
  // Names are folded in references.
  repository = LowerAscii(repository);
  const Payload tag = package.At("package_version.container_metadata.tag");
  const std::string host = registry.empty() ? "ghcr.io" : std::string(registry);
  if (!owner.empty() && !name.empty()) Add(host, repository, tag.Text("name"), tag.Text("digest"), &event);
  return event;
}

RegistryEvent DockerHub(const Payload& body, std::string_view registry) {
  RegistryEvent event{.sender = "dockerhub", .delivery_id = "", .pushes = {}};
  const std::string host = registry.empty() ? "docker.io" : std::string(registry);
  Add(host, body.Text("repository.repo_name"), body.Text("push_data.tag"), "", &event);
  return event;
}

RegistryEvent Quay(const Payload& body, const nlohmann::json& json, std::string_view registry) {
  RegistryEvent event{.sender = "quay", .delivery_id = "", .pushes = {}};
  const std::string url = body.Text("docker_url");  // "quay.io/namespace/name"
  const size_t slash = url.find('/');
  const std::string host = registry.empty() ? url.substr(0, slash) : std::string(registry);
  const std::string repository = slash == std::string::npos ? "" : url.substr(slash + 1);
  for (const Payload& tag : body.Items("updated_tags")) Add(host, repository, tag.Text(), "", &event);
  // Older ones tell tags with ids that are no digests.
  if (const auto& tags = json.at("updated_tags"); tags.is_object()) {
    for (const auto& [tag, id] : tags.items()) Add(host, repository, tag, "", &event);
  }
  return event;
}

Result<RegistryEvent> Parse(const nlohmann::json& json, std::string_view registry) {
  const Payload body(json);
  if (json.contains("events") && json["events"].is_array()) return Distribution(body, registry);
  if (json.contains("event_data")) return Harbor(body.Text("type"), "", body.At("event_data"), registry);
  if (body.Text("type").starts_with("harbor.")) {
    return Harbor(body.Text("type"), body.Text("id"), body.At("data"), registry);
  }
  for (const char* member : {"package", "registry_package"}) {
    if (json.contains(member)) return GitHub(body, body.At(member), registry);
  }
  if (json.contains("push_data")) return DockerHub(body, registry);
  if (json.contains("updated_tags")) return Quay(body, json, registry);
  if (json.contains("action") && (json.contains("target") || body.Text("action") == "ping")) {
    return Azure(body, registry);
  }
  if (json.contains("zen")) return RegistryEvent{.sender = "github", .delivery_id = "", .pushes = {}};  // its ping
  return InvalidArgument(
      "the delivery is none of the CNCF distribution, Azure, Harbor, GitHub, Docker Hub or Quay: it has none of "
      "\"events\", \"target\", \"event_data\", \"package\", \"push_data\", \"updated_tags\"");
}

}  // namespace

Status VerifyRegistry(const Headers& headers, std::string_view query_token, std::string_view body,
                      std::string_view token, SystemTime now) {
  if (token.empty()) return Unauthenticated("the daemon has no token for registries, so nothing can prove a delivery");
  if (!headers("X-Hub-Signature-256").empty()) {
    return VerifyDelivery(GitHost::kGitHub, headers, body, token, now);
  }
  std::string_view given = headers("Authorization");
  constexpr std::string_view kBearer = "Bearer ";
  if (given.starts_with(kBearer)) given.remove_prefix(kBearer.size());
  if (given.empty()) given = query_token;
  if (given.empty()) {
    return Unauthenticated(
        "the delivery has no token: give the registry the header 'Authorization: Bearer …', or the "
        "address a '?token=…'");
  }
  if (!SameSecret(given, token)) return Unauthenticated("the delivery's token is not the daemon's");
  return Status();
}

Result<RegistryEvent> ParseRegistryEvent(const Headers& headers, std::string_view body, std::string_view registry) {
  SLIPWAY_ASSIGN_OR_RETURN(const nlohmann::json json, oci::json::ParseObject(body, "the delivery's body"));
  SLIPWAY_ASSIGN_OR_RETURN(RegistryEvent event, Parse(json, registry));
  if (const std::string_view id = headers("X-GitHub-Delivery"); !id.empty()) event.delivery_id = id;
  event.delivery_id = event.delivery_id.substr(0, 200);
  // A registry that names none sends the same bytes again.
  if (event.delivery_id.empty()) event.delivery_id = Digest::Of(body).ToString();
  return event;
}

}  // namespace slipway::trigger
