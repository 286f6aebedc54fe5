"""What was acknowledged survives kill -9: items, index entries, tables, and work that goes on behind the replies."""

import threading

from botocore.exceptions import BotoCoreError, ClientError
from dynamodb_tables import active, definition

BY_KIND = {
    "IndexName": "by-kind",
    "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "KEYS_ONLY"},
}
KIND = {"AttributeName": "kind", "AttributeType": "S"}


def count_of_kind(client, name, kind):
    pages = client.get_paginator("query").paginate(
        TableName=name,
        IndexName="by-kind",
        KeyConditionExpression="kind = :k",
        ExpressionAttributeValues={":k": {"S": kind}},
        Select="COUNT",
    )
    return sum(page["Count"] for page in pages)


def test_acknowledged_writes_survive(own_server, aws_for, unique):
    client = aws_for(own_server).client("dynamodb")
    name = unique("table")
    client.create_table(**definition(name, attributes=[KIND], GlobalSecondaryIndexes=[BY_KIND]))
    active(client, name)
    acknowledged = set()
    stop = threading.Event()

    def write(worker):
        mine = aws_for(own_server).client("dynamodb")
        number = 0
        while not stop.is_set():
            key = f"{worker}-{number}"
            try:
                mine.put_item(TableName=name, Item={"pk": {"S": key}, "kind": {"S": "k"}})
            except (BotoCoreError, ClientError):
                return
            acknowledged.add(key)
            number += 1

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    while len(acknowledged) < 200:
        threads[0].join(0.01)
    own_server.kill()
    stop.set()
    for thread in threads:
        thread.join()
    own_server.start()
    client = aws_for(own_server).client("dynamodb")
    found = set()
    for page in client.get_paginator("scan").paginate(TableName=name):
        found |= {item["pk"]["S"] for item in page["Items"]}
    assert acknowledged <= found
    assert count_of_kind(client, name, "k") == len(found)


def test_index_is_filled_after_a_crash(own_server, aws_for, unique, wait_until):
    client = aws_for(own_server).client("dynamodb")
    name = unique("table")
    client.create_table(**definition(name))
    active(client, name)
    for begin in range(0, 1000, 25):
        puts = [
            {"PutRequest": {"Item": {"pk": {"S": str(number)}, "kind": {"S": "k"}}}}
            for number in range(begin, begin + 25)
        ]
        client.batch_write_item(RequestItems={name: puts})
    client.update_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}, KIND],
        GlobalSecondaryIndexUpdates=[{"Create": BY_KIND}],
    )
    own_server.kill()
    own_server.start()
    client = aws_for(own_server).client("dynamodb")

    def filled():
        indexes = client.describe_table(TableName=name)["Table"].get("GlobalSecondaryIndexes", [])
        return indexes and indexes[0]["IndexStatus"] == "ACTIVE"

    wait_until(filled, what="the index")
    assert count_of_kind(client, name, "k") == 1000
