#include "net/listen.h"

#include <cerrno>
#include <cstring>
#include <memory>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cumulet::net {
namespace {

constexpr int kBacklog = 4096;

struct Addresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

Error system_error(const std::string& attempt) {
  const std::string reason = std::strerror(errno);
  return Error("ListenError", 500, attempt + ": " + reason);
}

std::uint16_t port_of(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<sockaddr_in&>(address).sin_port);
}

void set_port(sockaddr_storage& address, std::uint16_t port) {
  if (address.ss_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6&>(address).sin6_port = htons(port);
  } else {
    reinterpret_cast<sockaddr_in&>(address).sin_port = htons(port);
  }
}

/// A bound socket, or -1 with errno.
int bind_socket(const sockaddr_storage& address, socklen_t size, bool share) {
  const int on = 1;
  const int socket = ::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) return -1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (share) ::setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), size) == 0) return socket;
  const int error = errno;
  ::close(socket);
  errno = error;
  return -1;
}

/// Copies listening on one address. The first bind, without SO_REUSEPORT, finds out whether somebody else has the port.
Result<std::vector<int>> listen_copies(sockaddr_storage address, socklen_t size, std::size_t copies,
                                       std::uint16_t& port) {
  set_port(address, port);
  if (port != 0) {
    const int probe = bind_socket(address, size, false);
    if (probe < 0) return system_error("cannot listen on port " + std::to_string(port));
    ::close(probe);
  }
  std::vector<int> sockets;
  while (sockets.size() < copies) {
    const int socket = bind_socket(address, size, true);
    if (socket < 0 || ::listen(socket, kBacklog) != 0) {
      Error error = system_error("cannot listen on port " + std::to_string(port));
      if (socket >= 0) ::close(socket);
      for (const int other : sockets) ::close(other);
      return error;
    }
    sockets.push_back(socket);
    if (port == 0) port = port_of(socket);
    set_port(address, port);
  }
  return sockets;
}

}  // namespace

Result<ListeningSockets> listen_on(const std::string& host, std::uint16_t port, std::size_t copies) {
  std::string name = host;
  if (name.size() > 2 && name.front() == '[' && name.back() == ']') name = name.substr(1, name.size() - 2);
  if (name == "*") name.clear();
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* list = nullptr;
  const int failure = ::getaddrinfo(name.empty() ? nullptr : name.c_str(), "0", &hints, &list);
  if (failure != 0) return Error("ListenError", 500, "cannot resolve " + host + ": " + ::gai_strerror(failure));
  const std::unique_ptr<addrinfo, Addresses> owned(list);

  ListeningSockets result;
  result.port = port;
  Error last("ListenError", 500, "no address to listen on: " + host);
  for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
    sockaddr_storage address{};
    std::memcpy(&address, at->ai_addr, at->ai_addrlen);
    Result<std::vector<int>> sockets = listen_copies(address, at->ai_addrlen, copies, result.port);
    if (sockets.ok()) {
      result.sockets.push_back(std::move(*sockets));
    } else {
      last = std::move(sockets).error();
      // A host without IPv6 still listens on IPv4; a port that is taken fails all of it.
      if (errno == EADDRINUSE || errno == EACCES) {
        for (const auto& group : result.sockets)
          for (const int socket : group) ::close(socket);
        return last;
      }
    }
  }
  if (result.sockets.empty()) return last;
  return result;
}

}  // namespace cumulet::net
