#include "cli/ssh_flag.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>

namespace slipway::cli {

namespace {

Result<SshFlag> Parse(std::string_view text) {
  const size_t equals = text.find('=');
  SshFlag flag;
  flag.id = equals == 0 ? "default" : text.substr(0, equals);
  std::string_view rest = equals == std::string_view::npos ? std::string_view() : text.substr(equals + 1);
  if (rest.empty()) {
    const char* socket = std::getenv("SSH_AUTH_SOCK");
    if (socket == nullptr || *socket == '\0') {
      return InvalidArgument("no SSH agent runs (SSH_AUTH_SOCK is not set); start one, or give keys: {}=KEYFILE",
                             flag.id);
    }
    rest = socket;
  }
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    std::string path(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    struct stat st {};
    if (::stat(path.c_str(), &st) != 0) return ErrnoStatus(errno, fmt::format("'{}'", path));
    if (S_ISDIR(st.st_mode)) return InvalidArgument("'{}' is a folder; give a key's file or an agent's socket", path);
    if (!S_ISSOCK(st.st_mode)) {
      flag.keys.push_back(std::move(path));
    } else if (!flag.socket.empty()) {
      return InvalidArgument("'{}' and '{}' are two agents; give each an id of its own", flag.socket, path);
    } else {
      flag.socket = std::move(path);
    }
  }
  if (!flag.keys.empty() && !flag.socket.empty()) {
    return InvalidArgument("'{}' is an agent and '{}' a key; give each an id of its own", flag.socket,
                           flag.keys.front());
  }
  return flag;
}

}  // namespace

Result<SshFlag> ParseSshFlag(std::string_view text) { return Parse(text).With(fmt::format("--ssh '{}'", text)); }

}  // namespace slipway::cli
