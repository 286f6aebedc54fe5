#include <cstdio>
#include <string>
#include <vector>

#include <signal.h>

#include "base/log.h"
#include "cli/cli.h"
#include "compute/sandbox.h"
#include "main/cloud.h"
#include "main/config.h"
#include "main/observability.h"
#include "main/released_memory.h"
#include "main/s3_verify.h"

namespace {

using namespace cumulet;

constexpr int kUsageError = 2;

void set_log_level(const std::string& level) {
  if (level == "debug") log::set_level(log::Level::kDebug);
  if (level == "warning") log::set_level(log::Level::kWarning);
  if (level == "error") log::set_level(log::Level::kError);
}

int cannot_serve(const Error& why) {
  std::fprintf(stderr, "cumulet serve: %s\n", why.message().c_str());
  return 1;
}

/// Meanwhile, what the heap has free goes back to the system now and then: after a burst, much of it is in the hands of
/// threads that may not need it for long.
int wait_for_signal(const sigset_t& signals) {
  constexpr timespec kPause{60, 0};
  for (;;) {
    const int signal_number = ::sigtimedwait(&signals, nullptr, &kPause);
    if (signal_number > 0) return signal_number;
    release_free_memory();
  }
}

/// Runs the server until SIGTERM or SIGINT; with kResetSignal it begins anew, empty, on the same port.
int serve_until_told(Config config, const sigset_t& signals) {
  for (;;) {
    Result<std::unique_ptr<Cloud>> cloud = Cloud::start(config);
    if (!cloud.ok()) return cannot_serve(cloud.error());
    config.port = (*cloud)->port();
    std::printf("cumulet %s is ready on http://%s:%u (data in %s%s)\n", version().c_str(), config.host.c_str(),
                static_cast<unsigned>(config.port), config.data_dir.c_str(),
                config.dev ? ", --dev: any signature is accepted" : "");
    std::fflush(stdout);
    release_startup_memory();

    const int signal_number = wait_for_signal(signals);
    const bool reset = signal_number == kResetSignal && config.dev;
    log::info(reset ? "beginning anew" : "stopping", {{"signal", std::to_string(signal_number)}});
    (*cloud)->drain();
    if (!reset) return 0;
    cloud->reset();
    if (const Result<void> erased = Cloud::erase(config); !erased.ok()) return cannot_serve(erased.error());
  }
}

int serve(const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    if (argument != "--help" && argument != "-h") continue;
    std::fputs(serve_usage().c_str(), stdout);
    return 0;
  }
  const Result<Config> config = parse_config(arguments);
  if (!config.ok()) {
    std::fprintf(stderr, "cumulet serve: %s\nTry 'cumulet serve --help'.\n", config.error().message().c_str());
    return kUsageError;
  }
  set_log_level(config->log_level);
  if (const Result<void> able = compute::prepare_for_sandboxes(); !able.ok()) return cannot_serve(able.error());

  // Blocked before any thread starts, so that this thread alone takes them.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int each : {SIGTERM, SIGINT, kResetSignal}) sigaddset(&signals, each);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return serve_until_told(*config, signals);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (!arguments.empty() && arguments.front() == "serve") {
    return serve(std::vector<std::string>(arguments.begin() + 1, arguments.end()));
  }
  if (!arguments.empty() && arguments.front() == "s3") {
    return s3_command(std::vector<std::string>(arguments.begin() + 1, arguments.end()));
  }
  return cli::run(arguments, version());
}
