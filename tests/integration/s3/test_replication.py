"""Replication between buckets: https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication.html"""

import json

import pytest

ROLE = "arn:aws:iam::111122223333:role/replication"


@pytest.fixture
def make(s3, unique):
    def bucket(versioned=True):
        name = unique("copies")
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
        if versioned:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    return bucket


def rule(to, **options):
    made = {"ID": "all", "Priority": 1, "Status": "Enabled", "Filter": {}, "DeleteMarkerReplication": {"Status": "Enabled"}}
    made.update(options)
    made["Destination"] = {"Bucket": f"arn:aws:s3:::{to}", **options.get("Destination", {})}
    return made


def replicate(s3, bucket, *rules):
    s3.put_bucket_replication(Bucket=bucket, ReplicationConfiguration={"Role": ROLE, "Rules": list(rules)})


@pytest.fixture
def pair(s3, make):
    source, target = make(), make()
    replicate(s3, source, rule(target))
    return source, target


@pytest.fixture
def status(s3, wait_until):
    def wait(bucket, key, wanted, **which):
        wait_until(lambda: s3.head_object(Bucket=bucket, Key=key, **which).get("ReplicationStatus") == wanted, what=wanted)

    return wait


def test_configuration(s3, make, refused):
    source, target = make(), make()
    refused(404, "ReplicationConfigurationNotFoundError", s3.get_bucket_replication, Bucket=source)
    replicate(s3, source, rule(target, Filter={"Prefix": "a/"}))
    got = s3.get_bucket_replication(Bucket=source)["ReplicationConfiguration"]
    assert got == {"Role": ROLE, "Rules": [rule(target, Filter={"Prefix": "a/"})]}
    refused(409, "InvalidBucketState", s3.put_bucket_versioning, Bucket=source,
            VersioningConfiguration={"Status": "Suspended"})
    s3.delete_bucket_replication(Bucket=source)
    refused(404, "ReplicationConfigurationNotFoundError", s3.get_bucket_replication, Bucket=source)


def test_configurations_that_are_refused(s3, make, refused):
    source, target, plain = make(), make(), make(versioned=False)

    def bad(code, *rules, bucket=source, role=ROLE, status=400):
        refused(status, code, s3.put_bucket_replication, Bucket=bucket,
                ReplicationConfiguration={"Role": role, "Rules": list(rules)})

    bad("InvalidRequest", rule(plain))
    bad("InvalidRequest", rule(target), bucket=plain)
    bad("InvalidRequest", rule("no-such-bucket-anywhere"))
    bad("InvalidRequest", rule(source))
    bad("InvalidArgument", rule(target), role="me")
    bad("InvalidArgument", rule(target), rule(target, Priority=2))
    bad("InvalidRequest", rule(target), rule(target, ID="b"))
    bad("MalformedXML", rule(target, Status="On"))
    bad("InvalidRequest", rule(target, Filter={"Tag": {"Key": "a", "Value": "b"}}))
    bad("NotImplemented", rule(target, Destination={"AccessControlTranslation": {"Owner": "Destination"}}), status=501)


def test_objects_are_copied(s3, pair, status):
    source, target = pair
    bodies = {"small": b"s", "large": b"l" * 200_000}
    for key, body in bodies.items():
        version = s3.put_object(Bucket=source, Key=key, Body=body, Metadata={"m": "1"}, Tagging="a=b",
                                ServerSideEncryption="AES256")["VersionId"]
        status(source, key, "COMPLETED")
        got = s3.get_object(Bucket=target, Key=key)
        assert got["Body"].read() == body
        assert (got["VersionId"], got["Metadata"], got["ReplicationStatus"]) == (version, {"m": "1"}, "REPLICA")
    s3.put_object_tagging(Bucket=source, Key="small", Tagging={"TagSet": [{"Key": "c", "Value": "d"}]})
    status(source, "small", "COMPLETED")
    assert s3.get_object_tagging(Bucket=target, Key="small")["TagSet"] == [{"Key": "c", "Value": "d"}]


def test_multipart_and_order(s3, pair, status, wait_until):
    source, target = pair
    upload = s3.create_multipart_upload(Bucket=source, Key="k")["UploadId"]
    parts = []
    for number, body in [(1, b"x" * (5 << 20)), (2, b"y")]:
        tag = s3.upload_part(Bucket=source, Key="k", UploadId=upload, PartNumber=number, Body=body)["ETag"]
        parts.append({"PartNumber": number, "ETag": tag})
    s3.complete_multipart_upload(Bucket=source, Key="k", UploadId=upload, MultipartUpload={"Parts": parts})
    status(source, "k", "COMPLETED")
    assert s3.head_object(Bucket=target, Key="k", PartNumber=2)["PartsCount"] == 2
    for i in range(5):
        s3.put_object(Bucket=source, Key="k", Body=str(i).encode())
    ids = lambda bucket: [each["VersionId"] for each in s3.list_object_versions(Bucket=bucket)["Versions"]]
    wait_until(lambda: ids(target) == ids(source), what="all versions in their order")
    assert s3.get_object(Bucket=target, Key="k")["Body"].read() == b"4"


def test_delete_markers(s3, make, status, wait_until):
    source, with_markers, without = make(), make(), make()
    replicate(s3, source, rule(with_markers),
              rule(without, ID="b", Priority=2, DeleteMarkerReplication={"Status": "Disabled"},
                   Destination={"StorageClass": "STANDARD_IA"}))
    version = s3.put_object(Bucket=source, Key="k", Body=b"")["VersionId"]
    status(source, "k", "COMPLETED")
    assert s3.head_object(Bucket=without, Key="k")["StorageClass"] == "STANDARD_IA"
    marker = s3.delete_object(Bucket=source, Key="k")["VersionId"]
    markers = lambda bucket: [each["VersionId"] for each in s3.list_object_versions(Bucket=bucket).get("DeleteMarkers", [])]
    wait_until(lambda: markers(with_markers) == [marker], what="the marker")
    s3.delete_object(Bucket=source, Key="k", VersionId=version)  # stays where it was copied to
    assert markers(without) == [] and s3.head_object(Bucket=without, Key="k")["VersionId"] == version


def test_filters_and_failures(s3, make, status):
    source, target = make(), make()
    replicate(s3, source, rule(target, Filter={"Prefix": "in/"}))
    s3.put_object(Bucket=source, Key="out/k", Body=b"")
    assert "ReplicationStatus" not in s3.head_object(Bucket=source, Key="out/k")
    s3.put_object(Bucket=source, Key="in/k", Body=b"")
    status(source, "in/k", "COMPLETED")
    s3.put_bucket_versioning(Bucket=target, VersioningConfiguration={"Status": "Suspended"})
    s3.put_object(Bucket=source, Key="in/l", Body=b"")
    status(source, "in/l", "FAILED")


def test_a_bucket_of_another_account(make_server, aws_for, unique, wait_until, refused):
    server = make_server("--dev")
    of = lambda account: aws_for(server).client("s3", aws_access_key_id=account)
    mine, theirs = of("111122223333"), of("444455556666")
    source, target = unique("mine"), unique("theirs")
    for s3, name in [(mine, source), (theirs, target)]:
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    refused(400, "InvalidRequest", mine.put_bucket_replication, Bucket=source, ReplicationConfiguration={
        "Role": ROLE, "Rules": [rule(target, Destination={"Account": "777788889999"})]})
    replicate(mine, source, rule(target, Destination={"Account": "444455556666"}))

    def put(key, wanted):
        version = mine.put_object(Bucket=source, Key=key, Body=b"body")["VersionId"]
        status = lambda: mine.head_object(Bucket=source, Key=key)["ReplicationStatus"]
        wait_until(lambda: status() != "PENDING", what="the copy")
        assert status() == wanted
        return version

    put("early", "FAILED")  # Nobody has let it in.
    statement = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": ["s3:ReplicateObject", "s3:ReplicateDelete"],
                 "Resource": f"arn:aws:s3:::{target}/*"}
    theirs.put_bucket_policy(Bucket=target, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    version = put("k", "COMPLETED")
    got = theirs.get_object(Bucket=target, Key="k")
    assert (got["Body"].read(), got["VersionId"], got["ReplicationStatus"]) == (b"body", version, "REPLICA")
    mine.delete_object(Bucket=source, Key="k")
    wait_until(lambda: "DeleteMarkers" in theirs.list_object_versions(Bucket=target), what="the marker")
    # Who owns a bucket cannot come as somebody else's role.
    replicate(theirs, target, rule(source))
    mine.put_bucket_policy(Bucket=source, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {**statement, "Resource": f"arn:aws:s3:::{source}/*"}]}))
    theirs.put_object(Bucket=target, Key="back", Body=b"")
    wait_until(lambda: theirs.head_object(Bucket=target, Key="back")["ReplicationStatus"] == "FAILED", what="the refusal")
