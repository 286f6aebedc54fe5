#include "net/transport.h"

#include <cerrno>

#include <sys/sendfile.h>
#include <sys/socket.h>

namespace cumulet::net {
namespace {

Transport::Outcome outcome(ssize_t count, Transport::Kind when_full) {
  if (count > 0) return {Transport::Kind::kDone, static_cast<std::size_t>(count)};
  if (count == 0) return {Transport::Kind::kEnd};
  return {errno == EAGAIN || errno == EWOULDBLOCK ? when_full : Transport::Kind::kBroken};
}

}  // namespace

Transport::Outcome Transport::send_file(int, std::uint64_t, std::size_t) { return {Kind::kBroken}; }

Transport::Outcome PlainTransport::read(char* to, std::size_t size) {
  ssize_t count = 0;
  do {
    count = ::recv(socket_, to, size, 0);
  } while (count < 0 && errno == EINTR);
  return outcome(count, Kind::kNeedRead);
}

Transport::Outcome PlainTransport::write(const iovec* parts, int count, bool more_follows) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts);
  message.msg_iovlen = static_cast<std::size_t>(count);
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket_, &message, MSG_NOSIGNAL | (more_follows ? MSG_MORE : 0));
  } while (sent < 0 && errno == EINTR);
  return outcome(sent, Kind::kNeedWrite);
}

Transport::Outcome PlainTransport::send_file(int file, std::uint64_t offset, std::size_t size) {
  off_t at = static_cast<off_t>(offset);
  ssize_t sent = 0;
  do {
    sent = ::sendfile(socket_, file, &at, size);
  } while (sent < 0 && errno == EINTR);
  return outcome(sent, Kind::kNeedWrite);
}

void PlainTransport::finish() { ::shutdown(socket_, SHUT_WR); }

}  // namespace cumulet::net
