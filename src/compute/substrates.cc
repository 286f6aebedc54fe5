#include "compute/substrates.h"

#include <algorithm>
#include <map>

#include <fmt/core.h>
#include <unistd.h>

#include "base/run.h"
#include "compute/external/external_substrate.h"
#include "compute/external/microvm.h"
#include "compute/external/oci.h"

namespace cumulet::compute {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kProcess = "process";
constexpr std::string_view kOci = "oci:";
constexpr std::string_view kMicrovm = "microvm";
constexpr const char* kKnownRuntimes[] = {"crun", "runc", "runsc", "kata-runtime"};

class ChosenSubstrate final : public Substrate {
 public:
  ChosenSubstrate(std::string first, std::map<std::string, std::unique_ptr<Substrate>> all)
      : first_(std::move(first)), all_(std::move(all)) {}

  Task<std::unique_ptr<Sandbox>> start(SandboxSpec spec) override {
    const auto found = all_.find(spec.substrate.empty() ? first_ : spec.substrate);
    if (found == all_.end()) return refuse(fmt::format("this server does not offer the substrate {}", spec.substrate));
    return found->second->start(std::move(spec));
  }
  SubstrateTraits traits(const std::string& substrate) const override {
    const auto found = all_.find(substrate.empty() ? first_ : substrate);
    return found == all_.end() ? SubstrateTraits() : found->second->traits(substrate);
  }

 private:
  static Task<std::unique_ptr<Sandbox>> refuse(std::string why) {
    co_return Error("Sandbox.Failure", 500, std::move(why));
  }

  const std::string first_;
  const std::map<std::string, std::unique_ptr<Substrate>> all_;
};

/// The folder of a substrate's own files; a runtime given by its path has slashes in its name.
std::string folder_name(std::string name) {
  for (char& letter : name)
    if (letter == ':' || letter == '/') letter = '-';
  return name;
}

/// Runs /bin/true, or whatever else ends well.
Task<void> try_out(Substrate& substrate) {
  SandboxSpec spec;
  for (const char* folder : {"/usr", "/bin", "/lib", "/lib64"})
    if (fs::is_directory(folder)) spec.mounts.emplace_back(folder, folder);
  spec.command = {"/bin/true"};
  spec.working_directory = "/tmp";
  spec.cpus = 1;
  std::unique_ptr<Sandbox> sandbox = co_await substrate.start(std::move(spec));
  const SandboxExit exit = co_await sandbox->exited();
  if (exit.kind != ExitKind::kExited || exit.code != 0)
    co_await fail(
        Error("Sandbox.Failure", 500, fmt::format("a program that should end well ended with {}", exit.code)));
}

Result<external::Microvm> make_machines(const SubstrateOptions& options) {
  return external::make_microvm(options.state / kMicrovm, options.microvm_kernel,
                                [](Substrate& substrate) { return run(try_out(substrate)); });
}

Result<std::unique_ptr<Substrate>> make_one(const SubstrateOptions& options, const std::string& name) {
  if (name == kProcess) return make_process_substrate(options.state);
  const fs::path state = options.state / folder_name(name);
  if (name == kMicrovm) {
    Result<external::Microvm> machine = make_machines(options);
    if (!machine.ok()) return std::move(machine).error();
    return std::move(machine->substrate);
  }
  Result<std::unique_ptr<external::Recipe>> recipe = external::make_oci_recipe(name.substr(kOci.size()));
  if (!recipe.ok()) return std::move(recipe).error();
  return external::make_external_substrate(state, std::move(*recipe));
}

Finding try_substrate(const SubstrateOptions& options, const std::string& name, std::string good) {
  Finding finding;
  finding.what = name;
  Result<std::unique_ptr<Substrate>> made = make_one(options, name);
  if (!made.ok()) {
    finding.detail = made.error().message();
    return finding;
  }
  const Result<void> tried = run(try_out(**made));
  finding.usable = tried.ok();
  finding.detail = tried.ok() ? std::move(good) : tried.error().message();
  return finding;
}

}  // namespace

bool is_substrate(const std::string& name) {
  return name == kProcess || name == kMicrovm || (name.starts_with(kOci) && name.size() > kOci.size());
}

Result<std::unique_ptr<Substrate>> make_substrates(const SubstrateOptions& options) {
  std::map<std::string, std::unique_ptr<Substrate>> all;
  for (const std::string& name : options.names) {
    if (all.contains(name)) continue;
    Result<std::unique_ptr<Substrate>> made = make_one(options, name);
    if (!made.ok()) return Error("Sandbox.Failure", 500, fmt::format("substrate {}: {}", name, made.error().message()));
    all.emplace(name, std::move(*made));
  }
  return std::unique_ptr<Substrate>(std::make_unique<ChosenSubstrate>(options.names.front(), std::move(all)));
}

std::vector<Finding> examine_substrates(const SubstrateOptions& options) {
  std::vector<Finding> findings;
  findings.push_back(try_substrate(options, std::string(kProcess), "the default"));
  for (const char* runtime : kKnownRuntimes) {
    const fs::path program = external::find_program(runtime);
    const std::string name = std::string(kOci) + runtime;
    if (!program.empty()) {
      findings.push_back(try_substrate(options, name, program.string()));
      continue;
    }
    Finding& missing = findings.emplace_back();
    missing.what = name;
    missing.detail = fmt::format("not installed (only matters with --substrate {})", name);
  }
  Finding& machine = findings.emplace_back();
  machine.what = kMicrovm;
  if (external::find_qemu().empty()) {
    machine.detail = "QEMU (qemu-system-x86) is not installed (only matters with --substrate microvm)";
    return findings;
  }
  const Result<external::Microvm> made = make_machines(options);
  machine.usable = made.ok();
  machine.detail = made.ok() ? made->detail : made.error().message();
  return findings;
}

}  // namespace cumulet::compute
