#pragma once

#include <errno.h>
#include <sys/socket.h>

#include "compute/sandbox/bare.h"
#include "compute/sandbox/protocol.h"

/// How the warden program receives requests and sends reports (protocol.h). It has one thread and one message at a
/// time, which `message` holds, and `strings` after index_strings. Only for warden_program.cc: there is no C library.
namespace cumulet::compute::sandbox {

alignas(16) inline char message[kMaxMessage];
inline const char* strings[kMaxStrings + 2];

/// Descriptors that came with a message.
struct Descriptors {
  int fd[kMaxDescriptors];
  uint32_t count = 0;
  void close_all() {
    for (uint32_t i = 0; i < count; ++i) bare::call(SYS_close, fd[i]);
    count = 0;
  }
};

inline void copy_text(char* to, size_t room, const char* a, const char* b) {
  size_t at = 0;
  for (; *a != 0 && at + 1 < room; ++a) to[at++] = *a;
  for (; *b != 0 && at + 1 < room; ++b) to[at++] = *b;
  to[at] = 0;
}

/// Sends a report, with a descriptor if `fd` is one.
inline void send_report(int control, ReportKind kind, int value, const char* what = "", const char* object = "",
                        int fd = -1) {
  Report report;
  report.kind = kind;
  report.value = value;
  copy_text(report.text, sizeof report.text, what, object);
  iovec part{&report, sizeof report};
  alignas(cmsghdr) char ancillary[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (fd >= 0) {
    header.msg_control = ancillary;
    header.msg_controllen = sizeof ancillary;
    cmsghdr* c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    *reinterpret_cast<int*>(CMSG_DATA(c)) = fd;
  }
  bare::call(SYS_sendmsg, control, bare::address(&header), MSG_NOSIGNAL);
}

/// Receives one message; false at the end of the conversation.
inline bool receive(int socket, size_t& size, Descriptors& descriptors) {
  alignas(cmsghdr) char ancillary[CMSG_SPACE(sizeof(int) * kMaxDescriptors)];
  iovec part{message, sizeof message};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = ancillary;
  header.msg_controllen = sizeof ancillary;
  long got;
  do got = bare::call(SYS_recvmsg, socket, bare::address(&header), MSG_CMSG_CLOEXEC);
  while (got == -EINTR);
  if (got <= 0) return false;
  size = static_cast<size_t>(got);
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count && descriptors.count < kMaxDescriptors; ++i)
      descriptors.fd[descriptors.count++] = reinterpret_cast<int*>(CMSG_DATA(c))[i];
  }
  return true;
}

/// Lays out the strings of a request as the arrays that execve wants: false when their number does not fit.
inline bool index_strings(const StartMessage& start, size_t size) {
  const uint64_t wanted = uint64_t{2} + start.mounts + start.arguments + start.variables;
  if (wanted > kMaxStrings || message[size - 1] != 0) return false;
  size_t at = sizeof start;
  uint32_t slot = 0;
  for (uint64_t i = 0; i < wanted; ++i) {
    if (at >= size) return false;
    if (i == uint64_t{2} + start.mounts + start.arguments) strings[slot++] = nullptr;
    strings[slot++] = message + at;
    at += bare::length(message + at) + 1;
  }
  if (start.variables == 0) strings[slot++] = nullptr;
  strings[slot] = nullptr;
  return at == size;
}

}  // namespace cumulet::compute::sandbox
