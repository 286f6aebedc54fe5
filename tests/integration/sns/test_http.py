import base64
import json
import pathlib
import subprocess
import tempfile
import urllib.parse
import urllib.request

import pytest
from botocore.exceptions import ClientError

NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")


def verify(document, endpoint):
    """As AWS's documentation says to, with the certificate fetched from the server under test."""
    url = urllib.parse.urlparse(document["SigningCertURL"])
    assert url.scheme == "https" and url.hostname == "sns.eu-central-1.amazonaws.com" and url.path.endswith(".pem")
    fields = NOTIFICATION if document["Type"] == "Notification" else CONFIRMATION
    text = "".join(f"{name}\n{document[name]}\n" for name in fields if name in document)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        with urllib.request.urlopen(endpoint + url.path) as answer:
            (folder / "certificate").write_bytes(answer.read())
        (folder / "signature").write_bytes(base64.b64decode(document["Signature"]))
        key = subprocess.run(["openssl", "x509", "-pubkey", "-noout", "-in", folder / "certificate"], check=True,
                             capture_output=True).stdout
        (folder / "key").write_bytes(key)
        digest = "-sha1" if document["SignatureVersion"] == "1" else "-sha256"
        subprocess.run(["openssl", "dgst", digest, "-verify", folder / "key", "-signature", folder / "signature"],
                       input=text.encode(), check=True)


def test_an_endpoint_is_asked_and_then_gets_signed_messages(sns, topic, receiver, wait_until, endpoint):
    first = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=receiver.url + "/a")
    assert first["SubscriptionArn"] == "pending confirmation"
    path, headers, body = wait_until(lambda: receiver.of("/a", "SubscriptionConfirmation"))[0]
    asked = json.loads(body)
    assert asked["Type"] == "SubscriptionConfirmation" and headers["x-amz-sns-topic-arn"] == topic
    verify(asked, endpoint)
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"][0]["SubscriptionArn"] == "PendingConfirmation"
    sns.publish(TopicArn=topic, Message="nobody is there yet")

    arn = sns.confirm_subscription(TopicArn=topic, Token=asked["Token"])["SubscriptionArn"]
    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert attributes["PendingConfirmation"] == "false" and attributes["ConfirmationWasAuthenticated"] == "true"
    sent = sns.publish(TopicArn=topic, Message="hello \"you\" ✓", Subject="greeting",
                       MessageAttributes={"color": {"DataType": "String", "StringValue": "red"}})
    path, headers, body = wait_until(lambda: receiver.of("/a"))[0]
    got = json.loads(body)
    assert got["Message"] == "hello \"you\" ✓" and got["Subject"] == "greeting" and got["MessageId"] == sent["MessageId"]
    assert got["MessageAttributes"] == {"color": {"Type": "String", "Value": "red"}}
    assert headers["x-amz-sns-subscription-arn"] == arn and headers["content-type"] == "text/plain; charset=UTF-8"
    assert "Action=Unsubscribe" in got["UnsubscribeURL"]
    verify(got, endpoint)
    with urllib.request.urlopen(got["UnsubscribeURL"]) as answer:
        assert answer.status == 200
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []


def test_signature_version_2(sns, topic, receiver, subscribe_http, wait_until, endpoint):
    sns.set_topic_attributes(TopicArn=topic, AttributeName="SignatureVersion", AttributeValue="2")
    subscribe_http(topic, "/two")
    sns.publish(TopicArn=topic, Message="x")
    got = json.loads(wait_until(lambda: receiver.of("/two"))[0][2])
    assert got["SignatureVersion"] == "2"
    verify(got, endpoint)


def test_raw_delivery_and_content_type(sns, topic, receiver, subscribe_http, wait_until):
    policy = {"requestPolicy": {"headerContentType": "application/json"}}
    subscribe_http(topic, "/raw", RawMessageDelivery="true", DeliveryPolicy=json.dumps(policy))
    sns.publish(TopicArn=topic, Message='{"a": 1}')
    _, headers, body = wait_until(lambda: receiver.of("/raw"))[0]
    assert body == '{"a": 1}' and headers["x-amz-sns-rawdelivery"] == "true"
    assert headers["content-type"] == "application/json"


def test_failures_are_tried_again_as_the_policy_says(sns, topic, receiver, subscribe_http, wait_until):
    policy = {"healthyRetryPolicy": {"numRetries": 2, "numNoDelayRetries": 2, "minDelayTarget": 1, "maxDelayTarget": 1}}
    subscribe_http(topic, "/again", DeliveryPolicy=json.dumps(policy))
    for status in (500, 503):
        receiver.answers.put(status)
    sns.publish(TopicArn=topic, Message="x")
    wait_until(lambda: len(receiver.of("/again")) == 3)


def test_a_wrong_token_confirms_nothing(sns, topic):
    with pytest.raises(ClientError) as refused:
        sns.confirm_subscription(TopicArn=topic, Token="0" * 256)
    assert refused.value.response["Error"] == {"Type": "Sender", "Code": "InvalidParameter",
                                               "Message": "Invalid parameter: Token"}
