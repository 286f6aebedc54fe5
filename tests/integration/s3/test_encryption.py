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


def test_keys_of_buckets_are_said(s3, bucket):
    kms = dict(Bucket=bucket, ServerSideEncryption="aws:kms")
    assert s3.put_object(Key="said", Body=b"a", BucketKeyEnabled=True, **kms)["BucketKeyEnabled"] is True
    assert s3.head_object(Bucket=bucket, Key="said")["BucketKeyEnabled"] is True
    assert "BucketKeyEnabled" not in s3.put_object(Key="not", Body=b"a", **kms)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert s3.put_object(Bucket=bucket, Key="default", Body=b"a")["BucketKeyEnabled"] is True
    assert "BucketKeyEnabled" not in s3.put_object(Key="own", Body=b"a", BucketKeyEnabled=False, **kms)
    assert "BucketKeyEnabled" not in s3.put_object(Bucket=bucket, Key="s3", Body=b"a", ServerSideEncryption="AES256")
    which = dict(Bucket=bucket, Key="parts")
    upload = s3.create_multipart_upload(**which)
    assert upload["BucketKeyEnabled"] is True
    which["UploadId"] = upload["UploadId"]
    etag = s3.upload_part(PartNumber=1, Body=b"a", **which)["ETag"]
    done = s3.complete_multipart_upload(MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}, **which)
    assert done["BucketKeyEnabled"] is True
    assert s3.copy_object(Key="copy", CopySource=f"{bucket}/said", BucketKeyEnabled=True, **kms)["BucketKeyEnabled"] is True


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


def customer_key(byte):
    return {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": bytes([byte]) * 32}


@pytest.mark.parametrize("size", [0, 1000, 300_000])
def test_objects_sealed_with_a_customers_key(s3, bucket, refused, size):
    key, other = customer_key(1), customer_key(2)
    body = os.urandom(size)
    put = s3.put_object(Bucket=bucket, Key="a", Body=body, **key)
    assert put["SSECustomerAlgorithm"] == "AES256" and put["SSECustomerKeyMD5"]
    got = s3.get_object(Bucket=bucket, Key="a", **key)
    assert got["Body"].read() == body and got["SSECustomerKeyMD5"] == put["SSECustomerKeyMD5"]
    assert got["ETag"] == put["ETag"] and "ServerSideEncryption" not in got
    if size:
        assert s3.get_object(Bucket=bucket, Key="a", Range="bytes=17-99", **key)["Body"].read() == body[17:100]
    assert s3.head_object(Bucket=bucket, Key="a", **key)["ContentLength"] == size
    refused(400, "400", s3.head_object, Bucket=bucket, Key="a")
    refused(403, "403", s3.head_object, Bucket=bucket, Key="a", **other)
    refused(400, "InvalidRequest", s3.get_object, Bucket=bucket, Key="a")
    refused(403, "AccessDenied", s3.get_object, Bucket=bucket, Key="a", **other)
    s3.put_object(Bucket=bucket, Key="open", Body=b"x")
    refused(400, "InvalidRequest", s3.get_object, Bucket=bucket, Key="open", **key)
    source = {f"CopySource{name}": value for name, value in key.items()}
    s3.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/a", **source, **other)
    assert s3.get_object(Bucket=bucket, Key="b", **other)["Body"].read() == body
    s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/a", **source)
    assert s3.get_object(Bucket=bucket, Key="c")["Body"].read() == body
    refused(400, "InvalidRequest", s3.copy_object, Bucket=bucket, Key="c", CopySource=f"{bucket}/a")


def test_an_upload_sealed_with_a_customers_key(s3, bucket, refused):
    key, other = customer_key(1), customer_key(2)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m", **key)
    part = dict(Bucket=bucket, Key="m", UploadId=upload["UploadId"], Body=os.urandom(5 << 20))
    refused(400, "InvalidRequest", s3.upload_part, PartNumber=1, **part)
    refused(400, "InvalidRequest", s3.upload_part, PartNumber=1, **part, **other)
    first = s3.upload_part(PartNumber=1, **part, **key)
    s3.put_object(Bucket=bucket, Key="source", Body=b"end", **other)
    source = {f"CopySource{name}": value for name, value in other.items()}
    last = s3.upload_part_copy(Bucket=bucket, Key="m", UploadId=upload["UploadId"], PartNumber=2,
                               CopySource=f"{bucket}/source", **source, **key)["CopyPartResult"]
    parts = [{"PartNumber": 1, "ETag": first["ETag"]}, {"PartNumber": 2, "ETag": last["ETag"]}]
    s3.complete_multipart_upload(Bucket=bucket, Key="m", UploadId=upload["UploadId"], MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket=bucket, Key="m", **key)["Body"].read() == part["Body"] + b"end"
    assert s3.get_object(Bucket=bucket, Key="m", PartNumber=2, **key)["Body"].read() == b"end"
    refused(403, "AccessDenied", s3.get_object, Bucket=bucket, Key="m", **other)


def test_keys_that_do_not_fit(s3, bucket, refused):
    put = dict(Bucket=bucket, Key="a", Body=b"x", SSECustomerAlgorithm="AES256")
    refused(400, "InvalidArgument", s3.put_object, SSECustomerKey=b"k" * 32, SSECustomerKeyMD5="AAAA", **put)
    refused(400, "InvalidArgument", s3.put_object, SSECustomerKey=b"k" * 16, **put)
    refused(400, "InvalidArgument", s3.put_object, **put)
    refused(400, "InvalidArgument", s3.put_object, ServerSideEncryption="AES256", SSECustomerKey=b"k" * 32, **put)
    put["SSECustomerAlgorithm"] = "AES128"
    refused(400, "InvalidEncryptionAlgorithmError", s3.put_object, SSECustomerKey=b"k" * 32, **put)


def test_a_customers_key_is_nowhere_on_disk(own_server, aws_for):
    s3 = aws_for(own_server)("s3")
    s3.create_bucket(Bucket="sealed", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    secret, key = b"a secret sentence, plain to see", os.urandom(32)
    for name, size in (("small", 100), ("large", 300_000)):
        s3.put_object(Bucket="sealed", Key=name, Body=secret + os.urandom(size), SSECustomerAlgorithm="AES256",
                      SSECustomerKey=key)
    own_server.stop()
    assert not lies_on_disk(own_server.data, secret)
    assert not lies_on_disk(own_server.data, key)


def test_headers_of_encryption_where_they_do_not_belong(aws, s3, bucket, refused):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    reader = aws("s3")  # A client of its own, which sends the header with everything.
    encryption = "x-amz-server-side-encryption"
    reader.meta.events.register("before-call.s3", lambda params, **_: params["headers"].update({encryption: "AES256"}))
    refused(400, "InvalidArgument", reader.get_object, Bucket=bucket, Key="k")
    refused(400, "400", reader.head_object, Bucket=bucket, Key="k")
    key = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    refused(400, "InvalidArgument", s3.put_object, Bucket=bucket, Key="k", Body=b"x", SSEKMSKeyId=key)


def test_parts_say_how_they_are_encrypted(s3, bucket):
    s3.put_object(Bucket=bucket, Key="from", Body=b"x")
    for algorithm in ("AES256", "aws:kms"):
        upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ServerSideEncryption=algorithm)["UploadId"]
        which = dict(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1)
        assert s3.upload_part(Body=b"1", **which)["ServerSideEncryption"] == algorithm
        assert s3.upload_part_copy(CopySource=f"{bucket}/from", **which)["ServerSideEncryption"] == algorithm
