"""Inventory configurations, and the reports that the clock makes of them.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory.html"""

import csv
import datetime
import gzip
import hashlib
import io
import json
import urllib.parse
import urllib.request

import pytest

DAY = 86_400


@pytest.fixture(scope="module")
def clocked(make_server):
    return make_server("--dev")


@pytest.fixture(scope="module")
def dev(clocked, aws_for):
    return aws_for(clocked)("s3")


@pytest.fixture(scope="module")
def days_pass(clocked):
    def move(days):
        body = json.dumps({"advance_seconds": int(days * DAY)}).encode()
        urllib.request.urlopen(f"{clocked.endpoint}/_cumulet/clock", data=body).close()

    return move


def make_bucket(s3, name):
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    return name


def let_in(s3, source, destination):
    s3.put_bucket_policy(Bucket=destination, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "s3:PutObject",
         "Resource": f"arn:aws:s3:::{destination}/*",
         "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{source}"},
                       "StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}}]}))


def configuration(destination, name="all", **changes):
    return {"Id": name, "IsEnabled": True, "IncludedObjectVersions": "Current", "Schedule": {"Frequency": "Daily"},
            "Destination": {"S3BucketDestination": {"Bucket": f"arn:aws:s3:::{destination}", "Format": "CSV",
                                                    "Prefix": "lists"}}, **changes}


def put(s3, bucket, wanted):
    s3.put_bucket_inventory_configuration(Bucket=bucket, Id=wanted["Id"], InventoryConfiguration=wanted)


def reports(s3, destination, source, name="all"):
    listed = s3.list_objects_v2(Bucket=destination, Prefix=f"lists/{source}/{name}/").get("Contents", [])
    return sorted(each["Key"] for each in listed if each["Key"].endswith("manifest.checksum"))


def read_report(s3, destination, checksum_key):
    """The manifest, and its rows by name of column."""
    read = lambda key: s3.get_object(Bucket=destination, Key=key)["Body"].read()
    manifest = read(checksum_key.replace(".checksum", ".json"))
    assert read(checksum_key).decode() == hashlib.md5(manifest).hexdigest()
    manifest = json.loads(manifest)
    names = manifest["fileSchema"].split(", ")
    rows = []
    for file in manifest["files"]:
        packed = read(file["key"])
        assert (len(packed), hashlib.md5(packed).hexdigest()) == (file["size"], file["MD5checksum"])
        rows += [dict(zip(names, row, strict=True)) for row in csv.reader(io.StringIO(gzip.decompress(packed).decode()))]
    return manifest, rows


def test_configurations(s3, bucket, refused):
    refused(404, "NoSuchConfiguration", s3.get_bucket_inventory_configuration, Bucket=bucket, Id="a")
    assert s3.list_bucket_inventory_configurations(Bucket=bucket)["IsTruncated"] is False
    wanted = configuration("elsewhere", "a", Filter={"Prefix": "x/"}, OptionalFields=["Size", "ETag"],
                           Schedule={"Frequency": "Weekly"}, IncludedObjectVersions="All")
    put(s3, bucket, wanted)
    put(s3, bucket, configuration("elsewhere", "b", IsEnabled=False))
    assert s3.get_bucket_inventory_configuration(Bucket=bucket, Id="a")["InventoryConfiguration"] == wanted
    listed = s3.list_bucket_inventory_configurations(Bucket=bucket)["InventoryConfigurationList"]
    assert [each["Id"] for each in listed] == ["a", "b"]
    s3.delete_bucket_inventory_configuration(Bucket=bucket, Id="a")
    refused(404, "NoSuchConfiguration", s3.delete_bucket_inventory_configuration, Bucket=bucket, Id="a")
    s3.delete_bucket(Bucket=bucket)
    make_bucket(s3, bucket)
    refused(404, "NoSuchConfiguration", s3.get_bucket_inventory_configuration, Bucket=bucket, Id="b")


@pytest.mark.parametrize(
    "status, code, changes",
    [
        (400, "InvalidConfigurationId", {"Id": "no id"}),
        (400, "MalformedXML", {"IncludedObjectVersions": "Some"}),
        (400, "MalformedXML", {"Schedule": {"Frequency": "Hourly"}}),
        (400, "MalformedXML", {"OptionalFields": ["Colour"]}),
        (501, "NotImplemented", {"OptionalFields": ["ObjectAccessControlList"]}),
        (501, "NotImplemented", {"Destination": {"S3BucketDestination": {"Bucket": "arn:aws:s3:::x", "Format": "Parquet"}}}),
        (400, "MalformedXML", {"Destination": {"S3BucketDestination": {"Bucket": "arn:aws:s3:::x", "Format": "TSV"}}}),
        (400, "InvalidS3DestinationBucket", {"Destination": {"S3BucketDestination": {"Bucket": "x", "Format": "CSV"}}}),
    ],
)
def test_what_is_refused(s3, bucket, refused, status, code, changes):
    wanted = configuration("elsewhere", **changes)
    refused(status, code, s3.put_bucket_inventory_configuration, Bucket=bucket, Id=wanted["Id"],
            InventoryConfiguration=wanted)


def test_a_daily_report(dev, days_pass, wait_until, unique):
    source, destination = make_bucket(dev, unique("source")), make_bucket(dev, unique("lists"))
    let_in(dev, source, destination)
    bodies = {"a": b"1", "tree/ü,\" &x": b"x" * 70_000, "tree/z": b""}
    for key, body in bodies.items():
        dev.put_object(Bucket=source, Key=key, Body=body, ServerSideEncryption="AES256")
    fields = ["Size", "ETag", "StorageClass", "EncryptionStatus", "IsMultipartUploaded", "ObjectOwner",
              "LastModifiedDate", "ChecksumAlgorithm", "BucketKeyStatus"]
    put(dev, source, configuration(destination, OptionalFields=fields))
    put(dev, source, configuration(destination, "tree", Filter={"Prefix": "tree/"}))
    put(dev, source, configuration(destination, "off", IsEnabled=False))
    assert dev.list_objects_v2(Bucket=destination)["KeyCount"] == 0
    days_pass(1)
    found = lambda name: reports(dev, destination, source, name)
    wait_until(lambda: found("all") and found("tree"), what="the reports")
    manifest, rows = read_report(dev, destination, found("all")[0])
    assert manifest["sourceBucket"] == source and manifest["version"] == "2016-11-30"
    assert manifest["destinationBucket"] == f"arn:aws:s3:::{destination}" and manifest["fileFormat"] == "CSV"
    assert set(manifest["fileSchema"].split(", ")) == {"Bucket", "Key", *fields}
    assert [urllib.parse.unquote(row["Key"]) for row in rows] == sorted(bodies)
    for row in rows:
        body = bodies[urllib.parse.unquote(row["Key"])]
        assert (row["Bucket"], row["Size"], row["ETag"]) == (source, str(len(body)), hashlib.md5(body).hexdigest())
        assert (row["StorageClass"], row["EncryptionStatus"], row["IsMultipartUploaded"]) == ("STANDARD", "SSE-S3", "false")
        datetime.datetime.strptime(row["LastModifiedDate"], "%Y-%m-%dT%H:%M:%S.%fZ")
    _, rows = read_report(dev, destination, found("tree")[0])
    assert [list(row) for row in rows] == [["Bucket", "Key"]] * 2
    made = datetime.datetime.fromtimestamp(int(manifest["creationTimestamp"]) / 1000, datetime.timezone.utc)
    assert (made.hour, made.minute) == (0, 0) and f"{made:/%Y-%m-%dT%H-%MZ/}" in found("all")[0]
    links = dev.get_object(Bucket=destination, Key=f"lists/{source}/all/hive/dt={made:%Y-%m-%d-%H-%M}/symlink.txt")
    assert links["Body"].read().decode().split() == [f"s3://{destination}/{file['key']}" for file in manifest["files"]]
    days_pass(1)
    wait_until(lambda: len(found("all")) == 2, what="the next day's report")
    assert found("off") == []


def test_all_versions(dev, days_pass, wait_until, unique):
    source, destination = make_bucket(dev, unique("source")), make_bucket(dev, unique("lists"))
    let_in(dev, source, destination)
    dev.put_bucket_versioning(Bucket=source, VersioningConfiguration={"Status": "Enabled"})
    for key, times in [("a", 2), ("gone", 1)]:
        for time in range(times):
            dev.put_object(Bucket=source, Key=key, Body=b"x" * time)
    dev.delete_object(Bucket=source, Key="gone")
    put(dev, source, configuration(destination, IncludedObjectVersions="All"))
    days_pass(1)
    found = wait_until(lambda: reports(dev, destination, source), what="the report")
    manifest, rows = read_report(dev, destination, found[0])
    assert manifest["fileSchema"] == "Bucket, Key, VersionId, IsLatest, IsDeleteMarker"
    listed = dev.list_object_versions(Bucket=source)
    wanted = [(v["Key"], v["VersionId"], str(v["IsLatest"]).lower(), marker)
              for group, marker in [("Versions", "false"), ("DeleteMarkers", "true")] for v in listed[group]]
    assert sorted(tuple(list(row.values())[1:]) for row in rows) == sorted(wanted)


def test_an_empty_bucket_and_a_weekly_report(dev, days_pass, wait_until, unique):
    source, destination = make_bucket(dev, unique("source")), make_bucket(dev, unique("lists"))
    let_in(dev, source, destination)
    put(dev, source, configuration(destination, Schedule={"Frequency": "Weekly"}))
    days_pass(7)
    found = wait_until(lambda: reports(dev, destination, source), what="the report")
    manifest, rows = read_report(dev, destination, found[0])
    made = datetime.datetime.fromtimestamp(int(manifest["creationTimestamp"]) / 1000, datetime.timezone.utc)
    assert made.weekday() == 6 and rows == []


def test_a_destination_that_lets_nobody_in(clocked, dev, days_pass, wait_until, unique):
    source, destination = make_bucket(dev, unique("source")), make_bucket(dev, unique("lists"))
    put(dev, source, configuration(destination))
    days_pass(1)
    wait_until(lambda: f"an inventory was not delivered bucket={source}" in clocked.log_text(), what="the log's warning")
    assert dev.list_objects_v2(Bucket=destination)["KeyCount"] == 0


def test_a_report_survives_a_crash(make_server, aws_for, unique, wait_until):
    server = make_server("--dev")
    s3 = aws_for(server)("s3")
    source, destination = make_bucket(s3, unique("source")), make_bucket(s3, unique("lists"))
    let_in(s3, source, destination)
    for i in range(20):
        s3.put_object(Bucket=source, Key=f"k{i:02}", Body=b"x")
    put(s3, source, configuration(destination))
    body = json.dumps({"advance_seconds": DAY}).encode()
    urllib.request.urlopen(f"{server.endpoint}/_cumulet/clock", data=body).close()
    server.kill()
    server.start()
    urllib.request.urlopen(f"{server.endpoint}/_cumulet/clock", data=body).close()
    found = wait_until(lambda: reports(s3, destination, source), what="the report")
    assert [row["Key"] for row in read_report(s3, destination, found[0])[1]] == [f"k{i:02}" for i in range(20)]
    assert len({each["Key"] for each in s3.list_objects_v2(Bucket=destination)["Contents"]}) == 4
