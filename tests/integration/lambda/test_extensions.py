"""Extensions beside functions: what they are told and may do, what their failures do, and their telemetry."""

import base64
import json
import pathlib
import re
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from extension_layers import COMMON, FOLLOWER, SUBSCRIBER  # noqa: E402
from lambda_packages import package  # noqa: E402

ECHO = "def handler(event, context): return event\n"
# Gives what the subscriber has received.
READER = """
import json, os
def handler(event, context):
    print("a line of the function")
    if not os.path.exists("/tmp/telemetry"):
        return []
    with open("/tmp/telemetry") as file:
        return [json.loads(line) for line in file]
"""


@pytest.fixture
def layer(lam, unique):
    """layer({"name": text}) is the ARN of a layer with these extensions."""

    def publish(extensions, mode=0o755):
        zipped = package({"extensions/" + name: text for name, text in extensions.items()}, mode)
        return lam.publish_layer_version(LayerName=unique("layer"), Content={"ZipFile": zipped})["LayerVersionArn"]

    return publish


@pytest.fixture
def wait_for_log(aws, wait_until):
    """wait_for_log(function, text, …) waits until its log has all of that, and gives all lines."""
    logs = aws.client("logs")

    def wait(name, *texts):
        def found():
            try:
                events = logs.filter_log_events(logGroupName="/aws/lambda/" + name)["events"]
            except logs.exceptions.ResourceNotFoundException:
                return None
            lines = "\n".join(event["message"].rstrip("\n") for event in events)
            return lines if all(text in lines for text in texts) else None

        return wait_until(found, what="the log")

    return wait


def test_extension_is_told_of_invocations_and_the_end(lam, python, layer, call, wait_for_log):
    name = python(ECHO, Layers=[layer({"first": FOLLOWER}), layer({"second": FOLLOWER})])
    assert call(name, {"n": 1}) == ({"n": 1}, None)
    assert call(name, {"n": 2}) == ({"n": 2}, None)
    lam.update_function_configuration(FunctionName=name, Description="new")  # The old environment goes.
    lines = wait_for_log(name, '"shutdownReason": "spindown"')
    registered = json.loads(re.search(r"registered 200 (.*)", lines)[1])
    assert registered == {"functionName": name, "functionVersion": "$LATEST", "handler": "app.handler",
                          "accountId": lam.get_function_configuration(FunctionName=name)["FunctionArn"].split(":")[4]}
    for extension in ("first", "second"):
        assert f"EXTENSION\tName: {extension}\tState: Ready\tEvents: [INVOKE, SHUTDOWN]" in lines
    assert lines.count('event {"eventType": "INVOKE"') == 4
    invoked = json.loads(re.search(r"event (.*INVOKE.*)", lines)[1])
    assert invoked["invokedFunctionArn"].endswith(name) and invoked["requestId"] in lines
    assert invoked["deadlineMs"] > 1_600_000_000_000
    assert lines.index("EXTENSION\t") < lines.index("START RequestId")


def test_work_after_the_answer_counts(lam, python, layer, call, wait_for_log):
    name = python(ECHO, Layers=[layer({"slow": FOLLOWER})], Environment={"Variables": {"WORK": "0.4"}})
    assert call(name, 1) == (1, None)
    assert call(name, 2) == (2, None)
    durations = re.findall(r"REPORT RequestId: \S+\tDuration: ([\d.]+) ms", wait_for_log(name, "REPORT RequestId"))
    assert all(float(duration) >= 400 for duration in durations)
    # LogType=Tail waits for the report.
    reply = lam.invoke(FunctionName=name, Payload=b"3", LogType="Tail")
    assert "REPORT" in base64.b64decode(reply["LogResult"]).decode()


@pytest.mark.parametrize("program, mode, kind, message", [
    (COMMON + "register()\nsys.exit(3)\n", 0o755, "Extension.Crash", "exit status 3"),
    (COMMON + "ask('POST', '/2020-01-01/extension/init/error', {}, Identifier=register(), "
     "Function_Error_Type='Mine.Broken')\n", 0o755, "Extension.InitError", "exit code 0"),
    (FOLLOWER, 0o644, "Extension.LaunchError", "fork/exec /opt/extensions/bad: permission denied"),
])
def test_failing_initialisation_fails_the_invocation(python, layer, call, wait_for_log, program, mode, kind, message):
    name = python(ECHO, Layers=[layer({"bad": program}, mode)])
    result, error = call(name)
    assert error == "Unhandled"
    assert result["errorType"] == kind
    assert re.fullmatch(r"RequestId: [0-9a-f-]{36} Error: " + re.escape(message), result["errorMessage"])
    lines = wait_for_log(name, "REPORT RequestId")
    assert re.search(r"INIT_REPORT Init Duration: [\d.]+ ms\tPhase: init\tStatus: error\tError Type: " + kind, lines)
    assert re.search(r"INIT_REPORT Init Duration: [\d.]+ ms\tPhase: invoke\tStatus: error\tError Type: " + kind, lines)


def test_runtime_that_cannot_be_executed(make_function, layer, call):
    name = make_function("provided.al2023", {"bootstrap": "no program"}, mode=0o755, Layers=[layer({"first": FOLLOWER})])
    result, error = call(name)
    assert error == "Unhandled" and result["errorType"] == "Runtime.InvalidEntrypoint"
    assert result["errorMessage"].endswith("Error: fork/exec /var/task/bootstrap: exec format error")


def test_crash_within_an_invocation_ends_it(python, layer, call, wait_for_log):
    crasher = COMMON + "identifier = register()\nnext_event(identifier)\nos.kill(os.getpid(), 9)\n"
    name = python("import time\ndef handler(event, context): time.sleep(30)\n", Layers=[layer({"crasher": crasher})])
    result, error = call(name)
    assert error == "Unhandled"
    assert result["errorType"] == "Extension.Crash"
    assert result["errorMessage"].endswith("Error: signal: killed")
    assert "Status: error\tError Type: Extension.Crash" in wait_for_log(name, "REPORT RequestId")


def test_time_out_and_exit_are_reasons_to_shut_down(python, layer, call, wait_for_log):
    name = python("import os, time\ndef handler(event, context):\n    os._exit(4) if event else time.sleep(30)\n",
                  Layers=[layer({"follower": FOLLOWER})], Timeout=1)
    result, error = call(name)
    assert error == "Unhandled" and result["errorType"] == "Sandbox.Timedout"
    wait_for_log(name, '"shutdownReason": "timeout"', "Task timed out after 1.00 seconds")
    result, error = call(name, True)
    assert error == "Unhandled" and result["errorType"] == "Runtime.ExitError"
    assert result["errorMessage"].endswith("Runtime exited with error: exit status 4")
    wait_for_log(name, '"shutdownReason": "failure"')


def test_what_an_extension_prints_at_the_end_is_kept(lam, python, layer, call, wait_for_log):
    talker = FOLLOWER + """
print("\\n".join(f"word {i} " + "x" * 900 for i in range(400)) + "\\nthe last one", flush=True)
os._exit(0)
"""
    name = python(ECHO, Layers=[layer({"talker": talker})])
    assert call(name, 1) == (1, None)
    lam.update_function_configuration(FunctionName=name, Description="new")
    assert wait_for_log(name, "the last one").count("word ") == 400


def test_internal_extension_registers_and_the_runtime_is_terminated(lam, python, call, wait_for_log):
    body = COMMON.replace("os.path.basename(sys.argv[0])", "'inside'") + """
import signal
def end(*_):
    print("terminated", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("refused", ask("POST", "/2020-01-01/extension/register", {"events": ["SHUTDOWN"]}, Name=NAME)[::2])
identifier = register(["INVOKE"])
def follow():
    while True:
        next_event(identifier)
threading.Thread(target=follow, daemon=True).start()
def handler(event, context):
    return [ask("POST", "/2020-01-01/extension/register", {"events": []}, Name="late")[2]["errorType"],
            ask("GET", "/2020-01-01/extension/event/next")[2]["errorType"],
            ask("GET", "/2020-01-01/extension/event/next", Identifier="0" * 8 + "-0000" * 3 + "-" + "0" * 12)[2]["errorType"]]
"""
    name = python(body)
    assert call(name) == (["Extension.RegistrationClosed", "Extension.MissingExtensionIdentifier",
                           "Extension.UnknownExtensionIdentifier"], None)
    lam.update_function_configuration(FunctionName=name, Description="new")
    lines = wait_for_log(name, "terminated", "EXTENSION\tName: inside\tState: Ready\tEvents: [INVOKE]")
    assert "refused (403, {'errorType': 'Extension.InvalidEventType'" in lines
    assert 'event {"eventType": "INVOKE"' in lines


def test_more_than_ten_extensions_are_too_many(python, layer, call):
    name = python(ECHO, Layers=[layer({f"e{i}": FOLLOWER for i in range(11)})])
    result, error = call(name)
    assert error == "Unhandled" and result["errorType"] == "Extension.LaunchError"


def test_telemetry_comes_to_the_subscriber(python, layer, call, wait_until, wait_for_log):
    name = python(READER, Layers=[layer({"subscriber": SUBSCRIBER})])
    wanted = {"platform.initStart", "platform.initRuntimeDone", "platform.initReport", "platform.telemetrySubscription",
              "platform.extension", "platform.start", "platform.runtimeDone", "platform.report", "function", "extension"}

    def received():
        events = call(name)[0]
        return events if wanted <= {event["type"] for event in events} else None

    events = wait_until(received)
    first = {}
    for event in events:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"])
        first.setdefault(event["type"], event["record"])
    assert "platform.end" not in first
    assert first["platform.initStart"]["functionName"] == name
    assert first["platform.initReport"]["metrics"]["durationMs"] > 0
    assert first["platform.telemetrySubscription"] == {"name": "subscriber", "state": "Subscribed",
                                                       "types": ["platform", "function", "extension"]}
    assert first["platform.extension"] == {"name": "subscriber", "state": "Ready", "events": ["INVOKE", "SHUTDOWN"]}
    assert first["function"] == "a line of the function"
    done, report = first["platform.runtimeDone"], first["platform.report"]
    assert done["status"] == report["status"] == "success" and done["metrics"]["producedBytes"] > 0
    assert [span["name"] for span in done["spans"]] == ["responseLatency", "responseDuration", "runtimeOverhead"]
    assert report["requestId"] == done["requestId"] == first["platform.start"]["requestId"]
    assert report["metrics"]["initDurationMs"] > 0 and report["metrics"]["memorySizeMB"] == 128
    lines = wait_for_log(name, "TELEMETRY\tName: subscriber\tState: Subscribed\tTypes: [Platform, Function, Extension]")
    assert "subscribed (200, 'OK')" in lines
    assert "'errorType': 'ValidationError'" in lines and "types should not be empty" in lines


def test_logs_api_has_its_own_names(python, layer, call, wait_until):
    name = python(READER, Layers=[layer({"subscriber": SUBSCRIBER})], Environment={"Variables": {"API": "logs"}})

    def received():
        types = {event["type"] for event in call(name)[0]}
        return types if {"platform.start", "platform.end", "platform.report", "function"} <= types else None

    types = wait_until(received)
    assert "platform.logsSubscription" in types and "platform.initStart" not in types
