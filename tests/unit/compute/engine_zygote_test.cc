// Python functions in environments that were forked from a zygote: nobody inside can tell.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <simdjson.h>

#include "base/text.h"
#include "tests/unit/compute/engine_fixture.h"

namespace cumulet::compute {
namespace {

using testing::HasSubstr;

constexpr const char* kForked = "import gc\ndef handler(e, c): return gc.get_freeze_count() > 0\n";

/// A zygote is a matter of root: see rootless.h.
class ZygoteTest : public testing::Test {
 protected:
  void SetUp() override {
    auto substrate = make_process_substrate(directory_.path);
    if (!substrate) GTEST_SKIP() << substrate.error().message();
    cloud_.emplace(std::move(substrate).value());
    // Interpreters that were parked before it came up go first.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    for (int in_a_row = 0; in_a_row < 3; in_a_row = forked() ? in_a_row + 1 : 0) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "no zygote came up";
    }
  }

  bool forked() { return cloud_->invoke(cloud_->python(kForked)).payload == "true"; }
  std::string run(const std::string& code) { return cloud_->invoke(cloud_->python(code)).payload; }

  /// The zygotes on this machine that are ours: their parent is a warden of ours.
  static std::vector<pid_t> zygotes() {
    std::vector<pid_t> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const auto pid = parse_int(entry.path().filename().string());
      if (!pid) continue;
      std::ifstream file(entry.path() / "cmdline");
      const std::string command{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
      std::ifstream status(entry.path() / "status");
      const std::string about{std::istreambuf_iterator<char>(status), std::istreambuf_iterator<char>()};
      const bool outside = about.find("\nNSpid:\t" + std::to_string(*pid) + "\n") != std::string::npos;
      if (command.find("zygote.py") != std::string::npos && outside) found.push_back(static_cast<pid_t>(*pid));
    }
    return found;
  }

  SubstrateDirectory directory_;
  std::optional<EngineFixture> cloud_;
};

/// What a process can say of itself, line by line.
constexpr const char* kSelf = R"(
import os, sys
def read(path):
    with open(path) as file: return file.read()
def handler(event, context):
    said = sorted(os.listdir("/proc/self/ns"))
    wanted = ("Umask", "Ngid", "PPid", "TracerPid", "Uid", "Gid", "Groups", "Threads", "Sig", "Shd", "Cap", "NoNewPrivs", "Seccomp", "Cpus_allowed:", "Mems_allowed:", "CoreDumping")
    said += [line for line in read("/proc/self/status").splitlines() if line.startswith(wanted) and not line.startswith("SigQ")]
    said += read("/proc/self/limits").splitlines()
    said += [" ".join(line.split()[3:5]) for line in read("/proc/self/mountinfo").splitlines() if "/var/task" not in line]
    said += [name + read("/proc/self/" + name).split()[0] for name in ("uid_map", "gid_map", "setgroups")]
    said += ["cgroup " + line.partition(":")[2] for line in read("/proc/self/cgroup").splitlines()]
    said.append("adjustment " + read("/proc/self/oom_score_adj"))
    said.append("owner %d" % os.stat("/proc/self/environ").st_uid)
    said.append("session of its own %s" % (os.getsid(0) == os.getpgid(0) == os.getpid()))
    said.append("descriptors %s" % sorted(os.listdir("/proc/self/fd")))
    said += ["stream %d %s" % (fd, os.readlink("/proc/self/fd/%d" % fd).partition(":")[0]) for fd in range(3)]
    said.append("python %s %s %s %s" % (sys.argv, sys.path, sys.flags, sys.executable))
    said.append("streams %s %s %s" % (sys.stdin.encoding, sys.stdout.encoding, sys.stdout.line_buffering))
    said.append("main %s %s" % (sys.modules["__main__"].__file__, os.getcwd()))
    said.append("priority %d %d" % (os.nice(0), os.sched_getscheduler(0)))
    said.append("variables %s" % sorted(name for name in os.environ if name not in ("PYTHONX", "LC_CTYPE")))
    said.append("machine %s" % (os.uname(),))
    return said
)";

TEST_F(ZygoteTest, ChildIsWhatAnExecutedInterpreterIs) {
  const std::string forked = run(kSelf);
  const auto version = cloud_->python(kSelf);
  version->environment["PYTHONX"] = "1";  // read at the start, so it must be started
  const std::string executed = cloud_->invoke(version).payload;
  simdjson::dom::parser parsers[2];
  simdjson::dom::array a;
  simdjson::dom::array b;
  ASSERT_EQ(parsers[0].parse(forked).get(a), simdjson::SUCCESS) << forked;
  ASSERT_EQ(parsers[1].parse(executed).get(b), simdjson::SUCCESS) << executed;
  EXPECT_EQ(a.size(), b.size());
  for (auto x = a.begin(), y = b.begin(); x != a.end() && y != b.end(); ++x, ++y) {
    EXPECT_EQ(std::string_view(*x), std::string_view(*y));
  }
  EXPECT_THAT(forked, HasSubstr("NoNewPrivs:\\t1"));
  EXPECT_THAT(forked, HasSubstr("CapBnd:\\t0000000000000000"));
  EXPECT_THAT(forked, HasSubstr("Seccomp:\\t2"));
}

TEST_F(ZygoteTest, ModulesOfTheFunctionGoFirst) {
  const auto version =
      cloud_->python("import random, gc\ndef handler(e, c): return [random.OWN, gc.get_freeze_count()]\n");
  std::ofstream(version->code / "random.py") << "OWN = 'own'\n";
  EXPECT_EQ(cloud_->invoke(version).payload, "[\"own\", 0]");
  EXPECT_EQ(cloud_->invoke(version).payload, "[\"own\", 0]");
}

TEST_F(ZygoteTest, LibrariesOfThePackageAreFound) {
  const auto version = cloud_->python("import ctypes\ndef handler(e, c): return ctypes.CDLL('libown.so').seven()\n");
  std::filesystem::create_directories(version->code / "lib");
  std::ofstream(version->code / "own.c") << "int seven(void) { return 7; }\n";
  const std::string build =
      "cc -shared -fPIC -o " + (version->code / "lib/libown.so").string() + " " + (version->code / "own.c").string();
  ASSERT_EQ(std::system(build.c_str()), 0);
  EXPECT_EQ(cloud_->invoke(version).payload, "7");
  EXPECT_EQ(run("import os\ndef handler(e, c): return os.listdir('/var/task')\n"), "[\"app.py\"]");
}

TEST_F(ZygoteTest, SdkIsTheFunctionsOwn) {
  const std::string code =
      "import boto3, gc\nfirst, second = boto3.session.Session(), boto3.session.Session()\n"
      "def handler(e, c):\n"
      "  loaders = [s._session.get_component('data_loader') for s in (first, second)]\n"
      "  clients = [boto3.client('dynamodb'), boto3.resource('s3').meta.client, boto3.client('kinesis')]\n"
      "  return [gc.get_freeze_count() > 0, loaders[0] is loaders[1], len(loaders[0].search_paths), "
      "[c.meta.endpoint_url for c in clients], clients[0]._request_signer._credentials.access_key]\n";
  EXPECT_EQ(run(code),
            "[true, false, 3, [\"http://127.0.0.1:4566\", \"http://127.0.0.1:4566\", \"http://127.0.0.1:4566\"], "
            "\"ASIAEXAMPLE\"]");
}

TEST_F(ZygoteTest, NothingRandomIsShared) {
  const std::string code =
      "import random, uuid, secrets, tempfile, os, ssl\n"
      "def handler(e, c): return [random.random(), str(uuid.uuid4()), secrets.token_hex(), tempfile.mktemp(), "
      "ssl.RAND_bytes(8).hex(), os.urandom(8).hex()]\n";
  const std::string first = run(code);
  const std::string second = run(code);
  simdjson::dom::parser parsers[2];
  simdjson::dom::array a;
  simdjson::dom::array b;
  ASSERT_EQ(parsers[0].parse(first).get(a), simdjson::SUCCESS) << first;
  ASSERT_EQ(parsers[1].parse(second).get(b), simdjson::SUCCESS) << second;
  for (auto x = a.begin(), y = b.begin(); x != a.end() && y != b.end(); ++x, ++y) {
    EXPECT_NE(simdjson::to_string(*x), simdjson::to_string(*y));
  }
}

TEST_F(ZygoteTest, EndsAreReportedAsTheyAre) {
  EXPECT_THAT(run("import os\ndef handler(e, c): os._exit(3)\n"), HasSubstr("exited with error: exit status 3"));
  EXPECT_THAT(run("import os\ndef handler(e, c): os.kill(os.getpid(), 9)\n"), HasSubstr("signal: killed"));
  EXPECT_THAT(run("import sys\nsys.exit(4)\ndef handler(e, c): pass\n"), HasSubstr("exit status 4"));
  EXPECT_THAT(run("x = []\ndef handler(e, c):\n  while True: x.append(bytearray(1 << 20))\n"),
              HasSubstr("signal: killed"));
  EXPECT_EQ(
      run("import subprocess\ndef handler(e, c): return subprocess.run(['/bin/sh', '-c', 'exit 5']).returncode\n"),
      "5");
}

TEST_F(ZygoteTest, LoggingIsPreparedForEachFunction) {
  const auto version = cloud_->python(
      "import logging\nlogging.getLogger().setLevel('INFO')\n"
      "def handler(e, c):\n  logging.info('said')\n  return len(logging.getLogger().handlers)\n");
  const InvocationResult result = cloud_->invoke(version, "{}", 0, true);
  EXPECT_EQ(result.payload, "1");
  EXPECT_THAT(result.log_tail, HasSubstr("[INFO]\t"));
}

TEST_F(ZygoteTest, ParkedOnesAreAsManyAsAreWanted) {
  const auto waits_for = [this](auto wanted, std::chrono::seconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!wanted(cloud_->parked()) && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return wanted(cloud_->parked());
  };
  bool many = false;
  for (int burst = 0; burst < 10 && !many; ++burst) {
    std::vector<std::future<Result<InvocationResult>>> calls;
    for (int i = 0; i < 6; ++i) calls.push_back(cloud_->begin(cloud_->python(kForked)));
    for (auto& call : calls) EXPECT_TRUE(call.get().ok());
    many = waits_for([](std::size_t count) { return count >= 3; }, std::chrono::seconds(3));
  }
  EXPECT_TRUE(many);
  EXPECT_TRUE(waits_for([](std::size_t count) { return count == 1; }, std::chrono::seconds(60)));
}

TEST_F(ZygoteTest, WithoutItInterpretersAreStarted) {
  const std::vector<pid_t> all = zygotes();
  ASSERT_FALSE(all.empty());
  for (const pid_t pid : all) ::kill(pid, SIGKILL);
  for (int i = 0; i < 4; ++i) {
    EXPECT_THAT(run(kForked), testing::AnyOf("true", "false"));
  }
  // Another one takes its place.
  for (const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(90); !forked();) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
  }
}

}  // namespace
}  // namespace cumulet::compute
