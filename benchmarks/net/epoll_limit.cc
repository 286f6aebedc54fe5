// The least that an HTTP server on this machine can cost: one thread, level-triggered epoll, one read and one write a
// request, a fixed answer, and of the request only the empty line is looked for. What a real server needs more is
// measured against this, in the same run.
//
//   epoll_limit [PORT]      prints "listening on PORT"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <unordered_map>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nDate: Sun, 22 Nov 2026 10:20:30 GMT\r\n"
    "Content-Length: 2\r\n\r\n{}";

struct Peer {
  char bytes[16 * 1024];
  std::size_t held = 0;
};

[[noreturn]] void fail(const char* attempt) {
  std::perror(attempt);
  std::exit(1);
}

int listen_on(std::uint16_t port) {
  const int on = 1;
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("bind");
  if (::listen(socket, 4096) != 0) fail("listen");
  socklen_t size = sizeof address;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  std::printf("listening on %u\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return socket;
}

/// False when the connection has ended.
bool serve(int socket, Peer& peer) {
  const ssize_t count = ::recv(socket, peer.bytes + peer.held, sizeof peer.bytes - peer.held, 0);
  if (count <= 0) return count < 0;
  peer.held += static_cast<std::size_t>(count);
  const std::string_view request(peer.bytes, peer.held);
  if (request.find("\r\n\r\n") == std::string_view::npos) return peer.held < sizeof peer.bytes;
  peer.held = 0;
  return ::send(socket, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(kAnswer.size());
}

}  // namespace

int main(int argc, char** argv) {
  const int listener = listen_on(static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 0));
  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event watch{};
  watch.events = EPOLLIN;
  watch.data.fd = listener;
  if (::epoll_ctl(poll, EPOLL_CTL_ADD, listener, &watch) != 0) fail("epoll_ctl");

  std::unordered_map<int, std::unique_ptr<Peer>> peers;
  epoll_event events[256];
  for (;;) {
    const int ready = ::epoll_wait(poll, events, 256, -1);
    for (int i = 0; i < ready; ++i) {
      const int socket = events[i].data.fd;
      if (socket != listener) {
        if (serve(socket, *peers.at(socket))) continue;
        ::close(socket);
        peers.erase(socket);
        continue;
      }
      const int accepted = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (accepted < 0) continue;
      const int on = 1;
      ::setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      watch.data.fd = accepted;
      ::epoll_ctl(poll, EPOLL_CTL_ADD, accepted, &watch);
      peers.emplace(accepted, std::make_unique<Peer>());
    }
  }
}
