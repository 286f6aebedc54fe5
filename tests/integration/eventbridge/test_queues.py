import json

import pytest


@pytest.fixture
def events(aws):
    return aws("events")


@pytest.fixture
def queue(aws, unique):
    sqs = aws("sqs")

    def make(**attributes):
        name = unique("queue") + (".fifo" if "FifoQueue" in attributes else "")
        url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return url, arn

    return make


def receive(aws, url):
    answer = aws("sqs").receive_message(
        QueueUrl=url, WaitTimeSeconds=20, AttributeNames=["All"], MessageAttributeNames=["All"]
    )
    return answer["Messages"][0]


def rule(events, unique, **target):
    source = unique("source")
    events.put_rule(Name=source, EventPattern=json.dumps({"source": [source]}))
    events.put_targets(Rule=source, Targets=[{"Id": "1", **target}])
    return source


def put(events, source):
    entry = {"Source": source, "DetailType": "t", "Detail": '{"n": 1}', "TraceHeader": "Root=1-5759e988-bd862e3fe1be46a994272793"}
    return events.put_events(Entries=[entry])["Entries"][0]["EventId"]


def test_queues(aws, events, queue, unique):
    url, arn = queue()
    source = rule(events, unique, Arn=arn)
    event_id = put(events, source)
    message = receive(aws, url)
    assert json.loads(message["Body"])["id"] == event_id
    assert message["Attributes"]["AWSTraceHeader"].startswith("Root=1-5759e988")


def test_groups_of_fifo_queues(aws, events, queue, unique):
    url, arn = queue(FifoQueue="true", ContentBasedDeduplication="true")
    source = rule(events, unique, Arn=arn, SqsParameters={"MessageGroupId": "g"})
    put(events, source)
    assert receive(aws, url)["Attributes"]["MessageGroupId"] == "g"


def test_what_cannot_be_delivered_goes_to_the_dead_letter_queue(aws, events, queue, unique, server):
    url, arn = queue()
    function = f"arn:aws:lambda:eu-central-1:{server.account}:function:{unique('none')}"
    source = rule(events, unique, Arn=function, DeadLetterConfig={"Arn": arn})
    event_id = put(events, source)
    message = receive(aws, url)
    assert json.loads(message["Body"])["id"] == event_id
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes["RULE_ARN"] == events.describe_rule(Name=source)["Arn"]
    assert attributes["TARGET_ARN"] == function
    assert attributes["ERROR_CODE"] == "NO_RESOURCE"
    assert attributes["RETRY_ATTEMPTS"] == "0"


def test_schedules_send_messages(aws, queue, unique):
    url, arn = queue()
    name = unique("schedule")
    role = "arn:aws:iam::123456789012:role/r"
    aws("scheduler").create_schedule(
        Name=name,
        ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": arn, "RoleArn": role, "Input": "now"},
    )
    assert receive(aws, url)["Body"] == "now"
    aws("scheduler").delete_schedule(Name=name)
    body = json.dumps({"QueueUrl": url, "MessageBody": "universal"})
    aws("scheduler").create_schedule(
        Name=name,
        ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "RoleArn": role, "Input": body},
    )
    messages = {receive(aws, url)["Body"]}
    assert "universal" in messages
    aws("scheduler").delete_schedule(Name=name)
