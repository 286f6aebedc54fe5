// The extension host: the main process of a sandbox that has external extensions. It starts them, starts the runtime
// when the platform says so, and tells the platform who ended, what the extensions printed, and carries telemetry to
// the ports at which they listen (nobody outside the sandbox can reach those). A program of its own, linked statically,
// since it runs in whatever root a function has. Usage: extension-host COUNT EXTENSION... COMMAND...
//
// It lives inside the sandbox, so the platform believes it no more than the function: see extensions_api.cc.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace {

constexpr const char* kPrefix = "/cumulet/extensions/";
constexpr int kDeliverySeconds = 2;
constexpr pid_t kNobody = -1;

/// Variables of the function that extensions do not get.
constexpr const char* kNotForExtensions[] = {"AWS_EXECUTION_ENV",          "AWS_LAMBDA_LOG_GROUP_NAME",
                                             "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_XRAY_CONTEXT_MISSING",
                                             "AWS_XRAY_DAEMON_ADDRESS",    "LAMBDA_RUNTIME_DIR",
                                             "LAMBDA_TASK_ROOT",           "_AWS_XRAY_DAEMON_ADDRESS",
                                             "_AWS_XRAY_DAEMON_PORT",      "_HANDLER"};

std::string platform_address() {
  const char* const text = ::getenv("AWS_LAMBDA_RUNTIME_API");
  return text == nullptr ? "127.0.0.1:9001" : text;
}

int connect_to(const char* host, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::inet_pton(AF_INET, host, &address.sin_addr) != 1) return -1;
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

bool send_all(int fd, const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = ::send(fd, text.data() + done, text.size() - done, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

struct Answer {
  std::string head;
  std::string body;

  /// The value of a header, as the platform writes it.
  std::string header(const char* name) const {
    const std::string wanted = std::string("\r\n") + name + ": ";
    const std::size_t at = head.find(wanted);
    if (at == std::string::npos) return {};
    const std::size_t from = at + wanted.size();
    return head.substr(from, head.find("\r\n", from) - from);
  }
};

bool receive(int fd, Answer& answer) {
  std::string got;
  char piece[16384];
  std::size_t end = std::string::npos;
  std::size_t wanted = 0;
  while (end == std::string::npos || got.size() < end + 4 + wanted) {
    const ssize_t n = ::recv(fd, piece, sizeof piece, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    got.append(piece, static_cast<std::size_t>(n));
    if (end != std::string::npos || (end = got.find("\r\n\r\n")) == std::string::npos) continue;
    answer.head = got.substr(0, end + 2);
    wanted = static_cast<std::size_t>(std::strtoul(answer.header("Content-Length").c_str(), nullptr, 10));
  }
  answer.body = got.substr(end + 4, wanted);
  return true;
}

/// One kept connection to the platform. Each thread has its own.
class Platform {
 public:
  Platform() {
    const std::string address = platform_address();
    const std::size_t colon = address.rfind(':');
    fd_ = connect_to(address.substr(0, colon).c_str(), std::atoi(address.c_str() + colon + 1));
    host_ = address;
  }
  bool ask(const char* method, const char* path, const std::string& body, Answer& answer) {
    const std::string request = std::string(method) + " " + kPrefix + path + " HTTP/1.1\r\nHost: " + host_ +
                                "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    return fd_ >= 0 && send_all(fd_, request) && receive(fd_, answer);
  }

 private:
  int fd_ = -1;
  std::string host_;
};

std::vector<char*> runtime_command;
std::vector<std::string> extensions;
std::vector<pid_t> extension_pids;
pid_t runtime_pid = kNobody;
bool terminating = false;
pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
int output_read = -1;
int output_write = -1;

bool for_extensions(const char* variable) {
  for (const char* name : kNotForExtensions) {
    const std::size_t length = std::strlen(name);
    if (std::strncmp(variable, name, length) == 0 && variable[length] == '=') return false;
  }
  return true;
}

/// Starts a program; the errno of a failure comes through a pipe that execve closes.
pid_t launch(char* const* command, char* const* variables, bool is_extension, int& problem) {
  int failure[2];
  if (::pipe2(failure, O_CLOEXEC) != 0) {
    problem = errno;
    return kNobody;
  }
  const pid_t child = ::fork();
  if (child == 0) {
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (is_extension) {
      ::dup2(output_write, 1);
      ::dup2(output_write, 2);
      if (::chdir("/") != 0) ::_exit(127);
    }
    ::execve(command[0], command, variables);
    const int why = errno;
    [[maybe_unused]] const ssize_t written = ::write(failure[1], &why, sizeof why);
    ::_exit(127);
  }
  problem = child < 0 ? errno : 0;
  ::close(failure[1]);
  if (child > 0 && ::read(failure[0], &problem, sizeof problem) != sizeof problem) problem = 0;
  ::close(failure[0]);
  return problem == 0 ? child : kNobody;
}

void report(Platform& platform, const std::string& who, const char* how, int value) {
  Answer ignored;
  platform.ask("POST", "ended", who + " " + how + " " + std::to_string(value), ignored);
}

void start_runtime(Platform& platform) {
  ::pthread_mutex_lock(&mutex);
  int problem = 0;
  if (runtime_pid == kNobody && !terminating) runtime_pid = launch(runtime_command.data(), environ, false, problem);
  ::pthread_mutex_unlock(&mutex);
  if (problem != 0) report(platform, "runtime", "launch", problem);
}

/// Carries one batch to a subscriber. One that does not listen or answer in time has missed it.
void deliver(const Answer& order) {
  const int fd = connect_to("127.0.0.1", std::atoi(order.header("Port").c_str()));
  if (fd < 0) return;
  const timeval limit{kDeliverySeconds, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  const std::string method = order.header("Method");
  if (method == "TCP") {
    send_all(fd, order.body);
  } else {
    const std::string head = method + " " + order.header("Path") +
                             " HTTP/1.1\r\nHost: sandbox.localdomain:" + order.header("Port") +
                             "\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " +
                             std::to_string(order.body.size()) + "\r\n\r\n";
    Answer ignored;
    if (send_all(fd, head) && send_all(fd, order.body)) receive(fd, ignored);
  }
  ::close(fd);
}

void* follow_orders(void*) {
  Platform platform;
  Answer order;
  while (platform.ask("GET", "order", "", order)) {
    const std::string what = order.header("Order");
    if (what == "start") start_runtime(platform);
    if (what == "deliver") deliver(order);
    order = Answer();
  }
  return nullptr;
}

void* forward_output(void*) {
  Platform platform;
  std::string text(32768, '\0');
  while (true) {
    const ssize_t n = ::read(output_read, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return nullptr;
    Answer ignored;
    if (!platform.ask("POST", "output", text.substr(0, static_cast<std::size_t>(n)), ignored)) return nullptr;
  }
}

void start_extensions(Platform& platform) {
  std::vector<char*> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (for_extensions(*variable)) variables.push_back(*variable);
  }
  variables.push_back(nullptr);
  for (std::size_t i = 0; i < extensions.size(); ++i) {
    char* command[] = {extensions[i].data(), nullptr};
    int problem = 0;
    extension_pids.push_back(launch(command, variables.data(), true, problem));
    if (problem != 0) report(platform, std::to_string(i), "launch", problem);
  }
}

/// True when nobody is left.
bool reap(Platform& platform) {
  int status = 0;
  pid_t child;
  while ((child = ::waitpid(-1, &status, WNOHANG)) > 0) {
    const char* const how = WIFEXITED(status) ? "exit" : "signal";
    const int value = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
    ::pthread_mutex_lock(&mutex);
    const bool is_runtime = child == runtime_pid;
    if (is_runtime) runtime_pid = 0;
    ::pthread_mutex_unlock(&mutex);
    if (is_runtime) report(platform, "runtime", how, value);
    for (std::size_t i = 0; i < extension_pids.size(); ++i) {
      if (extension_pids[i] == child) report(platform, std::to_string(i), how, value);
    }
  }
  return child < 0 && errno == ECHILD;
}

/// Returns at the end of all.
void watch(Platform& platform, const sigset_t& signals) {
  while (true) {
    const int signal = ::sigwaitinfo(&signals, nullptr);
    if (signal == SIGTERM) {
      ::pthread_mutex_lock(&mutex);
      terminating = true;
      if (runtime_pid > 0) ::kill(runtime_pid, SIGTERM);
      ::pthread_mutex_unlock(&mutex);
    }
    if (reap(platform) && terminating) return;
  }
}

}  // namespace

int main(int count, char** arguments) {
  const int extension_count = count > 1 ? std::atoi(arguments[1]) : 0;
  if (extension_count < 1 || count < extension_count + 3) return 2;
  for (int i = 0; i < extension_count; ++i) extensions.emplace_back(arguments[2 + i]);
  for (int i = extension_count + 2; i < count; ++i) runtime_command.push_back(arguments[i]);
  runtime_command.push_back(nullptr);

  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return 2;
  output_read = ends[0];
  output_write = ends[1];
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGCHLD);
  ::sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  Platform platform;
  start_extensions(platform);
  pthread_t orders;
  pthread_t output;
  if (::pthread_create(&output, nullptr, forward_output, nullptr) != 0) return 2;
  if (::pthread_create(&orders, nullptr, follow_orders, nullptr) != 0) return 2;
  watch(platform, signals);
  // What the extensions printed last may still be in the pipe.
  ::close(output_write);
  ::pthread_join(output, nullptr);
  ::_exit(0);
}
