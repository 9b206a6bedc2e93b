// The source of a task and the token that it is fetched with. Free functions without state.
#pragma once

#include <string>
#include <string_view>

namespace slipway::tasks {

/// The same source with `token` as its password: in place of "***" where a password was taken out of it, else where it
/// names none. Without a token the "***" goes, so that nobody is asked with it. What is not fetched over HTTP stays as
/// it is.
std::string SourceWithToken(const std::string& source, std::string_view token);

/// Whether a token for one may be sent to the other: both are git repositories of one host.
bool SameSourceHost(std::string_view a, std::string_view b);

}  // namespace slipway::tasks
