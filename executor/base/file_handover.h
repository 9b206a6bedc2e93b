// File handover: open files that a process gives to another one of the same machine, each under a number, so that their
// bytes need not go through a socket: by datagrams that carry descriptors (SCM_RIGHTS, unix(7)).
//
// The receiver's socket lies beside one that its senders connect to anyhow, under that one's name, a dot and 16 random
// hex digits, with the same group and mode: whoever may connect to the one may hand over to the other. Its own senders
// are known by 16 more digits, which each of their datagrams carries. Where a sender does not find the socket (it sees
// the other one through a mount of its own, say), it sends the bytes.
//
// What comes may be anything, and looking at it or closing it may take as long as its sender likes: a DetachedWorker
// does that, never the receiver's thread.
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
  /// Makes a socket beside that at `beside`. UNAVAILABLE while too much of what came earlier cannot be closed.
  static Result<HandoverReceiver> Open(const std::string& beside);
  HandoverReceiver(HandoverReceiver&& other) noexcept = default;
  HandoverReceiver& operator=(HandoverReceiver&& other) = delete;
  /// Removes the socket; what nobody has taken is closed.
  ~HandoverReceiver();

  /// What its senders have to know: the random part of its name and the digits that they are known by.
  const std::string& offer() const { return offer_; }

  /// The file that was handed over as `number`; what came before it is dropped. Does not wait for it: NOT_FOUND if it
  /// has not come. INVALID_ARGUMENT if it is not a regular file, or is on a file system on which reading may hang.
  Result<UniqueFd> Take(uint32_t number);

  /// Removes the sockets that receivers beside this one have left, whose process was killed.
  static void RemoveLeft(const std::string& beside);

 private:
  HandoverReceiver(UniqueFd socket, std::string path, std::string offer)
      : socket_(std::move(socket)), path_(std::move(path)), offer_(std::move(offer)) {}

  UniqueFd socket_;
  std::string path_;
  std::string offer_;
};

/// Gives files. Not thread-safe.
class HandoverSender {
 public:
  /// So many files are on their way at least before Send has to wait until one is taken.
  static constexpr size_t kAhead = 4;

  /// `offer` is that of the receiver beside `beside`.
  static Result<HandoverSender> Connect(const std::string& beside, std::string_view offer);

  /// Hands over a file that is open for reading. Waits while the receiver has several before it. False if it cannot be
  /// handed over: the file is none that would be taken, or the receiver is gone or takes too long; then it is not asked
  /// again.
  bool Send(const Context& ctx, uint32_t number, int fd);

 private:
  HandoverSender(UniqueFd socket, std::string_view token) : socket_(std::move(socket)), token_(token) {}
  UniqueFd socket_;
  std::string token_;
  bool gone_ = false;
};

}  // namespace slipway
