"""Versioning: https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html"""

import pytest

BIG = 100_000  # lies in a blob, not in the row


@pytest.fixture
def versioned(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


def put(s3, bucket, key, body):
    return s3.put_object(Bucket=bucket, Key=key, Body=body)["VersionId"]


def read(s3, bucket, key, **which):
    return s3.get_object(Bucket=bucket, Key=key, **which)["Body"].read()


def listing(s3, bucket, **options):
    """[(key, version id, "latest" or "", "marker" or "")] in the order of the listing within its two lists."""
    answer = s3.list_object_versions(Bucket=bucket, **options)
    rows = [(each, "") for each in answer.get("Versions", [])] + [(each, "marker") for each in answer.get("DeleteMarkers", [])]
    return [(each["Key"], each["VersionId"], "latest" if each["IsLatest"] else "", kind) for each, kind in rows]


def test_status(s3, bucket, refused):
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    for status in ["Enabled", "Suspended", "Enabled"]:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == status
    refused(501, "NotImplemented", s3.put_bucket_versioning, Bucket=bucket,
            VersioningConfiguration={"Status": "Enabled", "MFADelete": "Enabled"})
    refused(400, "IllegalVersioningConfigurationException", s3.put_bucket_versioning, Bucket=bucket,
            VersioningConfiguration={})


@pytest.mark.parametrize("size", [1, BIG])
def test_every_version_stays(s3, versioned, refused, size):
    bodies = [bytes([i]) * size for i in range(4)]
    ids = [put(s3, versioned, "k", body) for body in bodies]
    assert len(set(ids)) == 4
    assert read(s3, versioned, "k") == bodies[3]
    for version, body in zip(ids, bodies):
        assert read(s3, versioned, "k", VersionId=version) == body
        head = s3.head_object(Bucket=versioned, Key="k", VersionId=version)
        assert (head["VersionId"], head["ContentLength"]) == (version, size)
    assert listing(s3, versioned) == [("k", ids[3], "latest", "")] + [("k", each, "", "") for each in ids[2::-1]]
    s3.delete_object(Bucket=versioned, Key="k", VersionId=ids[1])
    refused(404, "NoSuchVersion", s3.get_object, Bucket=versioned, Key="k", VersionId=ids[1])
    gone = s3.delete_object(Bucket=versioned, Key="k", VersionId=ids[3])  # the next one becomes current
    assert gone["VersionId"] == ids[3] and "DeleteMarker" not in gone
    assert read(s3, versioned, "k") == bodies[2] and read(s3, versioned, "k", VersionId=ids[0]) == bodies[0]
    refused(400, "InvalidArgument", s3.get_object, Bucket=versioned, Key="k", VersionId="nonsense")


def test_delete_markers(s3, versioned, refused):
    first = put(s3, versioned, "k", b"1")
    marker = s3.delete_object(Bucket=versioned, Key="k")
    assert marker["DeleteMarker"] is True
    refused(404, "NoSuchKey", s3.get_object, Bucket=versioned, Key="k")
    with pytest.raises(s3.exceptions.ClientError) as raised:
        s3.get_object(Bucket=versioned, Key="k")
    headers = raised.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert (headers["x-amz-delete-marker"], headers["x-amz-version-id"]) == ("true", marker["VersionId"])
    refused(405, "MethodNotAllowed", s3.get_object, Bucket=versioned, Key="k", VersionId=marker["VersionId"])
    assert read(s3, versioned, "k", VersionId=first) == b"1"
    assert "Contents" not in s3.list_objects_v2(Bucket=versioned)
    assert sorted(listing(s3, versioned)) == sorted([("k", first, "", ""), ("k", marker["VersionId"], "latest", "marker")])
    refused(409, "BucketNotEmpty", s3.delete_bucket, Bucket=versioned)
    undone = s3.delete_object(Bucket=versioned, Key="k", VersionId=marker["VersionId"])
    assert undone["DeleteMarker"] is True
    assert read(s3, versioned, "k") == b"1"
    s3.delete_object(Bucket=versioned, Key="k", VersionId=first)
    s3.delete_bucket(Bucket=versioned)


def test_null_versions(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"before")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    second = put(s3, bucket, "k", b"second")
    assert read(s3, bucket, "k", VersionId="null") == b"before"
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    s3.put_object(Bucket=bucket, Key="k", Body=b"suspended")
    assert read(s3, bucket, "k", VersionId="null") == b"suspended" == read(s3, bucket, "k")
    assert listing(s3, bucket) == [("k", "null", "latest", ""), ("k", second, "", "")]
    marker = s3.delete_object(Bucket=bucket, Key="k")
    assert (marker["DeleteMarker"], marker["VersionId"]) == (True, "null")
    assert sorted(listing(s3, bucket)) == sorted([("k", "null", "latest", "marker"), ("k", second, "", "")])
    s3.delete_object(Bucket=bucket, Key="k", VersionId="null")
    assert read(s3, bucket, "k") == b"second"


def test_listing_pages_and_folds(s3, versioned):
    ids = {}
    for key in ["a", "b/1", "b/2", "c"]:
        ids[key] = [put(s3, versioned, key, bytes([i])) for i in range(3)][::-1]
    s3.delete_object(Bucket=versioned, Key="b/1")
    every = listing(s3, versioned)
    assert len(every) == 13
    pages, marker = [], {}
    while True:
        answer = s3.list_object_versions(Bucket=versioned, MaxKeys=2, **marker)
        pages += [(each["Key"], each["VersionId"]) for each in answer.get("Versions", []) + answer.get("DeleteMarkers", [])]
        if not answer["IsTruncated"]:
            break
        marker = {"KeyMarker": answer["NextKeyMarker"], "VersionIdMarker": answer["NextVersionIdMarker"]}
    assert len(pages) == 13 and set(pages) == {(key, version) for key, version, _, _ in every}
    folded = s3.list_object_versions(Bucket=versioned, Delimiter="/")
    assert [each["Prefix"] for each in folded["CommonPrefixes"]] == ["b/"]
    assert [each["Key"] for each in folded["Versions"]] == ["a"] * 3 + ["c"] * 3
    assert {each["Key"] for each in s3.list_object_versions(Bucket=versioned, Prefix="b/")["Versions"]} == {"b/1", "b/2"}


def test_copies_tags_and_uploads_have_versions(s3, versioned):
    old, new = put(s3, versioned, "k", b"old"), put(s3, versioned, "k", b"new")
    copy = s3.copy_object(Bucket=versioned, Key="copy", CopySource={"Bucket": versioned, "Key": "k", "VersionId": old})
    assert copy["CopySourceVersionId"] == old and copy["VersionId"] not in (old, new)
    assert read(s3, versioned, "copy") == b"old"
    restored = s3.copy_object(Bucket=versioned, Key="k", CopySource={"Bucket": versioned, "Key": "k", "VersionId": old})
    assert read(s3, versioned, "k") == b"old" == read(s3, versioned, "k", VersionId=restored["VersionId"])
    s3.put_object_tagging(Bucket=versioned, Key="k", VersionId=new, Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
    assert s3.get_object_tagging(Bucket=versioned, Key="k", VersionId=new)["TagSet"] == [{"Key": "a", "Value": "1"}]
    assert s3.get_object_tagging(Bucket=versioned, Key="k")["TagSet"] == []
    upload = s3.create_multipart_upload(Bucket=versioned, Key="k")["UploadId"]
    part = s3.upload_part(Bucket=versioned, Key="k", UploadId=upload, PartNumber=1, Body=b"p" * BIG)
    done = s3.complete_multipart_upload(Bucket=versioned, Key="k", UploadId=upload,
                                        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    assert read(s3, versioned, "k", VersionId=done["VersionId"]) == b"p" * BIG
    assert read(s3, versioned, "k", VersionId=new) == b"new"


def test_delete_many_versions(s3, versioned):
    one, two = put(s3, versioned, "k", b"1"), put(s3, versioned, "k", b"2")
    answer = s3.delete_objects(Bucket=versioned, Delete={"Objects": [{"Key": "k", "VersionId": one}, {"Key": "k"}]})
    by_version = {each.get("VersionId"): each for each in answer["Deleted"]}
    marker = by_version[None]["DeleteMarkerVersionId"]
    assert by_version[None]["DeleteMarker"] is True and "DeleteMarker" not in by_version[one]
    assert sorted(listing(s3, versioned)) == sorted([("k", two, "", ""), ("k", marker, "latest", "marker")])


def test_versions_survive_kill_9(own_server, aws_for):
    s3 = aws_for(own_server)("s3")
    s3.create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    written = {put(s3, "kept", "k", bytes([i]) * size): bytes([i]) * size for i, size in enumerate([5, BIG, 7, BIG])}
    own_server.kill()
    own_server.start()
    for version, body in written.items():
        assert read(s3, "kept", "k", VersionId=version) == body
