"""Functions that tell by their log what they were given, and what starts them.

seen(function) gives the events that a function has printed, in order. A function prints its event with `SHOW` in front.
"""

import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lambda"))
from lambda_packages import package  # noqa: E402

SHOW = """
import json
def handler(event, context):
    print("EVENT " + json.dumps(event), flush=True)
    return answer(event)
"""


@pytest.fixture(scope="session")
def lam(aws):
    return aws("lambda")


@pytest.fixture(scope="session")
def sqs(aws):
    return aws("sqs")


@pytest.fixture
def function(lam, role, unique):
    """function("return None") makes a function whose answer is that body, with `event`; gives its name."""

    def make(body="return None", **options):
        name = unique("f")
        code = "def answer(event):\n    " + body.replace("\n", "\n    ") + SHOW
        options.setdefault("Timeout", 10)
        lam.create_function(FunctionName=name, Runtime="python3.11", Role=role, Handler="app.handler",
                            Code={"ZipFile": package({"app.py": code})}, **options)
        return name

    return make


@pytest.fixture
def queue(sqs, unique):
    """queue(**attributes) gives the URL and the ARN of a new queue."""

    def make(name=None, **attributes):
        url = sqs.create_queue(QueueName=name or unique("q"), Attributes=attributes)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return url, arn

    return make


@pytest.fixture
def mapping(lam, wait_until):
    """mapping(source, function, **options) makes a mapping and waits until it is Enabled; gives its id."""
    made = []

    def make(source, name, **options):
        uuid = lam.create_event_source_mapping(EventSourceArn=source, FunctionName=name, **options)["UUID"]
        made.append(uuid)
        wait_until(lambda: lam.get_event_source_mapping(UUID=uuid)["State"] == "Enabled", what="Enabled")
        return uuid

    yield make
    for uuid in made:
        try:
            lam.delete_event_source_mapping(UUID=uuid)
        except lam.exceptions.ClientError:
            pass


@pytest.fixture
def seen(aws):
    logs = aws("logs")

    def events(name):
        try:
            lines = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}", filterPattern="EVENT")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [json.loads(line["message"][6:]) for line in lines if line["message"].startswith("EVENT ")]

    return events


@pytest.fixture
def received(sqs, wait_until):
    """received(url) gives one message of a queue, when it is there."""

    def take(url):
        def one():
            return sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MessageAttributeNames=["All"]).get("Messages")

        return wait_until(one, what="a message")[0]

    return take
