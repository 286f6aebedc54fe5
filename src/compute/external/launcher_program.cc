// Runs an OCI runtime or QEMU for one sandbox: joins the sandbox's control groups and network, makes a
// mount namespace in which the program finds what it needs and nothing that tells where it really is, and becomes the
// program. Nothing of this is left when the program ends. A static program that the server carries inside itself.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "compute/external/launch_protocol.h"

namespace {

using namespace cumulet::compute::external;

char message[kMaxLaunchMessage];
int descriptors[kMaxLaunchDescriptors];
std::uint32_t descriptor_count = 0;
int log_file = -1;

[[noreturn]] void give_up(const char* what, const char* which = "") {
  dprintf(log_file >= 0 ? log_file : 2, "cannot %s%s: %s\n", what, which, std::strerror(errno));
  _exit(125);
}

void must(bool good, const char* what, const char* which = "") {
  if (!good) give_up(what, which);
}

std::size_t receive() {
  alignas(cmsghdr) char ancillary[CMSG_SPACE(sizeof descriptors)];
  iovec part{message, sizeof message};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = ancillary;
  header.msg_controllen = sizeof ancillary;
  const ssize_t got = recvmsg(kLauncherSocket, &header, MSG_CMSG_CLOEXEC);
  if (got < static_cast<ssize_t>(sizeof(LaunchMessage))) _exit(125);
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    descriptor_count = static_cast<std::uint32_t>((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    std::memcpy(descriptors, CMSG_DATA(c), descriptor_count * sizeof(int));
  }
  return static_cast<std::size_t>(got);
}

void join_groups(int unified, const int* members, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) must(write(members[i], "0", 1) == 1, "join a control group");
  const int procs = openat(unified, "cgroup.procs", O_WRONLY | O_CLOEXEC);
  must(procs >= 0 && write(procs, "0", 1) == 1, "join the v2 control group");
  close(procs);
}

/// The program sees one v2 tree whose root is the sandbox's own group: whatever groups it makes are below that,
/// whatever the host's layout is (crun, for one, refuses hosts with v1 and v2 controllers).
void show_own_groups() {
  must(unshare(CLONE_NEWCGROUP) == 0, "make a control group namespace");
  while (umount2("/sys/fs/cgroup", MNT_DETACH) == 0) {
  }
  must(mount("cgroup2", "/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0,
       "mount the control groups");
}

void make_workplace() {
  must(unshare(CLONE_NEWNS) == 0, "make a mount namespace");
  must(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "separate the mounts");
  must(mount("workplace", kWorkplace, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=4m") == 0, "mount a tmpfs at ",
       kWorkplace);
  must(chdir(kWorkplace) == 0, "enter ", kWorkplace);
}

/// The first mount is a root; the others lie in it or beside it. A file is covered by a file.
void attach(int tree, const char* target) {
  struct stat about {};
  must(fstat(tree, &about) == 0, "look at the mount for ", target);
  if (S_ISDIR(about.st_mode)) {
    must(mkdir(target, 0755) == 0 || errno == EEXIST || errno == EROFS, "make the directory ", target);
  } else {
    close(open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0444));
  }
  must(move_mount(tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) == 0, "mount ", target);
}

void write_file(const char* name, const char* content) {
  const int file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  const auto size = static_cast<ssize_t>(std::strlen(content));
  must(file >= 0 && write(file, content, static_cast<std::size_t>(size)) == size, "write ", name);
  close(file);
}

/// What the program inherits: the output (or the log) at 1 and 2, the output at 3, its log, nothing else.
void set_descriptors(int output, int messages) {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  must(null >= 0 && dup2(null, 0) == 0 && dup2(messages, 1) == 1 && dup2(messages, 2) == 2, "set the standard streams");
  if (log_file == kLauncherLog) {
    must(fcntl(log_file, F_SETFD, 0) == 0, "keep the log");
  } else {
    must(dup2(log_file, kLauncherLog) == kLauncherLog, "keep the log");
  }
  must(dup2(output, kLauncherOutput) == kLauncherOutput, "hand over the output");
}

/// The workplace is the program's root directory, and nothing else is there.
void enter_workplace() {
  must(syscall(SYS_pivot_root, ".", ".") == 0 && umount2(".", MNT_DETACH) == 0 && chdir("/") == 0,
       "make a root directory of ", kWorkplace);
  must(unshare(CLONE_NEWIPC | CLONE_NEWUTS) == 0, "make namespaces");
}

void become(std::uint32_t user) {
  for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; ++capability)
    must(prctl(PR_CAPBSET_DROP, capability) == 0, "drop a capability");
  must(syscall(SYS_setgroups, 0, nullptr) == 0 && syscall(SYS_setresgid, user, user, user) == 0 &&
           syscall(SYS_setresuid, user, user, user) == 0,
       "change the user");
  must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "give up new privileges");
  // What a guest can make it say is limited.
  const rlimit file_size{1 << 20, 1 << 20};
  signal(SIGXFSZ, SIG_IGN);
  must(setrlimit(RLIMIT_FSIZE, &file_size) == 0, "limit the log");
  // The kernel forgets this with the user.
  must(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "tie the program to the server");
}

}  // namespace

int main() {
  const std::size_t size = receive();
  LaunchMessage head;
  std::memcpy(&head, message, sizeof head);
  if (descriptor_count != 4 + head.groups + head.mounts || message[size - 1] != 0 || head.arguments > 128) _exit(125);
  // No number that comes later may be the one that the log goes to.
  log_file = fcntl(descriptors[0], F_DUPFD_CLOEXEC, 100);
  const int output = fcntl(descriptors[1], F_DUPFD_CLOEXEC, 100);
  must(output >= 0, "duplicate the output");
  prctl(PR_SET_PDEATHSIG, SIGKILL);

  const char* next = message + sizeof head;
  const auto take = [&next, size] {
    if (next >= message + size) _exit(125);
    const char* string = next;
    next += std::strlen(next) + 1;
    return string;
  };
  join_groups(descriptors[3], descriptors + 4, head.groups);
  must(setns(descriptors[2], CLONE_NEWNET) == 0, "enter the network namespace");
  make_workplace();
  const int* mounts = descriptors + 4 + head.groups;
  for (std::uint32_t i = 0; i < head.mounts; ++i) attach(mounts[i], take());
  if (head.user == 0) show_own_groups();
  for (std::uint32_t i = 0; i < head.files; ++i) {
    const char* name = take();
    write_file(name, take());
  }
  static char* arguments[129];
  for (std::uint32_t i = 0; i < head.arguments; ++i) arguments[i] = const_cast<char*>(take());
  set_descriptors(output, head.user == 0 ? output : log_file);
  if (head.user != 0) {
    enter_workplace();
    become(head.user);
  }
  char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  char* const environment[] = {path, nullptr};
  umask(022);
  execve(arguments[0], arguments, environment);
  log_file = kLauncherLog;
  give_up("run ", arguments[0]);
}
