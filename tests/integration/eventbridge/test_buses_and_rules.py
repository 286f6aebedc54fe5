import json

import pytest
from botocore.exceptions import ClientError


def failure(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture
def events(aws):
    return aws("events")


def test_the_default_bus_is_always_there(events):
    bus = events.describe_event_bus()
    assert bus["Name"] == "default" and bus["Arn"].endswith(":event-bus/default")
    assert "default" in [each["Name"] for each in events.list_event_buses()["EventBuses"]]
    assert failure(events.delete_event_bus, Name="default")[0] == "ValidationException"


def test_buses(events, unique):
    name = unique("bus")
    arn = events.create_event_bus(Name=name, Description="mine")["EventBusArn"]
    assert events.describe_event_bus(Name=arn)["Description"] == "mine"
    assert failure(events.create_event_bus, Name=name) == (
        "ResourceAlreadyExistsException",
        f"Event bus {name} already exists.",
    )
    events.update_event_bus(Name=name, Description="yours")
    assert events.list_event_buses(NamePrefix=name)["EventBuses"][0]["Description"] == "yours"
    events.delete_event_bus(Name=name)
    assert failure(events.describe_event_bus, Name=name) == (
        "ResourceNotFoundException",
        f"Event bus {name} does not exist.",
    )
    events.delete_event_bus(Name=name)


def test_policies_of_buses(events, unique):
    name = unique("bus")
    events.create_event_bus(Name=name)
    events.put_permission(EventBusName=name, StatementId="one", Action="events:PutEvents", Principal="111122223333")
    events.put_permission(EventBusName=name, StatementId="two", Action="events:PutEvents", Principal="*")
    statements = json.loads(events.describe_event_bus(Name=name)["Policy"])["Statement"]
    assert [each["Sid"] for each in statements] == ["one", "two"]
    assert statements[0]["Principal"] == {"AWS": "arn:aws:iam::111122223333:root"}
    events.remove_permission(EventBusName=name, StatementId="one")
    assert failure(events.remove_permission, EventBusName=name, StatementId="one")[0] == "ResourceNotFoundException"
    events.remove_permission(EventBusName=name, RemoveAllPermissions=True)
    assert "Policy" not in events.describe_event_bus(Name=name)


def test_rules(events, unique):
    name = unique("rule")
    arn = events.put_rule(Name=name, EventPattern='{"source": ["a"]}', Tags=[{"Key": "k", "Value": "v"}])["RuleArn"]
    rule = events.describe_rule(Name=name)
    assert (rule["State"], rule["EventPattern"], rule["Arn"]) == ("ENABLED", '{"source": ["a"]}', arn)
    events.disable_rule(Name=name)
    assert events.list_rules(NamePrefix=name)["Rules"][0]["State"] == "DISABLED"
    events.enable_rule(Name=name)
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
    events.tag_resource(ResourceARN=arn, Tags=[{"Key": "l", "Value": "w"}])
    events.untag_resource(ResourceARN=arn, TagKeys=["k"])
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "l", "Value": "w"}]

    queue = "arn:aws:sqs:eu-central-1:123456789012:q"
    answer = events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": queue}, {"Id": "2", "Arn": queue}])
    assert answer["FailedEntryCount"] == 0
    assert name in events.list_rule_names_by_target(TargetArn=queue)["RuleNames"]
    assert failure(events.delete_rule, Name=name) == (
        "ValidationException",
        "Rule can't be deleted since it has targets.",
    )
    page = events.list_targets_by_rule(Rule=name, Limit=1)
    assert [each["Id"] for each in page["Targets"]] == ["1"]
    assert [each["Id"] for each in events.list_targets_by_rule(Rule=name, NextToken=page["NextToken"])["Targets"]] == ["2"]
    more = [{"Id": str(i), "Arn": queue} for i in range(3, 7)]
    assert failure(events.put_targets, Rule=name, Targets=more)[0] == "LimitExceededException"
    events.remove_targets(Rule=name, Ids=["1", "2"])
    events.delete_rule(Name=name)
    assert failure(events.describe_rule, Name=name) == (
        "ResourceNotFoundException",
        f"Rule {name} does not exist on EventBus default.",
    )


def test_what_rules_must_have(events, unique):
    name = unique("rule")
    assert failure(events.put_rule, Name=name) == (
        "ValidationException",
        "Parameter(s) EventPattern or ScheduleExpression must be specified.",
    )
    assert failure(events.put_rule, Name=name, ScheduleExpression="rate(1 minutes)") == (
        "ValidationException",
        "Parameter ScheduleExpression is not valid.",
    )
    assert failure(events.put_rule, Name=name, EventPattern='{"source": "a"}') == (
        "InvalidEventPatternException",
        'Event pattern is not valid. Reason: "source" must be an object or an array\n'
        ' at [Source: (String)"{"source": "a"}"; line: 1, column: 13]',
    )
    bus = unique("bus")
    events.create_event_bus(Name=bus)
    assert failure(events.put_rule, Name=name, EventBusName=bus, ScheduleExpression="rate(1 hour)") == (
        "ValidationException",
        "ScheduleExpression is supported only on the default event bus.",
    )
    assert failure(events.put_rule, Name=name, EventBusName="no", EventPattern='{"source": ["a"]}') == (
        "ResourceNotFoundException",
        "Event bus no does not exist.",
    )
    events.put_rule(Name=name, EventBusName=bus, EventPattern='{"source": ["a"]}')
    for target in (
        {"Id": "1", "Arn": "nothing"},
        {"Id": "1", "Arn": "arn:aws:sqs:r:1:q.fifo"},
        {"Id": "1", "Arn": "arn:aws:sqs:r:1:q", "Input": "{"},
        {"Id": "1", "Arn": "arn:aws:sqs:r:1:q", "Input": "{}", "InputPath": "$.a"},
        {"Id": "1", "Arn": "arn:aws:sqs:r:1:q", "InputPath": "a"},
    ):
        assert failure(events.put_targets, Rule=name, EventBusName=bus, Targets=[target])[0] == "ValidationException"
    assert failure(events.delete_event_bus, Name=bus)[0] == "ValidationException"


def test_patterns_can_be_tried(events):
    event = {"id": "1", "source": "s", "detail-type": "t", "account": "1", "region": "r", "time": "2026-01-01T00:00:00Z"}
    event["detail"] = {"n": 5, "name": "a.png"}
    for pattern, result in (
        ({"source": ["s"]}, True),
        ({"detail": {"n": [{"numeric": [">", 1, "<=", 5]}], "name": [{"suffix": ".png"}]}}, True),
        ({"detail": {"n": [{"anything-but": 5}]}}, False),
        ({"$or": [{"source": ["x"]}, {"detail": {"name": [{"wildcard": "a.*"}]}}]}, True),
    ):
        answer = events.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))
        assert answer["Result"] is result, pattern
    assert failure(events.test_event_pattern, EventPattern='{"source": ["s"]}', Event="{}")[0] == "ValidationException"


def test_through_the_cli(cli, unique):
    name = unique("cli")
    cli("events", "create-event-bus", "--name", name)
    cli("events", "put-rule", "--name", name, "--event-bus-name", name, "--event-pattern", '{"source":["a"]}')
    rules = cli("events", "list-rules", "--event-bus-name", name)["Rules"]
    assert [each["Name"] for each in rules] == [name]
    cli("events", "delete-rule", "--name", name, "--event-bus-name", name)
    cli("events", "delete-event-bus", "--name", name)
