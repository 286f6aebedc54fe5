#include "compute/sandbox/seccomp.h"

#include <memory>

#include <errno.h>
#include <fmt/core.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "compute/sandbox/system.h"

namespace cumulet::compute::sandbox {

namespace {

/// What language runtimes, compilers and ordinary programs use. Not here, and so refused: mounting, namespaces, chroot,
/// modules, kexec, reboot, swap, quota, clocks that set, ptrace and process_vm_*, keys, bpf, perf, userfaultfd,
/// io_uring, fanotify, handles (open_by_handle_at), mknod, raw port access, personality (but for its query), vhangup,
/// acct.
constexpr const char* kAllowed[] = {
    // files
    "access", "chdir", "chmod", "chown", "close", "close_range", "copy_file_range", "creat", "dup", "dup2", "dup3",
    "faccessat", "faccessat2", "fadvise64", "fallocate", "fchdir", "fchmod", "fchmodat", "fchmodat2", "fchown",
    "fchownat", "fcntl", "fdatasync", "fgetxattr", "flistxattr", "flock", "fremovexattr", "fsetxattr", "fstat",
    "fstatfs", "fsync", "ftruncate", "futimesat", "getcwd", "getdents", "getdents64", "getxattr", "inotify_add_watch",
    "inotify_init", "inotify_init1", "inotify_rm_watch", "ioctl", "lchown", "lgetxattr", "link", "linkat", "listxattr",
    "llistxattr", "lremovexattr", "lseek", "lsetxattr", "lstat", "mkdir", "mkdirat", "newfstatat", "open", "openat",
    "openat2", "pipe", "pipe2", "pread64", "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readahead",
    "readlink", "readlinkat", "readv", "removexattr", "rename", "renameat", "renameat2", "rmdir", "sendfile",
    "setxattr", "splice", "stat", "statfs", "statx", "symlink", "symlinkat", "sync", "sync_file_range", "syncfs", "tee",
    "truncate", "umask", "unlink", "unlinkat", "utime", "utimensat", "utimes", "vmsplice", "write", "writev",
    // memory
    "brk", "cachestat", "get_mempolicy", "madvise", "map_shadow_stack", "mbind", "membarrier", "memfd_create",
    "mincore", "mlock", "mlock2", "mlockall", "mmap", "mprotect", "mremap", "mseal", "msync", "munlock", "munlockall",
    "munmap", "pkey_alloc", "pkey_free", "pkey_mprotect", "process_madvise", "process_mrelease", "remap_file_pages",
    "set_mempolicy", "set_mempolicy_home_node",
    // processes and threads
    "arch_prctl", "capget", "capset", "execve", "execveat", "exit", "exit_group", "fork", "futex", "futex_requeue",
    "futex_wait", "futex_waitv", "futex_wake", "get_robust_list", "get_thread_area", "getcpu", "getegid", "geteuid",
    "getgid", "getgroups", "getpgid", "getpgrp", "getpid", "getppid", "getpriority", "getresgid", "getresuid",
    "getrlimit", "getrusage", "getsid", "gettid", "getuid", "ioprio_get", "ioprio_set", "kill", "pidfd_open",
    "pidfd_send_signal", "prctl", "prlimit64", "rseq", "sched_get_priority_max", "sched_get_priority_min",
    "sched_getaffinity", "sched_getattr", "sched_getparam", "sched_getscheduler", "sched_rr_get_interval",
    "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler", "sched_yield", "seccomp",
    "set_robust_list", "set_thread_area", "set_tid_address", "setfsgid", "setfsuid", "setgid", "setgroups", "setpgid",
    "setpriority", "setregid", "setresgid", "setresuid", "setreuid", "setrlimit", "setsid", "setuid", "tgkill", "tkill",
    "vfork", "wait4", "waitid", "waitpid",
    // signals and time
    "alarm", "clock_getres", "clock_gettime", "clock_nanosleep", "getitimer", "gettimeofday", "nanosleep", "pause",
    "restart_syscall", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn",
    "rt_sigsuspend", "rt_sigtimedwait", "rt_tgsigqueueinfo", "setitimer", "sigaltstack", "signalfd", "signalfd4",
    "time", "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime", "timer_settime", "timerfd_create",
    "timerfd_gettime", "timerfd_settime", "times",
    // waiting, sockets, System V
    "_newselect", "accept", "accept4", "bind", "connect", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_ctl_old",
    "epoll_pwait", "epoll_pwait2", "epoll_wait", "epoll_wait_old", "eventfd", "eventfd2", "getpeername", "getsockname",
    "getsockopt", "io_cancel", "io_destroy", "io_getevents", "io_pgetevents", "io_setup", "io_submit", "listen",
    "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedsend", "mq_unlink", "msgctl", "msgget",
    "msgrcv", "msgsnd", "poll", "ppoll", "pselect6", "recv", "recvfrom", "recvmmsg", "recvmsg", "select", "semctl",
    "semget", "semop", "semtimedop", "send", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shmat", "shmctl", "shmdt",
    "shmget", "shutdown", "socketpair",
    // about the system
    "getrandom", "landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self", "sysinfo", "uname"};

constexpr std::uint64_t kNewNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                                         CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME;

class Builder {
 public:
  Builder() : context_(seccomp_init(SCMP_ACT_ERRNO(EPERM)), &seccomp_release) {}

  Result<std::string> build() {
    if (!context_) return system_error("make a system call filter", ENOMEM);
    attribute(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
    attribute(SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a binary tree: a quarter of the cost of a linear list
    for (const char* name : kAllowed) allow(name, {});
    allow_with_arguments();
    if (failure_ != 0) return system_error(fmt::format("add {} to the system call filter", failed_), -failure_);
    return export_program();
  }

 private:
  void attribute(scmp_filter_attr name, std::uint32_t value) {
    if (const int r = seccomp_attr_set(context_.get(), name, value); r != 0 && failure_ == 0) {
      failure_ = r;
      failed_ = "an attribute";
    }
  }

  void add(std::uint32_t action, const char* name, const std::vector<scmp_arg_cmp>& conditions) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number < 0) return;  // not on this architecture, or newer than the library
    const int r = seccomp_rule_add_array(context_.get(), action, number, static_cast<unsigned>(conditions.size()),
                                         conditions.data());
    if (r != 0 && failure_ == 0) {
      failure_ = r;
      failed_ = name;
    }
  }

  void allow(const char* name, const std::vector<scmp_arg_cmp>& conditions) { add(SCMP_ACT_ALLOW, name, conditions); }

  void allow_with_arguments() {
    // clone3 hides its flags behind a pointer: C libraries fall back to clone, which must not make namespaces.
    add(SCMP_ACT_ERRNO(ENOSYS), "clone3", {});
    allow("clone", {SCMP_A0(SCMP_CMP_MASKED_EQ, kNewNamespaces, 0)});
    for (const std::uint64_t family : {AF_UNIX, AF_INET, AF_INET6}) allow("socket", {SCMP_A0(SCMP_CMP_EQ, family, 0)});
    // getaddrinfo asks for the interfaces; no other kind of netlink.
    allow("socket", {SCMP_A0(SCMP_CMP_EQ, AF_NETLINK, 0), SCMP_A2(SCMP_CMP_EQ, NETLINK_ROUTE, 0)});
    // Only the question, and the answers that Linux gives by default.
    for (const std::uint64_t persona : {0x0ull, 0x8ull, 0x20000ull, 0x20008ull, 0xffffffffull})
      allow("personality", {SCMP_A0(SCMP_CMP_EQ, persona, 0)});
  }

  Result<std::string> export_program() {
    const Fd memory(::memfd_create("filter", MFD_CLOEXEC));
    if (!memory) return system_error("make a memory file for the system call filter");
    if (const int r = seccomp_export_bpf(context_.get(), memory.get()); r != 0)
      return system_error("compile the system call filter", -r);
    const off_t size = ::lseek(memory.get(), 0, SEEK_END);
    std::string program(static_cast<std::size_t>(size), '\0');
    if (::pread(memory.get(), program.data(), program.size(), 0) != size)
      return system_error("read the system call filter");
    return program;
  }

  std::unique_ptr<void, decltype(&seccomp_release)> context_;
  int failure_ = 0;
  std::string failed_;
};

}  // namespace

Result<std::string> build_filter() { return Builder().build(); }

}  // namespace cumulet::compute::sandbox
