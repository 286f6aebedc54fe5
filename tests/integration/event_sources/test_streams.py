"""Kinesis streams that start functions."""

import base64
import json

import pytest


@pytest.fixture
def stream(aws, unique, wait_until):
    kinesis = aws("kinesis")
    name = unique("s")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    described = wait_until(
        lambda: (d := kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"])
        and d["StreamStatus"] == "ACTIVE" and d, what="the stream")
    return kinesis, name, described["StreamARN"]


def data_of(events):
    return [base64.b64decode(r["kinesis"]["data"]).decode() for e in events for r in e["Records"]]


def test_records_come_in_order(lam, stream, function, mapping, seen, wait_until):
    kinesis, stream_name, arn = stream
    kinesis.put_record(StreamName=stream_name, Data=b"before", PartitionKey="k")
    name = function()
    uuid = mapping(arn, name, StartingPosition="LATEST", BatchSize=4)
    records = [{"Data": str(i).encode(), "PartitionKey": "k"} for i in range(10)]
    kinesis.put_records(StreamName=stream_name, Records=records)
    wait_until(lambda: len(data_of(seen(name))) == 10, what="all records")
    assert data_of(seen(name)) == [str(i) for i in range(10)]
    record = seen(name)[0]["Records"][0]
    assert record["eventSource"] == "aws:kinesis" and record["eventName"] == "aws:kinesis:record"
    assert record["eventSourceARN"] == arn and record["invokeIdentityArn"].startswith("arn:aws:iam::")
    wait_until(lambda: lam.get_event_source_mapping(UUID=uuid)["LastProcessingResult"] == "OK", what="OK")
    shown = lam.get_event_source_mapping(UUID=uuid)
    assert shown["StateTransitionReason"] == "User action" and shown["MaximumRetryAttempts"] == -1
    assert shown["DestinationConfig"] == {"OnFailure": {}} and shown["ParallelizationFactor"] == 1


def test_what_keeps_failing_goes_to_the_destination(stream, function, queue, mapping, seen, received, wait_until):
    kinesis, stream_name, arn = stream
    name = function('import base64\nassert not any(base64.b64decode(r["kinesis"]["data"]) == b"bad" '
                    'for r in event["Records"])')
    letters, letters_arn = queue()
    mapping(arn, name, StartingPosition="TRIM_HORIZON", MaximumRetryAttempts=1, BisectBatchOnFunctionError=True,
            DestinationConfig={"OnFailure": {"Destination": letters_arn}})
    kinesis.put_records(StreamName=stream_name, Records=[
        {"Data": b"bad" if i == 2 else str(i).encode(), "PartitionKey": "k"} for i in range(4)])
    letter = json.loads(received(letters)["Body"])
    assert letter["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert letter["KinesisBatchInfo"]["batchSize"] == 1 and letter["KinesisBatchInfo"]["streamArn"] == arn
    assert letter["responseContext"]["functionError"] == "Unhandled"
    wait_until(lambda: data_of(seen(name))[-1] == "3", what="the record behind the bad one")


def test_a_registered_consumer_is_a_source(lam, stream, function, mapping, seen, wait_until):
    kinesis, stream_name, arn = stream
    kinesis.put_record(StreamName=stream_name, Data=b"one", PartitionKey="k")
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="f")["Consumer"]["ConsumerARN"]
    name = function()
    uuid = mapping(consumer, name, StartingPosition="TRIM_HORIZON")
    assert lam.get_event_source_mapping(UUID=uuid)["EventSourceArn"] == consumer
    wait_until(lambda: data_of(seen(name)) == ["one"], what="the record")
    kinesis.put_record(StreamName=stream_name, Data=b"two", PartitionKey="k")
    wait_until(lambda: data_of(seen(name)) == ["one", "two"], what="the next record")
    assert seen(name)[0]["Records"][0]["eventSourceARN"] == consumer
