#include "net/shard.h"

#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

namespace cumulet::net {
namespace {

constexpr int kAcceptsInARow = 32;
constexpr milliseconds kTick{500};
constexpr milliseconds kPauseAfterFailure{100};  // out of descriptors, mostly

std::string text_of(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text, sizeof text);
  } else if (address.ss_family == AF_INET6) {
    const in6_addr& v6 = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&v6)) {
      ::inet_ntop(AF_INET, v6.s6_addr + 12, text, sizeof text);
    } else {
      ::inet_ntop(AF_INET6, &v6, text, sizeof text);
    }
  }
  return text;
}

}  // namespace

struct Shard::Listener {
  Listener(IoLoop& loop, int s, Origin o) : origin(std::move(o)), socket(loop, s) {}
  const Origin origin;
  Descriptor socket;
  bool closed = false;
};

void Shard::add_listener(int socket, Origin origin) {
  if (killed_ || (origin.front && context_->draining)) {
    ::close(socket);
    return;
  }
  std::shared_ptr<Listener> listener;
  try {
    listener = std::make_shared<Listener>(loop_, socket, std::move(origin));
  } catch (const std::exception& error) {
    ::close(socket);
    log::error("cannot watch a listening socket", {{"reason", error.what()}});
    return;
  }
  listeners_.emplace(listener->origin.listener, listener);
  start(accept(listener), [self = shared_from_this()](const Result<void>&) {});
}

void Shard::close_listeners(const std::function<bool(const Origin&)>& which) {
  std::erase_if(listeners_, [&which](const auto& entry) {
    Listener& listener = *entry.second;
    if (!which(listener.origin)) return false;
    listener.closed = true;
    listener.socket.cancel();
    return true;
  });
}

void Shard::close_listener(std::uint64_t id) {
  close_listeners([id](const Origin& origin) { return origin.listener == id; });
  for (const auto& connection : connections_)
    if (connection->origin().listener == id) connection->kill();
}

void Shard::retire() {
  // Who has connected already is not reset: it is accepted, and served if its request is there.
  for (const auto& [id, listener] : listeners_)
    while (listener->origin.front && accept_some(*listener) == Accepted::kSome) {
    }
  close_listeners([](const Origin& origin) { return origin.front; });
  for (const auto& connection : connections_)
    if (connection->origin().front) connection->retire();
}

void Shard::kill_front() {
  for (const auto& connection : connections_)
    if (connection->origin().front) connection->kill();
}

void Shard::kill() {
  killed_ = true;
  close_listeners([](const Origin&) { return true; });
  for (const auto& connection : connections_) connection->kill();
}

Shard::Accepted Shard::accept_some(Listener& listener) {
  for (int i = 0; i < kAcceptsInARow; ++i) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    const int socket =
        ::accept4(listener.socket.fd(), reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket >= 0) {
      adopt(socket, listener.origin, text_of(address));
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Accepted::kAll;
    if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO || errno == EPERM) continue;
    log::warning("cannot accept a connection", {{"reason", std::strerror(errno)}});
    return Accepted::kFailed;
  }
  return Accepted::kSome;
}

Task<void> Shard::accept(std::shared_ptr<Listener> listener) {
  while (!listener->closed) {
    if (!co_await listener->socket.readable() || listener->closed) break;
    if (accept_some(*listener) == Accepted::kFailed) co_await sleep_for(kPauseAfterFailure);
  }
  listener->socket.close();
}

void Shard::adopt(int socket, const Origin& origin, std::string remote_address) {
  const Limits& limits = context_->limits;
  const std::size_t total = origin.front ? limits.connections : limits.connections / 4 * 3;
  const bool own_limit = origin.open && *origin.open >= limits.of_one_sandbox;
  if (context_->connections.fetch_add(1) >= total || own_limit) {
    --context_->connections;
    context_->metrics.connections_over_limit.add();
    ::close(socket);
    return;
  }
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  std::unique_ptr<Connection> connection;
  try {
    connection = std::make_unique<Connection>(loop_, socket, std::move(remote_address), origin, context_);
  } catch (const std::exception& error) {
    --context_->connections;
    ::close(socket);
    log::error("cannot watch a connection", {{"reason", error.what()}});
    return;
  }
  connections_.push_front(std::move(connection));
  if (!ticking_) tick();
  start(connections_.front()->run(), [self = shared_from_this(), at = connections_.begin()](const Result<void>&) {
    self->connections_.erase(at);
    const std::lock_guard lock(self->context_->mutex);
    --self->context_->connections;
    self->context_->connection_ended.notify_all();
  });
}

/// Deadlines of connections are seconds, so one timer looks after all of them, and none runs while there are none.
void Shard::tick() {
  ticking_ = !connections_.empty();
  if (!ticking_) return;
  const SteadyTime now = coarse_now();
  for (const auto& connection : connections_) connection->tick(now);
  loop_.at(std::chrono::steady_clock::now() + kTick, [self = shared_from_this()] { self->tick(); });
}

}  // namespace cumulet::net
