"""Lifecycle rules and archived objects, by a clock that the tests move.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lifecycle-mgmt.html"""

import datetime
import json
import urllib.request

import pytest

DAY = 86_400


@pytest.fixture(scope="module")
def clocked(make_server):
    return make_server("--dev")


@pytest.fixture(scope="module")
def cloud(clocked, aws_for):
    return aws_for(clocked)


@pytest.fixture(scope="module")
def dev(cloud):
    return cloud("s3")


@pytest.fixture(scope="module")
def days_pass(clocked):
    def move(days):
        body = json.dumps({"advance_seconds": int(days * DAY)}).encode()
        urllib.request.urlopen(f"{clocked.endpoint}/_cumulet/clock", data=body).close()

    return move


@pytest.fixture
def home(dev, unique):
    """home(versioned=True) is a new bucket on the server with the moving clock."""

    def make(versioned=False, **options):
        name = unique("aging")
        dev.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": dev.meta.region_name}, **options)
        if versioned:
            dev.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    return make


@pytest.fixture
def rules(dev):
    def put(bucket, *given):
        made = [{"ID": f"rule-{i}", "Status": "Enabled", "Filter": {}, **each} for i, each in enumerate(given)]
        return dev.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": made})

    return put


def keys(s3, bucket):
    return [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def versions(s3, bucket):
    answer = s3.list_object_versions(Bucket=bucket)
    return len(answer.get("Versions", [])), len(answer.get("DeleteMarkers", []))


def test_configuration(s3, bucket, refused):
    refused(404, "NoSuchLifecycleConfiguration", s3.get_bucket_lifecycle_configuration, Bucket=bucket)
    wanted = [
        {"ID": "a", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 100},
         "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}, {"Days": 60, "StorageClass": "GLACIER"}]},
        {"ID": "b", "Status": "Disabled", "Expiration": {"ExpiredObjectDeleteMarker": True},
         "Filter": {"And": {"Prefix": "x", "ObjectSizeGreaterThan": 10, "ObjectSizeLessThan": 20}},
         "NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 2}},
        {"ID": "c", "Status": "Enabled", "Filter": {"Tag": {"Key": "k", "Value": "v"}},
         "Expiration": {"Date": datetime.datetime(2031, 1, 1, tzinfo=datetime.timezone.utc)}},
        {"ID": "d", "Status": "Enabled", "Prefix": "", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}},
    ]
    answer = s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": wanted})
    assert answer["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    got = s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    assert got["Rules"] == wanted
    s3.delete_bucket_lifecycle(Bucket=bucket)
    refused(404, "NoSuchLifecycleConfiguration", s3.get_bucket_lifecycle_configuration, Bucket=bucket)


EXPIRES = {"Expiration": {"Days": 1}}


@pytest.mark.parametrize(
    "code, rule",
    [
        ("InvalidRequest", {}),
        ("MalformedXML", {"Status": "On", **EXPIRES}),
        ("MalformedXML", {"Prefix": "a", **EXPIRES}),
        ("InvalidArgument", {"ID": "x" * 256, **EXPIRES}),
        ("InvalidArgument", {"Expiration": {"Days": 0}}),
        ("MalformedXML", {"Expiration": {}}),
        ("MalformedXML", {"Expiration": {"Days": 1, "ExpiredObjectDeleteMarker": True}}),
        ("InvalidArgument", {"Expiration": {"Date": datetime.datetime(2030, 1, 1, 5)}}),
        ("MalformedXML", {"Filter": {"Prefix": "a", "Tag": {"Key": "k", "Value": "v"}}, **EXPIRES}),
        ("MalformedXML", {"Filter": {"And": {"Prefix": "a"}}, **EXPIRES}),
        ("InvalidRequest", {"Filter": {"And": {"ObjectSizeGreaterThan": 9, "ObjectSizeLessThan": 9}}, **EXPIRES}),
        ("InvalidRequest", {"Filter": {"Tag": {"Key": "k", "Value": "v"}},
                            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}),
        ("InvalidArgument", {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 0}}),
        ("InvalidArgument", {"NoncurrentVersionExpiration": {"NoncurrentDays": 0}}),
        ("InvalidArgument", {"NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 101}}),
        ("MalformedXML", {"Transitions": [{"Days": 1, "StorageClass": "STANDARD"}]}),
        ("InvalidArgument", {"Transitions": [{"Days": 1, "StorageClass": "STANDARD_IA"}]}),
        ("InvalidRequest", {"Transitions": [{"Days": 1, "StorageClass": "GLACIER"}, {"Days": 2, "StorageClass": "GLACIER"}]}),
        ("InvalidArgument", {"Transitions": [{"Days": 5, "StorageClass": "GLACIER"}], "Expiration": {"Days": 5}}),
    ],
)
def test_rules_that_are_refused(s3, bucket, refused, code, rule):
    given = {"ID": "r", "Status": "Enabled", "Filter": {}, **rule}
    refused(400, code, s3.put_bucket_lifecycle_configuration, Bucket=bucket, LifecycleConfiguration={"Rules": [given]})


def test_two_rules_need_two_names(s3, bucket, refused):
    rule = {"ID": "same", "Status": "Enabled", "Filter": {}, **EXPIRES}
    refused(400, "InvalidArgument", s3.put_bucket_lifecycle_configuration, Bucket=bucket,
            LifecycleConfiguration={"Rules": [rule, {**rule, "Expiration": {"Days": 2}}]})


def test_objects_expire_by_filter(dev, home, rules, days_pass, wait_until):
    bucket = home()
    dev.put_object(Bucket=bucket, Key="logs/a", Body=b"a")
    dev.put_object(Bucket=bucket, Key="big", Body=b"b" * 100_000)
    dev.put_object(Bucket=bucket, Key="small", Body=b"c")
    dev.put_object(Bucket=bucket, Key="tagged", Body=b"d", Tagging="keep=no&x=y")
    dev.put_object(Bucket=bucket, Key="other", Body=b"e", Tagging="keep=yes")
    rules(bucket,
          {"Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 1}},
          {"Filter": {"ObjectSizeGreaterThan": 50_000}, "Expiration": {"Days": 3}},
          {"Filter": {"Tag": {"Key": "keep", "Value": "no"}}, "Expiration": {"Days": 1}},
          {"Status": "Disabled", "Expiration": {"Days": 1}})
    head = dev.head_object(Bucket=bucket, Key="logs/a")
    midnight = (head["LastModified"] + datetime.timedelta(days=2)).replace(hour=0, minute=0, second=0)
    assert head["Expiration"] == f'expiry-date="{midnight:%a, %d %b %Y %H:%M:%S GMT}", rule-id="rule-0"'
    assert 'rule-id="rule-0"' in dev.put_object(Bucket=bucket, Key="logs/b", Body=b"")["Expiration"]
    assert "Expiration" not in dev.head_object(Bucket=bucket, Key="small")
    days_pass(2)
    wait_until(lambda: keys(dev, bucket) == ["big", "other", "small"], what="the first expiry")
    days_pass(2)
    wait_until(lambda: keys(dev, bucket) == ["other", "small"], what="the second expiry")


def test_many_objects_expire(dev, home, rules, wait_until):
    bucket = home()
    for i in range(150):
        dev.put_object(Bucket=bucket, Key=f"k{i:03}", Body=b"x")
    long_ago = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
    rules(bucket, {"Filter": {"Prefix": "k"}, "Expiration": {"Date": long_ago}})
    wait_until(lambda: keys(dev, bucket) == [], what="everything to be gone")


def test_versions_age(dev, home, rules, days_pass, wait_until):
    bucket = home(versioned=True)
    for i in range(4):
        dev.put_object(Bucket=bucket, Key="k", Body=bytes([i]) * 70_000)
    rules(bucket, {"NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 1}})
    days_pass(2)
    wait_until(lambda: versions(dev, bucket) == (2, 0), what="old versions to go")
    assert dev.get_object(Bucket=bucket, Key="k")["Body"].read() == b"\x03" * 70_000
    # Current ones expire behind a marker, the marker goes when it hides nothing.
    rules(bucket, {"Expiration": {"Days": 1}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1}})
    days_pass(1)
    wait_until(lambda: versions(dev, bucket) in [(2, 1), (1, 1)], what="the marker")
    days_pass(2)
    wait_until(lambda: versions(dev, bucket) == (0, 0), what="all to go")


def test_lone_markers_go(dev, home, rules, wait_until):
    bucket = home(versioned=True)
    version = dev.put_object(Bucket=bucket, Key="k", Body=b"")["VersionId"]
    dev.put_object(Bucket=bucket, Key="kept", Body=b"")
    for key in ["k", "kept"]:
        dev.delete_object(Bucket=bucket, Key=key)
    dev.delete_object(Bucket=bucket, Key="k", VersionId=version)
    rules(bucket, {"Expiration": {"ExpiredObjectDeleteMarker": True}})
    wait_until(lambda: versions(dev, bucket) == (1, 1), what="the lone marker to go")


def test_locked_versions_stay(dev, home, rules, days_pass, wait_until):
    bucket = home(ObjectLockEnabledForBucket=True)
    held = dev.put_object(Bucket=bucket, Key="a", Body=b"1", ObjectLockLegalHoldStatus="ON")["VersionId"]
    for key in ["a", "b", "b"]:
        dev.put_object(Bucket=bucket, Key=key, Body=b"2")
    rules(bucket, {"NoncurrentVersionExpiration": {"NoncurrentDays": 1}})
    days_pass(2)
    wait_until(lambda: versions(dev, bucket) == (3, 0), what="the free version to go")
    assert dev.head_object(Bucket=bucket, Key="a", VersionId=held)["ObjectLockLegalHoldStatus"] == "ON"


def test_uploads_are_given_up(dev, home, rules, days_pass, wait_until):
    bucket = home()
    rules(bucket, {"Filter": {"Prefix": "up"}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}})
    upload = dev.create_multipart_upload(Bucket=bucket, Key="up")
    assert upload["AbortRuleId"] == "rule-0" and upload["AbortDate"].hour == 0
    dev.upload_part(Bucket=bucket, Key="up", UploadId=upload["UploadId"], PartNumber=1, Body=b"x" * 100)
    dev.create_multipart_upload(Bucket=bucket, Key="kept")
    days_pass(2)
    left = lambda: [each["Key"] for each in dev.list_multipart_uploads(Bucket=bucket).get("Uploads", [])]
    wait_until(lambda: left() == ["kept"], what="the upload to be given up")


def test_transition_and_restore(dev, home, rules, days_pass, wait_until, refused):
    bucket = home()
    body = b"x" * 200_000
    dev.put_object(Bucket=bucket, Key="large", Body=body)
    dev.put_object(Bucket=bucket, Key="small", Body=b"x")
    rules(bucket, {"Transitions": [{"Days": 1, "StorageClass": "GLACIER"}]})
    days_pass(2)
    stored = lambda key: dev.head_object(Bucket=bucket, Key=key).get("StorageClass", "STANDARD")
    wait_until(lambda: stored("large") == "GLACIER", what="the transition")
    assert stored("small") == "STANDARD"  # below 128 KiB
    error = refused(403, "InvalidObjectState", dev.get_object, Bucket=bucket, Key="large")
    assert error["StorageClass"] == "GLACIER"
    refused(403, "InvalidObjectState", dev.copy_object, Bucket=bucket, Key="copy", CopySource=f"{bucket}/large")
    refused(403, "InvalidObjectState", dev.restore_object, Bucket=bucket, Key="small", RestoreRequest={"Days": 1})
    answer = dev.restore_object(Bucket=bucket, Key="large", RestoreRequest={"Days": 1, "GlacierJobParameters": {"Tier": "Bulk"}})
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert dev.head_object(Bucket=bucket, Key="large")["Restore"].startswith('ongoing-request="false", expiry-date="')
    assert dev.get_object(Bucket=bucket, Key="large")["Body"].read() == body
    answer = dev.restore_object(Bucket=bucket, Key="large", RestoreRequest={"Days": 1})
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    days_pass(3)
    refused(403, "InvalidObjectState", dev.get_object, Bucket=bucket, Key="large")


def test_expiry_is_told(dev, cloud, home, rules, wait_until, unique):
    sqs = cloud("sqs")
    queue = sqs.create_queue(QueueName=unique("expired"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    bucket = home()
    dev.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={
        "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:LifecycleExpiration:*"]}]})
    dev.put_object(Bucket=bucket, Key="k", Body=b"")
    rules(bucket, {"Expiration": {"Date": datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)}})

    def told():
        for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", []):
            for record in json.loads(message["Body"]).get("Records", []):
                return record

    record = wait_until(told, what="the notification")
    assert (record["eventName"], record["s3"]["object"]["key"]) == ("LifecycleExpiration:Delete", "k")
    assert record["userIdentity"]["principalId"] == "s3.amazonaws.com"


def test_a_pass_goes_on_after_a_crash(make_server, aws_for, unique, wait_until):
    server = make_server("--dev")
    s3 = aws_for(server)("s3")
    bucket = unique("crash")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    for i in range(300):
        s3.put_object(Bucket=bucket, Key=f"k{i:03}", Body=b"x" * (70_000 if i % 10 == 0 else 10))
    long_ago = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [
        {"ID": "r", "Status": "Enabled", "Filter": {}, "Expiration": {"Date": long_ago}}]})
    server.kill()
    server.start()
    wait_until(lambda: keys(s3, bucket) == [], what="the rest to expire")


def test_command_line(cli, bucket):
    rule = {"Rules": [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "a"}, "Expiration": {"Days": 5}}]}
    cli("s3api", "put-bucket-lifecycle-configuration", "--bucket", bucket, "--lifecycle-configuration", json.dumps(rule))
    assert cli("s3api", "get-bucket-lifecycle-configuration", "--bucket", bucket)["Rules"] == rule["Rules"]
