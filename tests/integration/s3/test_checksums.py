"""Checksums that a client names, and the one that S3 keeps by itself."""

import base64
import hashlib

import pytest
from botocore.config import Config

PART = 5 << 20


def base64_of(digest):
    return base64.b64encode(digest).decode()


@pytest.fixture(scope="module")
def plain(aws):
    """A client that sends no checksum of its own accord."""
    return aws.client("s3", config=Config(request_checksum_calculation="when_required", parameter_validation=False))


def test_content_without_a_checksum_gets_a_crc64nvme(plain, bucket):
    known = base64_of(bytes.fromhex("ae8b14860a799888"))
    put = plain.put_object(Bucket=bucket, Key="plain", Body=b"123456789")
    assert (put["ChecksumCRC64NVME"], put["ChecksumType"]) == (known, "FULL_OBJECT")
    head = plain.head_object(Bucket=bucket, Key="plain", ChecksumMode="ENABLED")
    assert (head["ChecksumCRC64NVME"], head["ChecksumType"]) == (known, "FULL_OBJECT")
    copied = plain.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/plain")["CopyObjectResult"]
    assert (copied["ChecksumCRC64NVME"], copied["ChecksumType"]) == (known, "FULL_OBJECT")
    again = plain.copy_object(Bucket=bucket, Key="sha", CopySource=f"{bucket}/plain", ChecksumAlgorithm="SHA256")
    assert again["CopyObjectResult"]["ChecksumSHA256"] == base64_of(hashlib.sha256(b"123456789").digest())
    assert "ChecksumCRC64NVME" not in again["CopyObjectResult"]


def test_an_upload_without_a_checksum_gets_one_of_the_whole(plain, s3, bucket):
    which = dict(Bucket=bucket, Key="multi")
    which["UploadId"] = plain.create_multipart_upload(**which)["UploadId"]
    contents = [b"abcdefgh" * (PART // 8), b"1" * PART, b"the end"]
    parts = []
    # The second part comes with a checksum of its own, as SDKs send it.
    for number, (client, content) in enumerate(zip((plain, s3, plain), contents), 1):
        part = client.upload_part(PartNumber=number, Body=content, **which)
        assert "ChecksumCRC64NVME" not in part
        parts.append({"PartNumber": number, "ETag": part["ETag"]})
    done = plain.complete_multipart_upload(MultipartUpload={"Parts": parts}, **which)
    whole = plain.put_object(Bucket=bucket, Key="whole", Body=b"".join(contents))
    assert (done["ChecksumCRC64NVME"], done["ChecksumType"]) == (whole["ChecksumCRC64NVME"], "FULL_OBJECT")
    attributes = plain.get_object_attributes(Bucket=bucket, Key="multi", ObjectAttributes=["Checksum", "ObjectParts"])
    assert attributes["Checksum"]["ChecksumCRC64NVME"] == whole["ChecksumCRC64NVME"]
    assert attributes["ObjectParts"]["TotalPartsCount"] == 3 and "Parts" not in attributes["ObjectParts"]


def test_md5_as_a_checksum(s3, bucket, refused):
    digests = [hashlib.md5(content).digest() for content in (b"a" * PART, b"b")]
    one = base64_of(digests[1])
    assert s3.put_object(Bucket=bucket, Key="one", Body=b"b", ChecksumMD5=one)["ChecksumMD5"] == one
    assert s3.head_object(Bucket=bucket, Key="one", ChecksumMode="ENABLED")["ChecksumMD5"] == one
    refused(400, "BadDigest", s3.put_object, Bucket=bucket, Key="one", Body=b"c", ChecksumMD5=one)
    which = dict(Bucket=bucket, Key="multi")
    made = s3.create_multipart_upload(ChecksumAlgorithm="MD5", **which)
    assert (made["ChecksumAlgorithm"], made["ChecksumType"]) == ("MD5", "COMPOSITE")
    which["UploadId"] = made["UploadId"]
    parts = []
    for number, (content, digest) in enumerate(zip((b"a" * PART, b"b"), digests), 1):
        part = s3.upload_part(PartNumber=number, Body=content, ChecksumMD5=base64_of(digest), **which)
        parts.append({"PartNumber": number, "ETag": part["ETag"], "ChecksumMD5": part["ChecksumMD5"]})
    done = s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **which)
    assert done["ChecksumMD5"] == base64_of(hashlib.md5(b"".join(digests)).digest()) + "-2"


def test_parts_have_the_checksum_of_their_upload(s3, bucket, refused):
    which = dict(Bucket=bucket, Key="multi")
    which["UploadId"] = s3.create_multipart_upload(ChecksumAlgorithm="SHA256", **which)["UploadId"]
    error = refused(400, "InvalidRequest", s3.upload_part, PartNumber=1, Body=b"a", ChecksumAlgorithm="CRC32", **which)
    assert error["Message"] == "Checksum Type mismatch occurred, expected checksum Type: sha256, actual checksum Type: crc32"
    s3.upload_part(PartNumber=1, Body=b"a", ChecksumAlgorithm="SHA256", **which)


def test_algorithms_that_are_none(s3, bucket, refused):
    s3.put_object(Bucket=bucket, Key="a", Body=b"a")
    source = f"{bucket}/a"
    refused(400, "InvalidRequest", s3.copy_object, Bucket=bucket, Key="b", CopySource=source, ChecksumAlgorithm="CRC16")
    refused(400, "InvalidRequest", s3.create_multipart_upload, Bucket=bucket, Key="b", ChecksumAlgorithm="CRC16")
