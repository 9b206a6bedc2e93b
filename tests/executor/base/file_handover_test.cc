#include "executor/base/file_handover.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <optional>

#include "executor/base/cleanup.h"
#include "executor/base/detached_worker.h"
#include "executor/base/fs.h"

namespace slipway {
namespace {

class FileHandoverTest : public ::testing::Test {
 protected:
  FileHandoverTest() {
    EXPECT_TRUE(fs::WriteFileAtomic(main_, "").ok());
    EXPECT_EQ(::chmod(main_.c_str(), 0640), 0);
    receiver_.emplace(*HandoverReceiver::Open(main_));
  }

  std::string SocketPath() const { return fmt::format("{}.{}", main_, receiver_->offer().substr(0, 16)); }
  // A datagram's text.
  std::string Text(uint8_t number) const {
    return std::string{static_cast<char>(number), 0, 0, 0} + receiver_->offer().substr(16);
  }
  HandoverSender Sender() const { return *HandoverSender::Connect(main_, receiver_->offer()); }
  UniqueFd File(const std::string& content) {
    const std::string path = fs::Join(dir_.path(), fmt::format("file{}", files_++));
    EXPECT_TRUE(fs::WriteFileAtomic(path, content).ok());
    return *fs::Open(path, O_RDONLY);
  }
  static std::string Read(int fd) {
    std::string bytes(100, '\0');
    bytes.resize(fs::ReadFullAt(fd, bytes, 0).ValueOr(0));
    return bytes;
  }
  // What a sender of another make may send.
  void SendRaw(const std::string& bytes, const std::vector<int>& fds) const {
    const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    SocketPath().copy(address.sun_path, sizeof(address.sun_path) - 1);
    std::string data = bytes;
    iovec part{.iov_base = data.data(), .iov_len = data.size()};
    alignas(cmsghdr) std::array<char, 256> control{};
    msghdr header{};
    header.msg_name = &address;
    header.msg_namelen = sizeof(address);
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (!fds.empty()) {
      header.msg_control = control.data();
      header.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
      cmsghdr* rights = CMSG_FIRSTHDR(&header);
      rights->cmsg_level = SOL_SOCKET;
      rights->cmsg_type = SCM_RIGHTS;
      rights->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
      std::memcpy(CMSG_DATA(rights), fds.data(), fds.size() * sizeof(int));
    }
    ASSERT_EQ(::sendmsg(socket.get(), &header, 0), static_cast<ssize_t>(data.size()));
  }
  static size_t OpenFiles() {
    DetachedWorker::Get().Await();
    return fs::ListDir("/proc/self/fd")->size();
  }

  const Context ctx_ = Context::Background();
  fs::TempDir dir_ = *fs::TempDir::Make();
  const std::string main_ = fs::Join(dir_.path(), "s.sock");
  std::optional<HandoverReceiver> receiver_;
  int files_ = 0;
};

TEST_F(FileHandoverTest, FilesComeUnderTheirNumbers) {
  HandoverSender sender = Sender();
  ASSERT_TRUE(sender.Send(ctx_, 7, File("seven").get()));
  ASSERT_TRUE(sender.Send(ctx_, 0x01020304, File("large").get()));
  EXPECT_EQ(Read(receiver_->Take(7)->get()), "seven");
  EXPECT_EQ(Read(receiver_->Take(0x01020304)->get()), "large");
  EXPECT_EQ(receiver_->Take(8).code(), Code::kNotFound);
}

TEST_F(FileHandoverTest, WhatComesBeforeIsDropped) {
  HandoverSender sender = Sender();
  const size_t before = OpenFiles();
  for (const uint32_t number : {1, 2, 3}) ASSERT_TRUE(sender.Send(ctx_, number, File(std::to_string(number)).get()));
  EXPECT_EQ(Read(receiver_->Take(3)->get()), "3");
  EXPECT_EQ(receiver_->Take(1).code(), Code::kNotFound);
  EXPECT_EQ(OpenFiles(), before);
}

TEST_F(FileHandoverTest, TheSocketIsForThoseOfTheOtherAndGoesWithTheReceiver) {
  struct stat st {};
  ASSERT_EQ(::stat(SocketPath().c_str(), &st), 0);
  EXPECT_TRUE(S_ISSOCK(st.st_mode));
  EXPECT_EQ(st.st_mode & 0777, 0640U);
  const std::string path = SocketPath(), offer(receiver_->offer());
  HandoverSender sender = Sender();
  receiver_.reset();
  DetachedWorker::Get().Await();
  EXPECT_FALSE(fs::Exists(path));
  EXPECT_FALSE(sender.Send(ctx_, 1, File("late").get()));
  EXPECT_FALSE(HandoverSender::Connect(main_, offer).ok());
}

TEST_F(FileHandoverTest, OnlyRegularFilesOfThisMachineAreHandedOver) {
  HandoverSender sender = Sender();
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  const UniqueFd in(pipe[0]), out(pipe[1]);
  const UniqueFd folder = *fs::Open(dir_.path(), O_RDONLY | O_DIRECTORY);
  const UniqueFd kernel = *fs::Open("/proc/self/status", O_RDONLY);
  for (const int fd : {in.get(), folder.get(), kernel.get()}) {
    EXPECT_FALSE(sender.Send(ctx_, 1, fd));
    SendRaw(Text(1), {fd});
    EXPECT_EQ(receiver_->Take(1).code(), Code::kInvalidArgument);
  }
}

TEST_F(FileHandoverTest, OtherDatagramsLeaveNothingOpen) {
  const UniqueFd file = File("f");
  const size_t before = OpenFiles();
  SendRaw("", {});
  SendRaw("x", {file.get()});
  SendRaw(Text(1) + "x", {file.get()});
  SendRaw({1, 0, 0, 0}, {file.get()});
  SendRaw(Text(2), {file.get(), file.get(), file.get()});
  EXPECT_EQ(receiver_->Take(1).code(), Code::kNotFound);
  EXPECT_EQ(OpenFiles(), before);
  SendRaw(Text(1), {});
  EXPECT_EQ(receiver_->Take(1).code(), Code::kInvalidArgument);
  SendRaw(Text(1), {file.get(), file.get()});
  EXPECT_EQ(Read(receiver_->Take(1)->get()), "f");
  EXPECT_EQ(OpenFiles(), before);
}

TEST_F(FileHandoverTest, WhoeverOnlySeesTheSocketHandsNothingOver) {
  const std::string guess = receiver_->offer().substr(0, 16) + "0123456789abcdef";
  ASSERT_TRUE(HandoverSender::Connect(main_, guess)->Send(ctx_, 1, File("theirs").get()));
  ASSERT_TRUE(Sender().Send(ctx_, 1, File("ours").get()));
  EXPECT_EQ(Read(receiver_->Take(1)->get()), "ours");
}

// A TCP connection whose other end does not read what was sent: to close it lasts until that end is gone.
class SlowToClose {
 public:
  SlowToClose() {
    const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener.get(), 1), 0);
    EXPECT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    fd = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    other_end = UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const std::string bytes(1U << 20, 'x');
    while (::send(fd.get(), bytes.data(), bytes.size(), MSG_DONTWAIT) > 0) {
    }
    const linger hours{.l_onoff = 1, .l_linger = 30'000};
    EXPECT_EQ(::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &hours, sizeof(hours)), 0);
  }
  UniqueFd fd;
  UniqueFd other_end;
};

TEST_F(FileHandoverTest, WhatDoesNotEndWhenItIsClosedHoldsNobodyUp) {
  SlowToClose before, together, left;
  const Cleanup end_all([&] {
    for (SlowToClose* each : {&before, &together, &left}) each->other_end.Reset();
    DetachedWorker::Get().Await();
  });
  SendRaw(Text(1), {before.fd.get()});
  SendRaw(Text(2), {File("f").get(), together.fd.get()});
  SendRaw(Text(3), {left.fd.get()});
  for (SlowToClose* each : {&before, &together, &left}) each->fd.Reset();
  EXPECT_EQ(receiver_->Take(2).code(), Code::kUnavailable) << "nothing is looked at before the others are closed";
  receiver_.reset();
  EXPECT_GT(DetachedWorker::Get().waiting(), 0U) << "none of it has ended";
}

TEST_F(FileHandoverTest, FewAreOnTheirWay) {
  HandoverSender sender = Sender();
  const UniqueFd file = File("f");
  const Context soon = ctx_.WithTimeout(std::chrono::milliseconds(20), "the test");
  uint32_t sent = 0;
  while (sender.Send(soon, sent, file.get())) ASSERT_LT(++sent, 100U);
  EXPECT_GE(sent, HandoverSender::kAhead);
  EXPECT_TRUE(receiver_->Take(sent - 1).ok());
  EXPECT_FALSE(sender.Send(ctx_, sent, file.get())) << "whoever waited in vain does not wait again";
  EXPECT_TRUE(Sender().Send(ctx_, sent, file.get())) << "there is room again";
}

TEST_F(FileHandoverTest, WhatKilledReceiversHaveLeftIsRemoved) {
  const std::string socket = SocketPath();
  const std::string file = main_ + ".0123456789abcdef", other = main_ + ".1";
  ASSERT_TRUE(fs::WriteFileAtomic(file, "no socket").ok());
  ASSERT_TRUE(fs::WriteFileAtomic(other, "mine").ok());
  HandoverReceiver::RemoveLeft(main_);
  EXPECT_FALSE(fs::Exists(socket));
  EXPECT_TRUE(fs::Exists(file));
  EXPECT_TRUE(fs::Exists(other));
  EXPECT_TRUE(fs::Exists(main_));
}

TEST_F(FileHandoverTest, NamesLeadNowhereElse) {
  for (const char* offer : {"", "0123456789abcdef", "../../0123456789abcdef0123456789",
                            "0123456789ABCDEF0123456789abcdef", "0123456789abcdef0123456789abcdef0"}) {
    EXPECT_EQ(HandoverSender::Connect(main_, offer).code(), Code::kInvalidArgument) << offer;
  }
  EXPECT_EQ(HandoverReceiver::Open(fs::Join(dir_.path(), std::string(200, 'x'))).code(), Code::kNotFound);
}

}  // namespace
}  // namespace slipway
