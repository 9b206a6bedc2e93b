#include "steps/task/cmd_text.h"

#include <charconv>

#include "steps/task/flags.h"
#include "steps/task/shell_words.h"

namespace slipway::task {

namespace {

constexpr int kMaxPortRange = 1000;

std::string Quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += R"('\'')";
    } else {
      out.push_back(c);
    }
  }
  return out + "'";
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

FlagAction StoreBytes(uint64_t* out) {
  return [out](const std::string& value) {
    SLIPWAY_ASSIGN_OR_RETURN(*out, ParseSize(value));
    return Status();
  };
}

class Parser {
 public:
  Parser(std::string_view registry, Step* step, std::vector<std::string>* warnings)
      : registry_(registry), step_(*step), warnings_(*warnings) {
    if (std::holds_alternative<CmdStep>(step->what)) cmd_ = std::get<CmdStep>(std::move(step->what));
  }

  Status Run(std::string_view text) && {
    SLIPWAY_ASSIGN_OR_RETURN(const ShellSplit split, SplitShellWords(text));
    size_t at = 0;
    SLIPWAY_RETURN_IF_ERROR(ReadFlags(split.words, Flags(), /*interleave=*/false, &at, nullptr));
    if (at == split.words.size()) {
      if (split.shell) return NeedsShell(*split.shell, text, text.size());
      return InvalidArgument("names no image");
    }
    if (split.shell) return NeedsShell(*split.shell, text, split.words[at].offset);
    cmd_.image = split.words[at].text;
    for (size_t i = at + 1; i < split.words.size(); ++i) cmd_.arguments.push_back(split.words[i].text);
    SLIPWAY_RETURN_IF_ERROR(Name());
    SLIPWAY_RETURN_IF_ERROR(RefuseDocker());
    step_.what = std::move(cmd_);
    return Status();
  }

 private:
  std::vector<Flag> Flags() {
    const std::string never = "is not taken: a step's container gets no more rights, devices or namespaces than it has";
    return {
        {"-d --detach", false, StoreSwitch(&cmd_.detach)},
        {"-i --interactive", false, Accept()},
        {"-t --tty", false, Accept()},
        {"--rm", false, Accept()},
        {"--init", false, Accept()},
        {"--pull", true,
         [this](const std::string& value) {
           cmd_.pull = cmd_.pull || value == "always";
           return Status();
         }},
        {"-p --publish", true, [this](const std::string& value) { return Ports(value); }},
        {"--expose", true, AppendText(&step_.expose)},
        {"-e --env", true, [this](const std::string& value) { return Env(value); }},
        {"-u --user", true, StoreText(&step_.user)},
        {"-w --workdir", true,
         [this](const std::string& value) {
           if (!value.starts_with('/')) return InvalidArgument("'{}' is no absolute path", value);
           step_.working_directory = value;
           return Status();
         }},
        {"--entrypoint", true,
         [this](const std::string& value) {
           cmd_.entry_point = value;
           return Status();
         }},
        {"--name", true, AppendText(&cmd_.network_aliases)},
        {"--network-alias --net-alias", true, AppendText(&cmd_.network_aliases)},
        {"--net --network", true, StoreText(&step_.network)},
        {"-h --hostname", true, StoreText(&cmd_.hostname)},
        {"--add-host", true, AppendText(&cmd_.extra_hosts)},
        {"--cpus", true,
         [this](const std::string& value) {
           SLIPWAY_ASSIGN_OR_RETURN(step_.cpus, ParseCpus(value));
           return Status();
         }},
        {"-m --memory", true, StoreBytes(&cmd_.memory_bytes)},
        {"--shm-size", true, StoreBytes(&cmd_.shm_size_bytes)},
        {"--read-only", false, StoreSwitch(&cmd_.read_only)},
        {"--privileged", false, StoreSwitch(&step_.privileged)},
        {"-v --volume", true, [this](const std::string& value) { return Volume(value); }},
        {"--isolation", true,
         [](const std::string& value) {
           return value == "default" || value.empty()
                      ? Status()
                      : InvalidArgument("'{}' is for Windows; only 'default' is known", value);
         }},
        {"-l --label", true, Accept()},
        {"--log-driver", true, Accept()},
        {"--log-opt", true, Accept()},
        {"--restart", true, RefuseFlag("is not taken: a step's container runs once; see 'retries' and 'repeat'")},
        {"--mount", true, RefuseFlag("is not taken: write 'volumeMounts' or -v NAME:PATH with a volume of the task")},
        {"--env-file", true, RefuseFlag("is not taken: write 'env'")},
        {"-P --publish-all", false, RefuseFlag("is not taken: write 'ports'")},
        {"--cap-add", true, RefuseFlag(never)},
        {"--device", true, RefuseFlag(never)},
        {"--security-opt", true, RefuseFlag(never)},
        {"--pid", true, RefuseFlag(never)},
        {"--ipc", true, RefuseFlag(never)},
        {"--userns", true, RefuseFlag(never)},
        {"--cgroup-parent", true, RefuseFlag(never)},
    };
  }

  Status Ports(const std::string& value) {
    SLIPWAY_ASSIGN_OR_RETURN(std::vector<PortMapping> ports, ParsePorts(value));
    step_.ports.insert(step_.ports.end(), ports.begin(), ports.end());
    return Status();
  }

  Status Env(const std::string& value) {
    if (value.find('=') == std::string::npos) {
      warnings_.push_back(
          fmt::format("'-e {}' has no value and is left out: a step sees no environment to take one from", value));
    } else {
      step_.env.push_back(value);
    }
    return Status();
  }

  Status Volume(const std::string& value) {
    const size_t colon = value.find(':');
    const std::string name = value.substr(0, colon);
    if (name.find("docker.sock") != std::string::npos) {
      return InvalidArgument("'{}': there is no Docker daemon here, and so no socket of one", value);
    }
    if (colon == std::string::npos || name.empty() || name.find('/') != std::string::npos) {
      return InvalidArgument("'{}': only a volume of the task can be mounted (NAME:PATH), no folder of the machine",
                             value);
    }
    std::string path = value.substr(colon + 1);
    if (const size_t options = path.find(':'); options != std::string::npos) path.resize(options);
    step_.volume_mounts.push_back({.name = name, .mount_path = std::move(path), .position = step_.position});
    return Status();
  }

  Status Name() {
    SLIPWAY_ASSIGN_OR_RETURN(cmd_.remote_name, oci::Reference::Parse(cmd_.image).With("image"));
    const std::string_view host = registry_.empty() ? "docker.io" : registry_;
    SLIPWAY_ASSIGN_OR_RETURN(cmd_.local_name, oci::Reference::Parse(cmd_.image, host).With("image"));
    return Status();
  }

  // The docker client without a daemon can do nothing; what it is used for in task files has steps of its own.
  Status RefuseDocker() const {
    if (cmd_.remote_name.host != "docker.io" || cmd_.remote_name.repository != "library/docker" ||
        cmd_.arguments.empty()) {
      return Status();
    }
    const std::string& verb = cmd_.arguments[0];
    std::string instead = "there is nothing here for it to talk to";
    if (verb == "build") instead = "write it as 'build: …'";
    if (verb == "push" || verb == "tag") instead = "write it as 'push: [NAME]', with all names as -t of the build";
    if (verb == "pull") instead = "leave it out: images are fetched where they are used";
    if (verb == "run") instead = "write its image and arguments as a cmd step";
    if (verb == "login") instead = "leave it out: the daemon has the credentials of registries";
    if (verb == "stop" || verb == "kill" || verb == "rm") instead = "leave it out: detached steps end with the run";
    if (verb.find("dockerd") != std::string::npos || verb.starts_with('-')) return Status();
    return InvalidArgument("'docker {}' needs a Docker daemon, and there is none: {}", verb, instead);
  }

  // What the agent's shell did has to be done by one in the container.
  Status NeedsShell(const ShellRequest& shell, std::string_view text, size_t image) const {
    const std::string what = shell.what.empty() ? "a second command line" : fmt::format("'{}'", shell.what);
    const std::string_view prefix = Trim(text.substr(0, image));
    const std::string_view rest = Trim(text.substr(image));
    const size_t blank = std::min(rest.find_first_of(" \t\n"), rest.size());
    const std::string_view commands = Trim(rest.substr(blank));
    std::string hint = "put the commands into the container: cmd: IMAGE sh -c 'COMMANDS'";
    if (!commands.empty() && commands.find_first_of("|&;<>()") != 0) {
      hint = fmt::format("put it into the container: cmd: {}{}{} sh -c {}", prefix, prefix.empty() ? "" : " ",
                         rest.substr(0, blank), Quoted(commands));
    }
    return InvalidArgument("{} is for a shell, and none runs outside of the container; {}", what, hint);
  }

  const std::string_view registry_;
  Step& step_;
  std::vector<std::string>& warnings_;
  CmdStep cmd_;
};

// "80" or "80-82".
Result<std::pair<int, int>> PortRange(std::string_view text, bool open) {
  if (text.empty() && open) return std::pair(0, 0);
  const size_t dash = text.find('-');
  const auto number = [](std::string_view digits) {
    int value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return error == std::errc() && end == digits.data() + digits.size() && value > 0 && value < 65536 ? value : 0;
  };
  const int first = number(text.substr(0, dash));
  const int last = dash == std::string_view::npos ? first : number(text.substr(dash + 1));
  if (first == 0 || last < first || last - first >= kMaxPortRange)
    return InvalidArgument("'{}' is no port from 1 to 65535", text);
  return std::pair(first, last);
}

}  // namespace

Status ParseCmd(std::string_view text, std::string_view default_registry, Step* step,
                std::vector<std::string>* warnings) {
  return Parser(default_registry, step, warnings).Run(text);
}

Result<std::vector<PortMapping>> ParsePorts(std::string_view text) {
  std::string_view rest = text;
  PortMapping port;
  if (const size_t slash = rest.rfind('/'); slash != std::string_view::npos) {
    port.protocol = rest.substr(slash + 1);
    if (port.protocol != "tcp" && port.protocol != "udp")
      return InvalidArgument("'{}': the protocol is tcp or udp", text);
    rest = rest.substr(0, slash);
  }
  const size_t last_colon = rest.rfind(':');
  const std::string_view inside = rest.substr(last_colon == std::string_view::npos ? 0 : last_colon + 1);
  std::string_view outside = last_colon == std::string_view::npos ? "" : rest.substr(0, last_colon);
  if (const size_t colon = outside.rfind(':'); colon != std::string_view::npos) {
    port.host_address = outside.substr(0, colon);
    outside = outside.substr(colon + 1);
    if (port.host_address.starts_with('[') && port.host_address.ends_with(']')) {
      port.host_address = port.host_address.substr(1, port.host_address.size() - 2);
    }
  }
  const auto container = PortRange(inside, false);
  const auto host = PortRange(outside, true);
  if (!container.ok()) return container.status().With(fmt::format("'{}'", text));
  if (!host.ok()) return host.status().With(fmt::format("'{}'", text));
  const bool any = host->first == 0;
  if (!any && host->second - host->first != container->second - container->first) {
    return InvalidArgument("'{}': there are not as many ports of the machine as of the container", text);
  }
  std::vector<PortMapping> out;
  for (int i = 0; i <= container->second - container->first; ++i) {
    port.container_port = static_cast<uint16_t>(container->first + i);
    port.host_port = any ? uint16_t{0} : static_cast<uint16_t>(host->first + i);
    out.push_back(port);
  }
  return out;
}

Result<uint64_t> ParseSize(std::string_view text) {
  constexpr std::string_view kUnits = "bkmgt";
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  std::string_view unit = text.substr(static_cast<size_t>(end - text.data()));
  if (unit.size() == 2 && (unit[1] == 'b' || unit[1] == 'B')) unit.remove_suffix(1);
  const size_t power = unit.empty()      ? 0
                       : unit.size() > 1 ? std::string_view::npos
                                         : kUnits.find(static_cast<char>(unit[0] | 0x20));
  if (error != std::errc() || power == std::string_view::npos || !(value > 0) || value > 1e15) {
    return InvalidArgument("'{}' is no size like '512m' or '2g'", text);
  }
  for (size_t i = 0; i < power; ++i) value *= 1024;
  return value < 9e18 ? Result<uint64_t>(static_cast<uint64_t>(value)) : InvalidArgument("'{}' is too large", text);
}

Result<double> ParseCpus(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value > 0) || value > 10000) {
    return InvalidArgument("'{}' is no number of processors like '1.5'", text);
  }
  return value;
}

}  // namespace slipway::task
