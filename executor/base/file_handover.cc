#include "executor/base/file_handover.h"

#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "executor/base/detached_worker.h"
#include "executor/base/fs.h"

namespace slipway {

namespace {

constexpr size_t kNameLength = 16;
constexpr size_t kTokenLength = 16;
constexpr size_t kNumberLength = 4;
/// The kernel's bound. There is room for all, or it would close the others itself, on this thread.
constexpr size_t kMostFiles = 253;
/// What others have handed over before the file that is asked for; more is not looked through.
constexpr int kMostDropped = 64;
/// So much that is not looked at or closed yet, and nothing more is taken.
constexpr size_t kMostWaiting = 64;
constexpr std::chrono::seconds kPatience{10};
constexpr std::chrono::seconds kVettingPatience{2};

// File systems on which no other process and no other machine has a say in how long reading takes. An overlay's lower
// layers may be of any.
bool IsLocal(int fd) {
  constexpr std::array<uint32_t, 7> kLocal = {
      0xEF53,      // ext2, ext3, ext4
      0x58465342,  // XFS
      0x9123683E,  // Btrfs
      0x01021994,  // tmpfs
      0xF2F52010,  // F2FS
      0xCA451A4E,  // bcachefs
      0x2FC12FC1,  // ZFS
  };
  struct statfs info {};
  if (::fstatfs(fd, &info) != 0) return false;
  return std::find(kLocal.begin(), kLocal.end(), static_cast<uint32_t>(info.f_type)) != kLocal.end();
}

bool CanBeTaken(int fd) {
  struct stat st {};
  return ::fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && IsLocal(fd);
}

Result<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return InvalidArgument("'{}' is too long for a socket", path);
  path.copy(address.sun_path, path.size());
  return address;
}

Result<UniqueFd> NewSocket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return ErrnoStatus(errno, "make a socket for open files");
  return fd;
}

bool IsHex(std::string_view text, size_t length) {
  return text.size() == length && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Result<std::string> RandomHex() {
  uint64_t random = 0;
  if (::getrandom(&random, sizeof(random), 0) != sizeof(random)) return ErrnoStatus(errno, "get random bytes");
  return fmt::format("{:016x}", random);
}

// What stands in a datagram: the number, the lowest byte first, and what its sender is known by.
std::string TextOf(uint32_t number, std::string_view token) {
  std::string text;
  for (size_t i = 0; i < kNumberLength; ++i) text += static_cast<char>(number >> (8 * i) & 0xFF);
  return text.append(token);
}

// A datagram with room for the control message that carries the file.
struct Message {
  std::array<char, kNumberLength + kTokenLength> text{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMostFiles * sizeof(int))> control{};
  iovec part{.iov_base = text.data(), .iov_len = text.size()};
  msghdr header{};

  Message() {
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
  }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  void Set(const std::string& what, int fd) {
    what.copy(text.data(), text.size());
    header.msg_controllen = CMSG_SPACE(sizeof(int));
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
  }
  std::vector<UniqueFd> TakeFiles() {
    std::vector<UniqueFd> files;
    const cmsghdr* rights = CMSG_FIRSTHDR(&header);
    if (rights == nullptr || rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS) return files;
    for (size_t at = CMSG_LEN(0); at + sizeof(int) <= rights->cmsg_len; at += sizeof(int)) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(rights) + (at - CMSG_LEN(0)), sizeof(fd));
      files.emplace_back(fd);
    }
    return files;
  }
};

// A file that is looked at on the other thread.
struct Vetting {
  std::mutex mutex;
  std::condition_variable done;
  UniqueFd file;             // guarded by mutex once it is looked at
  std::optional<bool> good;  // guarded by mutex
  bool given_up = false;     // guarded by mutex
};

void CloseElsewhere(std::vector<UniqueFd> files) {
  if (files.empty()) return;
  DetachedWorker::Get().Do([shared = std::make_shared<std::vector<UniqueFd>>(std::move(files))] {});
}

void CloseElsewhere(UniqueFd file) {
  std::vector<UniqueFd> files;
  files.push_back(std::move(file));
  CloseElsewhere(std::move(files));
}

void Vet(Vetting& vetting) {
  const bool good = CanBeTaken(vetting.file.get());
  UniqueFd refused;
  {
    const std::lock_guard lock(vetting.mutex);
    vetting.good = good;
    if (!good || vetting.given_up) refused = std::move(vetting.file);
  }
  vetting.done.notify_all();
}

Result<UniqueFd> TakeIfGood(UniqueFd file) {
  const auto vetting = std::make_shared<Vetting>();
  vetting->file = std::move(file);
  DetachedWorker::Get().Do([vetting] { Vet(*vetting); });
  std::unique_lock lock(vetting->mutex);
  if (!vetting->done.wait_for(lock, kVettingPatience, [&] { return vetting->good.has_value(); })) {
    vetting->given_up = true;
    return Unavailable("the system does not say what kind of file it is");
  }
  if (!*vetting->good) {
    return InvalidArgument("it is not a regular file on a file system of this machine's own; send its bytes");
  }
  return std::move(vetting->file);
}

}  // namespace

Result<HandoverReceiver> HandoverReceiver::Open(const std::string& beside) {
  const std::string what = fmt::format("make a socket for open files beside '{}'", beside);
  if (DetachedWorker::Get().waiting() > kMostWaiting) {
    return Unavailable("{}: too many that were handed over before cannot be closed", what);
  }
  struct stat st {};
  if (::stat(beside.c_str(), &st) != 0) return ErrnoStatus(errno, what);
  SLIPWAY_ASSIGN_OR_RETURN(const std::string name, RandomHex());
  SLIPWAY_ASSIGN_OR_RETURN(const std::string token, RandomHex());
  std::string path = fmt::format("{}.{}", beside, name);
  SLIPWAY_ASSIGN_OR_RETURN(const sockaddr_un address, AddressOf(path));
  SLIPWAY_ASSIGN_OR_RETURN(UniqueFd fd, NewSocket());
  // The file that bind() makes has the mode that the socket has by then.
  if (::fchmod(fd.get(), st.st_mode & 0600) != 0) return ErrnoStatus(errno, what);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return ErrnoStatus(errno, what);
  }
  HandoverReceiver receiver(std::move(fd), std::move(path), name + token);
  if (::lchown(receiver.path_.c_str(), static_cast<uid_t>(-1), st.st_gid) != 0 ||
      ::chmod(receiver.path_.c_str(), st.st_mode & 0777) != 0) {
    return ErrnoStatus(errno, what);
  }
  return receiver;
}

HandoverReceiver::~HandoverReceiver() {
  if (!socket_.valid()) return;
  ::unlink(path_.c_str());
  CloseElsewhere(std::move(socket_));  // with all that nobody has taken
}

Result<UniqueFd> HandoverReceiver::Take(uint32_t number) {
  const std::string wanted = TextOf(number, std::string_view(offer_).substr(kNameLength));
  for (int dropped = 0; dropped < kMostDropped; ++dropped) {
    if (DetachedWorker::Get().waiting() > kMostWaiting) return Unavailable("too much was handed over");
    Message message;
    ssize_t got = -1;
    do {
      got = ::recvmsg(socket_.get(), &message.header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && errno == EAGAIN) break;
    if (got < 0) return ErrnoStatus(errno, "take an open file");
    std::vector<UniqueFd> files = message.TakeFiles();
    UniqueFd file;
    const bool whole = (message.header.msg_flags & MSG_TRUNC) == 0;
    const bool is_wanted = whole && std::string_view(message.text.data(), static_cast<size_t>(got)) == wanted;
    if (is_wanted && !files.empty()) {
      file = std::move(files.front());
      files.erase(files.begin());
    }
    CloseElsewhere(std::move(files));
    if (!is_wanted) continue;
    if (!file.valid()) {
      // The kernel leaves it out where it has no number for it, or where the system's rules forbid it.
      return InvalidArgument("no file came with its number: too many are open, or this process must not have it");
    }
    return TakeIfGood(std::move(file));
  }
  return NotFound("no such file was handed over");
}

void HandoverReceiver::RemoveLeft(const std::string& beside) {
  const std::string prefix = std::string(fs::BaseName(beside)) + ".";
  const std::string folder = fs::DirName(beside);
  const auto names = fs::ListDir(folder);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    if (!name.starts_with(prefix) || !IsHex(std::string_view(name).substr(prefix.size()), kNameLength)) continue;
    const std::string path = fs::Join(folder, name);
    struct stat st {};
    if (::lstat(path.c_str(), &st) == 0 && S_ISSOCK(st.st_mode)) ::unlink(path.c_str());
  }
}

Result<HandoverSender> HandoverSender::Connect(const std::string& beside, std::string_view offer) {
  if (!IsHex(offer, kNameLength + kTokenLength)) return InvalidArgument("'{}' names no socket for open files", offer);
  const std::string path = fmt::format("{}.{}", beside, offer.substr(0, kNameLength));
  SLIPWAY_ASSIGN_OR_RETURN(const sockaddr_un address, AddressOf(path));
  SLIPWAY_ASSIGN_OR_RETURN(UniqueFd fd, NewSocket());
  // With as little room as there can be only a few files are on their way, so what was sent is what was nearly taken.
  const int least = 1;
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &least, sizeof(least)) != 0 ||
      ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return ErrnoStatus(errno, fmt::format("connect to '{}'", path));
  }
  return HandoverSender(std::move(fd), offer.substr(kNameLength));
}

bool HandoverSender::Send(const Context& ctx, uint32_t number, int fd) {
  if (gone_ || !CanBeTaken(fd)) return false;
  Message message;
  message.Set(TextOf(number, token_), fd);
  const auto begun = std::chrono::steady_clock::now();
  while (::sendmsg(socket_.get(), &message.header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    const bool full = errno == EAGAIN || errno == EINTR;
    if (!full || !ctx.Err().ok() || std::chrono::steady_clock::now() - begun > kPatience) {
      gone_ = true;
      return false;
    }
    constexpr int kSliceMs = 100;
    pollfd writable{.fd = socket_.get(), .events = POLLOUT, .revents = 0};
    ::poll(&writable, 1, kSliceMs);
  }
  return true;
}

}  // namespace slipway
