#include "executor/builder/run_workbench.h"

#include <unistd.h>

#include <algorithm>

#include "executor/base/fs.h"
#include "executor/base/log.h"
#include "executor/builder/build_context.h"
#include "executor/builder/built_image.h"
#include "executor/builder/container.h"
#include "executor/builder/ignore.h"
#include "executor/builder/image_resolver.h"
#include "executor/ops/users.h"
#include "executor/source/git_login.h"

namespace slipway::builder {

namespace {

constexpr std::string_view kDefaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
// Every process of a step is gone two seconds after it was cancelled.
constexpr std::chrono::milliseconds kGrace(1000);
constexpr size_t kLongestHostname = 63;

// A path of a container as one of the workspace: relative and clean, "" for all of it.
Result<std::string> InWorkspace(const std::string& path) {
  const std::string clean = fs::Clean(path);
  if (clean == kWorkspaceFolder) return std::string();
  if (clean.starts_with(std::string(kWorkspaceFolder) + "/")) return clean.substr(kWorkspaceFolder.size() + 1);
  return InvalidArgument("'{}' does not lie in {}, which is all that a build can read", path, kWorkspaceFolder);
}

std::string_view NameOf(std::string_view env) { return env.substr(0, env.find('=')); }

void SetEnv(std::vector<std::string>* env, std::string_view entry) {
  const auto same =
      std::find_if(env->begin(), env->end(), [&](const std::string& e) { return NameOf(e) == NameOf(entry); });
  if (same != env->end()) {
    *same = entry;
  } else {
    env->emplace_back(entry);
  }
}

}  // namespace

Result<std::vector<std::string>> CommandOf(const RunnableImage& image, const ContainerRequest& request) {
  std::vector<std::string> out;
  if (!request.entry_point) {
    out = image.config.entrypoint.value_or(std::vector<std::string>());
  } else if (!request.entry_point->empty()) {
    out = {*request.entry_point};
  }
  const bool takes_cmd = request.args.empty() && !request.entry_point;
  const std::vector<std::string> args =
      takes_cmd ? image.config.cmd.value_or(std::vector<std::string>()) : request.args;
  out.insert(out.end(), args.begin(), args.end());
  if (out.empty()) {
    return InvalidArgument("run a container of '{}': no command is given, and the image has none", image.name);
  }
  return out;
}

std::vector<std::string> EnvOf(const RunnableImage& image, const ContainerRequest& request) {
  std::vector<std::string> env = {std::string(kDefaultPath)};
  for (const std::string& entry : image.config.env) SetEnv(&env, entry);
  if (!request.hostname.empty()) SetEnv(&env, "HOSTNAME=" + request.hostname);
  SetEnv(&env, fmt::format("HOME={}", kHomeFolder));
  for (const std::string& entry : request.env) SetEnv(&env, entry);
  return env;
}

Result<std::unique_ptr<RunWorkbench>> RunWorkbench::Open(const WorkbenchParts& parts, std::string name,
                                                         std::string folder) {
  if (fs::Exists(folder)) return AlreadyExists("open the workbench '{}': it is open already", name);
  for (const char* part : {"workspace", "home"}) {
    // Open for passing, since a container's user need not be root.
    SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(fs::Join(folder, part), 0755));
  }
  return std::unique_ptr<RunWorkbench>(new RunWorkbench(parts, std::move(name), std::move(folder)));
}

RunWorkbench::RunWorkbench(const WorkbenchParts& parts, std::string name, std::string folder)
    : parts_(parts),
      name_(std::move(name)),
      folder_(std::move(folder)),
      workspace_(std::make_unique<Workspace>(fs::Join(folder_, "workspace"), source::FetchedContext(), parts.content)) {
}

RunWorkbench::~RunWorkbench() {
  networks_.Lock()->clear();
  workspace_.reset();
  const Status status = fs::RemoveAll(folder_);
  if (!status.ok()) spdlog::warn("remove the workspace of '{}': {}", name_, status.message());
}

Result<Workbench::SourceFacts> RunWorkbench::Load(const Context& ctx, const source::ContextSpec& source,
                                                  ProgressSink& sink) {
  const VertexProgress progress(&sink, "source", "[internal] load source");
  progress.Started();
  source::ContextSpec spec = source;
  Status login;
  if (auto* git = std::get_if<source::GitContext>(&spec)) login = source::UseLogin(ctx, parts_.git_logins.get(), git);
  auto fetched = login.ok() ? parts_.sources.Fetch(ctx, spec, parts_.limits, progress)
                            : Result<source::FetchedContext>(std::move(login));
  progress.Finished(fetched.status());
  SLIPWAY_RETURN_IF_ERROR(fetched.status());
  SourceFacts facts{.revision = fetched->revision, .branch = fetched->branch};
  workspace_ = std::make_unique<Workspace>(fs::Join(folder_, "workspace"), std::move(fetched).value(), parts_.content);
  return facts;
}

Result<std::string> RunWorkbench::ReadFile(const std::string& path, uint64_t limit) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string clean, tree::CleanPath(path));
  return workspace_->ReadFile(clean, limit);
}

Status RunWorkbench::AddNetwork(const Context& ctx, const std::string& name) {
  // All containers are on the network that the operator chose, and reach each other there or not at all.
  if (!parts_.has_bridge) return FailedPrecondition("create network '{}': the operator has turned bridges off", name);
  SLIPWAY_ASSIGN_OR_RETURN(Cleanup network, parts_.runner.CreateNetwork(ctx, NetworkName(name)));
  networks_.Lock()->insert_or_assign(name, std::move(network));
  return Status();
}

Result<FolderContext> RunWorkbench::ReadFolder(const Context& ctx, const std::string& folder,
                                               const std::string& dockerfile) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string path, InWorkspace(folder));
  SLIPWAY_ASSIGN_OR_RETURN(const std::string file, InWorkspace(dockerfile));
  FolderContext out;
  SLIPWAY_ASSIGN_OR_RETURN(out.dockerfile_text, workspace_->ReadFile(file, kLargestDockerfile));
  // The one beside the Dockerfile, or that of the context.
  const auto read = [&](const std::string& name) {
    const bool own = name != ".dockerignore";
    return workspace_->ReadFile(own || path.empty() ? name : fs::Join(path, name), kLargestDockerfile);
  };
  SLIPWAY_ASSIGN_OR_RETURN(const IgnoreFile file_patterns, IgnoreFile::Read(file, read));
  SLIPWAY_ASSIGN_OR_RETURN(const PatternMatcher ignore, PatternMatcher::Make(file_patterns.patterns()));
  SLIPWAY_ASSIGN_OR_RETURN(Workspace::Selection selection, workspace_->Select(ctx, path, ignore));
  out.lease = std::move(selection.lease);
  SLIPWAY_ASSIGN_OR_RETURN(const std::unique_ptr<content::BatchIngest> batch, parts_.content.BeginBatch());
  SLIPWAY_ASSIGN_OR_RETURN(const Digest tree, batch->Add(tree::Encode(selection.tree)));
  SLIPWAY_RETURN_IF_ERROR(batch->Commit(&out.lease));
  out.context = source::UploadedContext{.tree = tree};
  return out;
}

Result<RunnableImagePtr> RunWorkbench::Resolve(const Context& ctx, const oci::Reference& name, ProgressSink& progress) {
  auto image = std::make_shared<RunnableImage>();
  image->name = name.Familiar();
  image->lease = std::make_shared<content::Lease>();
  SLIPWAY_ASSIGN_OR_RETURN(*image->lease, parts_.content.NewLease("an image of a container"));
  RegistryImages images(parts_.session, parts_.layers, parts_.content, *image->lease, progress);
  SLIPWAY_ASSIGN_OR_RETURN(dockerfile::ResolvedImage found,
                           images.Resolve(ctx, name.ToString(), oci::Platform::Host()));
  image->chain = std::move(found.chain);
  image->config = std::move(found.config.config);
  image->pin = parts_.layers.Hold(image->chain);
  return RunnableImagePtr(std::move(image));
}

Result<RunnableImagePtr> RunWorkbench::Use(const BuiltImage& built, const std::string& name) {
  const image::PlatformImage* found = FindPlatform(built, oci::Platform::Host());
  if (found == nullptr) {
    return FailedPrecondition("run a container of '{}': it was not built for this machine's platform, {}", name,
                              oci::Platform::Host().ToString());
  }
  auto image = std::make_shared<RunnableImage>();
  image->name = name;
  image->chain = found->chain;
  image->config = found->config.config;
  image->pin = parts_.layers.Hold(image->chain);
  return RunnableImagePtr(std::move(image));
}

Status RunWorkbench::JoinNetwork(const ContainerRequest& request, runtime::ContainerSpec& spec) {
  if (request.network.empty()) return Status();
  if (request.network == "none") {
    spec.network = runtime::NetworkMode::kNone;
  } else if (request.network == "host") {
    if (!parts_.allow_host_network) {
      return PermissionDenied("use the host's network: the operator does not allow it (allow_host_network)");
    }
    spec.network = runtime::NetworkMode::kHost;
  } else if (networks_.Lock()->contains(request.network)) {
    spec.network_group = {.name = NetworkName(request.network), .aliases = request.aliases};
  } else {
    return NotFound("join network '{}': the run has no network of that name", request.network);
  }
  return Status();
}

Result<runtime::ContainerSpec> RunWorkbench::MakeSpec(const RunnableImage& image, const ContainerRequest& request,
                                                      const std::string& root) {
  runtime::ContainerSpec spec;
  spec.rootfs = root;
  SLIPWAY_ASSIGN_OR_RETURN(spec.args, CommandOf(image, request));
  spec.env = EnvOf(image, request);
  spec.cwd = request.working_directory.value_or(image.config.working_dir);
  if (spec.cwd.empty()) spec.cwd = "/";
  const std::string user = request.user.empty() ? image.config.user : request.user;
  SLIPWAY_ASSIGN_OR_RETURN(const ops::Ids ids, ops::ResolveUser(user, ops::ImageFilesIn(root)));
  spec.user = {
      .uid = ids.uid, .gid = ids.gid, .additional_gids = {ids.additional_gids.begin(), ids.additional_gids.end()}};
  if (!request.hostname.empty()) spec.hostname = request.hostname.substr(0, kLongestHostname);
  spec.read_only = request.read_only;
  if (request.privileged) {
    if (!parts_.allow_privileged) {
      return PermissionDenied("run a privileged container: the operator does not allow it (allow_insecure_security)");
    }
    spec.security = runtime::SecurityMode::kInsecure;
  }
  spec.limits.cpus = request.cpus;
  spec.limits.memory_bytes = request.memory_bytes;
  spec.shm_size_bytes = request.shm_size_bytes;
  spec.extra_hosts = request.extra_hosts;
  spec.ports = request.ports;
  spec.stop_grace = kGrace;
  spec.mounts = {{.source = workspace_->folder(), .destination = std::string(kWorkspaceFolder)},
                 {.source = fs::Join(folder_, "home"), .destination = std::string(kHomeFolder)}};
  for (const auto& [path, files] : request.volumes) {
    runtime::Mount mount;
    mount.type = runtime::Mount::Type::kFiles;
    mount.destination = path;
    mount.files = files;
    spec.mounts.push_back(std::move(mount));
  }
  SLIPWAY_RETURN_IF_ERROR(JoinNetwork(request, spec));
  return spec;
}

Result<std::unique_ptr<Container>> RunWorkbench::StartContainer(const Context& ctx, const RunnableImagePtr& image,
                                                                const ContainerRequest& request,
                                                                runtime::OutputSink output,
                                                                const VertexProgress& progress) {
  SLIPWAY_RETURN_IF_ERROR(workspace_->Fill(ctx));
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> lowers, parts_.layers.LowerDirs(ctx, image->chain, progress));
  SLIPWAY_ASSIGN_OR_RETURN(std::unique_ptr<snapshot::Active> root, parts_.snapshotter.Prepare(ctx, lowers));
  SLIPWAY_ASSIGN_OR_RETURN(runtime::ContainerSpec spec, MakeSpec(*image, request, root->root()));
  auto container = std::make_unique<RunningContainer>(parts_.runner, std::move(spec), std::move(root), image,
                                                      std::move(output), request.on_exit);
  SLIPWAY_RETURN_IF_ERROR(container->WaitStarted(ctx).status());
  return std::unique_ptr<Container>(std::move(container));
}

}  // namespace slipway::builder
