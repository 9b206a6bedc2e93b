#include "cli/ssh_flag.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>

#include "executor/base/unique_fd.h"
#include "tests/cli/folder.h"

namespace slipway::cli {
namespace {

using ::testing::HasSubstr;

class SshFlagTest : public ::testing::Test {
 protected:
  SshFlagTest() {
    folder_.Write("key", "a key");
    folder_.Write("key2", "a key");
    for (const char* name : {"s", "s2"}) {
      const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      folder_.At(name).copy(address.sun_path, sizeof(address.sun_path) - 1);
      EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    }
  }
  // "id socket=… keys=…" with the folder's name left out, or the error's message.
  std::string Read(const std::string& text) const {
    const auto flag = ParseSshFlag(text);
    if (!flag.ok()) return flag.status().message();
    std::string out = fmt::format("{} socket={} keys={}", flag->id, flag->socket, fmt::join(flag->keys, "+"));
    for (size_t at = 0; (at = out.find(folder_.path() + "/")) != std::string::npos;) {
      out.erase(at, folder_.path().size() + 1);
    }
    return out;
  }
  Folder folder_;
};

TEST_F(SshFlagTest, IsTheAgentOfTheEnvironment) {
  ASSERT_EQ(::setenv("SSH_AUTH_SOCK", folder_.At("s").c_str(), 1), 0);
  EXPECT_EQ(Read("default"), "default socket=s keys=");
  EXPECT_EQ(Read("other="), "other socket=s keys=");
  ASSERT_EQ(::unsetenv("SSH_AUTH_SOCK"), 0);
  EXPECT_THAT(Read("default"), HasSubstr("SSH_AUTH_SOCK is not set"));
}

TEST_F(SshFlagTest, IsASocketOrKeys) {
  EXPECT_EQ(Read("a=" + folder_.At("s")), "a socket=s keys=");
  EXPECT_EQ(Read("a=" + folder_.At("key") + "," + folder_.At("key2")), "a socket= keys=key+key2");
}

TEST_F(SshFlagTest, SaysWhatIsWrong) {
  EXPECT_THAT(Read("a=" + folder_.At("none")), HasSubstr("No such file"));
  EXPECT_THAT(Read("a=" + folder_.path()), HasSubstr("is a folder"));
  EXPECT_THAT(Read("a=" + folder_.At("s") + "," + folder_.At("key")), HasSubstr("is an agent and"));
  EXPECT_THAT(Read("a=" + folder_.At("s") + "," + folder_.At("s2")), HasSubstr("are two agents"));
}

}  // namespace
}  // namespace slipway::cli
