"""Queues, their attributes, dead letters, move tasks and permissions."""

import json

import pytest
from botocore.exceptions import ClientError
from sqs_queues import arn_of, drain, wait_until


def code_of(error):
    return error.value.response["Error"]["Code"]


def test_create_is_idempotent_and_differences_fail(sqs, unique):
    name = unique("queue")
    url = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "45"}, tags={"team": "a"})["QueueUrl"]
    assert sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "45"})["QueueUrl"] == url
    assert sqs.create_queue(QueueName=name)["QueueUrl"] == url
    with pytest.raises(sqs.exceptions.QueueNameExists) as error:
        sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "60"})
    assert code_of(error) == "QueueAlreadyExists"
    assert sqs.get_queue_url(QueueName=name)["QueueUrl"] == url
    assert url in sqs.list_queues(QueueNamePrefix=name)["QueueUrls"]
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "a"}
    sqs.tag_queue(QueueUrl=url, Tags={"stage": "test"})
    sqs.untag_queue(QueueUrl=url, TagKeys=["team"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"stage": "test"}
    sqs.send_message(QueueUrl=url, MessageBody="old")
    sqs.delete_queue(QueueUrl=url)
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName=name)
    # A new queue of that name has none of the old one's messages.
    sqs.create_queue(QueueName=name)
    assert drain(sqs, url) == []
    sqs.delete_queue(QueueUrl=url)


def test_attributes(sqs, queue):
    url = queue()
    all_of_them = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert all_of_them["VisibilityTimeout"] == "30"
    assert all_of_them["MaximumMessageSize"] == "1048576"
    assert all_of_them["MessageRetentionPeriod"] == "345600"
    assert all_of_them["SqsManagedSseEnabled"] == "true"
    assert "FifoQueue" not in all_of_them and "Policy" not in all_of_them
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1", "KmsMasterKeyId": "alias/mine"})
    some = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout", "KmsMasterKeyId"])["Attributes"]
    assert some == {"VisibilityTimeout": "1", "KmsMasterKeyId": "alias/mine"}
    for name, value in (("VisibilityTimeout", "43201"), ("DelaySeconds", "x"), ("Policy", "{}x")):
        with pytest.raises(sqs.exceptions.InvalidAttributeValue):
            sqs.set_queue_attributes(QueueUrl=url, Attributes={name: value})
    with pytest.raises(sqs.exceptions.InvalidAttributeName):
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Colour": "red"})
    with pytest.raises(sqs.exceptions.InvalidAttributeName):
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Colour"])


def redrive(arn, count):
    return json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": count})


@pytest.mark.parametrize("fifo", [False, True])
def test_dead_letters_keep_their_id_and_go_back(sqs, queue, fifo):
    dead = queue(fifo=fifo)
    source = queue(fifo=fifo, RedrivePolicy=redrive(arn_of(sqs, dead), 2), VisibilityTimeout=0)
    more = {"MessageGroupId": "g", "MessageDeduplicationId": "d"} if fifo else {}
    sent = sqs.send_message(QueueUrl=source, MessageBody="poison", **more)
    for count in ("1", "2"):
        message = sqs.receive_message(QueueUrl=source, AttributeNames=["All"])["Messages"][0]
        assert message["Attributes"]["ApproximateReceiveCount"] == count
    assert "Messages" not in sqs.receive_message(QueueUrl=source)
    letter = sqs.receive_message(QueueUrl=dead, AttributeNames=["All"], VisibilityTimeout=0)["Messages"][0]
    assert letter["MessageId"] == sent["MessageId"]
    assert letter["Body"] == "poison"
    assert letter["Attributes"]["DeadLetterQueueSourceArn"] == arn_of(sqs, source)
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [source]
    task = sqs.start_message_move_task(SourceArn=arn_of(sqs, dead))
    assert task["TaskHandle"]

    def done():
        result = sqs.list_message_move_tasks(SourceArn=arn_of(sqs, dead))["Results"][0]
        return result if result["Status"] == "COMPLETED" else None

    assert wait_until(done)["ApproximateNumberOfMessagesMoved"] == 1
    back = sqs.receive_message(QueueUrl=source, AttributeNames=["All"])["Messages"][0]
    assert back["Body"] == "poison"
    assert back["MessageId"] != sent["MessageId"]
    assert back["Attributes"]["ApproximateReceiveCount"] == "1"
    assert drain(sqs, dead) == []


def test_redrive_policies_are_checked(sqs, queue):
    dead, other = queue(RedriveAllowPolicy=json.dumps({"redrivePermission": "denyAll"})), queue(fifo=True)
    for policy in (redrive(arn_of(sqs, dead), 1), redrive(arn_of(sqs, other), 1), redrive(arn_of(sqs, dead) + "x", 1),
                   redrive(arn_of(sqs, dead), 0), "nonsense"):
        with pytest.raises(ClientError) as error:
            queue(RedrivePolicy=policy)
        assert code_of(error) == "InvalidParameterValue"
    with pytest.raises(ClientError):
        sqs.start_message_move_task(SourceArn=arn_of(sqs, other))


def test_permissions_let_other_accounts_in(make_server, aws_for, unique):
    server = make_server("--dev")

    def client(account):
        return aws_for(server).client("sqs", aws_access_key_id=account, aws_secret_access_key="x")

    mine, theirs = client("111111111111"), client("222222222222")
    url = mine.create_queue(QueueName=unique("shared"))["QueueUrl"]
    with pytest.raises(ClientError) as error:
        theirs.send_message(QueueUrl=url, MessageBody="x")
    assert code_of(error) == "AccessDenied"
    mine.add_permission(QueueUrl=url, Label="send", AWSAccountIds=["222222222222"], Actions=["SendMessage"])
    theirs.send_message(QueueUrl=url, MessageBody="let in")
    with pytest.raises(ClientError):
        theirs.receive_message(QueueUrl=url)
    assert [m["Body"] for m in drain(mine, url)] == ["let in"]
    mine.remove_permission(QueueUrl=url, Label="send")
    with pytest.raises(ClientError):
        theirs.send_message(QueueUrl=url, MessageBody="x")


def test_retention_goes_by_the_clock(make_server, aws_for, unique):
    import urllib.request

    server = make_server("--dev")
    sqs = aws_for(server).client("sqs")
    url = sqs.create_queue(QueueName=unique("short"), Attributes={"MessageRetentionPeriod": "60"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    body = json.dumps({"advance_seconds": 61}).encode()
    urllib.request.urlopen(urllib.request.Request(server.endpoint + "/_cumulet/clock", data=body, method="POST"))
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == "0"
