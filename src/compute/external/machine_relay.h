#pragma once

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <initializer_list>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "compute/external/machine_protocol.h"

/// The connections of a microVM's programs to the platform: what they connect to at their 127.0.0.1 is connected to the
/// server by QEMU's network. Part of machine_program.cc, which has one thread and no C++ library.
namespace cumulet::compute::external {

inline sockaddr_in tcp_address(const char* host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  inet_pton(AF_INET, host, &address.sin_addr);
  return address;
}

class Relay {
 public:
  /// `before` is called before anything that the programs have sent goes on.
  Relay(int epoll, void (*before)()) : epoll_(epoll), before_(before) {}

  /// A listener for 127.0.0.1:`port` in the network namespace that the caller is in; false, and errno, on failure.
  bool listen_at(std::uint16_t port) {
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const sockaddr_in address = tcp_address("127.0.0.1", port);
    if (bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(listener, 512) != 0)
      return false;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = kListenerMark | listeners_;
    ports_[listeners_] = port;
    listener_[listeners_++] = listener;
    return epoll_ctl(epoll_, EPOLL_CTL_ADD, listener, &event) == 0;
  }

  /// Whether the event was one of the relay's, which has been handled then.
  bool handle(const epoll_event& event) {
    const auto index = static_cast<std::uint32_t>(event.data.u64);
    if ((event.data.u64 & kListenerMark) != 0) {
      accept_at(index);
    } else if ((event.data.u64 & kPairMark) != 0) {
      if (pairs_[index].used) pump(index);
    } else {
      return false;
    }
    return true;
  }

 private:
  static constexpr std::uint64_t kListenerMark = 1ULL << 62;
  static constexpr std::uint64_t kPairMark = 1ULL << 61;
  static constexpr std::uint32_t kPairs = 384;
  static constexpr int kRounds = 8;  // of one connection, before others have their turn
  enum Side { kProgram = 0, kServer = 1 };

  struct Flow {  // what is read from one side, for the other
    std::uint32_t from;
    std::uint32_t to;
    bool ended;
    bool told;  // the other side
    char bytes[16 * 1024];
    bool empty() const { return from == to; }
  };
  struct Pair {
    bool used;
    int fd[2];
    std::uint32_t watched[2];
    Flow flow[2];
  };

  void accept_at(std::uint32_t index) {
    std::uint32_t free = 0;
    while (free < kPairs && pairs_[free].used) ++free;
    const int program = accept4(listener_[index], nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (program < 0) return;
    const int server = free == kPairs ? -1 : socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const sockaddr_in address = tcp_address(kGatewayAddress, ports_[index]);
    if (server < 0 ||
        (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 && errno != EINPROGRESS)) {
      close(program);
      if (server >= 0) close(server);
      return;
    }
    const int on = 1;
    setsockopt(program, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    Pair& pair = pairs_[free];
    pair.used = true;
    pair.fd[kProgram] = program;
    pair.fd[kServer] = server;
    for (const Side side : {kProgram, kServer}) {
      pair.watched[side] = 0;
      Flow& flow = pair.flow[side];
      flow.from = flow.to = 0;
      flow.ended = flow.told = false;
    }
    watch(free);
  }

  /// Passes on what can be passed on. (While the server's side still connects, it takes nothing and has nothing.)
  void pump(std::uint32_t index) {
    Pair& pair = pairs_[index];
    for (const Side side : {kProgram, kServer}) {
      for (int round = 0; round < kRounds; ++round) {
        const Step step = move(pair, side);
        if (step == Step::kBroken) return end(pair);
        if (step == Step::kWait) break;
      }
    }
    if (pair.flow[kProgram].told && pair.flow[kServer].told) return end(pair);
    watch(index);
  }

  enum class Step { kMoved, kWait, kBroken };

  Step move(Pair& pair, Side side) {
    Flow& flow = pair.flow[side];
    const int other = pair.fd[1 - side];
    if (flow.empty() && !flow.ended) {
      const ssize_t got = recv(pair.fd[side], flow.bytes, sizeof flow.bytes, 0);
      if (got < 0) return errno == EAGAIN || errno == EINTR ? Step::kWait : Step::kBroken;
      flow.ended = got == 0;
      flow.from = 0;
      flow.to = static_cast<std::uint32_t>(got);
      if (side == kProgram) before_();
    }
    if (!flow.empty()) {
      const ssize_t put = send(other, flow.bytes + flow.from, flow.to - flow.from, MSG_NOSIGNAL);
      if (put < 0) return errno == EAGAIN || errno == EINTR ? Step::kWait : Step::kBroken;
      flow.from += static_cast<std::uint32_t>(put);
      return flow.empty() ? Step::kMoved : Step::kWait;
    }
    if (flow.told) return Step::kWait;
    flow.told = shutdown(other, SHUT_WR) == 0;
    return flow.told ? Step::kWait : Step::kBroken;
  }

  void watch(std::uint32_t index) {
    Pair& pair = pairs_[index];
    for (const Side side : {kProgram, kServer}) {
      std::uint32_t wanted = 0;
      if (pair.flow[side].empty() && !pair.flow[side].ended) wanted |= EPOLLIN;
      if (!pair.flow[1 - side].empty()) wanted |= EPOLLOUT;
      if (wanted == pair.watched[side]) continue;
      epoll_event event{};
      event.events = wanted;
      event.data.u64 = kPairMark | index;
      // A descriptor in nobody's interest has to go: its hangup would be told again and again.
      const int what = wanted == 0 ? EPOLL_CTL_DEL : pair.watched[side] == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
      epoll_ctl(epoll_, what, pair.fd[side], &event);
      pair.watched[side] = wanted;
    }
  }

  void end(Pair& pair) {
    close(pair.fd[kProgram]);
    close(pair.fd[kServer]);
    pair.used = false;
  }

  const int epoll_;
  void (*const before_)();
  std::uint32_t listeners_ = 0;
  int listener_[kMaxMachinePorts] = {};
  std::uint16_t ports_[kMaxMachinePorts] = {};
  static inline Pair pairs_[kPairs];
};

}  // namespace cumulet::compute::external
