"""x-amz-server-side-encryption: AES256 really encrypts."""

import os
import pathlib

import pytest
from botocore.exceptions import ClientError


def lies_on_disk(data, needle):
    return any(needle in file.read_bytes() for file in pathlib.Path(data).rglob("*") if file.is_file())


@pytest.mark.parametrize("size", [100, 300_000])
def test_sealed_objects_are_unreadable_on_disk_and_whole_for_readers(own_server, aws_for, size):
    s3 = aws_for(own_server)("s3")
    s3.create_bucket(Bucket="sealed", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    secret, open_text = b"a secret sentence, plain to see", b"an open sentence, plain to see"
    body = secret + os.urandom(size)
    reply = s3.put_object(Bucket="sealed", Key="a", Body=body, ServerSideEncryption="AES256")
    assert reply["ServerSideEncryption"] == "AES256"
    s3.put_object(Bucket="sealed", Key="b", Body=open_text + os.urandom(size))
    own_server.kill()
    own_server.start()

    got = s3.get_object(Bucket="sealed", Key="a")
    assert got["Body"].read() == body
    assert got["ServerSideEncryption"] == "AES256"
    ranged = s3.get_object(Bucket="sealed", Key="a", Range="bytes=19-83")
    assert ranged["Body"].read() == body[19:84]
    s3.copy_object(Bucket="sealed", Key="copy", CopySource="sealed/a")
    assert s3.get_object(Bucket="sealed", Key="copy")["Body"].read() == body
    assert "ServerSideEncryption" not in s3.head_object(Bucket="sealed", Key="b")
    own_server.stop()
    assert not lies_on_disk(own_server.data, secret)
    assert lies_on_disk(own_server.data, open_text)


def test_other_keys_are_refused(aws, unique):
    s3 = aws("s3")
    bucket = unique("kms")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=bucket, Key="a", Body=b"x", ServerSideEncryption="aws:kms")
    assert refused.value.response["Error"]["Code"] == "NotImplemented"
