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
  Listener(IoLoop& loop, std::uint64_t i, int socket, std::shared_ptr<const Handler> h)
      : id(i), socket(loop, socket), handler(std::move(h)) {}
  std::uint64_t id;
  Descriptor socket;
  std::shared_ptr<const Handler> handler;
  bool closed = false;
};

void Shard::add_listener(std::uint64_t id, int socket, std::shared_ptr<const Handler> handler) {
  if (context_->draining) {
    ::close(socket);
    return;
  }
  std::shared_ptr<Listener> listener;
  try {
    listener = std::make_shared<Listener>(loop_, id, socket, std::move(handler));
  } catch (const std::exception& error) {
    ::close(socket);
    log::error("cannot watch a listening socket", {{"reason", error.what()}});
    return;
  }
  listeners_.emplace(id, listener);
  start(accept(listener), [self = shared_from_this()](const Result<void>&) {});
}

void Shard::close_listener(std::uint64_t id) {
  if (const auto found = listeners_.find(id); found != listeners_.end()) {
    found->second->closed = true;
    found->second->socket.cancel();
    listeners_.erase(found);
  }
  for (const auto& connection : connections_)
    if (connection->listener() == id) connection->kill();
}

void Shard::retire() {
  for (const auto& [id, listener] : listeners_) {
    listener->closed = true;
    listener->socket.cancel();
  }
  listeners_.clear();
  for (const auto& connection : connections_) connection->retire();
}

void Shard::kill() {
  for (const auto& connection : connections_) connection->kill();
}

Task<void> Shard::accept(std::shared_ptr<Listener> listener) {
  while (!listener->closed) {
    if (!co_await listener->socket.readable() || listener->closed) break;
    for (int i = 0; i < kAcceptsInARow; ++i) {
      sockaddr_storage address{};
      socklen_t size = sizeof address;
      const int socket =
          ::accept4(listener->socket.fd(), reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (socket >= 0) {
        adopt(socket, *listener, text_of(address));
        continue;
      }
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO || errno == EPERM) continue;
      log::warning("cannot accept a connection", {{"reason", std::strerror(errno)}});
      co_await sleep_for(kPauseAfterFailure);
      break;
    }
  }
  listener->socket.close();
}

void Shard::adopt(int socket, const Listener& listener, std::string remote_address) {
  if (context_->connections.fetch_add(1) >= context_->limits.connections) {
    --context_->connections;
    context_->metrics.connections_over_limit.add();
    ::close(socket);
    return;
  }
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  std::unique_ptr<Connection> connection;
  try {
    connection =
        std::make_unique<Connection>(loop_, socket, std::move(remote_address), listener.id, listener.handler, context_);
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
