// What a program finds inside a sandbox, and how it ends.
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/compute/sandbox_fixture.h"

namespace cumulet::compute {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

TEST_F(SandboxTest, StaticProgramRunsAndItsExitStatusIsReported) {
  const Outcome outcome = run_to_end(probe({"exit", "42"}));
  EXPECT_EQ(outcome.exit.kind, ExitKind::kExited);
  EXPECT_EQ(outcome.exit.code, 42);
}

TEST_F(SandboxTest, DynamicProgramRunsWithTheHostsLibraries) {
  SandboxSpec spec = host_program({"/bin/sh", "-c", "echo \"$GREETING\" from $(pwd); echo oops >&2"});
  spec.environment.emplace_back("GREETING", "hello = world");
  const Outcome outcome = run_to_end(std::move(spec));
  EXPECT_EQ(outcome.output, "hello = world from /var/task\noops\n");
  EXPECT_EQ(outcome.exit.code, 0);
}

TEST_F(SandboxTest, StandardStreamsCanBeOpenedByName) {
  const Outcome outcome = run_to_end(host_program(
      {"/bin/sh", "-c", "echo a > /dev/stdout; echo b > /dev/stderr; cat /dev/stdin; echo c > /dev/null"}));
  EXPECT_EQ(outcome.output, "a\nb\n");
}

TEST_F(SandboxTest, SignalThatEndsTheProgramIsReported) {
  const Outcome outcome = run_to_end(probe({"signal", "11"}));
  EXPECT_EQ(outcome.exit.kind, ExitKind::kSignaled);
  EXPECT_EQ(outcome.exit.code, SIGSEGV);
}

TEST_F(SandboxTest, PythonStarts) {
  if (::access("/usr/bin/python3", X_OK) != 0) GTEST_SKIP() << "Python is not installed";
  const Outcome outcome =
      run_to_end(host_program({"/usr/bin/python3", "-c",
                               "import os, pwd, ssl, json, tempfile, threading\n"
                               "t = threading.Thread(target=lambda: print('thread')); t.start(); t.join()\n"
                               "tempfile.TemporaryFile().write(b'x')\n"
                               "print(os.getuid(), os.getgid(), os.uname().nodename)"}));
  EXPECT_EQ(outcome.output, "thread\n993 990 sandbox\n");
}

TEST_F(SandboxTest, NodeStarts) {
  if (::access("/usr/bin/node", X_OK) != 0) GTEST_SKIP() << "Node.js is not installed";
  SandboxSpec spec =
      host_program({"/usr/bin/node", "-e", "require('fs').writeFileSync('/tmp/a', 'b'); console.log('ok')"});
  spec.memory_mib = 256;
  EXPECT_EQ(run_to_end(std::move(spec)).output, "ok\n");
}

TEST_F(SandboxTest, IdentityIsUnprivilegedAndNothingCanBeGained) {
  const Outcome outcome = run_to_end(host_program({"/bin/sh", "-c", "id -u; id -g; hostname; cat /proc/self/status"}));
  EXPECT_THAT(outcome.output, ::testing::StartsWith("993\n990\nsandbox\n"));
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
    EXPECT_THAT(outcome.output, HasSubstr(std::string(set) + ":\t0000000000000000\n"));
  EXPECT_THAT(outcome.output, HasSubstr("NoNewPrivs:\t1\n"));
  EXPECT_THAT(outcome.output, HasSubstr("Seccomp:\t2\n"));
}

TEST_F(SandboxTest, ProgramStartsWithThreeDescriptorsAndDefaultSignals) {
  EXPECT_EQ(run_to_end(probe({"descriptors"})).output, "0 1 2 \n");
  EXPECT_EQ(run_to_end(probe({"signals"})).output, "done\n");
}

TEST_F(SandboxTest, OnlyItsOwnProcessesAreVisible) { EXPECT_EQ(run_to_end(probe({"processes"})).output, "2\n"); }

TEST_F(SandboxTest, SystemCallsOfModernLibrariesWorkOrDoNotExist) {
  const std::string output = run_to_end(probe({"modern"})).output;
  EXPECT_THAT(
      output,
      ContainsRegex("^fifo ok\nfchmodat2 (ok|ENOSYS)\nunknown ENOSYS\nmemfd ok\ncore-limit ok\ncores 1\nnetlink ok\n"));
}

TEST_F(SandboxTest, OrphansAreReaped) { EXPECT_EQ(run_to_end(probe({"orphans"})).output, "reaped\n"); }

TEST_F(SandboxTest, MemoryBeyondTheLimitEndsItAsOutOfMemory) {
  SandboxSpec spec = probe({"allocate", "300"});
  spec.memory_mib = 64;
  const std::unique_ptr<Sandbox> sandbox = start(std::move(spec));
  ASSERT_TRUE(sandbox);
  const Outcome outcome = finish(*sandbox);
  EXPECT_EQ(outcome.exit.kind, ExitKind::kOutOfMemory);
  EXPECT_EQ(outcome.exit.code, SIGKILL);
  EXPECT_GT(sandbox->peak_memory(), 60u << 20);
}

TEST_F(SandboxTest, MemoryWithinTheLimitIsGiven) {
  SandboxSpec spec = probe({"allocate", "100"});
  spec.memory_mib = 128;
  const Outcome outcome = run_to_end(std::move(spec));
  EXPECT_EQ(outcome.output, "allocated 100\n");
}

TEST_F(SandboxTest, ProcessesAreLimited) {
  SandboxSpec spec = probe({"bomb"});
  spec.max_processes = 20;
  const Outcome outcome = run_to_end(std::move(spec));
  EXPECT_THAT(outcome.output, ContainsRegex("^1[0-9] EAGAIN\n"));
}

TEST_F(SandboxTest, TmpIsWritableUpToItsSize) {
  SandboxSpec spec = probe({"fill", "/tmp/x"});
  spec.ephemeral_mib = 16;
  EXPECT_EQ(run_to_end(std::move(spec)).output, "16384 ENOSPC\n");
}

TEST_F(SandboxTest, TmpMayBeLargerThanTheMemory) {
  SandboxSpec spec = probe({"fill", "/tmp/x"});
  spec.memory_mib = 64;
  spec.ephemeral_mib = 200;
  EXPECT_EQ(run_to_end(std::move(spec)).output, "204800 ENOSPC\n");
}

TEST_F(SandboxTest, FullTmpGivesProgramsNoMoreMemory) {
  SandboxSpec spec = probe({"fill-and-allocate", "400"});
  spec.memory_mib = 64;
  spec.ephemeral_mib = 100;
  const std::unique_ptr<Sandbox> sandbox = start(std::move(spec));
  ASSERT_TRUE(sandbox);
  const Outcome outcome = finish(*sandbox);
  EXPECT_EQ(outcome.output, "102400 ENOSPC\n");
  EXPECT_EQ(outcome.exit.kind, ExitKind::kOutOfMemory);
  EXPECT_LE(sandbox->peak_memory(), 64u << 20);
}

TEST_F(SandboxTest, SharedMemoryIsUsable) {
  SandboxSpec spec = probe({"fill", "/dev/shm/x"});
  spec.memory_mib = 64;
  const Outcome outcome = run_to_end(std::move(spec));
  // Others have room for themselves beside the function's memory, so that its size may be reached first.
  if (on_process_substrate())
    EXPECT_EQ(outcome.exit.kind, ExitKind::kOutOfMemory) << "shared memory counts as memory: " << outcome.output;
  EXPECT_EQ(run_to_end(host_program({"/bin/sh", "-c", "echo x > /dev/shm/a && cat /dev/shm/a"})).output, "x\n");
}

TEST_F(SandboxTest, ListenersAnswerFromOutside) {
  SandboxSpec spec = probe({"ask", "9001"});
  spec.listen_ports = {9001, 4566};
  const std::unique_ptr<Sandbox> sandbox = start(std::move(spec));
  ASSERT_TRUE(sandbox);
  const std::vector<int> listeners = sandbox->take_listeners();
  ASSERT_EQ(listeners.size(), 2u);
  for (const int listener : listeners) {
    EXPECT_TRUE(::fcntl(listener, F_GETFD) & FD_CLOEXEC);
    EXPECT_TRUE(::fcntl(listener, F_GETFL) & O_NONBLOCK);
  }
  EXPECT_TRUE(sandbox->take_listeners().empty());
  const int connection = accept_from(listeners[0]);
  ASSERT_GE(connection, 0);
  EXPECT_EQ(read_from(connection, 5), "ping\n");
  ASSERT_EQ(::write(connection, "pong\n", 5), 5);
  ::close(connection);
  EXPECT_EQ(finish(*sandbox).output, "pong\n");
  for (const int listener : listeners) ::close(listener);
}

TEST_F(SandboxTest, FrozenProgramDoesNothingUntilItIsThawed) {
  SandboxSpec spec = probe({"echo", "9001"});
  spec.listen_ports = {9001};
  const std::unique_ptr<Sandbox> sandbox = start(std::move(spec));
  ASSERT_TRUE(sandbox);
  const std::vector<int> listeners = sandbox->take_listeners();
  const int connection = accept_from(listeners[0]);
  ASSERT_GE(connection, 0);
  for (int round = 0; round < 20; ++round) {
    ASSERT_EQ(::write(connection, "a", 1), 1);
    EXPECT_EQ(read_from(connection, 1), "a");
    ASSERT_TRUE(sandbox->freeze().ok());
    ASSERT_EQ(::write(connection, "b", 1), 1);
    if (round == 0) EXPECT_FALSE(readable(connection, std::chrono::milliseconds(200)));
    ASSERT_TRUE(sandbox->thaw().ok());
    EXPECT_EQ(read_from(connection, 1), "b");
  }
  ASSERT_TRUE(sandbox->freeze().ok());
  sandbox->kill();
  EXPECT_EQ(finish(*sandbox).exit.kind, ExitKind::kSignaled) << "what is frozen can be killed";
  ::close(connection);
  ::close(listeners[0]);
}

TEST_F(SandboxTest, TerminateAsksTheMainProgram) {
  const std::unique_ptr<Sandbox> sandbox = start(probe({"wait-for-term"}));
  ASSERT_TRUE(sandbox);
  const int output = sandbox->take_output();
  EXPECT_EQ(read_from(output, 6), "ready\n");
  sandbox->terminate();
  Result<SandboxExit> exit = loop.run(sandbox->exited());
  ASSERT_TRUE(exit.ok());
  EXPECT_EQ(exit->kind, ExitKind::kExited);
  EXPECT_EQ(exit->code, 7);
  ::close(output);
}

TEST_F(SandboxTest, KillEndsIt) {
  const std::unique_ptr<Sandbox> sandbox = start(probe({"pause"}));
  ASSERT_TRUE(sandbox);
  sandbox->kill();
  const Outcome outcome = finish(*sandbox);
  EXPECT_EQ(outcome.exit.kind, ExitKind::kSignaled);
  EXPECT_EQ(outcome.exit.code, SIGKILL);
}

TEST_F(SandboxTest, ErrorsSayWhatWasBeingAttempted) {
  const auto refusal = [this](SandboxSpec spec) {
    Result<std::unique_ptr<Sandbox>> started = loop.run(substrate().start(std::move(spec)));
    EXPECT_FALSE(started.ok());
    if (started.ok()) return std::string("it started");
    return started.error().message();
  };
  SandboxSpec spec = probe({});
  spec.command = {"/nothing/here"};
  EXPECT_EQ(refusal(spec), "fork/exec /nothing/here: no such file or directory");
  spec = probe({"exit", "0"});
  spec.working_directory = "/nowhere";
  EXPECT_EQ(refusal(spec), "cannot enter the working directory /nowhere: No such file or directory");
  spec = probe({"exit", "0"});
  spec.mounts.emplace_back("/missing/source", "/opt");
  EXPECT_THAT(refusal(spec), HasSubstr("/missing/source"));
  for (const char* target : {"relative", "/", "/a/../b", "//a"}) {
    spec = probe({"exit", "0"});
    spec.mounts.emplace_back("/usr", target);
    EXPECT_THAT(refusal(spec), HasSubstr("no place for a mount")) << target;
  }
  spec = probe({"exit", "0"});
  spec.environment.emplace_back("BAD", std::string("a\0b", 3));
  EXPECT_THAT(refusal(spec), HasSubstr("BAD"));
  spec = probe({"exit", "0"});
  spec.environment.emplace_back("LARGE", std::string(300'000, 'x'));
  EXPECT_THAT(refusal(spec), HasSubstr("too much"));
  EXPECT_EQ(run_to_end(probe({"exit", "3"})).exit.code, 3) << "failures leave the substrate usable";
}

/// What a program can say of its sandbox, but for names that no two have in common.
constexpr const char* kSelf =
    "{ grep -vE '^(Name|Pid|Tgid|NStgid|NSpid|Vm|Hugetlb|Rss|.*ctxt_switches|SigQ|Cpus|Mems|Threads)' "
    "/proc/self/status; "
    "cat /proc/self/limits /proc/self/?id_map /proc/self/cgroup; cut -d' ' -f5- /proc/self/mountinfo; "
    "cut -d' ' -f4-8 /proc/self/stat; ls -l /proc/self/fd | cut -c1-10 | sort; "
    "ls -l /proc/1/fd; hostname; env | sort; pwd; id; umask; } 2>&1 | sed -E 's/19[0-9]{8}/user/g'";

TEST_F(SandboxTest, WaitsForItsCommand) {
  if (!on_process_substrate()) GTEST_SKIP() << "is started with its command";
  const SandboxSpec whole = host_program({"/bin/bash", "-c", kSelf});
  const std::string executed = run_to_end(whole).output;
  EXPECT_THAT(executed, HasSubstr("NoNewPrivs:\t1"));
  SandboxSpec spec = whole;
  spec.command.clear();
  spec.environment.clear();
  for (const std::string& argument : {std::string(kSelf), "echo second; " + std::string(kSelf)}) {
    const std::unique_ptr<Sandbox> sandbox = start(spec);
    ASSERT_TRUE(sandbox);
    sandbox->terminate();  // means nothing to it yet
    SandboxSpec later = whole;
    later.command.back() = argument;
    const Result<void> done = loop.run(sandbox->execute(later));
    ASSERT_TRUE(done.ok()) << done.error().message();
    const Outcome outcome = finish(*sandbox);
    EXPECT_EQ(outcome.output, (argument == kSelf ? "" : "second\n") + executed);
    EXPECT_EQ(outcome.exit.kind, ExitKind::kExited);
    EXPECT_EQ(outcome.exit.code, 0);
  }
}

TEST_F(SandboxTest, CommandThatCannotBeExecutedLater) {
  if (!on_process_substrate()) GTEST_SKIP() << "is started with its command";
  const auto refusal = [this](const SandboxSpec& later) {
    SandboxSpec spec = probe({});
    spec.command.clear();
    const std::unique_ptr<Sandbox> sandbox = start(std::move(spec));
    if (!sandbox) return std::string("it did not start");
    const Result<void> done = loop.run(sandbox->execute(later));
    return done.ok() ? std::string("it was executed") : done.error().message();
  };
  SandboxSpec later = probe({});
  later.command = {"/nothing/here"};
  EXPECT_EQ(refusal(later), "fork/exec /nothing/here: no such file or directory");
  later.command = {};
  EXPECT_EQ(refusal(later), "cannot read the command: Invalid argument");
  later = probe({"exit", "0"});
  later.working_directory = "/nowhere";
  EXPECT_EQ(refusal(later), "cannot enter the working directory /nowhere: No such file or directory");
  later = probe({"exit", "0"});
  later.environment.emplace_back("BAD", std::string("a\0b", 3));
  EXPECT_THAT(refusal(later), HasSubstr("BAD"));
  later = probe({"exit", "0"});
  later.environment.emplace_back("LARGE", std::string(300'000, 'x'));
  EXPECT_THAT(refusal(later), HasSubstr("too much"));
}

TEST_F(SandboxTest, KilledWhileItWaits) {
  if (!on_process_substrate()) GTEST_SKIP() << "is started with its command";
  SandboxSpec spec = probe({});
  spec.command.clear();
  const std::unique_ptr<Sandbox> sandbox = start(std::move(spec));
  ASSERT_TRUE(sandbox);
  sandbox->kill();
  EXPECT_EQ(loop.run(sandbox->execute(probe({"exit", "0"}))).ok(), false);
  EXPECT_EQ(finish(*sandbox).exit.kind, ExitKind::kSignaled);
}

TEST_F(SandboxTest, ManyStartAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&good] {
      LocalLoop own;
      for (int i = 0; i < 8; ++i) {
        Result<std::unique_ptr<Sandbox>> sandbox = own.run(substrate().start(probe({"exit", std::to_string(i)})));
        if (!sandbox.ok()) continue;
        Result<SandboxExit> exit = own.run((*sandbox)->exited());
        if (exit.ok() && exit->code == i) ++good;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 32);
}

TEST(HostTest, FindingsNameWhatSandboxesNeed) {
  const std::vector<Finding> findings = examine_host();
  std::vector<std::string> names;
  for (const Finding& finding : findings) {
    names.push_back(finding.what);
    EXPECT_FALSE(finding.detail.empty()) << finding.what;
  }
  for (const char* what : {"kernel", "privileges", "user namespace", "network namespace", "control groups",
                           "memory limit", "freezing", "seccomp filters", "overlay", "erofs"})
    EXPECT_THAT(names, ::testing::Contains(what));
}

}  // namespace
}  // namespace cumulet::compute
