#include "compute/sandbox/warden.h"

#include <cstring>

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compute/sandbox/mounts.h"
#include "compute/sandbox/protocol.h"

// The program, as the build made it.
asm(".pushsection .rodata.warden, \"a\"\n"
    ".balign 16\n"
    ".global cumulet_warden_begin\n"
    ".global cumulet_warden_end\n"
    "cumulet_warden_begin:\n"
    ".incbin \"" CUMULET_WARDEN
    "\"\n"
    "cumulet_warden_end:\n"
    ".byte 0\n"
    ".popsection\n");
extern "C" const char cumulet_warden_begin[];
extern "C" const char cumulet_warden_end[];

namespace cumulet::compute::sandbox {

namespace {

Result<Fd> program_in_memory() {
  Fd file(::memfd_create("cumulet-warden", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) return system_error("make a memory file for the warden");
  const auto size = cumulet_warden_end - cumulet_warden_begin;
  if (::write(file.get(), cumulet_warden_begin, static_cast<std::size_t>(size)) != size)
    return system_error("write the warden into a memory file");
  if (::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
    return system_error("seal the warden's memory file");
  return file;
}

Result<pid_t> spawn(const Fd& program, const Fd& socket) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (int fd = 0; fd < 3; ++fd) posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
  posix_spawn_file_actions_adddup2(&actions, socket.get(), kWardenSocket);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t all;
  sigfillset(&all);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  // The memory file's number must not be the one that the socket goes to.
  const Fd kept(::fcntl(program.get(), F_DUPFD_CLOEXEC, kWardenSocket + 1));
  const std::string path = fmt::format("/proc/self/fd/{}", kept.get());
  char name[] = "cumulet-warden";
  char* const arguments[] = {name, nullptr};
  char* const environment[] = {nullptr};
  pid_t pid = 0;
  const int code = ::posix_spawn(&pid, path.c_str(), &actions, &attributes, arguments, environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (code != 0) return system_error("run the warden", code);
  return pid;
}

std::string configuration(const std::string& filter) {
  const std::vector<std::string> files = masked_proc_files();
  const std::vector<std::string> directories = masked_proc_directories();
  ConfigureMessage head;
  head.filter_length = static_cast<std::uint32_t>(filter.size() / 8);
  head.masked_files = static_cast<std::uint32_t>(files.size());
  head.masked_directories = static_cast<std::uint32_t>(directories.size());
  std::string message(reinterpret_cast<const char*>(&head), sizeof head);
  message += filter;
  for (const auto* list : {&files, &directories})
    for (const std::string& path : *list) message.append(path).push_back('\0');
  return message;
}

}  // namespace

Result<std::unique_ptr<Warden>> Warden::launch(const std::string& filter) {
  Result<Fd> program = program_in_memory();
  if (!program.ok()) return std::move(program).error();
  Result<std::pair<Fd, Fd>> ends = make_socket_pair();
  if (!ends.ok()) return std::move(ends).error();
  // Above the warden's own number, so that dup2 in the child never meets it.
  Fd theirs(::fcntl(ends->second.get(), F_DUPFD_CLOEXEC, kWardenSocket + 1));
  ends->second.reset();
  if (!theirs) return system_error("duplicate the warden's socket");
  Result<pid_t> pid = spawn(*program, theirs);
  if (!pid.ok()) return std::move(pid).error();
  std::unique_ptr<Warden> warden(new Warden(*pid, std::move(ends->first)));

  const timeval patience{20, 0};
  ::setsockopt(warden->socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (Result<void> sent = send_message(warden->socket_.get(), configuration(filter), {}); !sent.ok())
    return std::move(sent).error();
  theirs.reset();
  Report report;
  const ssize_t got = ::recv(warden->socket_.get(), &report, sizeof report, 0);
  if (got != sizeof report) return system_error("hear from the warden", got == 0 ? ECONNRESET : errno);
  if (report.kind != ReportKind::kStarted) return system_error(report.text, report.value);
  // When the host itself runs out of memory, a sandbox goes before the server does; what is forked inherits this.
  if (Result<Fd> about = open_directory(fmt::format("/proc/{}", *pid)); about.ok())
    (void)write_file(about->get(), "oom_score_adj", "500");
  return warden;
}

Warden::~Warden() {
  socket_.reset();  // it exits by itself then
  ::kill(pid_, SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
}

Result<void> Warden::request(std::string_view message, const std::vector<int>& descriptors) {
  return send_message(socket_.get(), message, descriptors);
}

}  // namespace cumulet::compute::sandbox
