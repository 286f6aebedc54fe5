"""Many producers and consumers while the server is killed -9 again and again. What must hold, whatever happens:

- a message whose sending was acknowledged is received, or lies in the dead-letter queue; none is lost;
- what was deleted, and acknowledged as deleted, does not come back;
- in a FIFO queue the messages of a group arrive in the order of sending, and none overtakes one that is in flight;
- a message that is never deleted is received exactly maxReceiveCount times and then lies in the dead-letter queue.

CUMULET_FAULT_ROUNDS kills, 2 without it; CUMULET_FAULT_SEED repeats a run.
"""

import collections
import json
import os
import random
import threading
import time

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from sqs_queues import arn_of

ROUNDS = int(os.environ.get("CUMULET_FAULT_ROUNDS", "2"))
SEED = int(os.environ.get("CUMULET_FAULT_SEED", str(random.randrange(1 << 30))))
GROUPS = 4
MAX_RECEIVES = 3
POISON = 7  # One message in so many is never deleted.


class Run:
    def __init__(self, server, aws_for):
        self.server = server
        self.aws_for = aws_for
        self.lock = threading.Lock()
        self.sent = set()
        self.deleted = set()
        self.received = collections.Counter()
        self.order = collections.defaultdict(list)
        self.problems = []
        self.sending = True
        self.consuming = True

    def client(self):
        config = Config(retries={"max_attempts": 0}, read_timeout=10, connect_timeout=2)
        return self.aws_for(self.server).client("sqs", config=config)

    def call(self, operation, **arguments):
        """The answer, or None while the server is away."""
        try:
            return operation(**arguments)
        except (BotoCoreError, ClientError) as error:
            if isinstance(error, ClientError) and error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                message = error.response["Error"]["Message"]
                if "expired" not in message:
                    self.problems.append(f"refused: {message}")
            time.sleep(0.02)
            return None

    def produce(self, worker, url):
        client, rng, number = self.client(), random.Random(SEED + worker), 0
        while self.sending:
            bodies = [f"{worker}-{number + i}" for i in range(rng.randint(1, 10))]
            number += len(bodies)
            entries = [{"Id": str(i), "MessageBody": body} for i, body in enumerate(bodies)]
            answer = self.call(client.send_message_batch, QueueUrl=url, Entries=entries)
            if answer:
                with self.lock:
                    self.sent.update(bodies[int(entry["Id"])] for entry in answer["Successful"])

    def consume(self, url):
        client = self.client()
        while self.consuming:
            answer = self.call(client.receive_message, QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            received = time.monotonic()
            for message in (answer or {}).get("Messages", []):
                body = message["Body"]
                with self.lock:
                    if body in self.deleted:
                        self.problems.append(f"{body} came back after its deletion")
                    self.received[body] += 1
                if int(body.split("-")[1]) % POISON == 0:
                    continue
                gone = self.call(client.delete_message, QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                # Too late, the message may be another's meanwhile: then deleting succeeds and does nothing.
                if gone and time.monotonic() - received < 0.9:
                    with self.lock:
                        self.deleted.add(body)

    def produce_in_order(self, group, url):
        client, number = self.client(), 0
        while self.sending:
            # The same message again until it is acknowledged: deduplication makes one of it.
            answer = self.call(
                client.send_message,
                QueueUrl=url,
                MessageBody=f"{group}-{number}",
                MessageGroupId=str(group),
                MessageDeduplicationId=f"{group}-{number}",
            )
            if answer:
                with self.lock:
                    self.sent.add(f"o{group}-{number}")
                number += 1

    def consume_in_order(self, url):
        client = self.client()
        while self.consuming:
            answer = self.call(client.receive_message, QueueUrl=url, MaxNumberOfMessages=5, WaitTimeSeconds=1)
            for message in (answer or {}).get("Messages", []):
                group, number = message["Body"].split("-")
                with self.lock:
                    self.order[group].append(int(number))
                self.call(client.delete_message, QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def drained(client, url):
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counts = client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return all(count == "0" for count in counts.values())


def test_nothing_acknowledged_is_lost_and_order_holds(own_server, aws_for, unique):
    print(f"CUMULET_FAULT_SEED={SEED}")
    run, rng = Run(own_server, aws_for), random.Random(SEED)
    client = run.client()
    dead = client.create_queue(QueueName=unique("dead"))["QueueUrl"]
    policy = json.dumps({"deadLetterTargetArn": arn_of(client, dead), "maxReceiveCount": MAX_RECEIVES})
    url = client.create_queue(
        QueueName=unique("work"), Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "1"}
    )["QueueUrl"]
    fifo = client.create_queue(
        QueueName=unique("order") + ".fifo", Attributes={"FifoQueue": "true", "VisibilityTimeout": "2"}
    )["QueueUrl"]
    producers = [threading.Thread(target=run.produce, args=(worker, url)) for worker in range(2)]
    producers += [threading.Thread(target=run.produce_in_order, args=(group, fifo)) for group in range(GROUPS)]
    consumers = [threading.Thread(target=run.consume, args=(url,)) for _ in range(3)]
    consumers += [threading.Thread(target=run.consume_in_order, args=(fifo,)) for _ in range(2)]
    for thread in producers + consumers:
        thread.start()
    for _ in range(ROUNDS):
        time.sleep(rng.uniform(0.5, 1.5))
        own_server.kill()
        own_server.start()
    time.sleep(0.5)
    run.sending = False
    for thread in producers:
        thread.join()
    deadline = time.monotonic() + 60
    while not (drained(client, url) and drained(client, fifo)) and time.monotonic() < deadline:
        time.sleep(0.2)
    run.consuming = False
    for thread in consumers:
        thread.join()

    letters = collections.Counter()
    while messages := client.receive_message(QueueUrl=dead, MaxNumberOfMessages=10).get("Messages"):
        letters.update(message["Body"] for message in messages)
        entries = [{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(messages)]
        client.delete_message_batch(QueueUrl=dead, Entries=entries)
    assert not run.problems, run.problems[:10]
    work = {body for body in run.sent if not body.startswith("o")}
    lost = {body for body in work if not run.received[body] and body not in letters}
    assert not lost, f"{len(lost)} of {len(work)} are lost: {sorted(lost)[:10]}"
    poison = {body for body in work if int(body.split("-")[1]) % POISON == 0}
    assert poison <= set(letters), f"not dead-lettered: {sorted(poison - set(letters))[:10]}"
    assert all(count == 1 for count in letters.values()), "a dead letter was doubled"
    # A receive whose answer the kill swallowed counts too, so fewer may have been seen, but never more.
    assert all(run.received[body] <= MAX_RECEIVES for body in letters)
    for group in range(GROUPS):
        firsts = list(dict.fromkeys(run.order[str(group)]))
        expected = sum(1 for body in run.sent if body.startswith(f"o{group}-"))
        assert firsts == sorted(firsts), f"group {group} out of order"
        assert firsts[:expected] == list(range(expected)), f"group {group} has a gap"
