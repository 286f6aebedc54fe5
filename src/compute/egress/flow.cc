#include "compute/egress/flow.h"

#include <array>
#include <cerrno>

#include <sys/epoll.h>

namespace cumulet::compute::egress {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

Flow::Flow(Reactor& reactor, Keeper& keeper, std::uint64_t id, Fd answering, int door, const sockaddr_in& client)
    : reactor_(reactor),
      keeper_(keeper),
      id_(id),
      side_(*this),
      answering_(std::move(answering)),
      door_(door),
      client_(client),
      last_use_(Clock::now()) {}

Flow::~Flow() {
  reactor_.watch(answering_.get(), 0, side_);
  reactor_.watch(outer_.get(), 0, *this);
}

bool Flow::connect(const Endpoint& to) {
  outer_ = Fd(::socket(to.address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!outer_ || ::connect(outer_.get(), reinterpret_cast<const sockaddr*>(&to.address), to.length) != 0) return false;
  reactor_.watch(outer_.get(), EPOLLIN, *this);
  if (answering_) reactor_.watch(answering_.get(), EPOLLIN, side_);
  return true;
}

/// What cannot be sent is lost, as datagrams may be.
void Flow::send(const char* data, std::size_t size) {
  last_use_ = Clock::now();
  (void)!::send(outer_.get(), data, size, MSG_NOSIGNAL);
}

void Flow::inner_ready() {
  for (int turn = 0; turn < kTurns && !over_; ++turn) {
    const ssize_t got = ::recv(answering_.get(), reactor_.room().data(), reactor_.room().size(), 0);
    if (got < 0) return;
    send(reactor_.room().data(), static_cast<std::size_t>(got));
  }
}

void Flow::ready(std::uint32_t) {
  for (int turn = 0; turn < kTurns && !over_; ++turn) {
    const ssize_t got = ::recv(outer_.get(), reactor_.room().data(), reactor_.room().size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got < 0) {  // Nobody is there.
      over_ = true;
      keeper_.ended(id_);
      return;
    }
    last_use_ = Clock::now();
    answered_ = true;
    const auto size = static_cast<std::size_t>(got);
    if (answering_) {
      (void)!::send(answering_.get(), reactor_.room().data(), size, MSG_NOSIGNAL);
    } else {
      const auto* const to = reinterpret_cast<const sockaddr*>(&client_);
      (void)!::sendto(door_, reactor_.room().data(), size, MSG_NOSIGNAL, to, sizeof client_);
    }
  }
}

}  // namespace cumulet::compute::egress
