"""CreateTable, DescribeTable, ListTables, UpdateTable, DeleteTable, tags, time to live."""

import json
import re

from dynamodb_tables import active, definition

BY_OWNER = {
    "IndexName": "by-owner",
    "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "ALL"},
}
OWNER = {"AttributeName": "owner", "AttributeType": "S"}


def test_life_of_a_table(ddb, unique, fails):
    name = unique("table")
    created = ddb.create_table(**definition(name, range_type="N"))["TableDescription"]
    assert created["TableStatus"] in ("CREATING", "ACTIVE")
    assert re.fullmatch(r"arn:aws:dynamodb:[a-z0-9-]+:\d{12}:table/" + name, created["TableArn"])
    assert re.fullmatch(r"[0-9a-f-]{36}", created["TableId"])
    active(ddb, name)
    table = ddb.describe_table(TableName=name)["Table"]
    assert table["TableStatus"] == "ACTIVE"
    assert table["KeySchema"] == [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["ItemCount"] == 0
    with fails("ResourceInUseException", f"Table already exists: {name}"):
        ddb.create_table(**definition(name))
    assert ddb.delete_table(TableName=name)["TableDescription"]["TableStatus"] == "DELETING"
    ddb.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    with fails("ResourceNotFoundException", f"Requested resource not found: Table: {name} not found"):
        ddb.describe_table(TableName=name)


def test_provisioned_capacity(ddb, unique):
    name = unique("table")
    arguments = definition(name)
    arguments["BillingMode"] = "PROVISIONED"
    ddb.create_table(ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 4}, **arguments)
    active(ddb, name)
    throughput = ddb.describe_table(TableName=name)["Table"]["ProvisionedThroughput"]
    assert (throughput["ReadCapacityUnits"], throughput["WriteCapacityUnits"]) == (5, 4)
    ddb.update_table(TableName=name, BillingMode="PAY_PER_REQUEST")
    active(ddb, name)
    assert ddb.describe_table(TableName=name)["Table"]["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    ddb.delete_table(TableName=name)


def test_names_are_listed_in_order(ddb, unique):
    prefix = unique("list")
    for letter in "cab":
        ddb.create_table(**definition(f"{prefix}-{letter}"))
    names = []
    for page in ddb.get_paginator("list_tables").paginate(PaginationConfig={"PageSize": 2}):
        names += page["TableNames"]
    assert [name for name in names if name.startswith(prefix)] == [f"{prefix}-{letter}" for letter in "abc"]
    for letter in "abc":
        active(ddb, f"{prefix}-{letter}")
        ddb.delete_table(TableName=f"{prefix}-{letter}")


def test_wrong_definitions(ddb, unique, fails):
    with fails("ValidationException"):
        ddb.create_table(**definition("x"))
    with fails("ValidationException"):
        ddb.create_table(**definition("not/a/name"))
    arguments = definition(unique("table"))
    arguments["KeySchema"] = [{"AttributeName": "other", "KeyType": "HASH"}]
    with fails("ValidationException", "AttributeDefinitions"):
        ddb.create_table(**arguments)
    with fails("ValidationException", "Number of attributes in KeySchema does not exactly match"):
        ddb.create_table(**definition(unique("table"), attributes=[OWNER]))
    arguments = definition(unique("table"))
    del arguments["BillingMode"]
    with fails("ValidationException", "ReadCapacityUnits and WriteCapacityUnits must both be specified"):
        ddb.create_table(**arguments)
    with fails("ValidationException", "Table KeySchema does not have a range key"):
        ddb.create_table(
            **definition(
                unique("table"),
                attributes=[OWNER],
                LocalSecondaryIndexes=[
                    {
                        "IndexName": "local",
                        "KeySchema": [
                            {"AttributeName": "pk", "KeyType": "HASH"},
                            {"AttributeName": "owner", "KeyType": "RANGE"},
                        ],
                        "Projection": {"ProjectionType": "ALL"},
                    }
                ],
            )
        )


def test_index_made_later_is_filled(ddb, table, wait_until):
    for number in range(60):
        ddb.put_item(
            TableName=table, Item={"pk": {"S": str(number)}, "owner": {"S": "ann" if number % 3 == 0 else "bob"}}
        )
    ddb.update_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}, OWNER],
        GlobalSecondaryIndexUpdates=[{"Create": BY_OWNER}],
    )

    def index():
        indexes = ddb.describe_table(TableName=table)["Table"].get("GlobalSecondaryIndexes", [])
        return indexes and indexes[0]["IndexStatus"] == "ACTIVE"

    wait_until(index, what="the index")
    found = ddb.query(
        TableName=table,
        IndexName="by-owner",
        KeyConditionExpression="#o = :o",
        ExpressionAttributeNames={"#o": "owner"},
        ExpressionAttributeValues={":o": {"S": "ann"}},
    )
    assert found["Count"] == 20
    ddb.update_table(TableName=table, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-owner"}}])
    wait_until(lambda: "GlobalSecondaryIndexes" not in ddb.describe_table(TableName=table)["Table"])


def test_deletion_protection(ddb, make_table, fails):
    name = make_table(DeletionProtectionEnabled=True)
    with fails("ValidationException", "protected against deletion"):
        ddb.delete_table(TableName=name)
    ddb.update_table(TableName=name, DeletionProtectionEnabled=False)
    active(ddb, name)
    ddb.delete_table(TableName=name)


def test_tags(ddb, make_table):
    name = make_table(Tags=[{"Key": "team", "Value": "blog"}])
    arn = ddb.describe_table(TableName=name)["Table"]["TableArn"]
    ddb.tag_resource(ResourceArn=arn, Tags=[{"Key": "stage", "Value": "test"}])
    tags = ddb.list_tags_of_resource(ResourceArn=arn)["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "blog", "stage": "test"}
    ddb.untag_resource(ResourceArn=arn, TagKeys=["team"])
    assert ddb.list_tags_of_resource(ResourceArn=arn)["Tags"] == [{"Key": "stage", "Value": "test"}]


def test_time_to_live(ddb, table, fails):
    assert ddb.describe_time_to_live(TableName=table)["TimeToLiveDescription"] == {"TimeToLiveStatus": "DISABLED"}
    wanted = {"Enabled": True, "AttributeName": "expires"}
    assert ddb.update_time_to_live(TableName=table, TimeToLiveSpecification=wanted)["TimeToLiveSpecification"] == wanted
    described = ddb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert described["AttributeName"] == "expires"
    assert described["TimeToLiveStatus"] in ("ENABLING", "ENABLED")
    with fails("ValidationException", "TimeToLive is already enabled"):
        ddb.update_time_to_live(TableName=table, TimeToLiveSpecification=wanted)


def test_expired_items_are_deleted(ddb, table, wait_until):
    """Amazon's own takes up to days; ours some seconds."""
    ddb.update_time_to_live(TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"})
    ddb.put_item(TableName=table, Item={"pk": {"S": "old"}, "expires": {"N": "1700000000"}})
    ddb.put_item(TableName=table, Item={"pk": {"S": "new"}, "expires": {"N": "4000000000"}})
    wait_until(lambda: "Item" not in ddb.get_item(TableName=table, Key={"pk": {"S": "old"}}), what="the deletion")
    assert "Item" in ddb.get_item(TableName=table, Key={"pk": {"S": "new"}})


def test_backups_are_off(ddb, table):
    described = ddb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert described["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "DISABLED"


def test_limits(ddb):
    limits = ddb.describe_limits()
    assert limits["TableMaxReadCapacityUnits"] <= limits["AccountMaxReadCapacityUnits"]


def test_warm_throughput(ddb, make_table, unique, fails):
    name = make_table(attributes=[OWNER], GlobalSecondaryIndexes=[BY_OWNER])
    table = ddb.describe_table(TableName=name)["Table"]
    documented = {"ReadUnitsPerSecond": 12000, "WriteUnitsPerSecond": 4000, "Status": "ACTIVE"}
    assert table["WarmThroughput"] == documented
    assert table["GlobalSecondaryIndexes"][0]["WarmThroughput"] == documented
    updated = ddb.update_table(
        TableName=name, WarmThroughput={"ReadUnitsPerSecond": 20000},
        GlobalSecondaryIndexUpdates=[
            {"Update": {"IndexName": "by-owner", "WarmThroughput": {"WriteUnitsPerSecond": 5000}}}])
    assert updated["TableDescription"]["WarmThroughput"]["ReadUnitsPerSecond"] == 20000
    table = ddb.describe_table(TableName=name)["Table"]
    assert table["WarmThroughput"] == {**documented, "ReadUnitsPerSecond": 20000}
    assert table["GlobalSecondaryIndexes"][0]["WarmThroughput"] == {**documented, "WriteUnitsPerSecond": 5000}
    with fails("ValidationException", "decreasing WarmThroughput is not supported"):
        ddb.update_table(TableName=name, WarmThroughput={"ReadUnitsPerSecond": 15000})
    made = unique("table")
    warm = {"ReadUnitsPerSecond": 13000, "WriteUnitsPerSecond": 4500}
    ddb.create_table(**definition(made, WarmThroughput=warm))
    active(ddb, made)
    assert ddb.describe_table(TableName=made)["Table"]["WarmThroughput"] == {**warm, "Status": "ACTIVE"}
    ddb.delete_table(TableName=made)


def test_maximum_throughput_of_an_index(ddb, make_table):
    most = {"MaxReadRequestUnits": 10, "MaxWriteRequestUnits": 20}
    name = make_table(attributes=[OWNER], GlobalSecondaryIndexes=[{**BY_OWNER, "OnDemandThroughput": most}])
    index = ddb.describe_table(TableName=name)["Table"]["GlobalSecondaryIndexes"][0]
    assert index["OnDemandThroughput"] == most


def test_no_table_is_global(ddb, table, fails):
    def update(action, region):
        ddb.update_table(TableName=table, ReplicaUpdates=[{action: {"RegionName": region}}])

    own = ddb.meta.region_name
    with fails("ValidationException", "Region us-west-1 is not available for replicas"):
        update("Create", "us-west-1")
    with fails("ValidationException", "Cannot add, delete, or update the local region through ReplicaUpdates"):
        update("Create", own)
    with fails("ValidationException", "was not found: us-west-1"):
        update("Delete", "us-west-1")
    assert ddb.list_global_tables()["GlobalTables"] == []
    with fails("GlobalTableNotFoundException", table):
        ddb.describe_global_table(GlobalTableName=table)
    with fails("GlobalTableNotFoundException"):
        ddb.describe_global_table_settings(GlobalTableName=table)
    with fails("GlobalTableNotFoundException"):
        ddb.update_global_table(GlobalTableName=table, ReplicaUpdates=[{"Create": {"RegionName": own}}])
    with fails("ValidationException", "Region us-west-1 is not available"):
        ddb.create_global_table(GlobalTableName=table, ReplicationGroup=[{"RegionName": "us-west-1"}])
    with fails("TableNotFoundException"):
        ddb.create_global_table(GlobalTableName="no-such-table", ReplicationGroup=[{"RegionName": own}])
    scaling = ddb.describe_table_replica_auto_scaling(TableName=table)["TableAutoScalingDescription"]
    assert scaling == {"TableName": table, "TableStatus": "ACTIVE", "Replicas": []}
    with fails("ValidationException", "not a global table"):
        ddb.update_table_replica_auto_scaling(TableName=table)


def test_contributor_insights_are_off_and_stay_off(ddb, table, fails):
    assert ddb.describe_contributor_insights(TableName=table)["ContributorInsightsStatus"] == "DISABLED"
    off = ddb.update_contributor_insights(TableName=table, ContributorInsightsAction="DISABLE")
    assert off["ContributorInsightsStatus"] == "DISABLED"
    with fails("NotImplemented"):
        ddb.update_contributor_insights(TableName=table, ContributorInsightsAction="ENABLE")
    with fails("ResourceNotFoundException", "Index: none not found"):
        ddb.update_contributor_insights(TableName=table, IndexName="none", ContributorInsightsAction="ENABLE")


def test_kinesis_destinations(aws, ddb, table, unique, wait_until):
    kinesis = aws.client("kinesis")
    name = unique("changes")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    there = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    missing = there + "-none"

    def status(arn):
        found = ddb.describe_kinesis_streaming_destination(TableName=table)["KinesisDataStreamDestinations"]
        return next(each for each in found if each["StreamArn"] == arn)

    enabled = ddb.enable_kinesis_streaming_destination(TableName=table, StreamArn=missing)
    assert enabled["DestinationStatus"] == "ENABLING"
    failed = status(missing)
    assert failed["DestinationStatus"] == "ENABLE_FAILED"
    assert failed["DestinationStatusDescription"] == "User does not have a permission to use kinesis stream"
    ddb.enable_kinesis_streaming_destination(TableName=table, StreamArn=there)
    assert status(there)["DestinationStatus"] == "ACTIVE"
    ddb.put_item(TableName=table, Item={"pk": {"S": "a"}, "n": {"N": "1"}})
    shard = kinesis.list_shards(StreamName=name)["Shards"][0]["ShardId"]
    begin = kinesis.get_shard_iterator(StreamName=name, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]

    def records_of_shard():
        try:
            return kinesis.get_records(ShardIterator=begin)["Records"]
        except kinesis.exceptions.ProvisionedThroughputExceededException:  # Five reads a second.
            return []

    records = wait_until(records_of_shard, what="the change")
    change = json.loads(records[0]["Data"])
    assert (change["eventName"], change["tableName"], change["recordFormat"]) == ("INSERT", table, "application/json")
    assert change["dynamodb"]["NewImage"] == {"pk": {"S": "a"}, "n": {"N": "1"}}
    ddb.disable_kinesis_streaming_destination(TableName=table, StreamArn=there)
    assert status(there)["DestinationStatus"] == "DISABLED"
    kinesis.delete_stream(StreamName=name)


def test_vector_indexes_are_refused(ddb, table, unique, fails):
    index = {"IndexName": "vec", "VectorAttribute": {"AttributeName": "a"}, "Dimensions": 2, "DistanceFunction": "COSINE",
             "Projection": {"ProjectionType": "ALL"}}
    with fails("NotImplemented", "VectorIndexes"):
        ddb.create_table(**definition(unique("table")), VectorIndexes=[index])
    with fails("NotImplemented", "VectorIndexUpdates"):
        ddb.update_table(TableName=table, VectorIndexUpdates=[{"Delete": {"IndexName": "vec"}}])
    with fails("NotImplemented"):
        ddb.list_bulk_operations()
