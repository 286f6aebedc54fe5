import datetime
import json
import urllib.request

import pytest
from botocore.exceptions import ClientError

QUEUE = "arn:aws:sqs:eu-central-1:123456789012:q"
ROLE = "arn:aws:iam::123456789012:role/r"
OFF = {"Mode": "OFF"}


def failure(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def advance(server, seconds):
    request = urllib.request.Request(
        f"{server.endpoint}/_cumulet/clock", json.dumps({"advance_seconds": seconds}).encode(), method="POST"
    )
    now = json.load(urllib.request.urlopen(request))["now"]
    return datetime.datetime.fromisoformat(now.replace("Z", "+00:00"))


@pytest.fixture
def scheduler(aws):
    return aws("scheduler")


def test_schedules_and_groups(scheduler, unique):
    group, name = unique("group"), unique("schedule")
    arn = scheduler.create_schedule_group(Name=group, Tags=[{"Key": "k", "Value": "v"}])["ScheduleGroupArn"]
    assert scheduler.get_schedule_group(Name=group)["State"] == "ACTIVE"
    assert scheduler.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
    assert failure(scheduler.create_schedule_group, Name=group)[0] == "ConflictException"
    assert "default" in [each["Name"] for each in scheduler.list_schedule_groups()["ScheduleGroups"]]
    arguments = dict(
        Name=name,
        GroupName=group,
        ScheduleExpression="cron(0 10 ? * MON#1 *)",
        ScheduleExpressionTimezone="Asia/Seoul",
        FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15},
        Target={"Arn": QUEUE, "RoleArn": ROLE, "Input": "x"},
    )
    made = scheduler.create_schedule(**arguments)["ScheduleArn"]
    assert made.endswith(f":schedule/{group}/{name}")
    assert failure(scheduler.create_schedule, **arguments) == ("ConflictException", f"Schedule {name} already exists.")
    shown = scheduler.get_schedule(Name=name, GroupName=group)
    assert shown["ScheduleExpressionTimezone"] == "Asia/Seoul" and shown["State"] == "ENABLED"
    assert shown["Target"]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}
    scheduler.update_schedule(**{**arguments, "State": "DISABLED", "FlexibleTimeWindow": OFF})
    listed = scheduler.list_schedules(GroupName=group, State="DISABLED")["Schedules"]
    assert [(each["Name"], each["Target"]["Arn"]) for each in listed] == [(name, QUEUE)]
    scheduler.delete_schedule_group(Name=group)
    assert failure(scheduler.get_schedule, Name=name, GroupName=group) == (
        "ResourceNotFoundException",
        f"Schedule {name} does not exist.",
    )
    assert failure(scheduler.get_schedule_group, Name=group)[0] == "ResourceNotFoundException"
    assert failure(scheduler.delete_schedule_group, Name="default")[0] == "ValidationException"


@pytest.mark.parametrize(
    "change",
    [
        {"ScheduleExpression": "cron(0 10 * * * *)"},
        {"ScheduleExpression": "at(tomorrow)"},
        {"ScheduleExpressionTimezone": "Moon/Base"},
        {"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}},
        {"EndDate": "2020-01-01T00:00:00Z"},
        {"Target": {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:getQueueUrl", "RoleArn": ROLE, "Input": "{}"}},
        {"Target": {"Arn": "arn:aws:scheduler:::aws-sdk:nothing:do", "RoleArn": ROLE, "Input": "{}"}},
        {"Target": {"Arn": "arn:aws:kinesis:r:1:stream/s", "RoleArn": ROLE}},
        {"Target": {"Arn": "nothing", "RoleArn": ROLE}},
    ],
)
def test_what_schedules_must_be(scheduler, unique, change):
    arguments = dict(
        Name=unique("schedule"),
        ScheduleExpression="rate(5 minutes)",
        FlexibleTimeWindow=OFF,
        Target={"Arn": QUEUE, "RoleArn": ROLE},
    )
    assert failure(scheduler.create_schedule, **{**arguments, **change})[0] == "ValidationException"


def test_pages(scheduler, unique):
    group = unique("group")
    scheduler.create_schedule_group(Name=group)
    names = [f"s{i}" for i in range(5)]
    for name in names:
        scheduler.create_schedule(
            Name=name,
            GroupName=group,
            ScheduleExpression="at(2040-01-01T00:00:00)",
            FlexibleTimeWindow=OFF,
            Target={"Arn": QUEUE, "RoleArn": ROLE},
        )
    pages = scheduler.get_paginator("list_schedules").paginate(GroupName=group, PaginationConfig={"PageSize": 2})
    assert [each["Name"] for page in pages for each in page["Schedules"]] == names
    scheduler.delete_schedule_group(Name=group)


def test_schedules_invoke(dev_server, aws_for, unique, wait_until):
    aws = aws_for(dev_server)
    scheduler, events, logs, dynamodb = aws("scheduler"), aws("events"), aws("logs"), aws("dynamodb")
    group, table, source = unique("/group"), unique("table"), unique("source")
    logs.create_log_group(logGroupName=group)
    arn = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["arn"]
    events.put_rule(Name=source, EventPattern=json.dumps({"source": [source]}))
    events.put_targets(Rule=source, Targets=[{"Id": "logs", "Arn": arn}])
    dynamodb.create_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 1})
    now = advance(dev_server, 1)
    soon = (now + datetime.timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%S")

    bus = "arn:aws:events:eu-central-1:%s:event-bus/default" % events.describe_event_bus()["Arn"].split(":")[4]
    scheduler.create_schedule(
        Name=source,
        ScheduleExpression=f"at({soon})",
        FlexibleTimeWindow=OFF,
        ActionAfterCompletion="DELETE",
        Target={
            "Arn": bus,
            "RoleArn": ROLE,
            "EventBridgeParameters": {"Source": source, "DetailType": "Tick"},
            "Input": '{"at": "<aws.scheduler.scheduled-time>", "try": "<aws.scheduler.attempt-number>"}',
        },
    )
    scheduler.create_schedule(
        Name=source + "-rate",
        ScheduleExpression="rate(1 hour)",
        StartDate=now + datetime.timedelta(hours=1),
        FlexibleTimeWindow=OFF,
        Target={
            "Arn": "arn:aws:scheduler:::aws-sdk:dynamodb:putItem",
            "RoleArn": ROLE,
            "Input": json.dumps(
                {"TableName": table, "Item": {"id": {"S": "<aws.scheduler.execution-id>"}, "t": {"S": "x"}}}
            ),
        },
    )

    def items():
        return dynamodb.scan(TableName=table)["Items"]

    def lines():
        return [json.loads(each["message"]) for each in logs.filter_log_events(logGroupName=group)["events"]]

    assert items() == [] and lines() == []
    advance(dev_server, 3700)
    wait_until(lambda: len(items()) == 1)
    assert lines() == []
    advance(dev_server, 7200)
    wait_until(lambda: len(items()) == 2 and lines())
    (event,) = lines()
    assert (event["detail-type"], event["detail"]) == ("Tick", {"at": soon + "Z", "try": "1"})
    wait_until(lambda: source not in [each["Name"] for each in scheduler.list_schedules()["Schedules"]])
    assert scheduler.get_schedule(Name=source + "-rate")["State"] == "ENABLED"


def test_through_the_cli(cli, unique):
    name = unique("cli")
    target = json.dumps({"Arn": QUEUE, "RoleArn": ROLE})
    cli("scheduler", "create-schedule", "--name", name, "--schedule-expression", "rate(1 days)", "--start-date",
        "2040-01-01T00:00:00Z", "--flexible-time-window", "Mode=OFF", "--target", target)  # fmt: skip
    assert cli("scheduler", "get-schedule", "--name", name)["ScheduleExpression"] == "rate(1 days)"
    cli("scheduler", "delete-schedule", "--name", name)
