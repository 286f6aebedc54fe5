"""What is promised of deliveries, on a server that is killed meanwhile, with a function that fails at random.

A stream, and a FIFO queue that is written to directly and through a FIFO topic, start the function, which notes each try
and then what it has done. Of what was acknowledged nothing is lost; what has one key is done in its order; what fails each
time is tried as often as is configured and then lies where it should, and nothing else does. Events for a rule come into
its queue. CUMULET_FAULT_ROUNDS says how often the server is killed (2), CUMULET_FAULT_SEED makes a run repeatable as far as
time allows.
"""

import json
import os
import pathlib
import random
import sys
import threading

from botocore.exceptions import BotoCoreError, ClientError

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lambda"))
from lambda_packages import package  # noqa: E402

ROUNDS = int(os.environ.get("CUMULET_FAULT_ROUNDS", "2"))
SEED = int(os.environ.get("CUMULET_FAULT_SEED", "0")) or random.randrange(1 << 30)
TRIES = 3
POISON = 25  # Every so many fails each time, beginning with the third.

HANDLER = """
import base64, json, os, random, urllib.request

def update(lane, names, values, expression):
    body = {"TableName": "lanes", "Key": {"lane": {"S": lane}}, "UpdateExpression": expression,
            "ExpressionAttributeNames": names, "ExpressionAttributeValues": values}
    request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"], json.dumps(body).encode(), {
        "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.UpdateItem",
        "Authorization": "AWS4-HMAC-SHA256 Credential=" + os.environ["ACCOUNT"] + "/20260101/eu-central-1/dynamodb/aws4_request, "
                         "SignedHeaders=host, Signature=00", "X-Amz-Date": "20260101T000000Z"})
    urllib.request.urlopen(request, timeout=2).read()

def handler(event, context):
    for record in event["Records"]:
        text = base64.b64decode(record["kinesis"]["data"]) if "kinesis" in record else record["body"]
        told = json.loads(text)
        update(told["lane"], {"#n": "try%d" % told["number"]}, {":one": {"N": "1"}}, "ADD #n :one")
        if told["poison"]:
            raise RuntimeError("as always")
        if random.random() < 0.05:
            raise RuntimeError("by chance")
        update(told["lane"], {"#d": "done"}, {":new": {"L": [{"N": str(told["number"])}]}, ":none": {"L": []}},
               "SET #d = list_append(if_not_exists(#d, :none), :new)")
"""


class Lane(threading.Thread):
    """Sends numbers, one after the other, and keeps those that were acknowledged. What got no answer is not sent again."""

    def __init__(self, name, send):
        super().__init__()
        self.name, self.send = name, send
        self.acknowledged = {}  # Number: what the answer was.
        self.ended = threading.Event()

    def run(self):
        number = 0
        while not self.ended.wait(0.05):
            body = json.dumps({"lane": self.name, "number": number, "poison": poisoned(number)})
            try:
                self.acknowledged[number] = self.send(number, body)
            except (BotoCoreError, ClientError):
                self.ended.wait(0.1)
            number += 1


def poisoned(number):
    return number % POISON == 2


def set_up(server, aws):
    aws("dynamodb").create_table(TableName="lanes", BillingMode="PAY_PER_REQUEST",
                                 AttributeDefinitions=[{"AttributeName": "lane", "AttributeType": "S"}],
                                 KeySchema=[{"AttributeName": "lane", "KeyType": "HASH"}])
    role = f"arn:aws:iam::{server.account}:role/r"
    aws("lambda").create_function(
        FunctionName="f", Runtime="python3.11", Handler="app.handler", Role=role, Timeout=2,
        Code={"ZipFile": package({"app.py": HANDLER})}, Environment={"Variables": {"ACCOUNT": server.account}})
    sqs, sns, kinesis, events = (aws(each) for each in ("sqs", "sns", "kinesis", "events"))

    def queue(name, **attributes):
        url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    urls = {}
    urls["letters"], letters = queue("letters.fifo", FifoQueue="true")
    redrive = json.dumps({"deadLetterTargetArn": letters, "maxReceiveCount": TRIES})
    urls["jobs"], jobs = queue("jobs.fifo", FifoQueue="true", VisibilityTimeout="2", RedrivePolicy=redrive)
    urls["failures"], failures = queue("failures")
    urls["events"], told = queue("events")
    topic = sns.create_topic(Name="news.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=jobs, Attributes={"RawMessageDelivery": "true"})
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["test"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": told, "InputPath": "$.detail"}])
    kinesis.create_stream(StreamName="s", ShardCount=2)
    stream = kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]["StreamARN"]
    aws("lambda").create_event_source_mapping(EventSourceArn=jobs, FunctionName="f", BatchSize=1)
    aws("lambda").create_event_source_mapping(
        EventSourceArn=stream, FunctionName="f", BatchSize=1, StartingPosition="TRIM_HORIZON", ParallelizationFactor=2,
        MaximumRetryAttempts=TRIES - 1, DestinationConfig={"OnFailure": {"Destination": failures}})
    return urls, topic


def make_lanes(aws, urls, topic):
    sqs, sns, kinesis, events = (aws(each) for each in ("sqs", "sns", "kinesis", "events"))

    def by_queue(lane):
        return Lane(lane, lambda number, body: sqs.send_message(
            QueueUrl=urls["jobs"], MessageBody=body, MessageGroupId=lane, MessageDeduplicationId=f"{lane}-{number}"))

    def by_topic(lane):
        return Lane(lane, lambda number, body: sns.publish(
            TopicArn=topic, Message=body, MessageGroupId=lane, MessageDeduplicationId=f"{lane}-{number}"))

    def by_stream(lane):
        return Lane(lane, lambda number, body: kinesis.put_record(
            StreamName="s", Data=body, PartitionKey=lane)["SequenceNumber"])

    def event(lane):
        def send(number, body):
            answer = events.put_events(Entries=[{"Source": "test", "DetailType": "t", "Detail": body}])
            assert answer["FailedEntryCount"] == 0

        return Lane(lane, send)

    return {
        "queue": [by_queue("queue-1"), by_topic("topic-1"), by_topic("topic-2")],
        "stream": [by_stream("stream-1"), by_stream("stream-2"), by_stream("stream-3")],
        "event": [event("event-1")],
    }


def received(sqs, url, kept):
    """Takes what lies in a queue, and keeps the bodies."""
    for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        kept.append(json.loads(message["Body"]))
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return kept


def first_of_each(numbers):
    return list(dict.fromkeys(numbers))


def test_what_is_promised_of_deliveries(make_server, aws_for, wait_until):
    chance = random.Random(SEED)
    server = make_server("--dev")
    aws = aws_for(server)
    urls, topic = set_up(server, aws)
    lanes = make_lanes(aws, urls, topic)
    everyone = [lane for some in lanes.values() for lane in some]
    for lane in everyone:
        lane.start()
    for _ in range(ROUNDS):
        everyone[0].ended.wait(chance.uniform(0.5, 1.5))
        server.kill()
        server.start()
    everyone[0].ended.wait(0.5)
    for lane in everyone:
        lane.ended.set()
    for lane in everyone:
        lane.join()
        assert lane.acknowledged, SEED
    sqs, table = aws("sqs"), aws("dynamodb")
    letters, failures, told = [], [], []

    def notes_of(lane):
        return table.get_item(TableName="lanes", Key={"lane": {"S": lane.name}}, ConsistentRead=True).get("Item", {})

    def done_by(lane):
        return [int(each["N"]) for each in notes_of(lane).get("done", {"L": []})["L"]]

    def complete():
        received(sqs, urls["letters"], letters)
        received(sqs, urls["failures"], failures)
        received(sqs, urls["events"], told)
        dead = {(each["lane"], each["number"]) for each in letters}
        given_up = {each["KinesisBatchInfo"]["startSequenceNumber"] for each in failures}
        missing = {each for each in lanes["event"][0].acknowledged} - {each["number"] for each in told}
        for lane in lanes["queue"]:
            done = set(done_by(lane))
            missing |= {n for n in lane.acknowledged if n not in done and (lane.name, n) not in dead}
        for lane in lanes["stream"]:
            done = set(done_by(lane))
            missing |= {n for n, at in lane.acknowledged.items() if n not in done and at not in given_up}
        return not missing

    wait_until(complete, seconds=120 + 30 * ROUNDS, what=f"everything that was acknowledged (seed {SEED})")
    dead = {(each["lane"], each["number"]) for each in letters}
    given_up = {each["KinesisBatchInfo"]["startSequenceNumber"] for each in failures}
    for lane in lanes["queue"] + lanes["stream"]:
        notes, done = notes_of(lane), done_by(lane)
        # Whoever was killed may do something again, but nobody overtakes.
        assert first_of_each(done) == sorted(set(done)), (lane.name, SEED)
        assert not any(poisoned(number) for number in done), (lane.name, SEED)
        tries = {int(name[3:]): int(value["N"]) for name, value in notes.items() if name.startswith("try")}
        for number, at in lane.acknowledged.items():
            lost = (lane.name, number) in dead if lane in lanes["queue"] else at in given_up
            # A receive counts though the server is killed before the function runs; a try of a stream's record does not.
            most = TRIES if lane in lanes["queue"] else TRIES + ROUNDS
            assert tries.get(number, 0) <= most or number in done, (lane.name, number, tries.get(number), SEED)
            if poisoned(number):
                assert lost, (lane.name, number, SEED)
            elif lost and lane in lanes["stream"]:
                assert number not in done or tries[number] >= 2, (lane.name, number, SEED)
