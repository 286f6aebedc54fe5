#include "tests/unit/compute/engine_fake_substrate.h"

#include <cstring>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/deferred.h"

namespace cumulet::compute {
namespace {

/// "/var/task/x" as the host knows it.
std::string translate(std::string text, const std::vector<std::pair<std::string, std::string>>& replacements) {
  for (const auto& [from, to] : replacements) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
      text.replace(at, from.size(), to);
    }
  }
  return text;
}

std::pair<int, std::uint16_t> listen_anywhere() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  ::listen(fd, 128);
  socklen_t length = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  return {fd, ntohs(address.sin_port)};
}

class FakeSandbox final : public Sandbox {
 public:
  FakeSandbox(pid_t pid, std::vector<int> listeners, int output)
      : pid_(pid), listeners_(std::move(listeners)), output_(output) {
    reaper_ = std::thread([pid, exited = exited_] {
      int status = 0;
      ::waitpid(pid, &status, 0);
      exited.resolve(WIFEXITED(status) ? SandboxExit(ExitKind::kExited, WEXITSTATUS(status))
                                       : SandboxExit(ExitKind::kSignaled, WTERMSIG(status)));
    });
  }
  ~FakeSandbox() override {
    kill();
    reaper_.join();
  }
  std::vector<int> take_listeners() override { return std::exchange(listeners_, {}); }
  int take_output() override { return std::exchange(output_, -1); }
  Result<void> freeze() override {
    ::kill(-pid_, SIGSTOP);
    return {};
  }
  Result<void> thaw() override {
    ::kill(-pid_, SIGCONT);
    return {};
  }
  void kill() override { ::kill(-pid_, SIGKILL); }
  void terminate() override { ::kill(pid_, SIGTERM); }
  Task<SandboxExit> exited() override { return exited_.wait(); }
  std::uint64_t peak_memory() const override { return 30u << 20; }

 private:
  const pid_t pid_;
  std::vector<int> listeners_;
  int output_;
  Deferred<SandboxExit> exited_;
  std::thread reaper_;
};

class FakeSubstrate final : public Substrate {
 public:
  Task<std::unique_ptr<Sandbox>> start(SandboxSpec spec) override {
    std::vector<std::pair<std::string, std::string>> replacements;
    std::string work = "/";
    for (const Mount& mount : spec.mounts) {
      if (!mount.target.starts_with("/var/") && mount.target != "/opt") continue;
      replacements.emplace_back(mount.target, mount.source.string());
      if (mount.target == spec.working_directory) work = mount.source.string();
    }
    std::vector<int> sockets;
    for (const std::uint16_t port : spec.listen_ports) {
      const auto [fd, actual] = listen_anywhere();
      sockets.push_back(fd);
      replacements.emplace_back("127.0.0.1:" + std::to_string(port), "127.0.0.1:" + std::to_string(actual));
    }
    std::vector<std::string> words;
    std::vector<char*> argv;
    std::vector<std::string> variables;
    std::vector<char*> envp;
    for (const std::string& word : spec.command) words.push_back(translate(word, replacements));
    for (const auto& [name, value] : spec.environment) {
      // The host's own libraries: a foreign LD_LIBRARY_PATH would confuse sanitizers.
      if (name != "LD_LIBRARY_PATH") variables.push_back(name + "=" + translate(value, replacements));
    }
    for (std::string& word : words) argv.push_back(word.data());
    for (std::string& variable : variables) envp.push_back(variable.data());
    argv.push_back(nullptr);
    envp.push_back(nullptr);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) co_return Error("Sandbox.Failure", 500, "pipe");
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::setpgid(0, 0);
      ::dup2(ends[1], 1);
      ::dup2(ends[1], 2);
      if (::chdir(work.c_str()) != 0) ::_exit(126);
      ::execve(argv[0], argv.data(), envp.data());
      ::_exit(127);
    }
    ::setpgid(pid, pid);
    ::close(ends[1]);
    std::unique_ptr<Sandbox> sandbox = std::make_unique<FakeSandbox>(pid, std::move(sockets), ends[0]);
    co_return sandbox;
  }
};

}  // namespace

std::unique_ptr<Substrate> make_fake_substrate() { return std::make_unique<FakeSubstrate>(); }

}  // namespace cumulet::compute
