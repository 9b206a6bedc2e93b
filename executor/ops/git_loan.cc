#include "executor/ops/git_loan.h"

#include "executor/source/git_url.h"

namespace slipway::ops {

namespace {

constexpr std::string_view kAgent = "default";
constexpr std::string_view kToken = "GIT_AUTH_TOKEN";

// Names of secrets as other builders have them, so that one command line serves both.
std::string TokenFor(const graph::Lent& lent, const source::GitUrl& url) {
  for (const std::string& id : {fmt::format("{}.{}", kToken, url.host), std::string(kToken)}) {
    const auto it = lent.secrets.find(id);
    if (it == lent.secrets.end()) continue;
    std::string token = it->second;
    while (token.ends_with('\n') || token.ends_with('\r')) token.pop_back();
    return token;
  }
  return "";
}

}  // namespace

Result<GitLoan> LendToGit(const Context& ctx, const std::string& folder, const graph::LentPtr& lent,
                          source::GitContext* git) {
  GitLoan loan;
  if (lent == nullptr) return loan;
  const Result<source::GitUrl> url = source::GitUrl::Parse(git->url);
  if (!url.ok()) return loan;  // told by who fetches it
  if (url->scheme == source::GitUrl::Scheme::kHttps && git->token.empty() && url->user.empty()) {
    git->token = TokenFor(*lent, *url);
  }
  const bool wants_agent =
      url->scheme == source::GitUrl::Scheme::kSsh && git->ssh_key.empty() && git->ssh_agent.empty();
  if (!wants_agent || !lent->ssh.contains(std::string(kAgent))) return loan;
  SLIPWAY_RETURN_IF_ERROR(ProbeAgent(ctx, *lent->agents, std::string(kAgent)));
  SLIPWAY_ASSIGN_OR_RETURN(loan.folder, fs::TempDir::Make(folder, "git-"));
  git->ssh_agent = fs::Join(loan.folder.path(), "agent");
  SLIPWAY_ASSIGN_OR_RETURN(loan.socket,
                           AgentSocket::Listen(ctx, git->ssh_agent, {.id = std::string(kAgent)}, lent->agents));
  return loan;
}

}  // namespace slipway::ops
