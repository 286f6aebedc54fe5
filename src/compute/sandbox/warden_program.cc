// The warden: a program of its own, without a C library, that the server runs from memory. It is tiny, so forking it is
// cheap, and it is single-threaded. It takes requests from the server and forks; the child builds the sandbox from the
// descriptors it was given, gives up every privilege, and stays as the sandbox's init (process 1): it starts the
// command, reaps orphans, forwards SIGTERM and reports how the command ended. It never opens a path of the host.
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "compute/sandbox/bare.h"
#include "compute/sandbox/protocol.h"
#include "compute/sandbox/warden_messages.h"

namespace cumulet::compute::sandbox {
namespace {

using bare::address;
using bare::call;

// The kernel's, not the C library's, signal set and mount flags (sys/mount.h and linux/mount.h do not agree).
using SignalSet = uint64_t;
constexpr long kDetach = 2;                 // MNT_DETACH
constexpr long kPrivate = 1 << 18;          // MS_PRIVATE
constexpr long kRecursive = 16384;          // MS_REC
constexpr long kRecursiveTree = 0x8000;     // AT_RECURSIVE
constexpr long kCharacterDevice = 0020000;  // S_IFCHR
constexpr long kNullDevice = 1 << 8 | 3;    // makedev(1, 3)

constexpr SignalSet bit(int signal) { return SignalSet{1} << (signal - 1); }

sock_filter filter[kMaxFilter];
uint32_t filter_length = 0;
char masked_paths[4096];
uint32_t masked_files = 0;
uint32_t masked_directories = 0;
/// The init of one sandbox: each step either succeeds or reports and ends the process.
class Init {
 public:
  Init(const PrepareMessage& prepare, const Descriptors& descriptors)
      : host_user_(prepare.host_user),
        groups_(prepare.groups),
        first_group_(2 + prepare.into_group),
        only_user_(prepare.only_user != 0),
        prepared_(descriptors) {}

  [[noreturn]] void run();
  /// Of the message that is in `message`: what is prepared already is not needed.
  [[noreturn]] void run_zygote(size_t size);

 private:
  long must(long result, const char* what, const char* object = "") {
    if (result < 0) {
      send_report(control(), ReportKind::kFailed, static_cast<int>(-result), what, object);
      bare::exit(125);
    }
    return result;
  }

  int control() const { return prepared_.fd[0]; }
  int network() const { return prepared_.fd[1]; }
  int output() const { return given_.fd[0]; }
  int root() const { return given_.fd[1]; }
  int mount(uint32_t i) const { return given_.fd[2 + i]; }
  const char* working_directory() const { return strings[0]; }
  const char* host_name() const { return strings[1]; }
  const char* target(uint32_t i) const { return strings[2 + i]; }
  const char** arguments() const { return strings + 2 + start_.mounts; }
  const char** variables() const { return arguments() + start_.arguments + 1; }

  void enter_groups_and_namespaces();
  void mount_proc();
  void mask_proc();
  void wait_for_start();
  void wait_for_command();
  bool read_start(size_t size);
  void mount_all();
  void enter_root();
  void become_nobody();
  void write_map(const char* name, const char* text, size_t length);
  void write_id_map(const char* name, uint32_t inside);
  void drop_privileges();
  void keep_capabilities_of_a_zygote();
  long start_command();
  [[noreturn]] void exec_command(bool zygote);
  void close_mounts();
  bool obey(long& main_process);
  [[noreturn]] void watch(long main_process);

  const uint32_t host_user_;
  const uint32_t groups_;
  const uint32_t first_group_;
  const bool only_user_;
  Descriptors prepared_;
  Descriptors given_;
  StartMessage start_;
  int proc_ = -1;           // the mount that will be /proc, read-only
  int let_in_ = -1;         // the pipe from which a zygote's child reads when it may come in
  int writable_proc_ = -1;  // another mount of it, for the maps of the user namespace
};

void Init::enter_groups_and_namespaces() {
  must(call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL), "tie the sandbox to the server");
  for (uint32_t i = 0; i < groups_; ++i)
    must(call(SYS_write, prepared_.fd[first_group_ + i], address("0"), 1), "join a control group");
  must(call(SYS_unshare, CLONE_NEWCGROUP), "make a cgroup namespace");
  must(call(SYS_setns, network(), CLONE_NEWNET), "enter the network namespace");
  must(call(SYS_setdomainname, address("(none)"), 6), "set the domain name");
  for (uint32_t i = 1; i < prepared_.count; ++i) call(SYS_close, prepared_.fd[i]);
  call(SYS_close, kWardenSocket);
}

/// Mounts proc at the warden's own /proc, where it waits to be moved into the sandbox's root.
void Init::mount_proc() {
  const long context = must(call(SYS_fsopen, address("proc"), FSOPEN_CLOEXEC), "open the file system proc");
  must(call(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0), "make a proc file system");
  proc_ = static_cast<int>(
      must(call(SYS_fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC),
           "make a mount of proc"));
  call(SYS_close, context);
  must(call(SYS_move_mount, proc_, address(""), AT_FDCWD, address("/proc"), MOVE_MOUNT_F_EMPTY_PATH), "mount proc");
  writable_proc_ = static_cast<int>(must(
      call(SYS_open_tree, proc_, address(""), AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), "clone /proc"));
  mask_proc();
  mount_attr readonly{};
  readonly.attr_set = MOUNT_ATTR_RDONLY;
  must(call(SYS_mount_setattr, proc_, address(""), AT_EMPTY_PATH, address(&readonly), sizeof readonly),
       "make /proc read-only");
}

/// Covers what tells about the host: files by a null device, directories by an empty one.
void Init::mask_proc() {
  mount_attr harmless{};
  harmless.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
  const char* path = masked_paths;
  for (uint32_t i = 0; i < masked_files + masked_directories; ++i, path += bare::length(path) + 1) {
    const char* cover = i < masked_files ? "/null" : "/empty";
    const long clone = must(call(SYS_open_tree, AT_FDCWD, address(cover), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC),
                            "clone the cover of ", path);
    must(call(SYS_mount_setattr, clone, address(""), AT_EMPTY_PATH, address(&harmless), sizeof harmless),
         "set the flags of the cover of ", path);
    must(call(SYS_move_mount, clone, address(""), AT_FDCWD, address(path), MOVE_MOUNT_F_EMPTY_PATH), "cover ", path);
    call(SYS_close, clone);
  }
}

void Init::wait_for_start() {
  send_report(control(), ReportKind::kWaiting, 0);
  size_t size = 0;
  if (!receive(control(), size, given_)) bare::exit(0);  // not needed any more
  if (!read_start(size) || given_.count != uint64_t{2} + start_.mounts + start_.from_zygote)
    must(-EINVAL, "read the request");
}

bool Init::read_start(size_t size) {
  if (size <= sizeof start_ || *reinterpret_cast<MessageKind*>(message) != MessageKind::kStart) return false;
  memcpy(&start_, message, sizeof start_);
  return index_strings(start_, size);
}

/// Everything is built, and nothing runs.
void Init::wait_for_command() {
  send_report(control(), ReportKind::kBuilt, 0);
  size_t size = 0;
  Descriptors none;
  do {  // Orders are for what runs.
    if (!receive(control(), size, none)) bare::exit(0);
  } while (size == 1);
  if (!read_start(size) || none.count != 0 || start_.mounts != 0 || start_.arguments == 0)
    must(-EINVAL, "read the command");
}

void Init::mount_all() {
  must(call(SYS_sethostname, address(host_name()), static_cast<long>(bare::length(host_name()))), "set the host name");
  must(call(SYS_move_mount, root(), address(""), AT_FDCWD, address("/root"), MOVE_MOUNT_F_EMPTY_PATH),
       "mount the root directory");
  must(call(SYS_move_mount, proc_, address(""), root(), address("proc"), MOVE_MOUNT_F_EMPTY_PATH), "mount /proc");
  for (uint32_t i = 0; i < start_.mounts; ++i)
    must(call(SYS_move_mount, mount(i), address(""), root(), address(target(i)), MOVE_MOUNT_F_EMPTY_PATH), "mount /",
         target(i));
}

void Init::enter_root() {
  must(call(SYS_fchdir, root()), "enter the root directory");
  // The working directory is the new root: stack the old one upon it, then let go of the old one.
  must(call(SYS_pivot_root, address("."), address(".")), "change the root directory");
  must(call(SYS_umount2, address("."), kDetach), "detach the old root directory");
  must(call(SYS_chdir, address("/")), "enter the new root directory");
}

void Init::write_map(const char* name, const char* text, size_t length) {
  const long file = must(call(SYS_openat, writable_proc_, address(name), O_WRONLY | O_CLOEXEC), "open /proc/", name);
  must(call(SYS_write, file, address(text), static_cast<long>(length)), "write /proc/", name);
  call(SYS_close, file);
}

void Init::write_id_map(const char* name, uint32_t inside) {
  char text[40];
  size_t length = 0;
  const uint32_t numbers[] = {inside, host_user_, 1};
  for (uint32_t number : numbers) {
    char digits[12];
    size_t n = 0;
    do {
      digits[n++] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number != 0);
    while (n != 0) text[length++] = digits[--n];
    text[length++] = ' ';
  }
  write_map(name, text, length);
}

/// A host user of its own, seen as sbx_user1051 through a user namespace that owns nothing: all other namespaces were
/// made before it, so even its full capabilities would mean nothing to them.
void Init::become_nobody() {
  const long id = host_user_;
  if (!only_user_) must(call(SYS_setgroups, 0, 0), "drop the supplementary groups");
  must(call(SYS_setresgid, id, id, id), "change the group");
  must(call(SYS_setresuid, id, id, id), "change the user");
  must(call(SYS_prctl, PR_SET_DUMPABLE, 1), "open own /proc entries");
  must(call(SYS_unshare, CLONE_NEWUSER), "make a user namespace");
  write_map("self/setgroups", "deny", 4);
  write_id_map("self/gid_map", kInsideGroup);
  write_id_map("self/uid_map", kInsideUser);
}

void Init::drop_privileges() {
  must(call(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0), "leave the session's keyring");
  for (int capability = 0; call(SYS_prctl, PR_CAPBSET_READ, capability) >= 0; ++capability)
    must(call(SYS_prctl, PR_CAPBSET_DROP, capability), "drop a capability from the bounding set");
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  must(call(SYS_capset, address(&header), address(none)), "drop the capabilities");
  const rlimit processes{start_.max_processes, start_.max_processes};
  must(call(SYS_setrlimit, RLIMIT_NPROC, address(&processes)), "limit the number of processes");
  must(call(SYS_prctl, PR_SET_DUMPABLE, 0), "close own /proc entries");
  must(call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL), "tie the sandbox to the server");
  must(call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1), "give up new privileges");
  sock_fprog program{static_cast<unsigned short>(filter_length), filter};
  must(call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, address(&program)), "install the system call filter");
}

/// It joins namespaces, changes its user and its limits, and no more.
void Init::keep_capabilities_of_a_zygote() {
  constexpr uint64_t kKept = uint64_t{1} << CAP_SYS_ADMIN | uint64_t{1} << CAP_SYS_CHROOT |
                             uint64_t{1} << CAP_SYS_PTRACE | uint64_t{1} << CAP_SETUID | uint64_t{1} << CAP_SETGID |
                             uint64_t{1} << CAP_SETPCAP;
  for (int capability = 0; call(SYS_prctl, PR_CAPBSET_READ, capability) >= 0; ++capability) {
    if ((kKept >> capability & 1) != 0) continue;
    must(call(SYS_prctl, PR_CAPBSET_DROP, capability), "drop a capability from the bounding set");
  }
}

void Init::exec_command(bool zygote) {
  const SignalSet none = 0;
  call(SYS_rt_sigprocmask, SIG_SETMASK, address(&none), 0, sizeof none);
  must(call(SYS_setsid), "make a session");
  const long null = must(call(SYS_openat, AT_FDCWD, address("/dev/null"), O_RDWR | O_CLOEXEC), "open /dev/null");
  must(call(SYS_dup3, null, 0, 0), "set the standard input");
  must(call(SYS_dup3, output(), 1, 0), "set the standard output");
  must(call(SYS_dup3, output(), 2, 0), "set the standard error");
  must(call(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC), "close the other descriptors");
  if (zygote) must(call(SYS_dup3, control(), kZygoteSocket, 0), "set the control socket");
  must(call(SYS_chdir, address(working_directory())), "enter the working directory ", working_directory());
  const long problem = call(SYS_execve, address(arguments()[0]), address(arguments()), address(variables()));
  send_report(control(), ReportKind::kNoProgram, static_cast<int>(-problem), arguments()[0]);
  bare::exit(125);
}

/// Forks the command; returns when it has been executed (or has failed, which it reported then).
long Init::start_command() {
  const long child = call(SYS_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);
  if (child == 0) exec_command(false);
  return must(child, "fork the command");
}

/// Takes one order; false when there is none.
bool Init::obey(long& main_process) {
  InitOrder order;
  const long got = call(SYS_recvfrom, control(), address(&order), sizeof order, MSG_DONTWAIT, 0, 0);
  if (got == 0) bare::exit(0);  // the server has gone
  if (got < 0) return false;
  const bool whole = got == sizeof order && main_process == 0;
  if (order.what == kTerminate && main_process > 0) call(SYS_kill, main_process, SIGTERM);
  if (order.what == kStop) call(SYS_kill, -1, SIGSTOP);  // all but ourselves
  if (order.what == kContinue) call(SYS_kill, -1, SIGCONT);
  if (order.what == kAdopt && whole) {
    main_process = order.value;
    send_report(control(), ReportKind::kStarted, 0);
  }
  if (order.what == kNotAdopted && whole) {
    order.text[sizeof order.text - 1] = 0;
    must(order.value > 0 ? -order.value : -EPROTO, order.text);
  }
  return true;
}

/// Without a main process (0) until a zygote's child tells that it is the one.
void Init::watch(long main_process) {
  const SignalSet wanted = bit(SIGCHLD) | bit(SIGTERM);
  const long signals =
      must(call(SYS_signalfd4, -1, address(&wanted), sizeof wanted, O_CLOEXEC | O_NONBLOCK), "watch signals");
  for (;;) {
    pollfd waits[3] = {{control(), POLLIN, 0}, {static_cast<int>(signals), POLLIN, 0}, {let_in_, 0, 0}};
    call(SYS_ppoll, address(waits), 3, 0, 0, 0);
    char information[128];
    while (call(SYS_read, signals, address(information), sizeof information) > 0) {
      const bool end = *reinterpret_cast<uint32_t*>(information) == SIGTERM;
      if (end && main_process > 0) call(SYS_kill, main_process, SIGTERM);
    }
    // All orders before any child: who was the main process told so before it ended.
    while (obey(main_process)) {
    }
    if (let_in_ >= 0 && waits[2].revents != 0) {  // nobody can read it any more: the child has come in, or will never
      call(SYS_close, let_in_);
      let_in_ = -1;
      must(main_process == 0 ? -ECHILD : 0, "wait for a zygote's child");
    }
    int status = 0;
    for (long child; (child = call(SYS_wait4, -1, address(&status), WNOHANG | __WALL, 0)) > 0;) {
      if (child != main_process) continue;
      send_report(control(), ReportKind::kExited, status);
      bare::exit(0);  // the kernel ends all that is left in this process namespace
    }
  }
}

/// What else was given but the output. The kernel takes its time for this: it is not done where somebody waits.
void Init::close_mounts() {
  for (; given_.count > 1; --given_.count) call(SYS_close, given_.fd[given_.count - 1]);
  int* const mounts[] = {&proc_, &writable_proc_};
  for (int* mount : mounts) {
    if (*mount >= 0) call(SYS_close, *mount);
    *mount = -1;
  }
}

void Init::run() {
  enter_groups_and_namespaces();
  mount_proc();
  wait_for_start();
  mount_all();
  enter_root();
  become_nobody();
  drop_privileges();
  if (start_.arguments == 0) {
    close_mounts();
    wait_for_command();
  }
  const long main_process = start_.from_zygote != 0 ? 0 : start_command();
  if (main_process == 0) {
    let_in_ = given_.fd[--given_.count];
    must(call(SYS_write, let_in_, address("0"), 1), "let the zygote's child in");
  } else {
    send_report(control(), ReportKind::kStarted, 0);
  }
  close_mounts();
  call(SYS_close, output());
  watch(main_process);
}

/// The files that sandboxes see and no network, but the host's processes: into their namespaces its children go.
void Init::run_zygote(size_t size) {
  must(call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL), "tie the zygote to the server");
  memcpy(&start_, message, sizeof start_);
  for (uint32_t i = 1; i < prepared_.count; ++i) given_.fd[given_.count++] = prepared_.fd[i];
  if (given_.count != uint64_t{2} + start_.mounts || start_.arguments == 0 || !index_strings(start_, size))
    must(-EINVAL, "read the request");
  must(call(SYS_unshare, CLONE_NEWNET), "make a network namespace");
  mount_proc();
  mount_all();
  enter_root();
  keep_capabilities_of_a_zygote();
  exec_command(true);
}

void configure(size_t size) {
  const auto& settings = *reinterpret_cast<const ConfigureMessage*>(message);
  const size_t filter_bytes = settings.filter_length * sizeof(sock_filter);
  const size_t paths_at = sizeof settings + filter_bytes;
  if (settings.filter_length > kMaxFilter || paths_at > size || size - paths_at > sizeof masked_paths) bare::exit(124);
  filter_length = settings.filter_length;
  masked_files = settings.masked_files;
  masked_directories = settings.masked_directories;
  memcpy(filter, message + sizeof settings, filter_bytes);
  memcpy(masked_paths, message + paths_at, size - paths_at);
}

void prepare_sandbox(size_t size, Descriptors& descriptors) {
  if (descriptors.count == 0) return;
  const int control = descriptors.fd[0];
  PrepareMessage request;
  if (size == sizeof request) memcpy(&request, message, sizeof request);
  if (size != sizeof request || descriptors.count != uint64_t{2} + request.into_group + request.groups) {
    send_report(control, ReportKind::kFailed, EINVAL, "read the request");
    return;
  }
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = CLONE_PIDFD | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS;
  arguments.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  if (request.into_group != 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<uint64_t>(descriptors.fd[2]);
  }
  const long child = call(SYS_clone3, address(&arguments), sizeof arguments);
  if (child == 0) Init(request, descriptors).run();
  if (child < 0) {
    send_report(control, ReportKind::kFailed, static_cast<int>(-child), "fork into new namespaces");
    return;
  }
  send_report(control, ReportKind::kForked, 0, "", "", pidfd);
  call(SYS_close, pidfd);
}

void start_zygote(size_t size, Descriptors& descriptors) {
  if (descriptors.count == 0 || size <= sizeof(StartMessage)) return;
  clone_args arguments{};
  arguments.flags = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS;
  arguments.exit_signal = SIGCHLD;
  const long child = call(SYS_clone3, address(&arguments), sizeof arguments);
  if (child == 0) Init(PrepareMessage(), descriptors).run_zygote(size);
  if (child < 0)
    send_report(descriptors.fd[0], ReportKind::kFailed, static_cast<int>(-child), "fork into new namespaces");
}

/// Mounts what the host shows at `from` at `to`.
long show(const char* from, const char* to) {
  const long tree = call(SYS_open_tree, AT_FDCWD, address(from), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | kRecursiveTree);
  if (tree < 0) return tree;
  const long moved = call(SYS_move_mount, tree, address(""), AT_FDCWD, address(to), MOVE_MOUNT_F_EMPTY_PATH);
  call(SYS_close, tree);
  return moved;
}

/// In a user namespace no device can be made, so the host's is shown; and the kernel makes a new proc file system only
/// for who sees one already. Sandboxes leave both behind with the warden's root directory.
long borrow_from_host() {
  const long file = call(SYS_openat, AT_FDCWD, address("null"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return file;
  call(SYS_close, file);
  if (const long r = show("/dev/null", "null"); r < 0) return r;
  if (const long r = call(SYS_mkdirat, AT_FDCWD, address("host"), 0755); r < 0) return r;
  return show("/proc", "host");
}

/// Leaves the host's tree of mounts for an empty one, so that each sandbox's copy of it costs little and shows nothing.
long leave_host_mounts() {
  if (const long r = call(SYS_unshare, CLONE_NEWNS); r < 0) return r;
  if (const long r = call(SYS_mount, 0, address("/"), 0, kRecursive | kPrivate, 0); r < 0) return r;
  if (const long r = call(SYS_mount, address("warden"), address("/tmp"), address("tmpfs"), 0, address("size=64k"));
      r < 0)
    return r;
  if (const long r = call(SYS_chdir, address("/tmp")); r < 0) return r;
  const char* const directories[] = {"root", "proc", "empty"};
  for (const char* directory : directories)
    if (const long r = call(SYS_mkdirat, AT_FDCWD, address(directory), 0755); r < 0) return r;
  long made = call(SYS_mknodat, AT_FDCWD, address("null"), kCharacterDevice | 0666, kNullDevice);
  if (made == -EPERM) made = borrow_from_host();
  if (made < 0) return made;
  if (const long r = call(SYS_pivot_root, address("."), address(".")); r < 0) return r;
  if (const long r = call(SYS_umount2, address("."), kDetach); r < 0) return r;
  return call(SYS_chdir, address("/"));
}

/// What all sandboxes have in common and need not do each for itself.
long prepare() {
  call(SYS_close_range, kWardenSocket + 1, ~0U, 0);
  if (const long r = call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL); r < 0) return r;
  call(SYS_prctl, PR_SET_NAME, address("cumulet-warden"));
  const SignalSet all = ~SignalSet{0};
  call(SYS_rt_sigprocmask, SIG_SETMASK, address(&all), 0, sizeof all);
  // Changing the user must not touch the capabilities: the user namespace is made after it, and they go last.
  if (const long r = call(SYS_prctl, PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP); r < 0) return r;
  // A limit of 1, unlike 0, also keeps the kernel from handing a crashed program to the host's crash handler.
  const struct {
    int what;
    rlim_t limit;
  } limits[] = {{RLIMIT_NOFILE, 1024}, {RLIMIT_CORE, 1},   {RLIMIT_MEMLOCK, 65536}, {RLIMIT_MSGQUEUE, 0},
                {RLIMIT_NICE, 0},      {RLIMIT_RTPRIO, 0}, {RLIMIT_STACK, 8 << 20}, {RLIMIT_SIGPENDING, 1024}};
  for (const auto& limit : limits) {
    rlimit now{};
    call(SYS_getrlimit, limit.what, address(&now));
    const rlim_t wanted = now.rlim_max < limit.limit ? now.rlim_max : limit.limit;
    const rlimit next{wanted, wanted};
    if (const long r = call(SYS_setrlimit, limit.what, address(&next)); r < 0) return r;
  }
  call(SYS_umask, 022);
  return leave_host_mounts();
}

/// Reaps inits that have ended; SIGCHLD stays blocked, so this is the only place.
void reap() {
  while (call(SYS_wait4, -1, 0, WNOHANG | __WALL, 0) > 0) {
  }
}

[[noreturn]] void serve() {
  const long prepared = prepare();
  send_report(kWardenSocket, prepared < 0 ? ReportKind::kFailed : ReportKind::kStarted, static_cast<int>(-prepared),
              "prepare the warden's own mounts and limits");
  if (prepared < 0) bare::exit(124);
  const SignalSet child = bit(SIGCHLD);
  const long signals = call(SYS_signalfd4, -1, address(&child), sizeof child, O_CLOEXEC | O_NONBLOCK);
  for (;;) {
    pollfd waits[2] = {{kWardenSocket, POLLIN, 0}, {static_cast<int>(signals), POLLIN, 0}};
    call(SYS_ppoll, address(waits), 2, 0, 0, 0);
    if (waits[1].revents != 0) {
      char information[128];
      while (call(SYS_read, signals, address(information), sizeof information) > 0) {
      }
      reap();
    }
    if (waits[0].revents == 0) continue;
    size_t size = 0;
    Descriptors descriptors;
    if (!receive(kWardenSocket, size, descriptors)) bare::exit(0);  // the server has gone, and all sandboxes go with us
    const MessageKind kind = *reinterpret_cast<MessageKind*>(message);
    if (size >= sizeof(ConfigureMessage) && kind == MessageKind::kConfigure)
      configure(size);
    else if (size >= sizeof kind && kind == MessageKind::kZygote)
      start_zygote(size, descriptors);
    else
      prepare_sandbox(size, descriptors);
    descriptors.close_all();
  }
}

}  // namespace
}  // namespace cumulet::compute::sandbox

extern "C" [[noreturn]] __attribute__((used)) void warden_main() { cumulet::compute::sandbox::serve(); }

#if defined(__x86_64__)
asm(".globl _start\n_start:\n xor %ebp, %ebp\n and $-16, %rsp\n call warden_main\n");
#elif defined(__aarch64__)
asm(".globl _start\n_start:\n mov x29, #0\n mov x30, #0\n bl warden_main\n");
#endif
