"""Sending, receiving and deleting through boto3."""

import threading
import time

import pytest
from botocore.exceptions import ClientError
from sqs_queues import drain, md5_of_attributes


def code_of(error):
    return error.value.response["Error"]["Code"]


def test_a_message_comes_back_as_it_was_sent(sqs, queue):
    url = queue()
    attributes = {
        "city": {"DataType": "String", "StringValue": "Žilina"},
        "count": {"DataType": "Number", "StringValue": "-3.5e2"},
        "bytes": {"DataType": "Binary.png", "BinaryValue": b"\x00\x01\xff"},
    }
    # botocore verifies MD5OfMessageBody itself.
    sent = sqs.send_message(QueueUrl=url, MessageBody="héllo <&> \U0001f600\n", MessageAttributes=attributes)
    assert sent["MD5OfMessageAttributes"] == md5_of_attributes(attributes)
    message = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], AttributeNames=["All"])["Messages"][0]
    assert message["MessageId"] == sent["MessageId"]
    assert message["Body"] == "héllo <&> \U0001f600\n"
    assert message["MessageAttributes"] == attributes
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert abs(int(message["Attributes"]["SentTimestamp"]) / 1000 - time.time()) < 60
    assert "SequenceNumber" not in message["Attributes"]


def test_a_received_message_is_hidden_until_its_timeout(sqs, queue):
    url = queue(VisibilityTimeout=1)
    sqs.send_message(QueueUrl=url, MessageBody="once")
    began = time.monotonic()
    first = sqs.receive_message(QueueUrl=url)["Messages"][0]
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    again = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10, AttributeNames=["All"])["Messages"][0]
    assert time.monotonic() - began >= 1
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"
    assert again["ReceiptHandle"] != first["ReceiptHandle"]
    # The older handle no longer deletes it; the newer does.
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"], VisibilityTimeout=0)
    last = sqs.receive_message(QueueUrl=url)["Messages"][0]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=last["ReceiptHandle"])
    sqs.delete_message(QueueUrl=url, ReceiptHandle=last["ReceiptHandle"])
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2)


def test_visibility_can_be_lengthened_and_ended(sqs, queue):
    url = queue(VisibilityTimeout=2)
    sqs.send_message(QueueUrl=url, MessageBody="held")
    handle = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=600)
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=3)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "held"
    with pytest.raises(ClientError) as too_long:
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=43201)
    assert code_of(too_long) == "InvalidParameterValue"


def test_a_waiting_receive_is_woken_by_a_send(sqs, aws, queue):
    url = queue(ReceiveMessageWaitTimeSeconds=20)
    got = []
    waiter = threading.Thread(target=lambda: got.append(aws("sqs").receive_message(QueueUrl=url)))
    waiter.start()
    time.sleep(0.5)
    sqs.send_message(QueueUrl=url, MessageBody="now")
    waiter.join(10)
    assert got[0]["Messages"][0]["Body"] == "now"


def test_delays_of_the_queue_and_of_a_message(sqs, queue):
    url = queue(DelaySeconds=1)
    began = time.monotonic()
    sqs.send_message(QueueUrl=url, MessageBody="later")
    sqs.send_message(QueueUrl=url, MessageBody="at once", DelaySeconds=0)
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == "1"
    assert attributes["ApproximateNumberOfMessagesDelayed"] == "1"
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "at once"
    assert sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"][0]["Body"] == "later"
    assert time.monotonic() - began >= 1
    with pytest.raises(ClientError) as error:
        sqs.send_message(QueueUrl=url, MessageBody="x", DelaySeconds=901)
    assert code_of(error) == "InvalidParameterValue"


def test_batches_report_each_entry(sqs, queue):
    url = queue()
    entries = [{"Id": f"e{i}", "MessageBody": f"body {i}"} for i in range(9)]
    entries.append({"Id": "bad", "MessageBody": "not \x02 allowed"})
    sent = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert [entry["Id"] for entry in sent["Failed"]] == ["bad"]
    assert sent["Failed"][0]["SenderFault"] is True
    assert sent["Failed"][0]["Code"] == "InvalidMessageContents"
    assert len(sent["Successful"]) == 9
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert sorted(m["Body"] for m in messages) == [f"body {i}" for i in range(9)]
    changed = sqs.change_message_visibility_batch(
        QueueUrl=url,
        Entries=[
            {"Id": "a", "ReceiptHandle": messages[0]["ReceiptHandle"], "VisibilityTimeout": 60},
            {"Id": "b", "ReceiptHandle": "nonsense", "VisibilityTimeout": 60},
        ],
    )
    assert [e["Id"] for e in changed["Successful"]] == ["a"]
    assert changed["Failed"][0]["Code"] == "ReceiptHandleIsInvalid"
    deleted = sqs.delete_message_batch(
        QueueUrl=url,
        Entries=[{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(messages)],
    )
    assert len(deleted["Successful"]) == 9 and not deleted.get("Failed")


@pytest.mark.parametrize(
    "entries, code",
    [
        ([], "AWS.SimpleQueueService.EmptyBatchRequest"),
        ([{"Id": "a", "MessageBody": "x"}] * 2, "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"),
        ([{"Id": f"{i}", "MessageBody": "x"} for i in range(11)], "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"),
        ([{"Id": "a b", "MessageBody": "x"}], "AWS.SimpleQueueService.InvalidBatchEntryId"),
        (
            [{"Id": f"{i}", "MessageBody": "x" * 600_000} for i in range(2)],
            "AWS.SimpleQueueService.BatchRequestTooLong",
        ),
    ],
)
def test_batches_that_are_refused(sqs, queue, entries, code):
    with pytest.raises(ClientError) as error:
        sqs.send_message_batch(QueueUrl=queue(), Entries=entries)
    assert code_of(error) == code


def test_a_message_of_one_mebibyte_and_no_more(sqs, queue):
    url = queue()
    sqs.send_message(QueueUrl=url, MessageBody="x" * 1_048_576)
    assert len(sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"]) == 1_048_576
    with pytest.raises(ClientError) as error:
        sqs.send_message(QueueUrl=url, MessageBody="x" * 1_048_577)
    assert code_of(error) == "InvalidParameterValue"
    small = queue(MaximumMessageSize=1024)
    with pytest.raises(ClientError) as error:
        sqs.send_message(
            QueueUrl=small,
            MessageBody="x" * 1000,
            MessageAttributes={"a": {"DataType": "String", "StringValue": "y" * 30}},
        )
    assert "Message must be shorter than 1024 bytes" in str(error.value)


def test_attributes_are_given_by_name_and_prefix(sqs, queue):
    url = queue()
    value = {"DataType": "String", "StringValue": "v"}
    sqs.send_message(
        QueueUrl=url,
        MessageBody="x",
        MessageAttributes={"app.one": value, "app.two": value, "other": value},
        MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-2-3"}},
    )
    message = sqs.receive_message(
        QueueUrl=url, MessageAttributeNames=["app.*"], MessageSystemAttributeNames=["AWSTraceHeader"]
    )["Messages"][0]
    assert sorted(message["MessageAttributes"]) == ["app.one", "app.two"]
    assert message["Attributes"] == {"AWSTraceHeader": "Root=1-2-3"}


def test_purge_empties_a_queue_and_leaves_it_usable(sqs, queue):
    url = queue()
    for i in range(5):
        sqs.send_message(QueueUrl=url, MessageBody=str(i), DelaySeconds=1 if i == 4 else 0)
    sqs.receive_message(QueueUrl=url, VisibilityTimeout=1)
    sqs.purge_queue(QueueUrl=url)
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2)
    sqs.send_message(QueueUrl=url, MessageBody="after")
    assert [m["Body"] for m in drain(sqs, url)] == ["after"]


def test_errors_have_the_codes_that_programs_look_for(sqs, queue, unique):
    url = queue()
    with pytest.raises(sqs.exceptions.QueueDoesNotExist) as error:
        sqs.send_message(QueueUrl=url + "-gone", MessageBody="x")
    assert code_of(error) == "AWS.SimpleQueueService.NonExistentQueue"
    with pytest.raises(sqs.exceptions.ReceiptHandleIsInvalid) as error:
        sqs.delete_message(QueueUrl=url, ReceiptHandle="garbage")
    with pytest.raises(ClientError) as error:
        sqs.send_message(QueueUrl=url, MessageBody="")
    assert code_of(error) == "MissingParameter"
    with pytest.raises(ClientError) as error:
        sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=11)
    assert code_of(error) == "InvalidParameterValue"
    with pytest.raises(sqs.exceptions.MessageNotInflight):
        sqs.send_message(QueueUrl=url, MessageBody="x")
        handle = sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"][0]["ReceiptHandle"]
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=5)
