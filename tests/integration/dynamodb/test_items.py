"""GetItem, PutItem, UpdateItem, DeleteItem through the client and the resource."""

import decimal

import boto3.dynamodb.conditions as conditions
import pytest

EVERY_TYPE = {
    "text": "héllo 세계",
    "empty": "",
    "number": decimal.Decimal("-12.345"),
    "large": decimal.Decimal("9.9999999999999999999999999999999999999E+125"),
    "small": decimal.Decimal("1E-130"),
    "bytes": b"\x00\xff",
    "yes": True,
    "no": False,
    "nothing": None,
    "list": [decimal.Decimal(1), "two", [b"3"], {"four": decimal.Decimal(4)}],
    "map": {"nested": {"deep": ["x"]}, "empty": {}},
    "texts": {"a", "b"},
    "numbers": {decimal.Decimal(1), decimal.Decimal("2.5")},
    "binaries": {b"x", b"y"},
    "no elements": [],
}


@pytest.fixture
def items(ddb_resource, table):
    return ddb_resource.Table(table)


def plain(value):
    """boto3's Binary as bytes."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, set):
        return {plain(each) for each in value}
    return value.value if hasattr(value, "value") and isinstance(value.value, bytes) else value


def test_every_type_comes_back(items):
    items.put_item(Item={"pk": "1", **EVERY_TYPE})
    assert plain(items.get_item(Key={"pk": "1"}, ConsistentRead=True)["Item"]) == {"pk": "1", **EVERY_TYPE}


def test_missing_item(ddb, table):
    assert "Item" not in ddb.get_item(TableName=table, Key={"pk": {"S": "none"}})
    assert "Attributes" not in ddb.delete_item(TableName=table, Key={"pk": {"S": "none"}}, ReturnValues="ALL_OLD")


def test_numbers_are_normalised(ddb, table):
    texts = {"007": "7", "1.500": "1.5", "-0": "0", "1e3": "1000", "+1": "1", "0.10E-1": "0.01"}
    for text, normal in texts.items():
        ddb.put_item(TableName=table, Item={"pk": {"S": "n"}, "v": {"N": text}})
        assert ddb.get_item(TableName=table, Key={"pk": {"S": "n"}})["Item"]["v"] == {"N": normal}


@pytest.mark.parametrize(
    "value, message",
    [
        ({"N": "abc"}, "The parameter cannot be converted to a numeric value: abc"),
        ({"N": ""}, "The parameter cannot be converted to a numeric value"),
        ({"N": "1" * 39}, "Attempting to store more than 38 significant digits in a Number"),
        ({"N": "1E126"}, "Number overflow. Attempting to store a number with magnitude larger than supported range"),
        ({"N": "1E-131"}, "Number underflow. Attempting to store a number with magnitude smaller than supported range"),
        ({"SS": ["a", "a"]}, "Input collection [a, a] contains duplicates."),
        ({"NS": ["1", "1.0"]}, "Input collection contains duplicates"),
        ({"SS": []}, "An string set  may not be empty"),
        ({"NS": []}, "An number set  may not be empty"),
        ({"BS": []}, "Binary sets should not be empty"),
    ],
)
def test_wrong_values(ddb, table, fails, value, message):
    with fails("ValidationException", message):
        ddb.put_item(TableName=table, Item={"pk": {"S": "1"}, "v": value})


def test_wrong_keys(ddb, table, sorted_table, fails):
    with fails("ValidationException", "One or more parameter values were invalid: Missing the key pk in the item"):
        ddb.put_item(TableName=table, Item={"x": {"S": "1"}})
    with fails("ValidationException", "Type mismatch for key pk expected: S actual: N"):
        ddb.put_item(TableName=table, Item={"pk": {"N": "1"}})
    with fails("ValidationException", "The provided key element does not match the schema"):
        ddb.get_item(TableName=table, Key={"pk": {"N": "1"}})
    with fails("ValidationException", "The provided key element does not match the schema"):
        ddb.get_item(TableName=sorted_table, Key={"pk": {"S": "1"}})
    with fails("ValidationException", "cannot contain an empty string value. Key: pk"):
        ddb.put_item(TableName=table, Item={"pk": {"S": ""}})
    with fails("ValidationException", "Size of hashkey has exceeded the maximum size limit of2048 bytes"):
        ddb.put_item(TableName=table, Item={"pk": {"S": "x" * 2049}})
    with fails("ValidationException", "Aggregated size of all range keys has exceeded the size limit of 1024 bytes"):
        ddb.put_item(TableName=sorted_table, Item={"pk": {"S": "x"}, "sk": {"S": "x" * 1025}})
    with fails("ResourceNotFoundException", "Requested resource not found"):
        ddb.get_item(TableName="no-such-table", Key={"pk": {"S": "1"}})


def test_size_limit(ddb, table, fails):
    room = 400 * 1024 - len("pk1v")
    ddb.put_item(TableName=table, Item={"pk": {"S": "1"}, "v": {"S": "x" * room}})
    with fails("ValidationException", "Item size has exceeded the maximum allowed size"):
        ddb.put_item(TableName=table, Item={"pk": {"S": "1"}, "v": {"S": "x" * (room + 1)}})
    with fails("ValidationException", "Item size to update has exceeded the maximum allowed size"):
        ddb.update_item(
            TableName=table,
            Key={"pk": {"S": "1"}},
            UpdateExpression="SET w = :v",
            ExpressionAttributeValues={":v": {"S": "x"}},
        )


def test_conditions(items, fails):
    items.put_item(Item={"pk": "1", "version": 1, "tags": {"a"}}, ConditionExpression="attribute_not_exists(pk)")
    with fails("ConditionalCheckFailedException", "The conditional request failed"):
        items.put_item(Item={"pk": "1"}, ConditionExpression=conditions.Attr("pk").not_exists())
    items.put_item(Item={"pk": "1", "version": 2}, ConditionExpression=conditions.Attr("version").eq(1))
    with fails("ConditionalCheckFailedException"):
        items.delete_item(Key={"pk": "1"}, ConditionExpression=conditions.Attr("version").lt(2))
    items.delete_item(Key={"pk": "1"}, ConditionExpression=conditions.Attr("version").between(1, 3))
    with fails("ConditionalCheckFailedException"):
        items.delete_item(Key={"pk": "1"}, ConditionExpression="attribute_exists(pk)")


def test_failed_condition_gives_the_item(ddb, table, fails):
    ddb.put_item(TableName=table, Item={"pk": {"S": "1"}, "v": {"N": "1"}})
    with fails("ConditionalCheckFailedException") as caught:
        ddb.put_item(
            TableName=table,
            Item={"pk": {"S": "1"}},
            ConditionExpression="attribute_not_exists(pk)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert caught.value.response["Item"] == {"pk": {"S": "1"}, "v": {"N": "1"}}


@pytest.mark.parametrize(
    "expression, values, expected",
    [
        ("SET a = a + :one", {":one": 1}, {"a": 2}),
        ("SET a = a - :one, fresh = :one", {":one": 1}, {"a": 0, "fresh": 1}),
        ("SET fresh = if_not_exists(fresh, :one)", {":one": 5}, {"fresh": 5}),
        ("SET #l = list_append(#l, :more)", {":more": [3]}, {"list": [1, 2, 3]}),
        ("SET #l = list_append(:more, #l)", {":more": [0]}, {"list": [0, 1, 2]}),
        ("SET #l[1] = :x", {":x": "two"}, {"list": [1, "two"]}),
        ("SET #l[10] = :x", {":x": 3}, {"list": [1, 2, 3]}),
        ("REMOVE #l[0]", None, {"list": [2]}),
        ("REMOVE m.x", None, {"m": {}}),
        ("SET m.y = :v", {":v": {"z": 1}}, {"m": {"x": 1, "y": {"z": 1}}}),
        ("ADD a :v", {":v": decimal.Decimal("0.5")}, {"a": decimal.Decimal("1.5")}),
        ("ADD texts :v", {":v": {"b", "c"}}, {"texts": {"a", "b", "c"}}),
        ("DELETE texts :v", {":v": {"b", "z"}}, {"texts": {"a"}}),
        ("SET b = a, a = :v", {":v": 9}, {"a": 9, "b": 1}),
    ],
)
def test_updates(items, expression, values, expected):
    start = {"a": 1, "list": [1, 2], "m": {"x": 1}, "texts": {"a", "b"}}
    items.put_item(Item={"pk": "1", **start})
    arguments = {"Key": {"pk": "1"}, "UpdateExpression": expression, "ReturnValues": "ALL_NEW"}
    if values:
        arguments["ExpressionAttributeValues"] = values
    if "#l" in expression:
        arguments["ExpressionAttributeNames"] = {"#l": "list"}
    assert items.update_item(**arguments)["Attributes"] == {"pk": "1", **start, **expected}


@pytest.mark.parametrize(
    "expression, values, message",
    [
        ("SET pk = :v", {":v": "x"}, "Cannot update attribute pk. This attribute is part of the key"),
        ("SET a = nowhere", None, "The provided expression refers to an attribute that does not exist in the item"),
        ("SET a = b + :v", {":v": "x"}, "Incorrect operand type for operator or function"),
        ("SET nowhere.a = :v", {":v": 1}, "The document path provided in the update expression is invalid for update"),
        ("SET a = :v, a = :v", {":v": 1}, "Two document paths overlap with each other"),
        ("SET a = :v REMOVE a.b", {":v": 1}, "Two document paths overlap with each other"),
        ("SET size = :v", {":v": 1}, "Attribute name is a reserved keyword; reserved keyword: size"),
        ("SET a = :w", {":v": 1}, "An expression attribute value used in expression is not defined; attribute value: :w"),
        ("SET a = :v", {":v": 1, ":w": 2}, "Value provided in ExpressionAttributeValues unused in expressions: keys: {:w}"),
        ("ADD a :v", {":v": "x"}, "Incorrect operand type for operator or function; operator: ADD, operand type: STRING"),
        ("SET a = ", None, "Syntax error; token: \"<EOF>\""),
        ("", None, "Invalid UpdateExpression: The expression can not be empty;"),
    ],
)
def test_wrong_updates(items, fails, expression, values, message):
    items.put_item(Item={"pk": "1", "b": 1})
    arguments = {"Key": {"pk": "1"}, "UpdateExpression": expression}
    if values:
        arguments["ExpressionAttributeValues"] = values
    with fails("ValidationException", message):
        items.update_item(**arguments)


def test_return_values(items):
    def update(returned):
        done = items.update_item(
            Key={"pk": "1"},
            UpdateExpression="ADD a :one SET m.x = :one",
            ExpressionAttributeValues={":one": 1},
            ReturnValues=returned,
        )
        return done.get("Attributes")

    items.put_item(Item={"pk": "1", "a": 1, "b": 1, "m": {"x": 0, "y": 0}})
    assert update("NONE") is None
    assert update("UPDATED_NEW") == {"a": 3, "m": {"x": 1}}
    assert update("UPDATED_OLD") == {"a": 3, "m": {"x": 1}}
    assert update("ALL_OLD") == {"pk": "1", "a": 4, "b": 1, "m": {"x": 1, "y": 0}}
    assert update("ALL_NEW") == {"pk": "1", "a": 6, "b": 1, "m": {"x": 1, "y": 0}}


def test_projection(items):
    items.put_item(Item={"pk": "1", "name": "n", "m": {"a": 1, "b": [1, 2, {"c": 3}]}})
    found = items.get_item(
        Key={"pk": "1"}, ProjectionExpression="#n, m.b[2].c, m.b[0]", ExpressionAttributeNames={"#n": "name"}
    )
    assert found["Item"] == {"name": "n", "m": {"b": [1, {"c": 3}]}}


def test_capacity(ddb, table):
    written = ddb.put_item(
        TableName=table, Item={"pk": {"S": "1"}, "v": {"S": "x" * 2000}}, ReturnConsumedCapacity="TOTAL"
    )
    assert written["ConsumedCapacity"] == {"TableName": table, "CapacityUnits": 2.0}
    read = ddb.get_item(TableName=table, Key={"pk": {"S": "1"}}, ReturnConsumedCapacity="INDEXES")
    assert read["ConsumedCapacity"] == {"TableName": table, "CapacityUnits": 0.5, "Table": {"CapacityUnits": 0.5}}
    read = ddb.get_item(TableName=table, Key={"pk": {"S": "1"}}, ReturnConsumedCapacity="TOTAL", ConsistentRead=True)
    assert read["ConsumedCapacity"]["CapacityUnits"] == 1.0


def test_legacy_parameters(ddb, table, fails):
    key = {"pk": {"S": "1"}}
    ddb.update_item(
        TableName=table,
        Key=key,
        AttributeUpdates={"a": {"Value": {"N": "1"}}, "b": {"Value": {"N": "2"}, "Action": "ADD"}},
    )
    assert ddb.get_item(TableName=table, Key=key, AttributesToGet=["b"])["Item"] == {"b": {"N": "2"}}
    with fails("ConditionalCheckFailedException"):
        ddb.put_item(TableName=table, Item=key, Expected={"a": {"Value": {"N": "2"}}})
    with fails("ConditionalCheckFailedException"):
        ddb.put_item(TableName=table, Item=key, Expected={"a": {"Exists": False}})
    ddb.put_item(
        TableName=table,
        Item=key,
        Expected={
            "a": {"ComparisonOperator": "GT", "AttributeValueList": [{"N": "5"}]},
            "b": {"ComparisonOperator": "NOT_NULL"},
        },
        ConditionalOperator="OR",
    )
    with fails("ValidationException", "Can not use both expression and non-expression parameters"):
        ddb.put_item(TableName=table, Item=key, Expected={"a": {"Exists": False}}, ConditionExpression="a = b")


def test_counter_under_concurrency(aws, table):
    """Atomic counters lose nothing."""
    import concurrent.futures

    def add(_):
        client = aws.client("dynamodb")
        for _ in range(25):
            client.update_item(
                TableName=table,
                Key={"pk": {"S": "counter"}},
                UpdateExpression="ADD hits :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(8)))
    found = aws.client("dynamodb").get_item(TableName=table, Key={"pk": {"S": "counter"}}, ConsistentRead=True)
    assert found["Item"]["hits"] == {"N": "200"}
