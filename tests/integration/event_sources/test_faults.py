"""A queue, a function that fails at random, a table; and a server that is killed in between.

Whatever SendMessage has acknowledged is in the table in the end, or in the dead-letter queue. CUMULET_FAULT_ROUNDS says
how often the server is killed (2), CUMULET_FAULT_SEED makes a run repeatable as far as time allows.
"""

import json
import os
import random
import sys
import threading
import pathlib

from botocore.exceptions import BotoCoreError, ClientError

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lambda"))
from lambda_packages import package  # noqa: E402

ROUNDS = int(os.environ.get("CUMULET_FAULT_ROUNDS", "2"))
SEED = int(os.environ.get("CUMULET_FAULT_SEED", "0")) or random.randrange(1 << 30)

HANDLER = """
import json, os, random, urllib.request

def put(item):
    account = os.environ["ACCOUNT"]
    request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"], json.dumps({"TableName": "done", "Item": item}).encode(), {
        "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.PutItem",
        "Authorization": "AWS4-HMAC-SHA256 Credential=" + account + "/20260101/eu-central-1/dynamodb/aws4_request, "
                         "SignedHeaders=host, Signature=00", "X-Amz-Date": "20260101T000000Z"})
    urllib.request.urlopen(request, timeout=2).read()

def handler(event, context):
    for record in event["Records"]:
        if random.random() < 0.1:
            raise RuntimeError("by chance")
        put({"id": {"S": record["body"]}})
"""


def test_nothing_is_lost(make_server, aws_for, wait_until):
    chance = random.Random(SEED)
    server = make_server("--dev")
    aws = aws_for(server)
    aws("dynamodb").create_table(TableName="done", BillingMode="PAY_PER_REQUEST",
                                 AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                                 KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}])
    aws("lambda").create_function(
        FunctionName="f", Runtime="python3.11", Handler="app.handler", Role=f"arn:aws:iam::{server.account}:role/r",
        Code={"ZipFile": package({"app.py": HANDLER})}, Timeout=2, Environment={"Variables": {"ACCOUNT": server.account}})
    sqs = aws("sqs")
    letters = sqs.create_queue(QueueName="letters")["QueueUrl"]
    letters_arn = sqs.get_queue_attributes(QueueUrl=letters, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    url = sqs.create_queue(QueueName="jobs", Attributes={
        "VisibilityTimeout": "2",
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": letters_arn, "maxReceiveCount": 4})})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws("lambda").create_event_source_mapping(EventSourceArn=arn, FunctionName="f", BatchSize=5)

    sent = set()

    def send(first, count):
        client = aws("sqs")
        for i in range(first, first + count):
            try:
                client.send_message(QueueUrl=url, MessageBody=str(i))
                sent.add(str(i))
            except (BotoCoreError, ClientError):
                return  # not acknowledged: it may be there or not

    for round_number in range(ROUNDS):
        sender = threading.Thread(target=send, args=(round_number * 1000, 60))
        sender.start()
        sender.join(chance.uniform(0.2, 1.5))
        server.kill()
        sender.join()
        server.start()
    send(ROUNDS * 1000, 20)
    assert sent, SEED

    def handled():
        found = set()
        for page in aws("dynamodb").get_paginator("scan").paginate(TableName="done"):
            found |= {item["id"]["S"] for item in page["Items"]}
        return found

    dead = set()

    def everything():
        for message in sqs.receive_message(QueueUrl=letters, MaxNumberOfMessages=10).get("Messages", []):
            dead.add(message["Body"])
        return sent <= handled() | dead

    wait_until(everything, seconds=120, what=f"every message (seed {SEED})")
