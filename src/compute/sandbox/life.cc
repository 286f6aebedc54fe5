#include "compute/sandbox/life.h"

#include <algorithm>

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"

namespace cumulet::compute::sandbox {

namespace {
void send_kill(const Fd& pidfd) { ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0); }
}  // namespace

SandboxExit Life::exit_of(int wait_status) const {
  if (WIFEXITED(wait_status)) return SandboxExit(ExitKind::kExited, WEXITSTATUS(wait_status));
  if (WTERMSIG(wait_status) == SIGKILL) return exit_of_killed();
  return SandboxExit(ExitKind::kSignaled, WTERMSIG(wait_status));
}

SandboxExit Life::exit_of_killed() const {
  const bool starved = starved_ || groups.out_of_memory_kills() > 0;
  return SandboxExit(starved ? ExitKind::kOutOfMemory : ExitKind::kSignaled, SIGKILL);
}

void Life::take_report(const Report& report, Fd descriptor) {
  switch (report.kind) {
    case ReportKind::kForked: {
      std::lock_guard lock(mutex_);
      init_ = std::move(descriptor);
      if (killed_) send_kill(init_);
      break;
    }
    case ReportKind::kWaiting:
      waiting_ = true;
      break;
    case ReportKind::kBuilt:
      built.resolve(Result<void>());
      break;
    case ReportKind::kStarted:
      started.resolve(Result<void>());
      break;
    case ReportKind::kFailed:
      fail(system_error(report.text, report.value));
      break;
    case ReportKind::kNoProgram:
      fail(Error(kNoProgram, std::string("fork/exec ") + report.text + ": " + system_text_of(report.value)));
      break;
    case ReportKind::kExited:
      exited.resolve(exit_of(report.value));
      break;
    case ReportKind::kStarved:
      starved_ = true;
      break;
    case ReportKind::kMemory:
      peak_seen = std::max(peak_seen.load(), static_cast<std::uint64_t>(std::max(report.value, 0)) << 10);
      break;
  }
}

void Life::take_hangup() {
  const Error early(kSandboxFailure, "the sandbox ended before its command ran");
  built.resolve(early);
  started.resolve(early);
  exited.resolve(exit_of_killed());
  over_ = true;
}

void Life::fail(Error error) {
  {
    std::lock_guard lock(mutex_);
    if (!failure_) failure_ = error;
  }
  if (came_to_nothing) *came_to_nothing = true;
  built.resolve(error);
  started.resolve(std::move(error));
}

std::optional<Error> Life::failure() {
  std::lock_guard lock(mutex_);
  return failure_;
}

void Life::kill() {
  std::lock_guard lock(mutex_);
  killed_ = true;
  if (init_) send_kill(init_);
  groups.kill();
}

void Life::kill_for_memory() {
  starved_ = true;
  kill();
}

Result<void> Life::freeze() {
  frozen_ = true;
  return groups.any() ? groups.freeze() : tell_init(kStop);
}

Result<void> Life::thaw() {
  frozen_ = false;
  return groups.any() ? groups.thaw() : tell_init(kContinue);
}

void Life::set_clock() { (void)tell_init(kClock); }

void Life::terminate() { (void)tell_init(kTerminate); }

Result<void> Life::tell_init(char order) {
  if (::send(control.get(), &order, 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1)
    return system_error("tell the sandbox's init");
  return {};
}

Fd Life::init_descriptor() {
  std::lock_guard lock(mutex_);
  return Fd(init_ ? ::fcntl(init_.get(), F_DUPFD_CLOEXEC, 0) : -1);
}

pid_t Life::init_process() {
  std::lock_guard lock(mutex_);
  if (!init_) return 0;
  const std::string about = read_file(fmt::format("/proc/self/fdinfo/{}", init_.get()));
  const std::size_t at = about.find("Pid:\t");
  if (at == std::string::npos) return 0;
  return static_cast<pid_t>(parse_int(about.substr(at + 5, about.find('\n', at) - at - 5)).value_or(0));
}

}  // namespace cumulet::compute::sandbox
