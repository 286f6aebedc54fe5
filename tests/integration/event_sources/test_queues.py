"""Queues that start functions."""

import json

import pytest
from botocore.exceptions import ClientError


def empty(sqs, url):
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return all(counts[name] == "0" for name in names)


def test_messages_reach_the_function_and_leave_the_queue(lam, sqs, function, queue, mapping, seen, wait_until):
    name = function()
    url, arn = queue()
    uuid = mapping(arn, name)
    sqs.send_message(QueueUrl=url, MessageBody='{"n": 1}',
                     MessageAttributes={"kind": {"DataType": "String", "StringValue": "job"}})
    event = wait_until(lambda: seen(name), what="an event")[0]
    record = event["Records"][0]
    assert record["body"] == '{"n": 1}'
    assert record["eventSource"] == "aws:sqs" and record["eventSourceARN"] == arn
    assert record["messageAttributes"]["kind"] == {"stringValue": "job", "stringListValues": [],
                                                   "binaryListValues": [], "dataType": "String"}
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert {"SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"} <= set(record["attributes"])
    wait_until(lambda: empty(sqs, url), what="an empty queue")
    shown = lam.get_event_source_mapping(UUID=uuid)
    assert shown["BatchSize"] == 10 and shown["FunctionResponseTypes"] == []
    assert shown["StateTransitionReason"] == "USER_INITIATED" and "LastProcessingResult" not in shown


def test_a_mapping_is_changed_and_deleted(lam, sqs, function, queue, mapping, seen, wait_until):
    name = function()
    url, arn = queue()
    uuid = mapping(arn, name)

    def state():
        return lam.get_event_source_mapping(UUID=uuid)["State"]

    listed = lam.list_event_source_mappings(EventSourceArn=arn)["EventSourceMappings"]
    assert [each["UUID"] for each in listed] == [uuid]
    assert lam.list_event_source_mappings(FunctionName=name)["EventSourceMappings"][0]["UUID"] == uuid
    assert lam.update_event_source_mapping(UUID=uuid, Enabled=False, BatchSize=5)["State"] == "Disabling"
    wait_until(lambda: state() == "Disabled", what="Disabled")
    sqs.send_message(QueueUrl=url, MessageBody="later")
    assert lam.update_event_source_mapping(UUID=uuid, Enabled=True)["State"] == "Enabling"
    wait_until(lambda: seen(name), what="an event")
    assert lam.get_event_source_mapping(UUID=uuid)["BatchSize"] == 5
    assert lam.delete_event_source_mapping(UUID=uuid)["State"] == "Deleting"

    def gone():
        try:
            state()
        except lam.exceptions.ResourceNotFoundException as error:
            return error.response["Error"]["Message"] == "The resource you requested does not exist."

    wait_until(gone, what="deletion")


def test_failed_items_go_to_the_dead_letter_queue(sqs, function, queue, mapping, seen, received):
    name = function('return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} '
                    'for r in event["Records"] if r["body"] == "bad"]}', Timeout=5)
    letters, letters_arn = queue()
    url, arn = queue(VisibilityTimeout="5",
                     RedrivePolicy=json.dumps({"deadLetterTargetArn": letters_arn, "maxReceiveCount": 1}))
    mapping(arn, name, FunctionResponseTypes=["ReportBatchItemFailures"])
    for body in ("good", "bad", "fine"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    assert received(letters)["Body"] == "bad"
    bodies = [record["body"] for event in seen(name) for record in event["Records"]]
    assert sorted(bodies) == ["bad", "fine", "good"]


def test_fifo_groups_stay_in_order(sqs, function, queue, mapping, seen, unique, wait_until):
    name = function()
    url, arn = queue(unique("q") + ".fifo", FifoQueue="true", ContentBasedDeduplication="true")
    mapping(arn, name)
    for i in range(12):
        sqs.send_message(QueueUrl=url, MessageBody=str(i), MessageGroupId=f"g{i % 2}")

    def records():
        return [record for event in seen(name) for record in event["Records"]]

    wait_until(lambda: len(records()) == 12, what="all messages")
    for group in ("g0", "g1"):
        bodies = [int(r["body"]) for r in records() if r["attributes"]["MessageGroupId"] == group]
        assert bodies == sorted(bodies)


def test_filtered_messages_are_deleted(sqs, function, queue, mapping, seen, wait_until):
    name = function()
    url, arn = queue()
    mapping(arn, name, FilterCriteria={"Filters": [{"Pattern": json.dumps({"body": {"n": [{"numeric": [">", 1]}]}})}]})
    for n in (1, 2):
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"n": n}))
    wait_until(lambda: empty(sqs, url), what="an empty queue")
    wait_until(lambda: seen(name), what="an event")
    assert [r["body"] for e in seen(name) for r in e["Records"]] == ['{"n": 2}']


@pytest.mark.parametrize("options, message", [
    ({"BatchSize": 11}, "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"),
    ({"StartingPosition": "LATEST"}, "StartingPosition is not valid for SQS event sources."),
    ({"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sqs:eu-central-1:000000000000:q"}}},
     "Unsupported DestinationConfig parameter for given event source mapping type."),
    ({"FilterCriteria": {"Filters": [{"Pattern": "[]"}]}}, "Invalid filter pattern definition."),
    ({"FunctionName": "nobody"}, "Function does not exist"),
    ({"EventSourceArn": "arn:aws:sqs:eu-central-1:000000000000:nothing"},
     "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: "
     "The specified queue does not exist."),
    ({"EventSourceArn": "arn:aws:kinesis:eu-central-1:000000000000:stream/nothing"},
     "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be "
     "null."),
    ({"EventSourceArn": "arn:aws:s3:::bucket"}, "Unrecognized event source."),
])
def test_what_is_refused(lam, function, queue, options, message):
    given = {"EventSourceArn": queue()[1], "FunctionName": function(), **options}
    with pytest.raises(ClientError) as refused:
        lam.create_event_source_mapping(**given)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"
    assert refused.value.response["Error"]["Message"] == message


def test_queue_must_leave_the_function_its_time_and_pairs_are_unique(lam, function, queue, mapping):
    name = function(Timeout=60)
    with pytest.raises(lam.exceptions.InvalidParameterValueException, match="is less than Function timeout: 60 seconds"):
        lam.create_event_source_mapping(EventSourceArn=queue()[1], FunctionName=name)
    arn = queue(VisibilityTimeout="60")[1]
    uuid = mapping(arn, name)
    with pytest.raises(lam.exceptions.ResourceConflictException, match=uuid):
        lam.create_event_source_mapping(EventSourceArn=arn, FunctionName=name)


def test_cli(cli, function, queue, unique):
    name, (_, arn) = function(), queue()
    made = cli("lambda", "create-event-source-mapping", "--function-name", name, "--event-source-arn", arn,
               "--scaling-config", "MaximumConcurrency=2", "--tags", "team=blue")
    assert made["State"] == "Creating" and made["ScalingConfig"] == {"MaximumConcurrency": 2}
    assert made["EventSourceMappingArn"].endswith(":event-source-mapping:" + made["UUID"])
    listed = cli("lambda", "list-event-source-mappings", "--function-name", name)
    assert listed["EventSourceMappings"][0]["FunctionArn"].endswith(":function:" + name)
    assert cli("lambda", "delete-event-source-mapping", "--uuid", made["UUID"])["State"] == "Deleting"
