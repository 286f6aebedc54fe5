#include <cstdio>
#include <string>
#include <vector>

#include <signal.h>

#include "base/log.h"
#include "cli/cli.h"
#include "main/cloud.h"
#include "main/config.h"
#include "main/observability.h"

namespace {

using namespace cumulet;

constexpr int kUsageError = 2;

void set_log_level(const std::string& level) {
  if (level == "debug") log::set_level(log::Level::kDebug);
  if (level == "warning") log::set_level(log::Level::kWarning);
  if (level == "error") log::set_level(log::Level::kError);
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

  // Blocked before any thread starts, so that this thread alone takes them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  Result<std::unique_ptr<Cloud>> cloud = Cloud::start(*config);
  if (!cloud.ok()) {
    std::fprintf(stderr, "cumulet serve: %s\n", cloud.error().message().c_str());
    return 1;
  }
  std::printf("cumulet %s is ready on http://%s:%u (data in %s%s)\n", version().c_str(), config->host.c_str(),
              static_cast<unsigned>((*cloud)->port()), config->data_dir.c_str(),
              config->dev ? ", --dev: any signature is accepted" : "");
  std::fflush(stdout);

  int signal_number = 0;
  sigwait(&signals, &signal_number);
  log::info("stopping", {{"signal", std::to_string(signal_number)}});
  (*cloud)->drain();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (!arguments.empty() && arguments.front() == "serve") {
    return serve(std::vector<std::string>(arguments.begin() + 1, arguments.end()));
  }
  return cli::run(arguments, version());
}
