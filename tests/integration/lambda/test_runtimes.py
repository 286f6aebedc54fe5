"""What functions see and do inside their sandbox, in each runtime."""

import base64
import concurrent.futures
import json
import shutil
import subprocess
import time

import pytest


def test_warm_invocations_keep_the_process(python, call):
    name = python("n = 0\ndef handler(e, c):\n    global n\n    n += 1\n    return n\n")
    assert [call(name)[0] for _ in range(5)] == [1, 2, 3, 4, 5]


def test_timeout_and_what_comes_after(python, call):
    name = python("import time\ndef handler(e, c): time.sleep(e); return 'awake'\n", Timeout=1)
    result, error = call(name, 30)
    assert error == "Unhandled"
    assert result["errorType"] == "Sandbox.Timedout"
    assert result["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")
    assert call(name, 0) == ("awake", None)


def test_memory_is_limited_and_the_platform_survives(python, call):
    name = python("def handler(e, c): return len(bytearray(e))\n", MemorySize=128)
    result, error = call(name, 1 << 30)
    assert error == "Unhandled" and result["errorType"] == "Runtime.ExitError"
    assert result["errorMessage"].endswith("Runtime exited with error: signal: killed")
    assert call(name, 10) == (10, None)


@pytest.mark.parametrize("text, error_type", [
    ("raise Exception('at import')\n", "Exception"),
    ("import nothing_like_it\n", "Runtime.ImportModuleError"),
    ("def handler(:\n", "Runtime.UserCodeSyntaxError"),
    ("x = 1\n", "Runtime.HandlerNotFound"),
    ("def handler(e, c): return {1, 2}\n", "Runtime.MarshalError"),
    ("def handler(e, c): return e['x']\n", "TypeError"),
    ("import os\ndef handler(e, c): os._exit(3)\n", "Runtime.ExitError"),
    ("import os\ndef handler(e, c): os.abort()\n", "Runtime.ExitError"),
    ("def handler(e, c): return 'x' * 7000000\n", "Function.ResponseSizeTooLarge"),
])
def test_python_errors(python, call, text, error_type):
    result, error = call(python(text))
    assert error == "Unhandled"
    assert result["errorType"] == error_type


def test_sandbox_shows_what_lambda_shows(python, call):
    name = python(
        "import os\n"
        "def attempt(f):\n"
        "    try: f(); return True\n"
        "    except OSError: return False\n"
        "def handler(e, c):\n"
        "    return {'cwd': os.getcwd(), 'uid': os.getuid(), 'tmp': attempt(lambda: open('/tmp/x', 'w').write('x')),\n"
        "            'task': attempt(lambda: open('/var/task/x', 'w')), 'root': attempt(lambda: open('/usr/x', 'w')),\n"
        "            'shadow': attempt(lambda: open('/etc/shadow')), 'key': os.environ['AWS_ACCESS_KEY_ID'][:4],\n"
        "            'pids': sorted(p for p in os.listdir('/proc') if p.isdigit())[:1]}\n")
    result, error = call(name)
    assert error is None
    assert result["cwd"] == "/var/task" and result["uid"] != 0
    assert result["tmp"] is True and result["task"] is False and result["root"] is False and result["shadow"] is False
    assert result["key"] == "ASIA"


def test_platform_is_reachable_with_the_roles_credentials(python, call, role):
    text = ("import boto3\nsts = boto3.client('sts')\n"
            "def handler(e, c): return sts.get_caller_identity()['Arn']\n")
    name = python("try:\n    import boto3\nexcept ImportError:\n    boto3 = None\ndef handler(e, c): return boto3 is not None\n")
    if not call(name)[0]:
        pytest.skip("the host's Python has no boto3")
    name = python(text, MemorySize=512)
    result, error = call(name)
    assert error is None
    assert result.startswith("arn:aws:sts::") and f":assumed-role/functions/{name}" in result


def test_aws_names_lead_to_the_platform(python, call, make_function):
    """SDKs that do not know AWS_ENDPOINT_URL reach us all the same, over TLS that they trust."""
    name = python("import urllib.request\n"
                  "def handler(e, c):\n"
                  "    try: return urllib.request.urlopen('https://sts.eu-west-1.amazonaws.com/?Action=None').status\n"
                  "    except urllib.error.HTTPError as error: return [error.code, error.headers['x-amzn-requestid']]\n")
    result, error = call(name)
    assert error is None and result[0] in (400, 403, 404) and result[1]
    name = make_function("nodejs20.x", {"app.mjs": "export const handler = async () =>\n"
                                        "  (await fetch('https://sts.us-east-1.amazonaws.com/')).headers.get('x-amzn-requestid')\n"})
    result, error = call(name)
    assert error is None and result


def test_log_tail_and_report(lam, python):
    name = python("def handler(e, c): print('a line')\n")
    reply = lam.invoke(FunctionName=name, LogType="Tail")
    lines = base64.b64decode(reply["LogResult"]).decode().split("\n")
    assert lines[0].startswith("START RequestId: ") and lines[0].endswith(" Version: $LATEST")
    assert lines[1] == "a line"
    assert lines[2].startswith("END RequestId: ")
    assert "\tMemory Size: 128 MB\tMax Memory Used: " in lines[3] and "\tInit Duration: " in lines[3]


def test_concurrent_invocations(lam, python):
    name = python("import time\ndef handler(e, c): time.sleep(0.2); return e\n")
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda n: lam.invoke(FunctionName=name, Payload=json.dumps(n))["Payload"].read(), range(40)))
    assert replies == [str(n).encode() for n in range(40)]


def test_function_that_floods_its_log(lam, python):
    name = python("def handler(e, c):\n    for i in range(100000): print('x' * 100)\n    return 'done'\n", Timeout=60)
    assert lam.invoke(FunctionName=name)["Payload"].read() == b'"done"'


def test_fork_bomb_ends_with_its_function(lam, python, call):
    name = python("import os, time\ndef handler(e, c):\n    while True:\n        try: os.fork()\n        except OSError: time.sleep(0.01)\n",
                  Timeout=2)
    result, error = call(name)
    assert error == "Unhandled"
    assert call(python("def handler(e, c): return 'fine'\n")) == ("fine", None)


def test_node(make_function, call):
    name = make_function("nodejs20.x", {"app.mjs": "export const handler = async (e, c) => ({ e, f: c.functionName })\n"})
    assert call(name, {"a": "한글"}) == ({"e": {"a": "한글"}, "f": name}, None)
    name = make_function("nodejs20.x", {"app.js": "exports.handler = (e, c, cb) => cb(null, e.length)\n"})
    assert call(name, [1, 2]) == (2, None)
    name = make_function("nodejs20.x", {"app.js": "exports.handler = async () => { throw new RangeError('far') }\n"})
    result, error = call(name)
    assert error == "Unhandled" and result["errorType"] == "RangeError" and result["errorMessage"] == "far"
    assert result["trace"][0] == "RangeError: far"


def test_script_as_provided_runtime(make_function, call):
    script = """#!/bin/sh
while true; do
  head=$(mktemp)
  event=$(curl -sS -D "$head" "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next")
  id=$(grep -i lambda-runtime-aws-request-id "$head" | tr -d '\\r' | cut -d' ' -f2)
  curl -sS -d "{\\"got\\": $event}" "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response" >/dev/null
done
"""
    name = make_function("provided.al2023", {"bootstrap": script}, mode=0o755)
    assert call(name, 7) == ({"got": 7}, None)
    name = make_function("provided.al2023", {"bootstrap": script}, mode=0o644)
    result, error = call(name)
    assert error == "Unhandled" and result["errorType"] == "Runtime.InvalidEntrypoint"
    name = make_function("provided.al2023", {"bootstrap": "no program"}, mode=0o755)
    for _ in range(2):
        result, error = call(name)
        assert error == "Unhandled" and result["errorType"] == "Runtime.InvalidEntrypoint"
        assert result["errorMessage"].endswith("Error: fork/exec /var/task/bootstrap: exec format error")


PROGRAM = """
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <string>
static std::string talk(int fd, const std::string& request) {
  if (write(fd, request.data(), request.size()) < 0) _exit(9);
  std::string all; char buffer[4096];
  while (true) {
    ssize_t n = read(fd, buffer, sizeof buffer);
    if (n <= 0) _exit(8);
    all.append(buffer, n);
    size_t end = all.find("\\r\\n\\r\\n");
    if (end == std::string::npos) continue;
    size_t at = all.find("Content-Length: ");
    if (at == std::string::npos) at = all.find("content-length: ");
    if (all.size() >= end + 4 + atoi(all.c_str() + at + 16)) return all;
  }
}
int main() {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in a{}; a.sin_family = AF_INET; a.sin_port = htons(9001); a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (sockaddr*)&a, sizeof a)) return 7;
  while (true) {
    std::string event = talk(fd, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n");
    size_t at = event.find("Request-Id: ");
    std::string id = event.substr(at + 12, 36);
    talk(fd, "POST /2018-06-01/runtime/invocation/" + id + "/response HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 4\\r\\n\\r\\nC++!");
  }
}
"""


def test_static_program_as_provided_runtime(lam, role, unique, make_function, tmp_path):
    compiler = shutil.which("g++") or shutil.which("clang++-14")
    if not compiler:
        pytest.skip("no C++ compiler")
    (tmp_path / "main.cc").write_text(PROGRAM)
    subprocess.run([compiler, "-static", "-O1", "-o", tmp_path / "bootstrap", tmp_path / "main.cc"], check=True)
    name = make_function("provided.al2023", {"bootstrap": (tmp_path / "bootstrap").read_bytes()}, mode=0o755)
    for _ in range(3):
        assert lam.invoke(FunctionName=name)["Payload"].read() == b"C++!"


def test_idle_functions_use_no_processor_time(python, call):
    name = python("import threading, time\nn = 0\ndef count():\n    global n\n    while True: n += 1\n"
                  "threading.Thread(target=count, daemon=True).start()\ndef handler(e, c): return n\n")
    first = call(name)[0]
    time.sleep(0.3)
    before = call(name)[0]
    time.sleep(1.5)  # Frozen: the counter stands still but for the moment before freezing and after thawing.
    after = call(name)[0]
    assert first <= before <= after
    assert after - before < max(before - first, 1) * 50
