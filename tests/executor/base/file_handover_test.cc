#include "executor/base/file_handover.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <optional>

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

  std::string SocketPath() const { return fmt::format("{}.{}", main_, receiver_->name()); }
  HandoverSender Sender() const { return *HandoverSender::Connect(main_, receiver_->name()); }
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
  static size_t OpenFiles() { return fs::ListDir("/proc/self/fd")->size(); }

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
  const std::string path = SocketPath(), name(receiver_->name());
  HandoverSender sender = Sender();
  receiver_.reset();
  EXPECT_FALSE(fs::Exists(path));
  EXPECT_FALSE(sender.Send(ctx_, 1, File("late").get()));
  EXPECT_FALSE(HandoverSender::Connect(main_, name).ok());
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
    SendRaw({1, 0, 0, 0}, {fd});
    EXPECT_EQ(receiver_->Take(1).code(), Code::kInvalidArgument);
  }
}

TEST_F(FileHandoverTest, OtherDatagramsLeaveNothingOpen) {
  const UniqueFd file = File("f");
  const size_t before = OpenFiles();
  SendRaw("", {});
  SendRaw("x", {file.get()});
  SendRaw("12345", {file.get()});
  SendRaw({2, 0, 0, 0}, {file.get(), file.get(), file.get()});
  EXPECT_EQ(receiver_->Take(1).code(), Code::kNotFound);
  EXPECT_EQ(OpenFiles(), before);
  SendRaw({1, 0, 0, 0}, {});
  EXPECT_EQ(receiver_->Take(1).code(), Code::kInvalidArgument);
  SendRaw({1, 0, 0, 0}, {file.get(), file.get()});
  EXPECT_EQ(Read(receiver_->Take(1)->get()), "f");
  EXPECT_EQ(OpenFiles(), before);
}

TEST_F(FileHandoverTest, FewAreOnTheirWay) {
  HandoverSender sender = Sender();
  const UniqueFd file = File("f");
  const Context soon = ctx_.WithTimeout(std::chrono::milliseconds(20), "the test");
  uint32_t sent = 0;
  while (sender.Send(soon, sent, file.get())) ASSERT_LT(++sent, 100U);
  ASSERT_GT(sent, 1U);
  EXPECT_TRUE(receiver_->Take(sent - 1).ok());
  EXPECT_TRUE(sender.Send(ctx_, sent, file.get())) << "there is room again";
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
  for (const char* name : {"", "../other", "0123456789ABCDEF", "0123456789abcdef0"}) {
    EXPECT_EQ(HandoverSender::Connect(main_, name).code(), Code::kInvalidArgument) << name;
  }
  EXPECT_EQ(HandoverReceiver::Open(fs::Join(dir_.path(), std::string(200, 'x'))).code(), Code::kNotFound);
}

}  // namespace
}  // namespace slipway
