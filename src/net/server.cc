#include "net/server.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/connection.h"
#include "net/io_loop.h"
#include "net/listen.h"
#include "net/shard.h"
#include "net/tls.h"

namespace cumulet::net {

namespace {

/// Every connection is a descriptor, and the usual soft limit of 1,024 is made for programs that use select().
void raise_descriptor_limit() {
  constexpr rlim_t kDescriptors = 65'536;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kDescriptors) return;
  limit.rlim_cur = std::min(limit.rlim_max, kDescriptors);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

struct Loops::Impl {
  struct Member {
    IoLoop loop;
    std::thread thread;
    std::atomic<bool> ended{false};  ///< Its thread will run no more work.
  };
  std::vector<std::unique_ptr<Member>> members;
  bool running = false;
};

Loops::Loops(std::size_t count) : impl_(std::make_unique<Impl>()) {
  raise_descriptor_limit();
  // A peer that goes away is an error of the write, not a signal. Somebody's own handler stays.
  struct sigaction action {};
  if (::sigaction(SIGPIPE, nullptr, &action) == 0 && action.sa_handler == SIG_DFL) ::signal(SIGPIPE, SIG_IGN);
  for (std::size_t i = 0; i < count; ++i) impl_->members.push_back(std::make_unique<Impl::Member>());
}

Loops::~Loops() { stop(); }

std::size_t Loops::size() const { return impl_->members.size(); }

Loop& Loops::at(std::size_t index) { return impl_->members.at(index)->loop; }

void Loops::run() {
  if (std::exchange(impl_->running, true)) return;
  for (std::size_t i = 0; i < size(); ++i) {
    Impl::Member& member = *impl_->members[i];
    member.thread = std::thread([&member] {
      member.loop.run();
      member.ended = true;
    });
    ::pthread_setname_np(member.thread.native_handle(), ("loop-" + std::to_string(i)).c_str());
  }
}

void Loops::stop() {
  for (const auto& member : impl_->members) member->loop.stop();
  for (const auto& member : impl_->members)
    if (member->thread.joinable()) member->thread.join();
}

struct Server::Impl {
  Impl(Loops& l, Handler h, Limits limits, std::shared_ptr<TlsIdentity> identity)
      : loops(l),
        handler(std::make_shared<const Handler>(std::move(h))),
        context(std::make_shared<ServerContext>(limits)) {
    if (identity != nullptr) context->tls = make_tls_contexts(std::move(identity));
    for (const auto& member : loops.impl_->members) shards.push_back(std::make_shared<Shard>(member->loop, context));
  }

  void add_listener(std::size_t index, int socket, Origin origin) {
    shards[index]->loop().post(
        [shard = shards[index], socket, origin = std::move(origin)] { shard->add_listener(socket, origin); });
  }

  void on_every_shard(void (Shard::*action)());

  Loops& loops;
  std::shared_ptr<const Handler> handler;
  std::shared_ptr<ServerContext> context;
  std::vector<std::shared_ptr<Shard>> shards;
  std::atomic<std::uint64_t> last_listener{0};
};

/// Does it on every loop's thread and waits. A loop whose thread runs no more has it done on this one.
void Server::Impl::on_every_shard(void (Shard::*action)()) {
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const Loops::Impl::Member& member = *loops.impl_->members[i];
    struct Turn {
      std::mutex mutex;
      std::condition_variable changed;
      bool done = false;
    };
    const auto turn = std::make_shared<Turn>();
    const auto act = [turn, shard = shards[i], action] {
      const std::lock_guard lock(turn->mutex);
      if (!std::exchange(turn->done, true)) (*shard.*action)();
      turn->changed.notify_all();
    };
    if (loops.impl_->running) {
      shards[i]->loop().post(act);
      std::unique_lock lock(turn->mutex);
      while (!turn->done && !member.ended) turn->changed.wait_for(lock, milliseconds(20));
    }
    act();
  }
}

Server::Server(Loops& loops, Handler handler, Limits limits, std::shared_ptr<TlsIdentity> identity)
    : impl_(std::make_shared<Impl>(loops, std::move(handler), limits, std::move(identity))) {}

Server::~Server() {
  ServerContext& context = *impl_->context;
  drain(std::chrono::steady_clock::now());
  impl_->on_every_shard(&Shard::kill);
  // What is left now are handlers at work; they end when they end, and hold what they need.
  std::unique_lock lock(context.mutex);
  context.connection_ended.wait_for(lock, milliseconds(100), [&context] { return context.connections == 0; });
}

Result<std::uint16_t> Server::listen(const std::string& host, std::uint16_t port) {
  Result<ListeningSockets> sockets = listen_on(host, port, impl_->shards.size());
  if (!sockets.ok()) return std::move(sockets).error();
  for (const std::vector<int>& copies : sockets->sockets) {
    Origin origin;
    origin.listener = ++impl_->last_listener;
    origin.handler = impl_->handler;
    for (std::size_t i = 0; i < copies.size(); ++i) impl_->add_listener(i, copies[i], origin);
  }
  return sockets->port;
}

std::uint64_t Server::serve(int listening_fd, std::size_t loop_index, Handler handler) {
  ::fcntl(listening_fd, F_SETFL, ::fcntl(listening_fd, F_GETFL) | O_NONBLOCK);
  ::fcntl(listening_fd, F_SETFD, FD_CLOEXEC);
  Origin origin;
  origin.listener = ++impl_->last_listener;
  origin.handler = std::make_shared<const Handler>(std::move(handler));
  origin.front = false;
  origin.open = std::make_shared<std::size_t>(0);
  impl_->add_listener(loop_index, listening_fd, origin);
  return origin.listener;
}

void Server::close_listener(std::uint64_t listener) {
  for (const auto& shard : impl_->shards) shard->loop().post([shard, listener] { shard->close_listener(listener); });
}

void Server::drain(SteadyTime deadline) {
  ServerContext& context = *impl_->context;
  context.draining = true;
  impl_->on_every_shard(&Shard::retire);
  {
    std::unique_lock lock(context.mutex);
    context.connection_ended.wait_until(lock, deadline, [&context] { return context.front_connections == 0; });
  }
  impl_->on_every_shard(&Shard::kill_front);
}

}  // namespace cumulet::net
