#include "compute/sandbox/seccomp.h"

#include <cstddef>
#include <memory>

#include <errno.h>
#include <fmt/core.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compute/sandbox/system.h"

namespace cumulet::compute::sandbox {

namespace {

/// What language runtimes, compilers and ordinary programs use. Not here, and so refused: mounting, namespaces, chroot,
/// modules, kexec, reboot, swap, quota, clocks that set, ptrace and process_vm_*, keys, bpf, perf, userfaultfd,
/// io_uring, fanotify, handles (open_by_handle_at), device nodes, raw port access, personality (but for its query),
/// vhangup, acct.
constexpr const char* kAllowed[] = {
    // files
    "access", "chdir", "chmod", "chown", "close", "close_range", "copy_file_range", "creat", "dup", "dup2", "dup3",
    "faccessat", "faccessat2", "fadvise64", "fallocate", "fchdir", "fchmod", "fchmodat", "fchown", "fchownat", "fcntl",
    "fdatasync", "fgetxattr", "flistxattr", "flock", "fremovexattr", "fsetxattr", "fstat", "fstatfs", "fsync",
    "ftruncate", "futimesat", "getcwd", "getdents", "getdents64", "getxattr", "inotify_add_watch", "inotify_init",
    "inotify_init1", "inotify_rm_watch", "ioctl", "lchown", "lgetxattr", "link", "linkat", "listxattr", "llistxattr",
    "lremovexattr", "lseek", "lsetxattr", "lstat", "mkdir", "mkdirat", "newfstatat", "open", "openat", "openat2",
    "pipe", "pipe2", "pread64", "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readahead", "readlink",
    "readlinkat", "readv", "removexattr", "rename", "renameat", "renameat2", "rmdir", "sendfile", "setxattr", "splice",
    "stat", "statfs", "statx", "symlink", "symlinkat", "sync_file_range", "tee", "truncate", "umask", "unlink",
    "unlinkat", "utime", "utimensat", "utimes", "vmsplice", "write", "writev",
    // memory
    "brk", "get_mempolicy", "madvise", "mbind", "membarrier", "memfd_create", "mincore", "mlock", "mlock2", "mlockall",
    "mmap", "mprotect", "mremap", "msync", "munlock", "munlockall", "munmap", "pkey_alloc", "pkey_free",
    "pkey_mprotect", "process_madvise", "process_mrelease", "remap_file_pages", "set_mempolicy",
    // processes and threads
    "arch_prctl", "capget", "capset", "execve", "execveat", "exit", "exit_group", "fork", "futex", "futex_waitv",
    "get_robust_list", "get_thread_area", "getcpu", "getegid", "geteuid", "getgid", "getgroups", "getpgid", "getpgrp",
    "getpid", "getppid", "getpriority", "getresgid", "getresuid", "getrlimit", "getrusage", "getsid", "gettid",
    "getuid", "ioprio_get", "ioprio_set", "kill", "pidfd_open", "pidfd_send_signal", "prctl", "rseq",
    "sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity", "sched_getattr", "sched_getparam",
    "sched_getscheduler", "sched_rr_get_interval", "sched_setaffinity", "sched_setattr", "sched_setparam",
    "sched_setscheduler", "sched_yield", "seccomp", "set_robust_list", "set_thread_area", "set_tid_address", "setfsgid",
    "setfsuid", "setgid", "setgroups", "setpgid", "setpriority", "setregid", "setresgid", "setresuid", "setreuid",
    "setsid", "setuid", "tgkill", "tkill", "vfork", "wait4", "waitid", "waitpid",
    // signals and time
    "alarm", "clock_getres", "clock_gettime", "clock_nanosleep", "getitimer", "gettimeofday", "nanosleep", "pause",
    "restart_syscall", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn",
    "rt_sigsuspend", "rt_sigtimedwait", "rt_tgsigqueueinfo", "setitimer", "sigaltstack", "signalfd", "signalfd4",
    "time", "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime", "timer_settime", "timerfd_create",
    "timerfd_gettime", "timerfd_settime", "times",
    // waiting, sockets, System V
    "_newselect", "accept", "accept4", "bind", "connect", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_ctl_old",
    "epoll_pwait", "epoll_pwait2", "epoll_wait", "epoll_wait_old", "eventfd", "eventfd2", "getpeername", "getsockname",
    "getsockopt", "listen", "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedsend", "mq_unlink",
    "msgctl", "msgget", "msgrcv", "msgsnd", "poll", "ppoll", "pselect6", "recv", "recvfrom", "recvmmsg", "recvmsg",
    "select", "semctl", "semget", "semop", "semtimedop", "send", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shmat",
    "shmctl", "shmdt", "shmget", "shutdown", "socketpair",
    // about the system
    "getrandom", "landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self", "sysinfo", "uname"};

/// Newer than the library that names them; since Linux 5.1 a system call has the same number on every architecture.
constexpr struct {
  const char* name;
  int number;
} kAllowedNew[] = {{"set_mempolicy_home_node", 450}, {"cachestat", 451},  {"fchmodat2", 452},
                   {"map_shadow_stack", 453},        {"futex_wake", 454}, {"futex_wait", 455},
                   {"futex_requeue", 456},           {"mseal", 462}};
/// Whoever wrote this list knew the system calls up to here.
constexpr std::uint32_t kNewestKnown = 462;

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
    for (const auto& call : kAllowedNew) add(SCMP_ACT_ALLOW, call.number, call.name, {});
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

  void add(std::uint32_t action, int number, const char* name, const std::vector<scmp_arg_cmp>& conditions) {
    const int r = seccomp_rule_add_array(context_.get(), action, number, static_cast<unsigned>(conditions.size()),
                                         conditions.data());
    if (r != 0 && failure_ == 0) {
      failure_ = r;
      failed_ = name;
    }
  }

  void add(std::uint32_t action, const char* name, const std::vector<scmp_arg_cmp>& conditions) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number >= 0) add(action, number, name, conditions);  // not every architecture has them all
  }

  void allow(const char* name, const std::vector<scmp_arg_cmp>& conditions) { add(SCMP_ACT_ALLOW, name, conditions); }

  void allow_with_arguments() {
    // clone3 hides its flags behind a pointer: C libraries fall back to clone, which must not make namespaces.
    add(SCMP_ACT_ERRNO(ENOSYS), "clone3", {});
    allow("clone", {SCMP_A0(SCMP_CMP_MASKED_EQ, kNewNamespaces, 0)});
    for (const std::uint64_t family : {AF_UNIX, AF_INET, AF_INET6}) allow("socket", {SCMP_A0(SCMP_CMP_EQ, family, 0)});
    // All processes of the host share one small number of these contexts; libraries know systems without them.
    add(SCMP_ACT_ERRNO(ENOSYS), "io_setup", {});
    // Flushing every disk of the host is not a function's business: it succeeds and does nothing.
    for (const char* name : {"sync", "syncfs"}) add(SCMP_ACT_ERRNO(0), name, {});
    // The limit on core dumps keeps crashes away from the host's crash handler (see the warden), so it stays.
    allow("setrlimit", {SCMP_A0(SCMP_CMP_NE, RLIMIT_CORE, 0)});
    add(SCMP_ACT_ERRNO(0), "setrlimit", {SCMP_A0(SCMP_CMP_EQ, RLIMIT_CORE, 0)});
    allow("prlimit64", {SCMP_A1(SCMP_CMP_NE, RLIMIT_CORE, 0)});
    allow("prlimit64", {SCMP_A1(SCMP_CMP_EQ, RLIMIT_CORE, 0), SCMP_A2(SCMP_CMP_EQ, 0, 0)});
    add(SCMP_ACT_ERRNO(0), "prlimit64", {SCMP_A1(SCMP_CMP_EQ, RLIMIT_CORE, 0), SCMP_A2(SCMP_CMP_NE, 0, 0)});
    // Named pipes are for everybody; the kernel refuses devices anyway.
    allow("mknod", {SCMP_A1(SCMP_CMP_MASKED_EQ, S_IFMT, S_IFIFO)});
    allow("mknodat", {SCMP_A2(SCMP_CMP_MASKED_EQ, S_IFMT, S_IFIFO)});
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
    return unknown_calls() + program;
  }

  /// Goes before the library's program: what is newer than this list does not exist, so that C libraries use what they
  /// used before it. (The architecture is checked first: numbers of other ones mean nothing here.)
  static std::string unknown_calls() {
    const std::uint32_t native = seccomp_arch_native();
    const sock_filter head[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, native, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, kNewestKnown, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
    };
    return std::string(reinterpret_cast<const char*>(head), sizeof head);
  }

  std::unique_ptr<void, decltype(&seccomp_release)> context_;
  int failure_ = 0;
  std::string failed_;
};

}  // namespace

Result<std::string> build_filter() { return Builder().build(); }

}  // namespace cumulet::compute::sandbox
