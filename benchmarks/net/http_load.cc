// A load generator: keep-alive connections on one epoll thread, each with one request under way. Requests are bytes
// that are sent as they are, so they can be signed beforehand.
//
//   http_load [--host 127.0.0.1] --port N [--connections 64] [--seconds 5] [--warmup 1]
//             [--requests FILE]...   requests to cycle through; a file holds one or more, each with its Content-Length
//             body
//             [--pid N]              also reports the CPU that this process (the server) used per request
//             [--once]               each request once, instead of --seconds and --warmup
//             [--json]               one line of JSON instead of text
//             [--spin]               never sleeps: what it takes to wake the client's processor is not in the latency
//
// Latency is from before the first byte is sent to the last byte received. Exits 1 when a connection broke or an answer
// was not 2xx.

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "answer.h"
#include "latencies.h"

namespace {

using load::Answer;
using load::Latencies;
using Time = std::chrono::steady_clock::time_point;
Time now() { return std::chrono::steady_clock::now(); }

struct Options {
  std::string host = "127.0.0.1";
  int port = 0;
  int connections = 64;
  double seconds = 5;
  double warmup = 1;
  std::vector<std::string> files;
  int pid = 0;
  bool once = false;
  bool json = false;
  bool spin = false;
};

struct Template {
  std::string bytes;
  bool head_only = false;
};

struct Peer {
  int socket = -1;
  const Template* request = nullptr;
  std::size_t sent = 0;
  std::string received;
  Answer answer;
  Time began;
};

class Load {
 public:
  Load(Options options, std::vector<Template> templates)
      : options_(std::move(options)), templates_(std::move(templates)) {}
  int run();

 private:
  void connect(Peer& peer);
  void begin(Peer& peer);
  void go_on(Peer& peer);
  void broken(Peer& peer, const char* what);
  void report(double seconds, double cpu_seconds) const;

  Options options_;
  std::vector<Template> templates_;
  std::size_t next_ = 0;
  std::size_t idle_ = 0;  ///< Peers that have nothing more to send.
  int poll_ = -1;
  Latencies latencies_;
  std::uint64_t not_ok_ = 0;
  std::uint64_t broken_ = 0;
  int first_bad_status_ = 0;
};

void Load::connect(Peer& peer) {
  peer.socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(options_.port));
  if (::inet_pton(AF_INET, options_.host.c_str(), &address.sin_addr) != 1 ||
      ::connect(peer.socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    std::fprintf(stderr, "http_load: cannot connect to %s:%d: %s\n", options_.host.c_str(), options_.port,
                 std::strerror(errno));
    std::exit(1);
  }
  const int on = 1;
  ::setsockopt(peer.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  epoll_event watch{};
  watch.events = EPOLLIN | EPOLLOUT | EPOLLET;
  watch.data.ptr = &peer;
  ::epoll_ctl(poll_, EPOLL_CTL_ADD, peer.socket, &watch);
}

void Load::begin(Peer& peer) {
  if (options_.once && next_ >= templates_.size()) {
    peer.request = nullptr;
    ++idle_;
    return;
  }
  peer.request = &templates_[next_++ % templates_.size()];
  peer.sent = 0;
  peer.answer = Answer();
  peer.began = now();
}

void Load::broken(Peer& peer, const char* what) {
  if (broken_++ == 0) std::fprintf(stderr, "http_load: %s\n", what);
  ::close(peer.socket);
  peer.received.clear();
  connect(peer);
  begin(peer);
}

void Load::go_on(Peer& peer) {
  while (peer.request) {
    while (peer.sent < peer.request->bytes.size()) {
      const ssize_t sent = ::send(peer.socket, peer.request->bytes.data() + peer.sent,
                                  peer.request->bytes.size() - peer.sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0) {
        if (errno != EAGAIN) return broken(peer, "a connection broke while sending");
        break;
      }
      peer.sent += static_cast<std::size_t>(sent);
    }
    static char piece[256 * 1024];
    const ssize_t count = ::recv(peer.socket, piece, sizeof piece, MSG_DONTWAIT);
    if (count == 0) return broken(peer, "the server closed a connection");
    if (count < 0) {
      if (errno != EAGAIN) return broken(peer, "a connection broke while receiving");
      return;
    }
    peer.received.append(piece, static_cast<std::size_t>(count));
    if (!peer.answer.take(peer.received, peer.request->head_only)) continue;
    latencies_.add(static_cast<std::uint64_t>((now() - peer.began).count()));
    if (const int status = peer.answer.status(); status < 200 || status > 299) {
      ++not_ok_;
      if (first_bad_status_ == 0) first_bad_status_ = status;
    }
    begin(peer);
  }
}

/// User and system time of a process, in seconds.
double cpu_of(int pid) {
  if (pid == 0) return 0;
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const std::size_t close = text.rfind(')');
  unsigned long user = 0;
  unsigned long system = 0;
  if (close == std::string::npos ||
      std::sscanf(text.c_str() + close + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) !=
          2)
    return 0;
  return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

void Load::report(double seconds, double cpu_seconds) const {
  const auto requests = static_cast<double>(latencies_.total());
  const double per_second = requests / seconds;
  const double cpu = requests > 0 ? cpu_seconds * 1e6 / requests : 0;
  const auto not_ok = static_cast<unsigned long long>(not_ok_);
  const auto broken = static_cast<unsigned long long>(broken_);
  if (options_.json) {
    std::printf(
        "{\"requests\":%.0f,\"seconds\":%.3f,\"per_second\":%.1f,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,"
        "\"max_us\":%.1f,\"cpu_us\":%.2f,\"not_ok\":%llu,\"broken\":%llu}\n",
        requests, seconds, per_second, latencies_.micros(0.5), latencies_.micros(0.9), latencies_.micros(0.99),
        latencies_.largest(), cpu, not_ok, broken);
    return;
  }
  std::printf("%.0f requests in %.2f s over %d connections: %.0f/s\n", requests, seconds, options_.connections,
              per_second);
  std::printf("latency p50 %.1f us, p90 %.1f us, p99 %.1f us, max %.1f us\n", latencies_.micros(0.5),
              latencies_.micros(0.9), latencies_.micros(0.99), latencies_.largest());
  if (options_.pid != 0) std::printf("server CPU %.2f us a request\n", cpu);
  if (not_ok_ != 0) std::printf("%llu answers were not 2xx (the first: %d)\n", not_ok, first_bad_status_);
  if (broken_ != 0) std::printf("%llu connections broke\n", broken);
}

int Load::run() {
  poll_ = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<Peer> peers(static_cast<std::size_t>(options_.connections));
  for (Peer& peer : peers) {
    begin(peer);
    connect(peer);
  }
  Time start = now();
  bool warming = options_.warmup > 0 && !options_.once;
  double cpu_before = cpu_of(options_.pid);
  epoll_event events[256];
  for (;;) {
    const int ready = ::epoll_wait(poll_, events, 256, options_.spin ? 0 : 100);
    for (int i = 0; i < ready; ++i) go_on(*static_cast<Peer*>(events[i].data.ptr));
    const double elapsed = std::chrono::duration<double>(now() - start).count();
    if (warming && elapsed >= options_.warmup) {
      warming = false;
      latencies_ = Latencies();
      start = now();
      cpu_before = cpu_of(options_.pid);
    } else if (options_.once ? idle_ == peers.size() : !warming && elapsed >= options_.seconds) {
      report(elapsed, cpu_of(options_.pid) - cpu_before);
      return not_ok_ == 0 && broken_ == 0 ? 0 : 1;
    }
  }
}

/// Takes a file apart into its requests.
bool read_templates(const std::string& name, std::vector<Template>& templates) {
  std::ifstream file(name, std::ios::binary);
  if (!file) return false;
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = rest.find("\r\n\r\n");
    if (end == std::string_view::npos) return false;
    const std::string_view head = rest.substr(0, end + 2);
    const std::size_t body = std::strtoull(std::string(load::field(head, "Content-Length")).c_str(), nullptr, 10);
    if (rest.size() < end + 4 + body) return false;
    templates.push_back({std::string(rest.substr(0, end + 4 + body)), head.starts_with("HEAD ")});
    rest.remove_prefix(end + 4 + body);
  }
  return true;
}

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--json" || name == "--once" || name == "--spin") {
      (name == "--json" ? options.json : name == "--once" ? options.once : options.spin) = true;
      continue;
    }
    if (++i == argc) return false;
    if (name == "--host") {
      options.host = argv[i];
    } else if (name == "--port") {
      options.port = std::atoi(argv[i]);
    } else if (name == "--connections") {
      options.connections = std::atoi(argv[i]);
    } else if (name == "--seconds") {
      options.seconds = std::atof(argv[i]);
    } else if (name == "--warmup") {
      options.warmup = std::atof(argv[i]);
    } else if (name == "--requests") {
      options.files.emplace_back(argv[i]);
    } else if (name == "--pid") {
      options.pid = std::atoi(argv[i]);
    } else {
      return false;
    }
  }
  return options.port > 0 && options.connections > 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse(argc, argv, options)) {
    std::fprintf(stderr,
                 "usage: http_load --port N [--host ADDRESS] [--connections N] [--seconds S] [--warmup S]\n"
                 "                 [--once] [--requests FILE]... [--pid N] [--json] [--spin]\n");
    return 2;
  }
  std::vector<Template> templates;
  for (const std::string& file : options.files) {
    if (read_templates(file, templates)) continue;
    std::fprintf(stderr, "http_load: %s does not hold complete requests\n", file.c_str());
    return 2;
  }
  if (templates.empty())
    templates.push_back(
        {"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.0\r\n"
         "X-Amz-Target: Null_20200101.Nothing\r\nUser-Agent: http_load\r\nContent-Length: 2\r\n\r\n{}",
         false});
  return Load(std::move(options), std::move(templates)).run();
}
