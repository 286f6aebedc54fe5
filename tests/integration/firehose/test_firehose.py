"""Firehose: records become objects, by size and by time, each exactly once."""

import gzip
import json
import threading
import time
import urllib.request

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::123456789012:role/firehose"


def destination(bucket, **more):
    return {"RoleARN": ROLE, "BucketARN": f"arn:aws:s3:::{bucket}", **more}


def advance(server, seconds):
    body = json.dumps({"advance_seconds": seconds}).encode()
    urllib.request.urlopen(f"{server.endpoint}/_cumulet/clock", data=body, timeout=10).read()


def objects(s3, bucket):
    found = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for each in page.get("Contents", []):
            found[each["Key"]] = s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
    return found


@pytest.fixture
def bucket(aws, unique):
    name = unique("archive")
    aws("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return name


def test_delivery_stream_is_described_updated_and_deleted(aws, unique, bucket):
    firehose, name = aws("firehose"), unique("delivery")
    firehose.create_delivery_stream(
        DeliveryStreamName=name,
        ExtendedS3DestinationConfiguration=destination(bucket, Prefix="a/"),
        Tags=[{"Key": "k", "Value": "v"}],
    )
    described = firehose.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
    assert described["DeliveryStreamStatus"] == "ACTIVE"
    target = described["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert target["BufferingHints"] == {"SizeInMBs": 5, "IntervalInSeconds": 300}
    assert target["CompressionFormat"] == "UNCOMPRESSED"
    firehose.update_destination(
        DeliveryStreamName=name,
        CurrentDeliveryStreamVersionId=described["VersionId"],
        DestinationId=described["Destinations"][0]["DestinationId"],
        ExtendedS3DestinationUpdate={"Prefix": "b/", "CompressionFormat": "GZIP"},
    )
    described = firehose.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
    assert described["VersionId"] == "2"
    assert described["Destinations"][0]["ExtendedS3DestinationDescription"]["Prefix"] == "b/"
    assert firehose.list_tags_for_delivery_stream(DeliveryStreamName=name)["Tags"] == [{"Key": "k", "Value": "v"}]
    assert name in firehose.list_delivery_streams(Limit=100)["DeliveryStreamNames"]
    firehose.delete_delivery_stream(DeliveryStreamName=name)
    with pytest.raises(ClientError) as raised:
        firehose.put_record(DeliveryStreamName=name, Record={"Data": b"x"})
    assert raised.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_what_is_not_done_is_refused(aws, unique, bucket):
    firehose = aws("firehose")
    for more in (
        {"CompressionFormat": "Snappy"},
        {"Prefix": "!{timestamp:EEE}/", "ErrorOutputPrefix": "e/"},
        {"ProcessingConfiguration": {"Enabled": True, "Processors": []}},
    ):
        with pytest.raises(ClientError) as raised:
            firehose.create_delivery_stream(
                DeliveryStreamName=unique("delivery"), ExtendedS3DestinationConfiguration=destination(bucket, **more)
            )
        assert raised.value.response["Error"]["Code"] == "InvalidArgumentException"


def test_an_object_when_the_buffer_is_full(aws, unique, bucket, wait_until):
    firehose, name = aws("firehose"), unique("delivery")
    hints = {"SizeInMBs": 1, "IntervalInSeconds": 900}
    firehose.create_delivery_stream(
        DeliveryStreamName=name, ExtendedS3DestinationConfiguration=destination(bucket, BufferingHints=hints)
    )
    for start in range(0, 1200, 300):
        records = [{"Data": b"%04d" % i + b"." * 995 + b"\n"} for i in range(start, start + 300)]
        assert firehose.put_record_batch(DeliveryStreamName=name, Records=records)["FailedPutCount"] == 0
    found = wait_until(lambda: objects(aws("s3"), bucket), what="an object")
    lines = b"".join(found.values()).splitlines()
    assert len(lines) >= 1048
    assert [int(line[:4]) for line in lines] == list(range(len(lines)))
    assert all(name in key for key in found)


def test_an_object_when_the_time_has_come(dev_server, aws_for, unique, wait_until):
    aws = aws_for(dev_server)
    bucket, name = unique("archive"), unique("delivery")
    aws("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    aws("firehose").create_delivery_stream(
        DeliveryStreamName=name,
        ExtendedS3DestinationConfiguration=destination(
            bucket,
            Prefix="year=!{timestamp:yyyy}/",
            ErrorOutputPrefix="errors/!{firehose:error-output-type}/",
            CompressionFormat="GZIP",
            BufferingHints={"SizeInMBs": 5, "IntervalInSeconds": 300},
        ),
    )
    for i in range(3):
        aws("firehose").put_record(DeliveryStreamName=name, Record={"Data": b"line %d\n" % i})
    assert not objects(aws("s3"), bucket)
    advance(dev_server, 301)
    found = wait_until(lambda: objects(aws("s3"), bucket), what="an object")
    ((key, content),) = found.items()
    assert key.startswith("year=20") and key.endswith(".gz")
    assert gzip.decompress(content) == b"line 0\nline 1\nline 2\n"


def test_kill_archives_every_record_of_a_stream_once(own_server, aws_for, wait_until):
    aws = aws_for(own_server)
    aws("s3").create_bucket(Bucket="archive", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    aws("kinesis").create_stream(StreamName="source", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    arn = aws("kinesis").describe_stream_summary(StreamName="source")["StreamDescriptionSummary"]["StreamARN"]
    aws("firehose").create_delivery_stream(
        DeliveryStreamName="archive",
        DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration={"KinesisStreamARN": arn, "RoleARN": ROLE},
        ExtendedS3DestinationConfiguration=destination(
            "archive", BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 1}
        ),
    )
    acknowledged, stop = set(), threading.Event()

    def produce():
        # What is sent again could be in the stream twice.
        client = aws_for(own_server).client("kinesis", config=Config(retries={"total_max_attempts": 1}))
        for batch in range(100_000):
            if stop.is_set():
                return
            ids = [f"{batch}-{i}" for i in range(50)]
            entries = [{"Data": f"{each}{'.' * 200}\n".encode(), "PartitionKey": each} for each in ids]
            try:
                answers = client.put_records(StreamName="source", Records=entries)["Records"]
                acknowledged.update(each for each, answer in zip(ids, answers) if "ErrorCode" not in answer)
            except Exception:
                time.sleep(0.05)

    thread = threading.Thread(target=produce)
    thread.start()
    for _ in range(2):
        time.sleep(1.5)
        own_server.kill()
        own_server.start()
    time.sleep(0.5)
    stop.set()
    thread.join()

    def archived():
        lines = b"".join(objects(aws("s3"), "archive").values()).decode().splitlines()
        ids = [line.rstrip(".") for line in lines]
        return ids if acknowledged <= set(ids) else None

    ids = wait_until(archived, what="the whole archive")
    assert len(ids) == len(set(ids)), "a record was archived twice"
