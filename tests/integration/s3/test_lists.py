"""ListObjects in both versions."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.handlers import decode_list_object, decode_list_object_v2

KEYS = ["a", "a/1", "a/2", "a/b/3", "b/", "b/1", "c", "photos/2024/x", "photos/2025/y", "photos/z", "한글/키"]


@pytest.fixture(scope="module")
def full(s3):
    name = f"lists-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    for key in KEYS:
        s3.put_object(Bucket=name, Key=key, Body=key.encode())
    return name


def keys(page):
    return [each["Key"] for each in page.get("Contents", [])]


def prefixes(page):
    return [each["Prefix"] for each in page.get("CommonPrefixes", [])]


def test_all_in_order(s3, full):
    page = s3.list_objects_v2(Bucket=full)
    assert keys(page) == sorted(KEYS, key=str.encode)
    assert (page["KeyCount"], page["IsTruncated"], page["MaxKeys"], page["Name"]) == (len(KEYS), False, 1000, full)
    entry = page["Contents"][0]
    assert (entry["Size"], entry["StorageClass"], entry["ETag"][0]) == (1, "STANDARD", '"')
    assert "Owner" not in entry
    assert s3.list_objects_v2(Bucket=full, FetchOwner=True)["Contents"][0]["Owner"]["ID"]
    assert s3.list_objects(Bucket=full)["Contents"][0]["Owner"]["ID"]


def test_delimiters(s3, full):
    for call in (s3.list_objects, s3.list_objects_v2):
        page = call(Bucket=full, Delimiter="/")
        assert keys(page) == ["a", "c"]
        assert prefixes(page) == ["a/", "b/", "photos/", "한글/"]
        assert page["Delimiter"] == "/"
        page = call(Bucket=full, Delimiter="/", Prefix="a/")
        assert (keys(page), prefixes(page), page["Prefix"]) == (["a/1", "a/2"], ["a/b/"], "a/")
        page = call(Bucket=full, Delimiter="/", Prefix="b/")
        assert (keys(page), prefixes(page)) == (["b/", "b/1"], [])
        page = call(Bucket=full, Delimiter="/", Prefix="photos")
        assert (keys(page), prefixes(page)) == ([], ["photos/"])
        page = call(Bucket=full, Delimiter="2", Prefix="photos/")
        assert (keys(page), prefixes(page)) == (["photos/z"], ["photos/2"])
        page = call(Bucket=full, Prefix="nothing")
        assert (keys(page), prefixes(page)) == ([], [])


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("arguments", [{}, {"Delimiter": "/"}, {"Prefix": "photos/", "Delimiter": "/"}, {"Prefix": "a"}])
def test_pages_make_the_whole(s3, full, size, arguments):
    whole = s3.list_objects_v2(Bucket=full, **arguments)
    for operation in ("list_objects", "list_objects_v2"):
        pages = list(s3.get_paginator(operation).paginate(Bucket=full, PaginationConfig={"PageSize": size}, **arguments))
        assert [key for page in pages for key in keys(page)] == keys(whole)
        assert [prefix for page in pages for prefix in prefixes(page)] == prefixes(whole)
        assert all(len(keys(page)) + len(prefixes(page)) == size for page in pages[:-1])
        assert [page["IsTruncated"] for page in pages] == [True] * (len(pages) - 1) + [False]


def test_start_and_marker(s3, full):
    assert keys(s3.list_objects_v2(Bucket=full, StartAfter="c"))[0] == "photos/2024/x"
    assert keys(s3.list_objects_v2(Bucket=full, StartAfter="bb"))[0] == "c"
    page = s3.list_objects(Bucket=full, Marker="c", MaxKeys=1)
    assert (keys(page), page["Marker"], page["MaxKeys"]) == (["photos/2024/x"], "c", 1)
    assert "NextMarker" not in page  # as documented: only with a delimiter
    page = s3.list_objects(Bucket=full, Delimiter="/", MaxKeys=2)
    assert page["NextMarker"] == "a/"
    page = s3.list_objects_v2(Bucket=full, StartAfter="zzz", Prefix="a")
    assert page["KeyCount"] == 0


def test_limits(s3, full, refused):
    page = s3.list_objects_v2(Bucket=full, MaxKeys=0)
    assert (page["KeyCount"], page["IsTruncated"]) == (0, False)
    assert s3.list_objects_v2(Bucket=full, MaxKeys=5000)["MaxKeys"] == 1000
    refused(400, "InvalidArgument", s3.list_objects_v2, Bucket=full, MaxKeys=-1)
    refused(400, "InvalidArgument", s3.list_objects_v2, Bucket=full, ContinuationToken="not a token!")
    refused(400, "InvalidArgument", s3.list_objects_v2, Bucket=full, EncodingType="base64")


def test_encoding_of_keys(aws, full):
    s3 = aws("s3")
    s3.meta.events.unregister("after-call.s3.ListObjectsV2", decode_list_object_v2)
    s3.meta.events.unregister("after-call.s3.ListObjects", decode_list_object)
    for call in (s3.list_objects, s3.list_objects_v2):
        page = call(Bucket=full, Prefix="한", Delimiter="/", EncodingType="url")
        assert page["EncodingType"] == "url"
        assert prefixes(page) == ["%ED%95%9C%EA%B8%80/"]
        assert page["Prefix"] == "%ED%95%9C"


def test_more_than_a_thousand(s3, bucket, aws):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: s3.put_object(Bucket=bucket, Key=f"d{i % 2}/{i:04}", Body=b""), range(1010)))
    page = s3.list_objects_v2(Bucket=bucket)
    assert (page["KeyCount"], page["IsTruncated"]) == (1000, True)
    rest = s3.list_objects_v2(Bucket=bucket, ContinuationToken=page["NextContinuationToken"])
    assert keys(page) + keys(rest) == sorted(f"d{i % 2}/{i:04}" for i in range(1010))
    page = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert (prefixes(page), page["KeyCount"], page["IsTruncated"]) == (["d0/", "d1/"], 2, False)
    aws.resource("s3").Bucket(bucket).objects.all().delete()
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
