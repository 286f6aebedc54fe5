#include "services/s3/verify_door.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/run.h"
#include "base/text.h"

namespace cumulet::s3 {
namespace {

constexpr const char* kSocket = "verify.sock";
constexpr std::string_view kDamaged = "damaged ";
constexpr std::string_view kRead = "read ";
constexpr timeval kSendTimeout{5, 0};  ///< Who does not take the lines in that time is gone.
constexpr std::size_t kLineLimit = 64 * 1024;

Error door_error(const char* what) {
  return Error("VerifyDoor", 500, std::string("cannot ") + what + " " + kSocket + ": " + std::strerror(errno));
}

/// The socket's address, by an open directory: the path of a data directory may be longer than an address.
class Address {
 public:
  explicit Address(const std::filesystem::path& directory)
      : directory_(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
    address_.sun_family = AF_UNIX;
    std::snprintf(address_.sun_path, sizeof(address_.sun_path), "/proc/self/fd/%d/%s", directory_, kSocket);
  }
  ~Address() {
    if (directory_ >= 0) ::close(directory_);
  }
  Address(const Address&) = delete;
  Address& operator=(const Address&) = delete;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address_); }
  const char* path() const { return address_.sun_path; }

 private:
  int directory_;
  sockaddr_un address_{};
};

bool send_line(int connection, const std::string& line) {
  std::size_t sent = 0;
  while (sent < line.size()) {
    const ssize_t step = ::send(connection, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (step < 0 && errno == EINTR) continue;
    if (step <= 0) return false;
    sent += static_cast<std::size_t>(step);
  }
  return true;
}

bool has_hung_up(int connection) {
  pollfd watched{connection, POLLRDHUP, 0};
  return ::poll(&watched, 1, 0) > 0;
}

/// Keys may contain line ends.
std::string line_of(const Damage& damage) {
  std::string line = std::string(kDamaged) + damage.address() + ": " + damage.why;
  for (char& letter : line) {
    if (letter == '\n' || letter == '\r') letter = ' ';
  }
  return line + "\n";
}

std::string last_line_of(const Verifier::Result& result) {
  return std::string(kRead) + std::to_string(result.objects) + " " + std::to_string(result.bytes) + " " +
         std::to_string(result.damaged) + "\n";
}

std::optional<Verifier::Result> read_last_line(std::string_view line) {
  const std::vector<std::string_view> words = split(line, ' ');
  if (words.size() != 4) return std::nullopt;
  Verifier::Result result;
  result.objects = static_cast<std::uint64_t>(parse_int(words[1]).value_or(0));
  result.bytes = static_cast<std::uint64_t>(parse_int(words[2]).value_or(0));
  result.damaged = static_cast<std::uint64_t>(parse_int(words[3]).value_or(0));
  return result;
}

}  // namespace

Result<void> VerifyDoor::open(const std::filesystem::path& directory) {
  directory_ = directory;
  const Address address(directory);
  listening_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listening_ < 0) return door_error("make");
  ::unlink(address.path());
  if (::bind(listening_, address.get(), sizeof(sockaddr_un)) != 0) return door_error("bind");
  if (::chmod(address.path(), 0600) != 0) return door_error("close to others");
  if (::listen(listening_, 4) != 0) return door_error("listen on");
  closing_ = ::eventfd(0, EFD_CLOEXEC);
  if (closing_ < 0) return door_error("make an event for");
  thread_ = std::thread([this] { serve(); });
  return {};
}

void VerifyDoor::close() {
  closed_ = true;
  if (thread_.joinable()) {
    const std::uint64_t one = 1;
    if (::write(closing_, &one, sizeof(one)) != sizeof(one)) log::error("the verify socket does not close");
    thread_.join();
    ::unlink(Address(directory_).path());
  }
  for (int* descriptor : {&listening_, &closing_}) {
    if (*descriptor >= 0) ::close(*descriptor);
    *descriptor = -1;
  }
}

void VerifyDoor::serve() {
  std::array<pollfd, 2> watched{pollfd{listening_, POLLIN, 0}, pollfd{closing_, POLLIN, 0}};
  while (!closed_) {
    if (::poll(watched.data(), watched.size(), -1) < 0 || watched[0].revents == 0) continue;
    const int connection = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    answer(connection);
    ::close(connection);
  }
}

void VerifyDoor::answer(int connection) {
  ::setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &kSendTimeout, sizeof(kSendTimeout));
  bool listens = true;
  const auto report = [&](const Damage& damage) { listens = listens && send_line(connection, line_of(damage)); };
  const auto wanted = [&] { return listens && !closed_ && !has_hung_up(connection); };
  const cumulet::Result<std::optional<Verifier::Result>> passed = run(scrubber_.verify(report, wanted));
  if (!passed.ok()) log::error("a pass that was asked for could not go on", {{"why", passed.error().message()}});
  if (passed.ok() && *passed) send_line(connection, last_line_of(**passed));
}

std::optional<Result<Verifier::Result>> ask_running_server(
    const std::filesystem::path& directory, const std::function<void(const std::string& damage)>& on_damage) {
  const Address address(directory);
  const int connection = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection < 0) return std::nullopt;
  std::optional<Verifier::Result> result;
  if (::connect(connection, address.get(), sizeof(sockaddr_un)) != 0) {
    ::close(connection);
    return std::nullopt;
  }
  std::string text;
  std::array<char, 4096> buffer{};
  while (text.size() < kLineLimit) {
    const ssize_t got = ::recv(connection, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
      const std::string line = text.substr(0, end);
      text.erase(0, end + 1);
      if (line.starts_with(kDamaged)) on_damage(line.substr(kDamaged.size()));
      if (line.starts_with(kRead)) result = read_last_line(line);
    }
  }
  ::close(connection);
  if (result) return Result<Verifier::Result>(*result);
  return Result<Verifier::Result>(
      Error("ServerStopped", 500, "the server that runs on this data directory stopped before everything was read"));
}

}  // namespace cumulet::s3
