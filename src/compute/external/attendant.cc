#include "compute/external/attendant.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "compute/external/launch_protocol.h"
#include "compute/sandbox/program_in_memory.h"

namespace cumulet::compute::external {

using sandbox::Fd;
using sandbox::kSandboxFailure;
using sandbox::Report;
using sandbox::ReportKind;
using sandbox::system_error;

namespace {

constexpr std::size_t kLogWanted = 600;

std::string encode(const Launch& launch, std::uint32_t groups) {
  LaunchMessage head;
  head.groups = groups;
  head.mounts = static_cast<std::uint32_t>(launch.mounts.size());
  head.files = static_cast<std::uint32_t>(launch.files.size());
  head.arguments = static_cast<std::uint32_t>(launch.command.size());
  head.user = launch.user;
  std::string message(reinterpret_cast<const char*>(&head), sizeof head);
  const auto add = [&message](const std::string& text) { message.append(text).push_back('\0'); };
  for (const auto& [mount, target] : launch.mounts) add(target);
  for (const auto& [name, content] : launch.files) {
    add(name);
    add(content);
  }
  for (const std::string& word : launch.command) add(word);
  return message;
}

int milliseconds_until(SteadyTime deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 600'000));
}

void remove_below(int directory) {
  const int again = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* const list = again < 0 ? nullptr : ::fdopendir(again);
  if (list == nullptr) return;
  while (const dirent* const entry = ::readdir(list)) {
    if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
    if (const Fd inner(::openat(directory, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)); inner)
      remove_below(inner.get());
    ::unlinkat(directory, entry->d_name, AT_REMOVEDIR);
  }
  ::closedir(list);
}

}  // namespace

void remove_inner_groups(const sandbox::GroupSet& groups) {
  if (groups.any()) remove_below(groups.unified());
}

Attendant::Attendant(Prepared prepared, const Fd& launcher) : prepared_(std::move(prepared)), launcher_(launcher) {
  thread_ = std::thread(&Attendant::run, this);
  pthread_setname_np(thread_.native_handle(), "sandbox-attend");
}

Attendant::~Attendant() { thread_.join(); }

void Attendant::run() {
  sandbox::Life& life = *prepared_.life;
  Result<void> launched = launch();
  if (launched.ok() && greet()) relay();
  if (!launched.ok()) life.fail(std::move(launched).error());
  clear_up();
  life.take_hangup();
}

Result<void> Attendant::launch() {
  const sandbox::Life& life = *prepared_.life;
  log_ = Fd(::memfd_create("log", MFD_CLOEXEC));
  if (!log_) return system_error("make a memory file for the log");
  Result<std::vector<Fd>> members = life.groups.open_members();
  if (!members.ok()) return std::move(members).error();
  Launch& launch = prepared_.launch;
  const std::string message = encode(launch, static_cast<std::uint32_t>(members->size()));
  std::vector<int> descriptors{log_.get(), launch.output.get(), life.network.get(), life.groups.unified()};
  for (const Fd& file : *members) descriptors.push_back(file.get());
  for (const auto& [mount, target] : launch.mounts) descriptors.push_back(mount.get());
  if (message.size() > kMaxLaunchMessage || descriptors.size() > kMaxLaunchDescriptors || launch.command.size() > 128)
    return Error(kSandboxFailure, "the sandbox cannot be built: its mounts, arguments and variables are too much");

  Result<std::pair<Fd, Fd>> ends = sandbox::make_socket_pair();
  if (!ends.ok()) return std::move(ends).error();
  Result<pid_t> pid = sandbox::run_program("cumulet-launcher", launcher_, ends->second, kLauncherSocket);
  if (!pid.ok()) return std::move(pid).error();
  ends->second.reset();
  pid_ = *pid;
  pidfd_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  Report report;
  prepared_.life->take_report(report, Fd(::fcntl(pidfd_.get(), F_DUPFD_CLOEXEC, 0)));
  Result<void> sent = sandbox::send_message(ends->first.get(), message, descriptors);
  launch.mounts.clear();
  launch.output.reset();
  return sent;
}

/// Waits for the guest's connection. False when it does not come, which the life has been told then.
bool Attendant::greet() {
  pollfd waits[2] = {{prepared_.control.get(), POLLIN, 0}, {pidfd_.get(), POLLIN, 0}};
  ::poll(waits, 2, milliseconds_until(prepared_.launch.deadline));
  if (waits[0].revents == 0) {
    const std::string words = last_words();
    prepared_.life->fail(Error(kSandboxFailure, fmt::format("{} {}{}{}", prepared_.launch.command.front(),
                                                            waits[1].revents != 0 ? "failed" : "did not start in time",
                                                            words.empty() ? "" : ": ", words)));
    return false;
  }
  guest_ = Fd(::accept4(prepared_.control.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  prepared_.control.reset();  // nobody else is listened to
  return send_greeting();
}

bool Attendant::send_greeting() {
  const std::string greeting = std::exchange(prepared_.launch.greeting, {});
  for (std::size_t at = 0; at < greeting.size();) {
    const ssize_t put = ::send(guest_.get(), greeting.data() + at, greeting.size() - at, MSG_NOSIGNAL);
    if (put > 0) at += static_cast<std::size_t>(put);
    if (put >= 0) continue;
    pollfd waits[2] = {{guest_.get(), POLLOUT, 0}, {pidfd_.get(), POLLIN, 0}};
    const bool later = errno == EAGAIN || errno == EINTR;
    if (later && ::poll(waits, 2, milliseconds_until(prepared_.launch.deadline)) > 0 && waits[1].revents == 0) continue;
    prepared_.life->fail(Error(kSandboxFailure, "the sandbox could not be told what to run"));
    return false;
  }
  return true;
}

void Attendant::pass_on(char order) {
  std::string message(1, order);
  if (order == sandbox::kClock) {
    const std::int64_t now = std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
    message.append(reinterpret_cast<const char*>(&now), sizeof now);
  }
  (void)!::send(guest_.get(), message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/// Until the program has ended.
void Attendant::relay() {
  for (;;) {
    pollfd waits[3] = {{pidfd_.get(), POLLIN, 0}, {guest_.get(), POLLIN, 0}, {prepared_.orders.get(), POLLIN, 0}};
    if (!guest_) waits[1].fd = -1;
    ::poll(waits, 3, -1);
    if (waits[1].revents != 0 && !read_report()) guest_.reset();
    char order = 0;
    if (waits[2].revents != 0 && ::recv(prepared_.orders.get(), &order, 1, MSG_DONTWAIT) == 1 && guest_) pass_on(order);
    if (waits[0].revents == 0) continue;
    if (guest_) read_report();
    return;
  }
}

/// False when there is none and none will come. (A machine's network may deliver a report in pieces.)
bool Attendant::read_report() {
  for (;;) {
    char* const into = reinterpret_cast<char*>(&report_) + report_bytes_;
    const ssize_t got = ::recv(guest_.get(), into, sizeof report_ - report_bytes_, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (got <= 0) return false;
    report_bytes_ += static_cast<std::size_t>(got);
    if (report_bytes_ < sizeof report_) continue;
    report_bytes_ = 0;
    if (report_.kind == ReportKind::kForked) return false;
    report_.text[sizeof report_.text - 1] = '\0';
    prepared_.life->take_report(report_, Fd());
  }
}

/// Whatever the program has left behind ends with it.
void Attendant::clear_up() {
  const sandbox::GroupSet& groups = prepared_.life->groups;
  groups.kill();
  if (pid_ == 0) return;
  ::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
}

std::string Attendant::last_words() const {
  char text[4096];
  const off_t size = ::lseek(log_.get(), 0, SEEK_END);
  const off_t from = std::max<off_t>(0, size - static_cast<off_t>(sizeof text));
  const ssize_t got = ::pread(log_.get(), text, sizeof text, from);
  std::string words(trim(std::string_view(text, static_cast<std::size_t>(std::max<ssize_t>(got, 0)))));
  std::erase(words, '\r');
  std::replace(words.begin(), words.end(), '\n', ' ');
  return words.size() > kLogWanted ? words.substr(words.size() - kLogWanted) : words;
}

}  // namespace cumulet::compute::external
