"""DynamoDB Streams: what was written is read back in order, through boto3 and the CLI, also after kill -9."""

import json
import threading
import urllib.request

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from dynamodb_tables import active, definition

BOTH = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


def stream_of(client, name):
    return client.describe_table(TableName=name)["Table"]["LatestStreamArn"]


def shards_of(streams, arn):
    shards, start = [], {}
    while True:
        page = streams.describe_stream(StreamArn=arn, **start)["StreamDescription"]
        shards += page["Shards"]
        if "LastEvaluatedShardId" not in page:
            return shards
        start = {"ExclusiveStartShardId": page["LastEvaluatedShardId"]}


def records_of(streams, arn):
    """All records, parents before children."""
    records = []
    for shard in shards_of(streams, arn):
        iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while iterator:
            page = streams.get_records(ShardIterator=iterator)
            records += page["Records"]
            if not page["Records"]:
                break
            iterator = page.get("NextShardIterator")
    return records


@pytest.fixture(scope="session")
def streams(aws):
    return aws.client("dynamodbstreams")


def test_records_tell_what_changed(ddb, streams, make_table):
    name = make_table(range_type="N", StreamSpecification=BOTH)
    described = ddb.describe_table(TableName=name)["Table"]
    assert described["StreamSpecification"] == BOTH
    assert described["LatestStreamArn"] == f"{described['TableArn']}/stream/{described['LatestStreamLabel']}"
    key = {"pk": {"S": "a"}, "sk": {"N": "1"}}
    ddb.put_item(TableName=name, Item={**key, "n": {"N": "1"}})
    change = dict(UpdateExpression="SET n = :n", ExpressionAttributeValues={":n": {"N": "2"}})
    ddb.update_item(TableName=name, Key=key, **change)
    ddb.update_item(TableName=name, Key=key, **change)
    ddb.transact_write_items(
        TransactItems=[
            {"Delete": {"TableName": name, "Key": key}},
            {"Put": {"TableName": name, "Item": {"pk": {"S": "b"}, "sk": {"N": "1"}}}},
        ]
    )
    records = records_of(streams, described["LatestStreamArn"])
    assert [record["eventName"] for record in records] == ["INSERT", "MODIFY", "REMOVE", "INSERT"]
    first, second, third, _ = records
    assert first["eventSource"] == "aws:dynamodb" and first["eventVersion"] == "1.1"
    assert first["dynamodb"]["Keys"] == key
    assert first["dynamodb"]["NewImage"] == {**key, "n": {"N": "1"}}
    assert "OldImage" not in first["dynamodb"]
    assert second["dynamodb"]["OldImage"]["n"] == {"N": "1"} and second["dynamodb"]["NewImage"]["n"] == {"N": "2"}
    assert "NewImage" not in third["dynamodb"]
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    assert numbers == sorted(numbers) and len(set(numbers)) == 4 and len(numbers[0]) >= 21
    assert len({record["eventID"] for record in records}) == 4


def test_description_lists_and_errors(ddb, streams, make_table, fails):
    name = make_table()
    with fails("ValidationException", "Table does not have a stream"):
        ddb.update_table(TableName=name, StreamSpecification={"StreamEnabled": False})
    with fails("ValidationException", "StreamViewType"):
        ddb.update_table(TableName=name, StreamSpecification={"StreamEnabled": True})
    ddb.update_table(TableName=name, StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    with fails("ValidationException", "already has an enabled stream"):
        ddb.update_table(TableName=name, StreamSpecification=BOTH)
    arn = stream_of(ddb, name)
    listed = streams.list_streams(TableName=name)["Streams"]
    assert [stream["StreamArn"] for stream in listed] == [arn]
    described = streams.describe_stream(StreamArn=arn)["StreamDescription"]
    assert described["StreamStatus"] == "ENABLED" and described["StreamViewType"] == "KEYS_ONLY"
    assert described["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}]
    assert described["Shards"][0]["ShardId"].startswith("shardId-")
    with fails("ResourceNotFoundException", "not found"):
        streams.describe_stream(StreamArn=arn[:-1] + "x")
    with fails("ResourceNotFoundException"):
        streams.get_shard_iterator(
            StreamArn=arn, ShardId="shardId-00000000000000000000-00000000", ShardIteratorType="LATEST"
        )
    with fails("ValidationException"):
        streams.get_records(ShardIterator="x")
    ddb.update_table(TableName=name, StreamSpecification={"StreamEnabled": False})
    table = ddb.describe_table(TableName=name)["Table"]
    assert "StreamSpecification" not in table and table["LatestStreamArn"] == arn
    assert streams.describe_stream(StreamArn=arn)["StreamDescription"]["StreamStatus"] == "DISABLED"


def test_records_and_iterators_grow_old(dev_server, aws_for, unique, fails):
    client, streams = aws_for(dev_server).client("dynamodb"), aws_for(dev_server).client("dynamodbstreams")
    name = unique("table")
    client.create_table(**definition(name, StreamSpecification=BOTH))
    active(client, name)
    arn = stream_of(client, name)
    client.put_item(TableName=name, Item={"pk": {"S": "a"}})
    shard = shards_of(streams, arn)[0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="LATEST")["ShardIterator"]

    def advance(seconds):
        body = json.dumps({"advance_seconds": seconds}).encode()
        urllib.request.urlopen(f"{dev_server.endpoint}/_cumulet/clock", data=body).close()

    advance(20 * 60)
    streams, client = aws_for(dev_server).client("dynamodbstreams"), aws_for(dev_server).client("dynamodb")
    with fails("ExpiredIteratorException"):
        streams.get_records(ShardIterator=iterator)
    assert len(records_of(streams, arn)) == 1
    advance(25 * 3600)
    client.put_item(TableName=name, Item={"pk": {"S": "b"}})
    assert [record["dynamodb"]["Keys"] for record in records_of(streams, arn)] == [{"pk": {"S": "b"}}]


def test_each_acknowledged_write_has_a_record_after_a_kill(own_server, aws_for, unique):
    client = aws_for(own_server).client("dynamodb")
    name = unique("table")
    client.create_table(**definition(name, StreamSpecification=BOTH))
    active(client, name)
    arn = stream_of(client, name)
    acknowledged = [0] * 4
    stop = threading.Event()

    def write(worker):
        mine = aws_for(own_server).client("dynamodb")
        number = 0
        while not stop.is_set():
            number += 1
            try:
                mine.put_item(TableName=name, Item={"pk": {"S": str(worker)}, "n": {"N": str(number)}})
            except (BotoCoreError, ClientError):
                return
            acknowledged[worker] = number

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    while sum(acknowledged) < 200:
        threads[0].join(0.01)
    own_server.kill()
    stop.set()
    for thread in threads:
        thread.join()
    own_server.start()
    client, streams = aws_for(own_server).client("dynamodb"), aws_for(own_server).client("dynamodbstreams")
    before = records_of(streams, arn)
    for worker in range(4):
        numbers = [
            int(record["dynamodb"]["NewImage"]["n"]["N"])
            for record in before
            if record["dynamodb"]["Keys"]["pk"]["S"] == str(worker)
        ]
        # Each write once, in order; the last one may have been on its way.
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) in (acknowledged[worker], acknowledged[worker] + 1)
        stored = client.get_item(TableName=name, Key={"pk": {"S": str(worker)}})["Item"]["n"]["N"]
        assert numbers[-1] == int(stored)
    client.put_item(TableName=name, Item={"pk": {"S": "after"}})
    after = records_of(streams, arn)
    assert after[: len(before)] == before and len(after) == len(before) + 1


def test_a_stream_with_the_cli(cli, unique):
    name = unique("table")
    cli(
        "dynamodb", "create-table", "--table-name", name,
        "--attribute-definitions", "AttributeName=pk,AttributeType=S",
        "--key-schema", "AttributeName=pk,KeyType=HASH", "--billing-mode", "PAY_PER_REQUEST",
        "--stream-specification", "StreamEnabled=true,StreamViewType=NEW_IMAGE",
    )  # fmt: skip
    cli("dynamodb", "wait", "table-exists", "--table-name", name)
    cli("dynamodb", "put-item", "--table-name", name, "--item", '{"pk": {"S": "a"}}')
    arn = cli("dynamodbstreams", "list-streams", "--table-name", name)["Streams"][0]["StreamArn"]
    shard = cli("dynamodbstreams", "describe-stream", "--stream-arn", arn)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = cli(
        "dynamodbstreams", "get-shard-iterator", "--stream-arn", arn,
        "--shard-id", shard, "--shard-iterator-type", "TRIM_HORIZON",
    )["ShardIterator"]  # fmt: skip
    records = cli("dynamodbstreams", "get-records", "--shard-iterator", iterator)["Records"]
    assert [record["dynamodb"]["NewImage"] for record in records] == [{"pk": {"S": "a"}}]
    cli("dynamodb", "delete-table", "--table-name", name)
