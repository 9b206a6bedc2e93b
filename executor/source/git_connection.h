// GitConnection: a way to a remote's upload-pack service: HTTP(S), SSH through OpenSSH's client, or the git protocol's
// plain TCP. Internal to this folder.
//
// Connecting reads the list of references; at most one fetch follows. Waiting ends with the context, and with a peer
// that is silent for two minutes. One thread at a time.
#pragma once

#include <memory>
#include <string>

#include "executor/base/context.h"
#include "executor/base/status.h"
#include "executor/http/transport.h"
#include "executor/source/git_url.h"
#include "executor/source/upload_pack.h"

namespace slipway::source {

/// Who we are to a remote.
struct GitCredentials {
  std::string user;
  std::string password;   ///< or a token
  std::string ssh_key;    ///< path of a private key
  std::string ssh_agent;  ///< socket
  bool guessed = false;   ///< the password may be no more than a user's name: tried, and left out if refused
  bool any() const { return !password.empty() || !ssh_key.empty() || !ssh_agent.empty(); }
};

struct SshOptions {
  std::string program = "ssh";
  std::string known_hosts;
  bool accept_new = true;
};

class GitConnection {
 public:
  virtual ~GitConnection() = default;
  const std::shared_ptr<const Advertisement>& server() const { return server_; }
  /// Where a server of static files keeps the repository (no upload-pack there): the address of its folder; else "".
  const std::string& static_url() const { return static_url_; }
  /// For static servers.
  const http::Headers& headers() const { return headers_; }

  /// Sends `request`; `sink` gets the answer.
  virtual Status Fetch(const Context& ctx, const std::string& request, const http::Sink& sink) = 0;

 protected:
  std::shared_ptr<const Advertisement> server_;
  std::string static_url_;
  http::Headers headers_;
};

/// Codes as GitSource::Resolve.
Result<std::unique_ptr<GitConnection>> ConnectHttp(const Context& ctx, http::Transport& transport, const GitUrl& url,
                                                   const GitCredentials& who);
Result<std::unique_ptr<GitConnection>> ConnectSsh(const Context& ctx, const SshOptions& options, const GitUrl& url,
                                                  const GitCredentials& who);
Result<std::unique_ptr<GitConnection>> ConnectGitProtocol(const Context& ctx, const GitUrl& url);

}  // namespace slipway::source
