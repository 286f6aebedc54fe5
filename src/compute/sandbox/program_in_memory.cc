#include "compute/sandbox/program_in_memory.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <unistd.h>

namespace cumulet::compute::sandbox {

Result<Fd> program_in_memory(const std::string& name, std::string_view bytes) {
  Fd file(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) return system_error("make a memory file for " + name);
  if (::write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    return system_error("write " + name + " into a memory file");
  if (::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
    return system_error("seal the memory file of " + name);
  return file;
}

Result<pid_t> run_program(std::string name, const Fd& program, const Fd& socket, int at) {
  // Neither number may be the one that the socket goes to.
  const Fd kept(::fcntl(program.get(), F_DUPFD_CLOEXEC, at + 1));
  const Fd theirs(::fcntl(socket.get(), F_DUPFD_CLOEXEC, at + 1));
  if (!kept || !theirs) return system_error("duplicate the socket of " + name);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (int fd = 0; fd < 3; ++fd) posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
  posix_spawn_file_actions_adddup2(&actions, theirs.get(), at);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t all;
  sigfillset(&all);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
  const std::string path = fmt::format("/proc/self/fd/{}", kept.get());
  char* const arguments[] = {name.data(), nullptr};
  char* const environment[] = {nullptr};
  pid_t pid = 0;
  const int code = ::posix_spawn(&pid, path.c_str(), &actions, &attributes, arguments, environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (code != 0) return system_error("run " + name, code);
  return pid;
}

}  // namespace cumulet::compute::sandbox
