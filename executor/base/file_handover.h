// File handover: open files that a process gives to another one of the same machine, each under a number, so that their
// bytes need not go through a socket: by datagrams that carry descriptors (SCM_RIGHTS, unix(7)).
//
// The receiver's socket lies beside one that its senders connect to anyhow, under that one's name, a dot and 16 random
// hex digits, with the same group and mode: whoever may connect to the one may hand over to the other. Where a sender
// does not find it (it sees the other socket through a mount of its own, say), it sends the bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "executor/base/context.h"
#include "executor/base/status.h"
#include "executor/base/unique_fd.h"

namespace slipway {

/// Takes files. Not thread-safe.
class HandoverReceiver {
 public:
  /// Makes a socket beside that at `beside`.
  static Result<HandoverReceiver> Open(const std::string& beside);
  HandoverReceiver(HandoverReceiver&& other) noexcept = default;
  HandoverReceiver& operator=(HandoverReceiver&& other) = delete;
  /// Removes the socket; what nobody has taken is closed.
  ~HandoverReceiver();

  /// The random part of its name.
  std::string_view name() const { return std::string_view(path_).substr(name_at_); }

  /// The file that was handed over as `number`; what came before it is dropped. Never waits: NOT_FOUND if it has not
  /// come. INVALID_ARGUMENT if it is not a regular file, or is on a file system on which reading may hang.
  Result<UniqueFd> Take(uint32_t number);

  /// Removes the sockets that receivers beside this one have left, whose process was killed.
  static void RemoveLeft(const std::string& beside);

 private:
  HandoverReceiver(UniqueFd socket, std::string path, size_t name_at)
      : socket_(std::move(socket)), path_(std::move(path)), name_at_(name_at) {}

  UniqueFd socket_;
  std::string path_;
  size_t name_at_;
};

/// Gives files. Not thread-safe.
class HandoverSender {
 public:
  /// `name` is what the receiver beside `beside` has called itself.
  static Result<HandoverSender> Connect(const std::string& beside, std::string_view name);

  /// Hands over a file that is open for reading. Waits while the receiver has several before it. False if it cannot be
  /// handed over: the file is none that would be taken, or the receiver is gone or takes too long.
  bool Send(const Context& ctx, uint32_t number, int fd);

 private:
  explicit HandoverSender(UniqueFd socket) : socket_(std::move(socket)) {}
  UniqueFd socket_;
};

}  // namespace slipway
