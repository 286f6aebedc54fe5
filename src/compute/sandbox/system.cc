#include "compute/sandbox/system.h"

#include <charconv>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cumulet::compute::sandbox {

void Fd::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Error system_error(std::string_view what, int code) {
  return Error(kSandboxFailure, fmt::format("cannot {}: {}", what, std::generic_category().message(code)));
}

Result<void> write_file(int directory, const char* name, std::string_view text) {
  const Fd file(::openat(directory, name, O_WRONLY | O_CLOEXEC));
  if (!file) return system_error(fmt::format("open {} for writing", name));
  const ssize_t written = ::write(file.get(), text.data(), text.size());
  if (written != static_cast<ssize_t>(text.size())) return system_error(fmt::format("write \"{}\" to {}", text, name));
  return {};
}

namespace {
std::string read_all(const Fd& file) {
  std::string text;
  char piece[4096];
  ssize_t got = 0;
  while (file && (got = ::read(file.get(), piece, sizeof piece)) > 0) text.append(piece, static_cast<std::size_t>(got));
  return text;
}
}  // namespace

std::string read_file(int directory, const char* name) {
  return read_all(Fd(::openat(directory, name, O_RDONLY | O_CLOEXEC)));
}

std::string read_file(const std::string& path) { return read_file(AT_FDCWD, path.c_str()); }

std::uint64_t read_counter(int directory, const char* name, std::string_view key) {
  const std::string text = read_file(directory, name);
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.size() <= key.size() || !line.starts_with(key) || line[key.size()] != ' ') continue;
    std::uint64_t value = 0;
    std::from_chars(line.data() + key.size() + 1, line.data() + line.size(), value);
    return value;
  }
  return 0;
}

Result<Fd> open_directory(const std::string& path) {
  Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return system_error("open " + path);
  return directory;
}

Result<std::pair<Fd, Fd>> make_socket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return system_error("make a socket pair");
  return std::pair<Fd, Fd>(Fd(ends[0]), Fd(ends[1]));
}

Result<void> send_message(int socket, std::string_view bytes, const std::vector<int>& descriptors) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  std::vector<char> ancillary(CMSG_SPACE(sizeof(int) * descriptors.size()));
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (!descriptors.empty()) {
    header.msg_control = ancillary.data();
    header.msg_controllen = ancillary.size();
    cmsghdr* c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
    std::memcpy(CMSG_DATA(c), descriptors.data(), sizeof(int) * descriptors.size());
  }
  ssize_t sent = 0;
  do sent = ::sendmsg(socket, &header, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  if (sent < 0) return system_error("send a message to a sandbox process");
  return {};
}

}  // namespace cumulet::compute::sandbox
