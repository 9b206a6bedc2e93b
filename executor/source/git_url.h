// GitUrl: the address of a repository with what is wanted of it, in all the forms that people write.
//
//   https://user:token@host/org/x.git#main:folder     github.com/org/x
//   ssh://git@host:22/org/x.git?ref=v1&subdir=folder  git@host:org/x.git#v1
//   git://host/x.git                                  file:///srv/x.git, /srv/x.git
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "executor/base/status.h"

namespace slipway::source {

struct GitUrl {
  enum class Scheme { kHttp, kHttps, kSsh, kGit, kFile };

  Scheme scheme = Scheme::kHttps;
  std::string user;      ///< decoded; "" if none
  std::string password;  ///< decoded; "" if none
  std::string host;      ///< lower case; an IPv6 address with its brackets; "" for kFile
  uint16_t port = 0;     ///< 0: the scheme's own
  std::string path;      ///< as the server is told it; begins with '/' except in the form "host:path"
  std::string ref;       ///< as written; "" for the default branch
  std::string folder;    ///< as written; "" for all
  std::string checksum;  ///< of the query; "" for any
  std::string via;       ///< full name of a reference whose history holds the commit that `ref` names; "" for none
  bool submodules = true;
  bool keep_git_dir = false;

  /// INVALID_ARGUMENT for what is no such address, or could be mistaken for an option or a command by another program.
  static Result<GitUrl> Parse(std::string_view text);

  /// The remote alone, for the wire, for people and for configuration files: no credentials, reference or folder. The
  /// user of SSH is part of it.
  std::string Remote() const;
  /// Equal for addresses of the same repository: Remote() without default ports and trailing slashes.
  std::string Identity() const;
  /// Whether credentials for one of them may be sent to the other.
  bool SameHost(const GitUrl& other) const;
  bool http() const { return scheme == Scheme::kHttp || scheme == Scheme::kHttps; }
};

/// The address of a submodule as .gitmodules writes it: relative ones ("../x.git", "./x") are resolved against the
/// parent's.
Result<GitUrl> ResolveSubmodule(const GitUrl& parent, std::string_view url);

}  // namespace slipway::source
