#include "compute/egress/relay.h"

#include <array>
#include <cerrno>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

namespace cumulet::compute::egress {

Relay::Relay(Reactor& reactor, Keeper& keeper, std::uint64_t id, Fd inner)
    : reactor_(reactor), keeper_(keeper), id_(id), side_(*this) {
  inner_.socket = std::move(inner);
}

Relay::~Relay() {
  reactor_.watch(inner_.socket.get(), 0, side_);
  reactor_.watch(outer_.socket.get(), 0, *this);
}

bool Relay::connect(const Endpoint& to) {
  outer_.socket = Fd(::socket(to.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!outer_.socket) return false;
  const int on = 1;
  ::setsockopt(outer_.socket.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  for (const End* end : {&inner_, &outer_}) {
    ::setsockopt(end->socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  const auto* const address = reinterpret_cast<const sockaddr*>(&to.address);
  if (::connect(outer_.socket.get(), address, to.length) != 0 && errno != EINPROGRESS) return false;
  reactor_.watch(outer_.socket.get(), EPOLLOUT, *this);
  return true;
}

void Relay::ready(std::uint32_t events) {
  if (over_) return;
  if (connecting_) {
    int problem = 0;
    socklen_t length = sizeof problem;
    ::getsockopt(outer_.socket.get(), SOL_SOCKET, SO_ERROR, &problem, &length);
    if (problem != 0) return reset();
    connecting_ = false;
  } else if ((events & EPOLLERR) != 0) {
    return reset();
  }
  go_on();
}

void Relay::inner_ready(std::uint32_t events) {
  if (over_) return;
  if ((events & EPOLLERR) != 0) return reset();
  go_on();
}

/// False when the connection broke.
bool Relay::pump(End& from, End& to) {
  std::array<char, kPiece>& piece = reactor_.room();
  const auto send = [&to](const char* data, std::size_t size) -> ssize_t {
    const ssize_t sent = ::send(to.socket.get(), data, size, MSG_NOSIGNAL);
    return sent < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : sent;
  };
  if (!to.pending.empty()) {
    const ssize_t sent = send(to.pending.data(), to.pending.size());
    if (sent < 0) return false;
    to.pending.erase(0, static_cast<std::size_t>(sent));
  }
  for (int turn = 0; turn < kTurns && to.pending.empty() && !from.read_all; ++turn) {
    const ssize_t got = ::recv(from.socket.get(), piece.data(), piece.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (got < 0) return false;
    if (got == 0) {
      from.read_all = true;
      break;
    }
    const ssize_t sent = send(piece.data(), static_cast<std::size_t>(got));
    if (sent < 0) return false;
    if (sent < got) to.pending.assign(piece.data() + sent, static_cast<std::size_t>(got - sent));
  }
  if (from.read_all && to.pending.empty() && !to.told_end) {
    to.told_end = true;
    ::shutdown(to.socket.get(), SHUT_WR);
  }
  if (to.pending.empty()) to.pending.shrink_to_fit();
  return true;
}

void Relay::go_on() {
  if (!pump(inner_, outer_) || !pump(outer_, inner_)) return reset();
  if (inner_.told_end && outer_.told_end) return finish();
  const auto wanted = [](const End& end, const End& other) {
    std::uint32_t events = 0;
    if (!end.read_all && other.pending.empty()) events |= EPOLLIN;
    if (!end.pending.empty()) events |= EPOLLOUT;
    return events;
  };
  reactor_.watch(inner_.socket.get(), wanted(inner_, outer_), side_);
  reactor_.watch(outer_.socket.get(), wanted(outer_, inner_), *this);
}

/// What broke on one side breaks on the other.
void Relay::reset() {
  const linger at_once{1, 0};
  ::setsockopt(inner_.socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::setsockopt(outer_.socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  finish();
}

void Relay::finish() {
  over_ = true;
  keeper_.ended(id_);
}

}  // namespace cumulet::compute::egress
