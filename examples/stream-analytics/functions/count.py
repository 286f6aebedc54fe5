"""Counts clicks by minute and page.

A batch can come again: after an error, or when the server ended between the count and its acknowledgement. So how far a
shard is counted is kept beside the counters, and both are written in one transaction, under the condition that the
position is still the one that was read. What comes again is passed over; nothing is counted twice or left out.
"""

import base64
import itertools
import json
import os

import boto3
from clicks import NAMES, counters, key_of

dynamodb = boto3.client("dynamodb", endpoint_url=os.environ.get("AWS_ENDPOINT_URL"))
COUNTERS = os.environ["COUNTERS_TABLE"]
POSITIONS = os.environ["POSITIONS_TABLE"]
ITEMS = 99  # A transaction takes 100, and one of them is the position.


def position_of(shard):
    item = dynamodb.get_item(TableName=POSITIONS, Key={"shard": {"S": shard}}, ConsistentRead=True).get("Item")
    return item["at"]["S"] if item else None


def advance(shard, before, after):
    condition = "#at = :before" if before else "attribute_not_exists(#at)"
    update = {
        "TableName": POSITIONS,
        "Key": {"shard": {"S": shard}},
        "UpdateExpression": "SET #at = :after",
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {"#at": "at"},
        "ExpressionAttributeValues": {":after": {"S": after}},
    }
    if before:
        update["ExpressionAttributeValues"][":before"] = {"S": before}
    return {"Update": update}


def addition(minute, page, counts):
    return {
        "Update": {
            "TableName": COUNTERS,
            "Key": {"minute": {"S": minute}, "page": {"S": page}},
            "UpdateExpression": "ADD " + ", ".join(f"#{name} :{name}" for name in NAMES),
            "ExpressionAttributeNames": {f"#{name}": name for name in NAMES},
            "ExpressionAttributeValues": {f":{name}": {"N": str(count)} for name, count in zip(NAMES, counts)},
        }
    }


def pieces(records):
    """Cuts records so that the counters of each piece fit into one transaction: clicks, and the last one's position."""
    clicks, keys, position = [], set(), None
    for record in records:
        click = json.loads(base64.b64decode(record["kinesis"]["data"]))
        key = key_of(click)
        if key not in keys and len(keys) == ITEMS:
            yield clicks, position
            clicks, keys = [], set()
        keys.add(key)
        clicks.append(click)
        position = record["kinesis"]["sequenceNumber"]
    if clicks:
        yield clicks, position


def handler(event, context):
    for shard, records in itertools.groupby(event["Records"], key=lambda each: each["eventID"].split(":")[0]):
        before = position_of(shard)
        # Sequence numbers have the same length: they order as text.
        fresh = [each for each in records if before is None or each["kinesis"]["sequenceNumber"] > before]
        for clicks, after in pieces(fresh):
            writes = [addition(*key, counts) for key, counts in counters(clicks).items()]
            dynamodb.transact_write_items(TransactItems=[advance(shard, before, after), *writes])
            before = after
