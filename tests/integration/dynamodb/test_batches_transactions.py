"""BatchGetItem, BatchWriteItem, TransactGetItems, TransactWriteItems."""

import concurrent.futures

import pytest
from botocore.exceptions import ClientError


def text(value):
    return {"S": str(value)}


def test_batches(ddb, table):
    for begin in range(0, 100, 25):
        written = ddb.batch_write_item(
            RequestItems={table: [{"PutRequest": {"Item": {"pk": text(n)}}} for n in range(begin, begin + 25)]}
        )
        assert written["UnprocessedItems"] == {}
    found = ddb.batch_get_item(RequestItems={table: {"Keys": [{"pk": text(n)} for n in range(50, 150)]}})
    assert found["UnprocessedKeys"] == {}
    assert sorted(int(item["pk"]["S"]) for item in found["Responses"][table]) == list(range(50, 100))
    ddb.batch_write_item(RequestItems={table: [{"DeleteRequest": {"Key": {"pk": text(0)}}}]})
    assert "Item" not in ddb.get_item(TableName=table, Key={"pk": text(0)})


def test_batch_projection_and_capacity(ddb, table):
    ddb.put_item(TableName=table, Item={"pk": text(1), "a": text("a"), "b": text("b")})
    found = ddb.batch_get_item(
        RequestItems={
            table: {
                "Keys": [{"pk": text(1)}, {"pk": text(2)}],
                "ProjectionExpression": "#a",
                "ExpressionAttributeNames": {"#a": "a"},
                "ConsistentRead": True,
            }
        },
        ReturnConsumedCapacity="TOTAL",
    )
    assert found["Responses"][table] == [{"a": text("a")}]
    assert found["ConsumedCapacity"] == [{"TableName": table, "CapacityUnits": 2.0}]


def test_wrong_batches(ddb, table, fails):
    put = {"PutRequest": {"Item": {"pk": text(1)}}}
    with fails("ValidationException", "Provided list of item keys contains duplicates"):
        ddb.batch_write_item(RequestItems={table: [put, put]})
    with fails("ValidationException", "Provided list of item keys contains duplicates"):
        ddb.batch_get_item(RequestItems={table: {"Keys": [{"pk": text(1)}, {"pk": text(1)}]}})
    with fails("ValidationException"):
        ddb.batch_write_item(
            RequestItems={table: [{"PutRequest": {"Item": {"pk": text(n)}}} for n in range(26)]}
        )
    with fails("ValidationException"):
        ddb.batch_get_item(RequestItems={table: {"Keys": [{"pk": text(n)} for n in range(101)]}})
    with fails("ResourceNotFoundException"):
        ddb.batch_write_item(RequestItems={"no-such-table": [put]})


def test_large_batches_leave_keys(ddb, table):
    for number in range(45):
        ddb.put_item(TableName=table, Item={"pk": text(number), "v": text("x" * 390_000)})
    wanted = {table: {"Keys": [{"pk": text(number)} for number in range(45)]}}
    count, rounds = 0, 0
    while wanted:
        found = ddb.batch_get_item(RequestItems=wanted)
        count += len(found["Responses"][table])
        wanted = found["UnprocessedKeys"]
        rounds += 1
    assert count == 45
    assert rounds == 2


def put(table, key, **more):
    return {"Put": {"TableName": table, "Item": {"pk": text(key)}, **more}}


def test_transactions_write_all_or_nothing(ddb, table):
    ddb.put_item(TableName=table, Item={"pk": text("there"), "v": {"N": "1"}})
    with pytest.raises(ClientError) as caught:
        ddb.transact_write_items(
            TransactItems=[
                put(table, "new"),
                put(
                    table,
                    "there",
                    ConditionExpression="attribute_not_exists(pk)",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                ),
            ]
        )
    response = caught.value.response
    assert response["Error"]["Code"] == "TransactionCanceledException"
    assert "[None, ConditionalCheckFailed]" in response["Error"]["Message"]
    assert response["CancellationReasons"] == [
        {"Code": "None"},
        {
            "Code": "ConditionalCheckFailed",
            "Message": "The conditional request failed",
            "Item": {"pk": text("there"), "v": {"N": "1"}},
        },
    ]
    assert "Item" not in ddb.get_item(TableName=table, Key={"pk": text("new")})


def test_all_kinds_of_actions(ddb, table):
    for key in ("check", "delete", "update"):
        ddb.put_item(TableName=table, Item={"pk": text(key), "v": {"N": "1"}})
    ddb.transact_write_items(
        TransactItems=[
            put(table, "put"),
            {"Delete": {"TableName": table, "Key": {"pk": text("delete")}}},
            {
                "Update": {
                    "TableName": table,
                    "Key": {"pk": text("update")},
                    "UpdateExpression": "ADD v :one",
                    "ConditionExpression": "v = :one",
                    "ExpressionAttributeValues": {":one": {"N": "1"}},
                }
            },
            {
                "ConditionCheck": {
                    "TableName": table,
                    "Key": {"pk": text("check")},
                    "ConditionExpression": "attribute_exists(pk)",
                }
            },
        ]
    )
    found = ddb.transact_get_items(
        TransactItems=[
            {"Get": {"TableName": table, "Key": {"pk": text(key)}}} for key in ("put", "delete", "update", "check")
        ],
        ReturnConsumedCapacity="TOTAL",
    )
    assert found["Responses"] == [
        {"Item": {"pk": text("put")}},
        {},
        {"Item": {"pk": text("update"), "v": {"N": "2"}}},
        {"Item": {"pk": text("check"), "v": {"N": "1"}}},
    ]
    assert found["ConsumedCapacity"][0]["CapacityUnits"] == 8.0


def test_tokens(ddb, table, fails, unique):
    token = unique("")[:36]
    action = {
        "Update": {
            "TableName": table,
            "Key": {"pk": text("x")},
            "UpdateExpression": "ADD v :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
    }
    for _ in range(3):
        ddb.transact_write_items(TransactItems=[action], ClientRequestToken=token)
    assert ddb.get_item(TableName=table, Key={"pk": text("x")})["Item"]["v"] == {"N": "1"}
    with fails("IdempotentParameterMismatchException"):
        ddb.transact_write_items(TransactItems=[put(table, "y")], ClientRequestToken=token)


def test_wrong_transactions(ddb, table, fails):
    with fails("ValidationException", "Transaction request cannot include multiple operations on one item"):
        ddb.transact_write_items(TransactItems=[put(table, "x"), put(table, "x")])
    with fails("ValidationException", "TransactItems can only contain one of Check, Put, Update or Delete"):
        ddb.transact_write_items(
            TransactItems=[{**put(table, "x"), "Delete": {"TableName": table, "Key": {"pk": text("x")}}}]
        )
    with fails("ResourceNotFoundException"):
        ddb.transact_write_items(TransactItems=[put("no-such-table", "x")])
    with fails("TransactionCanceledException", "[ValidationError]"):
        ddb.transact_get_items(TransactItems=[{"Get": {"TableName": table, "Key": {"pk": {"N": "1"}}}}])


def test_transfers_keep_the_sum(aws, ddb, table):
    """Concurrent transfers between accounts; whoever looks sees the same sum."""
    accounts = ["a", "b", "c", "d"]
    for account in accounts:
        ddb.put_item(TableName=table, Item={"pk": text(account), "v": {"N": "100"}})

    def change(client, account, amount):
        return {
            "Update": {
                "TableName": table,
                "Key": {"pk": text(account)},
                "UpdateExpression": "ADD v :v",
                "ExpressionAttributeValues": {":v": {"N": str(amount)}},
            }
        }

    def transfer(worker):
        client = aws.client("dynamodb")
        for step in range(15):
            source, target = accounts[(worker + step) % 4], accounts[(worker + step + 1 + step % 3) % 4]
            try:
                client.transact_write_items(
                    TransactItems=[change(client, source, -step), change(client, target, step)]
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != "TransactionCanceledException":
                    raise

    def look(_):
        client = aws.client("dynamodb")
        for _ in range(15):
            gets = [{"Get": {"TableName": table, "Key": {"pk": text(account)}}} for account in accounts]
            found = client.transact_get_items(TransactItems=gets)["Responses"]
            assert sum(int(each["Item"]["v"]["N"]) for each in found) == 400

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda job: job[0](job[1]), [(transfer, n) for n in range(4)] + [(look, n) for n in range(2)]))
