#include <algorithm>

#include <gmock/gmock.h>

#include "tests/unit/compute/engine_fake_substrate.h"
#include "tests/unit/compute/engine_fixture.h"

namespace cumulet::compute {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

constexpr const char* kEcho = "def handler(event, context):\n    return event\n";

class EngineTest : public testing::Test {
 protected:
  EngineFixture cloud{make_test_substrate()};
};

/// Until an interpreter is parked for the next cold start; there is no event to wait for.
void let_one_park() { std::this_thread::sleep_for(milliseconds(700)); }

TEST_F(EngineTest, PythonHandlerGetsTheEventAndItsAnswerComesBack) {
  const auto f = cloud.python(kEcho);
  const InvocationResult result = cloud.invoke(f, R"({"name": "Łódź 한글", "n": [1, 2.5, null]})");
  EXPECT_EQ(result.payload, R"({"name": "Łódź 한글", "n": [1, 2.5, null]})");
  EXPECT_EQ(result.function_error, "");
  EXPECT_GT(result.init_ms, 0);
  EXPECT_GE(result.billed_ms, result.duration_ms + result.init_ms);
}

TEST_F(EngineTest, WarmInvocationKeepsTheProcess) {
  const auto f = cloud.python("n = 0\ndef handler(event, context):\n    global n\n    n += 1\n    return n\n");
  for (int i = 1; i <= 20; ++i) {
    const InvocationResult result = cloud.invoke(f, "{}", i % 2);
    EXPECT_EQ(result.payload, std::to_string(i));
    EXPECT_EQ(result.init_ms > 0, i == 1);
  }
  EXPECT_EQ(cloud.log_streams(), 1u);
}

TEST_F(EngineTest, FrozenEnvironmentIsThawed) {
  const auto f = cloud.python(kEcho);
  cloud.invoke(f);
  std::this_thread::sleep_for(milliseconds(60));  // Past the moment of freezing: there is no event to wait for.
  EXPECT_EQ(cloud.invoke(f, "7").payload, "7");
}

TEST_F(EngineTest, PythonExceptionHasTypeMessageAndTrace) {
  const auto f = cloud.python("def handler(event, context):\n    raise ValueError('boom: %s' % event['x'])\n");
  const InvocationResult result = cloud.invoke(f, R"({"x": 1})");
  EXPECT_EQ(result.function_error, "Unhandled");
  EXPECT_THAT(
      result.payload,
      MatchesRegex(R"(\{"errorMessage": "boom: 1", "errorType": "ValueError", "requestId": "[0-9a-f-]+", )"
                   R"("stackTrace": \["  File \\".*app.py\\", line 2, in handler.n    raise ValueError.*\]\})"));
  EXPECT_THAT(cloud.wait_for_log("REPORT"),
              HasSubstr("[ERROR] ValueError: boom: 1\rTraceback (most recent call last):\r"));
}

TEST_F(EngineTest, ContextIsAsInLambda) {
  const auto f = cloud.python(
      "import os\ndef handler(event, c):\n    return [c.function_name, c.function_version, c.memory_limit_in_mb,"
      " c.invoked_function_arn, c.log_group_name, 2000 < c.get_remaining_time_in_millis() <= 3000, "
      "os.environ['_HANDLER'],"
      " os.environ['AWS_SESSION_TOKEN'], os.environ['AWS_EXECUTION_ENV'], c.log_stream_name[10:20]]\n");
  EXPECT_EQ(cloud.invoke(f).payload,
            "[\"" + f->name + "\", \"$LATEST\", \"128\", \"" + f->arn + "\", \"/aws/lambda/" + f->name +
                "\", true, \"app.handler\", \"token\", \"AWS_Lambda_python3.11\", \"/[$LATEST]\"]");
}

TEST_F(EngineTest, LogHasStartUserLinesEndAndReport) {
  const auto f = cloud.python(
      "import logging\nlogging.getLogger().setLevel('INFO')\nprint('at import')\n"
      "def handler(event, context):\n    print('hello')\n    logging.info('logged')\n");
  cloud.invoke(f);
  const std::string log = cloud.wait_for_log("REPORT");
  EXPECT_THAT(log, MatchesRegex(
                       "INIT_START Runtime Version: python3.11 Python 3.11 .*\tRuntime Version ARN: arn:aws:lambda:.*\n"
                       "at import\n"
                       "START RequestId: [0-9a-f-]+ Version: .LATEST\n"
                       "hello\n"
                       ".INFO.\t[0-9T:.-]+Z\t[0-9a-f-]+\tlogged\n"
                       "END RequestId: [0-9a-f-]+\n"
                       "REPORT RequestId: [0-9a-f-]+\tDuration: [0-9]+[.][0-9][0-9] ms\tBilled Duration: [0-9]+ ms\t"
                       "Memory Size: 128 MB\tMax Memory Used: [0-9]+ MB\tInit Duration: [0-9]+[.][0-9][0-9] ms\t\n"));
}

TEST_F(EngineTest, TailIsTheLogOfTheInvocation) {
  const auto f = cloud.python("def handler(event, context):\n    print('x' * event)\n");
  cloud.invoke(f, "1");
  const InvocationResult result = cloud.invoke(f, "3", 0, true);
  EXPECT_THAT(result.log_tail, HasSubstr("\nxxx\nEND RequestId: "));
  EXPECT_THAT(result.log_tail, HasSubstr("\tMax Memory Used: "));
  EXPECT_LE(cloud.invoke(f, "9000", 0, true).log_tail.size(), 4096u);
}

TEST_F(EngineTest, TimeoutKillsAndTheNextInvocationStartsAfresh) {
  const auto f = cloud.python(
      "import time\nn = 0\ndef handler(event, context):\n    global n\n    n += 1\n"
      "    time.sleep(event)\n    return n\n");
  f->timeout_seconds = 1;
  EXPECT_EQ(cloud.invoke(f, "0").payload, "1");
  const InvocationResult result = cloud.invoke(f, "30");
  EXPECT_EQ(result.function_error, "Unhandled");
  EXPECT_THAT(result.payload, MatchesRegex(R"(\{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: [0-9a-f-]+ )"
                                           R"(Error: Task timed out after 1.00 seconds"\})"));
  EXPECT_THAT(cloud.wait_for_log("Status: timeout"), HasSubstr("Task timed out after 1.00 seconds"));
  EXPECT_EQ(cloud.invoke(f, "0").payload, "1");
}

TEST_F(EngineTest, ExitIsAnErrorAndTheNextInvocationStartsAfresh) {
  const auto f = cloud.python(
      "import os, signal\ndef handler(event, context):\n    if event == 'kill': os.kill(os.getpid(), signal.SIGKILL)\n"
      "    if event is not None: os._exit(event)\n    return 'alive'\n");
  EXPECT_THAT(cloud.invoke(f, "3").payload, HasSubstr("Error: Runtime exited with error: exit status 3\"}"));
  EXPECT_THAT(cloud.invoke(f, "0").payload,
              MatchesRegex(R"(\{"errorType":"Runtime.ExitError","errorMessage":"RequestId: )"
                           R"([0-9a-f-]+ Error: Runtime exited without providing a reason"\})"));
  EXPECT_THAT(cloud.invoke(f, "\"kill\"").payload, HasSubstr("Runtime exited with error: signal: killed"));
  EXPECT_EQ(cloud.invoke(f, "null").payload, "\"alive\"");
}

TEST_F(EngineTest, InitialisationErrorsHaveTheirNames) {
  EXPECT_THAT(
      cloud.invoke(cloud.python("import nothing_like_it\n")).payload,
      HasSubstr(
          R"("errorMessage": "Unable to import module 'app': No module named 'nothing_like_it'", "errorType": "Runtime.ImportModuleError", "requestId": "")"));
  EXPECT_THAT(cloud.invoke(cloud.python("def handler(:\n")).payload, HasSubstr("Runtime.UserCodeSyntaxError"));
  EXPECT_THAT(cloud.invoke(cloud.python("x = 1\n")).payload,
              HasSubstr(R"("Handler 'handler' missing on module 'app'", "errorType": "Runtime.HandlerNotFound")"));
  EXPECT_THAT(cloud.invoke(cloud.python(kEcho, "nodot")).payload, HasSubstr("Runtime.MalformedHandlerName"));
  EXPECT_THAT(cloud.invoke(cloud.python("raise KeyError('k')\n")).payload, HasSubstr(R"("errorType": "KeyError")"));
  EXPECT_THAT(cloud.wait_for_log("Phase: invoke"), HasSubstr("Phase: init\tStatus: error\tError Type: Runtime."));
}

TEST_F(EngineTest, FailedInitialisationIsTriedAgainInTheInvocation) {
  const auto f = cloud.python(
      "import os, urllib.request\n"
      "if urllib.request.urlopen(os.environ['AWS_ENDPOINT_URL'] + '/x').read() == b'platform /x 1':\n"
      "    raise Exception('first')\ndef handler(e, c): return 'second'\n");
  EXPECT_EQ(cloud.invoke(f).payload, "\"second\"");
}

TEST_F(EngineTest, UnserialisableAnswerIsAMarshalError) {
  EXPECT_THAT(
      cloud.invoke(cloud.python("def handler(e, c): return object()\n")).payload,
      HasSubstr(
          R"("Unable to marshal response: Object of type object is not JSON serializable", "errorType": "Runtime.MarshalError")"));
}

TEST_F(EngineTest, AnswerOverSixMegabytesIsRefusedAndTheLargestPasses) {
  const auto f = cloud.python("def handler(n, c): return 'a' * n\n");
  EXPECT_EQ(cloud.invoke(f, std::to_string(6291554)).payload.size(), 6291556u);
  const InvocationResult result = cloud.invoke(f, std::to_string(6291555));
  EXPECT_EQ(result.function_error, "Unhandled");
  EXPECT_THAT(result.payload,
              HasSubstr("Response payload size exceeded maximum allowed payload size (6291556 bytes)."));
  EXPECT_EQ(cloud.invoke(f, "1").payload, "\"a\"");
}

TEST_F(EngineTest, ReservedConcurrencyThrottles) {
  const auto f = cloud.python("import time\ndef handler(e, c): time.sleep(e)\n");
  auto busy = cloud.begin(f, "2.2", 1);
  cloud.wait_for_log("START");
  const Result<InvocationResult> second = cloud.begin(f, "0", 1).get();
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), "TooManyRequestsException");
  EXPECT_EQ(second.error().http_status(), 429);
  EXPECT_EQ(second.error().fields().front().value, "ReservedFunctionConcurrentInvocationLimitExceeded");
  EXPECT_TRUE(busy.get().ok());
  EXPECT_FALSE(cloud.begin(f, "0", 0).get().ok());
  EXPECT_TRUE(cloud.begin(f, "0", 1).get().ok());
}

TEST_F(EngineTest, WhatOthersHaveReservedIsNotThereForTheRest) {
  const auto f = cloud.python("import time\ndef handler(e, c): time.sleep(e)\n");
  cloud.take_concurrency(999);
  auto busy = cloud.begin(f, "2.2");
  cloud.wait_for_log("START");
  const Result<InvocationResult> second = cloud.begin(f, "0").get();
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().fields().front().value, "ConcurrentInvocationLimitExceeded");
  EXPECT_TRUE(cloud.begin(cloud.python("def handler(e, c): pass\n"), "0", 1).get().ok());
  EXPECT_TRUE(busy.get().ok());
  EXPECT_TRUE(cloud.begin(f, "0").get().ok());
}

TEST_F(EngineTest, TenantsNeverShareAnEnvironment) {
  const auto f = cloud.python("seen = []\ndef handler(e, c):\n  seen.append(c.tenant_id)\n  return seen\n");
  f->tenant_isolated = true;
  EXPECT_EQ(cloud.invoke(f, "{}", 0, false, "blue").payload, R"(["blue"])");
  EXPECT_EQ(cloud.invoke(f, "{}", 0, false, "green").payload, R"(["green"])");
  EXPECT_EQ(cloud.invoke(f, "{}", 0, false, "blue").payload, R"(["blue", "blue"])");
  cloud.engine().retire(f->key);
  EXPECT_EQ(cloud.invoke(f, "{}", 0, false, "blue").payload, R"(["blue"])");
}

TEST_F(EngineTest, ConcurrentInvocationsRunBesideEachOther) {
  const auto f = cloud.python("import time, os\ndef handler(e, c):\n    time.sleep(2)\n    return c.log_stream_name\n");
  std::vector<std::future<Result<InvocationResult>>> all;
  for (int i = 0; i < 4; ++i) all.push_back(cloud.begin(f, "{}", -1, i % 2));
  std::set<std::string> processes;
  for (auto& one : all) {
    Result<InvocationResult> result = one.get();
    ASSERT_TRUE(result.ok()) << result.error().message();
    EXPECT_EQ(result->function_error, "") << result->payload;
    processes.insert(result->payload);
  }
  EXPECT_GE(processes.size(), 2u);
}

TEST_F(EngineTest, BurstOfInvocationsAllEnd) {
  const auto f = cloud.python(kEcho);
  std::vector<std::future<Result<InvocationResult>>> all;
  for (int i = 0; i < 60; ++i) all.push_back(cloud.begin(f, std::to_string(i), -1, i % 2));
  for (int i = 0; i < 60; ++i) {
    Result<InvocationResult> result = all[i].get();
    ASSERT_TRUE(result.ok()) << result.error().message();
    EXPECT_EQ(result->payload, std::to_string(i));
  }
}

TEST_F(EngineTest, RetiredKeyGetsNewEnvironments) {
  const auto f = cloud.python("n = 0\ndef handler(e, c):\n    global n\n    n += 1\n    return n\n");
  EXPECT_EQ(cloud.invoke(f).payload, "1");
  cloud.engine().retire(f->key);
  EXPECT_EQ(cloud.invoke(f).payload, "1");
}

TEST_F(EngineTest, PlatformIsReachableFromInside) {
  const auto f = cloud.python(
      "import os, urllib.request\ndef handler(e, c):\n"
      "    return urllib.request.urlopen(os.environ['AWS_ENDPOINT_URL'] + '/table/x').read().decode()\n");
  f->timeout_seconds = 10;
  EXPECT_EQ(cloud.invoke(f).payload, "\"platform /table/x 1\"");
}

TEST_F(EngineTest, OutputFloodIsKeptInOrder) {
  const auto f = cloud.python("def handler(n, c):\n    for i in range(n): print('line', i, 'y' * 100)\n    return n\n");
  f->timeout_seconds = 20;
  EXPECT_EQ(cloud.invoke(f, "50000").payload, "50000");
  const std::string log = cloud.wait_for_log("REPORT");
  EXPECT_THAT(log, HasSubstr("line 49999 "));
  EXPECT_LT(log.find("line 49999 "), log.find("END RequestId"));
}

TEST_F(EngineTest, ProvidedRuntimeRunsItsBootstrap) {
  const auto f = cloud.function(
      "provided.al2023", "whatever", "bootstrap",
      "#!/bin/bash\nwhile true; do\n  h=$(mktemp)\n"
      "  e=$(curl -sS -D $h http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next)\n"
      "  id=$(grep -i aws-request-id $h | tr -d '\\r' | cut -d' ' -f2)\n"
      "  curl -sS -d \"$e!\" http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response >/dev/null\n"
      "done\n",
      true);
  f->timeout_seconds = 10;
  EXPECT_EQ(cloud.invoke(f, "[1]").payload, "[1]!");
  EXPECT_EQ(cloud.invoke(f, "[2]").payload, "[2]!");
}

TEST_F(EngineTest, MissingBootstrapIsAnInvalidEntrypoint) {
  for (int i = 0; i < 2; ++i) {
    const auto f = cloud.function("provided.al2023", "x", "bootstrap", "not executable");
    EXPECT_THAT(cloud.invoke(f).payload, HasSubstr("\"Runtime.InvalidEntrypoint\""));
    let_one_park();
  }
}

TEST_F(EngineTest, ParkedSandboxBecomesTheFunction) {
  if (!cloud.sandboxes_wait()) GTEST_SKIP() << "is started with its command";
  const auto own = [this](const std::string& name) {
    const auto version = cloud.function(
        "provided.al2023", "the.handler", "bootstrap",
        "#!/bin/bash\nA=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime\n"
        "id=$(curl -s -D - -o /dev/null $A/invocation/next | grep -i aws-request-id | tr -d '\\r' | cut -d' ' -f2)\n"
        "curl -s -d \"$(echo $(find /var/task | sort) $(stat -c %h bootstrap) $OWN $_HANDLER $AWS_ACCESS_KEY_ID "
        "$PWD)\" "
        "$A/invocation/$id/response\n"
        "exec curl -s $A/invocation/next\n",
        true);
    std::filesystem::create_directories(version->code / name);
    std::ofstream(version->code / name / "file") << name;
    version->environment["OWN"] = version->environment["PYTHONX"] = name;
    version->timeout_seconds = 10;
    return version;
  };
  int in_parked_ones = 0;
  for (int i = 0; i < 20 && in_parked_ones < 2; ++i) {
    const std::string name = i % 2 == 0 ? "lib" : "other";
    std::string said = cloud.invoke(own(name)).payload;
    // A file of a package that was linked has two names.
    const std::size_t names = said.find(" 2 ");
    if (names != std::string::npos) {
      ++in_parked_ones;
      said[names + 1] = '1';
    }
    EXPECT_EQ(said, "/var/task /var/task/bootstrap /var/task/" + name + " /var/task/" + name + "/file 1 " + name +
                        " the.handler ASIAEXAMPLE /var/task");
    let_one_park();
  }
  EXPECT_EQ(in_parked_ones, 2);
  // Variables that an interpreter reads when it starts are there in time.
  const std::string code = "import sys\ndef handler(e, c): return [sys.flags.utf8_mode, sys.flags.isolated]\n";
  for (int i = 0; i < 2; ++i) {
    const auto version = cloud.python(code);
    version->environment["PYTHONUTF8"] = "1";
    EXPECT_EQ(cloud.invoke(version).payload, "[1, 0]");
    let_one_park();
  }
}

TEST_F(EngineTest, BootstrapThatCannotBeExecuted) {
  for (const std::string text : {"", "#!/no/such/interpreter\n"}) {
    for (int i = 0; i < 2; ++i) {  // In a sandbox of its own, and in one that has waited.
      const auto f = cloud.function("provided.al2023", "x", "bootstrap", text, true);
      const InvocationResult result = cloud.invoke(f);
      EXPECT_EQ(result.function_error, "Unhandled");
      EXPECT_THAT(result.payload, HasSubstr("\"errorType\":\"Runtime.InvalidEntrypoint\""));
      EXPECT_THAT(result.payload, HasSubstr(text.empty() ? "Error: fork/exec /var/task/bootstrap: exec format error"
                                                         : "fork/exec /var/task/bootstrap: no such file or directory"));
      let_one_park();
    }
  }
}

TEST_F(EngineTest, RuntimeThatSpeaksNonsenseHarmsNobody) {
  const auto f = cloud.function(
      "provided.al2023", "x", "bootstrap",
      "#!/bin/bash\nA=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime\n"
      "for p in invocation/nope/response invocation//response invocation/x/error nowhere ../../etc init/errors; do\n"
      "  curl -s -d x $A/$p; done\n"
      "curl -s -X DELETE $A/invocation/next; curl -s -d x http://$AWS_LAMBDA_RUNTIME_API/\n"
      "id=$(curl -s -D - -o /dev/null $A/invocation/next | grep -i aws-request-id | tr -d '\\r' | cut -d' ' -f2)\n"
      "curl -s $A/invocation/next\n"
      "curl -s -o /dev/null -w 'first %{http_code}\\n' -d '\"ok\"' $A/invocation/$id/response\n"
      "curl -s -o /dev/null -w 'second %{http_code}\\n' -d '\"again\"' $A/invocation/$id/response\n"
      "curl -s -o /dev/null -w 'init %{http_code}\\n' -d '{}' $A/init/error\n"
      "exec curl -s $A/invocation/next\n",
      true);
  f->timeout_seconds = 10;
  EXPECT_EQ(cloud.invoke(f).payload, "\"ok\"");
  const std::string log = cloud.wait_for_log("REPORT");
  EXPECT_THAT(log, HasSubstr("first 202"));
  EXPECT_THAT(log, HasSubstr("second 403"));
  EXPECT_THAT(log, HasSubstr("init 403"));
}

TEST_F(EngineTest, UnknownRuntimesAreToldApart) {
  EXPECT_FALSE(cloud.engine().find_runtime("cobol1").supported);
  EXPECT_TRUE(cloud.engine().find_runtime("python3.11").installed);
  EXPECT_THAT(cloud.engine().find_runtime("python2.7").detail, HasSubstr("serves python2.7"));
  EXPECT_TRUE(cloud.engine().find_runtime("provided.al2").installed);
  EXPECT_TRUE(cloud.engine().find_runtime("nodejs4.3").supported);
  EXPECT_TRUE(cloud.engine().find_runtime("java8.al2").supported);
  EXPECT_TRUE(cloud.engine().find_runtime("java17.al2023").supported);
}

TEST_F(EngineTest, ParkedInterpreterBecomesTheFunction) {
  const auto first = cloud.python(kEcho);
  cloud.invoke(first);
  let_one_park();
  const auto second = cloud.python(
      "import os, helper\nprint('at import')\n"
      "def handler(event, c):\n    return [helper.NAME, os.environ['OWN'], c.function_name, "
      "os.environ.get('_CUMULET_PARKED'),"
      " os.getcwd(), event]\n");
  std::filesystem::create_directories(second->code / "helper");
  std::ofstream(second->code / "helper" / "__init__.py") << "NAME = 'helper'\n";
  second->environment["OWN"] = "mine";
  for (int i = 0; i < 3; ++i) {
    const InvocationResult result = cloud.invoke(second, std::to_string(i));
    EXPECT_THAT(result.payload, HasSubstr("[\"helper\", \"mine\", \"" + second->name + "\", null, "));
  }
  EXPECT_THAT(cloud.wait_for_log("at import"), HasSubstr("at import\nSTART"));
}

/// How often this thread of ours has been woken up so far.
std::string wake_ups_of(const std::string& thread) {
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream name(task.path() / "comm");
    std::string line;
    if (!std::getline(name, line) || line != thread) continue;
    std::ifstream status(task.path() / "status");
    while (std::getline(status, line)) {
      if (line.starts_with("voluntary_ctxt_switches")) return line;
    }
  }
  return {};
}

TEST_F(EngineTest, NobodyLooksAfterWhatIsParked) {
  if (!cloud.sandboxes_wait()) GTEST_SKIP() << "there is no guard of the memory";
  cloud.invoke(cloud.python(kEcho));
  let_one_park();
  EXPECT_GT(cloud.parked(), 0U);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  std::string before = "none";
  std::string after = wake_ups_of("sandbox-memory");
  while (before != after && std::chrono::steady_clock::now() < deadline) {
    before = after;
    std::this_thread::sleep_for(milliseconds(200));
    after = wake_ups_of("sandbox-memory");
  }
  EXPECT_EQ(before, after);
}

TEST_F(EngineTest, ErrorsOfAParkedInterpreterAreTheSame) {
  cloud.invoke(cloud.python(kEcho));
  let_one_park();
  EXPECT_THAT(cloud.invoke(cloud.python("import nothing_like_it\n")).payload, HasSubstr("Runtime.ImportModuleError"));
  let_one_park();
  const auto slow = cloud.python("import time\ndef handler(e, c): time.sleep(30)\n");
  slow->timeout_seconds = 1;
  EXPECT_THAT(cloud.invoke(slow).payload, HasSubstr("Task timed out after 1.00 seconds"));
}

TEST_F(EngineTest, BigPackageDoesNotUseAParkedInterpreter) {
  cloud.invoke(cloud.python(kEcho));
  let_one_park();
  const auto f = cloud.python("import os\ndef handler(e, c): return len(os.listdir(os.path.dirname(__file__)))\n");
  for (int i = 0; i < 300; ++i) std::ofstream(f->code / ("file" + std::to_string(i))) << i;
  EXPECT_EQ(cloud.invoke(f).payload, "301");
  // Nor does it use one up again, now that it is known. (One may still come from before.)
  bool untouched = false;
  for (int i = 0; i < 5 && !untouched; ++i) {
    let_one_park();
    const std::set<std::filesystem::path> before = cloud.parked_folders();
    const auto again = std::make_shared<FunctionVersion>(*f);
    again->key = random_id(16);
    EXPECT_EQ(cloud.invoke(again).payload, "301");
    let_one_park();
    const std::set<std::filesystem::path> after = cloud.parked_folders();
    untouched = !before.empty() && std::includes(before.begin(), before.end(), after.begin(), after.end());
  }
  EXPECT_TRUE(untouched);
}

TEST(EngineReaperTest, IdleEnvironmentsEnd) {
  EngineOptions options;
  options.idle_time = std::chrono::seconds(0);
  EngineFixture cloud(make_test_substrate(), options);
  const auto f = cloud.python("n = 0\ndef handler(e, c):\n    global n\n    n += 1\n    return n\n");
  cloud.invoke(f);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (cloud.log_streams() < 2 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(milliseconds(100));  // Long enough for the reaper; a shorter pause would keep it warm.
    cloud.invoke(f);
  }
  EXPECT_GE(cloud.log_streams(), 2u);
}

TEST(EngineLimitTest, FullHouseEvictsTheOldestIdleEnvironment) {
  EngineOptions options;
  options.max_environments = 1;
  EngineFixture cloud(make_test_substrate(), options);
  const auto a = cloud.python(kEcho);
  const auto b = cloud.python(kEcho);
  EXPECT_EQ(cloud.invoke(a, "1").payload, "1");
  EXPECT_EQ(cloud.invoke(b, "2").payload, "2");
  EXPECT_EQ(cloud.invoke(a, "3").payload, "3");
}

}  // namespace
}  // namespace cumulet::compute
