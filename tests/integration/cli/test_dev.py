"""What `cumulet serve --dev` adds for tests and for tools written against other local clouds."""

import json
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.config import Config


def post(server, path):
    return urllib.request.urlopen(urllib.request.Request(server.endpoint + path, method="POST", data=b""), timeout=30)


def healthy(server):
    try:
        with urllib.request.urlopen(server.endpoint + "/_localstack/health", timeout=30) as answer:
            return json.load(answer)["services"]
    except OSError:
        return None


def client(server, service):
    return boto3.client(service, endpoint_url=server.endpoint, region_name="eu-central-1",
                        aws_access_key_id=server.access_key, aws_secret_access_key=server.secret_key,
                        config=Config(retries={"total_max_attempts": 10, "mode": "standard"}))


@pytest.mark.parametrize("path", ["/_cumulet/reset", "/_localstack/state/reset"])
def test_reset_empties_the_cloud(make_server, wait_until, path):
    server = make_server("--dev")
    client(server, "s3").create_bucket(Bucket="before", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    client(server, "s3").put_object(Bucket="before", Key="k", Body=b"x")
    client(server, "dynamodb").create_table(
        TableName="before", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}])
    assert post(server, path).status == 200
    wait_until(lambda: healthy(server) and not client(server, "dynamodb").list_tables()["TableNames"])
    assert client(server, "s3").list_buckets()["Buckets"] == []
    client(server, "s3").create_bucket(Bucket="before", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    server.kill()
    server.start()
    assert [each["Name"] for each in client(server, "s3").list_buckets()["Buckets"]] == ["before"]


@pytest.mark.parametrize("path", ["/_cumulet/reset", "/_localstack/state/reset", "/_cumulet/clock"])
def test_a_web_page_cannot_reach_what_dev_adds(make_server, path):
    server = make_server("--dev")
    request = urllib.request.Request(server.endpoint + path, method="POST", data=b'{"advance_seconds": 1}',
                                     headers={"Origin": "https://example.com"})
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(request, timeout=30)
    assert raised.value.code == 403
    assert healthy(server)


def test_without_dev_there_is_no_reset(server):
    with pytest.raises(urllib.error.HTTPError) as raised:
        post(server, "/_cumulet/reset")
    assert raised.value.code in (400, 403, 404, 405)
