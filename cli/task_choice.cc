#include "cli/task_choice.h"

#include <sys/stat.h>

#include "cli/standard_input.h"
#include "executor/base/fs.h"
#include "executor/base/utf8.h"

namespace slipway::cli {

namespace {

constexpr std::string_view kDefaultName = "acb.yaml";
constexpr uint64_t kMaxBytes = 1U << 20;

bool IsFile(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 && S_ISREG(st.st_mode);
}

Result<TaskChoice> SentAlong(const std::string& path) {
  TaskChoice choice;
  choice.name = fs::BaseName(path);
  SLIPWAY_ASSIGN_OR_RETURN(const std::string text, fs::ReadFile(path, kMaxBytes).With("read the task file"));
  choice.content = WithVersion(utf8::Repair(text));
  return choice;
}

}  // namespace

Result<TaskChoice> ChooseTask(const SourceLocation& source, const std::string& file, int stdin_fd) {
  TaskChoice choice;
  if (file == "-") {
    choice.name = "stdin";
    SLIPWAY_ASSIGN_OR_RETURN(const std::string text, ReadStandardInput(stdin_fd, kMaxBytes, "the task file"));
    choice.content = WithVersion(utf8::Repair(text));
    return choice;
  }
  choice.name = file.empty() ? std::string(kDefaultName) : file;
  if (source.kind == SourceKind::kRemote) {
    if (choice.name.starts_with('/')) return SentAlong(choice.name);
    return choice;
  }
  if (source.kind == SourceKind::kFolder && !choice.name.starts_with('/')) {
    const std::string path = fs::Clean(choice.name);
    const std::string inside = fs::Join(source.text, path);
    if (!path.starts_with("..") && IsFile(inside)) {
      choice.name = path;
      choice.host_path = inside;
      return choice;
    }
  }
  if (IsFile(choice.name)) return SentAlong(choice.name);
  if (source.kind == SourceKind::kFolder) {
    return NotFound("the task file '{}' is neither in '{}' nor in the current folder; name another with -f",
                    choice.name, source.text);
  }
  return NotFound("the task file '{}' is not there; name another with -f", choice.name);
}

std::string TaskOfCommand(const std::string& command, int timeout) {
  // A double-quoted text of YAML may hold anything.
  std::string quoted;
  for (const char c : command) {
    if (c == '\n') {
      quoted += "\\n";
    } else if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else {
      quoted += c;
    }
  }
  std::string text =
      fmt::format("version: v1.1.0\nsteps:\n  - cmd: \"{}\"\n    disableWorkingDirectoryOverride: true\n", quoted);
  if (timeout > 0) text += fmt::format("    timeout: {}\n", timeout);
  return text;
}

std::string WithVersion(std::string text) {
  size_t at = 0;
  while (at < text.size()) {
    std::string_view line = std::string_view(text).substr(at, text.find('\n', at) - at);
    while (line.starts_with('"') || line.starts_with('\'')) line.remove_prefix(1);
    // More documents than one: what is put behind would be of the last.
    if (line.starts_with("version") || line.starts_with("---") || line.starts_with("...")) return text;
    at = std::min(text.find('\n', at), text.size() - 1) + 1;
  }
  // Behind it, so that the lines keep their numbers.
  if (!text.empty() && text.back() != '\n') text += '\n';
  return text + "version: v1.1.0\n";
}

}  // namespace slipway::cli
