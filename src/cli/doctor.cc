#include <algorithm>
#include <cstdio>
#include <filesystem>

#include <unistd.h>

#include "cli/command.h"
#include "cli/session.h"
#include "compute/catalogue.h"
#include "compute/runtimes_folder.h"
#include "compute/substrates.h"

namespace cumulet::cli {
namespace {

constexpr const char* kUsage = R"(Usage: cumulet doctor [--runtimes DIR] [--data-dir DIR] [--microvm-kernel FILE]

Says what this machine offers for sandboxes and which runtimes are installed, and what
to do about what is missing. The status is 1 when functions cannot run here.

  --runtimes DIR   the runtime clients (default: found beside the binary)
  --data-dir DIR   the server's data directory, with runtimes of its own and their images
                   (default $CUMULET_DATA_DIR, or ~/.local/share/cumulet)
  --microvm-kernel FILE
                   the kernel of microVMs (default: the newest in /boot)
)";

}  // namespace

int doctor(const std::vector<std::string>& words) {
  const Result<Arguments> arguments = Arguments::parse(words, {"runtimes", "data-dir", "microvm-kernel"}, {});
  if (!arguments.ok()) return report("doctor", arguments.error());
  if (arguments->has("help")) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  const Result<void> able = compute::prepare_for_sandboxes();
  const bool colour = isatty(STDOUT_FILENO) != 0;
  const auto line = [colour](bool good, const std::string& what, const std::string& detail) {
    const char* mark = good ? (colour ? "\033[32mok\033[0m " : "ok ") : (colour ? "\033[31mno\033[0m " : "no ");
    std::printf("  %s %-34s %s\n", mark, what.c_str(), detail.c_str());
  };
  std::printf("Sandboxes\n");
  for (const compute::Finding& finding : compute::examine_host()) line(finding.usable, finding.what, finding.detail);
  const std::filesystem::path state =
      std::filesystem::temp_directory_path() / ("cumulet-doctor-" + std::to_string(::getpid()));
  std::error_code failed;
  std::filesystem::create_directories(state, failed);
  compute::SubstrateOptions options;
  options.state = state;
  options.microvm_kernel = arguments->get("microvm-kernel", "");
  std::printf("\nSubstrates\n");
  const std::vector<compute::Finding> substrates =
      able.ok() ? compute::examine_substrates(options) : std::vector<compute::Finding>();
  if (!able.ok()) line(false, "process", able.error().message());
  for (const compute::Finding& finding : substrates) line(finding.usable, finding.what, finding.detail);
  const bool usable = std::any_of(substrates.begin(), substrates.end(), [](const auto& one) { return one.usable; });
  line(usable, "functions can run here", "");
  std::filesystem::remove_all(state, failed);

  std::printf("\nRuntimes\n");
  const std::string folder = arguments->get("runtimes", compute::find_runtimes_folder().string());
  const std::filesystem::path data(data_dir_of(*arguments));
  Result<compute::Catalogue> catalogue = compute::Catalogue::load(folder, data / "runtimes");
  if (!catalogue.ok()) return report("doctor", catalogue.error());
  catalogue->use_images(compute::recorded_runtime_images(data / "images"));
  for (const compute::Language& language : catalogue->languages()) {
    const std::vector<std::string> installed = catalogue->installed(language);
    for (const std::string& one : installed) line(true, language.title, one);
    if (!installed.empty()) continue;
    const std::string identifier = !language.identifiers.empty()
                                       ? language.identifiers.front()
                                       : language.prefix + language.versions.front().text() + language.suffix;
    const compute::RuntimeStatus status = catalogue->status(identifier);
    line(status.installed, language.title, status.detail);
  }
  return usable ? 0 : 1;
}

}  // namespace cumulet::cli
