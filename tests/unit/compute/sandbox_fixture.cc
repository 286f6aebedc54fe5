#include "tests/unit/compute/sandbox_fixture.h"

#include <cstdlib>

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compute/substrates.h"

namespace cumulet::compute {

namespace fs = std::filesystem;

namespace {
constexpr const char* kSubstrateVariable = "CUMULET_TEST_SUBSTRATE";
constexpr std::string_view kMachines = "microvm";
constexpr const char* kKernelVariable = "CUMULET_TEST_MICROVM_KERNEL";

/// The static program stands beside the tests, where the build put it.
fs::path probe_program() {
  return fs::read_symlink("/proc/self/exe").parent_path().parent_path() / "compute" / "probe";
}
}  // namespace

bool SandboxTest::on_process_substrate() { return std::getenv(kSubstrateVariable) == nullptr; }

bool SandboxTest::on_machines() { return !on_process_substrate() && std::getenv(kSubstrateVariable) == kMachines; }

std::unique_ptr<ScratchDirectory> SandboxTest::state_;
std::unique_ptr<ScratchDirectory> SandboxTest::task_;
std::unique_ptr<Substrate> SandboxTest::substrate_;

ScratchDirectory::ScratchDirectory() {
  std::string name = (fs::temp_directory_path() / "cumulet-sandbox-XXXXXX").string();
  path_ = ::mkdtemp(name.data());
  ::chmod(path_.c_str(), 0755);
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void SandboxTest::SetUpTestSuite() {
  if (::geteuid() != 0) return;
  state_ = std::make_unique<ScratchDirectory>();
  task_ = std::make_unique<ScratchDirectory>();
  fs::copy_file(probe_program(), task_->path() / "probe");
  SubstrateOptions options;
  options.state = state_->path();
  if (!on_process_substrate()) options.names = {std::getenv(kSubstrateVariable)};
  if (const char* kernel = std::getenv(kKernelVariable); kernel != nullptr) options.microvm_kernel = kernel;
  Result<std::unique_ptr<Substrate>> made = make_substrates(options);
  ASSERT_TRUE(made.ok()) << made.error().message();
  substrate_ = std::move(*made);
}

void SandboxTest::TearDownTestSuite() {
  substrate_.reset();
  task_.reset();
  state_.reset();
}

void SandboxTest::SetUp() {
  if (::geteuid() != 0) GTEST_SKIP() << "sandboxes need root";
  ASSERT_TRUE(substrate_) << "there is no substrate";
}

SandboxSpec SandboxTest::probe(std::vector<std::string> arguments) {
  SandboxSpec spec;
  spec.mounts.emplace_back(task_->path(), "/var/task");
  spec.command = {"/var/task/probe"};
  spec.command.insert(spec.command.end(), arguments.begin(), arguments.end());
  spec.cpus = 1;
  return spec;
}

SandboxSpec SandboxTest::host_program(std::vector<std::string> command) {
  SandboxSpec spec = probe({});
  for (const char* path : {"/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc/ld.so.cache", "/etc/ssl",
                           "/etc/alternatives", "/etc/passwd"})
    if (fs::exists(path)) spec.mounts.emplace_back(path, path);
  spec.command = std::move(command);
  spec.environment = {{"PATH", "/usr/bin:/bin"}, {"LANG", "C.UTF-8"}};
  return spec;
}

std::unique_ptr<Sandbox> SandboxTest::start(SandboxSpec spec) {
  Result<std::unique_ptr<Sandbox>> started = loop.run(substrate_->start(std::move(spec)));
  if (!started.ok()) {
    ADD_FAILURE() << started.error().message();
    return nullptr;
  }
  return std::move(*started);
}

SandboxTest::Outcome SandboxTest::finish(Sandbox& sandbox) {
  Outcome outcome;
  const int output = sandbox.take_output();
  outcome.output = read_from(output);
  ::close(output);
  Result<SandboxExit> exit = loop.run(sandbox.exited());
  if (exit.ok())
    outcome.exit = *exit;
  else
    ADD_FAILURE() << exit.error().message();
  return outcome;
}

SandboxTest::Outcome SandboxTest::run_to_end(SandboxSpec spec) {
  const std::unique_ptr<Sandbox> sandbox = start(std::move(spec));
  return sandbox ? finish(*sandbox) : Outcome();
}

bool readable(int fd, std::chrono::milliseconds patience) {
  pollfd wait{fd, POLLIN, 0};
  return ::poll(&wait, 1, static_cast<int>(patience.count())) > 0;
}

std::string read_from(int fd, std::size_t enough) {
  std::string text;
  char piece[4096];
  while (text.size() < enough && readable(fd, std::chrono::seconds(10))) {
    const ssize_t got = ::read(fd, piece, std::min(sizeof piece, enough - text.size()));
    if (got <= 0) break;
    text.append(piece, static_cast<std::size_t>(got));
  }
  return text;
}

int accept_from(int listener) {
  return readable(listener, std::chrono::seconds(10)) ? ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC) : -1;
}

}  // namespace cumulet::compute
