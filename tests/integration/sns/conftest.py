"""Subscribers for the tests: a web server that keeps what it was sent, queues that are read, functions."""

import http.server
import json
import queue
import threading
import urllib.request

import pytest


class Receiver:
    """An HTTP endpoint. `received` has one entry a request: path, headers (lower case), body; `answers` are the
    statuses of the next answers, then 200."""

    def __init__(self):
        self.received = []
        self.answers = queue.Queue()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
                headers = {key.lower(): value for key, value in self.headers.items()}
                receiver.received.append((self.path, headers, body))
                try:
                    status = receiver.answers.get_nowait()
                except queue.Empty:
                    status = 200
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def of(self, path, kind="Notification"):
        """The requests to a path of a message type."""
        return [each for each in list(self.received)
                if each[0] == path and each[1].get("x-amz-sns-message-type") == kind]


@pytest.fixture
def receiver():
    running = Receiver()
    yield running
    running.server.shutdown()


@pytest.fixture(scope="session")
def sns(aws):
    return aws.client("sns")


@pytest.fixture(scope="session")
def sqs(aws):
    return aws.client("sqs")


@pytest.fixture
def topic(sns, unique):
    return sns.create_topic(Name=unique("topic"))["TopicArn"]


@pytest.fixture
def make_queue(sqs, unique):
    """make_queue() gives URL and ARN."""

    def make(name=None, **attributes):
        url = sqs.create_queue(QueueName=name or unique("queue"), Attributes=attributes)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return url, arn

    return make


@pytest.fixture
def take(sqs, wait_until):
    """take(url, count) receives and deletes until there are so many."""

    def receive(url, count=1, seconds=20):
        got = []

        def enough():
            reply = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1,
                                        AttributeNames=["All"], MessageAttributeNames=["All"])
            for message in reply.get("Messages", []):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                got.append(message)
            return len(got) >= count

        wait_until(enough, seconds, f"{count} messages")
        return got

    return receive


@pytest.fixture
def subscribe_http(sns, receiver, wait_until):
    """subscribe_http(topic, "/path", **attributes) subscribes and confirms; gives the subscription's ARN."""

    def subscribe(topic, path, **attributes):
        arn = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=receiver.url + path, Attributes=attributes,
                            ReturnSubscriptionArn=True)["SubscriptionArn"]
        asked = wait_until(lambda: receiver.of(path, "SubscriptionConfirmation"), what="the confirmation")
        document = json.loads(asked[0][2])
        with urllib.request.urlopen(document["SubscribeURL"]) as answer:
            assert arn in answer.read().decode()
        return arn

    return subscribe
