"""Durable functions: each operation of their API, by functions that report what a test tells them to."""

import json
import pathlib
import sys
import urllib.request

import pytest
from botocore.exceptions import ClientError

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from durable_packages import sdk_layer  # noqa: E402

# Carries out the checkpoints that the input lists, and ends as it says; called again, gives what it was given.
PUPPET = """
import json, time, boto3
client = boto3.client("lambda")

def handler(event, context):
    arn, token = event["DurableExecutionArn"], event["CheckpointToken"]
    operations = event["InitialExecutionState"]["Operations"]
    script = json.loads(operations[0]["ExecutionDetails"]["InputPayload"])
    if len(operations) > 1:
        return {"Status": "SUCCEEDED", "Result": json.dumps(operations[1:])}
    answers = []
    for call in script.get("calls", []):
        tag = call.pop("Until", None)
        while tag and tag not in client.list_tags(Resource=arn.split(":$")[0])["Tags"]:
            time.sleep(0.02)
        call.setdefault("CheckpointToken", token)
        try:
            answer = client.checkpoint_durable_execution(DurableExecutionArn=arn, **call)
            answer.pop("ResponseMetadata")
            token = answer.get("CheckpointToken", token)
            answers.append(json.loads(json.dumps(answer, default=str)))
        except client.exceptions.ClientError as error:
            answers.append([error.response["Error"]["Code"], error.response["Error"]["Message"]])
    if "state" in script:
        pages, marker = [], None
        while marker != "":
            page = client.get_durable_execution_state(DurableExecutionArn=arn, CheckpointToken=token,
                                                      MaxItems=script["state"], Marker=marker or "")
            pages.append([operation["Id"] for operation in page["Operations"]])
            marker = page.get("NextMarker", "")
        answers.append(pages)
    return {"Status": "SUCCEEDED", "Result": json.dumps(answers), **script.get("then", {})}
"""
DURABLE = {"ExecutionTimeout": 300, "RetentionPeriodInDays": 1}
PENDING = {"Status": "PENDING", "Result": None}


@pytest.fixture(scope="module")
def layer(lam):
    return lam.publish_layer_version(LayerName="durable-sdk", Content={"ZipFile": sdk_layer()})["LayerVersionArn"]


@pytest.fixture(scope="module")
def puppet(lam, role, layer):
    """Its name with $LATEST: one for all tests, which tell it what to do."""
    import lambda_packages

    lam.create_function(FunctionName="durable-puppet", Runtime="python3.11", Role=role, Handler="app.handler", Timeout=60,
                        Code={"ZipFile": lambda_packages.package({"app.py": PUPPET})}, Layers=[layer],
                        MemorySize=512, DurableConfig=DURABLE)
    return "durable-puppet:$LATEST"


@pytest.fixture
def play(lam, puppet):
    """play(calls, …) runs them in an execution of its own; gives the invocation's reply and its result."""

    def run(*calls, name=None, **script):
        options = {"DurableExecutionName": name} if name else {}
        script["calls"] = [call if isinstance(call, dict) else {"Updates": call} for call in calls]
        reply = lam.invoke(FunctionName=puppet, Payload=json.dumps(script), **options)
        return reply, json.loads(reply["Payload"].read() or "null")

    return run


@pytest.fixture
def begin(lam, puppet, unique):
    """begin(calls, …) starts an execution that waits, and gives its ARN."""

    def run(*updates, **script):
        script.update(calls=[{"Updates": list(updates)}], then=PENDING)
        reply = lam.invoke(FunctionName=puppet, Payload=json.dumps(script), InvocationType="Event",
                           DurableExecutionName=unique("x"))
        assert reply["StatusCode"] == 202
        return reply["DurableExecutionArn"]

    return run


@pytest.fixture
def ended(lam, wait_until):
    def wait(arn):
        shown = wait_until(lambda: (s := lam.get_durable_execution(DurableExecutionArn=arn))["Status"] != "RUNNING" and s)
        return shown

    return wait


@pytest.fixture
def events_of(lam):
    def read(arn, **options):
        return [e for page in lam.get_paginator("get_durable_execution_history").paginate(
            DurableExecutionArn=arn, **options) for e in page["Events"]]

    return read


def step(name="s", action="SUCCEED", **more):
    return {"Id": name, "Type": "STEP", "Action": action, **more}


def code_of(error):
    return error.value.response["Error"]["Code"]


def test_configuration(lam, role, layer, python, unique):
    name = python("def handler(e, c): return e", DurableConfig={"ExecutionTimeout": 60})
    assert lam.get_function_configuration(FunctionName=name)["DurableConfig"] == {
        "ExecutionTimeout": 60, "RetentionPeriodInDays": 14}
    changed = lam.update_function_configuration(FunctionName=name, DurableConfig={"RetentionPeriodInDays": 3})
    assert changed["DurableConfig"] == {"ExecutionTimeout": 60, "RetentionPeriodInDays": 3}
    for config in ({"ExecutionTimeout": 0}, {"RetentionPeriodInDays": 91}, {"ExecutionTimeout": 31622401}):
        with pytest.raises(ClientError) as error:
            lam.update_function_configuration(FunctionName=name, DurableConfig=config)
        assert code_of(error) == "ValidationException"
    ordinary = python("def handler(e, c): return e")
    for refused in (dict(DurableExecutionName="x"),):
        with pytest.raises(lam.exceptions.InvalidParameterValueException):
            lam.invoke(FunctionName=ordinary, **refused)
    with pytest.raises(lam.exceptions.InvalidParameterValueException):
        lam.update_function_configuration(FunctionName=ordinary, DurableConfig={"ExecutionTimeout": 60})


def test_invocations_that_are_refused(lam, python, puppet):
    with pytest.raises(lam.exceptions.InvalidParameterValueException, match="unqualified"):
        lam.invoke(FunctionName="durable-puppet")
    long = python("def handler(e, c): return e", DurableConfig={"ExecutionTimeout": 901})
    with pytest.raises(lam.exceptions.InvalidParameterValueException, match="15 minutes"):
        lam.invoke(FunctionName=long + ":$LATEST")
    with pytest.raises(ClientError):
        lam.invoke(FunctionName=puppet, DurableExecutionName="not a name")


def test_same_name_and_payload_is_the_same_execution(lam, play, unique):
    name = unique("once")
    first, answer = play([step(Payload="1")], name=name)
    second, again = play([step(Payload="1")], name=name)
    assert first["DurableExecutionArn"] == second["DurableExecutionArn"] and answer == again
    assert f"/durable-execution/{name}/" in first["DurableExecutionArn"]
    with pytest.raises(lam.exceptions.DurableExecutionAlreadyStartedException):
        play([step(Payload="2")], name=name)


def test_execution_and_its_history_are_shown(lam, play, events_of):
    reply, answers = play([step(action="START", Name="first", SubType="Step"), step(Payload="[1]")],
                          [{"Id": "c", "Type": "CONTEXT", "Action": "START"}, step("inner", Payload="2", ParentId="c")],
                          [{"Id": "c", "Type": "CONTEXT", "Action": "SUCCEED", "Payload": "3"}], state=2)
    assert reply["StatusCode"] == 200 and reply["ExecutedVersion"] == "$LATEST" and "FunctionError" not in reply
    arn = reply["DurableExecutionArn"]
    assert answers[0]["NewExecutionState"]["Operations"][0]["StepDetails"] == {"Attempt": 1, "Result": "[1]"}
    # What a finished context did inside is not replayed.
    assert answers[3] == [[arn.split("/")[-1], "s"], ["c"]]
    shown = lam.get_durable_execution(DurableExecutionArn=arn)
    assert shown["Status"] == "SUCCEEDED" and json.loads(shown["Result"]) == answers
    assert shown["Version"] == "$LATEST" and json.loads(shown["InputPayload"])["state"] == 2
    assert shown["StartTimestamp"] <= shown["EndTimestamp"]
    events = events_of(arn)
    assert [event["EventType"] for event in events] == [
        "ExecutionStarted", "StepStarted", "StepSucceeded", "ContextStarted", "StepSucceeded", "ContextSucceeded",
        "InvocationCompleted", "ExecutionSucceeded"]
    assert [event["EventId"] for event in events] == list(range(1, 9))
    assert events[1]["Name"] == "first" and events[4]["ParentId"] == "c"
    assert events[2]["StepSucceededDetails"]["Result"]["Payload"] == "[1]"
    assert events_of(arn, ReverseOrder=True, PaginationConfig={"PageSize": 3}) == events[::-1]
    bare = events_of(arn, IncludeExecutionData=False)
    assert bare[2]["StepSucceededDetails"]["Result"] == {"Truncated": True} and "Payload" not in json.dumps(
        bare, default=str)
    other = arn[:-1] + ("0" if arn[-1] != "0" else "1")
    for call in (lam.get_durable_execution, lam.get_durable_execution_history, lam.stop_durable_execution):
        with pytest.raises(lam.exceptions.ResourceNotFoundException):
            call(DurableExecutionArn=other)


@pytest.mark.parametrize("updates, message", [
    ([step(action="START"), step(action="START")], "multiple operations with the same ID"),
    ([{"Id": "e", "Type": "EXECUTION", "Action": "SUCCEED"}, step()], "must be the last"),
    ([step(ParentId="none")], "Invalid parent"),
    ([step("p"), step(ParentId="p")], "Invalid parent"),
    ([step(action="CANCEL")], "Invalid action"),
    ([{"Id": "w", "Type": "WAIT", "Action": "START"}], "WaitOptions"),
    ([{"Id": "w", "Type": "WAIT", "Action": "CANCEL"}], "Cannot cancel a WAIT"),
    ([{"Id": "i", "Type": "CHAINED_INVOKE", "Action": "START"}], "ChainedInvokeOptions"),
    ([step(action="RETRY")], "StepOptions"),
    ([step(Error={"ErrorMessage": "x"})], "Cannot provide an Error"),
    ([step(action="FAIL", Payload="x")], "Cannot provide a Payload"),
    ([step(Payload="x" * (1 << 20 | 1))], "payload size"),
])
def test_checkpoints_that_are_refused(play, updates, message):
    # What is refused changes nothing, and the token stays good.
    _, answers = play(updates, [step("after", Payload="1")])
    assert answers[0][0] == "InvalidParameterValueException" and message in answers[0][1]
    assert [o["Id"] for o in answers[1]["NewExecutionState"]["Operations"]] == ["after"]


def test_tokens(play, lam):
    reply, answers = play({"Updates": [step()], "ClientToken": "same", "CheckpointToken": "stale"}, [step("a")], [step("a")],
                          {"Updates": [step("b")], "CheckpointToken": "stale"})
    assert answers[0] == answers[3] == ["InvalidParameterValueException", "Invalid checkpoint token"]
    assert "to close" in answers[2][1]
    with pytest.raises(lam.exceptions.InvalidParameterValueException, match="Invalid checkpoint token"):
        lam.get_durable_execution_state(DurableExecutionArn=reply["DurableExecutionArn"], CheckpointToken="any")


def test_wait_and_retry_call_the_function_again(play, events_of):
    reply, operations = play([{"Id": "w", "Type": "WAIT", "Action": "START", "WaitOptions": {"WaitSeconds": 1}},
                              step(action="RETRY", Error={"ErrorMessage": "no"}, StepOptions={"NextAttemptDelaySeconds": 1})],
                             then=PENDING)
    assert "SUCCEEDED" in [o["Status"] for o in operations] or "READY" in [o["Status"] for o in operations]
    types = [event["EventType"] for event in events_of(reply["DurableExecutionArn"])]
    assert types.count("InvocationCompleted") >= 2 and "WaitStarted" in types and "StepFailed" in types


def test_callbacks(lam, begin, ended, events_of, wait_until):
    def callback(name, **options):
        return {"Id": name, "Type": "CALLBACK", "Action": "START", "CallbackOptions": options}

    def id_of(arn):
        started = [e["CallbackStartedDetails"] for e in events_of(arn) if e["EventType"] == "CallbackStarted"]
        return started and started[0]["CallbackId"]

    good, bad, late = begin(callback("c", TimeoutSeconds=300, HeartbeatTimeoutSeconds=200)), begin(callback("c")), begin(
        callback("c", HeartbeatTimeoutSeconds=1))
    good_id, bad_id, late_id = (wait_until(lambda a=arn: id_of(a)) for arn in (good, bad, late))
    lam.send_durable_execution_callback_heartbeat(CallbackId=good_id)
    lam.send_durable_execution_callback_success(CallbackId=good_id, Result=b'"yes"')
    lam.send_durable_execution_callback_failure(CallbackId=bad_id, Error={"ErrorType": "No", "ErrorMessage": "refused"})
    operation = json.loads(ended(good)["Result"])[0]
    assert operation["Status"] == "SUCCEEDED" and operation["CallbackDetails"] == {"CallbackId": good_id, "Result": '"yes"'}
    operation = json.loads(ended(bad)["Result"])[0]
    assert operation["Status"] == "FAILED" and operation["CallbackDetails"]["Error"]["ErrorType"] == "No"
    assert json.loads(ended(late)["Result"])[0]["Status"] == "TIMED_OUT"
    for closed in (good_id, late_id):
        for send in (lam.send_durable_execution_callback_success, lam.send_durable_execution_callback_failure,
                     lam.send_durable_execution_callback_heartbeat):
            with pytest.raises(lam.exceptions.CallbackTimeoutException):
                send(CallbackId=closed)
    with pytest.raises(lam.exceptions.InvalidParameterValueException):
        lam.send_durable_execution_callback_success(CallbackId="abc")


def test_stop_list_and_filters(lam, begin, ended, unique, wait_until, events_of):
    waiting = begin({"Id": "w", "Type": "WAIT", "Action": "START", "WaitOptions": {"WaitSeconds": 200}})
    stopped = begin({"Id": "w", "Type": "WAIT", "Action": "START", "WaitOptions": {"WaitSeconds": 200}})
    lam.stop_durable_execution(DurableExecutionArn=stopped, Error={"ErrorType": "Enough"})
    assert ended(stopped)["Status"] == "STOPPED" and ended(stopped)["Error"] == {"ErrorType": "Enough"}
    assert "ExecutionStopped" in [event["EventType"] for event in events_of(stopped)]
    again = lam.stop_durable_execution(DurableExecutionArn=stopped)
    assert again["StopTimestamp"] == ended(stopped)["EndTimestamp"]

    def listed(**options):
        return [e["DurableExecutionArn"] for page in lam.get_paginator("list_durable_executions_by_function").paginate(
            FunctionName="durable-puppet", **options) for e in page["DurableExecutions"]]

    everything = listed(PaginationConfig={"PageSize": 2})
    assert everything.index(stopped) < everything.index(waiting)
    assert listed(ReverseOrder=True) == everything[::-1]
    assert waiting in listed(Statuses=["RUNNING"]) and stopped not in listed(Statuses=["RUNNING"])
    assert listed(DurableExecutionName=waiting.split("/")[-2]) == [waiting]
    began = lam.get_durable_execution(DurableExecutionArn=waiting)["StartTimestamp"]
    assert waiting not in listed(StartedAfter=began) and stopped in listed(StartedAfter=began)
    assert listed(Qualifier="7") == []
    with pytest.raises(lam.exceptions.ResourceNotFoundException):
        lam.list_durable_executions_by_function(FunctionName=unique("none"))
    lam.stop_durable_execution(DurableExecutionArn=waiting)


def test_answers_that_end_an_execution(lam, python, play):
    _, answer = play(then={"Status": "FAILED", "Result": None, "Error": {"ErrorType": "Bad", "ErrorMessage": "luck"}})
    assert answer == {"errorType": "Bad", "errorMessage": "luck"}
    reply, answer = play(then=PENDING)
    assert reply["FunctionError"] == "Unhandled" and "no pending operations" in answer["errorMessage"]
    plain = python("def handler(e, c): return 'no status'", DurableConfig=DURABLE)
    reply = lam.invoke(FunctionName=plain + ":$LATEST")
    assert reply["FunctionError"] == "Unhandled" and "Invalid Status" in json.loads(reply["Payload"].read())["errorMessage"]


def test_chained_functions(lam, python, play):
    shout = python("def handler(e, c): return e.upper()")
    reply, operations = play([{"Id": "i", "Type": "CHAINED_INVOKE", "Action": "START", "Payload": '"hi"',
                               "ChainedInvokeOptions": {"FunctionName": shout}}], then=PENDING)
    assert operations[0]["ChainedInvokeDetails"] == {"Result": '"HI"'}, reply
    _, operations = play([{"Id": "i", "Type": "CHAINED_INVOKE", "Action": "START", "Payload": '1',
                           "ChainedInvokeOptions": {"FunctionName": shout}}], then=PENDING)
    assert operations[0]["Status"] == "FAILED"
    assert operations[0]["ChainedInvokeDetails"]["Error"]["ErrorType"] == "AttributeError"
    _, operations = play([{"Id": "i", "Type": "CHAINED_INVOKE", "Action": "START", "Payload": '{"calls": []}',
                           "ChainedInvokeOptions": {"FunctionName": "durable-puppet:$LATEST"}}], then=PENDING)
    assert operations[0]["Status"] == "SUCCEEDED" and operations[0]["ChainedInvokeDetails"]["Result"] == "[]"


def test_crash_is_replayed_until_it_works(lam, make_function):
    flaky = make_function("python3.11", {"app.py": "import os\n"
                          "def handler(e, c):\n"
                          "    if not os.path.exists('/tmp/tried'):\n"
                          "        open('/tmp/tried', 'w').close()\n"
                          "        raise RuntimeError('first')\n"
                          "    return {'Status': 'SUCCEEDED', 'Result': '1'}\n"}, DurableConfig=DURABLE)
    reply = lam.invoke(FunctionName=flaky + ":$LATEST")
    assert reply["Payload"].read() == b"1"


def test_time_limits_and_retention_follow_the_clock(dev_server, aws_for, wait_until):
    import lambda_packages

    lam = aws_for(dev_server)("lambda")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                                                     "Principal": {"Service": "lambda.amazonaws.com"}}]}
    role = aws_for(dev_server)("iam").create_role(RoleName="durable", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    layer = lam.publish_layer_version(LayerName="durable-sdk", Content={"ZipFile": sdk_layer()})["LayerVersionArn"]
    lam.create_function(FunctionName="slow", Runtime="python3.11", Role=role["Arn"], Handler="app.handler", Timeout=60,
                        Code={"ZipFile": lambda_packages.package({"app.py": PUPPET})}, Layers=[layer], MemorySize=512,
                        DurableConfig={"ExecutionTimeout": 7200, "RetentionPeriodInDays": 1})

    def begin(pause):
        wait = {"Id": "w", "Type": "WAIT", "Action": "START", "WaitOptions": {"WaitSeconds": pause}}
        payload = json.dumps({"calls": [{"Updates": [wait]}], "then": PENDING})
        return lam.invoke(FunctionName="slow:$LATEST", InvocationType="Event", Payload=payload)["DurableExecutionArn"]

    def advance(by):
        urllib.request.urlopen(urllib.request.Request(f"{dev_server.endpoint}/_cumulet/clock", method="POST",
                                                      data=json.dumps({"advance_seconds": by}).encode())).close()

    def status(arn):
        return lam.get_durable_execution(DurableExecutionArn=arn)["Status"]

    short, long = begin(3600), begin(30000)
    for arn in (short, long):
        wait_until(lambda a=arn: any(e["EventType"] == "InvocationCompleted" for e in lam.get_durable_execution_history(
            DurableExecutionArn=a)["Events"]))
    assert (status(short), status(long)) == ("RUNNING", "RUNNING")
    advance(3700)
    wait_until(lambda: status(short) == "SUCCEEDED")
    advance(3600)
    wait_until(lambda: status(long) == "TIMED_OUT")
    advance(90000)

    def forgotten():
        try:
            return status(long) == "never"
        except lam.exceptions.ResourceNotFoundException:
            return True

    wait_until(forgotten)
    assert lam.list_durable_executions_by_function(FunctionName="slow")["DurableExecutions"] == []


def status_of(lam, arn):
    return lam.get_durable_execution(DurableExecutionArn=arn)["Status"]


def types_of(events):
    return [event["EventType"] for event in events]


@pytest.fixture
def waiting(lam, begin, events_of, wait_until):
    """An execution that waits for a callback, and the callback's id."""
    arn = begin({"Id": "c", "Type": "CALLBACK", "Action": "START", "CallbackOptions": {"TimeoutSeconds": 250}})
    events = wait_until(lambda: (e := events_of(arn))[-1]["EventType"] == "InvocationCompleted" and e)
    return arn, next(e["CallbackStartedDetails"]["CallbackId"] for e in events if "CallbackStartedDetails" in e)


def test_paused_execution_goes_on_when_it_is_resumed(lam, waiting, ended, events_of, wait_until):
    arn, callback = waiting
    before = lam.get_durable_execution(DurableExecutionArn=arn)
    assert before["DurableConfig"] == DURABLE and before["ExecutionDataIncluded"]
    assert (before["ExpectedExecutionTimeoutTimestamp"] - before["StartTimestamp"]).total_seconds() == 300
    lam.pause_durable_execution(DurableExecutionArn=arn, Reason="the bank is closed", ClientToken="one")
    lam.pause_durable_execution(DurableExecutionArn=arn, Reason="the bank is closed", ClientToken="one")
    for pause_again in ({}, {"ClientToken": "two"}):
        with pytest.raises(lam.exceptions.ResourceConflictException):
            lam.pause_durable_execution(DurableExecutionArn=arn, **pause_again)
    paused = lam.get_durable_execution(DurableExecutionArn=arn)
    assert paused["Status"] == "PAUSED"
    assert paused["PauseDetails"]["Reason"] == "the bank is closed" and paused["PauseDetails"]["ExecutionTimeoutPaused"]
    assert (paused["ExpectedExecutionTimeoutTimestamp"] - paused["StartTimestamp"]).days == 366
    bare = lam.get_durable_execution(DurableExecutionArn=arn, IncludeExecutionData=False)
    assert not bare["ExecutionDataIncluded"] and "InputPayload" not in bare and "Reason" not in bare["PauseDetails"]
    # What it waits for may happen; the function is not called.
    lam.send_durable_execution_callback_success(CallbackId=callback, Result=b"1")
    assert status_of(lam, arn) == "PAUSED" and types_of(events_of(arn))[-2:] == ["ExecutionPaused", "CallbackSucceeded"]
    lam.resume_durable_execution(DurableExecutionArn=arn, Reason="it is open", ClientToken="three")
    wait_until(lambda: status_of(lam, arn) == "SUCCEEDED")
    lam.resume_durable_execution(DurableExecutionArn=arn, Reason="it is open", ClientToken="three")
    events = {event["EventType"]: event for event in events_of(arn)}
    assert events["ExecutionPaused"]["ExecutionPausedDetails"]["Reason"] == {"Payload": "the bank is closed"}
    assert events["ExecutionResumed"]["ExecutionResumedDetails"]["Reason"] == {"Payload": "it is open"}
    assert types_of(events_of(arn)).count("InvocationCompleted") == 2
    hidden = {e["EventType"]: e for e in events_of(arn, IncludeExecutionData=False)}
    assert hidden["ExecutionPaused"]["ExecutionPausedDetails"]["Reason"] == {"Truncated": True}
    assert not {"PauseDetails", "ExpectedExecutionTimeoutTimestamp"} & set(ended(arn))
    for call in (lam.pause_durable_execution, lam.resume_durable_execution):
        with pytest.raises(lam.exceptions.ResourceConflictException):
            call(DurableExecutionArn=arn)


def test_pause_leaves_the_time_limit_when_it_is_told_to(lam, waiting):
    arn, _ = waiting
    lam.pause_durable_execution(DurableExecutionArn=arn, ExecutionTimeoutPaused=False)
    shown = lam.get_durable_execution(DurableExecutionArn=arn)
    assert not shown["PauseDetails"]["ExecutionTimeoutPaused"]
    assert (shown["ExpectedExecutionTimeoutTimestamp"] - shown["StartTimestamp"]).total_seconds() == 300
    lam.stop_durable_execution(DurableExecutionArn=arn)
    assert status_of(lam, arn) == "STOPPED"


def test_invocation_under_way_is_paused_at_its_next_checkpoint(lam, puppet, unique, events_of, wait_until):
    function = lam.get_function(FunctionName="durable-puppet")["Configuration"]["FunctionArn"]

    def running(tag):
        calls = [{"Updates": [step("a", Payload="1")]}, {"Updates": [step("b", Payload="2")], "Until": tag}]
        arn = lam.invoke(FunctionName=puppet, Payload=json.dumps({"calls": calls}), InvocationType="Event",
                         DurableExecutionName=unique("x"))["DurableExecutionArn"]
        wait_until(lambda: "StepSucceeded" in types_of(events_of(arn)))
        lam.pause_durable_execution(DurableExecutionArn=arn)
        assert status_of(lam, arn) == "PAUSING"
        return arn

    interrupted, spared = running(go := unique("go")), running(go)
    lam.resume_durable_execution(DurableExecutionArn=spared)
    assert status_of(lam, spared) == "RUNNING"
    lam.tag_resource(Resource=function, Tags={go: "1"})
    wait_until(lambda: status_of(lam, spared) == "SUCCEEDED")
    assert not {"ExecutionPaused", "ExecutionResumed"} & set(types_of(events_of(spared)))
    wait_until(lambda: status_of(lam, interrupted) == "PAUSED")
    wait_until(lambda: "InvocationCompleted" in types_of(events_of(interrupted)))
    assert types_of(events_of(interrupted))[:4] == ["ExecutionStarted", "StepSucceeded", "StepSucceeded", "ExecutionPaused"]
    lam.resume_durable_execution(DurableExecutionArn=interrupted)
    wait_until(lambda: status_of(lam, interrupted) == "SUCCEEDED")
    result = json.loads(lam.get_durable_execution(DurableExecutionArn=interrupted)["Result"])
    assert [operation["Id"] for operation in result] == ["a", "b"]  # It was called again, with what it had done.


def test_ended_execution_can_be_deleted(lam, waiting, play, unique):
    arn, _ = waiting
    with pytest.raises(lam.exceptions.ResourceConflictException):
        lam.delete_durable_execution(DurableExecutionArn=arn)
    name = unique("gone")
    reply, _ = play([step(Payload="1")], name=name)
    ended = reply["DurableExecutionArn"]
    assert lam.delete_durable_execution(DurableExecutionArn=ended)["DeletionRequestTimestamp"]
    for call in (lam.get_durable_execution, lam.get_durable_execution_history, lam.delete_durable_execution):
        with pytest.raises(lam.exceptions.ResourceNotFoundException):
            call(DurableExecutionArn=ended)
    again, _ = play([step(Payload="2")], name=name)  # The name is free.
    assert again["DurableExecutionArn"] != ended
    lam.stop_durable_execution(DurableExecutionArn=arn)
