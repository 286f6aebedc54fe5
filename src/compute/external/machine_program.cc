// Process 1 of a microVM: loads the modules of its kernel, asks the server what is to run, makes the walls around it
// that an OCI runtime would make, and runs the guest (guest_program.cc) inside them. From then on it relays: the
// programs' connections to the platform, their output, and what there is to say about them. A static program that the
// server carries inside itself; it is the init of the initial file system.
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "compute/external/launch_protocol.h"
#include "compute/external/machine_kernel.h"
#include "compute/sandbox/masked_proc.h"

namespace {

using namespace cumulet::compute::external;
using cumulet::compute::sandbox::kInsideGroup;
using cumulet::compute::sandbox::kInsideUser;

constexpr const char* kRoot = "/root";
constexpr const char* kGroup = "/groups/function";
constexpr std::uint64_t kMebibyte = 1 << 20;
constexpr std::uint64_t kRoom = 64 * kMebibyte;  // what may be written to /tmp between two looks
constexpr int kLookEveryMs = 10;

MachineOrder order;
char strings[kMaxMachineStrings];

void set_group(const char* name, const char* value) {
  char path[128];
  std::snprintf(path, sizeof path, "%s/%s", kGroup, name);
  must(write_text(path, value), "write ", path);
}

void set_group(const char* name, std::uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "%llu", static_cast<unsigned long long>(value));
  set_group(name, text);
}

/// The number behind `key` in a file of the group; its only number when there is no key.
std::uint64_t read_group(const char* name, const char* key = nullptr) {
  char path[128];
  std::snprintf(path, sizeof path, "%s/%s", kGroup, name);
  FILE* const file = std::fopen(path, "re");
  if (file == nullptr) return 0;
  unsigned long long value = 0;
  char word[64];
  if (key == nullptr) {
    if (std::fscanf(file, "%llu", &value) != 1) value = 0;
  } else {
    while (std::fscanf(file, "%63s %llu", word, &value) == 2 && std::strcmp(word, key) != 0) value = 0;
  }
  std::fclose(file);
  return value;
}

void receive(void* into, std::size_t size) {
  for (std::size_t have = 0; have < size;) {
    const ssize_t got = recv(control, static_cast<char*>(into) + have, size - have, 0);
    must(got > 0, "hear from the server");
    have += static_cast<std::size_t>(got);
  }
}

void greet_server() {
  const sockaddr_in server = tcp_address(kGatewayAddress, kControlPort);
  const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  must(connect(connection, reinterpret_cast<const sockaddr*>(&server), sizeof server) == 0, "connect to the server");
  const int on = 1;
  setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  control = connection;
  receive(&order, sizeof order);
  const bool sound = order.bytes <= sizeof strings && order.port_count <= kMaxMachinePorts;
  if (!sound) errno = EINVAL;
  must(sound, "understand the server");
  receive(strings, order.bytes);
  set_clock(order.nanoseconds);
  add_entropy(order.seed);
}

// ---- The walls

void mount_at(const char* type, const char* target, unsigned long flags, const char* options) {
  must(mount(type, target, type, flags, options) == 0, "mount ", target);
}

void mount_memory(const char* target, std::uint32_t mib) {
  const std::uint32_t kib = mib * 1024;
  char options[128];
  // Names cost memory that no size counts: as many as a disk of that size would have.
  std::snprintf(options, sizeof options, "mode=1777,size=%uk,nr_inodes=%u,uid=%u,gid=%u", kib,
                kib / 16 > 1024 ? kib / 16 : 1024, kInsideUser, kInsideGroup);
  mount_at("tmpfs", target, MS_NOSUID | MS_NODEV, options);
}

void make_devices() {
  mount_at("tmpfs", "/root/dev", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k");
  const struct {
    const char* path;
    unsigned major;
    unsigned minor;
  } nodes[] = {{"/root/dev/null", 1, 3},   {"/root/dev/zero", 1, 5},    {"/root/dev/full", 1, 7},
               {"/root/dev/random", 1, 8}, {"/root/dev/urandom", 1, 9}, {"/root/dev/tty", 5, 0}};
  for (const auto& node : nodes)
    must(mknod(node.path, S_IFCHR | 0666, makedev(node.major, node.minor)) == 0, "make the device ", node.path);
  const char* links[][2] = {{"/proc/self/fd", "/root/dev/fd"},
                            {"/proc/self/fd/0", "/root/dev/stdin"},
                            {"/proc/self/fd/1", "/root/dev/stdout"},
                            {"/proc/self/fd/2", "/root/dev/stderr"}};
  for (const auto& link : links) must(symlink(link[0], link[1]) == 0, "link ", link[1]);
  must(mkdir("/root/dev/shm", 0755) == 0, "make /dev/shm");
  mount_memory("/root/dev/shm", order.memory_mib);
  must(mount(nullptr, "/root/dev", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC, nullptr) == 0,
       "make /dev read-only");
}

void make_root() {
  must(mount(kRootTag, kRoot, "9p", MS_RDONLY | MS_NOSUID | MS_NODEV,
             "trans=virtio,version=9p2000.L,cache=loose,msize=524288") == 0,
       "mount the root directory");
  make_devices();
  mount_memory("/root/tmp", order.ephemeral_mib);
  if (order.open_network == 0) return;
  // Names are asked of 127.0.0.1, at which the server listens on the other side of QEMU's network.
  const int names = open("/names", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  must(names >= 0 && dprintf(names, "nameserver %s\noptions timeout:3 attempts:2\n", kGatewayAddress) > 0,
       "say who resolves names");
  close(names);
  must(mount("/names", "/root/etc/resolv.conf", nullptr, MS_BIND, nullptr) == 0 &&
           mount(nullptr, "/root/etc/resolv.conf", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) == 0,
       "say who resolves names inside");
}

void make_group() {
  mount_at("cgroup2", "/groups", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
  must(write_text("/groups/cgroup.subtree_control", "+memory +pids"), "use the control groups");
  must(mkdir(kGroup, 0755) == 0, "make a control group");
  set_group("memory.max", order.memory_mib * kMebibyte);
  set_group("memory.oom.group", "1");
  set_group("pids.max", order.max_processes);
}

void cover(const char* name, bool directory) {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%s", name);
  struct stat about {};
  if (stat(path, &about) != 0 || (about.st_mode & 06) == 0) return;  // the others are root's alone
  const unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
  if (directory) {
    must(mount("none", path, "tmpfs", flags, "mode=755,size=0") == 0, "cover ", path);
    return;
  }
  must(mount("/dev/null", path, nullptr, MS_BIND, nullptr) == 0, "cover ", path);
}

void mount_proc() {
  mount_at("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
  for (const char* name : cumulet::compute::sandbox::kMaskedProcFiles) cover(name, false);
  for (const char* name : cumulet::compute::sandbox::kMaskedProcDirectories) cover(name, true);
  must(mount(nullptr, "/proc", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) ==
           0,
       "make /proc read-only");
}

void enter_root() {
  must(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "separate the mounts");
  must(chdir(kRoot) == 0 && mount(".", "/", nullptr, MS_MOVE, nullptr) == 0 && chroot(".") == 0 && chdir("/") == 0,
       "enter the root directory");
  mount_proc();
}

void set_limits() {
  for (const ProcessLimit& limit : kProcessLimits) {
    const rlimit both{limit.value, limit.value};
    must(setrlimit(static_cast<__rlimit_resource>(limit.kind), &both) == 0, "set ", limit.name);
  }
  const rlimit processes{order.max_processes, order.max_processes};
  must(setrlimit(RLIMIT_NPROC, &processes) == 0, "limit the number of processes");
}

void write_own(int machine_proc, const char* name, const char* text) {
  const int file = openat(machine_proc, name, O_WRONLY | O_CLOEXEC);
  const auto size = static_cast<ssize_t>(std::strlen(text));
  must(file >= 0 && write(file, text, static_cast<std::size_t>(size)) == size, "write /proc/", name);
  close(file);
}

/// A user namespace that owns nothing, as all others were made before it, and knows this user only.
void become_nobody(int machine_proc) {
  syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0);
  must(syscall(SYS_setgroups, 0, nullptr) == 0, "drop the supplementary groups");
  must(syscall(SYS_setresgid, kInsideGroup, kInsideGroup, kInsideGroup) == 0, "change the group");
  must(syscall(SYS_setresuid, kInsideUser, kInsideUser, kInsideUser) == 0, "change the user");
  must(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0, "open own /proc entries");
  must(unshare(CLONE_NEWUSER) == 0, "make a user namespace");
  char map[40];
  write_own(machine_proc, "self/setgroups", "deny");
  std::snprintf(map, sizeof map, "%u %u 1", kInsideGroup, kInsideGroup);
  write_own(machine_proc, "self/gid_map", map);
  std::snprintf(map, sizeof map, "%u %u 1", kInsideUser, kInsideUser);
  write_own(machine_proc, "self/uid_map", map);
  for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; ++capability)
    must(prctl(PR_CAPBSET_DROP, capability) == 0, "drop a capability from the bounding set");
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  must(syscall(SYS_capset, &header, none) == 0, "drop the capabilities");
  must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "give up new privileges");
}

[[noreturn]] void become_guest(int network, int output) {
  in_child = true;
  set_group("cgroup.procs", "0");
  must(unshare(CLONE_NEWCGROUP) == 0, "make a control group namespace");
  must(setns(network, CLONE_NEWNET) == 0, "enter the network namespace");
  must(sethostname("sandbox", 7) == 0 && setdomainname("(none)", 6) == 0, "set the host name");
  const int machine_proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  enter_root();
  set_limits();
  become_nobody(machine_proc);

  static char* arguments[4 + sizeof strings / 2];
  static char* variables[1 + sizeof strings / 2];
  static char port[8];
  static char path[64];
  std::snprintf(port, sizeof port, "%u", kControlPort);
  std::snprintf(path, sizeof path, "%s/%s", kGuestInside, kGuestName);
  char* next = strings;
  const char* const end = strings + order.bytes;
  const auto take = [&next, end] {
    if (next >= end || end[-1] != 0) _exit(124);
    char* const string = next;
    next += std::strlen(next) + 1;
    return string;
  };
  std::size_t count = 0;
  arguments[count++] = path;
  arguments[count++] = port;
  arguments[count++] = take();
  for (std::uint32_t i = 0; i < order.arguments; ++i) arguments[count++] = take();
  for (std::uint32_t i = 0; i < order.variables; ++i) variables[i] = take();

  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  must(null >= 0 && dup2(null, 0) == 0 && dup2(output, 1) == 1 && dup2(output, 2) == 2, "set the standard streams");
  must(syscall(SYS_close_range, 3, ~0U, 1 << 2) == 0, "close the other descriptors");  // CLOSE_RANGE_CLOEXEC
  execve(path, arguments, variables);
  give_up("execute ", path);
}

// ---- While it runs

int epoll = -1;
int output = -1;  // the reading end of the programs' pipe
int console = -1;
int inner = -1;  // from the guest
pid_t container = -1;
int temporary = -1;  // /tmp
int wait_status = 0;
bool has_exited = false;
bool starved = false;
std::uint64_t limit = 0;
std::uint64_t told_peak = 0;

void report_memory() {
  const std::uint64_t peak = read_group("memory.peak");
  if (peak == told_peak) return;
  told_peak = peak;
  tell(ReportKind::kMemory, static_cast<int>(peak >> 10));
}

/// Everything that was printed before now has reached the host when this returns.
void flush_output() {
  static char bytes[32 * 1024];
  for (int round = 0; round < 8; ++round) {  // the pipe holds 64 KiB
    const ssize_t got = read(output, bytes, sizeof bytes);
    if (got <= 0) return;
    for (ssize_t at = 0; at < got;) {
      const ssize_t put = write(console, bytes + at, static_cast<std::size_t>(got - at));
      if (put <= 0 && errno != EINTR && errno != EAGAIN) return;
      if (put > 0) at += put;
    }
  }
}

/// What was printed, and used, before something is sent is known before it arrives.
void before_sending() {
  flush_output();
  report_memory();
}

/// The memory limit follows /tmp: see sandbox/memory_guard.h.
void look_at_memory() {
  struct statfs about {};
  const auto bytes_in_tmp = [&about] {
    return fstatfs(temporary, &about) == 0
               ? (about.f_blocks - about.f_bfree) * static_cast<std::uint64_t>(about.f_bsize)
               : 0;
  };
  const std::uint64_t memory = order.memory_mib * kMebibyte;
  const std::uint64_t files = bytes_in_tmp();
  const bool filling = files >= kMebibyte;
  if (!filling && limit == memory) return;
  const std::uint64_t wanted = filling ? memory + files + kRoom : memory;
  if (wanted > limit || limit - wanted > kRoom || !filling) {
    char text[24];
    std::snprintf(text, sizeof text, "%llu", static_cast<unsigned long long>(wanted));
    if (write_text("/groups/function/memory.max", text)) limit = wanted;
  }
  if (read_group("memory.current") <= memory) return;
  const std::uint64_t programs = read_group("memory.stat", "anon") + read_group("memory.stat", "shmem");
  const std::uint64_t files_now = bytes_in_tmp() > files ? bytes_in_tmp() : files;
  if (programs <= files_now + memory) return;
  starved = true;
  write_text("/groups/function/cgroup.kill", "1");
}

void hear_server() {
  static char bytes[1 + sizeof(std::int64_t)];
  static std::size_t have = 0;
  for (;;) {
    const std::size_t wanted = have > 0 && bytes[0] == kClock ? sizeof bytes : 1;
    const ssize_t got = recv(control, bytes + have, wanted - have, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) stop_machine();
    have += static_cast<std::size_t>(got);
    if (bytes[0] == kClock && have < sizeof bytes) continue;
    have = 0;
    if (bytes[0] == kTerminate && inner >= 0) (void)!send(inner, bytes, 1, MSG_NOSIGNAL);
    if (bytes[0] != kClock) continue;
    std::int64_t nanoseconds = 0;
    std::memcpy(&nanoseconds, bytes + 1, sizeof nanoseconds);
    set_clock(nanoseconds);
  }
}

void hear_guest() {
  Report report;
  const ssize_t got = recv(inner, &report, sizeof report, MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return;
  if (got != sizeof report) {
    epoll_ctl(epoll, EPOLL_CTL_DEL, inner, nullptr);
    return;
  }
  has_exited = report.kind == ReportKind::kExited;
  wait_status = has_exited ? report.value : 0;
  if (!has_exited) (void)!send(control, &report, sizeof report, MSG_NOSIGNAL);
}

[[noreturn]] void finish(int status) {
  while (inner >= 0 && !has_exited) {
    Report report;
    if (recv(inner, &report, sizeof report, MSG_DONTWAIT) != sizeof report) break;
    has_exited = report.kind == ReportKind::kExited;
    wait_status = report.value;
    if (!has_exited) (void)!send(control, &report, sizeof report, MSG_NOSIGNAL);
  }
  flush_output();
  report_memory();
  if (starved || read_group("memory.events", "oom_kill") > 0) tell(ReportKind::kStarved, 0);
  tell(ReportKind::kExited, has_exited ? wait_status : status);
  stop_machine();
}

void reap() {
  int status = 0;
  for (pid_t child; (child = waitpid(-1, &status, WNOHANG | __WALL)) > 0;)
    if (child == container) finish(status);
}

enum Source : std::uint64_t { kFromServer, kFromGuest, kFromOutput, kFromChildren };

void add_source(int fd, Source source) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = source;
  must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0, "watch a descriptor");
}

[[noreturn]] void watch(Relay& relay, int children) {
  for (;;) {
    epoll_event events[32];
    const int count = epoll_wait(epoll, events, 32, kLookEveryMs);
    // The server's orders first: a clock is right before the invocation comes.
    for (int i = 0; i < count; ++i)
      if (events[i].data.u64 == kFromServer) hear_server();
    for (int i = 0; i < count; ++i) {
      if (relay.handle(events[i])) continue;
      if (events[i].data.u64 == kFromGuest) hear_guest();
      if (events[i].data.u64 == kFromOutput) flush_output();
    }
    signalfd_siginfo information;
    while (read(children, &information, sizeof information) > 0) {
    }
    reap();
    look_at_memory();
  }
}

/// Gives a network namespace with nothing but a loopback interface; the caller is in it then.
int make_network() {
  must(unshare(CLONE_NEWNET) == 0, "make a network namespace");
  raise_interface("lo", "127.0.0.1");
  return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

int listen_to_guest() {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = tcp_address("127.0.0.1", kControlPort);
  must(bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 && listen(listener, 1) == 0,
       "listen to the guest");
  return listener;
}

void run_container(int network, int guests) {
  int pipe[2];
  must(pipe2(pipe, O_CLOEXEC) == 0 && fcntl(pipe[0], F_SETFL, O_NONBLOCK) == 0 &&
           fchown(pipe[1], kInsideUser, kInsideGroup) == 0,
       "make the output pipe");
  output = pipe[0];
  container = static_cast<pid_t>(
      syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | SIGCHLD, 0, 0, 0, 0));
  if (container == 0) become_guest(network, pipe[1]);
  must(container > 0, "fork the guest");
  close(pipe[1]);
  // Its first connection comes before the function runs; nobody else is listened to.
  pollfd wait{guests, POLLIN, 0};
  while (poll(&wait, 1, 100) == 0) {
    int status = 0;
    if (waitpid(container, &status, WNOHANG) == container) finish(status);
  }
  inner = accept4(guests, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  close(guests);
}

void make_machine() {
  umask(0);
  mount_at("devtmpfs", "/dev", MS_NOSUID | MS_NOEXEC, nullptr);
  mount_at("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
  check_timers();
  load_modules();
  raise_interface("lo", "127.0.0.1");
  raise_interface("eth0", kMachineAddress);
}

}  // namespace

int main() {
  make_machine();
  greet_server();
  console = open_console();
  make_root();
  make_group();
  temporary = open("/root/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  limit = order.memory_mib * kMebibyte;
  close_kernel();

  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  sigprocmask(SIG_SETMASK, &children, nullptr);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  static Relay relay(epoll, before_sending);
  const int outside = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (order.open_network != 0) route_everything();
  const int network = order.open_network != 0 ? outside : make_network();
  for (std::uint32_t i = 0; i < order.port_count; ++i) must(relay.listen_at(order.ports[i]), "listen for the platform");
  const int guests = listen_to_guest();
  must(setns(outside, CLONE_NEWNET) == 0, "return to the machine's network");
  run_container(network, guests);

  add_source(control, kFromServer);
  add_source(inner, kFromGuest);
  add_source(output, kFromOutput);
  const int deaths = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
  add_source(deaths, kFromChildren);
  watch(relay, deaths);
}
