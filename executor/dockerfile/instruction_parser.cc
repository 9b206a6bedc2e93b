#include "executor/dockerfile/instruction_parser.h"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "executor/base/ascii.h"
#include "executor/base/near_miss.h"
#include "executor/base/utf8.h"
#include "executor/dockerfile/flags.h"
#include "executor/dockerfile/go_text.h"
#include "executor/dockerfile/heredoc.h"
#include "executor/dockerfile/line_args.h"
#include "executor/dockerfile/mount.h"
#include "executor/dockerfile/word_expander.h"

namespace slipway::dockerfile {

namespace {

using Parsed = std::variant<Stage, Instruction>;

Status ParseFlags(FlagSet& flags, Node& node) {
  Status status = flags.Parse(node.flags);
  return status.ok() ? status : node.Blame(flags.fault(), std::move(status));
}

Status NoFlags(std::string_view keyword, Node& node) {
  FlagSet none(keyword);
  return ParseFlags(none, node);
}

// What an instruction may look like, for those who left its arguments out.
constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kExamples = {
    {{"ARG", "ARG VERSION=1"},
     {"ENV", "ENV NAME=value"},
     {"EXPOSE", "EXPOSE 80/tcp"},
     {"HEALTHCHECK", "HEALTHCHECK CMD program --check"},
     {"LABEL", "LABEL name=value"},
     {"MAINTAINER", "MAINTAINER name"},
     {"SHELL", R"(SHELL ["/bin/sh", "-c"])"},
     {"STOPSIGNAL", "STOPSIGNAL SIGTERM"},
     {"USER", "USER name:group"},
     {"VOLUME", "VOLUME /data"},
     {"WORKDIR", "WORKDIR /app"}}};

std::string Example(std::string_view keyword) {
  for (const auto& [name, example] : kExamples) {
    if (name == keyword) return fmt::format(", as in '{}'", example);
  }
  return "";
}

Status AtLeastOne(std::string_view keyword, const Node& node) {
  if (!node.args.empty()) return {};
  return InvalidArgument("{} requires at least one argument{}", keyword, Example(keyword));
}

Status ExactlyOne(std::string_view keyword, const Node& node) {
  if (node.args.size() == 1) return {};
  return InvalidArgument("{} requires exactly one argument, not {}{}", keyword, node.args.size(), Example(keyword));
}

template <typename T>
T WithBase(Node& node) {
  T instruction;
  instruction.original = utf8::Trim(node.original);
  instruction.keyword = std::move(node.keyword);
  instruction.range = node.range;
  instruction.comments = std::move(node.comments);
  return instruction;
}

template <typename T>
Result<Parsed> Done(T instruction) {
  return Parsed(Instruction(std::move(instruction)));
}

std::optional<Heredoc> HeredocOrNothing(std::string_view word) { return ParseHeredocWord(word).ValueOr(std::nullopt); }

// A body counts for each mention of its name, so a small file could ask for much memory.
constexpr size_t kMaxInlineBytes = size_t{32} << 20;

// COPY and ADD: the last argument is the destination, heredocs among the others are files.
Status ParseSources(std::string_view keyword, Node& node, CopySources* sources) {
  if (HeredocOrNothing(node.args.back()).has_value()) {
    return node.Blame(node.args.back(),
                      InvalidArgument("{} cannot take the heredoc '{}' as its destination", keyword, node.args.back()));
  }
  sources->destination = std::move(node.args.back());
  node.args.pop_back();
  std::map<std::string, const Heredoc*> bodies;  // of two with one name the last counts for both
  for (const Heredoc& heredoc : node.heredocs) bodies[heredoc.name] = &heredoc;
  size_t total = 0;
  for (std::string& word : node.args) {
    std::optional<Heredoc> heredoc = HeredocOrNothing(word);
    if (!heredoc.has_value()) {
      sources->paths.push_back(std::move(word));
      continue;
    }
    const auto body = bodies.find(heredoc->name);
    std::string content = body == bodies.end() ? "" : body->second->content;
    if (heredoc->strip_tabs) content = StripLeadingTabs(content);
    total += content.size();
    if (total > kMaxInlineBytes)
      return InvalidArgument("the heredocs of {} hold more than {} bytes", keyword, kMaxInlineBytes);
    sources->files.push_back({std::move(heredoc->name), std::move(content), heredoc->expand});
  }
  return {};
}

Status SourceAndDestination(std::string_view keyword, const Node& node) {
  if (node.args.size() >= 2) return {};
  return InvalidArgument("{0} requires at least two arguments, a source and a destination, as in '{0} file /folder/'",
                         keyword);
}

Result<Parsed> ParseAdd(Node& node, char32_t) {
  SLIPWAY_RETURN_IF_ERROR(SourceAndDestination("ADD", node));
  auto add = WithBase<AddInstruction>(node);
  FlagSet flags("ADD");
  flags.Add("chown", &add.chown).Add("chmod", &add.chmod).Add("link", &add.link).Add("checksum", &add.checksum);
  flags.Add("keep-git-dir", &add.keep_git_dir).Add("unpack", &add.unpack).Add("exclude", &add.excludes);
  SLIPWAY_RETURN_IF_ERROR(ParseFlags(flags, node));
  SLIPWAY_RETURN_IF_ERROR(ParseSources("ADD", node, &add.sources));
  return Done(std::move(add));
}

// The name of a stage must be known before any variable is, so a word that would change is refused.
Status CheckFrom(const std::string& from, char32_t escape) {
  const auto nothing = [](std::string_view) { return std::optional<std::string_view>(); };
  SLIPWAY_ASSIGN_OR_RETURN(const ExpandedWord word, ExpandWord(from, nothing, {.escape = escape, .split = false}));
  if (word.text == from) return {};
  return InvalidArgument(
      "'--from={}' cannot hold variables or quotes; define a stage 'FROM … AS name', where ARGs from before the first "
      "FROM may be used, and write '--from=name'",
      from);
}

Result<Parsed> ParseCopy(Node& node, char32_t escape) {
  SLIPWAY_RETURN_IF_ERROR(SourceAndDestination("COPY", node));
  auto copy = WithBase<CopyInstruction>(node);
  FlagSet flags("COPY");
  flags.Add("from", &copy.from).Add("chown", &copy.chown).Add("chmod", &copy.chmod).Add("link", &copy.link);
  flags.Add("parents", &copy.parents).Add("exclude", &copy.excludes);
  SLIPWAY_RETURN_IF_ERROR(ParseFlags(flags, node));
  if (Status status = CheckFrom(copy.from, escape); !status.ok()) {
    return node.Blame("--from=" + copy.from, std::move(status));
  }
  SLIPWAY_RETURN_IF_ERROR(ParseSources("COPY", node, &copy.sources));
  return Done(std::move(copy));
}

Result<std::vector<KeyValue>> ParsePairs(std::string_view keyword, Node& node) {
  SLIPWAY_RETURN_IF_ERROR(NoFlags(keyword, node));
  SLIPWAY_RETURN_IF_ERROR(AtLeastOne(keyword, node));
  std::vector<KeyValue> pairs;
  for (size_t i = 0; i + 2 < node.args.size(); i += 3) {
    if (node.args[i].empty()) {
      const std::string word = "=" + node.args[i + 1];
      return node.Blame(word, InvalidArgument("{} names cannot be blank: '{}'", keyword, word));
    }
    pairs.push_back({std::move(node.args[i]), std::move(node.args[i + 1]), node.args[i + 2].empty()});
  }
  return pairs;
}

Result<Parsed> ParseEnv(Node& node, char32_t) {
  SLIPWAY_ASSIGN_OR_RETURN(auto pairs, ParsePairs("ENV", node));
  auto env = WithBase<EnvInstruction>(node);
  env.pairs = std::move(pairs);
  return Done(std::move(env));
}

Result<Parsed> ParseLabel(Node& node, char32_t) {
  SLIPWAY_ASSIGN_OR_RETURN(auto pairs, ParsePairs("LABEL", node));
  auto label = WithBase<LabelInstruction>(node);
  label.pairs = std::move(pairs);
  return Done(std::move(label));
}

// Flags of ARG and STOPSIGNAL are not looked at, as in BuildKit.
Result<Parsed> ParseArg(Node& node, char32_t) {
  SLIPWAY_RETURN_IF_ERROR(AtLeastOne("ARG", node));
  auto arg = WithBase<ArgInstruction>(node);
  for (std::string& word : node.args) {
    const size_t equals = word.find('=');
    if (equals == 0) return node.Blame(word, InvalidArgument("ARG names cannot be blank: '{}'", word));
    if (equals == std::string::npos) {
      arg.args.push_back({std::move(word), std::nullopt});
    } else {
      arg.args.push_back({word.substr(0, equals), word.substr(equals + 1)});
    }
  }
  return Done(std::move(arg));
}

CommandLine ParseCommandLine(Node& node) {
  CommandLine command;
  command.json_form = node.json_form;
  command.args = std::move(node.args);
  command.heredocs = std::move(node.heredocs);
  return command;
}

Result<Parsed> ParseCmd(Node& node, char32_t) {
  SLIPWAY_RETURN_IF_ERROR(NoFlags("CMD", node));
  auto cmd = WithBase<CmdInstruction>(node);
  cmd.command = ParseCommandLine(node);
  return Done(std::move(cmd));
}

Result<Parsed> ParseEntrypoint(Node& node, char32_t) {
  SLIPWAY_RETURN_IF_ERROR(NoFlags("ENTRYPOINT", node));
  auto entrypoint = WithBase<EntrypointInstruction>(node);
  entrypoint.command = ParseCommandLine(node);
  return Done(std::move(entrypoint));
}

Status ParseNetwork(const std::string& value, NetworkMode* mode) {
  constexpr std::array<std::string_view, 3> kNames = {"default", "none", "host"};
  const auto found = std::find(kNames.begin(), kNames.end(), value);
  if (found == kNames.end()) {
    return InvalidArgument("invalid network mode '{}'; there are default, none and host{}", value,
                           DidYouMean(value, kNames));
  }
  *mode = static_cast<NetworkMode>(found - kNames.begin());
  return {};
}

Status ParseSecurity(const std::string& value, SecurityMode* mode) {
  constexpr std::array<std::string_view, 2> kNames = {"sandbox", "insecure"};
  const auto found = std::find(kNames.begin(), kNames.end(), value);
  if (found == kNames.end()) {
    return InvalidArgument("invalid security mode '{}'; there are sandbox and insecure{}", value,
                           DidYouMean(value, kNames));
  }
  *mode = static_cast<SecurityMode>(found - kNames.begin());
  return {};
}

Result<Parsed> ParseRun(Node& node, char32_t) {
  auto run = WithBase<RunInstruction>(node);
  std::string network = "default";
  std::string security = "sandbox";
  std::vector<std::string> devices;
  FlagSet flags("RUN");
  flags.Add("mount", &run.mount_flags).Add("network", &network).Add("security", &security).Add("device", &devices);
  SLIPWAY_RETURN_IF_ERROR(ParseFlags(flags, node));
  if (Status status = ParseNetwork(network, &run.network); !status.ok()) return node.Blame(network, std::move(status));
  if (Status status = ParseSecurity(security, &run.security); !status.ok()) {
    return node.Blame(security, std::move(status));
  }
  for (const std::string& flag : run.mount_flags) {
    Result<Mount> mount = ParseMount(flag, nullptr, &node.fault);
    if (!mount.ok()) return std::move(mount).status();
    run.mounts.push_back(*std::move(mount));
  }
  for (const std::string& flag : devices) {
    Result<Device> device = ParseDevice(flag);
    if (!device.ok()) return node.Blame("--device=" + flag, std::move(device).status());
    run.devices.push_back(*std::move(device));
  }
  run.command = ParseCommandLine(node);
  return Done(std::move(run));
}

Status ParseInterval(std::string_view name, const std::string& value, std::chrono::nanoseconds* out) {
  if (value.empty()) return {};
  const Result<std::chrono::nanoseconds> duration = ParseDuration(value);
  if (!duration.ok()) return duration.status().With(fmt::format("flag '--{}'", name));
  if (duration->count() != 0 && *duration < std::chrono::milliseconds(1)) {
    return InvalidArgument("flag '--{}' cannot be less than 1ms: '{}'", name, value);
  }
  *out = *duration;
  return {};
}

Status ParseRetries(const std::string& value, int32_t* out) {
  if (value.empty()) return {};
  const bool negative = value.starts_with('-');
  const bool sign = negative || value.starts_with('+');
  const Result<uint32_t> number = ParseUint32(std::string_view(value).substr(sign ? 1 : 0), 10);
  if (!number.ok() || *number > 0x7FFFFFFF || (negative && *number > 0)) {
    return InvalidArgument("flag '--retries' takes a number that is not negative, not '{}'", value);
  }
  *out = static_cast<int32_t>(*number);
  return {};
}

Status ParseHealthOptions(Node& node, HealthcheckInstruction* health) {
  std::string interval, timeout, start_period, start_interval, retries;
  FlagSet flags("HEALTHCHECK");
  flags.Add("interval", &interval).Add("timeout", &timeout).Add("start-period", &start_period);
  flags.Add("start-interval", &start_interval).Add("retries", &retries);
  SLIPWAY_RETURN_IF_ERROR(ParseFlags(flags, node));
  const std::array<std::tuple<std::string_view, const std::string*, std::chrono::nanoseconds*>, 4> durations = {
      {{"interval", &interval, &health->interval},
       {"timeout", &timeout, &health->timeout},
       {"start-period", &start_period, &health->start_period},
       {"start-interval", &start_interval, &health->start_interval}}};
  for (const auto& [name, value, out] : durations) {
    Status status = ParseInterval(name, *value, out);
    if (!status.ok()) return node.Blame(fmt::format("--{}={}", name, *value), std::move(status));
  }
  Status status = ParseRetries(retries, &health->retries);
  return status.ok() ? status : node.Blame("--retries=" + retries, std::move(status));
}

Result<Parsed> ParseHealthcheck(Node& node, char32_t) {
  SLIPWAY_RETURN_IF_ERROR(AtLeastOne("HEALTHCHECK", node));
  auto health = WithBase<HealthcheckInstruction>(node);
  const std::string type = LowerAscii(node.args[0]);
  if (type == "none") {  // whose flags are not looked at, as in BuildKit
    if (node.args.size() > 1) return InvalidArgument("HEALTHCHECK NONE takes no arguments");
    health.test = {"NONE"};
    return Done(std::move(health));
  }
  SLIPWAY_RETURN_IF_ERROR(ParseHealthOptions(node, &health));
  if (type != "cmd") {
    constexpr std::array<std::string_view, 2> kTypes = {"CMD", "NONE"};
    const std::string hint = DidYouMean(node.args[0], kTypes);
    return node.Blame(node.args[0], InvalidArgument("unknown type '{}' of HEALTHCHECK; there are CMD and NONE{}",
                                                    node.args[0], hint));
  }
  if (node.args.size() < 2)
    return InvalidArgument("there is no command after HEALTHCHECK CMD{}", Example("HEALTHCHECK"));
  health.test = std::move(node.args);
  health.test[0] = node.json_form ? "CMD" : "CMD-SHELL";
  return Done(std::move(health));
}

Result<Parsed> ParseExpose(Node& node, char32_t) {
  SLIPWAY_RETURN_IF_ERROR(AtLeastOne("EXPOSE", node));
  SLIPWAY_RETURN_IF_ERROR(NoFlags("EXPOSE", node));
  auto expose = WithBase<ExposeInstruction>(node);
  expose.ports = std::move(node.args);
  std::sort(expose.ports.begin(), expose.ports.end());
  return Done(std::move(expose));
}

Result<Parsed> ParseVolume(Node& node, char32_t) {
  SLIPWAY_RETURN_IF_ERROR(AtLeastOne("VOLUME", node));
  SLIPWAY_RETURN_IF_ERROR(NoFlags("VOLUME", node));
  auto volume = WithBase<VolumeInstruction>(node);
  for (const std::string& word : node.args) {
    volume.paths.emplace_back(utf8::Trim(word));
    if (volume.paths.back().empty()) return InvalidArgument("a path of VOLUME cannot be empty");
  }
  return Done(std::move(volume));
}

Result<Parsed> ParseUser(Node& node, char32_t) {
  SLIPWAY_RETURN_IF_ERROR(ExactlyOne("USER", node));
  SLIPWAY_RETURN_IF_ERROR(NoFlags("USER", node));
  auto user = WithBase<UserInstruction>(node);
  user.user = std::move(node.args[0]);
  return Done(std::move(user));
}

Result<Parsed> ParseWorkdir(Node& node, char32_t) {
  SLIPWAY_RETURN_IF_ERROR(ExactlyOne("WORKDIR", node));
  SLIPWAY_RETURN_IF_ERROR(NoFlags("WORKDIR", node));
  auto workdir = WithBase<WorkdirInstruction>(node);
  workdir.path = std::move(node.args[0]);
  return Done(std::move(workdir));
}

Result<Parsed> ParseStopsignal(Node& node, char32_t) {
  SLIPWAY_RETURN_IF_ERROR(ExactlyOne("STOPSIGNAL", node));
  auto stopsignal = WithBase<StopsignalInstruction>(node);
  stopsignal.signal = std::move(node.args[0]);
  return Done(std::move(stopsignal));
}

Result<Parsed> ParseMaintainer(Node& node, char32_t) {
  SLIPWAY_RETURN_IF_ERROR(ExactlyOne("MAINTAINER", node));
  SLIPWAY_RETURN_IF_ERROR(NoFlags("MAINTAINER", node));
  auto maintainer = WithBase<MaintainerInstruction>(node);
  maintainer.name = std::move(node.args[0]);
  return Done(std::move(maintainer));
}

Result<Parsed> ParseShell(Node& node, char32_t) {
  SLIPWAY_RETURN_IF_ERROR(NoFlags("SHELL", node));
  SLIPWAY_RETURN_IF_ERROR(AtLeastOne("SHELL", node));
  if (!node.json_form) {
    return InvalidArgument("SHELL requires its arguments in JSON form, as in SHELL [\"/bin/sh\", \"-c\"]");
  }
  auto shell = WithBase<ShellInstruction>(node);
  shell.shell = std::move(node.args);
  return Done(std::move(shell));
}

// The text that an image's config keeps: the line without the word ONBUILD, bodies of heredocs behind it.
std::string TriggerText(const Node& node) {
  constexpr std::string_view kBlanks = "\t\n\f\r ";
  std::string_view text = node.original;
  const auto skip_blanks = [&] { text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size())); };
  skip_blanks();
  text.remove_prefix(node.keyword.size());
  skip_blanks();
  std::string expression(text);
  for (const Heredoc& heredoc : node.heredocs) expression += "\n" + heredoc.content + heredoc.name;
  return expression;
}

Result<Parsed> ParseOnbuildNode(Node& node, char32_t) {
  if (node.trigger == nullptr)
    return InvalidArgument("ONBUILD requires at least one argument, as in 'ONBUILD RUN make'");
  SLIPWAY_RETURN_IF_ERROR(NoFlags("ONBUILD", node));
  const std::string trigger = LowerAscii(node.trigger->keyword);
  if (trigger == "onbuild") return InvalidArgument("ONBUILD within ONBUILD is not allowed");
  if (trigger == "from" || trigger == "maintainer") {
    return node.Blame(node.trigger->keyword, InvalidArgument("{} is not allowed as a trigger of ONBUILD",
                                                             trigger == "from" ? "FROM" : "MAINTAINER"));
  }
  std::string expression = TriggerText(node);
  auto onbuild = WithBase<OnbuildInstruction>(node);
  onbuild.expression = std::move(expression);
  return Done(std::move(onbuild));
}

bool IsStageName(std::string_view name) {
  const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  return lower(name[0]) && std::all_of(name.begin(), name.end(), [&](char c) {
           return lower(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
         });
}

// What FROM's words say instead of "image" or "image AS name".
Status BadFrom(Node& node) {
  const std::vector<std::string>& args = node.args;
  Status status = InvalidArgument("FROM requires one or three arguments: FROM image or FROM image AS name");
  if (args.size() < 2) return status;
  return node.Blame(args[1], Status(status.code(), fmt::format("{}; '{}' is neither", status.message(), args[1])));
}

Result<Parsed> ParseFrom(Node& node, char32_t) {
  auto stage = WithBase<Stage>(node);
  std::vector<std::string>& args = node.args;
  const bool named = args.size() == 3 && LowerAscii(args[1]) == "as";
  if (args.size() != 1 && !named) return BadFrom(node);
  if (named) {
    stage.name = LowerAscii(args[2]);
    if (!IsStageName(stage.name)) {
      return node.Blame(
          args[2],
          InvalidArgument(
              "'{}' is no name for a stage; it must start with a letter and hold only letters, digits, -, _ and .",
              args[2]));
    }
    stage.as_keyword = std::move(args[1]);
    stage.name_as_written = std::move(args[2]);
  }
  FlagSet flags("FROM");
  flags.Add("platform", &stage.platform);
  SLIPWAY_RETURN_IF_ERROR(ParseFlags(flags, node));
  stage.base = std::move(args[0]);
  return Parsed(std::move(stage));
}

using Parser = Result<Parsed> (*)(Node& node, char32_t escape);

struct Entry {
  std::string_view keyword;
  Parser parse;
};

constexpr std::array<Entry, 18> kParsers = {{{"ADD", ParseAdd},
                                             {"ARG", ParseArg},
                                             {"CMD", ParseCmd},
                                             {"COPY", ParseCopy},
                                             {"ENTRYPOINT", ParseEntrypoint},
                                             {"ENV", ParseEnv},
                                             {"EXPOSE", ParseExpose},
                                             {"FROM", ParseFrom},
                                             {"HEALTHCHECK", ParseHealthcheck},
                                             {"LABEL", ParseLabel},
                                             {"MAINTAINER", ParseMaintainer},
                                             {"ONBUILD", ParseOnbuildNode},
                                             {"RUN", ParseRun},
                                             {"SHELL", ParseShell},
                                             {"STOPSIGNAL", ParseStopsignal},
                                             {"USER", ParseUser},
                                             {"VOLUME", ParseVolume},
                                             {"WORKDIR", ParseWorkdir}}};

}  // namespace

const InstructionBase& BaseOf(const Instruction& instruction) {
  return std::visit([](const auto& typed) -> const InstructionBase& { return typed; }, instruction);
}

Result<std::variant<Stage, Instruction>> ParseNode(Node& node, char32_t escape) {
  const std::string keyword = LowerAscii(node.keyword);
  std::array<std::string_view, kParsers.size()> known;
  for (size_t i = 0; i < kParsers.size(); ++i) {
    known[i] = kParsers[i].keyword;
    if (LowerAscii(known[i]) == keyword) return kParsers[i].parse(node, escape);
  }
  return InvalidArgument("unknown instruction '{}'{}", node.keyword, DidYouMean(node.keyword, known));
}

}  // namespace slipway::dockerfile
