#include "executor/source/ref_choice.h"

#include <array>
#include <set>
#include <vector>

#include "executor/base/near_miss.h"
#include "executor/source/libgit.h"

namespace slipway::source {

namespace {
constexpr std::string_view kHeads = "refs/heads/";
constexpr std::string_view kTags = "refs/tags/";

RefChoice Choose(const RemoteRef& ref) {
  RefChoice choice{.want = ref.oid};
  choice.commit.id = ref.peeled.empty() ? ref.oid : ref.peeled;
  choice.commit.tag_id = ref.peeled.empty() ? "" : ref.oid;
  choice.commit.ref = ref.name;
  if (ref.name.starts_with(kHeads)) choice.commit.branch = ref.name.substr(kHeads.size());
  return choice;
}

Result<std::optional<RefChoice>> ChooseHead(const Advertisement& server) {
  if (const RemoteRef* ref = server.Find(server.head_ref)) return std::optional(Choose(*ref));
  if (!server.head.empty()) {
    // Old servers do not say which branch it is: if there is just one at that commit, or a usual name, it is that.
    for (const std::string_view name : {"refs/heads/main", "refs/heads/master"}) {
      const RemoteRef* ref = server.Find(name);
      if (ref != nullptr && ref->oid == server.head) return std::optional(Choose(*ref));
    }
    RefChoice choice{.want = server.head};
    choice.commit.id = server.head;
    choice.commit.ref = "HEAD";
    return std::optional(std::move(choice));
  }
  if (server.refs.empty()) return NotFound("the repository is empty");
  return NotFound("the repository has no default branch; name a branch after '#'");
}
}  // namespace

Status CheckRef(std::string_view ref) {
  int valid = 0;
  const std::string name = fmt::format("refs/heads/{}", ref);
  if (git_reference_name_is_valid(&valid, name.c_str()) != 0 || valid == 0 ||
      ref.find('\0') != std::string_view::npos) {
    return InvalidArgument("'{}' is no name of a branch, a tag or a commit", RemoteText(ref));
  }
  return {};
}

Result<std::optional<RefChoice>> ChooseRef(const Advertisement& server, std::string_view ref) {
  if (ref.empty() || ref == "HEAD") return ChooseHead(server);
  std::vector<std::string> names;
  if (ref.starts_with("refs/")) names.emplace_back(ref);
  for (const std::string_view prefix : {kHeads, kTags, std::string_view("refs/")})
    names.push_back(fmt::format("{}{}", prefix, ref));
  for (const std::string& name : names) {
    if (const RemoteRef* found = server.Find(name)) return std::optional(Choose(*found));
  }
  return std::optional<RefChoice>();
}

std::optional<RefChoice> ChooseByCommit(const Advertisement& server, std::string_view prefix) {
  std::optional<RefChoice> found;
  for (const RemoteRef& ref : server.refs) {
    const std::string& commit = ref.peeled.empty() ? ref.oid : ref.peeled;
    if (!commit.starts_with(prefix) && !ref.oid.starts_with(prefix)) continue;
    if (found && found->commit.id != commit) return std::nullopt;
    if (found) continue;
    found = Choose(ref);
    // A commit was named: that a branch is there now says nothing of what is built.
    found->commit.ref.clear();
    found->commit.branch.clear();
  }
  return found;
}

Status NoSuchRef(const Advertisement& server, std::string_view remote, std::string_view ref) {
  std::vector<std::string_view> names;
  for (const RemoteRef& known : server.refs) {
    std::string_view name = known.name;
    if (name.starts_with(kHeads)) {
      names.push_back(name.substr(kHeads.size()));
    } else if (name.starts_with(kTags)) {
      names.push_back(name.substr(kTags.size()));
    }
    if (ref.starts_with("refs/")) names.push_back(name);
    // Near misses are a courtesy, not worth a second's work on a giant repository.
    if (names.size() > 50'000) break;
  }
  return NotFound("'{}' has no branch, tag or commit '{}'{}", remote, ref, DidYouMean(ref, names));
}

}  // namespace slipway::source
