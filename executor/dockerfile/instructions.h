// The instructions of a Dockerfile as typed structs: what Parse (parse.h) makes and the lowering to a graph reads.
//
// Plain data. After Parse all text is as written; Expand (expand.h) then puts the values of variables into the fields
// that BuildKit expands. Heredocs, JSON forms and flags are already resolved. Follows BuildKit's Dockerfile
// frontend 1.18 with the labs features (--parents, --exclude, --security, --device).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "executor/dockerfile/source_text.h"

namespace slipway::dockerfile {

/// What every instruction has.
struct InstructionBase {
  /// The keyword as written: "RUN", "run".
  std::string keyword;
  /// The whole instruction on one line: continuations joined, trimmed, no heredoc bodies. What progress output shows.
  std::string original;
  SourceRange range;
  /// The comment lines directly above it, without "#".
  std::vector<std::string> comments;
};

struct KeyValue {
  std::string key;
  std::string value;
  /// Written as `ENV key value`, without "=" (rule LegacyKeyValueFormat).
  bool legacy_form = false;
};

struct EnvInstruction : InstructionBase {
  std::vector<KeyValue> pairs;
};

struct LabelInstruction : InstructionBase {
  std::vector<KeyValue> pairs;
};

struct ArgDefinition {
  std::string name;
  /// nullopt: `ARG name`, no default.
  std::optional<std::string> value;
};

struct ArgInstruction : InstructionBase {
  std::vector<ArgDefinition> args;
};

/// A heredoc as the parser found it. `content` is the text between, tabs of a `<<-` still there.
struct Heredoc {
  std::string name;
  /// False if any part of the delimiter was quoted.
  bool expand = true;
  /// `<<-`: leading tabs are to be taken off.
  bool strip_tabs = false;
  uint64_t file_descriptor = 0;
  std::string content;
};

/// A file written in the Dockerfile itself: COPY <<name /dest.
struct InlineFile {
  std::string name;
  /// Tabs taken off already.
  std::string content;
  bool expand = true;
};

/// What COPY and ADD share. BuildKit copies all `paths` first and then `files`, whatever order they were written in.
struct CopySources {
  std::vector<std::string> paths;
  std::vector<InlineFile> files;
  std::string destination;
};

struct CopyInstruction : InstructionBase {
  CopySources sources;
  /// A stage's name or index, a named context or an image; "" is the build context. Never expanded.
  std::string from;
  std::string chown;
  std::string chmod;
  bool link = false;
  bool parents = false;
  /// Never expanded.
  std::vector<std::string> excludes;
};

struct AddInstruction : InstructionBase {
  CopySources sources;
  std::string chown;
  std::string chmod;
  bool link = false;
  std::string checksum;
  /// nullopt: the flag was not given (git sources: no; local archives: yes; downloads: no).
  std::optional<bool> keep_git_dir;
  std::optional<bool> unpack;
  /// Never expanded.
  std::vector<std::string> excludes;
};

/// The command of RUN, CMD or ENTRYPOINT.
struct CommandLine {
  /// JSON form: the arguments, run without a shell. Otherwise none (nothing written) or one text for the shell.
  std::vector<std::string> args;
  bool json_form = false;
  /// Only RUN has them, only in shell form.
  std::vector<Heredoc> heredocs;
};

enum class MountType { kBind, kCache, kTmpfs, kSecret, kSsh };
enum class CacheSharing { kShared, kPrivate, kLocked };
enum class NetworkMode { kDefault, kNone, kHost };
enum class SecurityMode { kSandbox, kInsecure };

std::string_view MountTypeName(MountType type);

/// One --mount. Before Expand only `from` holds (that is enough to know which stages a RUN needs).
struct Mount {
  MountType type = MountType::kBind;
  std::string from;
  std::string source;
  std::string target;
  bool read_only = false;
  /// tmpfs; 0 is no limit.
  int64_t size_bytes = 0;
  /// cache, secret, ssh; "" is the type's default.
  std::string id;
  /// cache; nullopt is shared.
  std::optional<CacheSharing> sharing;
  bool required = false;
  /// secret: the environment variable; "" is the default name.
  std::optional<std::string> env;
  std::optional<uint32_t> mode;
  std::optional<uint32_t> uid;
  std::optional<uint32_t> gid;
};

struct Device {
  std::string name;
  bool required = false;
};

struct RunInstruction : InstructionBase {
  CommandLine command;
  /// The values of --mount as written; Expand makes `mounts` of them again.
  std::vector<std::string> mount_flags;
  std::vector<Mount> mounts;
  NetworkMode network = NetworkMode::kDefault;
  SecurityMode security = SecurityMode::kSandbox;
  std::vector<Device> devices;
};

struct CmdInstruction : InstructionBase {
  CommandLine command;
};

struct EntrypointInstruction : InstructionBase {
  CommandLine command;
};

struct HealthcheckInstruction : InstructionBase {
  /// {"NONE"}, {"CMD", arg…} or {"CMD-SHELL", text}, as in the image config.
  std::vector<std::string> test;
  /// Zero: the runtime's default.
  std::chrono::nanoseconds interval{0};
  std::chrono::nanoseconds timeout{0};
  std::chrono::nanoseconds start_period{0};
  std::chrono::nanoseconds start_interval{0};
  int32_t retries = 0;
};

struct OnbuildInstruction : InstructionBase {
  /// What the image config keeps: the rest of the line as written, heredoc bodies after it.
  std::string expression;
};

struct WorkdirInstruction : InstructionBase {
  std::string path;
};

struct UserInstruction : InstructionBase {
  std::string user;
};

struct ExposeInstruction : InstructionBase {
  /// Sorted. Expand may make several of one ("$PORTS").
  std::vector<std::string> ports;
};

struct VolumeInstruction : InstructionBase {
  std::vector<std::string> paths;
};

struct StopsignalInstruction : InstructionBase {
  std::string signal;
};

struct ShellInstruction : InstructionBase {
  std::vector<std::string> shell;
};

struct MaintainerInstruction : InstructionBase {
  std::string name;
};

using Instruction = std::variant<AddInstruction, ArgInstruction, CmdInstruction, CopyInstruction, EntrypointInstruction,
                                 EnvInstruction, ExposeInstruction, HealthcheckInstruction, LabelInstruction,
                                 MaintainerInstruction, OnbuildInstruction, RunInstruction, ShellInstruction,
                                 StopsignalInstruction, UserInstruction, VolumeInstruction, WorkdirInstruction>;

/// The part that every instruction has.
const InstructionBase& BaseOf(const Instruction& instruction);

/// One FROM and what follows it. `range`, `original`, `keyword`, `comments` are the FROM's own.
struct Stage : InstructionBase {
  /// Lower case; "" if unnamed.
  std::string name;
  /// The name and the word AS as written (rules StageNameCasing, FromAsCasing).
  std::string name_as_written;
  std::string as_keyword;
  /// Image, stage or named context; not expanded (WordExpander::Word with the meta args).
  std::string base;
  /// The value of --platform, not expanded; "" if not given.
  std::string platform;
  std::vector<Instruction> instructions;
};

/// The parser directives at a Dockerfile's top.
struct Directives {
  char32_t escape = U'\\';
  /// Accepted, not used: there is one frontend.
  std::optional<std::string> syntax;
  /// `skip=…;error=…` up to the first space, not interpreted here.
  std::optional<std::string> check;
  int check_line = 0;
};

struct Dockerfile {
  std::shared_ptr<const SourceText> source;
  Directives directives;
  /// The ARGs before the first FROM.
  std::vector<ArgInstruction> meta_args;
  std::vector<Stage> stages;
  /// Statements with an empty line after a continuation (rule NoEmptyContinuation), by the line they end on.
  std::vector<int> empty_continuation_lines;

  char32_t escape() const { return directives.escape; }
};

}  // namespace slipway::dockerfile
