import json

import pytest
from botocore.exceptions import ClientError


def subscribe(sns, topic, queue, **attributes):
    return sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue[1], Attributes=attributes)["SubscriptionArn"]


def test_queues_get_documents_or_raw_messages(sns, topic, make_queue, take):
    plain, raw = make_queue(), make_queue()
    subscribe(sns, topic, plain)
    subscribe(sns, topic, raw, RawMessageDelivery="true")
    attributes = {"n": {"DataType": "Number", "StringValue": "7"}, "b": {"DataType": "Binary", "BinaryValue": b"\0\1"}}
    sent = sns.publish(TopicArn=topic, Message="hello", Subject="s", MessageAttributes=attributes)
    got = json.loads(take(plain[0])[0]["Body"])
    assert got["Type"] == "Notification" and got["Message"] == "hello" and got["MessageId"] == sent["MessageId"]
    assert got["MessageAttributes"] == {"n": {"Type": "Number", "Value": "7"}, "b": {"Type": "Binary", "Value": "AAE="}}
    message = take(raw[0])[0]
    assert message["Body"] == "hello"
    assert message["MessageAttributes"]["n"] == {"DataType": "Number", "StringValue": "7"}
    assert message["MessageAttributes"]["b"]["BinaryValue"] == b"\0\1"


def test_filter_policies_choose(sns, topic, make_queue, take):
    by_attribute, by_body = make_queue(), make_queue()
    subscribe(sns, topic, by_attribute, RawMessageDelivery="true", FilterPolicy=json.dumps({"color": ["red"]}))
    subscribe(sns, topic, by_body, RawMessageDelivery="true", FilterPolicyScope="MessageBody",
              FilterPolicy=json.dumps({"order": {"total": [{"numeric": [">", 100]}]}}))
    red = {"color": {"DataType": "String", "StringValue": "red"}}
    entries = [{"Id": "0", "Message": "first"}, {"Id": "1", "Message": "second", "MessageAttributes": red},
               {"Id": "2", "Message": '{"order":{"total":101}}'}]
    reply = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert len(reply["Successful"]) == 3
    assert [each["Body"] for each in take(by_attribute[0])] == ["second"]
    assert [each["Body"] for each in take(by_body[0])] == ['{"order":{"total":101}}']


def test_subscribing_again_gives_the_same_subscription(sns, topic, make_queue):
    queue = make_queue()
    arn = subscribe(sns, topic, queue, RawMessageDelivery="true")
    assert subscribe(sns, topic, queue) == arn
    with pytest.raises(ClientError) as refused:
        subscribe(sns, topic, queue, RawMessageDelivery="false")
    assert "Subscription already exists with different attributes" in str(refused.value)
    sns.unsubscribe(SubscriptionArn=arn)
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []


def test_what_a_queue_does_not_take_goes_to_the_dead_letters(sns, sqs, topic, make_queue, take):
    queue, dead = make_queue(), make_queue()
    subscribe(sns, topic, queue, RawMessageDelivery="true", RedrivePolicy=json.dumps({"deadLetterTargetArn": dead[1]}))
    sqs.delete_queue(QueueUrl=queue[0])
    sns.publish(TopicArn=topic, Message="lost?")
    assert [each["Body"] for each in take(dead[0])] == ["lost?"]


@pytest.fixture
def fifo(sns, unique):
    return sns.create_topic(Name=unique("orders") + ".fifo", Attributes={"FifoTopic": "true"})["TopicArn"]


def test_fifo_keeps_the_order_of_groups_and_drops_duplicates(sns, fifo, make_queue, take, unique):
    queue = make_queue(unique("q") + ".fifo", FifoQueue="true")
    subscribe(sns, fifo, queue, RawMessageDelivery="true")
    first = None
    for number in range(20):
        entries = [{"Id": group, "Message": f"{group}{number}", "MessageGroupId": group,
                    "MessageDeduplicationId": f"{group}{number}"} for group in "ab"]
        reply = sns.publish_batch(TopicArn=fifo, PublishBatchRequestEntries=entries)
        first = first or reply["Successful"][0]
    again = sns.publish(TopicArn=fifo, Message="other", MessageGroupId="a", MessageDeduplicationId="a0")
    assert (again["MessageId"], again["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    bodies = [each["Body"] for each in take(queue[0], 40)]
    for group in "ab":
        assert [each for each in bodies if each[0] == group] == [f"{group}{number}" for number in range(20)]


def test_an_archive_is_replayed(sns, fifo, make_queue, take, unique, wait_until):
    sns.set_topic_attributes(TopicArn=fifo, AttributeName="ArchivePolicy",
                             AttributeValue=json.dumps({"MessageRetentionPeriod": "1"}))
    for number in range(3):
        sns.publish(TopicArn=fifo, Message=str(number), MessageGroupId="g", MessageDeduplicationId=str(number))
    queue = make_queue(unique("late") + ".fifo", FifoQueue="true")
    policy = json.dumps({"PointType": "Timestamp", "StartingPoint": "2020-01-01T00:00:00Z"})
    arn = subscribe(sns, fifo, queue, ReplayPolicy=policy)
    got = [json.loads(each["Body"]) for each in take(queue[0], 3)]
    assert [each["Message"] for each in got] == ["0", "1", "2"] and all(each["Replayed"] for each in got)
    read = lambda: sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["ReplayStatus"]  # noqa: E731
    wait_until(lambda: read() == "Completed")
    with pytest.raises(ClientError) as refused:
        sns.delete_topic(TopicArn=fifo)
    assert refused.value.response["Error"]["Code"] == "InvalidState"


def test_acknowledged_messages_outlive_a_crash(own_server, aws_for, unique, wait_until):
    """kill -9 between publishing and delivery: everything arrives, FIFO in order."""
    clients = aws_for(own_server)
    sns, sqs = clients("sns"), clients("sqs")
    plain, ordered = unique("q"), unique("q") + ".fifo"
    urls = {plain: sqs.create_queue(QueueName=plain)["QueueUrl"],
            ordered: sqs.create_queue(QueueName=ordered, Attributes={"FifoQueue": "true"})["QueueUrl"]}
    topics = {plain: sns.create_topic(Name=plain)["TopicArn"],
              ordered: sns.create_topic(Name=ordered, Attributes={"FifoTopic": "true"})["TopicArn"]}
    for name in (plain, ordered):
        arn = sqs.get_queue_attributes(QueueUrl=urls[name], AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topics[name], Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    for round_ in range(2):
        for number in range(20):
            text = f"{round_}-{number:02}"
            sns.publish(TopicArn=topics[plain], Message=text)
            sns.publish(TopicArn=topics[ordered], Message=text, MessageGroupId="g", MessageDeduplicationId=text)
        own_server.kill()
        own_server.start()
    expected = [f"{round_}-{number:02}" for round_ in range(2) for number in range(20)]
    got = {plain: [], ordered: []}

    def all_there():
        for name, bodies in got.items():
            reply = sqs.receive_message(QueueUrl=urls[name], MaxNumberOfMessages=10)
            for message in reply.get("Messages", []):
                bodies.append(message["Body"])
                sqs.delete_message(QueueUrl=urls[name], ReceiptHandle=message["ReceiptHandle"])
        return all(set(bodies) == set(expected) for bodies in got.values())

    wait_until(all_there)
    assert got[ordered] == expected
