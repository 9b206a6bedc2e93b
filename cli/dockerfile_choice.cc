#include "cli/dockerfile_choice.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>
#include <span>
#include <utility>

#include "executor/base/fs.h"
#include "executor/base/pattern_matcher.h"
#include "executor/base/utf8.h"

namespace slipway::cli {

namespace {

constexpr std::string_view kDefaultName = "Dockerfile";
constexpr std::string_view kLowerName = "dockerfile";
constexpr uint64_t kMaxIgnoreBytes = 4U << 20;

bool IsFile(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 && !S_ISDIR(st.st_mode);
}

bool IsLink(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) == 0 && S_ISLNK(st.st_mode);
}

// Empty if it cannot be resolved.
std::string RealPath(const std::string& path) {
  struct Free {
    void operator()(char* p) const { std::free(p); }
  };
  const std::unique_ptr<char, Free> real(::realpath(path.c_str(), nullptr));
  return real == nullptr ? "" : real.get();
}

bool LooksLikeArchive(std::string_view bytes) {
  constexpr std::array<std::string_view, 4> kMagics = {"\x1f\x8b", "BZh",
                                                       "\xfd"
                                                       "7zXZ",
                                                       "\x28\xb5\x2f\xfd"};
  for (const std::string_view magic : kMagics) {
    if (bytes.starts_with(magic)) return true;
  }
  constexpr size_t kTarMagicAt = 257;
  return bytes.size() > kTarMagicAt && bytes.substr(kTarMagicAt).starts_with("ustar");
}

Result<std::string> ReadStdin(int fd) {
  std::string text(kMaxDockerfileBytes + 1, '\0');
  auto got = fs::ReadFull(fd, std::span(text.data(), text.size()));
  if (!got.ok()) return std::move(got).status().With("read the Dockerfile from standard input");
  text.resize(*got);
  if (LooksLikeArchive(text)) {
    return Unimplemented(
        "standard input holds an archive, and only a Dockerfile is taken from there; unpack it and give the folder, or "
        "give the archive's URL");
  }
  if (text.size() > kMaxDockerfileBytes) {
    return ResourceExhausted("the Dockerfile on standard input is larger than {} bytes", kMaxDockerfileBytes);
  }
  if (text.empty()) return InvalidArgument("standard input holds no Dockerfile; it is empty");
  return utf8::Repair(text);
}

// The file, or where it is called "Dockerfile" and not there, the one in lower case; "" if there is neither.
std::string Existing(const std::string& path) {
  if (IsFile(path)) return path;
  if (fs::BaseName(path) != kDefaultName) return "";
  std::string lower = path.substr(0, path.size() - kDefaultName.size()) + std::string(kLowerName);
  return IsFile(lower) ? lower : "";
}

Result<std::string> FindInFolder(const std::string& context, const std::string& flag) {
  if (flag.empty()) {
    if (std::string path = Existing(fs::Join(context, kDefaultName)); !path.empty()) return path;
    return NotFound("failed to read Dockerfile: '{}' is not there; name another with -f",
                    fs::Join(context, kDefaultName));
  }
  if (std::string path = Existing(flag); !path.empty()) return path;
  if (flag.starts_with('/')) return NotFound("failed to read Dockerfile: '{}' is not there or is a folder", flag);
  if (std::string path = Existing(fs::Join(context, flag)); !path.empty()) return path;
  return NotFound("failed to read Dockerfile: '{}' is neither in the current folder nor in the context '{}'", flag,
                  context);
}

Result<DockerfileChoice> ChooseForFolder(const std::string& context, const std::string& flag) {
  DockerfileChoice choice;
  SLIPWAY_ASSIGN_OR_RETURN(choice.host_path, FindInFolder(context, flag));
  choice.context_path = fs::BaseName(choice.host_path);
  const std::string root = RealPath(context);
  const std::string folder = RealPath(fs::DirName(choice.host_path));
  const bool inside = folder == root || root == "/" || folder.starts_with(root + "/");
  const bool plain_name = utf8::Repair(choice.host_path) == choice.host_path;
  if (inside && plain_name && !IsLink(choice.host_path)) {
    const std::string below = folder == root ? "" : folder.substr(root == "/" ? 1 : root.size() + 1);
    choice.context_path = below.empty() ? choice.context_path : below + "/" + choice.context_path;
    return choice;
  }
  SLIPWAY_RETURN_IF_ERROR(SendApart(&choice));
  return choice;
}

// The daemon looks for the file in what it fetches, unless it is one of this machine.
Result<DockerfileChoice> ChooseForRemote(const std::string& flag) {
  DockerfileChoice choice;
  choice.context_path = flag;
  if (!flag.starts_with('/')) return choice;
  choice.context_path = fs::BaseName(flag);
  if (IsFile(flag)) {
    choice.host_path = flag;
    SLIPWAY_RETURN_IF_ERROR(SendApart(&choice));
  } else {
    choice.note =
        fmt::format("'{}' is not on this machine; looking for '{}' in the context", flag, choice.context_path);
  }
  return choice;
}

Result<DockerfileChoice> ChooseWithoutContext(const std::string& flag) {
  DockerfileChoice choice;
  choice.host_path = flag.empty() ? std::string(kDefaultName) : flag;
  if (!IsFile(choice.host_path)) {
    return NotFound("failed to read Dockerfile: '{}' is not there; name another with -f", choice.host_path);
  }
  choice.context_path = fs::BaseName(choice.host_path);
  SLIPWAY_RETURN_IF_ERROR(SendApart(&choice));
  return choice;
}

}  // namespace

Result<DockerfileChoice> ChooseDockerfile(const SourceLocation& source, const std::string& flag, int stdin_fd) {
  if (source.kind == SourceKind::kStdin && !flag.empty() && flag != "-") {
    return InvalidArgument("-f '{}' and a Dockerfile on standard input ('-') exclude each other", flag);
  }
  if (flag == "-" || source.kind == SourceKind::kStdin) {
    DockerfileChoice choice{.context_path = std::string(kDefaultName), .apart = true};
    SLIPWAY_ASSIGN_OR_RETURN(choice.content, ReadStdin(stdin_fd));
    return choice;
  }
  switch (source.kind) {
    case SourceKind::kFolder: return ChooseForFolder(source.text, flag);
    case SourceKind::kRemote: return ChooseForRemote(flag);
    case SourceKind::kNone:
    case SourceKind::kStdin: break;
  }
  return ChooseWithoutContext(flag);
}

Status SendApart(DockerfileChoice* choice) {
  Result<std::string> text = fs::ReadFile(choice->host_path, kMaxDockerfileBytes);
  if (!text.ok()) return std::move(text).status().With("failed to read Dockerfile");
  if (text->empty()) return InvalidArgument("the Dockerfile '{}' is empty", choice->host_path);
  choice->content = utf8::Repair(*text);
  choice->context_path = utf8::Repair(choice->context_path);
  choice->apart = true;
  return {};
}

namespace {

// The path as a pattern that matches nothing else.
std::string AsPattern(std::string_view path) {
  std::string escaped;
  for (const char c : path) {
    if (std::string_view("*?[]\\").find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

bool HasOwnIgnoreFile(const DockerfileChoice& choice) {
  return !choice.host_path.empty() && IsFile(choice.host_path + ".dockerignore");
}

}  // namespace

Result<std::vector<std::string>> ReadIgnorePatterns(const std::string& context, const DockerfileChoice& choice) {
  std::string path = choice.host_path + ".dockerignore";
  if (!HasOwnIgnoreFile(choice)) path = fs::Join(context, ".dockerignore");
  if (!IsFile(path)) return std::vector<std::string>();
  SLIPWAY_ASSIGN_OR_RETURN(const std::string text, fs::ReadFile(path, kMaxIgnoreBytes));
  Result<std::vector<std::string>> patterns = ParseIgnoreFile(text);
  Status status = patterns.ok() ? CheckIgnoreFile(text) : patterns.status();
  if (!status.ok()) return std::move(status).With(fmt::format("'{}'", path));
  return patterns;
}

void KeepIgnoreFile(const DockerfileChoice& choice, std::vector<std::string>* patterns) {
  if (patterns->empty()) return;
  const bool own = HasOwnIgnoreFile(choice);
  if (own && choice.apart) return;  // it may lie elsewhere
  patterns->push_back("!" + (own ? AsPattern(choice.context_path) : "") + ".dockerignore");
}

std::vector<std::string> PatternsForCheck(const DockerfileChoice& choice) {
  const std::string escaped = AsPattern(choice.context_path);
  std::vector<std::string> patterns = {"**", "!.dockerignore"};
  if (!escaped.empty()) patterns.insert(patterns.end(), {"!" + escaped, "!" + escaped + ".dockerignore"});
  return patterns;
}

}  // namespace slipway::cli
