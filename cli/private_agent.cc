#include "cli/private_agent.h"

#include <chrono>
#include <cstdlib>
#include <map>

#include "cli/agent_forwarder.h"

namespace slipway::cli {

namespace {

constexpr uint64_t kMaxKeyBytes = 1U << 20;
constexpr std::chrono::seconds kStartTimeout{10};
constexpr std::chrono::milliseconds kStartPause{10};
constexpr std::chrono::seconds kAddTimeout{20};
constexpr const char* kListKeys = "\x0b";  // SSH_AGENTC_REQUEST_IDENTITIES

Status NeedsOpenSsh(Status status) {
  if (status.code() != Code::kNotFound) return status;
  return NotFound("keys for --ssh are held by OpenSSH's ssh-agent, which is not installed (openssh-client): {}",
                  status.message());
}

// The words that a program wrote last.
std::string LastWords(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  const size_t line = text.rfind('\n');
  return line == std::string::npos ? text : text.substr(line + 1);
}

}  // namespace

Result<std::unique_ptr<PrivateAgent>> PrivateAgent::Start(const Context& ctx, const std::vector<std::string>& keys) {
  std::unique_ptr<PrivateAgent> out(new PrivateAgent());
  SLIPWAY_ASSIGN_OR_RETURN(out->folder_, fs::TempDir::Make("", "slipway-ssh-"));
  out->socket_ = fs::Join(out->folder_.path(), "agent");
  auto agent =
      ChildProcess::Spawn({.argv = {"ssh-agent", "-D", "-a", out->socket_}, .env = {}, .cwd = {}, .extra_fds = {}});
  if (!agent.ok()) return NeedsOpenSsh(std::move(agent).status());
  out->agent_ = *std::move(agent);
  const Context patience = ctx.WithTimeout(kStartTimeout, "the start of ssh-agent");
  // The socket's file is there a moment before anybody listens.
  while (!AskAgent(patience, out->socket_, kListKeys).ok()) SLIPWAY_RETURN_IF_ERROR(patience.Sleep(kStartPause));
  for (const std::string& key : keys) SLIPWAY_RETURN_IF_ERROR(out->AddKey(ctx, key));
  return out;
}

// By standard input, since a file's mode is the user's own affair. Nobody is asked for a passphrase.
Status PrivateAgent::AddKey(const Context& ctx, const std::string& path) const {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string key, fs::ReadFile(path, kMaxKeyBytes));
  const char* search = std::getenv("PATH");
  SpawnOptions options;
  options.argv = {"ssh-add", "-q", "-"};
  options.env = std::map<std::string, std::string>{{"SSH_AUTH_SOCK", socket_},
                                                   {"SSH_ASKPASS", "/bin/false"},
                                                   {"SSH_ASKPASS_REQUIRE", "force"},
                                                   {"PATH", search == nullptr ? "/usr/bin:/bin" : search}};
  const Context patience = ctx.WithTimeout(kAddTimeout, "ssh-add");
  auto added = RunProgram(patience, std::move(options), key);
  if (!added.ok()) return NeedsOpenSsh(std::move(added).status());
  if (added->exit.ok()) return Status();
  return InvalidArgument(
      "'{}' is no private key that can be used ({}); one with a passphrase is to be added to your own "
      "agent, and that forwarded with --ssh default",
      path, LastWords(added->err));
}

}  // namespace slipway::cli
