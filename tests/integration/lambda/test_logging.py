"""Advanced logging controls, and the platform's own lines."""

import json
import re

import pytest
from botocore.exceptions import ClientError

ECHO = "def handler(event, context): return event\n"
PYTHON = """
import logging, os
log = logging.getLogger("mine")
def handler(event, context):
    log.debug("hidden")
    log.warning("careful %s", 1, extra={"order": 7})
    try:
        1 / 0
    except ZeroDivisionError:
        log.exception("broken")
    print("plain")
    if event == "fail":
        raise ValueError("no")
    return [os.environ["AWS_LAMBDA_LOG_FORMAT"], os.environ.get("AWS_LAMBDA_LOG_LEVEL")]
"""
NODE = """
exports.handler = async (event) => {
  console.debug('hidden');
  console.info({ a: 1 });
  console.warn('careful %d', 1);
  console.error('broken', new TypeError('no'));
  if (event === 'fail') throw new RangeError('out');
  return [process.env.AWS_LAMBDA_LOG_FORMAT, process.env.AWS_LAMBDA_LOG_LEVEL];
};
"""


@pytest.fixture
def lines_of(aws, wait_until):
    """lines_of(function, text) waits until its log has that, and gives all messages."""
    logs = aws.client("logs")

    def lines(name, text, group=None):
        def found():
            try:
                events = logs.filter_log_events(logGroupName=group or "/aws/lambda/" + name)["events"]
            except logs.exceptions.ResourceNotFoundException:
                return None
            messages = [event["message"].rstrip("\n") for event in events]
            return messages if any(text in message for message in messages) else None

        return wait_until(found, what=text)

    return lines


def records(messages):
    return [json.loads(message) for message in messages if message.startswith("{")]


def test_settings_are_checked_and_shown(lam, python):
    name = python(ECHO)
    assert lam.get_function_configuration(FunctionName=name)["LoggingConfig"] == {
        "LogFormat": "Text", "LogGroup": "/aws/lambda/" + name}
    changed = lam.update_function_configuration(FunctionName=name, LoggingConfig={"LogFormat": "JSON"})
    assert changed["LoggingConfig"] == {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO",
                                        "LogGroup": "/aws/lambda/" + name}
    with pytest.raises(ClientError) as error:
        lam.update_function_configuration(FunctionName=name,
                                          LoggingConfig={"LogFormat": "Text", "SystemLogLevel": "WARN"})
    assert error.value.response["Error"]["Code"] == "InvalidParameterValueException"
    assert 'LogLevel is not supported when LogFormat is set to "Text"' in str(error.value)
    for bad in ({"LogFormat": "XML"}, {"LogFormat": "JSON", "ApplicationLogLevel": "LOUD"}, {"LogGroup": "a b"}):
        with pytest.raises(ClientError):
            lam.update_function_configuration(FunctionName=name, LoggingConfig=bad)
    lam.update_function_configuration(FunctionName=name, LoggingConfig={"LogFormat": "Text"})
    assert "ApplicationLogLevel" not in lam.get_function_configuration(FunctionName=name)["LoggingConfig"]


def test_python_writes_json(python, call, lines_of, unique):
    group = unique("group")
    name = python(PYTHON, LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "LogGroup": group})
    assert call(name) == (["JSON", "INFO"], None)
    result, error = call(name, "fail")
    assert error == "Unhandled" and result["errorType"] == "ValueError"
    lines = lines_of(name, '"status":"error"', group)
    assert "plain" in lines and not any("hidden" in line for line in lines)
    found = records(lines)
    warning = next(record for record in found if record.get("message") == "careful 1")
    assert warning["level"] == "WARNING" and warning["logger"] == "mine" and warning["order"] == 7
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", warning["timestamp"])
    broken = next(record for record in found if record.get("message") == "broken")
    assert broken["errorType"] == "ZeroDivisionError" and broken["stackTrace"] and broken["location"]
    failed = next(record for record in found if record.get("errorMessage") == "no")
    assert failed["level"] == "ERROR" and failed["errorType"] == "ValueError"
    platform = [record for record in found if "type" in record]
    assert [record["type"] for record in platform] == ["platform.initStart", "platform.start", "platform.report",
                                                       "platform.start", "platform.runtimeDone", "platform.report"]
    assert platform[1]["record"] == {"requestId": warning["requestId"], "version": "$LATEST"}
    assert platform[2]["record"]["status"] == "success" and platform[2]["record"]["metrics"]["initDurationMs"] > 0
    assert platform[5]["record"]["status"] == "error"


def test_nodejs_writes_json(make_function, call, lines_of):
    name = make_function("nodejs20.x", {"app.js": NODE}, LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": "DEBUG"})
    assert call(name) == (["JSON", "INFO"], None)
    assert call(name, "fail")[1] == "Unhandled"
    lines = lines_of(name, '"status":"error"')
    assert not any("hidden" in line for line in lines)
    found = records(lines)
    assert any(record.get("message") == {"a": 1} and record["level"] == "INFO" for record in found)
    assert any(record.get("message") == "careful 1" and record["level"] == "WARN" for record in found)
    assert any(record.get("errorType") == "TypeError" and record["level"] == "ERROR" for record in found)
    failed = next(record for record in found if isinstance(record.get("message"), dict) and "errorType" in record["message"])
    assert failed["message"]["errorType"] == "RangeError" and failed["message"]["errorMessage"] == "out"
    types = {record.get("type") for record in found}
    assert {"platform.initRuntimeDone", "platform.initReport", "platform.runtimeDone"} <= types


def test_lines_of_other_runtimes_are_filtered(make_function, call, lines_of):
    bootstrap = """#!/usr/bin/python3
import http.client, os
while True:
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    response = api.getresponse()
    body = response.read()
    print('{"level": "debug", "msg": "hidden"}\\n{"level": "error", "msg": "shown"}\\n{"msg": "no level"}\\ntext', flush=True)
    request = response.getheader("Lambda-Runtime-Aws-Request-Id")
    api.request("POST", "/2018-06-01/runtime/invocation/%s/response" % request, body)
    api.getresponse().read()
"""
    name = make_function("provided.al2023", {"bootstrap": bootstrap}, 0o755,
                         LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "WARN", "SystemLogLevel": "WARN"})
    assert call(name, 1) == (1, None)
    lines = lines_of(name, "text")
    assert '{"level": "error", "msg": "shown"}' in lines and '{"msg": "no level"}' in lines
    assert not any("hidden" in line or "platform." in line for line in lines)


def test_lines_of_a_time_out_in_the_initialisation(python, call, lines_of):
    name = python("import time\ntime.sleep(60)\n" + ECHO, Timeout=1)
    result, error = call(name)
    assert error == "Unhandled" and result["errorType"] == "Sandbox.Timedout"
    lines = lines_of(name, "REPORT RequestId")
    shown = [line for line in lines if line.startswith("INIT_REPORT")]
    assert re.fullmatch(r"INIT_REPORT Init Duration: \d+\.\d\d ms\tPhase: init\tStatus: timeout", shown[0])
    assert re.fullmatch(r"INIT_REPORT Init Duration: \d+\.\d\d ms\tPhase: invoke\tStatus: timeout", shown[1])
    report = next(line for line in lines if line.startswith("REPORT"))
    assert report.endswith("\tStatus: timeout") and "Init Duration" not in report


def test_templates_set_it(aws, lam, unique):
    cloudformation = aws.client("cloudformation")
    stack, name, group = unique("stack"), unique("f"), unique("group")
    function = {"Type": "AWS::Serverless::Function", "Properties": {
        "FunctionName": name, "Runtime": "python3.11", "Handler": "index.handler", "InlineCode": ECHO,
        "LoggingConfig": {"LogFormat": "JSON", "ApplicationLogLevel": "ERROR", "LogGroup": group}}}
    template = {"Transform": "AWS::Serverless-2016-10-31", "Resources": {"F": function}}

    def deploy(operation):
        operation(StackName=stack, TemplateBody=json.dumps(template),
                  Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])

    deploy(cloudformation.create_stack)
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    assert lam.get_function_configuration(FunctionName=name)["LoggingConfig"] == {
        "LogFormat": "JSON", "ApplicationLogLevel": "ERROR", "SystemLogLevel": "INFO", "LogGroup": group}
    del function["Properties"]["LoggingConfig"]
    deploy(cloudformation.update_stack)
    cloudformation.get_waiter("stack_update_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    assert lam.get_function_configuration(FunctionName=name)["LoggingConfig"] == {
        "LogFormat": "Text", "LogGroup": "/aws/lambda/" + name}
    cloudformation.delete_stack(StackName=stack)
