"""Signatures as real signers make them, and as forgers do."""

import datetime
import hashlib
import http.client
import io
import urllib.parse
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError


@pytest.fixture(scope="module")
def bucket(aws):
    name = "signatures"
    aws("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return name


def fetch(url, method="GET", data=None, headers=None):
    request = urllib.request.Request(url, method=method, data=data, headers=headers or {})
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def send(server, prepared):
    """Sends a signed request exactly as it was signed."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    split = urllib.parse.urlsplit(prepared.url)
    target = split.path + ("?" + split.query if split.query else "")
    connection.request(prepared.method, target, body=prepared.body, headers=dict(prepared.headers.items()))
    response = connection.getresponse()
    return response.status, response.read()


def signed(server, signer, service, method, path, data=b"", headers=None, secret=None, when=None, monkeypatch=None):
    request = botocore.awsrequest.AWSRequest(
        method, f"http://127.0.0.1:{server.port}{path}", data=data, headers=headers or {}
    )
    credentials = botocore.credentials.Credentials(server.access_key, secret or server.secret_key)
    if when is not None:
        monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda **_: when)
    signer(credentials, service, "eu-central-1").add_auth(request)
    return request.prepare()


def caller_identity(server, **options):
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    prepared = signed(server, botocore.auth.SigV4Auth, "sts", "POST", "/", body, headers, **options)
    return send(server, prepared)


def test_wrong_secret(server):
    status, body = caller_identity(server, secret="wrong")
    assert status == 403
    assert b"<Code>SignatureDoesNotMatch</Code>" in body


@pytest.mark.parametrize("minutes, status", [(-14, 200), (14, 200), (-16, 403), (16, 403)])
def test_clock_skew(server, monkeypatch, minutes, status):
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
    got, body = caller_identity(server, when=when, monkeypatch=monkeypatch)
    assert got == status
    if status == 403:
        assert b"<Code>SignatureDoesNotMatch</Code>" in body
        assert (b"Signature expired: " if minutes < 0 else b"Signature not yet current: ") in body


def test_no_signature(server):
    status, body = fetch(
        server.endpoint + "/?Action=GetCallerIdentity&Version=2011-06-15", headers={"Host": "sts.localhost"}
    )
    assert status == 403
    assert b"MissingAuthenticationToken" in body


@pytest.mark.parametrize("key", ["plain", "with space", "pl+us", "ünï/cödé", "a//b", "./dot/../x", "tilde~()!*'", "100%"])
def test_keys_that_are_hard_to_sign(aws, bucket, key):
    s3 = aws("s3", config=Config(s3={"addressing_style": "path"}))
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_presigned_urls(aws, bucket, version):
    s3 = aws("s3", config=Config(signature_version=version))
    put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "signed +key"}, ExpiresIn=60)
    assert fetch(put, "PUT", b"content", {"Content-Type": ""})[0] == 200
    get = s3.generate_presigned_url(
        "get_object",
        Params={"Bucket": bucket, "Key": "signed +key", "ResponseContentType": "text/x-mine"},
        ExpiresIn=60,
    )
    assert fetch(get) == (200, b"content")
    status, body = fetch(get, "DELETE")
    assert status == 403 and b"SignatureDoesNotMatch" in body
    status, body = fetch(get.replace("text%2Fx-mine", "text%2Fhtml"))
    assert status == 403 and b"SignatureDoesNotMatch" in body


def test_expired_presigned_url(aws, bucket, monkeypatch):
    past = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=2)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda **_: past)
    s3 = aws("s3", config=Config(signature_version="s3v4"))
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=60)
    status, body = fetch(url)
    assert status == 403
    assert b"<Code>AccessDenied</Code>" in body and b"Request has expired" in body


def test_body_that_is_not_what_was_signed(server, bucket):
    prepared = signed(
        server,
        botocore.auth.S3SigV4Auth,
        "s3",
        "PUT",
        f"/{bucket}/tampered",
        b"hello",
        {"X-Amz-Content-SHA256": hashlib.sha256(b"hello").hexdigest()},
    )
    prepared.body = b"jello"
    status, body = send(server, prepared)
    assert status == 400
    assert b"<Code>XAmzContentSHA256Mismatch</Code>" in body
    status, _ = send(server, signed(server, botocore.auth.S3SigV4Auth, "s3", "HEAD", f"/{bucket}/tampered"))
    assert status == 404


def test_wrong_secret_for_s3_says_what_was_signed(server, bucket):
    prepared = signed(server, botocore.auth.S3SigV4Auth, "s3", "GET", f"/{bucket}/x", secret="wrong")
    status, body = send(server, prepared)
    assert status == 403
    for element in (b"SignatureDoesNotMatch", b"AWSAccessKeyId", b"StringToSign", b"CanonicalRequest"):
        assert b"<" + element + b">" in body or element == b"SignatureDoesNotMatch"


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_streamed_upload_with_checksum(aws, bucket, algorithm):
    if algorithm in ("CRC32C", "CRC64NVME"):
        pytest.importorskip("awscrt")
    s3 = aws("s3")
    content = b"0123456789" * 30_000
    s3.put_object(Bucket=bucket, Key="streamed", Body=io.BytesIO(content), ChecksumAlgorithm=algorithm)
    assert s3.get_object(Bucket=bucket, Key="streamed")["Body"].read() == content


def test_unknown_key(aws, bucket):
    with pytest.raises(ClientError) as caught:
        aws("s3", aws_access_key_id="AKIANOBODYNOBODYNOBO").list_buckets()
    assert caught.value.response["Error"]["Code"] == "InvalidAccessKeyId"


def test_dev_mode_takes_the_account_from_the_key(dev_server, aws_for):
    sts = aws_for(dev_server)("sts", aws_access_key_id="111122223333", aws_secret_access_key="any")
    assert sts.get_caller_identity()["Account"] == "111122223333"
    sts = aws_for(dev_server)("sts", aws_access_key_id="test", aws_secret_access_key="test")
    assert sts.get_caller_identity()["Account"] == "000000000000"
