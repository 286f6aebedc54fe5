"""x-amz-server-side-encryption: AES256 really encrypts."""

import os
import pathlib

import pytest


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


def test_kms_with_the_local_key(s3, bucket, refused):
    reply = s3.put_object(Bucket=bucket, Key="a", Body=b"x" * 70_000, ServerSideEncryption="aws:kms")
    key = reply["SSEKMSKeyId"]
    assert reply["ServerSideEncryption"] == "aws:kms" and key.startswith("arn:aws:kms:eu-central-1:")
    got = s3.get_object(Bucket=bucket, Key="a")
    assert (got["ServerSideEncryption"], got["SSEKMSKeyId"], got["Body"].read()) == ("aws:kms", key, b"x" * 70_000)
    s3.put_object(Bucket=bucket, Key="b", Body=b"y", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    refused(400, "KMS.NotFoundException", s3.put_object, Bucket=bucket, Key="c", Body=b"", SSEKMSKeyId="other",
            ServerSideEncryption="aws:kms")
    refused(501, "NotImplemented", s3.put_object, Bucket=bucket, Key="c", Body=b"", ServerSideEncryption="aws:kms:dsse")


@pytest.mark.parametrize("algorithm", ["AES256", "aws:kms"])
def test_a_buckets_encryption(s3, bucket, refused, algorithm):
    refused(404, "ServerSideEncryptionConfigurationNotFoundError", s3.get_bucket_encryption, Bucket=bucket)
    rules = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}, "BucketKeyEnabled": False}]
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": rules})
    assert s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"] == rules
    assert s3.put_object(Bucket=bucket, Key="a", Body=b"x")["ServerSideEncryption"] == algorithm
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")
    assert upload["ServerSideEncryption"] == algorithm
    part = s3.upload_part(Bucket=bucket, Key="m", UploadId=upload["UploadId"], PartNumber=1, Body=b"z" * 100)
    s3.complete_multipart_upload(Bucket=bucket, Key="m", UploadId=upload["UploadId"],
                                 MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    whole = s3.get_object(Bucket=bucket, Key="m")
    assert (whole["ServerSideEncryption"], whole["Body"].read()) == (algorithm, b"z" * 100)
    s3.delete_bucket_encryption(Bucket=bucket)
    assert "ServerSideEncryption" not in s3.put_object(Bucket=bucket, Key="a", Body=b"x")
