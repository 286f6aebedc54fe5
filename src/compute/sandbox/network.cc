#include "compute/sandbox/network.h"

#include <cstdlib>
#include <cstring>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/log.h"

namespace cumulet::compute::sandbox {

namespace {

constexpr const char* kOwnNamespace = "/proc/thread-self/ns/net";
constexpr int kBacklog = 128;

Result<Fd> open_own_namespace() {
  Fd own(::open(kOwnNamespace, O_RDONLY | O_CLOEXEC));
  if (!own) return system_error(fmt::format("open {}", kOwnNamespace));
  return own;
}

Result<void> raise_loopback() {
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return system_error("make a socket in the network namespace");
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) return system_error("raise the loopback interface");
  return {};
}

Result<Fd> listen_on(std::uint16_t port) {
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return system_error("make a listening socket in the network namespace");
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return system_error(fmt::format("bind 127.0.0.1:{} in the network namespace", port));
  if (::listen(socket.get(), kBacklog) != 0) return system_error(fmt::format("listen at port {}", port));
  return socket;
}

}  // namespace

Result<NetworkMaker> NetworkMaker::make() {
  Result<Fd> home = open_own_namespace();
  if (!home.ok()) return std::move(home).error();
  return NetworkMaker(std::move(*home));
}

/// A thread that cannot come back must not go on: it would do the next job in a sandbox's namespace.
void NetworkMaker::go_home() {
  if (::setns(home_.get(), CLONE_NEWNET) == 0) return;
  log::error("cannot return to the host's network namespace");
  std::abort();
}

/// Does what changes the thread's namespace.
void NetworkMaker::away(const std::function<void()>& work) {
  if (!returns_) {
    std::thread(work).join();
    return;
  }
  work();
  go_home();
}

Result<Fd> NetworkMaker::create_namespace() {
  Result<Fd> made = Fd();
  away([&made] {
    if (::unshare(CLONE_NEWNET) != 0) {
      made = system_error("make a network namespace");
      return;
    }
    made = open_own_namespace();
    if (!made.ok()) return;
    if (Result<void> raised = raise_loopback(); !raised.ok()) made = std::move(raised).error();
  });
  return made;
}

Result<std::vector<Fd>> NetworkMaker::listen(const Fd& network, const std::vector<std::uint16_t>& ports) {
  std::vector<Fd> sockets;
  Result<void> made;
  if (ports.empty()) return sockets;
  away([&] {
    if (::setns(network.get(), CLONE_NEWNET) != 0) {
      made = system_error("enter the network namespace");
      return;
    }
    for (const std::uint16_t port : ports) {
      Result<Fd> socket = listen_on(port);
      if (!socket.ok()) {
        made = std::move(socket).error();
        return;
      }
      sockets.push_back(std::move(*socket));
    }
  });
  if (!made.ok()) return std::move(made).error();
  return sockets;
}

}  // namespace cumulet::compute::sandbox
