"""FIFO queues: order, groups, deduplication."""

import pytest
from botocore.exceptions import ClientError
from sqs_queues import drain


def send(sqs, url, body, group="g", **options):
    return sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, **options)


def bodies(messages):
    return [message["Body"] for message in messages]


def test_a_group_keeps_its_order_and_is_locked_while_in_flight(sqs, queue):
    url = queue(fifo=True, ContentBasedDeduplication="true", VisibilityTimeout=60)
    numbers = [int(send(sqs, url, f"a{i}", group="a")["SequenceNumber"]) for i in range(5)]
    assert numbers == sorted(set(numbers))
    for i in range(3):
        send(sqs, url, f"b{i}", group="b")
    first = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=2)["Messages"]
    assert bodies(first) == ["a0", "a1"]
    # The rest of group a waits for these two.
    other = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])["Messages"]
    assert bodies(other) == ["b0", "b1", "b2"]
    assert other[0]["Attributes"]["MessageGroupId"] == "b"
    assert len(other[0]["Attributes"]["MessageDeduplicationId"]) == 64
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first[0]["ReceiptHandle"])
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    # What comes back comes before what followed it.
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first[1]["ReceiptHandle"], VisibilityTimeout=0)
    assert bodies(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]) == ["a1", "a2", "a3", "a4"]


def test_a_second_send_with_the_same_id_is_the_first(sqs, queue):
    url = queue(fifo=True)
    first = send(sqs, url, "one", MessageDeduplicationId="id")
    again = send(sqs, url, "other", MessageDeduplicationId="id")
    assert again["MessageId"] == first["MessageId"]
    assert again["SequenceNumber"] == first["SequenceNumber"]
    assert bodies(drain(sqs, url)) == ["one"]
    send(sqs, url, "after its deletion", MessageDeduplicationId="id")
    assert drain(sqs, url) == []


def test_deduplication_by_group(sqs, queue):
    url = queue(fifo=True, DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    for group in ("a", "b", "a"):
        send(sqs, url, group, group=group, MessageDeduplicationId="same")
    assert sorted(bodies(drain(sqs, url))) == ["a", "b"]


def test_what_a_fifo_queue_needs(sqs, queue, unique):
    url = queue(fifo=True)
    with pytest.raises(ClientError) as error:
        sqs.send_message(QueueUrl=url, MessageBody="x", MessageDeduplicationId="d")
    assert error.value.response["Error"]["Code"] == "MissingParameter"
    with pytest.raises(ClientError) as error:
        send(sqs, url, "x")
    assert "ContentBasedDeduplication" in str(error.value)
    with pytest.raises(ClientError):
        send(sqs, url, "x", MessageDeduplicationId="d", DelaySeconds=1)
    with pytest.raises(ClientError):
        sqs.create_queue(QueueName=unique("no-suffix"), Attributes={"FifoQueue": "true"})
    with pytest.raises(ClientError):
        sqs.create_queue(QueueName=unique("suffix") + ".fifo")


def test_a_repeated_receive_attempt_gets_the_same_messages(sqs, queue):
    url = queue(fifo=True, ContentBasedDeduplication="true")
    for i in range(3):
        send(sqs, url, str(i))
    first = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=2, ReceiveRequestAttemptId="try")["Messages"]
    again = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=2, ReceiveRequestAttemptId="try")["Messages"]
    assert again == first
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again[0]["ReceiptHandle"])


def test_an_expired_receipt_deletes_nothing(sqs, queue):
    url = queue(fifo=True, ContentBasedDeduplication="true", VisibilityTimeout=1)
    send(sqs, url, "kept")
    handle = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    again = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10, VisibilityTimeout=60)["Messages"][0]
    with pytest.raises(ClientError) as error:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    assert "The receipt handle has expired" in str(error.value)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])


def test_a_standard_queue_takes_groups_for_fairness(sqs, queue):
    url = queue()
    send(sqs, url, "x", group="tenant")
    message = sqs.receive_message(QueueUrl=url, AttributeNames=["MessageGroupId"])["Messages"][0]
    assert message["Attributes"] == {"MessageGroupId": "tenant"}
