"""Multipart uploads through boto3, by hand and through its transfer manager; large objects."""

import base64
import hashlib
import os
import pathlib
import zlib

import pytest
from boto3.s3.transfer import TransferConfig

MIB = 1 << 20
PART = 5 * MIB


def part_of(number, size=PART):
    return (hashlib.sha256(str(number).encode()).digest() * (size // 32 + 1))[:size]


def begin(s3, bucket, key="multi", **more):
    return s3.create_multipart_upload(Bucket=bucket, Key=key, **more)["UploadId"]


def test_parts_become_an_object(s3, bucket, refused):
    upload = begin(s3, bucket, ContentType="text/plain", Metadata={"m": "1"}, Tagging="t=1")
    which = dict(Bucket=bucket, Key="multi", UploadId=upload)
    contents = {7: part_of(7), 2: part_of(2), 9: b"the end", 8: b"not listed"}
    etags = {}
    for number, content in contents.items():  # out of order
        etags[number] = s3.upload_part(PartNumber=number, Body=content, **which)["ETag"]
        assert etags[number] == '"' + hashlib.md5(content).hexdigest() + '"'
    contents[2] = part_of(22)  # once more
    etags[2] = s3.upload_part(PartNumber=2, Body=contents[2], **which)["ETag"]
    listed = s3.list_parts(**which)
    assert [(p["PartNumber"], p["ETag"], p["Size"]) for p in listed["Parts"]] == [
        (number, etags[number], len(contents[number])) for number in (2, 7, 8, 9)
    ]
    first = s3.list_parts(MaxParts=2, **which)
    assert (first["IsTruncated"], first["NextPartNumberMarker"]) == (True, 7)
    assert [p["PartNumber"] for p in s3.list_parts(PartNumberMarker=7, **which)["Parts"]] == [8, 9]
    refused(404, "NoSuchKey", s3.get_object, Bucket=bucket, Key="multi")

    listing = [{"PartNumber": number, "ETag": etags[number]} for number in (2, 7, 9)]
    done = s3.complete_multipart_upload(MultipartUpload={"Parts": listing}, **which)
    whole = contents[2] + contents[7] + contents[9]
    digests = b"".join(hashlib.md5(contents[number]).digest() for number in (2, 7, 9))
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"'
    assert (done["Bucket"], done["Key"]) == (bucket, "multi")
    assert done["Location"].endswith(f"/{bucket}/multi")
    got = s3.get_object(Bucket=bucket, Key="multi")
    assert (got["ContentType"], got["Metadata"], got["ETag"], got["TagCount"]) == ("text/plain", {"m": "1"}, done["ETag"], 1)
    assert got["Body"].read() == whole
    # A range across the border of two parts, and a part by its number.
    got = s3.get_object(Bucket=bucket, Key="multi", Range=f"bytes={PART - 10}-{PART + 9}")
    assert got["Body"].read() == whole[PART - 10 : PART + 10]
    got = s3.get_object(Bucket=bucket, Key="multi", PartNumber=3)
    assert (got["PartsCount"], got["Body"].read()) == (3, b"the end")
    refused(416, "InvalidPartNumber", s3.get_object, Bucket=bucket, Key="multi", PartNumber=4)
    refused(404, "NoSuchUpload", s3.list_parts, **which)


def test_what_cannot_be_completed(s3, bucket, refused):
    upload = begin(s3, bucket)
    which = dict(Bucket=bucket, Key="multi", UploadId=upload)
    one = s3.upload_part(PartNumber=1, Body=b"small", **which)["ETag"]
    two = s3.upload_part(PartNumber=2, Body=b"small too", **which)["ETag"]

    def refuse(code, *parts):
        listing = {"Parts": [{"PartNumber": number, "ETag": etag} for number, etag in parts]}
        refused(400, code, s3.complete_multipart_upload, MultipartUpload=listing, **which)

    refuse("InvalidPartOrder", (2, two), (1, one))
    refuse("InvalidPartOrder", (1, one), (1, one))
    refuse("EntityTooSmall", (1, one), (2, two))
    refuse("InvalidPart", (1, two))
    refuse("InvalidPart", (3, one))
    refuse("MalformedXML")
    refused(400, "InvalidArgument", s3.upload_part, PartNumber=0, Body=b"", **which)
    refused(400, "InvalidArgument", s3.upload_part, PartNumber=10_001, Body=b"", **which)
    s3.complete_multipart_upload(MultipartUpload={"Parts": [{"PartNumber": 2, "ETag": two}]}, **which)
    assert s3.get_object(Bucket=bucket, Key="multi")["Body"].read() == b"small too"


def test_abort(s3, bucket, refused):
    which = dict(Bucket=bucket, Key="multi", UploadId=begin(s3, bucket))
    s3.upload_part(PartNumber=1, Body=b"x", **which)
    s3.abort_multipart_upload(**which)
    refused(404, "NoSuchUpload", s3.abort_multipart_upload, **which)
    refused(404, "NoSuchUpload", s3.upload_part, PartNumber=1, Body=b"x", **which)
    refused(404, "NoSuchUpload", s3.complete_multipart_upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": "x"}]}, **which)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_a_deleted_bucket_takes_its_uploads_along(s3, bucket, refused):
    which = dict(Bucket=bucket, Key="multi", UploadId=begin(s3, bucket))
    s3.upload_part(PartNumber=1, Body=b"x", **which)
    s3.delete_bucket(Bucket=bucket)
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    refused(404, "NoSuchUpload", s3.list_parts, **which)


def test_list_of_uploads(s3, bucket):
    keys = ["a/1", "a/1", "a/2", "b", "c/1"]
    begun = sorted((key, begin(s3, bucket, key)) for key in keys)
    listed = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert sorted((u["Key"], u["UploadId"]) for u in listed) == begun
    pages = list(s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2}))
    assert [len(page["Uploads"]) for page in pages] == [2, 2, 1]
    assert sorted((u["Key"], u["UploadId"]) for page in pages for u in page["Uploads"]) == begun
    folded = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [u["Key"] for u in folded["Uploads"]] == ["b"]
    assert [p["Prefix"] for p in folded["CommonPrefixes"]] == ["a/", "c/"]
    assert [u["Key"] for u in s3.list_multipart_uploads(Bucket=bucket, Prefix="a/2")["Uploads"]] == ["a/2"]


def test_part_copies(s3, bucket, refused):
    source = part_of(1, 6 * MIB)
    s3.put_object(Bucket=bucket, Key="from", Body=source)
    which = dict(Bucket=bucket, Key="multi", UploadId=begin(s3, bucket))
    copied = {"Bucket": bucket, "Key": "from"}
    one = s3.upload_part_copy(PartNumber=1, CopySource=copied, **which)["CopyPartResult"]["ETag"]
    two = s3.upload_part_copy(PartNumber=2, CopySource=copied, CopySourceRange="bytes=5-14", **which)["CopyPartResult"]["ETag"]
    refused(416, "InvalidRange", s3.upload_part_copy, PartNumber=3, CopySource=copied, CopySourceRange="bytes=9000000-9000001", **which)
    refused(400, "InvalidArgument", s3.upload_part_copy, PartNumber=3, CopySource=copied, CopySourceRange="5-6", **which)
    listing = [{"PartNumber": 1, "ETag": one}, {"PartNumber": 2, "ETag": two}]
    s3.complete_multipart_upload(MultipartUpload={"Parts": listing}, **which)
    assert s3.get_object(Bucket=bucket, Key="multi")["Body"].read() == source + source[5:15]


def test_checksum_of_parts(s3, bucket, refused):
    made = s3.create_multipart_upload(Bucket=bucket, Key="multi", ChecksumAlgorithm="CRC32")
    assert (made["ChecksumAlgorithm"], made["ChecksumType"]) == ("CRC32", "COMPOSITE")
    which = dict(Bucket=bucket, Key="multi", UploadId=made["UploadId"])
    contents = [part_of(1), b"rest"]
    sums = [zlib.crc32(content).to_bytes(4, "big") for content in contents]
    listing = []
    for number, content in enumerate(contents, 1):
        reply = s3.upload_part(PartNumber=number, Body=content, ChecksumAlgorithm="CRC32", **which)
        assert reply["ChecksumCRC32"] == base64.b64encode(sums[number - 1]).decode()
        listing.append({"PartNumber": number, "ETag": reply["ETag"], "ChecksumCRC32": reply["ChecksumCRC32"]})
    wrong = [{**listing[0], "ChecksumCRC32": listing[1]["ChecksumCRC32"]}, listing[1]]
    refused(400, "InvalidPart", s3.complete_multipart_upload, MultipartUpload={"Parts": wrong}, **which)
    done = s3.complete_multipart_upload(MultipartUpload={"Parts": listing}, **which)
    composite = base64.b64encode(zlib.crc32(b"".join(sums)).to_bytes(4, "big")).decode() + "-2"
    assert (done["ChecksumCRC32"], done["ChecksumType"]) == (composite, "COMPOSITE")
    head = s3.head_object(Bucket=bucket, Key="multi", ChecksumMode="ENABLED")
    assert (head["ChecksumCRC32"], head["ChecksumType"]) == (composite, "COMPOSITE")


def test_conditional_complete(s3, bucket, refused):
    which = dict(Bucket=bucket, Key="multi", UploadId=begin(s3, bucket))
    etag = s3.upload_part(PartNumber=1, Body=b"x", **which)["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    s3.put_object(Bucket=bucket, Key="multi", Body=b"first")
    refused(412, "PreconditionFailed", s3.complete_multipart_upload, MultipartUpload=parts, IfNoneMatch="*", **which)
    s3.delete_object(Bucket=bucket, Key="multi")
    s3.complete_multipart_upload(MultipartUpload=parts, IfNoneMatch="*", **which)


def test_transfer_manager(s3, bucket, tmp_path):
    content = os.urandom(20 * MIB + 3)
    (tmp_path / "up").write_bytes(content)
    config = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=5 * MIB, max_concurrency=4)
    s3.upload_file(str(tmp_path / "up"), bucket, "big", Config=config, ExtraArgs={"ContentType": "x/y"})
    head = s3.head_object(Bucket=bucket, Key="big")
    assert head["ETag"].endswith('-5"')
    assert (head["ContentLength"], head["ContentType"]) == (len(content), "x/y")
    s3.download_file(bucket, "big", str(tmp_path / "down"), Config=config)
    assert (tmp_path / "down").read_bytes() == content
    s3.copy({"Bucket": bucket, "Key": "big"}, bucket, "copy", Config=config)
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == content


class Pattern:
    """A file of that size that nobody keeps in memory."""

    block = bytes(range(256)) * 4096

    def __init__(self, size):
        self.size, self.at = size, 0

    def read(self, amount=-1):
        amount = min(self.size - self.at, 1 * MIB if amount is None or amount < 0 else amount)
        start = self.at % len(self.block)
        piece = (self.block[start:] + self.block)[:amount]
        self.at += len(piece)
        return piece

    def seek(self, to, whence=0):
        self.at = to if whence == 0 else self.at + to if whence == 1 else self.size + to
        return self.at

    def tell(self):
        return self.at

    def __len__(self):
        return self.size


def test_a_large_object_needs_little_memory(own_server, aws_for):
    s3 = aws_for(own_server)("s3")
    s3.create_bucket(Bucket="large", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    status = pathlib.Path(f"/proc/{own_server.process.pid}/status")

    def peak():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM:")) // 1024

    before = peak()
    size = 300 * MIB
    s3.put_object(Bucket="large", Key="it", Body=Pattern(size))
    body = s3.get_object(Bucket="large", Key="it")["Body"]
    expected = Pattern(size)
    total = 0
    while piece := body.read(MIB):
        assert piece == expected.read(len(piece))
        total += len(piece)
    assert total == size
    assert peak() - before < 64, f"{before} MiB before, {peak()} MiB after"


def test_what_was_acknowledged_survives_kill_9(own_server, aws_for):
    s3 = aws_for(own_server)("s3")
    s3.create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    expected = {}
    for i in range(40):
        expected[f"k{i}"] = os.urandom([0, 100, 70_000, 1_000_000][i % 4])
        s3.put_object(Bucket="kept", Key=f"k{i}", Body=expected[f"k{i}"])
    which = dict(Bucket="kept", Key="multi", UploadId=begin(s3, "kept"))
    etag = s3.upload_part(PartNumber=1, Body=part_of(1), **which)["ETag"]
    s3.delete_object(Bucket="kept", Key="k3")
    del expected["k3"]
    own_server.kill()
    own_server.start()
    s3 = aws_for(own_server)("s3")
    s3.complete_multipart_upload(MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}, **which)
    expected["multi"] = part_of(1)
    assert {each["Key"] for each in s3.list_objects_v2(Bucket="kept")["Contents"]} == set(expected)
    for key, content in expected.items():
        assert s3.get_object(Bucket="kept", Key=key)["Body"].read() == content


def crc32(content):
    return base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()


def test_the_checksum_of_the_whole_object(s3, bucket, refused):
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html"""
    upload = begin(s3, bucket, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    which = dict(Bucket=bucket, Key="multi", UploadId=upload)
    contents = [part_of(1), b"the end"]
    parts = []
    for number, content in enumerate(contents, 1):
        answer = s3.upload_part(PartNumber=number, Body=content, ChecksumCRC32=crc32(content), **which)
        parts.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32": answer["ChecksumCRC32"]})
    whole = crc32(b"".join(contents))
    list_of_parts = {"Parts": parts}
    wrong = dict(ChecksumCRC32=crc32(b"other"), ChecksumType="FULL_OBJECT")
    refused(400, "BadDigest", s3.complete_multipart_upload, MultipartUpload=list_of_parts, **wrong, **which)
    other_type = dict(ChecksumType="COMPOSITE")
    refused(400, "InvalidRequest", s3.complete_multipart_upload, MultipartUpload=list_of_parts, **other_type, **which)
    done = s3.complete_multipart_upload(
        MultipartUpload=list_of_parts, ChecksumCRC32=whole, ChecksumType="FULL_OBJECT", **which
    )
    assert (done["ChecksumCRC32"], done["ChecksumType"]) == (whole, "FULL_OBJECT")
    head = s3.head_object(Bucket=bucket, Key="multi", ChecksumMode="ENABLED")
    assert (head["ChecksumCRC32"], head["ChecksumType"]) == (whole, "FULL_OBJECT")
    second = s3.get_object(Bucket=bucket, Key="multi", PartNumber=2, ChecksumMode="ENABLED")
    assert (second["Body"].read(), second["ChecksumCRC32"]) == (contents[1], crc32(contents[1]))
    wanted = dict(Bucket=bucket, Key="multi", ObjectAttributes=["ObjectParts", "Checksum"])
    first = s3.get_object_attributes(MaxParts=1, **wanted)["ObjectParts"]
    assert (first["TotalPartsCount"], first["IsTruncated"], first["NextPartNumberMarker"]) == (2, True, 1)
    assert [(each["PartNumber"], each["Size"]) for each in first["Parts"]] == [(1, PART)]
    rest = s3.get_object_attributes(PartNumberMarker=1, **wanted)
    assert [each["ChecksumCRC32"] for each in rest["ObjectParts"]["Parts"]] == [crc32(contents[1])]
    assert rest["Checksum"]["ChecksumType"] == "FULL_OBJECT"


def test_checksum_types_belong_to_algorithms(s3, bucket, refused):
    for algorithm, kind in (("SHA256", "FULL_OBJECT"), ("CRC64NVME", "COMPOSITE")):
        refused(400, "InvalidRequest", s3.create_multipart_upload, Bucket=bucket, Key="k", ChecksumAlgorithm=algorithm,
                ChecksumType=kind)


def test_a_copied_range_lies_in_its_source(s3, bucket, refused):
    s3.put_object(Bucket=bucket, Key="small", Body=b"12345")
    upload = begin(s3, bucket)
    which = dict(Bucket=bucket, Key="multi", UploadId=upload, PartNumber=1, CopySource=f"{bucket}/small")
    refused(416, "InvalidRange", s3.upload_part_copy, CopySourceRange="bytes=0-21", **which)
    s3.upload_part_copy(CopySourceRange="bytes=1-4", **which)
