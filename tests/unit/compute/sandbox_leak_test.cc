// What sandboxes leave behind: nothing, whether they end, are killed, or lose their server.
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/text.h"
#include "tests/unit/compute/sandbox_fixture.h"

namespace cumulet::compute {
namespace {

namespace fs = std::filesystem;

std::size_t entries(const fs::path& directory) {
  std::error_code ignored;
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(directory, ignored), fs::directory_iterator()));
}

std::size_t mounts_of_host() {
  std::ifstream file("/proc/self/mountinfo");
  std::size_t count = 0;
  for (std::string line; std::getline(file, line);) ++count;
  return count;
}

/// Processes that were started with this word among their arguments.
std::size_t processes_with(const std::string& word) {
  std::size_t count = 0;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc", ignored)) {
    if (entry.path().filename().string().find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry.path() / "cmdline");
    std::stringstream text;
    text << file.rdbuf();
    if (text.str().find(word) != std::string::npos) ++count;
  }
  return count;
}

/// What the group of a server's sandboxes is called, by its state directory.
std::string group_name(const fs::path& state) {
  return "cumulet-sandboxes-" + hex_encode(sha256(state.string()).substr(0, 6));
}

/// The groups of sandboxes, of all servers on this machine, whose names begin like this.
std::size_t groups_below(const std::string& prefix) {
  std::size_t count = 0;
  std::error_code ignored;
  for (fs::recursive_directory_iterator it("/sys/fs/cgroup", ignored), end; it != end; it.increment(ignored)) {
    if (it->path().filename().string().starts_with(prefix)) count += entries(it->path());
  }
  return count;
}

TEST_F(SandboxTest, AHundredCyclesLeaveNothing) {
  const std::string word = "leak-" + std::to_string(::getpid());
  const auto cycle = [&](int i) {
    const std::unique_ptr<Sandbox> sandbox = start(probe({i % 2 == 0 ? "pause" : "exit", "0", word}));
    ASSERT_TRUE(sandbox);
    if (i % 2 != 0) EXPECT_TRUE(loop.run(sandbox->exited()).ok());
    if (i % 4 == 2) ASSERT_TRUE(sandbox->freeze().ok());
  };
  for (int i = 0; i < 8; ++i) cycle(i);
  ASSERT_TRUE(eventually([&] { return processes_with(word) == 0; }));
  const std::size_t descriptors = entries("/proc/self/fd");
  const std::size_t mounts = mounts_of_host();
  for (int i = 0; i < 100; ++i) cycle(i);
  EXPECT_TRUE(eventually([&] { return processes_with(word) == 0; }));
  // The parts that are made ahead of need come and go: at rest there are as many as before.
  EXPECT_TRUE(eventually([&] { return entries("/proc/self/fd") <= descriptors + 8; })) << entries("/proc/self/fd");
  EXPECT_EQ(mounts_of_host(), mounts);
}

/// The warden of this process: its only child of that name.
pid_t find_warden() {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc", ignored)) {
    std::ifstream file(entry.path() / "stat");
    std::string line;
    std::getline(file, line);
    const std::string parent = ") S " + std::to_string(::getpid()) + " ";
    if (line.find("(cumulet-warden" + parent) != std::string::npos) return std::stoi(line);
  }
  return 0;
}

TEST_F(SandboxTest, DeadWardenTakesItsSandboxesAlongAndIsReplaced) {
  if (!on_process_substrate()) GTEST_SKIP() << "only the process sandbox has a warden";
  const std::unique_ptr<Sandbox> sandbox = start(probe({"pause"}));
  ASSERT_TRUE(sandbox);
  const pid_t warden = find_warden();
  ASSERT_GT(warden, 0);
  ASSERT_EQ(::kill(warden, SIGKILL), 0);
  const Result<SandboxExit> exit = loop.run(sandbox->exited());
  ASSERT_TRUE(exit.ok());
  EXPECT_EQ(exit->kind, ExitKind::kSignaled);
  // Those that were prepared died too, which is noticed soon, but perhaps not before the next start.
  bool started = false;
  EXPECT_TRUE(eventually([&] {
    Result<std::unique_ptr<Sandbox>> next = loop.run(substrate().start(probe({"exit", "0"})));
    started = next.ok() && loop.run((*next)->exited()).ok();
    return started;
  }));
}

class ServerDeathTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "sandboxes need root";
  }
};

/// A server in a process of its own, with one sandbox that waits (frozen, perhaps). It writes a byte when that runs.
pid_t run_server(const fs::path& state, const std::string& word, bool frozen, int ready) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  Result<std::unique_ptr<Substrate>> substrate = make_process_substrate(state);
  if (!substrate.ok()) ::_exit(1);
  SandboxSpec spec;
  spec.mounts.emplace_back("/usr", "/usr");
  for (const char* link : {"/bin", "/lib", "/lib64"}) spec.mounts.emplace_back(link, link);
  spec.command = {"/bin/sh", "-c", "while :; do sleep 1000; done", word};
  spec.working_directory = "/";
  LocalLoop loop;
  Result<std::unique_ptr<Sandbox>> sandbox = loop.run((*substrate)->start(std::move(spec)));
  if (!sandbox.ok() || (frozen && !(*sandbox)->freeze().ok())) ::_exit(2);
  (void)!::write(ready, "r", 1);
  for (;;) ::pause();
}

class ServerDeathParameterTest : public ServerDeathTest, public ::testing::WithParamInterface<bool> {};

TEST_P(ServerDeathParameterTest, KilledServerTakesItsSandboxesAlongAndTheNextOneClearsUp) {
  const ScratchDirectory state;
  const std::string word = "orphan-" + std::to_string(::getpid());
  int ready[2];
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  const pid_t server = run_server(state.path(), word, GetParam(), ready[1]);
  char byte = 0;
  ASSERT_TRUE(readable(ready[0], std::chrono::seconds(20)));
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ASSERT_GE(processes_with(word), 1u);

  ::kill(server, SIGKILL);
  ASSERT_EQ(::waitpid(server, nullptr, 0), server);
  EXPECT_TRUE(eventually([&] { return processes_with(word) == 0; }));

  Result<std::unique_ptr<Substrate>> next = make_process_substrate(state.path());
  ASSERT_TRUE(next.ok()) << next.error().message();
  Result<std::unique_ptr<Substrate>> second = make_process_substrate(state.path());
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(second.error().message(), ::testing::HasSubstr("another server"));
  next->reset();
  ::close(ready[0]);
  ::close(ready[1]);
}

INSTANTIATE_TEST_SUITE_P(RunningOrFrozen, ServerDeathParameterTest, ::testing::Bool(),
                         [](const auto& which) { return which.param ? "Frozen" : "Running"; });

TEST_F(ServerDeathTest, StoppedSubstrateLeavesNoGroups) {
  const ScratchDirectory state;
  const std::string name = group_name(state.path());
  {
    Result<std::unique_ptr<Substrate>> substrate = make_process_substrate(state.path());
    ASSERT_TRUE(substrate.ok()) << substrate.error().message();
    EXPECT_TRUE(eventually([&] { return groups_below(name) > 0; }));
  }
  EXPECT_TRUE(eventually([&] { return groups_below(name) == 0; }));
}

TEST_F(ServerDeathTest, GroupsOfAServerThatNeverComesBackAreSweptByAnother) {
  const ScratchDirectory lost;
  int ready[2];
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  const pid_t server = run_server(lost.path(), "lost", false, ready[1]);
  ASSERT_TRUE(readable(ready[0], std::chrono::seconds(20)));
  ::kill(server, SIGKILL);
  ASSERT_EQ(::waitpid(server, nullptr, 0), server);
  const std::string name = group_name(lost.path());
  ASSERT_GT(groups_below(name), 0u);
  EXPECT_TRUE(eventually([&] {
    const ScratchDirectory state;
    const Result<std::unique_ptr<Substrate>> other = make_process_substrate(state.path());
    EXPECT_TRUE(other.ok());
    return groups_below(name) == 0;
  }));
  ::close(ready[0]);
  ::close(ready[1]);
}

}  // namespace
}  // namespace cumulet::compute
