"""CloudWatch Logs: groups, streams, events, paging, patterns, retention, errors."""

import time

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def logs(aws):
    return aws("logs")


@pytest.fixture
def group(logs, unique):
    name = unique("/test/group")
    logs.create_log_group(logGroupName=name)
    yield name
    try:
        logs.delete_log_group(logGroupName=name)
    except logs.exceptions.ResourceNotFoundException:
        pass


def now():
    return int(time.time() * 1000)


def fill(logs, group, stream, messages, start=None):
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    start = start or now() - 10_000
    events = [{"timestamp": start + i, "message": message} for i, message in enumerate(messages)]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    return start


def code_of(raised):
    return raised.value.response["Error"]["Code"]


def test_get_log_events_pages_forward(logs, group):
    fill(logs, group, "s", [f"line {i}" for i in range(25)])
    seen, token = [], {}
    for _ in range(20):
        page = logs.get_log_events(logGroupName=group, logStreamName="s", startFromHead=True, limit=10, **token)
        seen += [each["message"] for each in page["events"]]
        if token.get("nextToken") == page["nextForwardToken"]:
            break
        token = {"nextToken": page["nextForwardToken"]}
    else:
        pytest.fail("the token did not come to rest")
    assert seen == [f"line {i}" for i in range(25)]
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[{"timestamp": now(), "message": "late"}])
    page = logs.get_log_events(logGroupName=group, logStreamName="s", **token)
    assert [each["message"] for each in page["events"]] == ["late"]


def test_get_log_events_pages_backward(logs, group):
    fill(logs, group, "s", [f"line {i}" for i in range(25)])
    page = logs.get_log_events(logGroupName=group, logStreamName="s", limit=10)
    assert [each["message"] for each in page["events"]] == [f"line {i}" for i in range(15, 25)]
    page = logs.get_log_events(logGroupName=group, logStreamName="s", limit=10, nextToken=page["nextBackwardToken"])
    assert [each["message"] for each in page["events"]] == [f"line {i}" for i in range(5, 15)]
    page = logs.get_log_events(logGroupName=group, logStreamName="s", limit=10, nextToken=page["nextBackwardToken"])
    assert [each["message"] for each in page["events"]] == [f"line {i}" for i in range(5)]
    last = logs.get_log_events(logGroupName=group, logStreamName="s", limit=10, nextToken=page["nextBackwardToken"])
    assert last["events"] == [] and last["nextBackwardToken"] == page["nextBackwardToken"]


def test_times(logs, group):
    start = fill(logs, group, "s", [f"line {i}" for i in range(10)])
    page = logs.get_log_events(logGroupName=group, logStreamName="s", startTime=start + 3, endTime=start + 6,
                               startFromHead=True)
    assert [each["message"] for each in page["events"]] == ["line 3", "line 4", "line 5"]
    assert page["events"][0]["timestamp"] == start + 3 and page["events"][0]["ingestionTime"] >= start


def test_filter_merges_streams_and_pages(logs, group):
    start = now() - 10_000
    fill(logs, group, "a", [f"a{i}" for i in range(10)], start)
    fill(logs, group, "b", [f"b{i}" for i in range(10)], start)
    seen, token = [], {}
    while True:
        page = logs.filter_log_events(logGroupName=group, limit=7, **token)
        seen += [(each["timestamp"], each["message"]) for each in page["events"]]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert len(seen) == 20 and [each[0] for each in seen] == sorted(each[0] for each in seen)
    assert {each[1] for each in seen} == {f"{s}{i}" for s in "ab" for i in range(10)}
    only = logs.filter_log_events(logGroupName=group, logStreamNames=["b"])["events"]
    assert {each["logStreamName"] for each in only} == {"b"}
    prefixed = logs.filter_log_events(logGroupName=group, logStreamNamePrefix="a")["events"]
    assert {each["logStreamName"] for each in prefixed} == {"a"}
    assert len({each["eventId"] for each in only + prefixed}) == 20


def test_filter_patterns(logs, group):
    fill(logs, group, "s", ["ERROR disk full", "INFO started", "ERROR debug only", '{"level":"ERROR","ms":120}',
                            '{"level":"INFO","ms":5}'])

    def found(pattern):
        return [each["message"] for each in logs.filter_log_events(logGroupName=group, filterPattern=pattern)["events"]]

    assert found("ERROR -debug") == ["ERROR disk full", '{"level":"ERROR","ms":120}']
    assert found('"disk full"') == ["ERROR disk full"]
    assert found("?started ?full") == ["ERROR disk full", "INFO started"]
    assert found('{ $.level = "ERROR" }') == ['{"level":"ERROR","ms":120}']
    assert found('{ $.ms > 100 || $.level = "I*" }') == ['{"level":"ERROR","ms":120}', '{"level":"INFO","ms":5}']
    with pytest.raises(ClientError) as raised:
        found("{ $.level = ")
    assert code_of(raised) == "InvalidParameterException"


def test_groups_and_streams(logs, unique):
    prefix = unique("/listed")
    for i in range(5):
        logs.create_log_group(logGroupName=f"{prefix}/{i}", tags={"n": str(i)})
    names, token = [], {}
    while True:
        page = logs.describe_log_groups(logGroupNamePrefix=prefix, limit=2, **token)
        names += [each["logGroupName"] for each in page["logGroups"]]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert names == [f"{prefix}/{i}" for i in range(5)]
    arn = logs.describe_log_groups(logGroupNamePrefix=f"{prefix}/0")["logGroups"][0]["arn"]
    assert arn.endswith(f":log-group:{prefix}/0:*")
    start = now() - 5000
    for i, stream in enumerate(["x", "y", "z"]):
        fill(logs, f"{prefix}/0", stream, ["m"], start - i * 1000)
    streams = logs.describe_log_streams(logGroupName=f"{prefix}/0")["logStreams"]
    assert [each["logStreamName"] for each in streams] == ["x", "y", "z"]
    latest = logs.describe_log_streams(logGroupName=f"{prefix}/0", orderBy="LastEventTime", descending=True)
    assert [each["logStreamName"] for each in latest["logStreams"]] == ["x", "y", "z"]
    assert latest["logStreams"][0]["lastEventTimestamp"] == start
    logs.delete_log_stream(logGroupName=f"{prefix}/0", logStreamName="x")
    assert len(logs.describe_log_streams(logGroupName=f"{prefix}/0")["logStreams"]) == 2
    logs.create_log_stream(logGroupName=f"{prefix}/0", logStreamName="x")
    assert logs.get_log_events(logGroupName=f"{prefix}/0", logStreamName="x")["events"] == []
    for name in names:
        logs.delete_log_group(logGroupName=name)
    assert logs.describe_log_groups(logGroupNamePrefix=prefix)["logGroups"] == []


def test_retention(logs, group):
    with pytest.raises(ClientError) as raised:
        logs.put_retention_policy(logGroupName=group, retentionInDays=2)
    assert code_of(raised) == "InvalidParameterException"
    logs.put_retention_policy(logGroupName=group, retentionInDays=1)
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["retentionInDays"] == 1
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    old = now() - 2 * 86_400_000
    answer = logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[{"timestamp": old, "message": "x"}])
    assert answer["rejectedLogEventsInfo"]["expiredLogEventEndIndex"] == 1
    logs.delete_retention_policy(logGroupName=group)
    assert "retentionInDays" not in logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]


def test_rejected_events(logs, group):
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    put = dict(logGroupName=group, logStreamName="s")
    answer = logs.put_log_events(**put, logEvents=[{"timestamp": now() - 15 * 86_400_000, "message": "old"}])
    assert answer["rejectedLogEventsInfo"]["tooOldLogEventEndIndex"] == 1
    answer = logs.put_log_events(**put, logEvents=[{"timestamp": now(), "message": "good"},
                                                   {"timestamp": now() + 3 * 3_600_000, "message": "new"}])
    assert answer["rejectedLogEventsInfo"]["tooNewLogEventStartIndex"] == 1
    for events in ([{"timestamp": now(), "message": "b"}, {"timestamp": now() - 1000, "message": "a"}],
                   [{"timestamp": now(), "message": "x" * 1_100_000}], [],
                   [{"timestamp": now() - 90_000_000, "message": "a"}, {"timestamp": now(), "message": "b"}]):
        with pytest.raises(ClientError) as raised:
            logs.put_log_events(**put, logEvents=events)
        assert code_of(raised) == "InvalidParameterException"


def test_errors(logs, group, unique):
    cases = [
        ("ResourceAlreadyExistsException", lambda: logs.create_log_group(logGroupName=group)),
        ("ResourceNotFoundException", lambda: logs.delete_log_group(logGroupName=unique("none"))),
        ("ResourceNotFoundException", lambda: logs.get_log_events(logGroupName=group, logStreamName="none")),
        ("ResourceNotFoundException", lambda: logs.filter_log_events(logGroupName=unique("none"))),
        ("ResourceNotFoundException", lambda: logs.put_log_events(
            logGroupName=group, logStreamName="none", logEvents=[{"timestamp": now(), "message": "x"}])),
        ("InvalidParameterException", lambda: logs.create_log_group(logGroupName="not valid!")),
        ("InvalidParameterException", lambda: logs.create_log_stream(logGroupName=group, logStreamName="a:b")),
        ("InvalidParameterException", lambda: logs.create_log_group(logGroupName="x" * 513)),
        ("InvalidParameterException", lambda: logs.filter_log_events(logGroupName=group, nextToken="nonsense")),
        ("InvalidParameterException", lambda: logs.filter_log_events(
            logGroupName=group, logStreamNames=["a"], logStreamNamePrefix="a")),
    ]
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    cases.append(("InvalidParameterException",
                  lambda: logs.get_log_events(logGroupName=group, logStreamName="s", nextToken="x/1")))
    cases.append(("ResourceAlreadyExistsException",
                  lambda: logs.create_log_stream(logGroupName=group, logStreamName="s")))
    for code, call in cases:
        with pytest.raises(ClientError) as raised:
            call()
        assert code_of(raised) == code, raised.value


def test_aws_cli(cli, logs, group):
    fill(logs, group, "s", ["from the cli"], now() - 1000)
    found = cli("logs", "filter-log-events", "--log-group-name", group, "--filter-pattern", "cli")
    assert [each["message"] for each in found["events"]] == ["from the cli"]


def test_events_survive_a_crash(own_server, aws_for):
    logs = aws_for(own_server)("logs")
    logs.create_log_group(logGroupName="g")
    start = fill(logs, "g", "s", ["one", "two"])
    own_server.kill()
    own_server.start()
    logs = aws_for(own_server)("logs")
    events = logs.get_log_events(logGroupName="g", logStreamName="s", startFromHead=True)["events"]
    assert [(each["timestamp"], each["message"]) for each in events] == [(start, "one"), (start + 1, "two")]
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[{"timestamp": start + 1, "message": "three"}])
    events = logs.get_log_events(logGroupName="g", logStreamName="s", startFromHead=True)["events"]
    assert [each["message"] for each in events] == ["one", "two", "three"]
