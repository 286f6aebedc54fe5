"""The query protocol as old clients speak it: forms in, XML out; to the service and to a queue's own URL."""

import json
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

REGION = "eu-central-1"
SPACE = "{http://queue.amazonaws.com/doc/2012-11-05/}"


@pytest.fixture
def ask(server):
    """ask(url, Action=…) gives the status and the root element of the answer."""

    def send(url, method="POST", **fields):
        body = urllib.parse.urlencode({"Version": "2012-11-05", **fields})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        request = AWSRequest(method="POST", url=url, data=body, headers=headers)
        SigV4Auth(Credentials(server.access_key, server.secret_key), "sqs", REGION).add_auth(request)
        raw = urllib.request.Request(url, data=body.encode(), headers=dict(request.headers), method="POST")
        try:
            with urllib.request.urlopen(raw) as answer:
                return answer.status, ElementTree.fromstring(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, ElementTree.fromstring(error.read())

    return send


def text(root, name):
    return root.find(f".//{SPACE}{name}").text


def test_a_queue_by_forms(ask, server, unique):
    fields = {"Attribute.1.Name": "VisibilityTimeout", "Attribute.1.Value": "5", "Tag.1.Key": "k", "Tag.1.Value": "v"}
    status, made = ask(server.endpoint + "/", Action="CreateQueue", QueueName=unique("query"), **fields)
    assert status == 200 and made.tag == SPACE + "CreateQueueResponse"
    url = text(made, "QueueUrl")
    # To the queue's own URL, without QueueUrl.
    attribute = {
        "MessageAttribute.1.Name": "city",
        "MessageAttribute.1.Value.DataType": "String",
        "MessageAttribute.1.Value.StringValue": "Bonn",
    }
    status, sent = ask(url, Action="SendMessage", MessageBody="a <b> & c", **attribute)
    assert status == 200 and len(text(sent, "MessageId")) == 36
    batch = {}
    for i in (1, 2):
        batch[f"SendMessageBatchRequestEntry.{i}.Id"] = f"e{i}"
        batch[f"SendMessageBatchRequestEntry.{i}.MessageBody"] = f"body {i}"
    status, sent = ask(url, Action="SendMessageBatch", **batch)
    assert [e.text for e in sent.iter(SPACE + "Id")] == ["e1", "e2"]
    status, got = ask(
        server.endpoint + "/",
        Action="ReceiveMessage",
        QueueUrl=url,
        MaxNumberOfMessages=10,
        **{"AttributeName.1": "All", "MessageAttributeName.1": "All"},
    )
    messages = list(got.iter(SPACE + "Message"))
    assert [message.find(SPACE + "Body").text for message in messages] == ["a <b> & c", "body 1", "body 2"]
    named = {a.find(SPACE + "Name").text: a.find(SPACE + "Value").text for a in messages[0].iter(SPACE + "Attribute")}
    assert named["ApproximateReceiveCount"] == "1"
    value = messages[0].find(f"{SPACE}MessageAttribute/{SPACE}Value/{SPACE}StringValue")
    assert value.text == "Bonn"
    handle = messages[0].find(SPACE + "ReceiptHandle").text
    assert ask(url, Action="DeleteMessage", ReceiptHandle=handle)[0] == 200
    status, shown = ask(url, Action="GetQueueAttributes", **{"AttributeName.1": "VisibilityTimeout"})
    assert text(shown, "Value") == "5"
    assert text(ask(url, Action="ListQueueTags")[1], "Value") == "v"
    assert ask(url, Action="DeleteQueue")[0] == 200


def test_errors_in_xml_and_in_the_header_of_json(ask, server, sqs, unique):
    url = f"{server.endpoint}/{server.account}/{unique('none')}"
    status, error = ask(url, Action="SendMessage", MessageBody="x")
    assert status == 400
    assert text(error, "Code") == "AWS.SimpleQueueService.NonExistentQueue"
    assert text(error, "Type") == "Sender"
    status, error = ask(server.endpoint + "/", Action="Nothing")
    assert text(error, "Code") == "InvalidAction"
    body = json.dumps({"QueueUrl": url, "MessageBody": "x"})
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.SendMessage"}
    request = AWSRequest(method="POST", url=server.endpoint + "/", data=body, headers=headers)
    SigV4Auth(Credentials(server.access_key, server.secret_key), "sqs", REGION).add_auth(request)
    raw = urllib.request.Request(server.endpoint + "/", data=body.encode(), headers=dict(request.headers))
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(raw)
    assert refused.value.headers["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"
    assert json.loads(refused.value.read())["__type"] == "com.amazonaws.sqs#QueueDoesNotExist"


def test_the_cli(cli, server, unique):
    def sqs(*arguments):
        # Version 1 of the CLI does not take SQS's address from AWS_ENDPOINT_URL.
        return cli("sqs", *arguments, "--endpoint-url", server.endpoint)

    url = sqs("create-queue", "--queue-name", unique("cli"), "--attributes", "DelaySeconds=0")["QueueUrl"]
    sqs("send-message", "--queue-url", url, "--message-body", "from the shell")
    got = sqs("receive-message", "--queue-url", url, "--wait-time-seconds", "5")["Messages"][0]
    assert got["Body"] == "from the shell"
    sqs("delete-message", "--queue-url", url, "--receipt-handle", got["ReceiptHandle"])
