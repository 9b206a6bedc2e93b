// libgit2's handles as owners, and its process-wide settings. Internal to this folder.
#pragma once

#include <git2.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "executor/base/status.h"

namespace slipway::source {

template <typename T, void (*Free)(T*)>
struct GitFree {
  void operator()(T* handle) const { Free(handle); }
};
template <typename T, void (*Free)(T*)>
using GitOwner = std::unique_ptr<T, GitFree<T, Free>>;

using RepositoryPtr = GitOwner<git_repository, git_repository_free>;
using OdbPtr = GitOwner<git_odb, git_odb_free>;
using OdbObjectPtr = GitOwner<git_odb_object, git_odb_object_free>;
using RemotePtr = GitOwner<git_remote, git_remote_free>;
using ReferencePtr = GitOwner<git_reference, git_reference_free>;
using ObjectPtr = GitOwner<git_object, git_object_free>;
using CommitPtr = GitOwner<git_commit, git_commit_free>;
using TreePtr = GitOwner<git_tree, git_tree_free>;
using IndexPtr = GitOwner<git_index, git_index_free>;
using PackBuilderPtr = GitOwner<git_packbuilder, git_packbuilder_free>;

/// Takes what a libgit2 function returns through a pointer: OwnerOf(git_odb_open, &odb) is not needed, write
/// `git_odb* raw; … odb.reset(raw)`; this shortens it: `Out(odb)` is a `git_odb**`.
template <typename Owner>
class Out {
 public:
  explicit Out(Owner& owner) : owner_(owner) {}
  ~Out() { owner_.reset(raw_); }
  Out(const Out&) = delete;
  Out& operator=(const Out&) = delete;
  operator typename Owner::pointer *() { return &raw_; }  // NOLINT: meant to be implicit

 private:
  Owner& owner_;
  typename Owner::pointer raw_ = nullptr;
};

/// Starts libgit2 once for the process and makes it ignore the machine's and the user's git configuration.
void StartLibgit();

/// What the last failed call of this thread says, as a status: NOT_FOUND for GIT_ENOTFOUND, else `fallback`.
Status LibgitError(int error, std::string_view what, Code fallback = Code::kInternal);

/// 40 hex digits.
std::string OidHex(const git_oid& oid);
/// The 20 bytes.
std::string OidBytes(const git_oid& oid);
/// Whether `text` has only hex digits and `least` to 40 of them.
bool IsHex(std::string_view text, size_t least);

}  // namespace slipway::source
