// The cmd step: a program in a container of an image, which an earlier step has built or a registry has.
#include <algorithm>

#include "executor/builder/workbench.h"
#include "steps/action/action.h"

namespace slipway::action {

namespace {

using builder::RunnableImagePtr;

constexpr std::string_view kLoopback = "127.0.0.1";

std::string Name(const oci::Reference& name, const std::string& written) {
  return written.empty() ? name.Familiar() : written;
}

// "name:address"
Result<runtime::HostEntry> ParseHost(const std::string& text) {
  const size_t cut = text.find_first_of(":=");
  if (cut == std::string::npos || cut == 0 || cut + 1 == text.size()) {
    return InvalidArgument("host '{}' is not of the form name:address", text);
  }
  return runtime::HostEntry{.address = text.substr(cut + 1), .name = text.substr(0, cut)};
}

Status ExitStatusOf(const runtime::ContainerExit& exit) {
  if (exit.exit.ok()) return Status();
  return FailedPrecondition("{}{}", exit.exit.ToString(),
                            exit.oom_killed ? " (the kernel killed a process of it: out of memory)" : "");
}

class CmdAction : public Action {
 public:
  explicit CmdAction(const task::Step& step) : step_(step), cmd_(std::get<task::CmdStep>(step.what)) {}

  Status Prepare(const Context& ctx, Environment& environment) override {
    if (!cmd_.pull) return Status();
    Say(environment.progress, "Step specified pull. Performing an explicit pull...");
    SLIPWAY_ASSIGN_OR_RETURN(builder::Workbench* const workbench, environment.run.Workbench(ctx));
    for (int attempt = 0;; ++attempt) {
      auto image = workbench->Resolve(ctx, cmd_.remote_name, environment.progress);
      if (image.ok()) {
        image_ = *std::move(image);
        return Status();
      }
      if (attempt >= cmd_.download_retries || ctx.Done()) return image.status().With("pull");
      Say(environment.progress, fmt::format("Failed to pull image: {}, waiting {} seconds before retrying...",
                                            Name(cmd_.remote_name, cmd_.image), cmd_.download_retry_delay.count()));
      SLIPWAY_RETURN_IF_ERROR(ctx.Sleep(cmd_.download_retry_delay));
    }
  }

  Status Run(const Context& ctx, Environment& environment) override {
    Status status = RunContainer(ctx, environment);
    // Why a step was stopped is no fault of its own.
    return status.ok() || ctx.Done() ? status : std::move(status).With(fmt::format("step '{}'", step_.id));
  }

 private:
  Status RunContainer(const Context& ctx, Environment& environment) {
    environment.exit_code.reset();
    Say(environment.progress, fmt::format("Launching container with name: {}", step_.id));
    SLIPWAY_ASSIGN_OR_RETURN(builder::Workbench* const workbench, environment.run.Workbench(ctx));
    SLIPWAY_RETURN_IF_ERROR(FindImage(ctx, *workbench, environment));
    SLIPWAY_ASSIGN_OR_RETURN(builder::ContainerRequest request, MakeRequest(environment));
    // Called like the step: its own program.
    const VertexProgress vertex(&environment.progress, step_.id, fmt::format("[{}] {}", step_.id, cmd_.image));
    vertex.Started();
    auto container = Start(ctx, *workbench, std::move(request), environment, vertex);
    if (!container.ok()) {
      vertex.Finished(container.status());
      return container.status();
    }
    if (cmd_.detach) {
      environment.run.AddService(*std::move(container));
      Say(environment.progress, fmt::format("Successfully started container: {}", step_.id));
      return Status();
    }
    const Result<runtime::ContainerExit> exit = (*container)->Wait(ctx);
    if (exit.ok()) environment.exit_code = exit->exit.code;
    const Status status = exit.ok() ? ExitStatusOf(*exit) : exit.status();
    vertex.Finished(status);
    if (status.ok()) Say(environment.progress, fmt::format("Successfully executed container: {}", step_.id));
    return status;
  }

  Status FindImage(const Context& ctx, builder::Workbench& workbench, Environment& environment) {
    if (const ImagePtr built = environment.run.FindImage(cmd_.local_name)) {
      SLIPWAY_ASSIGN_OR_RETURN(image_, workbench.Use(*built, Name(cmd_.local_name, cmd_.image)));
    } else if (!image_) {
      SLIPWAY_ASSIGN_OR_RETURN(image_, workbench.Resolve(ctx, cmd_.remote_name, environment.progress));
    }
    return Status();
  }

  static Result<std::unique_ptr<builder::Container>> StartIn(const Context& ctx, builder::Workbench& workbench,
                                                             const RunnableImagePtr& image,
                                                             const builder::ContainerRequest& request,
                                                             const VertexProgress& vertex) {
    const auto output = [vertex](runtime::Stream stream, std::string_view bytes) {
      vertex.Log(stream == runtime::Stream::kStdout ? ProgressEvent::Stream::kStdout : ProgressEvent::Stream::kStderr,
                 bytes);
    };
    return workbench.StartContainer(ctx, image, request, output, vertex);
  }

  Result<std::unique_ptr<builder::Container>> Start(const Context& ctx, builder::Workbench& workbench,
                                                    builder::ContainerRequest request, Environment& environment,
                                                    const VertexProgress& vertex) const {
    if (cmd_.detach) {
      // Nobody waits for it, so its end is told when it comes.
      request.on_exit = [vertex, &progress = environment.progress,
                         id = step_.id](const Result<runtime::ContainerExit>& exit) {
        if (exit.ok()) {
          Say(progress, fmt::format("Container with name: {} ended before the run: {}", id, exit->exit.ToString()));
          vertex.Finished(ExitStatusOf(*exit));
        } else if (exit.code() == Code::kCancelled) {
          vertex.Finished(Status());  // the run is over
        }
      };
    }
    SLIPWAY_ASSIGN_OR_RETURN(auto container, StartIn(ctx, workbench, image_, request, vertex));
    SLIPWAY_ASSIGN_OR_RETURN(const runtime::StartedContainer started, container->WaitStarted(ctx));
    for (const runtime::PublishedPort& port : started.ports) {
      Say(environment.progress, fmt::format("Port {}/{} of {} is published on {}:{}", port.container_port,
                                            port.udp ? "udp" : "tcp", step_.id, port.host_address, port.host_port));
    }
    return container;
  }

  Result<builder::ContainerRequest> MakeRequest(Environment& environment) const {
    builder::ContainerRequest request;
    request.args = cmd_.arguments;
    request.entry_point = cmd_.entry_point;
    request.env = step_.env;
    request.working_directory = step_.working_directory;
    request.user = step_.user;
    request.hostname = cmd_.hostname.empty() ? step_.id : cmd_.hostname;
    request.read_only = cmd_.read_only;
    request.privileged = step_.privileged;
    request.cpus = step_.cpus;
    request.memory_bytes = cmd_.memory_bytes;
    request.shm_size_bytes = cmd_.shm_size_bytes;
    request.network = environment.run.NetworkFor(step_.network);
    request.aliases = cmd_.network_aliases;
    request.aliases.insert(request.aliases.begin(), step_.id);
    if (request.hostname != step_.id) request.aliases.push_back(request.hostname);
    for (const std::string& host : cmd_.extra_hosts) {
      SLIPWAY_ASSIGN_OR_RETURN(runtime::HostEntry entry, ParseHost(host));
      request.extra_hosts.push_back(std::move(entry));
    }
    for (const task::PortMapping& port : step_.ports) request.ports.push_back(ToPort(port, environment));
    for (const task::VolumeMount& mount : step_.volume_mounts) {
      SLIPWAY_ASSIGN_OR_RETURN(request.volumes[mount.mount_path], FilesOf(mount.name, environment.run.task()));
    }
    return request;
  }

  // On this machine only, whatever the file says: what a run starts is not to be offered to others.
  runtime::PublishedPort ToPort(const task::PortMapping& port, Environment& environment) const {
    if (!port.host_address.empty() && !port.host_address.starts_with("127.")) {
      Say(environment.progress, fmt::format("WARNING: port {} of {} is published on {} instead of {}",
                                            port.container_port, step_.id, kLoopback, port.host_address));
    }
    return {.host_address = port.host_address.starts_with("127.") ? port.host_address : std::string(kLoopback),
            .host_port = port.host_port,
            .container_port = port.container_port,
            .udp = port.protocol == "udp"};
  }

  static Result<std::map<std::string, std::string>> FilesOf(const std::string& name, const task::Task& task) {
    for (const task::Volume& volume : task.volumes) {
      if (volume.name == name) return volume.files;
    }
    return InvalidArgument("mount name, {}, does not correspond to a volume", name);
  }

  const task::Step& step_;
  const task::CmdStep& cmd_;
  RunnableImagePtr image_;
};

}  // namespace

std::unique_ptr<Action> MakeCmdAction(const task::Step& step) { return std::make_unique<CmdAction>(step); }

}  // namespace slipway::action
