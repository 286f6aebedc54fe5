"""Definitions of tables for the tests."""


def active(client, name):
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    return name


def definition(name, hash_type="S", range_type=None, **more):
    """Arguments of CreateTable: hash key "pk", and range key "sk" when it has a type."""
    attributes = [{"AttributeName": "pk", "AttributeType": hash_type}]
    schema = [{"AttributeName": "pk", "KeyType": "HASH"}]
    if range_type:
        attributes.append({"AttributeName": "sk", "AttributeType": range_type})
        schema.append({"AttributeName": "sk", "KeyType": "RANGE"})
    attributes += more.pop("attributes", [])
    return dict(
        TableName=name, AttributeDefinitions=attributes, KeySchema=schema, BillingMode="PAY_PER_REQUEST", **more
    )
