// The first process of a container: runs the function's runtime, tells the server how it ended and
// ends with it, and collects orphans. It is what the warden's init is to the process sandbox. A static program that the
// server carries inside itself. Usage: guest PORT FOLDER COMMAND [ARGUMENT...]
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compute/external/launch_protocol.h"
#include "compute/sandbox/protocol.h"

namespace {

using namespace cumulet::compute::external;
using cumulet::compute::sandbox::Report;
using cumulet::compute::sandbox::ReportKind;

int control = -1;

void tell(ReportKind kind, int value, const char* text = "") {
  Report report;
  report.kind = kind;
  report.value = value;
  std::strncpy(report.text, text, sizeof report.text - 1);
  (void)!send(control, &report, sizeof report, MSG_NOSIGNAL);
}

int connect_to_server(std::uint16_t port) {
  const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) _exit(124);
  const int on = 1;
  setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return connection;
}

sock_filter filter[cumulet::compute::sandbox::kMaxFilter];
unsigned short filter_length = 0;

/// The filter is the process sandbox's.
void read_filter() {
  char path[64];
  std::snprintf(path, sizeof path, "%s/%s", kGuestInside, kGuestFilter);
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  const ssize_t got = file < 0 ? 0 : read(file, filter, sizeof filter);
  if (got <= 0 || got % static_cast<ssize_t>(sizeof(sock_filter)) != 0) _exit(123);
  filter_length = static_cast<unsigned short>(got / static_cast<ssize_t>(sizeof(sock_filter)));
  close(file);
}

/// The output that was handed over, where one was: the standard output may be copied on its way by others.
void take_output() {
  struct stat about {};
  if (fstat(kLauncherOutput, &about) != 0 || !S_ISFIFO(about.st_mode)) return;
  dup2(kLauncherOutput, 1);
  dup2(kLauncherOutput, 2);
  close(kLauncherOutput);
}

/// What a forked child tells: the strings are at the same place in its parent.
struct Failure {
  int code = 0;
  const char* attempt = "";
  const char* subject = "";
};

[[noreturn]] void become_command(char** command, const char* folder, int failed) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  setsid();
  Failure failure;
  failure.attempt = "enter the working directory ";
  failure.subject = folder;
  bool good = chdir(folder) == 0;
  if (good) {
    failure.attempt = "install the system call filter";
    failure.subject = "";
    sock_fprog program{filter_length, filter};
    good = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
  }
  if (good) {
    failure.attempt = "execute ";
    failure.subject = command[0];
    execv(command[0], command);
  }
  failure.code = errno;
  (void)!write(failed, &failure, sizeof failure);
  _exit(125);
}

/// Gives the command's process, or -1 when it could not be run (which the server has been told then).
pid_t start_command(char** command, const char* folder) {
  int news[2];
  if (pipe2(news, O_CLOEXEC) != 0) _exit(124);
  const pid_t child = fork();
  if (child == 0) become_command(command, folder, news[1]);
  close(news[1]);
  Failure failure;
  failure.code = child < 0 ? errno : 0;
  failure.attempt = "fork the command";
  const bool failed = child < 0 || read(news[0], &failure, sizeof failure) == sizeof failure;
  close(news[0]);
  if (!failed) return child;
  char text[110];
  std::snprintf(text, sizeof text, "%s%s", failure.attempt, failure.subject);
  tell(ReportKind::kFailed, failure.code, text);
  return -1;
}

/// Until the command has ended, or the server has gone.
[[noreturn]] void watch(pid_t command, int signals) {
  for (;;) {
    pollfd waits[2] = {{control, POLLIN, 0}, {signals, POLLIN, 0}};
    poll(waits, 2, -1);
    if (waits[0].revents != 0) {
      char order = 0;
      if (recv(control, &order, 1, MSG_DONTWAIT) == 0) _exit(0);
      if (order == cumulet::compute::sandbox::kTerminate) kill(command, SIGTERM);
    }
    signalfd_siginfo information;
    while (read(signals, &information, sizeof information) > 0) {
      if (information.ssi_signo == SIGTERM) kill(command, SIGTERM);
    }
    int status = 0;
    for (pid_t child; (child = waitpid(-1, &status, WNOHANG | __WALL)) > 0;) {
      if (child != command) continue;
      tell(ReportKind::kExited, status);
      _exit(0);  // the kernel ends all that is left in this process namespace
    }
  }
}

}  // namespace

int main(int count, char** words) {
  if (count < 4) return 2;
  prctl(PR_SET_DUMPABLE, 0);
  take_output();
  read_filter();
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGCHLD);
  sigaddset(&wanted, SIGTERM);
  sigprocmask(SIG_SETMASK, &wanted, nullptr);
  const int signals = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
  control = connect_to_server(static_cast<std::uint16_t>(std::atoi(words[1])));
  const pid_t command = start_command(words + 3, words[2]);
  if (command < 0) return 125;
  tell(ReportKind::kStarted, 0);
  watch(command, signals);
}
