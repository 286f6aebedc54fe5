#include "compute/sandbox/warden.h"

#include <cstring>

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compute/sandbox/mounts.h"
#include "compute/sandbox/program_in_memory.h"
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

constexpr const char* kName = "cumulet-warden";

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
  const auto size = static_cast<std::size_t>(cumulet_warden_end - cumulet_warden_begin);
  const Result<Fd> program = program_in_memory(kName, std::string_view(cumulet_warden_begin, size));
  if (!program.ok()) return program.error();
  Result<std::pair<Fd, Fd>> ends = make_socket_pair();
  if (!ends.ok()) return std::move(ends).error();
  Result<pid_t> pid = run_program(kName, *program, ends->second, kWardenSocket);
  if (!pid.ok()) return std::move(pid).error();
  std::unique_ptr<Warden> warden(new Warden(*pid, std::move(ends->first)));

  const timeval patience{20, 0};
  ::setsockopt(warden->socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (Result<void> sent = send_message(warden->socket_.get(), configuration(filter), {}); !sent.ok())
    return std::move(sent).error();
  ends->second.reset();
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
