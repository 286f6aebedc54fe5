"""Firehose: records pass a function on their way, as the documented data transformation has it."""

import base64
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lambda"))
from lambda_packages import package  # noqa: E402

ROLE = "arn:aws:iam::123456789012:role/firehose"
TRANSFORM = """
import base64

def handler(event, context):
    assert event["deliveryStreamArn"] and event["invocationId"] and event["region"]
    out = []
    for record in event["records"]:
        text = base64.b64decode(record["data"]).decode()
        assert record["approximateArrivalTimestamp"] > 0
        if text.startswith("boom"):
            raise RuntimeError("boom")
        if text.startswith("forget"):
            continue
        result = {"drop": "Dropped", "fail": "ProcessingFailed"}.get(text.split()[0], "Ok")
        data = base64.b64encode(text.upper().encode()).decode()
        out.append({"recordId": record["recordId"], "result": result, "data": data})
    return {"records": out}
"""


@pytest.fixture
def delivery(aws, unique, role):
    """delivery(**options) makes a bucket, a function and a stream between them; gives the stream's and bucket's names."""

    def make(retries="0", **options):
        bucket, name = unique("archive"), unique("delivery")
        aws("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        function = aws("lambda").create_function(
            FunctionName=name, Runtime="python3.11", Role=role, Handler="app.handler", Timeout=10,
            Code={"ZipFile": package({"app.py": TRANSFORM})},
        )["FunctionArn"]
        parameters = {"LambdaArn": function, "NumberOfRetries": retries, "BufferSizeInMBs": "0.2"}
        processor = {
            "Type": "Lambda",
            "Parameters": [{"ParameterName": key, "ParameterValue": value} for key, value in parameters.items()],
        }
        aws("firehose").create_delivery_stream(
            DeliveryStreamName=name,
            ExtendedS3DestinationConfiguration={
                "RoleARN": ROLE,
                "BucketARN": f"arn:aws:s3:::{bucket}",
                "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0},
                "ProcessingConfiguration": {"Enabled": True, "Processors": [processor]},
                **options,
            },
        )
        return name, bucket, function

    return make


def put(aws, name, *texts):
    records = [{"Data": (text + "\n").encode()} for text in texts]
    assert aws("firehose").put_record_batch(DeliveryStreamName=name, Records=records)["FailedPutCount"] == 0


def archived(aws, bucket):
    """The lines that were delivered, and those about records that failed."""
    good, bad = [], []
    for each in aws("s3").list_objects_v2(Bucket=bucket).get("Contents", []):
        body = aws("s3").get_object(Bucket=bucket, Key=each["Key"])["Body"].read().decode()
        (bad if "processing-failed" in each["Key"] else good).extend(body.splitlines())
    return good, [json.loads(line) for line in bad]


def test_records_are_transformed_dropped_or_failed(aws, delivery, wait_until):
    name, bucket, function = delivery()
    put(aws, name, "one", "drop two", "fail three", "four", "forget five", "six")

    def all_there():
        good, bad = archived(aws, bucket)
        return (good, bad) if len(good) + len(bad) == 5 else None

    good, bad = wait_until(all_there, what="five lines")
    assert good == ["ONE", "FOUR", "SIX"]
    told = {base64.b64decode(each["rawData"]).decode().strip(): each for each in bad}
    assert told["fail three"]["errorCode"] == "Lambda.ProcessingFailedStatus"
    assert told["forget five"]["errorCode"] == "Lambda.MissingRecordId"
    assert all(each["lambdaArn"] == function and each["attemptsMade"] == 1 for each in bad)
    assert all(0 <= each["attemptEndingTimestamp"] - each["arrivalTimestamp"] < 60_000 for each in bad)


def test_a_function_that_fails_is_tried_again_and_then_passed_over(aws, delivery, wait_until):
    name, bucket, _ = delivery(retries="1", ErrorOutputPrefix="bad/!{firehose:error-output-type}/")
    put(aws, name, "boom")
    _, bad = wait_until(lambda: any(found := archived(aws, bucket)) and found, what="the failed record")
    assert [each["errorCode"] for each in bad] == ["Lambda.FunctionError"]
    assert bad[0]["attemptsMade"] == 2
    (key,) = [each["Key"] for each in aws("s3").list_objects_v2(Bucket=bucket)["Contents"]]
    assert key.startswith("bad/processing-failed/")
    put(aws, name, "after")
    wait_until(lambda: archived(aws, bucket)[0] == ["AFTER"], what="the next record")


def test_more_than_a_call_takes_stays_in_order(aws, delivery, wait_until):
    name, bucket, _ = delivery()
    texts = [f"{i:04d} " + "x" * 2000 for i in range(400)]
    put(aws, name, *texts)
    good = wait_until(lambda: len(found := archived(aws, bucket)[0]) == 400 and found, what="400 lines")
    assert [line[:4] for line in good] == [f"{i:04d}" for i in range(400)]


def test_the_configuration_is_shown_changed_and_checked(aws, delivery, unique):
    name, bucket, function = delivery()
    firehose = aws("firehose")
    described = firehose.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
    shown = described["Destinations"][0]["ExtendedS3DestinationDescription"]["ProcessingConfiguration"]
    assert shown["Enabled"] and shown["Processors"][0]["Type"] == "Lambda"
    firehose.update_destination(
        DeliveryStreamName=name,
        CurrentDeliveryStreamVersionId=described["VersionId"],
        DestinationId=described["Destinations"][0]["DestinationId"],
        ExtendedS3DestinationUpdate={"ProcessingConfiguration": {"Enabled": False}},
    )
    described = firehose.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
    shown = described["Destinations"][0]["ExtendedS3DestinationDescription"]["ProcessingConfiguration"]
    assert shown["Enabled"] is False
    for parameters in ({}, {"LambdaArn": "f"}, {"LambdaArn": function, "NumberOfRetries": "301"},
                       {"LambdaArn": function, "BufferSizeInMBs": "4"}):
        listed = [{"ParameterName": key, "ParameterValue": value} for key, value in parameters.items()]
        with pytest.raises(firehose.exceptions.InvalidArgumentException):
            firehose.create_delivery_stream(
                DeliveryStreamName=unique("delivery"),
                ExtendedS3DestinationConfiguration={
                    "RoleARN": ROLE,
                    "BucketARN": f"arn:aws:s3:::{bucket}",
                    "ProcessingConfiguration": {
                        "Enabled": True, "Processors": [{"Type": "Lambda", "Parameters": listed}]
                    },
                },
            )
