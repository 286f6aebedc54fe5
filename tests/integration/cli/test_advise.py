"""`cumulet advise`: where cold starts spend their time."""

import os
import re
import subprocess
import sys
import pathlib

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lambda"))
from lambda_packages import package  # noqa: E402

BINARY = os.environ["CUMULET_BINARY"]
FILES = {
    "app.py": "import heavy\nimport light\nprint('initialised')\ndef handler(event, context):\n    print('called')\n    return 1\n",
    "heavy.py": "import slow\n",
    "slow.py": "import time\ntime.sleep(0.4)\n",
    "light.py": "WORD = 'light'\n",
}


@pytest.fixture
def advise(server):
    return lambda *words: subprocess.run([BINARY, "advise", *words], env=server.environment, capture_output=True, text=True, timeout=120)


@pytest.fixture
def function(aws, unique):
    role = unique("role")
    trust = ('{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},'
             '"Action":"sts:AssumeRole"}]}')
    arn = aws.client("iam").create_role(RoleName=role, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    made = []

    def make(runtime, files, mode=0o644, **options):
        made.append(unique("advised"))
        aws.client("lambda").create_function(FunctionName=made[-1], Runtime=runtime, Role=arn, Handler="app.handler", Timeout=30,
                                             Code={"ZipFile": package(files, mode)}, **options)
        return made[-1]

    yield make
    for name in made:
        aws.client("lambda").delete_function(FunctionName=name)


def test_heavy_imports_are_named_with_their_time(advise, function, aws, wait_until):
    lam, logs = aws.client("lambda"), aws.client("logs")
    name = function("python3.11", FILES, MemorySize=1024)
    lam.invoke(FunctionName=name)
    reports = {"logGroupName": f"/aws/lambda/{name}", "filterPattern": '"REPORT RequestId"'}
    wait_until(lambda: logs.describe_log_groups(logGroupNamePrefix=reports["logGroupName"])["logGroups"]
               and logs.filter_log_events(**reports)["events"], what="the report")
    done = advise(name)
    assert done.returncode == 0, done.stderr
    assert "1 of 1 invocations" in done.stdout
    heavy = re.search(r"([0-9.]+) ms  heavy +for app", done.stdout)
    assert heavy and float(heavy.group(1)) > 300
    assert re.search(r"([0-9.]+) ms  slow +for heavy", done.stdout)
    assert re.search(r"Import heavy in the function that uses it.* is ([0-9.]+) ms", done.stdout)
    assert "Import light" not in done.stdout
    assert "A memory size of 128 MB would do" in done.stdout
    # Nothing is left, and the handler ran only when it was called.
    assert [one["FunctionName"] for one in lam.list_functions()["Functions"] if one["FunctionName"].startswith(name)] == [name]
    groups = [one["logGroupName"] for one in logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]]
    assert f"/aws/lambda/{name}" in groups
    for group in groups:
        texts = [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]
        assert ("called\n" in texts or "called" in texts) == (group == f"/aws/lambda/{name}")


def test_what_node_requires_is_named_with_its_time(advise, function):
    wait = "const until = Date.now() + 400; while (Date.now() < until);\n"
    done = advise(function("nodejs20.x", {
        "app.js": "require('./light'); const heavy = require('heavy');\nexports.handler = async () => heavy;\n",
        "light.js": "module.exports = 'light';\n",
        "node_modules/heavy/index.js": "require('./lib/slow');\n",
        "node_modules/heavy/lib/slow.js": wait}))
    assert done.returncode == 0, done.stderr
    heavy = re.search(r"([0-9.]+) ms  heavy +for app.js", done.stdout)
    assert heavy and float(heavy.group(1)) > 300  # Date.now() counts whole milliseconds of a clock of its own.
    assert re.search(r"([0-9.]+) ms  heavy/lib/slow.js +for heavy", done.stdout)
    assert re.search(r"Import heavy in the function that uses it.* is ([0-9.]+) ms", done.stdout)
    assert "Import light" not in done.stdout


def test_other_runtimes_and_mistakes(advise, function):
    program = "#!/bin/sh\nexit 1\n"
    done = advise(function("provided.al2023", {"bootstrap": program}))
    assert done.returncode == 0 and "0 of 0 invocations" in done.stdout and "Nothing that was measured" in done.stdout
    assert advise("no-such-function").returncode == 1
    broken = advise(function("python3.11", {"app.py": "import nothing_like_it\n"}))
    assert broken.returncode == 1 and "nothing_like_it" in broken.stderr


def test_what_each_call_does_anew_is_kept_and_timed(advise, function):
    name = function("python3.11", {
        "app.py": "import json\nimport tables\n"
                  "def handler(event, context):\n"
                  "    table = tables.load()\n"
                  "    with open('/var/task/model.json') as file:\n        model = json.load(file)\n"
                  "    return table[event['n']] + model[event['n']]\n",
        "tables.py": "import time\ndef load():\n    time.sleep(0.15)\n    return [n * n for n in range(1000)]\n",
        "model.json": "[" + ",".join(str(n) for n in range(400_000)) + "]"}, MemorySize=1024)
    done = advise(name, "--payload", '{"n": 3}')
    assert done.returncode == 0, done.stderr
    assert "called 21 times with this payload" in done.stdout
    table = re.search(r"Call tables.load once.* takes ([0-9.]+) ms instead of ([0-9.]+) ms", done.stdout)
    assert table and float(table.group(2)) > float(table.group(1)), done.stdout
    model = re.search(r"Read model.json once.* takes ([0-9.]+) ms instead of ([0-9.]+) ms", done.stdout)
    assert model and float(model.group(2)) > float(model.group(1)), done.stdout
    # Without an event the handler is not called, and nothing is said of it.
    assert "once, at the top of the file" not in advise(name).stdout


def test_clients_that_each_call_makes_are_kept_and_timed(advise, function):
    done = advise(function("python3.11", {
        "app.py": "import boto3\ndef handler(event, context):\n    boto3.client('sqs').list_queues()\n"}, MemorySize=1024), "--payload", "{}")
    assert done.returncode == 0, done.stderr
    assert re.search(r"Make the client of sqs once.* takes [0-9.]+ ms instead of [0-9.]+ ms", done.stdout), done.stdout


def test_what_differs_from_call_to_call_is_not_advised_to_be_kept(advise, function):
    name = function("python3.11", {
        "app.py": "import time\nCALLS = []\n"
                  "def count():\n    time.sleep(0.05)\n    CALLS.append(1)\n    return len(CALLS)\n"
                  "def of_event(event):\n    time.sleep(0.05)\n    return 1\n"
                  "def handler(event, context):\n    return count() + of_event(event)\n"})
    done = advise(name, "--payload", "{}")
    assert done.returncode == 0, done.stderr
    assert "once, at the top" not in done.stdout
    fails = advise(function("python3.11", {"app.py": "def handler(event, context):\n    raise ValueError('not so')\n"}), "--payload", "{}")
    assert fails.returncode == 1 and "ValueError: not so" in fails.stderr
    assert advise(name, "--payload", "{").returncode == 2


def test_what_a_handler_in_node_does_anew_is_kept_and_timed(advise, function):
    done = advise(function("nodejs20.x", {
        "app.js": "const { QueueClient } = require('@aws-sdk/client-queue'); const fs = require('fs');\n"
                  "exports.handler = async (event) => {\n"
                  "  const words = JSON.parse(fs.readFileSync(__dirname + '/words.json', 'utf8'));\n"
                  "  return new QueueClient({ region: event.region }).send(words[event.n]);\n};\n",
        "words.json": "[" + ",".join(str(n) for n in range(400_000)) + "]",
        "node_modules/@aws-sdk/client-queue/package.json": '{"main": "index.js"}',
        "node_modules/@aws-sdk/client-queue/index.js":
            "class QueueClient { constructor() { const until = Date.now() + 60; while (Date.now() < until); }\n"
            "  send(word) { return word; } }\n"
            "Object.defineProperty(exports, 'QueueClient', { enumerable: true, get: () => QueueClient });\n"},
        MemorySize=1024), "--payload", '{"n": 3, "region": "eu-west-1"}')
    assert done.returncode == 0, done.stderr
    client = re.search(r"Make the client of QueueClient once.* takes ([0-9.]+) ms instead of ([0-9.]+) ms", done.stdout)
    assert client and float(client.group(2)) - float(client.group(1)) > 40, done.stdout
    assert re.search(r"Read words.json once.* takes [0-9.]+ ms instead of [0-9.]+ ms", done.stdout), done.stdout


@pytest.mark.parametrize("runtime, name, source", [
    ("python3.11", "app.py", "import used\ndef handler(event, context):\n    return used.WORD\n"),
    ("nodejs20.x", "app.js", "const used = require('./used');\nexports.handler = async () => used;\n")])
def test_a_heavy_package_is_weighed_against_one_with_what_is_read(advise, function, runtime, name, source):
    ballast = {f"ballast/{n}.txt": os.urandom(4000).hex() for n in range(160)}
    done = advise(function(runtime, {name: source, "used.py": "WORD = 'used'\n", "used.js": "module.exports = 'used';\n", **ballast},
                           MemorySize=512))
    assert done.returncode == 0, done.stderr
    line = re.search(r"Take out of the package what no call needs: 2 of its 163 files.* instead of .*Not read: ballast/ \(160 files, ([0-9.]+) MiB\)",
                     done.stdout)
    assert line and 1.1 < float(line.group(1)) < 1.3, done.stdout


def test_a_function_that_calls_itself_is_told_what_that_took(advise, function, aws, wait_until):
    name = function("python3.11", {
        "app.py": "import boto3, json, time\n"
                  "def handler(event, context):\n    time.sleep(0.02)\n"
                  "    if event['left'] > 0:\n"
                  "        boto3.client('lambda').invoke(FunctionName=context.function_name, Payload=json.dumps({'left': event['left'] - 1}))\n"},
        MemorySize=512)
    aws.client("lambda").invoke(FunctionName=name, Payload='{"left": 2}')
    # Metrics are written every few seconds.
    line = wait_until(lambda: re.search(r"Break the loop: 2 of 3 invocations were by events .* took ([0-9.]+) of ([0-9.]+) ms",
                                        advise(name).stdout), what="the advice")
    assert 40 < float(line.group(1)) < float(line.group(2))


def test_no_handler_is_called_where_it_cannot_be_measured(advise, function, aws):
    # A wrapper that starts a runtime of its own: it does not know that it is measured.
    lam = aws.client("lambda")
    own = ("#!/bin/sh\nexec /usr/bin/python3 - <<'END'\nimport json, os, urllib.request\n"
           "api = 'http://' + os.environ['AWS_LAMBDA_RUNTIME_API'] + '/2018-06-01/runtime/invocation/'\n"
           "while True:\n"
           "    with urllib.request.urlopen(api + 'next') as event: name = event.headers['Lambda-Runtime-Aws-Request-Id']\n"
           "    answer = json.dumps({'called': os.environ['_HANDLER']}).encode()\n"
           "    urllib.request.urlopen(api + name + '/response', answer).close()\nEND\n")
    name = function("python3.11", {"app.py": "", "own": own}, mode=0o755, Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/own"}})
    assert lam.invoke(FunctionName=name)["Payload"].read() == b'{"called": "app.handler"}'
    done = advise(name, "--payload", "{}")
    assert done.returncode == 1 and "only_cumulets_own_runtimes_can_be_profiled.handler" in done.stderr, done
