"""A stream's record that fails each time is tried as often as is configured, also when the server is killed meanwhile."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lambda"))
from lambda_packages import package  # noqa: E402

RETRIES = 5


def test_tries_are_counted_through_a_kill(make_server, aws_for, wait_until):
    server = make_server("--dev")
    aws = aws_for(server)
    code = package({"app.py": "def handler(event, context):\n    raise RuntimeError('as always')\n"})
    aws("lambda").create_function(FunctionName="f", Runtime="python3.11", Handler="app.handler", Code={"ZipFile": code},
                                  Role=f"arn:aws:iam::{server.account}:role/r")
    url = aws("sqs").create_queue(QueueName="failures")["QueueUrl"]
    failures = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws("kinesis").create_stream(StreamName="s", ShardCount=1)
    stream = aws("kinesis").describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]["StreamARN"]
    aws("lambda").create_event_source_mapping(
        EventSourceArn=stream, FunctionName="f", StartingPosition="TRIM_HORIZON", MaximumRetryAttempts=RETRIES,
        DestinationConfig={"OnFailure": {"Destination": failures}})
    aws("kinesis").put_record(StreamName="s", Data=b"poison", PartitionKey="p")

    def tries():
        logs = aws("logs")
        if not logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/f")["logGroups"]:
            return 0
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName="/aws/lambda/f", filterPattern="REPORT")
        return sum(len(page["events"]) for page in pages)

    wait_until(lambda: tries() >= 3, seconds=60, what="three tries")
    server.kill()
    server.start()
    letters = []

    def letter():
        letters.extend(aws("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", []))
        return letters

    wait_until(letter, seconds=90, what="the record in the failures' queue")
    # The kill may have cut one try short, or the note of it.
    assert tries() <= RETRIES + 2
