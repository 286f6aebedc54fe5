"""Objects through boto3: content, headers, ranges, conditions, copies, deletions."""

import base64
import concurrent.futures
import datetime
import hashlib
import os
import zlib

import pytest

KIB = 1024
MIB = 1024 * KIB


def content_of(size):
    return (hashlib.sha256(str(size).encode()).digest() * (size // 32 + 1))[:size]


@pytest.mark.parametrize("size", [0, 1, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 5 * MIB])
def test_content_comes_back(s3, bucket, size):
    content = content_of(size)
    put = s3.put_object(Bucket=bucket, Key="it", Body=content)
    etag = '"' + hashlib.md5(content).hexdigest() + '"'
    assert put["ETag"] == etag
    got = s3.get_object(Bucket=bucket, Key="it")
    assert got["ContentLength"] == size
    assert got["ETag"] == etag
    assert got["AcceptRanges"] == "bytes"
    assert got["ContentType"] == "binary/octet-stream"
    assert got["Body"].read() == content
    head = s3.head_object(Bucket=bucket, Key="it")
    assert (head["ContentLength"], head["ETag"]) == (size, etag)
    # A smaller or larger one in its place.
    s3.put_object(Bucket=bucket, Key="it", Body=b"next")
    assert s3.get_object(Bucket=bucket, Key="it")["Body"].read() == b"next"


def test_default_checksum_is_kept(s3, bucket):
    put = s3.put_object(Bucket=bucket, Key="sum", Body=b"123456789")
    crc = base64.b64encode(zlib.crc32(b"123456789").to_bytes(4, "big")).decode()
    assert put["ChecksumCRC32"] == crc
    got = s3.get_object(Bucket=bucket, Key="sum", ChecksumMode="ENABLED")
    assert (got["ChecksumCRC32"], got["ChecksumType"]) == (crc, "FULL_OBJECT")
    assert got["Body"].read() == b"123456789"
    attributes = s3.get_object_attributes(
        Bucket=bucket, Key="sum", ObjectAttributes=["ETag", "Checksum", "ObjectSize", "StorageClass"]
    )
    assert attributes["Checksum"]["ChecksumCRC32"] == crc
    assert (attributes["ObjectSize"], attributes["StorageClass"]) == (9, "STANDARD")
    assert attributes["ETag"] == hashlib.md5(b"123456789").hexdigest()


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_wrong_checksums_are_refused(s3, bucket, refused, algorithm):
    size = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32}[algorithm]
    wrong = base64.b64encode(b"x" * size).decode()
    refused(400, "BadDigest", s3.put_object, Bucket=bucket, Key="bad", Body=b"a", **{f"Checksum{algorithm}": wrong})
    refused(400, "InvalidRequest", s3.put_object, Bucket=bucket, Key="bad", Body=b"a", **{f"Checksum{algorithm}": "??"})
    refused(404, "NoSuchKey", s3.get_object, Bucket=bucket, Key="bad")


def test_content_md5(s3, bucket, refused):
    good = base64.b64encode(hashlib.md5(b"a").digest()).decode()
    s3.put_object(Bucket=bucket, Key="md5", Body=b"a", ContentMD5=good)
    refused(400, "BadDigest", s3.put_object, Bucket=bucket, Key="md5", Body=b"b", ContentMD5=good)
    refused(400, "InvalidDigest", s3.put_object, Bucket=bucket, Key="md5", Body=b"b", ContentMD5="short")
    assert s3.get_object(Bucket=bucket, Key="md5")["Body"].read() == b"a"


def test_nothing_there(s3, bucket, refused):
    error = refused(404, "NoSuchKey", s3.get_object, Bucket=bucket, Key="no/such")
    assert error["Message"] == "The specified key does not exist."
    assert error["Key"] == "no/such"
    refused(404, "404", s3.head_object, Bucket=bucket, Key="no/such")
    refused(404, "NoSuchBucket", s3.get_object, Bucket=bucket + "-not", Key="a")


def test_headers_and_metadata(s3, bucket):
    expires = datetime.datetime(2031, 5, 6, 7, 8, 9, tzinfo=datetime.timezone.utc)
    headers = dict(
        CacheControl="max-age=60, public",
        ContentDisposition='attachment; filename="a b.txt"',
        ContentEncoding="gzip",
        ContentLanguage="ko-KR",
        ContentType="text/plain; charset=utf-8",
        StorageClass="STANDARD_IA",
        WebsiteRedirectLocation="/elsewhere",
    )
    s3.put_object(
        Bucket=bucket, Key="h", Body=b"x", Metadata={"Color": "red", "empty": ""}, Tagging="a=1&b=", Expires=expires, **headers
    )
    for reply in (s3.head_object(Bucket=bucket, Key="h"), s3.get_object(Bucket=bucket, Key="h")):
        assert {name: reply[name] for name in headers} == headers
        assert reply["Metadata"] == {"color": "red", "empty": ""}
        assert reply["Expires"] == expires
    assert s3.get_object(Bucket=bucket, Key="h")["TagCount"] == 2
    changed = s3.get_object(
        Bucket=bucket,
        Key="h",
        ResponseContentType="image/png",
        ResponseCacheControl="no-store",
        ResponseContentDisposition="inline",
        ResponseContentLanguage="de",
        ResponseContentEncoding="br",
        ResponseExpires=datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc),
    )
    assert changed["ContentType"] == "image/png"
    assert changed["CacheControl"] == "no-store"
    assert changed["ContentDisposition"] == "inline"
    assert changed["ContentLanguage"] == "de"
    assert changed["ContentEncoding"] == "br"
    assert changed["ResponseMetadata"]["HTTPHeaders"]["expires"] == "Tue, 01 Jan 2030 00:00:00 GMT"


def test_too_much_metadata(s3, bucket, refused):
    s3.put_object(Bucket=bucket, Key="m", Body=b"", Metadata={"k": "v" * 2047})
    refused(400, "MetadataTooLarge", s3.put_object, Bucket=bucket, Key="m", Body=b"", Metadata={"k": "v" * 2048})
    refused(400, "InvalidStorageClass", s3.put_object, Bucket=bucket, Key="m", Body=b"", StorageClass="COLD")


@pytest.mark.parametrize("size", [1000, 200_000])
def test_ranges(s3, bucket, refused, size):
    content = content_of(size)
    s3.put_object(Bucket=bucket, Key="r", Body=content)

    def part(text):
        got = s3.get_object(Bucket=bucket, Key="r", Range=text)
        return got["ResponseMetadata"]["HTTPStatusCode"], got.get("ContentRange"), got["Body"].read()

    assert part("bytes=0-0") == (206, f"bytes 0-0/{size}", content[:1])
    assert part("bytes=10-19") == (206, f"bytes 10-19/{size}", content[10:20])
    assert part("bytes=900-") == (206, f"bytes 900-{size - 1}/{size}", content[900:])
    assert part("bytes=-5") == (206, f"bytes {size - 5}-{size - 1}/{size}", content[-5:])
    assert part(f"bytes=-{size * 2}") == (206, f"bytes 0-{size - 1}/{size}", content)
    assert part(f"bytes=990-{size * 2}") == (206, f"bytes 990-{size - 1}/{size}", content[990:])
    assert part("bytes=5-2") == (200, None, content)
    assert part("pages=1-2") == (200, None, content)
    head = s3.head_object(Bucket=bucket, Key="r", Range="bytes=1-2")
    assert (head["ContentLength"], head["ContentRange"]) == (2, f"bytes 1-2/{size}")
    error = refused(416, "InvalidRange", s3.get_object, Bucket=bucket, Key="r", Range=f"bytes={size}-")
    assert error["ActualObjectSize"] == str(size)
    refused(416, "InvalidRange", s3.get_object, Bucket=bucket, Key="r", Range="bytes=-0")


def test_range_of_nothing(s3, bucket, refused):
    s3.put_object(Bucket=bucket, Key="none", Body=b"")
    refused(416, "InvalidRange", s3.get_object, Bucket=bucket, Key="none", Range="bytes=0-1")


def test_conditional_reads(s3, bucket, refused):
    etag = s3.put_object(Bucket=bucket, Key="c", Body=b"c")["ETag"]
    at = s3.head_object(Bucket=bucket, Key="c")["LastModified"]
    before = at - datetime.timedelta(minutes=1)

    def get(**conditions):
        return s3.get_object(Bucket=bucket, Key="c", **conditions)["Body"].read()

    assert get(IfMatch=etag) == b"c"
    assert get(IfMatch="*") == b"c"
    assert get(IfNoneMatch='"other"') == b"c"
    assert get(IfModifiedSince=before) == b"c"
    assert get(IfUnmodifiedSince=at) == b"c"
    assert get(IfMatch=etag, IfUnmodifiedSince=before) == b"c"  # as documented, If-Match wins
    for conditions in (
        dict(IfNoneMatch=etag),
        dict(IfModifiedSince=at),
        dict(IfNoneMatch=etag, IfModifiedSince=before),
    ):
        refused(304, "304", s3.get_object, Bucket=bucket, Key="c", **conditions)
        refused(304, "304", s3.head_object, Bucket=bucket, Key="c", **conditions)
    for conditions in (dict(IfMatch='"other"'), dict(IfUnmodifiedSince=before)):
        refused(412, "PreconditionFailed", s3.get_object, Bucket=bucket, Key="c", **conditions)
        refused(412, "412", s3.head_object, Bucket=bucket, Key="c", **conditions)


def test_not_modified_names_the_version(s3, bucket, make_public, http_request):
    etag = s3.put_object(Bucket=bucket, Key="c", Body=b"c", CacheControl="max-age=5")["ETag"]
    make_public(bucket)
    answer = http_request("GET", f"/{bucket}/c", headers={"If-None-Match": etag})
    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["ETag"] == etag
    assert answer.headers["Last-Modified"]


def test_conditional_writes(s3, bucket, refused):
    first = s3.put_object(Bucket=bucket, Key="w", Body=b"1", IfNoneMatch="*")["ETag"]
    refused(412, "PreconditionFailed", s3.put_object, Bucket=bucket, Key="w", Body=b"2", IfNoneMatch="*")
    second = s3.put_object(Bucket=bucket, Key="w", Body=b"2", IfMatch=first)["ETag"]
    refused(412, "PreconditionFailed", s3.put_object, Bucket=bucket, Key="w", Body=b"3", IfMatch=first)
    refused(404, "NoSuchKey", s3.put_object, Bucket=bucket, Key="absent", Body=b"3", IfMatch=first)
    refused(501, "NotImplemented", s3.put_object, Bucket=bucket, Key="w", Body=b"3", IfNoneMatch=first)
    assert s3.get_object(Bucket=bucket, Key="w")["Body"].read() == b"2"
    refused(412, "PreconditionFailed", s3.delete_object, Bucket=bucket, Key="w", IfMatch=first)
    s3.delete_object(Bucket=bucket, Key="w", IfMatch=second)
    refused(404, "NoSuchKey", s3.get_object, Bucket=bucket, Key="w")


def test_conditional_writes_of_many(s3, bucket):
    def refused_with(**condition):
        try:
            s3.put_object(Bucket=bucket, **condition)
        except s3.exceptions.ClientError as error:
            return error.response["Error"]["Code"]

    def count_up(_):
        while True:
            now = s3.get_object(Bucket=bucket, Key="count")
            body = b"%d" % (int(now["Body"].read()) + 1)
            if refused_with(Key="count", Body=body, IfMatch=now["ETag"]) is None:
                return

    s3.put_object(Bucket=bucket, Key="count", Body=b"0")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: refused_with(Key="lock", Body=b"", IfNoneMatch="*"), range(32)))
        list(pool.map(count_up, range(24)))
    assert sorted(map(str, codes)) == ["None"] + ["PreconditionFailed"] * 31
    assert s3.get_object(Bucket=bucket, Key="count")["Body"].read() == b"24"


def test_conditional_deletions(s3, bucket, refused):
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html"""
    etag = s3.put_object(Bucket=bucket, Key="d", Body=b"12")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="d")["LastModified"]
    which = dict(Bucket=bucket, Key="d")
    refused(412, "PreconditionFailed", s3.delete_object, IfMatch='"other"', **which)
    refused(412, "PreconditionFailed", s3.delete_object, IfMatchSize=3, **which)
    earlier = modified - datetime.timedelta(seconds=5)
    refused(412, "PreconditionFailed", s3.delete_object, IfMatchLastModifiedTime=earlier, **which)
    for wrong in (dict(ETag='"other"'), dict(Size=3), dict(LastModifiedTime=earlier)):
        failed = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "d", **wrong}]})["Errors"]
        assert [(each["Key"], each["Code"]) for each in failed] == [("d", "PreconditionFailed")]
    conditions = dict(ETag=etag, Size=2, LastModifiedTime=modified)
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "d", **conditions}]})
    assert [each["Key"] for each in done["Deleted"]] == ["d"]
    s3.delete_object(IfMatch=etag, **which)  # What is not there meets every condition.


@pytest.mark.parametrize(
    "key",
    [
        "a b",
        "a+b",
        "100%",
        "%41",
        "%2F",
        "a//b",
        "/lead",
        "//",
        "trail/",
        "..",
        "a/../b",
        "./a",
        "a?b=c&d",
        "a#b",
        "a;b:c,d=e@f",
        "한글/키",
        "😀",
        "quote'\"<>&",
        "back\\slash",
        "tab\tnew\nline",
        "k" * 1024,
    ],
)
def test_odd_keys(s3, bucket, key):
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    assert [each["Key"] for each in s3.list_objects(Bucket=bucket)["Contents"]] == [key]
    copy = "copy of " + key[:1000]
    s3.copy_object(Bucket=bucket, Key=copy, CopySource={"Bucket": bucket, "Key": key})
    assert s3.get_object(Bucket=bucket, Key=copy)["Body"].read() == key.encode()
    s3.delete_object(Bucket=bucket, Key=copy)
    deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}]})
    assert deleted["Deleted"] == [{"Key": key}]
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_key_too_long(s3, bucket, refused):
    refused(400, "KeyTooLongError", s3.put_object, Bucket=bucket, Key="k" * 1025, Body=b"")
    refused(400, "KeyTooLongError", s3.put_object, Bucket=bucket, Key="한" * 342, Body=b"")


@pytest.mark.parametrize("size", [10, 100_000])
def test_copy(s3, bucket, unique, size):
    content = content_of(size)
    s3.put_object(
        Bucket=bucket, Key="from", Body=content, ContentType="text/css", Metadata={"a": "1"}, Tagging="t=1", CacheControl="no-cache"
    )
    source = {"Bucket": bucket, "Key": "from"}
    result = s3.copy_object(Bucket=bucket, Key="to", CopySource=source)["CopyObjectResult"]
    assert result["ETag"] == '"' + hashlib.md5(content).hexdigest() + '"'
    assert result["LastModified"].tzinfo
    got = s3.get_object(Bucket=bucket, Key="to")
    assert (got["ContentType"], got["Metadata"], got["CacheControl"]) == ("text/css", {"a": "1"}, "no-cache")
    assert got["Body"].read() == content
    assert s3.get_object_tagging(Bucket=bucket, Key="to")["TagSet"] == [{"Key": "t", "Value": "1"}]
    s3.copy_object(
        Bucket=bucket,
        Key="to",
        CopySource=source,
        MetadataDirective="REPLACE",
        Metadata={"b": "2"},
        ContentType="text/x",
        TaggingDirective="REPLACE",
        Tagging="u=2",
    )
    got = s3.head_object(Bucket=bucket, Key="to")
    assert (got["ContentType"], got["Metadata"]) == ("text/x", {"b": "2"})
    assert "CacheControl" not in got
    assert s3.get_object_tagging(Bucket=bucket, Key="to")["TagSet"] == [{"Key": "u", "Value": "2"}]
    # The copy does not live off the original.
    s3.delete_object(Bucket=bucket, Key="from")
    assert s3.get_object(Bucket=bucket, Key="to")["Body"].read() == content


def test_copy_of_itself(s3, bucket, refused):
    s3.put_object(Bucket=bucket, Key="self", Body=b"content" * 20_000, Metadata={"a": "1"})
    source = f"{bucket}/self"
    error = refused(400, "InvalidRequest", s3.copy_object, Bucket=bucket, Key="self", CopySource=source)
    assert "without changing the object's metadata" in error["Message"]
    s3.copy_object(Bucket=bucket, Key="self", CopySource=source, MetadataDirective="REPLACE", Metadata={"a": "2"})
    got = s3.get_object(Bucket=bucket, Key="self")
    assert (got["Metadata"], got["Body"].read()) == ({"a": "2"}, b"content" * 20_000)
    s3.copy_object(Bucket=bucket, Key="self", CopySource=source, StorageClass="STANDARD_IA")
    got = s3.get_object(Bucket=bucket, Key="self")
    assert (got["StorageClass"], got["Metadata"], got["Body"].read()) == ("STANDARD_IA", {"a": "2"}, b"content" * 20_000)
    # A storage class is never taken over from the source.
    s3.copy_object(Bucket=bucket, Key="plain", CopySource=source)
    assert "StorageClass" not in s3.head_object(Bucket=bucket, Key="plain")


def test_copy_errors_and_conditions(s3, bucket, refused):
    etag = s3.put_object(Bucket=bucket, Key="from", Body=b"x")["ETag"]
    at = s3.head_object(Bucket=bucket, Key="from")["LastModified"]
    source = f"/{bucket}/from"

    def to(source=source, **more):
        return dict(Bucket=bucket, Key="to", CopySource=source, **more)

    refused(404, "NoSuchKey", s3.copy_object, **to(f"{bucket}/absent"))
    refused(404, "NoSuchBucket", s3.copy_object, **to(f"{bucket}-absent/from"))
    refused(400, "InvalidArgument", s3.copy_object, **to("no-slash"))
    refused(412, "PreconditionFailed", s3.copy_object, **to(CopySourceIfMatch='"other"'))
    refused(412, "PreconditionFailed", s3.copy_object, **to(CopySourceIfNoneMatch=etag))
    refused(412, "PreconditionFailed", s3.copy_object, **to(CopySourceIfModifiedSince=at))
    hour = datetime.timedelta(hours=1)
    refused(412, "PreconditionFailed", s3.copy_object, **to(CopySourceIfUnmodifiedSince=at - hour))
    refused(400, "InvalidArgument", s3.copy_object, **to(MetadataDirective="KEEP"))
    s3.copy_object(**to(CopySourceIfMatch=etag, CopySourceIfUnmodifiedSince=at - hour))
    refused(412, "PreconditionFailed", s3.copy_object, **to(IfNoneMatch="*"))


def test_delete_many(s3, bucket, refused):
    for i in range(5):
        s3.put_object(Bucket=bucket, Key=f"k{i}", Body=b"x" * (i * 40_000))
    answer = s3.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": "k0"}, {"Key": "k4"}, {"Key": "absent"}, {"Key": "k1", "VersionId": "v"}]}
    )
    assert [each["Key"] for each in answer["Deleted"]] == ["k0", "k4", "absent"]
    assert [(each["Key"], each["Code"]) for each in answer["Errors"]] == [("k1", "NoSuchVersion")]
    quiet = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k2"}], "Quiet": True})
    assert "Deleted" not in quiet
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["k1", "k3"]
    refused(400, "MalformedXML", s3.delete_objects, Bucket=bucket, Delete={"Objects": []})
    many = [{"Key": f"n{i}"} for i in range(1001)]
    refused(400, "MalformedXML", s3.delete_objects, Bucket=bucket, Delete={"Objects": many})
    assert s3.delete_object(Bucket=bucket, Key="absent")["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_object_tags(s3, bucket, refused):
    s3.put_object(Bucket=bucket, Key="t", Body=b"x" * 70_000)
    assert s3.get_object_tagging(Bucket=bucket, Key="t")["TagSet"] == []
    tags = [{"Key": "a", "Value": "b c"}]
    s3.put_object_tagging(Bucket=bucket, Key="t", Tagging={"TagSet": tags})
    assert s3.get_object_tagging(Bucket=bucket, Key="t")["TagSet"] == tags
    eleven = [{"Key": str(i), "Value": ""} for i in range(11)]
    refused(400, "BadRequest", s3.put_object_tagging, Bucket=bucket, Key="t", Tagging={"TagSet": eleven})
    refused(400, "InvalidArgument", s3.put_object, Bucket=bucket, Key="t", Body=b"", Tagging="a=1&a=2")
    s3.delete_object_tagging(Bucket=bucket, Key="t")
    assert s3.get_object_tagging(Bucket=bucket, Key="t")["TagSet"] == []
    assert s3.get_object(Bucket=bucket, Key="t")["Body"].read() == b"x" * 70_000
    refused(404, "NoSuchKey", s3.get_object_tagging, Bucket=bucket, Key="absent")


def test_what_is_not_supported_is_refused(s3, bucket, refused):
    refused(400, "AccessControlListNotSupported", s3.put_object, Bucket=bucket, Key="k", Body=b"", ACL="public-read")


def test_resource_interface(aws, bucket, tmp_path):
    own = aws.resource("s3").Bucket(bucket)
    own.put_object(Key="a/1", Body=b"1")
    own.Object("a/2").put(Body=b"22")
    assert {each.key: each.size for each in own.objects.filter(Prefix="a/")} == {"a/1": 1, "a/2": 2}
    assert own.Object("a/2").get()["Body"].read() == b"22"
    own.Object("b").copy_from(CopySource=f"{bucket}/a/1")
    (tmp_path / "up").write_bytes(b"file")
    own.upload_file(str(tmp_path / "up"), "c")
    own.download_file("c", str(tmp_path / "down"))
    assert (tmp_path / "down").read_bytes() == b"file"
    own.objects.all().delete()
    assert list(own.objects.all()) == []


def test_overwrite_while_somebody_reads(s3, bucket):
    old, new = os.urandom(32 * MIB), b"new" * 100_000
    s3.put_object(Bucket=bucket, Key="busy", Body=old)
    reader = s3.get_object(Bucket=bucket, Key="busy")["Body"]
    beginning = reader.read(64 * KIB)
    s3.put_object(Bucket=bucket, Key="busy", Body=new)
    assert s3.get_object(Bucket=bucket, Key="busy")["Body"].read() == new
    s3.delete_object(Bucket=bucket, Key="busy")
    assert beginning + reader.read() == old


def test_newer_features_are_refused_and_do_not_change_objects(s3, bucket, refused):
    s3.put_object(Bucket=bucket, Key="k", Body=b"kept")
    named = {"Bucket": bucket, "Key": "k", "AnnotationName": "note"}
    refused(501, "NotImplemented", s3.put_object_annotation, AnnotationPayload=b"annotation", **named)
    refused(501, "NotImplemented", s3.get_object_annotation, **named)
    refused(501, "NotImplemented", s3.delete_object_annotation, **named)
    refused(501, "NotImplemented", s3.put_object, Bucket=bucket, Key="k", Body=b"held", ObjectLockEventHold="ON")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"kept"
