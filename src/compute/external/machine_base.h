#pragma once

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "compute/external/machine_protocol.h"

/// How process 1 of a microVM fails, and tells of it. Part of machine_program.cc.
namespace cumulet::compute::external {

using sandbox::Report;
using sandbox::ReportKind;

inline bool in_child = false;
inline int control = -1;  // to the server

inline void tell(ReportKind kind, int value, const char* text = "") {
  Report report;
  report.kind = kind;
  report.value = value;
  std::strncpy(report.text, text, sizeof report.text - 1);
  (void)!send(control, &report, sizeof report, MSG_NOSIGNAL);
}

/// Once the server has heard all that was said.
[[noreturn]] inline void stop_machine() {
  if (in_child) _exit(125);
  if (control >= 0) {
    fcntl(control, F_SETFL, 0);
    const timeval patience{5, 0};
    setsockopt(control, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    shutdown(control, SHUT_WR);
    char rest[64];
    while (recv(control, rest, sizeof rest, 0) > 0) {
    }
  }
  reboot(RB_POWER_OFF);
  for (;;) pause();
}

[[noreturn]] inline void give_up(const char* what, const char* which = "") {
  const int code = errno;
  char text[110];
  std::snprintf(text, sizeof text, "%s%s", what, which);
  dprintf(2, "cannot %s: %s\n", text, std::strerror(code));
  if (control >= 0) tell(ReportKind::kFailed, code, text);
  stop_machine();
}

inline void must(bool good, const char* what, const char* which = "") {
  if (!good) give_up(what, which);
}

inline bool write_text(const char* path, const char* text) {
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  const auto size = static_cast<ssize_t>(std::strlen(text));
  const bool good = file >= 0 && write(file, text, static_cast<std::size_t>(size)) == size;
  const int code = errno;
  if (file >= 0) close(file);
  errno = code;
  return good;
}

}  // namespace cumulet::compute::external
