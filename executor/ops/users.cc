#include "executor/ops/users.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "executor/base/fs.h"

namespace slipway::ops {

namespace {

std::optional<uint32_t> Number(std::string_view text) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  while (true) {
    const size_t end = text.find(separator);
    out.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

/// A line of passwd or group, cut at colons.
using Record = std::vector<std::string_view>;

std::optional<Record> FindRecord(std::string_view file, const std::function<bool(const Record&)>& wanted) {
  for (const std::string_view line : Split(file, '\n')) {
    if (line.empty() || line.starts_with('#')) continue;
    Record record = Split(line, ':');
    if (record.size() >= 4 && wanted(record)) return record;
    if (record.size() == 3 && wanted(record)) return record;
  }
  return std::nullopt;
}

Result<std::string> ReadOrEmpty(const ReadImageFile& read, const std::string& path) {
  auto text = read(path);
  if (!text.ok() && text.code() == Code::kNotFound) return std::string();
  return text;
}

struct PasswdUser {
  std::string name;
  uint32_t uid = 0;
  uint32_t gid = 0;
};

Result<std::optional<PasswdUser>> FindUser(std::string_view user, const ReadImageFile& read) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string passwd, ReadOrEmpty(read, "etc/passwd"));
  const auto record = FindRecord(passwd, [user](const Record& r) { return r[0] == user || r[2] == user; });
  if (!record || record->size() < 4) return std::optional<PasswdUser>();
  return std::optional(
      PasswdUser{std::string((*record)[0]), Number((*record)[2]).value_or(0), Number((*record)[3]).value_or(0)});
}

Result<uint32_t> FindGroup(std::string_view group, const ReadImageFile& read) {
  if (const auto gid = Number(group)) return *gid;
  SLIPWAY_ASSIGN_OR_RETURN(const std::string groups, ReadOrEmpty(read, "etc/group"));
  const auto record = FindRecord(groups, [group](const Record& r) { return r[0] == group; });
  if (!record) return InvalidArgument("unable to find group '{}': the image's /etc/group does not have it", group);
  return Number((*record)[2]).value_or(0);
}

Result<std::vector<uint32_t>> GroupsOf(std::string_view user, const ReadImageFile& read) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string groups, ReadOrEmpty(read, "etc/group"));
  std::vector<uint32_t> out;
  FindRecord(groups, [&](const Record& r) {
    if (r.size() < 4) return false;
    const auto members = Split(r[3], ',');
    if (std::find(members.begin(), members.end(), user) != members.end()) {
      if (const auto gid = Number(r[2])) out.push_back(*gid);
    }
    return false;
  });
  return out;
}

}  // namespace

Result<Ids> ResolveUser(std::string_view spec, const ReadImageFile& read) {
  Ids ids;
  const bool given = !spec.empty();
  if (!given) spec = "0";
  const size_t colon = spec.find(':');
  const std::string_view user = spec.substr(0, colon);
  const std::string_view group = colon == std::string_view::npos ? std::string_view() : spec.substr(colon + 1);
  SLIPWAY_ASSIGN_OR_RETURN(const std::optional<PasswdUser> found, FindUser(user, read));
  if (found) {
    ids.uid = found->uid;
    ids.gid = found->gid;
  } else if (const auto uid = Number(user)) {
    ids.uid = *uid;
  } else if (!user.empty()) {
    return InvalidArgument("unable to find user '{}': the image's /etc/passwd does not have it", user);
  }
  if (!group.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(ids.gid, FindGroup(group, read));
  } else if (found) {
    SLIPWAY_ASSIGN_OR_RETURN(ids.additional_gids, GroupsOf(found->name, read));
  }
  if (given &&
      std::find(ids.additional_gids.begin(), ids.additional_gids.end(), ids.gid) == ids.additional_gids.end()) {
    ids.additional_gids.insert(ids.additional_gids.begin(), ids.gid);
  }
  return ids;
}

Result<Ids> ResolveOwner(std::string_view user, std::string_view group, const ReadImageFile& read) {
  Ids ids;
  if (const auto uid = Number(user)) {
    ids.uid = ids.gid = *uid;
  } else if (!user.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::string passwd, ReadOrEmpty(read, "etc/passwd"));
    const auto record = FindRecord(passwd, [user](const Record& r) { return r[0] == user; });
    if (!record || record->size() < 4) {
      return InvalidArgument("unable to find user '{}': the image's /etc/passwd does not have it", user);
    }
    ids.uid = Number((*record)[2]).value_or(0);
    ids.gid = Number((*record)[3]).value_or(0);
  }
  if (!group.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(ids.gid, FindGroup(group, read));
  }
  return ids;
}

std::string HomeOf(uint32_t uid, const ReadImageFile& read) {
  const auto passwd = read("etc/passwd");
  if (!passwd.ok()) return "/";
  const std::string number = std::to_string(uid);
  const auto record = FindRecord(*passwd, [&number](const Record& r) { return r.size() >= 6 && r[2] == number; });
  return record && !(*record)[5].empty() ? std::string((*record)[5]) : "/";
}

ReadImageFile ImageFilesIn(const std::string& root) {
  return [root](const std::string& path) -> Result<std::string> {
    SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd dir, fs::Open(root, O_RDONLY | O_DIRECTORY));
    const Result<UniqueFd> file = fs::OpenRegularInRoot(dir.get(), path);
    // An image whose passwd is a folder or a device has no users: numbers go on working in it.
    if (file.code() == Code::kFailedPrecondition) return NotFound("{}", file.status().message());
    SLIPWAY_RETURN_IF_ERROR(file.status());
    struct stat st {};
    if (::fstat(file->get(), &st) != 0) return ErrnoStatus(errno, fmt::format("look at '/{}'", path));
    constexpr off_t kLargestPasswd = 8 << 20;
    std::string text(static_cast<size_t>(std::min(st.st_size, kLargestPasswd)), '\0');
    SLIPWAY_ASSIGN_OR_RETURN(const size_t got, fs::ReadFull(file->get(), text));
    text.resize(got);
    return text;
  };
}

}  // namespace slipway::ops
