// A program that runs inside sandboxes in tests: it does what a function should be able to do, or tries what it must
// not. Statically linked, so that it needs nothing from the sandbox.
#include <cctype>
#include <cstdint>
#include <vector>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace {

int connect_to(int port) {
  const int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  if (s < 0 || connect(s, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return -1;
  return s;
}

// --- what functions do ---

int allocate(int mib) {
  for (int i = 0; i < mib; ++i) {
    void* piece = mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (piece == MAP_FAILED) return 3;
    memset(piece, i + 1, 1 << 20);
  }
  printf("allocated %d\n", mib);
  return 0;
}

int bomb() {
  std::vector<pid_t> children;
  pid_t child = 0;
  while (children.size() < 5000 && (child = fork()) >= 0) {
    if (child == 0) {
      for (;;) pause();
    }
    children.push_back(child);
  }
  printf("%zu %s\n", children.size(), strerrorname_np(errno));
  for (const pid_t one : children) kill(one, SIGKILL);
  for (const pid_t one : children) waitpid(one, nullptr, 0);
  return 0;
}

int fill(const char* path) {
  const int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return printf("open %s\n", strerrorname_np(errno)), 1;
  std::vector<char> piece(64 * 1024, 'x');
  long kib = 0;
  while (kib < 1024 * 1024 && write(file, piece.data(), piece.size()) == static_cast<ssize_t>(piece.size())) kib += 64;
  printf("%ld %s\n", kib, strerrorname_np(errno));
  return 0;
}

/// Fills /tmp, then uses more memory than there is.
int fill_and_allocate(int mib) {
  fill("/tmp/x");
  fflush(stdout);
  return allocate(mib);
}

/// Sends one line to the port and prints the answer.
int ask(int port) {
  const int s = connect_to(port);
  if (s < 0) return printf("connect %s\n", strerrorname_np(errno)), 1;
  if (write(s, "ping\n", 5) != 5) return 2;
  char answer[64] = {};
  if (read(s, answer, sizeof answer - 1) <= 0) return 3;
  printf("%s", answer);
  return 0;
}

/// Answers each byte that comes from the port with the same byte.
int echo(int port) {
  const int s = connect_to(port);
  if (s < 0) return 1;
  char byte;
  while (read(s, &byte, 1) == 1)
    if (write(s, &byte, 1) != 1) return 2;
  return 0;
}

int wait_for_term() {
  static volatile sig_atomic_t asked = 0;
  signal(SIGTERM, [](int) { asked = 1; });
  sigset_t term;
  sigset_t before;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  sigprocmask(SIG_BLOCK, &term, &before);
  printf("ready\n");
  fflush(stdout);
  while (asked == 0) sigsuspend(&before);
  return 7;
}

int list_processes() {
  DIR* proc = opendir("/proc");
  int count = 0;
  while (const dirent* entry = readdir(proc)) count += isdigit(static_cast<unsigned char>(entry->d_name[0])) != 0;
  printf("%d\n", count);
  return 0;
}

int list_descriptors() {
  for (int fd = 0; fd < 1024; ++fd)
    if (fcntl(fd, F_GETFD) >= 0) printf("%d ", fd);
  printf("\n");
  return 0;
}

int show_signals() {
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction action {};
    sigset_t blocked;
    sigprocmask(SIG_BLOCK, nullptr, &blocked);
    if (sigaction(signal, nullptr, &action) == 0 && action.sa_handler != SIG_DFL) printf("ignored %d\n", signal);
    if (sigismember(&blocked, signal) == 1) printf("blocked %d\n", signal);
  }
  printf("done\n");
  return 0;
}

int make_orphans() {
  for (int i = 0; i < 20; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      if (fork() == 0) _exit(0);
      _exit(0);
    }
    waitpid(child, nullptr, 0);
  }
  for (int round = 0; round < 2000; ++round) {  // the init reaps them: at last only it and we are left
    DIR* proc = opendir("/proc");
    int count = 0;
    while (const dirent* entry = readdir(proc)) count += isdigit(static_cast<unsigned char>(entry->d_name[0])) != 0;
    closedir(proc);
    if (count == 2) return printf("reaped\n"), 0;
    const timespec pause{0, 1'000'000};
    nanosleep(&pause, nullptr);
  }
  return 1;
}

/// System calls that must not be mistaken for attacks: named pipes, and what libraries try first.
int use_modern_calls() {
  const auto say = [](const char* name, long result) {
    printf("%s %s\n", name, result < 0 ? strerrorname_np(errno) : "ok");
  };
  say("fifo", mkfifo("/tmp/fifo", 0600));
  say("fchmodat2", syscall(452, AT_FDCWD, "/tmp/fifo", 0600, 0));
  say("unknown", syscall(900));
  say("memfd", memfd_create("x", MFD_CLOEXEC));
  const rlimit cores{0, 0};
  rlimit after{};
  say("core-limit", setrlimit(RLIMIT_CORE, &cores));
  getrlimit(RLIMIT_CORE, &after);
  printf("cores %lu\n", static_cast<unsigned long>(after.rlim_cur));
  sync();
  say("netlink", socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
  return 0;
}

// --- what nothing inside must be able to do ---

/// Runs one attempt in a child of its own; it prints the error, or DONE if the attempt succeeded.
template <typename Attempt>
void attempt(const char* name, Attempt work) {
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    errno = 0;
    const long result = static_cast<long>(work());
    const int code = errno;
    printf("%s %s\n", name, result < 0 ? strerrorname_np(code) : "DONE");
    fflush(stdout);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) printf("%s SIGNAL\n", name);
}

long open_to_write(const char* path) {
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  return file < 0 ? -1 : write(file, "1\n", 2);
}

long open_to_read(const char* path) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  char byte;
  return file < 0 ? -1 : read(file, &byte, 1);
}

void attempt_mounts() {
  attempt("mount-tmpfs", [] { return mount("none", "/tmp", "tmpfs", 0, nullptr); });
  attempt("mount-bind", [] { return mount("/usr", "/mnt", nullptr, MS_BIND, nullptr); });
  attempt("mount-remount-root", [] { return mount(nullptr, "/", nullptr, MS_REMOUNT | MS_BIND, nullptr); });
  attempt("mount-cgroup", [] { return mount("none", "/tmp", "cgroup2", 0, nullptr); });
  attempt("umount-proc", [] { return umount2("/proc", MNT_DETACH); });
  attempt("open-tree", [] { return syscall(SYS_open_tree, AT_FDCWD, "/", 1); });
  attempt("fsopen", [] { return syscall(SYS_fsopen, "tmpfs", 0); });
  attempt("move-mount", [] { return syscall(SYS_move_mount, AT_FDCWD, "/tmp", AT_FDCWD, "/mnt", 0); });
  attempt("mount-setattr", [] {
    mount_attr attributes{};
    attributes.attr_clr = MOUNT_ATTR_RDONLY;
    return syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, &attributes, sizeof attributes);
  });
  attempt("pivot-root", [] { return syscall(SYS_pivot_root, "/", "/tmp"); });
  attempt("chroot", [] { return chroot("/tmp"); });
}

void attempt_namespaces() {
  const struct {
    const char* name;
    unsigned long flag;
  } kinds[] = {{"user", CLONE_NEWUSER}, {"mnt", CLONE_NEWNS},  {"pid", CLONE_NEWPID},       {"net", CLONE_NEWNET},
               {"ipc", CLONE_NEWIPC},   {"uts", CLONE_NEWUTS}, {"cgroup", CLONE_NEWCGROUP}, {"time", 0x80}};
  for (const auto& kind : kinds) {
    char name[64];
    snprintf(name, sizeof name, "unshare-%s", kind.name);
    attempt(name, [&kind] { return unshare(static_cast<int>(kind.flag)); });
    snprintf(name, sizeof name, "clone-%s", kind.name);
    attempt(name, [&kind] {
      const long child = syscall(SYS_clone, kind.flag | SIGCHLD, 0, 0, 0, 0);
      if (child == 0) _exit(0);
      return child;
    });
    snprintf(name, sizeof name, "setns-%s", kind.name);
    attempt(name, [&kind] {
      char path[64];
      snprintf(path, sizeof path, "/proc/self/ns/%s", kind.name);
      return setns(open(path, O_RDONLY | O_CLOEXEC), 0);
    });
  }
  attempt("clone3", [] {
    clone_args arguments{};
    arguments.flags = CLONE_NEWUSER;
    const long child = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (child == 0) _exit(0);
    return child;
  });
  attempt("init-namespace", [] { return open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC); });
}

void attempt_processes() {
  attempt("ptrace-init", [] { return ptrace(PTRACE_SEIZE, 1, 0, 0); });
  attempt("ptrace-me", [] { return ptrace(PTRACE_TRACEME, 0, 0, 0); });
  attempt("read-init-memory", [] {
    char byte;
    iovec here{&byte, 1};
    iovec there{reinterpret_cast<void*>(0x400000), 1};
    return process_vm_readv(1, &here, 1, &there, 1, 0);
  });
  attempt("open-init-memory", [] { return open("/proc/1/mem", O_RDWR | O_CLOEXEC); });
  attempt("init-environment", [] { return open_to_read("/proc/1/environ"); });
  attempt("init-root", [] { return open("/proc/1/root/etc", O_RDONLY | O_CLOEXEC); });
  attempt("init-descriptors", [] { return open("/proc/1/fd/0", O_RDONLY | O_CLOEXEC); });
  attempt("init-program", [] { return open("/proc/1/exe", O_RDONLY | O_CLOEXEC); });
  attempt("pidfd-getfd", [] { return syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, 1, 0), 0, 0); });
  attempt("setuid-root", [] { return setuid(0); });
  attempt("setgid-root", [] { return setgid(0); });
  attempt("setgroups", [] {
    const gid_t group = 0;
    return setgroups(1, &group);
  });
  attempt("ambient-capability", [] { return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 21, 0, 0); });
  attempt("personality", [] { return syscall(SYS_personality, 0x0040000); });
  attempt("real-time", [] {
    const sched_param parameter{10};
    return sched_setscheduler(0, SCHED_FIFO, &parameter);
  });
  attempt("raise-nofile", [] {
    const rlimit limit{4096, 4096};
    return setrlimit(RLIMIT_NOFILE, &limit);
  });
  attempt("negative-nice", [] { return setpriority(PRIO_PROCESS, 0, -5); });
  attempt("uid-map", [] { return open_to_write("/proc/self/uid_map"); });
}

void attempt_kernel_doors() {
  attempt("add-key", [] { return syscall(SYS_add_key, "user", "k", "v", 1, -3); });
  attempt("keyctl", [] { return syscall(SYS_keyctl, 0, -3, 1); });
  attempt("request-key", [] { return syscall(SYS_request_key, "user", "k", nullptr, -3); });
  attempt("bpf", [] {
    bpf_attr attributes{};
    attributes.map_type = BPF_MAP_TYPE_ARRAY;
    attributes.key_size = attributes.value_size = 4;
    attributes.max_entries = 1;
    return syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof attributes);
  });
  attempt("perf", [] {
    perf_event_attr attributes{};
    attributes.size = sizeof attributes;
    return syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0);
  });
  attempt("userfaultfd", [] { return syscall(SYS_userfaultfd, 0); });
  attempt("io-uring", [] {
    char parameters[256] = {};
    return syscall(SYS_io_uring_setup, 8, parameters);
  });
  attempt("init-module", [] { return syscall(SYS_init_module, "", 0, ""); });
  attempt("finit-module", [] { return syscall(SYS_finit_module, 0, "", 0); });
  attempt("kexec", [] { return syscall(SYS_kexec_load, 0, 0, nullptr, 0); });
  attempt("reboot", [] { return syscall(SYS_reboot, 0xfee1dead, 672274793, 0x89abcdef, nullptr); });
  attempt("swapon", [] { return syscall(SYS_swapon, "/tmp/x", 0); });
  attempt("acct", [] { return syscall(SYS_acct, "/tmp/x"); });
  attempt("quotactl", [] { return syscall(SYS_quotactl, 0x80000100, "/", 0, nullptr); });
  attempt("clock-settime", [] {
    const timespec now{1, 0};
    return clock_settime(CLOCK_REALTIME, &now);
  });
  attempt("sethostname", [] { return sethostname("x", 1); });
  attempt("syslog", [] { return syscall(SYS_syslog, 3, nullptr, 0); });
  attempt("fanotify", [] { return syscall(SYS_fanotify_init, 0, 0); });
  attempt("vhangup", [] { return syscall(SYS_vhangup); });
  attempt("open-by-handle", [] { return syscall(SYS_open_by_handle_at, 0, nullptr, 0); });
  attempt("mknod-block", [] { return mknod("/tmp/block", S_IFBLK | 0600, makedev(254, 0)); });
  attempt("mknod-char", [] { return mknod("/tmp/char", S_IFCHR | 0600, makedev(1, 1)); });
#if defined(__x86_64__)
  attempt("iopl", [] { return syscall(SYS_iopl, 3); });
  attempt("ioperm", [] { return syscall(SYS_ioperm, 0x70, 2, 1); });
  attempt("modify-ldt", [] { return syscall(SYS_modify_ldt, 0, nullptr, 0); });
  attempt("x32-mount", [] { return syscall(0x40000000 + SYS_mount, "none", "/tmp", "tmpfs", 0, nullptr); });
  attempt("32-bit-mount", [] {
    long result = 21;  // mount, as 32-bit programs call it
    asm volatile("int $0x80" : "+a"(result) : "b"(0), "c"(0), "d"(0), "S"(0), "D"(0) : "memory");
    if (result < 0) errno = static_cast<int>(-result);
    return result < 0 ? -1L : 0L;
  });
#endif
}

void attempt_files() {
  for (const char* path : {"/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname",
                           "/proc/sys/net/ipv4/ip_forward", "/proc/sysrq-trigger", "/proc/self/oom_score_adj",
                           "/usr/bin/env", "/etc/passwd", "/var/task/probe", "/dev/sda", "/dev/vda", "/dev/mem",
                           "/dev/kmsg", "/sys/fs/cgroup/cgroup.procs", "/sys/kernel/mm/ksm/run", "/proc/1/cgroup"}) {
    char name[96];
    snprintf(name, sizeof name, "write:%s", path);
    attempt(name, [path] { return open_to_write(path); });
  }
  for (const char* path : {"/proc/kcore", "/proc/kmsg", "/proc/1/mem", "/etc/shadow", "/root/.profile", "/home",
                           "/sys/kernel", "/proc/1/task/1/environ", "/boot"}) {
    char name[96];
    snprintf(name, sizeof name, "read:%s", path);
    attempt(name, [path] { return open_to_read(path); });
  }
  for (const char* path :
       {"/x", "/usr/x", "/etc/x", "/dev/x", "/var/task/x", "/var/x", "/opt/x", "/mnt/x", "/proc/x"}) {
    char name[96];
    snprintf(name, sizeof name, "create:%s", path);
    attempt(name, [path] { return open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600); });
  }
}

void attempt_network(int host_port) {
  attempt("packet-socket", [] { return socket(AF_PACKET, SOCK_RAW, 0); });
  attempt("raw-socket", [] { return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP); });
  attempt("vsock", [] { return socket(AF_VSOCK, SOCK_STREAM, 0); });
  attempt("alg-socket", [] { return socket(AF_ALG, SOCK_SEQPACKET, 0); });
  attempt("netfilter-socket", [] { return socket(AF_NETLINK, SOCK_RAW, 12); });
  attempt("low-port", [] {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(80);
    return bind(socket(AF_INET, SOCK_STREAM, 0), reinterpret_cast<sockaddr*>(&address), sizeof address);
  });
  attempt("host-port", [host_port] { return connect_to(host_port); });
  attempt("internet", [] {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(0x01010101);
    address.sin_port = htons(53);
    return connect(socket(AF_INET, SOCK_STREAM, 0), reinterpret_cast<sockaddr*>(&address), sizeof address);
  });
  attempt("host-abstract-socket", [] {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path + 1, "cumulet-test", 12);
    return connect(socket(AF_UNIX, SOCK_STREAM, 0), reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t) + 13);
  });
}

int escape(int host_port) {
  attempt_mounts();
  attempt_namespaces();
  attempt_processes();
  attempt_kernel_doors();
  attempt_files();
  attempt_network(host_port);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "";
  const char* text = argc > 2 ? argv[2] : "";
  const int number = atoi(text);
  const auto is = [what](const char* name) { return strcmp(what, name) == 0; };
  if (is("exit")) return number;
  if (is("print")) return printf("%s\n", text), 0;
  if (is("signal")) return raise(number), 0;
  if (is("allocate")) return allocate(number);
  if (is("bomb")) return bomb();
  if (is("fill")) return fill(text);
  if (is("fill-and-allocate")) return fill_and_allocate(number);
  if (is("ask")) return ask(number);
  if (is("echo")) return echo(number);
  if (is("wait-for-term")) return wait_for_term();
  if (is("processes")) return list_processes();
  if (is("descriptors")) return list_descriptors();
  if (is("signals")) return show_signals();
  if (is("modern")) return use_modern_calls();
  if (is("orphans")) return make_orphans();
  if (is("escape")) return escape(number);
  if (is("pause")) {
    for (;;) pause();
  }
  return 64;
}
