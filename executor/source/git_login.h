// Logins of git hosts put into contexts that say nothing of who we are. Free functions without state.
#pragma once

#include <string>

#include "executor/base/context.h"
#include "executor/base/git_logins.h"
#include "executor/source/context_source.h"
#include "executor/source/git_url.h"

namespace slipway::source {

/// Whether it is on this machine, to which secrets may go over plain HTTP.
bool IsLoopback(const GitUrl& url);

/// What logins are kept by: the host, with its port where that is not the scheme's own.
std::string HostKey(const GitUrl& url);

/// Gives a context that is fetched over HTTP the login of its host, if it has neither password nor token and names no
/// other user. `logins` may be null. FAILED_PRECONDITION if the login would be sent over plain HTTP to another machine;
/// else the codes of the look-up.
Status UseLogin(const Context& ctx, GitLogins* logins, GitContext* git);

}  // namespace slipway::source
