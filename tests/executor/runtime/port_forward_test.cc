#include "executor/runtime/port_forward.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <thread>

#include "executor/base/fs.h"

namespace slipway::runtime {
namespace {

using ::testing::HasSubstr;

sockaddr_in Address(const char* ip, uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  ::inet_pton(AF_INET, ip, &out.sin_addr);
  return out;
}

uint16_t PortOf(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  return ntohs(address.sin_port);
}

UniqueFd Bound(int type, const char* ip, uint16_t port = 0) {
  UniqueFd fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  const sockaddr_in address = Address(ip, port);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  if (type == SOCK_STREAM) {
    EXPECT_EQ(::listen(fd.get(), 8), 0);
  }
  return fd;
}

UniqueFd Connected(int type, uint16_t port) {
  UniqueFd fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  const sockaddr_in address = Address("127.0.0.1", port);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  return fd;
}

std::string ReadToEnd(int fd) {
  std::string out;
  std::array<char, 4096> bytes;
  ssize_t n = 0;
  while ((n = ::read(fd, bytes.data(), bytes.size())) > 0) out.append(bytes.data(), static_cast<size_t>(n));
  return out;
}

// The container's side is another address of the loopback network.
constexpr const char* kContainer = "127.8.8.8";

TEST(PortForward, BytesGoBothWaysAndSoDoesTheEnd) {
  const UniqueFd server = Bound(SOCK_STREAM, kContainer);
  std::thread echo([&server] {
    const UniqueFd client(::accept(server.get(), nullptr, nullptr));
    // Answers only when the other side has said all, so its end must have come through.
    const std::string said = ReadToEnd(client.get());
    EXPECT_TRUE(fs::WriteAll(client.get(), "got " + std::to_string(said.size())).ok());
  });
  auto forward = PortForward::Open({.container_port = PortOf(server.get())}, kContainer);
  ASSERT_TRUE(forward.ok()) << forward.status().message();
  EXPECT_NE((*forward)->port().host_port, 0);
  const UniqueFd client = Connected(SOCK_STREAM, (*forward)->port().host_port);
  const std::string much(3'000'000, 'x');
  EXPECT_TRUE(fs::WriteAll(client.get(), much).ok());
  EXPECT_EQ(::shutdown(client.get(), SHUT_WR), 0);
  EXPECT_EQ(ReadToEnd(client.get()), "got 3000000");
  echo.join();
}

TEST(PortForward, AConnectionThatNobodyTakesIsClosed) {
  uint16_t nobody = 0;
  {
    const UniqueFd gone = Bound(SOCK_STREAM, kContainer);
    nobody = PortOf(gone.get());
  }
  auto forward = PortForward::Open({.container_port = nobody}, kContainer);
  ASSERT_TRUE(forward.ok());
  const UniqueFd client = Connected(SOCK_STREAM, (*forward)->port().host_port);
  EXPECT_EQ(ReadToEnd(client.get()), "");
}

TEST(PortForward, ItsEndCutsConnections) {
  const UniqueFd server = Bound(SOCK_STREAM, kContainer);
  auto forward = PortForward::Open({.container_port = PortOf(server.get())}, kContainer);
  ASSERT_TRUE(forward.ok());
  const UniqueFd client = Connected(SOCK_STREAM, (*forward)->port().host_port);
  const UniqueFd accepted(::accept(server.get(), nullptr, nullptr));
  forward->reset();
  EXPECT_EQ(ReadToEnd(client.get()), "");
  EXPECT_EQ(ReadToEnd(accepted.get()), "");
}

TEST(PortForward, DatagramsFindBack) {
  const UniqueFd server = Bound(SOCK_DGRAM, kContainer);
  auto forward = PortForward::Open({.container_port = PortOf(server.get()), .udp = true}, kContainer);
  ASSERT_TRUE(forward.ok()) << forward.status().message();
  const UniqueFd one = Connected(SOCK_DGRAM, (*forward)->port().host_port);
  const UniqueFd two = Connected(SOCK_DGRAM, (*forward)->port().host_port);
  ASSERT_EQ(::send(one.get(), "1", 1, 0), 1);
  ASSERT_EQ(::send(two.get(), "2", 1, 0), 1);
  for (int i = 0; i < 2; ++i) {
    std::array<char, 8> bytes{};
    sockaddr_in from{};
    socklen_t size = sizeof(from);
    ASSERT_EQ(::recvfrom(server.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&from), &size), 1);
    bytes[1] = '!';
    ASSERT_EQ(::sendto(server.get(), bytes.data(), 2, 0, reinterpret_cast<sockaddr*>(&from), size), 2);
  }
  std::array<char, 8> answer{};
  ASSERT_EQ(::recv(one.get(), answer.data(), answer.size(), 0), 2);
  EXPECT_EQ(std::string_view(answer.data(), 2), "1!");
  ASSERT_EQ(::recv(two.get(), answer.data(), answer.size(), 0), 2);
  EXPECT_EQ(std::string_view(answer.data(), 2), "2!");
}

TEST(PortForward, APortThatIsTakenIsRefused) {
  const UniqueFd taken = Bound(SOCK_STREAM, "127.0.0.1");
  const auto forward = PortForward::Open({.host_port = PortOf(taken.get()), .container_port = 80}, kContainer);
  EXPECT_EQ(forward.code(), Code::kFailedPrecondition);
  EXPECT_THAT(forward.status().message(), HasSubstr("the port is in use on this host"));
}

TEST(PortForward, AnAddressThatIsNoneIsRefused) {
  EXPECT_EQ(PortForward::Open({.host_address = "::1", .container_port = 80}, kContainer).code(),
            Code::kInvalidArgument);
}

}  // namespace
}  // namespace slipway::runtime
