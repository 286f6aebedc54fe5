"""Kinesis Data Streams: streams, shards, records, readers, limits."""

import base64
import io
import json
import threading
import time
import urllib.request

import pytest
from botocore.exceptions import ClientError

LAST_HASH = 2**128 - 1


@pytest.fixture
def kinesis(aws):
    return aws("kinesis")


@pytest.fixture
def stream(kinesis, unique):
    names = []

    def make(shards=1, **more):
        name = unique("stream")
        kinesis.create_stream(StreamName=name, ShardCount=shards, **more)
        names.append(name)
        return name

    yield make
    for name in names:
        try:
            kinesis.delete_stream(StreamName=name, EnforceConsumerDeletion=True)
        except kinesis.exceptions.ResourceNotFoundException:
            pass


def code_of(raised):
    return raised.value.response["Error"]["Code"]


def read_shard(kinesis, name, shard, kind="TRIM_HORIZON", **more):
    """All records of a shard, up to its tip."""
    iterator = kinesis.get_shard_iterator(StreamName=name, ShardId=shard, ShardIteratorType=kind, **more)["ShardIterator"]
    records = []
    while iterator:
        try:
            page = kinesis.get_records(ShardIterator=iterator)
        except kinesis.exceptions.ProvisionedThroughputExceededException:
            time.sleep(0.1)
            continue
        records += page["Records"]
        if page["MillisBehindLatest"] == 0:
            return records
        iterator = page.get("NextShardIterator")
    return records


def advance(server, seconds):
    body = json.dumps({"advance_seconds": seconds}).encode()
    urllib.request.urlopen(f"{server.endpoint}/_cumulet/clock", data=body, timeout=10).read()


def shards_of(kinesis, name, **more):
    return kinesis.list_shards(StreamName=name, **more)["Shards"]


def test_stream_is_described(kinesis, stream):
    name = stream(2)
    summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    assert summary["StreamStatus"] == "ACTIVE"
    assert summary["OpenShardCount"] == 2
    assert summary["RetentionPeriodHours"] == 24
    kinesis.get_waiter("stream_exists").wait(StreamName=name)
    shards = kinesis.describe_stream(StreamName=name)["StreamDescription"]["Shards"]
    ranges = [(each["HashKeyRange"]["StartingHashKey"], each["HashKeyRange"]["EndingHashKey"]) for each in shards]
    assert ranges == [("0", str(2**127 - 1)), (str(2**127), str(LAST_HASH))]
    assert name in kinesis.list_streams(Limit=10000)["StreamNames"]


def test_errors_are_those_of_kinesis(kinesis, stream):
    with pytest.raises(ClientError) as raised:
        kinesis.describe_stream(StreamName="nothing-here")
    assert code_of(raised) == "ResourceNotFoundException"
    assert "Stream nothing-here under account" in raised.value.response["Error"]["Message"]
    name = stream()
    with pytest.raises(ClientError) as raised:
        kinesis.create_stream(StreamName=name, ShardCount=1)
    assert code_of(raised) == "ResourceInUseException"
    with pytest.raises(ClientError) as raised:
        kinesis.get_records(ShardIterator="AAAAAAAA")
    assert code_of(raised) == "InvalidArgumentException"
    with pytest.raises(ClientError) as raised:
        kinesis.put_record(StreamName=name, Data=b"x" * (1 << 20), PartitionKey="p")
    assert code_of(raised) == "ValidationException"


def test_records_come_back_in_order_and_in_their_shard(kinesis, stream):
    name = stream(2)
    kinesis.put_record(StreamName=name, Data=b"low", PartitionKey="a", ExplicitHashKey="0")
    kinesis.put_record(StreamName=name, Data=b"high", PartitionKey="a", ExplicitHashKey=str(LAST_HASH))
    done = kinesis.put_records(
        StreamName=name,
        Records=[{"Data": b"%d" % i, "PartitionKey": "k", "ExplicitHashKey": "7"} for i in range(50)],
    )
    assert done["FailedRecordCount"] == 0
    assert {each["ShardId"] for each in done["Records"]} == {"shardId-000000000000"}
    low, high = (read_shard(kinesis, name, each["ShardId"]) for each in shards_of(kinesis, name))
    assert [each["Data"] for each in low] == [b"low"] + [b"%d" % i for i in range(50)]
    assert [each["Data"] for each in high] == [b"high"]
    numbers = [int(each["SequenceNumber"]) for each in low]
    assert numbers == sorted(numbers)
    assert [each["SequenceNumber"] for each in low[1:]] == [each["SequenceNumber"] for each in done["Records"]]


def test_iterators_of_all_types(kinesis, stream):
    name = stream()
    shard = "shardId-000000000000"
    numbers = [
        kinesis.put_record(StreamName=name, Data=b"%d" % i, PartitionKey="p")["SequenceNumber"] for i in range(5)
    ]
    latest = kinesis.get_shard_iterator(StreamName=name, ShardId=shard, ShardIteratorType="LATEST")["ShardIterator"]
    at = read_shard(kinesis, name, shard, "AT_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[2])
    after = read_shard(kinesis, name, shard, "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[2])
    assert [each["Data"] for each in at] == [b"2", b"3", b"4"]
    assert [each["Data"] for each in after] == [b"3", b"4"]
    old = read_shard(kinesis, name, shard, "AT_TIMESTAMP", Timestamp=time.time() - 3600)
    assert len(old) == 5
    kinesis.put_record(StreamName=name, Data=b"new", PartitionKey="p")
    assert [each["Data"] for each in kinesis.get_records(ShardIterator=latest)["Records"]] == [b"new"]


def test_limit_and_next_iterator(kinesis, stream):
    name = stream()
    kinesis.put_records(StreamName=name, Records=[{"Data": b"%d" % i, "PartitionKey": "p"} for i in range(10)])
    iterator = kinesis.get_shard_iterator(
        StreamName=name, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    first = kinesis.get_records(ShardIterator=iterator, Limit=4)
    second = kinesis.get_records(ShardIterator=first["NextShardIterator"], Limit=10)
    assert [each["Data"] for each in first["Records"] + second["Records"]] == [b"%d" % i for i in range(10)]
    assert second["MillisBehindLatest"] == 0


def test_a_shard_takes_a_thousand_records_a_second(kinesis, stream):
    name = stream()
    failed = 0
    for _ in range(6):
        entries = [{"Data": b"x", "PartitionKey": "p"} for _ in range(500)]
        done = kinesis.put_records(StreamName=name, Records=entries)
        failed += done["FailedRecordCount"]
        errors = [each for each in done["Records"] if "ErrorCode" in each]
        assert all(each["ErrorCode"] == "ProvisionedThroughputExceededException" for each in errors)
        assert len(errors) == done["FailedRecordCount"]
    assert failed > 0


def test_split_and_merge_keep_order(kinesis, stream):
    name = stream()
    kinesis.put_record(StreamName=name, Data=b"before", PartitionKey="p")
    kinesis.split_shard(StreamName=name, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127))
    kinesis.put_record(StreamName=name, Data=b"after", PartitionKey="p")
    parent, left, right = shards_of(kinesis, name)
    assert "EndingSequenceNumber" in parent["SequenceNumberRange"]
    assert left["ParentShardId"] == right["ParentShardId"] == parent["ShardId"]
    iterator = kinesis.get_shard_iterator(
        StreamName=name, ShardId=parent["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    page = kinesis.get_records(ShardIterator=iterator)
    assert [each["Data"] for each in page["Records"]] == [b"before"]
    assert "NextShardIterator" not in page
    assert {each["ShardId"] for each in page["ChildShards"]} == {left["ShardId"], right["ShardId"]}
    kinesis.merge_shards(StreamName=name, ShardToMerge=left["ShardId"], AdjacentShardToMerge=right["ShardId"])
    open_now = shards_of(kinesis, name, ShardFilter={"Type": "AT_LATEST"})
    assert [each["AdjacentParentShardId"] for each in open_now] == [right["ShardId"]]
    with pytest.raises(ClientError) as raised:
        kinesis.split_shard(StreamName=name, ShardToSplit=left["ShardId"], NewStartingHashKey="5")
    assert code_of(raised) == "ResourceInUseException"


def test_update_shard_count(kinesis, stream):
    name = stream(2)
    done = kinesis.update_shard_count(StreamName=name, TargetShardCount=4, ScalingType="UNIFORM_SCALING")
    assert (done["CurrentShardCount"], done["TargetShardCount"]) == (2, 4)
    assert kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["OpenShardCount"] == 4
    with pytest.raises(ClientError) as raised:
        kinesis.update_shard_count(StreamName=name, TargetShardCount=9, ScalingType="UNIFORM_SCALING")
    assert code_of(raised) == "LimitExceededException"


def test_settings_and_tags(kinesis, stream):
    name = stream(1, Tags={"team": "red"})
    arn = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    kinesis.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=48)
    with pytest.raises(ClientError) as raised:
        kinesis.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=24)
    assert code_of(raised) == "InvalidArgumentException"
    kinesis.enable_enhanced_monitoring(StreamName=name, ShardLevelMetrics=["IncomingBytes"])
    kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    assert summary["RetentionPeriodHours"] == 48
    assert summary["StreamModeDetails"]["StreamMode"] == "ON_DEMAND"
    assert summary["EnhancedMonitoring"] == [{"ShardLevelMetrics": ["IncomingBytes"]}]
    kinesis.add_tags_to_stream(StreamName=name, Tags={"size": "big"})
    kinesis.untag_resource(ResourceARN=arn, TagKeys=["team"])
    assert kinesis.list_tags_for_stream(StreamName=name)["Tags"] == [{"Key": "size", "Value": "big"}]
    policy = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"kinesis:PutRecord",'
        f'"Resource":"{arn}"}}]}}'
    )
    kinesis.put_resource_policy(ResourceARN=arn, Policy=policy)
    assert kinesis.get_resource_policy(ResourceARN=arn)["Policy"] == policy


def test_retention_trims_by_the_clock(dev_server, aws_for, unique):
    kinesis = aws_for(dev_server)("kinesis")
    name = unique("stream")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    kinesis.put_record(StreamName=name, Data=b"old", PartitionKey="p")
    advance(dev_server, 25 * 3600)
    kinesis.put_record(StreamName=name, Data=b"new", PartitionKey="p")
    records = read_shard(kinesis, name, "shardId-000000000000")
    assert [each["Data"] for each in records] == [b"new"]


def test_subscription_gets_records_as_they_come(kinesis, stream):
    name = stream()
    arn = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]["ConsumerARN"]
    assert kinesis.describe_stream_consumer(ConsumerARN=consumer)["ConsumerDescription"]["ConsumerStatus"] == "ACTIVE"
    events = kinesis.subscribe_to_shard(
        ConsumerARN=consumer, ShardId="shardId-000000000000", StartingPosition={"Type": "TRIM_HORIZON"}
    )["EventStream"]
    threading.Timer(0.2, lambda: kinesis.put_record(StreamName=name, Data=b"pushed", PartitionKey="p")).start()
    for event in events:
        records = event["SubscribeToShardEvent"]["Records"]
        if records:
            assert records[0]["Data"] == b"pushed"
            assert event["SubscribeToShardEvent"]["ContinuationSequenceNumber"] == records[0]["SequenceNumber"]
            break
    events.close()
    kinesis.deregister_stream_consumer(ConsumerARN=consumer)


def cbor_text(text):
    assert len(text) < 256
    return bytes([0x78, len(text)]) + text.encode()


def call_cbor(server, operation, body):
    """As the Java SDK calls: CBOR both ways."""
    from botocore.parsers import BaseCBORParser

    request = urllib.request.Request(server.endpoint, data=body, method="POST")
    request.add_header("Content-Type", "application/x-amz-cbor-1.1")
    request.add_header("X-Amz-Target", f"Kinesis_20131202.{operation}")
    scope = "000000000000/20260101/eu-central-1/kinesis/aws4_request"
    request.add_header(
        "Authorization", f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}"
    )
    request.add_header("X-Amz-Date", "20260101T000000Z")
    try:
        response = urllib.request.urlopen(request, timeout=20)
    except urllib.error.HTTPError as error:
        response = error
    content = response.read()
    if not content:
        return response.status, None
    assert response.headers["Content-Type"] == "application/x-amz-cbor-1.1"
    return response.status, BaseCBORParser(timestamp_parser=float).parse_data_item(io.BufferedReader(io.BytesIO(content)))


def test_cbor(dev_server, unique):
    name = unique("cbor")
    created = b"\xa2" + cbor_text("StreamName") + cbor_text(name) + cbor_text("ShardCount") + b"\x01"
    assert call_cbor(dev_server, "CreateStream", created) == (200, None)
    put = b"\xa3" + cbor_text("StreamName") + cbor_text(name) + cbor_text("PartitionKey") + cbor_text("p")
    put += cbor_text("Data") + b"\x42\x00\xff"
    status, answer = call_cbor(dev_server, "PutRecord", put)
    assert (status, answer["ShardId"]) == (200, "shardId-000000000000")
    ask = b"\xa3" + cbor_text("StreamName") + cbor_text(name) + cbor_text("ShardId") + cbor_text("0")
    ask += cbor_text("ShardIteratorType") + cbor_text("TRIM_HORIZON")
    _, iterator = call_cbor(dev_server, "GetShardIterator", ask)
    text = iterator["ShardIterator"]
    get = b"\xbf" + cbor_text("ShardIterator") + b"\x79" + len(text).to_bytes(2, "big") + text.encode() + b"\xff"
    _, page = call_cbor(dev_server, "GetRecords", get)
    assert [each["Data"] for each in page["Records"]] == [b"\x00\xff"]
    status, error = call_cbor(dev_server, "DescribeStreamSummary", b"\xa1" + cbor_text("StreamName") + cbor_text("no"))
    assert (status, error["__type"]) == (400, "ResourceNotFoundException")


def test_cli(cli, unique):
    name = unique("stream")
    cli("kinesis", "create-stream", "--stream-name", name, "--shard-count", "1")
    cli("kinesis", "put-record", "--stream-name", name, "--partition-key", "p", "--data", "aGVsbG8=")
    iterator = cli(
        "kinesis", "get-shard-iterator", "--stream-name", name, "--shard-id", "shardId-000000000000",
        "--shard-iterator-type", "TRIM_HORIZON",
    )["ShardIterator"]
    records = cli("kinesis", "get-records", "--shard-iterator", iterator)["Records"]
    # Version 1 of the CLI takes data as it is, version 2 in Base64.
    assert base64.b64decode(records[0]["Data"]) in (b"hello", b"aGVsbG8=")
    cli("kinesis", "delete-stream", "--stream-name", name)


def test_kill_loses_nothing_acknowledged_and_keeps_order(own_server, aws_for):
    kinesis = aws_for(own_server)("kinesis")
    kinesis.create_stream(StreamName="s", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    acknowledged = {}
    stop = threading.Event()

    def produce(key):
        client = aws_for(own_server)("kinesis")
        acknowledged[key] = []
        for number in range(100_000):
            if stop.is_set():
                return
            try:
                client.put_record(StreamName="s", Data=b"%d" % number, PartitionKey=key)
                acknowledged[key].append(number)
            except Exception:
                time.sleep(0.05)

    threads = [threading.Thread(target=produce, args=(f"key-{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        time.sleep(1)
        own_server.kill()
        own_server.start()
    time.sleep(0.5)
    stop.set()
    for thread in threads:
        thread.join()
    seen = {}
    for shard in kinesis.list_shards(StreamName="s")["Shards"]:
        for record in read_shard(kinesis, "s", shard["ShardId"]):
            seen.setdefault(record["PartitionKey"], []).append(int(record["Data"]))
    for key, numbers in acknowledged.items():
        assert numbers, "nothing was written"
        assert set(numbers) <= set(seen[key])
        assert seen[key] == sorted(seen[key])


def test_what_is_not_there_is_refused(kinesis, stream, unique):
    name = stream()
    calls = [(kinesis.put_record, {"PartitionKey": "p", "Data": b"x", "DryRun": True}, "InvalidArgumentException"),
             (kinesis.put_record, {"Data": b"x"}, "ValidationException"),
             (kinesis.put_records, {"Records": [{"Data": b"x"}]}, "ValidationException")]
    for call, arguments, code in calls:
        with pytest.raises(ClientError) as raised:
            call(StreamName=name, **arguments)
        assert code_of(raised) == code
    with pytest.raises(ClientError) as raised:
        kinesis.create_stream(StreamName=unique("auto"), StreamModeDetails={"StreamMode": "ON_DEMAND"},
                              RecordDistributionStrategy="AUTO")
    assert code_of(raised) == "ValidationException"
    with pytest.raises(ClientError) as raised:
        kinesis.list_queues()
    assert code_of(raised) == "NotImplemented"
