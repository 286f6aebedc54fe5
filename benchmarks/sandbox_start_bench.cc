// How long a sandbox takes: from the order to its first byte at the Runtime API's port, and to its end; and how many
// can be made in a second. Needs root.
//
//   bench_sandbox_start [COUNT] [PAUSE_MS] [SUBSTRATE [KERNEL]]     (200, 5, process: a pause lets the parts that are
//   made ahead of need be made again; a substrate is process, oci:RUNTIME or microvm, whose kernel may be named)
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/run.h"
#include "compute/substrates.h"

namespace {

namespace fs = std::filesystem;
using namespace cumulet;           // NOLINT(google-build-using-namespace)
using namespace cumulet::compute;  // NOLINT(google-build-using-namespace)
using Micros = std::chrono::duration<double, std::micro>;

double since(SteadyTime start) { return Micros(std::chrono::steady_clock::now() - start).count(); }

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

struct Times {
  double first_byte = 0;
  double ended = 0;
};

/// A program without libraries connects to 127.0.0.1:9001 and says "ping".
Times one(LocalLoop& loop, Substrate& substrate, const fs::path& task) {
  SandboxSpec spec;
  spec.mounts.emplace_back(task, "/var/task");
  spec.command = {"/var/task/probe", "ask", "9001"};
  spec.listen_ports = {9001};
  spec.cpus = 1;
  Times times;
  const SteadyTime start = std::chrono::steady_clock::now();
  Result<std::unique_ptr<Sandbox>> sandbox = loop.run(substrate.start(std::move(spec)));
  if (!sandbox.ok()) give_up(sandbox.error().message());
  const std::vector<int> listeners = (*sandbox)->take_listeners();
  pollfd wait{listeners[0], POLLIN, 0};
  ::poll(&wait, 1, 10'000);
  const int connection = ::accept(listeners[0], nullptr, nullptr);
  char text[8];
  if (::read(connection, text, sizeof text) <= 0) give_up("the sandbox said nothing");
  times.first_byte = since(start);
  (void)!::write(connection, "pong\n", 5);
  if (!loop.run((*sandbox)->exited()).ok()) give_up("the sandbox did not end");
  sandbox->reset();
  times.ended = since(start);
  ::close(connection);
  ::close(listeners[0]);
  return times;
}

void print(const char* what, std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto at = [&values](double share) {
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
  };
  std::printf("%-28s p50 %8.0f us   p99 %8.0f us   min %8.0f us\n", what, at(0.5), at(0.99), values.front());
}

void measure_latency(Substrate& substrate, const fs::path& task, int count, int pause_ms) {
  LocalLoop loop;
  std::vector<double> first;
  std::vector<double> ended;
  const int warm_up = std::min(count, 10);
  for (int i = 0; i < count + warm_up; ++i) {
    const Times times = one(loop, substrate, task);
    std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
    if (i < warm_up) continue;
    first.push_back(times.first_byte);
    ended.push_back(times.ended);
  }
  print("order to first byte", first);
  print("order to end", ended);
}

void measure_rate(Substrate& substrate, const fs::path& task, int threads) {
  std::atomic<int> made = 0;
  const SteadyTime start = std::chrono::steady_clock::now();
  const SteadyTime end = start + std::chrono::seconds(3);
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t)
    workers.emplace_back([&] {
      LocalLoop loop;
      for (; std::chrono::steady_clock::now() < end; ++made) one(loop, substrate, task);
    });
  for (std::thread& worker : workers) worker.join();
  std::printf("%d at a time: %.4g sandboxes a second\n", threads, made / (since(start) / 1e6));
}

}  // namespace

int main(int argc, char** argv) {
  const int count = argc > 1 ? std::atoi(argv[1]) : 200;
  const int pause_ms = argc > 2 ? std::atoi(argv[2]) : 5;
  const fs::path probe = fs::read_symlink("/proc/self/exe").parent_path().parent_path() / "compute" / "probe";
  if (!fs::exists(probe)) give_up(probe.string() + " is missing: build the target sandbox_probe");
  std::string state = (fs::temp_directory_path() / "cumulet-bench-XXXXXX").string();
  if (::mkdtemp(state.data()) == nullptr) give_up("cannot make " + state);
  fs::create_directory(state + "/task");
  fs::copy_file(probe, state + "/task/probe");
  log::set_level(log::Level::kWarning);
  {
    SubstrateOptions options;
    options.state = state + "/state";
    if (argc > 3) options.names = {argv[3]};
    if (argc > 4) options.microvm_kernel = argv[4];
    Result<std::unique_ptr<Substrate>> substrate = make_substrates(options);
    if (!substrate.ok()) give_up(substrate.error().message());
    ::chmod(state.c_str(), 0755);
    measure_latency(**substrate, state + "/task", count, pause_ms);
    for (const int threads : {1, 2, 8}) measure_rate(**substrate, state + "/task", threads);
  }
  std::error_code ignored;
  fs::remove_all(state, ignored);
}
