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
#include <cstring>

#include "executor/base/fs.h"

namespace slipway {

namespace {

constexpr size_t kNameLength = 16;
/// What others have handed over before the file that is asked for; more is not looked through.
constexpr int kMostDropped = 1024;
constexpr std::chrono::seconds kPatience{10};

// File systems on which no other process and no other machine has a say in how long reading takes.
bool IsLocal(int fd) {
  constexpr std::array<uint32_t, 8> kLocal = {
      0xEF53,      // ext2, ext3, ext4
      0x58465342,  // XFS
      0x9123683E,  // Btrfs
      0x01021994,  // tmpfs
      0x794C7630,  // overlayfs
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

bool IsName(std::string_view name) {
  return name.size() == kNameLength && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// The number and the file of a datagram, with room for the control message that carries the file.
struct Message {
  std::array<unsigned char, 4> number{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  iovec part{.iov_base = number.data(), .iov_len = number.size()};
  msghdr header{};

  Message() {
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = CMSG_LEN(sizeof(int));  // with its padding there would be room for two
  }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  void Set(uint32_t value, int fd) {
    for (size_t i = 0; i < number.size(); ++i) number[i] = static_cast<unsigned char>(value >> (8 * i));
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
  }
  uint32_t Number() const {
    uint32_t value = 0;
    for (size_t i = 0; i < number.size(); ++i) value |= static_cast<uint32_t>(number[i]) << (8 * i);
    return value;
  }
  UniqueFd TakeFile() {
    const cmsghdr* rights = CMSG_FIRSTHDR(&header);
    if (rights == nullptr || rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS) return UniqueFd();
    if (rights->cmsg_len != CMSG_LEN(sizeof(int))) return UniqueFd();
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(rights), sizeof(fd));
    return UniqueFd(fd);
  }
};

}  // namespace

Result<HandoverReceiver> HandoverReceiver::Open(const std::string& beside) {
  const std::string what = fmt::format("make a socket for open files beside '{}'", beside);
  struct stat st {};
  if (::stat(beside.c_str(), &st) != 0) return ErrnoStatus(errno, what);
  uint64_t random = 0;
  if (::getrandom(&random, sizeof(random), 0) != sizeof(random)) return ErrnoStatus(errno, what);
  std::string path = fmt::format("{}.{:016x}", beside, random);
  SLIPWAY_ASSIGN_OR_RETURN(const sockaddr_un address, AddressOf(path));
  SLIPWAY_ASSIGN_OR_RETURN(UniqueFd fd, NewSocket());
  // The file that bind() makes has the mode that the socket has by then.
  if (::fchmod(fd.get(), st.st_mode & 0600) != 0) return ErrnoStatus(errno, what);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return ErrnoStatus(errno, what);
  }
  HandoverReceiver receiver(std::move(fd), std::move(path), beside.size() + 1);
  if (::lchown(receiver.path_.c_str(), static_cast<uid_t>(-1), st.st_gid) != 0 ||
      ::chmod(receiver.path_.c_str(), st.st_mode & 0777) != 0) {
    return ErrnoStatus(errno, what);
  }
  return receiver;
}

HandoverReceiver::~HandoverReceiver() {
  if (socket_.valid()) ::unlink(path_.c_str());
}

Result<UniqueFd> HandoverReceiver::Take(uint32_t number) {
  for (int dropped = 0; dropped < kMostDropped; ++dropped) {
    Message message;
    ssize_t got = -1;
    do {
      got = ::recvmsg(socket_.get(), &message.header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && errno == EAGAIN) break;
    if (got < 0) return ErrnoStatus(errno, "take an open file");
    UniqueFd file = message.TakeFile();
    if (static_cast<size_t>(got) != message.number.size() || message.Number() != number) continue;
    if (!file.valid()) return InvalidArgument("no file came with its number");
    if (!CanBeTaken(file.get())) {
      return InvalidArgument("it is not a regular file on a file system of this machine's own; send its bytes");
    }
    return file;
  }
  return NotFound("no such file was handed over");
}

void HandoverReceiver::RemoveLeft(const std::string& beside) {
  const std::string prefix = std::string(fs::BaseName(beside)) + ".";
  const std::string folder = fs::DirName(beside);
  const auto names = fs::ListDir(folder);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    if (!name.starts_with(prefix) || !IsName(std::string_view(name).substr(prefix.size()))) continue;
    const std::string path = fs::Join(folder, name);
    struct stat st {};
    if (::lstat(path.c_str(), &st) == 0 && S_ISSOCK(st.st_mode)) ::unlink(path.c_str());
  }
}

Result<HandoverSender> HandoverSender::Connect(const std::string& beside, std::string_view name) {
  if (!IsName(name)) return InvalidArgument("'{}' is not the name of a socket for open files", name);
  const std::string path = fmt::format("{}.{}", beside, name);
  SLIPWAY_ASSIGN_OR_RETURN(const sockaddr_un address, AddressOf(path));
  SLIPWAY_ASSIGN_OR_RETURN(UniqueFd fd, NewSocket());
  // With as little room as there can be only a few files are on their way, so what was sent is what was nearly taken.
  const int least = 1;
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &least, sizeof(least)) != 0 ||
      ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return ErrnoStatus(errno, fmt::format("connect to '{}'", path));
  }
  return HandoverSender(std::move(fd));
}

bool HandoverSender::Send(const Context& ctx, uint32_t number, int fd) {
  if (!CanBeTaken(fd)) return false;
  Message message;
  message.Set(number, fd);
  const auto begun = std::chrono::steady_clock::now();
  while (::sendmsg(socket_.get(), &message.header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    if (errno != EAGAIN && errno != EINTR) return false;
    if (!ctx.Err().ok() || std::chrono::steady_clock::now() - begun > kPatience) return false;
    constexpr int kSliceMs = 100;
    pollfd writable{.fd = socket_.get(), .events = POLLOUT, .revents = 0};
    ::poll(&writable, 1, kSliceMs);
  }
  return true;
}

}  // namespace slipway
