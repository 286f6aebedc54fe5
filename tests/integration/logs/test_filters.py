"""Metric filters, subscription filters and the embedded metric format."""

import base64
import gzip
import io
import json
import time
import zipfile

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def group(aws, unique):
    name = unique("/app/filters")
    aws("logs").create_log_group(logGroupName=name)
    aws("logs").create_log_stream(logGroupName=name, logStreamName="s")
    return name


def write(aws, group, *messages):
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": m if isinstance(m, str) else json.dumps(m)} for m in messages]
    aws("logs").put_log_events(logGroupName=group, logStreamName="s", logEvents=events)


def summed(aws, space, name, dimensions=()):
    now = time.time()
    points = aws("cloudwatch").get_metric_statistics(
        Namespace=space, MetricName=name, StartTime=now - 600, EndTime=now + 60, Period=3600, Statistics=["Sum"],
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions])["Datapoints"]
    return sum(point["Sum"] for point in points)


def test_metric_filter(aws, group, unique, wait_until):
    logs, space = aws("logs"), unique("App")
    logs.put_metric_filter(
        logGroupName=group, filterName="slow", filterPattern="{ $.latency > 100 }",
        metricTransformations=[dict(metricNamespace=space, metricName="Slow", metricValue="$.latency",
                                    unit="Milliseconds", dimensions={"Path": "$.path"})])
    logs.put_metric_filter(
        logGroupName=group, filterName="status", filterPattern="[ip, user, ..., status = 5*, size]",
        metricTransformations=[dict(metricNamespace=space, metricName="Bytes", metricValue="$size")])
    write(aws, group, {"latency": 50, "path": "/a"}, {"latency": 150, "path": "/a"}, {"latency": 250, "path": "/b"},
          '10.0.0.1 eve [today now] "GET / HTTP/1.1" 503 12', '10.0.0.1 eve [today now] "GET / HTTP/1.1" 200 99')
    wait_until(lambda: summed(aws, space, "Slow", [("Path", "/a")]) == 150)
    wait_until(lambda: summed(aws, space, "Slow", [("Path", "/b")]) == 250)
    wait_until(lambda: summed(aws, space, "Bytes") == 12)
    shown = logs.describe_metric_filters(logGroupName=group)["metricFilters"]
    assert [each["filterName"] for each in shown] == ["slow", "status"]
    logs.delete_metric_filter(logGroupName=group, filterName="slow")
    found = logs.describe_metric_filters(metricName="Bytes", metricNamespace=space)["metricFilters"]
    assert [each["filterName"] for each in found] == ["status"]
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.delete_metric_filter(logGroupName=group, filterName="slow")


def test_test_metric_filter(aws):
    matches = aws("logs").test_metric_filter(
        filterPattern="[ip, method = P*, code > 399]", logEventMessages=["1.1.1.1 POST 500", "1.1.1.1 GET 500", "x"])
    assert matches["matches"] == [
        {"eventNumber": 1, "eventMessage": "1.1.1.1 POST 500",
         "extractedValues": {"$ip": "1.1.1.1", "$method": "POST", "$code": "500"}}]


def test_embedded_metric_format(aws, group, unique, wait_until):
    space = unique("App")
    write(aws, group, {
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [
            {"Namespace": space, "Dimensions": [["Service"], ["Service", "Zone"]],
             "Metrics": [{"Name": "Time", "Unit": "Milliseconds"}, {"Name": "Sizes"}]}]},
        "Service": "shop", "Zone": "1", "Time": 42, "Sizes": [1, 2, 3]})
    wait_until(lambda: summed(aws, space, "Time", [("Service", "shop")]) == 42)
    wait_until(lambda: summed(aws, space, "Sizes", [("Service", "shop"), ("Zone", "1")]) == 6)


def test_subscription_to_a_stream(aws, group, unique, wait_until):
    kinesis, logs, name = aws("kinesis"), aws("logs"), unique("stream")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    wait_until(lambda: kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE")
    arn = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    logs.put_subscription_filter(logGroupName=group, filterName="all", filterPattern="ERROR", destinationArn=arn,
                                 roleArn="arn:aws:iam::000000000000:role/logs")
    write(aws, group, "ERROR one", "fine", "ERROR two")
    iterator = kinesis.get_shard_iterator(StreamName=name, ShardId="shardId-000000000000",
                                          ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    records = wait_until(lambda: kinesis.get_records(ShardIterator=iterator)["Records"])
    data = json.loads(gzip.decompress(records[0]["Data"]))
    assert data["messageType"] == "DATA_MESSAGE" and data["logGroup"] == group and data["logStream"] == "s"
    assert [event["message"] for event in data["logEvents"]] == ["ERROR one", "ERROR two"]
    assert data["subscriptionFilters"] == ["all"]
    [shown] = logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    assert shown["distribution"] == "ByLogStream"
    logs.delete_subscription_filter(logGroupName=group, filterName="all")
    assert logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"] == []


def test_subscription_of_a_function(aws, group, role, unique, wait_until):
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("main.py", "def handler(event, context):\n    print('GOT', event['awslogs']['data'])\n")
    function, logs = unique("subscriber"), aws("logs")
    made = aws("lambda").create_function(FunctionName=function, Runtime="python3.12", Handler="main.handler", Role=role,
                                         Code={"ZipFile": code.getvalue()})
    aws("lambda").add_permission(FunctionName=function, StatementId="logs", Action="lambda:InvokeFunction",
                                 Principal="logs.amazonaws.com")
    logs.put_subscription_filter(logGroupName=group, filterName="f", filterPattern="", destinationArn=made["FunctionArn"])
    write(aws, group, "hello")

    def printed():
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{function}", filterPattern="GOT")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return None
        return events and events[0]["message"]

    message = wait_until(printed)
    data = json.loads(gzip.decompress(base64.b64decode(message.split()[1])))
    assert [event["message"] for event in data["logEvents"]] == ["hello"]


@pytest.mark.parametrize("destination", ["no arn", "arn:aws:sqs:eu-central-1:000000000000:q",
                                         "arn:aws:kinesis:eu-central-1:000000000000:stream/s"])
def test_destinations_that_are_refused(aws, group, destination):
    with pytest.raises(ClientError) as refused:
        aws("logs").put_subscription_filter(logGroupName=group, filterName="f", filterPattern="", destinationArn=destination)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterException"
