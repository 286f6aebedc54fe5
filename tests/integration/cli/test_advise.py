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

    def make(runtime, files, **options):
        made.append(unique("advised"))
        aws.client("lambda").create_function(FunctionName=made[-1], Runtime=runtime, Role=arn, Handler="app.handler", Timeout=30,
                                             Code={"ZipFile": package(files)}, **options)
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
