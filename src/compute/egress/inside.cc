#include "compute/egress/inside.h"

#include <functional>
#include <thread>

#include <netinet/ip.h>
#include <sched.h>
#include <sys/socket.h>

#include "compute/egress/netlink.h"

namespace cumulet::compute::egress {
namespace {

constexpr int kBacklog = 256;
constexpr std::uint16_t kNames = 53;

/// A thread of its own does it: in a user namespace there is no way back.
Result<void> inside(int network, const std::function<Result<void>()>& work) {
  Result<void> done;
  std::thread([&] {
    done = ::setns(network, CLONE_NEWNET) == 0 ? work() : system_error("enter the network namespace");
  }).join();
  return done;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

Result<Fd> make_socket(int type, const sockaddr_in& address, bool transparent) {
  Fd socket(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return system_error("make a socket for egress");
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (transparent && ::setsockopt(socket.get(), SOL_IP, IP_TRANSPARENT, &on, sizeof on) != 0) {
    return system_error("make a socket transparent");
  }
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return system_error("bind a socket for egress");
  }
  if (type == SOCK_STREAM && ::listen(socket.get(), kBacklog) != 0) return system_error("listen for egress");
  return socket;
}

Result<std::uint16_t> port_of(const Fd& socket) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return system_error("ask for a socket's address");
  }
  return ntohs(address.sin_port);
}

Result<void> open_all(const Policy& policy, Doors& doors) {
  const struct {
    Fd* door;
    int type;
    std::uint16_t port;
  } wanted[] = {{&doors.tcp, SOCK_STREAM, 0},
                {&doors.udp, SOCK_DGRAM, 0},
                {&doors.names_tcp, SOCK_STREAM, kNames},
                {&doors.names_udp, SOCK_DGRAM, kNames}};
  for (const auto& one : wanted) {
    Result<Fd> socket = make_socket(one.type, loopback(one.port), one.port == 0);
    if (!socket.ok()) return std::move(socket).error();
    *one.door = std::move(*socket);
  }
  const int on = 1;
  if (::setsockopt(doors.udp.get(), SOL_IP, IP_RECVORIGDSTADDR, &on, sizeof on) != 0) {
    return system_error("ask for the destinations of datagrams");
  }
  const Result<std::uint16_t> tcp = port_of(doors.tcp);
  const Result<std::uint16_t> udp = port_of(doors.udp);
  if (!tcp.ok()) return tcp.error();
  if (!udp.ok()) return udp.error();
  if (Result<void> diverted = divert(*tcp, *udp); !diverted.ok()) return diverted;
  return route_to_loopback(policy);
}

}  // namespace

Result<Doors> open_doors(int network, const Policy& policy) {
  Doors doors;
  if (Result<void> opened = inside(network, [&] { return open_all(policy, doors); }); !opened.ok()) {
    return std::move(opened).error();
  }
  return doors;
}

Result<Fd> open_answering(int network, const sockaddr_in& as, const sockaddr_in& to) {
  Fd answering;
  const Result<void> opened = inside(network, [&]() -> Result<void> {
    Result<Fd> socket = make_socket(SOCK_DGRAM, as, true);
    if (!socket.ok()) return std::move(socket).error();
    answering = std::move(*socket);
    if (::connect(answering.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) return {};
    return system_error("connect a socket for egress");
  });
  if (!opened.ok()) return opened.error();
  return answering;
}

}  // namespace cumulet::compute::egress
