"""Streams in on-demand mode: their shards follow their load, by the server's clock."""

import json
import urllib.request

import pytest


def advance(server, seconds):
    body = json.dumps({"advance_seconds": seconds}).encode()
    urllib.request.urlopen(f"{server.endpoint}/_cumulet/clock", data=body, timeout=10).read()


def open_shards(kinesis, name):
    return kinesis.list_shards(StreamName=name, ShardFilter={"Type": "AT_LATEST"})["Shards"]


def test_shards_follow_the_load(make_server, aws_for, unique, wait_until):
    # A shard takes ten records a second.
    server = make_server("--dev", "--kinesis-shard-limits", "0.01")
    kinesis = aws_for(server)("kinesis")
    name = unique("stream")
    kinesis.create_stream(StreamName=name, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    assert len(open_shards(kinesis, name)) == 4
    keys = [str((2**128 // 40) * i + 2**120) for i in range(40)]
    taken = {key: [] for key in keys}
    for second in range(120):  # One minute of these is whole.
        entries = [{"Data": b"%d" % second, "PartitionKey": key, "ExplicitHashKey": key} for key in keys]
        results = kinesis.put_records(StreamName=name, Records=entries)["Records"]
        for key, result in zip(keys, results):
            if "ErrorCode" not in result:
                taken[key].append(b"%d" % second)
        advance(server, 1)
    wait_until(lambda: len(open_shards(kinesis, name)) > 4)
    # Who reads the old shards and then those that followed them has every record, in order.
    seen = {key: [] for key in keys}
    shards = kinesis.list_shards(StreamName=name)["Shards"]
    assert all(shard["ParentShardId"] for shard in open_shards(kinesis, name))
    for shard in shards:
        advance(server, 1)
        iterator = kinesis.get_shard_iterator(
            StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while iterator:
            page = kinesis.get_records(ShardIterator=iterator)
            for record in page["Records"]:
                seen[record["PartitionKey"]].append(record["Data"])
            iterator = page.get("NextShardIterator") if page["Records"] or page["MillisBehindLatest"] else None
            advance(server, 60)
    assert seen == taken

    advance(server, 31 * 24 * 3600)

    def merged():
        advance(server, 60)
        return len(open_shards(kinesis, name)) == 4

    wait_until(merged)


def test_the_mode_is_switched_twice_a_day(aws, unique):
    kinesis = aws("kinesis")
    name = unique("stream")
    kinesis.create_stream(StreamName=name, ShardCount=2)
    arn = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    for mode in ("ON_DEMAND", "PROVISIONED"):
        kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": mode})
        summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
        assert summary["StreamModeDetails"] == {"StreamMode": mode}
        assert summary["OpenShardCount"] == 2
    with pytest.raises(kinesis.exceptions.LimitExceededException):
        kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    kinesis.delete_stream(StreamName=name)
