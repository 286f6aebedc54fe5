"""What becomes of asynchronous invocations."""

import json

import pytest


def test_destinations(lam, function, queue, received):
    name = function('assert event["ok"]\nreturn {"got": event}')
    good, good_arn = queue()
    bad, bad_arn = queue()
    lam.put_function_event_invoke_config(
        FunctionName=name, MaximumRetryAttempts=0,
        DestinationConfig={"OnSuccess": {"Destination": good_arn}, "OnFailure": {"Destination": bad_arn}})
    lam.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"ok": true}')
    lam.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"ok": false}')
    record = json.loads(received(good)["Body"])
    assert record["requestContext"]["condition"] == "Success"
    assert record["requestContext"]["functionArn"].endswith(name + ":$LATEST")
    assert record["requestPayload"] == {"ok": True} and record["responsePayload"] == {"got": {"ok": True}}
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}
    record = json.loads(received(bad)["Body"])
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 1
    assert record["responseContext"]["functionError"] == "Unhandled"
    assert record["responsePayload"]["errorType"] == "AssertionError"


def test_dead_letters(lam, function, queue, received):
    letters, letters_arn = queue()
    name = function('raise ValueError("no")', DeadLetterConfig={"TargetArn": letters_arn})
    lam.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    lam.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"n": 1}')
    letter = received(letters)
    assert json.loads(letter["Body"]) == {"n": 1}
    attributes = letter["MessageAttributes"]
    assert attributes["ErrorMessage"]["StringValue"] == "no"
    assert attributes["ErrorCode"] == {"StringValue": "200", "DataType": "Number"}
    assert len(attributes["RequestID"]["StringValue"]) == 36


def test_failures_in_a_bucket(lam, aws, function, unique, wait_until):
    s3 = aws("s3")
    bucket = unique("failures")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    name = function('raise ValueError("no")')
    lam.put_function_event_invoke_config(
        FunctionName=name, MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:s3:::" + bucket}})
    lam.invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")
    key = wait_until(lambda: s3.list_objects_v2(Bucket=bucket).get("Contents"), what="an object")[0]["Key"]
    assert key.startswith(f"aws/lambda/async/{name}/")
    record = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    assert record["requestContext"]["condition"] == "RetriesExhausted"


def test_settings(lam, function):
    name = function()
    arn = lam.get_function_configuration(FunctionName=name)["FunctionArn"]
    with pytest.raises(lam.exceptions.InvalidParameterValueException, match="as a destination for itself"):
        lam.put_function_event_invoke_config(FunctionName=name, DestinationConfig={"OnFailure": {"Destination": arn}})
    assert lam.get_function_recursion_config(FunctionName=name)["RecursiveLoop"] == "Terminate"
    lam.put_function_recursion_config(FunctionName=name, RecursiveLoop="Allow")
    assert lam.get_function_recursion_config(FunctionName=name)["RecursiveLoop"] == "Allow"
