import base64
import json
import time

import pytest


@pytest.fixture
def events(aws):
    return aws("events")


def put(client, source, detail, **more):
    entry = {"Source": source, "DetailType": "Test", "Detail": json.dumps(detail), **more}
    answer = client.put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0, answer
    return answer["Entries"][0]["EventId"]


def test_the_whole_event_arrives(events, server, unique, receiver, to_http, wait_until):
    source = unique("source")
    path = to_http(events, {"source": [source], "detail": {"n": [{"numeric": [">", 1]}]}})
    put(events, source, {"n": 1})
    event_id = put(events, source, {"n": 2, "price": 1.50}, Resources=["arn:x"], Time="2026-01-02T03:04:05Z")
    wait_until(lambda: receiver.at(path))
    (request,) = receiver.at(path)
    assert json.loads(request["body"]) == {
        "version": "0",
        "id": event_id,
        "detail-type": "Test",
        "source": source,
        "account": server.account,
        "time": "2026-01-02T03:04:05Z",
        "region": "eu-central-1",
        "resources": ["arn:x"],
        "detail": {"n": 2, "price": 1.5},
    }
    assert request["headers"]["x-key"] == "k"
    assert request["headers"]["content-type"] == "application/json; charset=utf-8"
    assert request["headers"]["user-agent"] == "Amazon/EventBridge/ApiDestinations"


def test_entries_fail_one_by_one(events, unique):
    answer = events.put_events(
        Entries=[
            {"DetailType": "t", "Detail": "{}"},
            {"Source": "a", "DetailType": "t", "Detail": "nonsense"},
            {"Source": "a", "DetailType": "t", "Detail": "[]"},
            {"Source": "aws.mine", "DetailType": "t", "Detail": "{}"},
            {"Source": "a", "Detail": "{}"},
            {"Source": "a", "DetailType": "t", "Detail": "{}"},
            {"Source": "a", "DetailType": "t", "Detail": "{}", "EventBusName": unique("none")},
        ]
    )
    assert answer["FailedEntryCount"] == 5
    assert [each.get("ErrorCode") for each in answer["Entries"]] == [
        "InvalidArgument",
        "MalformedDetail",
        "MalformedDetail",
        "NotAuthorizedForSourceException",
        "InvalidArgument",
        None,
        None,
    ]
    assert answer["Entries"][0]["ErrorMessage"] == (
        "Parameter Source is not valid. Reason: Source is a required argument."
    )
    big = {"Source": "a", "DetailType": "t", "Detail": json.dumps({"x": "y" * 600_000})}
    with pytest.raises(events.exceptions.ClientError) as caught:
        events.put_events(Entries=[big, big])
    assert caught.value.response["Error"]["Message"] == (
        "Total size of the entries in the request is over the limit."
    )


def test_inputs(events, unique, receiver, to_http, wait_until):
    source = unique("source")
    pattern = {"source": [source]}
    constant = to_http(events, pattern, Input='{"a": 1}')
    part = to_http(events, pattern, InputPath="$.detail.inner")
    transformer = {
        "InputPathsMap": {"name": "$.detail.name", "inner": "$.detail.inner"},
        "InputTemplate": '{"who": "it is <name>", "name": <name>, "inner": <inner>, "rule": <aws.events.rule-name>}',
    }
    filled = to_http(events, pattern, InputTransformer=transformer)
    put(events, source, {"name": "n\"1", "inner": {"x": [1, 2]}})
    wait_until(lambda: receiver.at(constant) and receiver.at(part) and receiver.at(filled))
    assert receiver.events_at(constant) == [{"a": 1}]
    assert receiver.events_at(part) == [{"x": [1, 2]}]
    assert receiver.events_at(filled) == [
        {"who": 'it is n"1', "name": 'n"1', "inner": {"x": [1, 2]}, "rule": filled[1:]}
    ]


def test_events_go_on_to_another_bus(events, unique, receiver, to_http, wait_until):
    bus, source = unique("bus"), unique("source")
    arn = events.create_event_bus(Name=bus)["EventBusArn"]
    path = to_http(events, {"source": [source]}, bus=bus)
    rule = unique("rule")
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [source]}))
    events.put_targets(Rule=rule, Targets=[{"Id": "bus", "Arn": arn}])
    put(events, source, {"n": 1})
    wait_until(lambda: receiver.at(path))
    assert receiver.events_at(path)[0]["source"] == source


def test_log_groups_and_streams_as_targets(aws, events, unique, wait_until):
    source, group, stream = unique("source"), unique("/aws/events/group"), unique("stream")
    logs, kinesis = aws("logs"), aws("kinesis")
    logs.create_log_group(logGroupName=group)
    group_arn = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["arn"]
    kinesis.create_stream(StreamName=stream, ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=stream, WaiterConfig={"Delay": 1})
    stream_arn = kinesis.describe_stream(StreamName=stream)["StreamDescription"]["StreamARN"]
    events.put_rule(Name=source, EventPattern=json.dumps({"source": [source]}))
    events.put_targets(
        Rule=source,
        Targets=[
            {"Id": "logs", "Arn": group_arn},
            {"Id": "stream", "Arn": stream_arn, "KinesisParameters": {"PartitionKeyPath": "$.detail.key"}},
        ],
    )
    put(events, source, {"key": "k1"})
    lines = wait_until(lambda: logs.filter_log_events(logGroupName=group)["events"])
    assert json.loads(lines[0]["message"])["detail"] == {"key": "k1"}
    shard = kinesis.get_shard_iterator(
        StreamName=stream, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    records = wait_until(lambda: kinesis.get_records(ShardIterator=shard)["Records"])
    assert records[0]["PartitionKey"] == "k1" and json.loads(records[0]["Data"])["source"] == source


def test_authorization_of_connections(events, unique, receiver, to_http, wait_until):
    source = unique("source")
    basic = dict(
        AuthorizationType="BASIC",
        AuthParameters={
            "BasicAuthParameters": {"Username": "u", "Password": "p"},
            "InvocationHttpParameters": {
                "HeaderParameters": [{"Key": "x-a", "Value": "1", "IsValueSecret": True}],
                "QueryStringParameters": [{"Key": "q", "Value": "2", "IsValueSecret": False}],
                "BodyParameters": [{"Key": "b", "Value": "3", "IsValueSecret": False}],
            },
        },
    )
    path = to_http(events, {"source": [source]}, connection=basic)
    oauth = dict(
        AuthorizationType="OAUTH_CLIENT_CREDENTIALS",
        AuthParameters={
            "OAuthParameters": {
                "ClientParameters": {"ClientID": "id", "ClientSecret": "s"},
                "AuthorizationEndpoint": f"{receiver.url}/token{path}",
                "HttpMethod": "POST",
            }
        },
    )
    other = to_http(
        events,
        {"source": [source]},
        connection=oauth,
        destination={"suffix": "/*"},
        HttpParameters={"PathParameterValues": ["$.detail.name"], "HeaderParameters": {"x-n": "$.detail.name"}},
    )
    put(events, source, {"name": "abc"})
    wait_until(lambda: receiver.at(path) and receiver.at(f"{other}/abc"))
    (first,), (second,) = receiver.at(path), receiver.at(f"{other}/abc")
    assert first["headers"]["authorization"] == "Basic " + base64.b64encode(b"u:p").decode()
    assert (first["headers"]["x-a"], first["query"], json.loads(first["body"])["b"]) == ("1", {"q": "2"}, "3")
    assert second["headers"]["authorization"] == "Bearer secret-token" and second["headers"]["x-n"] == "abc"
    (token,) = receiver.at(f"/token{path}")
    assert "grant_type=client_credentials" in token["body"] and "client_secret=s" in token["body"]
    shown = events.describe_connection(Name=path[1:])["AuthParameters"]
    assert shown["BasicAuthParameters"] == {"Username": "u"}
    assert shown["InvocationHttpParameters"]["HeaderParameters"] == [{"Key": "x-a", "IsValueSecret": True}]


def test_tries_again(events, unique, receiver, to_http, wait_until):
    source = unique("source")
    path = to_http(events, {"source": [source]})
    receiver.status[path] = [503]
    put(events, source, {})
    wait_until(lambda: len(receiver.at(path)) == 2)


def test_archives_and_replays(aws, events, unique, receiver, to_http, wait_until):
    bus, source, archive = unique("bus"), unique("source"), unique("archive")
    arn = events.create_event_bus(Name=bus)["EventBusArn"]
    path = to_http(events, {"source": [source]}, bus=bus)
    other = to_http(events, {"source": [source]}, bus=bus)
    made = events.create_archive(
        ArchiveName=archive, EventSourceArn=arn, EventPattern=json.dumps({"detail": {"keep": [True]}})
    )
    start = time.time() - 60
    put(events, source, {"keep": False}, EventBusName=bus)
    kept = put(events, source, {"keep": True}, EventBusName=bus)
    assert events.describe_archive(ArchiveName=archive)["EventCount"] == 1
    wait_until(lambda: len(receiver.at(path)) == 2 and len(receiver.at(other)) == 2)
    replay = unique("replay")
    rule_arn = events.describe_rule(Name=path[1:], EventBusName=bus)["Arn"]
    arguments = dict(
        ReplayName=replay,
        EventSourceArn=made["ArchiveArn"],
        EventStartTime=start,
        EventEndTime=time.time() + 60,
        Destination={"Arn": arn, "FilterArns": [rule_arn]},
    )
    assert events.start_replay(**arguments)["State"] == "STARTING"
    wait_until(lambda: events.describe_replay(ReplayName=replay)["State"] == "COMPLETED")
    wait_until(lambda: len(receiver.at(path)) == 3)
    again = receiver.events_at(path)[-1]
    assert (again["id"], again["replay-name"]) == (kept, replay)
    assert len(receiver.at(other)) == 2
    assert events.list_replays(NamePrefix=replay)["Replays"][0]["State"] == "COMPLETED"
    with pytest.raises(events.exceptions.ResourceAlreadyExistsException):
        events.start_replay(**arguments)
    assert events.describe_archive(ArchiveName=archive)["EventCount"] == 1
    events.delete_archive(ArchiveName=archive)
    with pytest.raises(events.exceptions.ResourceNotFoundException):
        events.describe_archive(ArchiveName=archive)


def test_stacks_tell_of_themselves(aws, events, unique, receiver, to_http, wait_until):
    stack = unique("stack")
    path = to_http(events, {"source": ["aws.cloudformation"], "detail": {"stack-id": [{"wildcard": f"*/{stack}/*"}]}})
    template = {
        "Resources": {
            "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": stack}},
            "Rule": {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "EventBusName": {"Ref": "Bus"},
                    "EventPattern": {"source": [{"prefix": "a"}]},
                    "Targets": [{"Id": "t", "Arn": "arn:aws:sqs:eu-central-1:123456789012:q"}],
                },
            },
            "Archive": {"Type": "AWS::Events::Archive", "Properties": {"SourceArn": {"Fn::GetAtt": ["Bus", "Arn"]}}},
            "Group": {"Type": "AWS::Scheduler::ScheduleGroup"},
            "Schedule": {
                "Type": "AWS::Scheduler::Schedule",
                "Properties": {
                    "GroupName": {"Ref": "Group"},
                    "ScheduleExpression": "rate(1 hour)",
                    "StartDate": "2040-01-01T00:00:00Z",
                    "FlexibleTimeWindow": {"Mode": "OFF"},
                    "Target": {"Arn": "arn:aws:sqs:eu-central-1:123456789012:q", "RoleArn": "arn:aws:iam::123456789012:role/r"},
                },
            },
        },
        "Outputs": {"Rule": {"Value": {"Ref": "Rule"}}, "Schedule": {"Value": {"Fn::GetAtt": ["Schedule", "Arn"]}}},
    }
    cloudformation = aws("cloudformation")
    cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(template))

    def status():
        return cloudformation.describe_stacks(StackName=stack)["Stacks"][0]

    wait_until(lambda: not status()["StackStatus"].endswith("IN_PROGRESS"))
    described = status()
    reasons = [each.get("ResourceStatusReason") for each in cloudformation.describe_stack_events(StackName=stack)["StackEvents"]]
    assert described["StackStatus"] == "CREATE_COMPLETE", reasons
    outputs = {each["OutputKey"]: each["OutputValue"] for each in described["Outputs"]}
    assert outputs["Rule"].startswith(f"{stack}|")
    assert outputs["Schedule"].startswith("arn:aws:scheduler:")

    def statuses():
        return [
            each["detail"]["status-details"]["status"]
            for each in receiver.events_at(path)
            if each["detail-type"] == "CloudFormation Stack Status Change"
        ]

    wait_until(lambda: "CREATE_COMPLETE" in statuses())
    assert any(each["detail-type"] == "CloudFormation Resource Status Change" for each in receiver.events_at(path))
    cloudformation.delete_stack(StackName=stack)
    wait_until(lambda: "DELETE_COMPLETE" in statuses())
    assert stack not in [each["Name"] for each in events.list_event_buses(NamePrefix=stack)["EventBuses"]]
