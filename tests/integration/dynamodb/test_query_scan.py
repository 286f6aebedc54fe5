"""Query and Scan, on tables and indexes."""

import pytest
from boto3.dynamodb.conditions import Attr, Key

LOCAL = [
    {
        "IndexName": "by-rank",
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "rank", "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
]
GLOBAL = [
    {
        "IndexName": "by-kind",
        "KeySchema": [
            {"AttributeName": "kind", "KeyType": "HASH"},
            {"AttributeName": "rank", "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["title"]},
    }
]


@pytest.fixture
def books(make_table, ddb_resource):
    name = make_table(
        range_type="S",
        attributes=[{"AttributeName": "rank", "AttributeType": "N"}, {"AttributeName": "kind", "AttributeType": "S"}],
        LocalSecondaryIndexes=LOCAL,
        GlobalSecondaryIndexes=GLOBAL,
    )
    table = ddb_resource.Table(name)
    with table.batch_writer() as batch:
        for number in range(30):
            batch.put_item(
                Item={
                    "pk": "shelf",
                    "sk": f"{number:02}",
                    "rank": 100 - number,
                    "kind": "even" if number % 2 == 0 else "odd",
                    "title": f"book {number}",
                    "text": "…",
                }
            )
        batch.put_item(Item={"pk": "other", "sk": "00"})
    return table


def keys(found):
    return [item["sk"] for item in found["Items"]]


def test_key_conditions(books):
    shelf = Key("pk").eq("shelf")
    assert len(keys(books.query(KeyConditionExpression=shelf))) == 30
    assert keys(books.query(KeyConditionExpression=shelf & Key("sk").eq("07"))) == ["07"]
    assert keys(books.query(KeyConditionExpression=shelf & Key("sk").lt("02"))) == ["00", "01"]
    assert keys(books.query(KeyConditionExpression=shelf & Key("sk").gte("28"))) == ["28", "29"]
    assert keys(books.query(KeyConditionExpression=shelf & Key("sk").between("03", "05"))) == ["03", "04", "05"]
    assert len(keys(books.query(KeyConditionExpression=shelf & Key("sk").begins_with("1")))) == 10
    backwards = books.query(KeyConditionExpression=shelf & Key("sk").gt("26"), ScanIndexForward=False)
    assert keys(backwards) == ["29", "28", "27"]


def test_numbers_sort_as_numbers(make_table, ddb_resource):
    table = ddb_resource.Table(make_table(range_type="N"))
    numbers = [10, 9, -1, 0, 100, -20, 3]
    for number in numbers:
        table.put_item(Item={"pk": "x", "sk": number})
    assert keys(table.query(KeyConditionExpression=Key("pk").eq("x"))) == sorted(numbers)


def test_pages(books):
    for forward in (True, False):
        found, start = [], {}
        while True:
            page = books.query(
                KeyConditionExpression=Key("pk").eq("shelf"), Limit=7, ScanIndexForward=forward, **start
            )
            found += keys(page)
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        assert found == sorted(found, reverse=not forward)
        assert len(found) == 30


def test_a_page_has_a_megabyte(ddb_resource, sorted_table):
    table = ddb_resource.Table(sorted_table)
    with table.batch_writer() as batch:
        for number in range(14):
            batch.put_item(Item={"pk": "big", "sk": f"{number:02}", "v": "x" * 200_000})
    page = table.query(KeyConditionExpression=Key("pk").eq("big"))
    assert page["Count"] in (5, 6)
    assert page["LastEvaluatedKey"]["sk"] == keys(page)[-1]
    client = table.meta.client
    total = sum(
        page["Count"]
        for page in client.get_paginator("query").paginate(
            TableName=sorted_table, KeyConditionExpression=Key("pk").eq("big"), Select="COUNT"
        )
    )
    assert total == 14


def test_filters_come_after_the_limit(books):
    page = books.query(KeyConditionExpression=Key("pk").eq("shelf"), FilterExpression=Attr("kind").eq("even"), Limit=10)
    assert (page["Count"], page["ScannedCount"]) == (5, 10)
    assert "LastEvaluatedKey" in page


def test_local_index(books):
    shelf = Key("pk").eq("shelf")
    found = books.query(IndexName="by-rank", KeyConditionExpression=shelf & Key("rank").lt(75), ConsistentRead=True)
    assert keys(found) == ["29", "28", "27", "26"]
    assert "title" not in found["Items"][0]
    whole = books.query(IndexName="by-rank", KeyConditionExpression=shelf & Key("rank").lt(75), Select="ALL_ATTRIBUTES")
    assert whole["Items"][0]["title"] == "book 29"


def test_global_index(books, fails):
    even = Key("kind").eq("even")
    found = books.query(IndexName="by-kind", KeyConditionExpression=even & Key("rank").gte(96))
    assert keys(found) == ["04", "02", "00"]
    assert set(found["Items"][0]) == {"pk", "sk", "kind", "rank", "title"}
    with fails("ValidationException", "Consistent reads are not supported on global secondary indexes"):
        books.query(IndexName="by-kind", KeyConditionExpression=even, ConsistentRead=True)
    with fails("ValidationException", "Select type ALL_ATTRIBUTES is not supported for global secondary index"):
        books.query(IndexName="by-kind", KeyConditionExpression=even, Select="ALL_ATTRIBUTES")
    with fails("ValidationException", "The table does not have the specified index: nowhere"):
        books.query(IndexName="nowhere", KeyConditionExpression=even)
    page = books.query(IndexName="by-kind", KeyConditionExpression=even, Limit=4)
    assert set(page["LastEvaluatedKey"]) == {"pk", "sk", "kind", "rank"}
    rest = books.query(
        IndexName="by-kind", KeyConditionExpression=even, ExclusiveStartKey=page["LastEvaluatedKey"]
    )
    assert rest["Count"] == 11
    assert books.scan(IndexName="by-kind", Select="COUNT")["Count"] == 30


def test_index_follows_updates(books):
    books.update_item(
        Key={"pk": "shelf", "sk": "00"},
        UpdateExpression="SET kind = :k",
        ExpressionAttributeValues={":k": "special"},
    )
    assert keys(books.query(IndexName="by-kind", KeyConditionExpression=Key("kind").eq("special"))) == ["00"]
    books.update_item(Key={"pk": "shelf", "sk": "00"}, UpdateExpression="REMOVE kind")
    assert books.query(IndexName="by-kind", KeyConditionExpression=Key("kind").eq("special"))["Count"] == 0
    books.delete_item(Key={"pk": "shelf", "sk": "02"})
    assert books.query(IndexName="by-kind", KeyConditionExpression=Key("kind").eq("even"))["Count"] == 13


@pytest.mark.parametrize(
    "condition, values, message",
    [
        ("sk = :v", {":v": "x"}, "Query condition missed key schema element: pk"),
        ("pk = :v OR sk = :v", {":v": "x"}, "Invalid operator used in KeyConditionExpression: OR"),
        ("pk > :v", {":v": "x"}, "Query key condition not supported"),
        ("pk = :v AND contains(sk, :v)", {":v": "x"}, "Invalid operator used in KeyConditionExpression: contains"),
        ("pk = :v AND another = :v", {":v": "x"}, "Query condition missed key schema element: sk"),
        ("pk = :v", {":v": 1}, "Condition parameter type does not match schema type"),
    ],
)
def test_wrong_key_conditions(ddb_resource, sorted_table, fails, condition, values, message):
    with fails("ValidationException", message):
        ddb_resource.Table(sorted_table).query(KeyConditionExpression=condition, ExpressionAttributeValues=values)


def test_parallel_scan(books):
    seen = []
    for segment in range(4):
        start = {}
        while True:
            page = books.scan(Segment=segment, TotalSegments=4, Limit=3, **start)
            seen += [(item["pk"], item["sk"]) for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    assert len(seen) == len(set(seen)) == 31


def test_scan_filter_and_projection(books):
    found = books.scan(
        FilterExpression=Attr("rank").gt(97) & Attr("title").contains("book"),
        ProjectionExpression="sk, title",
    )
    assert sorted(keys(found)) == ["00", "01", "02"]
    assert set(found["Items"][0]) == {"sk", "title"}
    assert found["ScannedCount"] == 31


def test_legacy_query_and_scan(books):
    client = books.meta.client
    found = client.query(
        TableName=books.name,
        KeyConditions={
            "pk": {"ComparisonOperator": "EQ", "AttributeValueList": ["shelf"]},
            "sk": {"ComparisonOperator": "BEGINS_WITH", "AttributeValueList": ["2"]},
        },
        QueryFilter={"kind": {"ComparisonOperator": "EQ", "AttributeValueList": ["odd"]}},
        AttributesToGet=["sk"],
    )
    assert keys(found) == ["21", "23", "25", "27", "29"]
    found = client.scan(
        TableName=books.name, ScanFilter={"rank": {"ComparisonOperator": "IN", "AttributeValueList": [100, 99]}}
    )
    assert sorted(keys(found)) == ["00", "01"]
