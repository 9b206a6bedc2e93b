#include "cli/interrupts.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

namespace slipway::cli {

Interrupts::Interrupts(std::function<void(int, int)> on_signal) {
  sigset_t wanted;
  sigemptyset(&wanted);
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction action {};
    if (::sigaction(signal, nullptr, &action) == 0 && action.sa_handler != SIG_IGN) sigaddset(&wanted, signal);
  }
  ::pthread_sigmask(SIG_BLOCK, &wanted, &before_);
  signals_ = UniqueFd(::signalfd(-1, &wanted, SFD_CLOEXEC));
  stop_ = UniqueFd(::eventfd(0, EFD_CLOEXEC));
  if (!signals_.valid() || !stop_.valid()) {  // then the signals end the process as they always do
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    return;
  }
  watcher_ = std::thread([this, call = std::move(on_signal)] { Watch(call); });
}

Interrupts::~Interrupts() {
  if (!watcher_.joinable()) return;
  const uint64_t one = 1;
  while (::write(stop_.get(), &one, sizeof(one)) < 0 && errno == EINTR) {
  }
  watcher_.join();
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void Interrupts::Watch(const std::function<void(int, int)>& on_signal) const {
  int count = 0;
  while (true) {
    std::array<pollfd, 2> fds = {pollfd{.fd = signals_.get(), .events = POLLIN},
                                 pollfd{.fd = stop_.get(), .events = POLLIN}};
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return;
    if ((fds[1].revents & POLLIN) != 0) return;
    if ((fds[0].revents & POLLIN) == 0) continue;
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof(info)) == sizeof(info))
      on_signal(static_cast<int>(info.ssi_signo), ++count);
  }
}

}  // namespace slipway::cli
