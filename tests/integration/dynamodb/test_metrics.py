"""What tables report to CloudWatch."""

import datetime

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError


@pytest.fixture
def figures(aws):
    cloudwatch = aws("cloudwatch")

    def read(metric, statistic="Sum", **dimensions):
        now = datetime.datetime.now(datetime.timezone.utc)
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/DynamoDB", MetricName=metric, Period=3600, Statistics=[statistic],
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=now - datetime.timedelta(hours=1), EndTime=now + datetime.timedelta(hours=1),
        )["Datapoints"]
        return sum(point[statistic] for point in points)

    return read


def test_a_table_reports_what_was_done_with_it(ddb, make_table, figures, fails, wait_until):
    name = make_table(
        attributes=[{"AttributeName": "owner", "AttributeType": "S"}],
        GlobalSecondaryIndexes=[{"IndexName": "by-owner", "Projection": {"ProjectionType": "ALL"},
                                 "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}]}])
    item = {"pk": {"S": "a"}, "owner": {"S": "o"}, "text": {"S": "x" * 1500}}
    ddb.put_item(TableName=name, Item=item)
    ddb.get_item(TableName=name, Key={"pk": {"S": "a"}}, ConsistentRead=True)
    ddb.scan(TableName=name)
    with fails("ConditionalCheckFailedException"):
        ddb.put_item(TableName=name, Item={"pk": {"S": "a"}}, ConditionExpression="attribute_not_exists(pk)")
    ddb.batch_write_item(RequestItems={name: [{"PutRequest": {"Item": {"pk": {"S": "b"}}}}]})

    wait_until(lambda: figures("ConsumedWriteCapacityUnits", TableName=name) == 5, what="2 + 2 + 1 write units")
    assert figures("ConsumedWriteCapacityUnits", TableName=name, GlobalSecondaryIndexName="by-owner") == 2
    wait_until(lambda: figures("ConsumedReadCapacityUnits", TableName=name) == 1.5, what="1 + 0.5 read units")
    assert figures("ConditionalCheckFailedRequests", TableName=name) == 1
    assert figures("ReturnedItemCount", TableName=name, Operation="Scan") == 1
    for operation in ("PutItem", "GetItem", "Scan", "BatchWriteItem"):
        assert figures("SuccessfulRequestLatency", "SampleCount", TableName=name, Operation=operation) == 1
    assert figures("SuccessfulRequestLatency", "Maximum", TableName=name, Operation="PutItem") > 0


def test_faults_of_the_caller_count_for_the_account(ddb, table, figures, wait_until):
    before = figures("UserErrors")
    for _ in range(3):
        with pytest.raises(ClientError):
            ddb.get_item(TableName=table, Key={"nothing": {"S": "a"}})
    wait_until(lambda: figures("UserErrors") >= before + 3, what="three errors")
    assert figures("SuccessfulRequestLatency", "SampleCount", TableName=table, Operation="GetItem") == 0


def test_throttled_requests_are_told_from_other_errors(aws, ddb, unique, figures, fails, wait_until):
    name = unique("table")
    ddb.create_table(TableName=name, AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
                     KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}], BillingMode="PROVISIONED",
                     ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1})
    ddb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    ddb.put_item(TableName=name, Item={"pk": {"S": "a"}, "text": {"S": "x" * 390_000}})  # More than 300 units.
    impatient = aws.client("dynamodb", config=Config(retries={"max_attempts": 0}))
    with fails("ProvisionedThroughputExceededException"):
        impatient.put_item(TableName=name, Item={"pk": {"S": "b"}})
    wait_until(lambda: figures("ThrottledRequests", TableName=name, Operation="PutItem") > 0, what="it is reported")
    assert figures("WriteThrottleEvents", TableName=name) > 0
    assert figures("ReadThrottleEvents", TableName=name) == 0
    ddb.delete_table(TableName=name)
