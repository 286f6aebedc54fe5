#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/run.h"
#include "compute/sandbox.h"

namespace cumulet::compute {

/// A temporary directory of its own, removed at the end.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Real sandboxes, which need root: of the substrate named by CUMULET_TEST_SUBSTRATE, else process sandboxes. The
/// substrate is made once for all tests of a suite.
class SandboxTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();
  void SetUp() override;

  static bool on_process_substrate();
  static bool on_machines();  ///< Microvms, each with a kernel and users of its own.
  /// Runs /var/task/probe with these arguments, nothing else in the sandbox.
  static SandboxSpec probe(std::vector<std::string> arguments);
  /// Runs a program of the host, with the host's libraries.
  static SandboxSpec host_program(std::vector<std::string> command);

  static Substrate& substrate() { return *substrate_; }
  std::unique_ptr<Sandbox> start(SandboxSpec spec);

  /// What a sandbox printed and how it ended.
  struct Outcome {
    std::string output;
    SandboxExit exit{ExitKind::kExited, -1};
  };
  Outcome finish(Sandbox& sandbox);
  Outcome run_to_end(SandboxSpec spec);

  LocalLoop loop;

 private:
  static std::unique_ptr<ScratchDirectory> state_;
  static std::unique_ptr<ScratchDirectory> task_;
  static std::unique_ptr<Substrate> substrate_;
};

/// Waits until `condition` holds, ten seconds at most.
template <typename Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::usleep(1000);
  }
  return true;
}

/// Reads from a non-blocking descriptor until its end, or until `enough` bytes have come, or ten seconds have passed.
std::string read_from(int fd, std::size_t enough = SIZE_MAX);
/// Accepts one connection at a non-blocking listener; -1 if none comes within ten seconds.
int accept_from(int listener);
/// True when something can be read within that time.
bool readable(int fd, std::chrono::milliseconds patience);

}  // namespace cumulet::compute
