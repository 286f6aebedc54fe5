"""What the S3 tests share: buckets, raw HTTP, and policies."""

import http.client
import json

import pytest
from botocore.exceptions import ClientError

REGION = "eu-central-1"


@pytest.fixture(scope="session")
def s3(aws):
    return aws("s3")


@pytest.fixture
def bucket(s3, unique):
    """A new, empty bucket."""
    name = unique("bucket")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name


@pytest.fixture
def refused():
    """refused(404, "NoSuchKey", s3.get_object, Bucket=…): the call fails with these; gives the error."""

    def check(status, code, call, **arguments):
        with pytest.raises(ClientError) as caught:
            call(**arguments)
        response = caught.value.response
        assert (response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]) == (status, code)
        return response["Error"]

    return check


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()


@pytest.fixture
def http_request(server):
    """http_request("GET", "/path", host="…", headers={…}, body=b""): one unsigned request, byte for byte."""

    def send(method, path, host=None, headers=None, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", host or f"127.0.0.1:{server.port}")
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    return send


@pytest.fixture
def make_public(s3):
    """Lets everybody read the bucket's objects."""

    def allow(name, actions=("s3:GetObject",), resource="/*"):
        s3.delete_public_access_block(Bucket=name)
        statement = {"Effect": "Allow", "Principal": "*", "Action": list(actions)}
        statement["Resource"] = f"arn:aws:s3:::{name}{resource}"
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))

    return allow
