"""Server access logs: who gets them, what they say, and that they outlive the server.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html"""

import json
import shlex
import urllib.error
import urllib.request

import pytest

FIELDS = (
    "owner bucket time remote requester request_id operation key request status error sent size total turn_around "
    "referer agent version host_id signature cipher authentication host tls access_point acl region"
).split()


@pytest.fixture(scope="module")
def clocked(make_server):
    return make_server("--dev")


@pytest.fixture(scope="module")
def dev(clocked, aws_for):
    return aws_for(clocked)("s3")


@pytest.fixture
def home(dev, unique):
    def make(name="logged", **options):
        name = unique(name)
        dev.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": dev.meta.region_name}, **options)
        return name

    return make


def let_logs_in(s3, source, target, account, prefix="*"):
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{target}/{prefix}",
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{source}"},
            "StringEquals": {"aws:SourceAccount": account},
        },
    }
    s3.put_bucket_policy(Bucket=target, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def log_into(s3, source, target, prefix="logs/", **more):
    enabled = {"TargetBucket": target, "TargetPrefix": prefix, **more}
    return s3.put_bucket_logging(Bucket=source, BucketLoggingStatus={"LoggingEnabled": enabled})


def advance(server, seconds=360):
    body = json.dumps({"advance_seconds": seconds}).encode()
    urllib.request.urlopen(f"{server.endpoint}/_cumulet/clock", data=body).close()


@pytest.fixture
def delivered(dev, clocked, wait_until):
    """delivered(target, "REST.GET.OBJECT", …): the keys of the logs and their lines, as fields, when one of each has come."""

    def wait(target, *operations, s3=dev, server=clocked):
        def look():
            advance(server)
            keys = [each["Key"] for each in s3.list_objects_v2(Bucket=target).get("Contents", [])]
            texts = [s3.get_object(Bucket=target, Key=key)["Body"].read().decode() for key in keys]
            records = [parsed(line) for text in texts for line in text.splitlines()]
            return (keys, records) if set(operations) <= {each["operation"] for each in records} else None

        return wait_until(look, what=f"{operations} in a log")

    return wait


def parsed(line):
    parts = shlex.split(line.replace("[", '"').replace("]", '"'))
    assert len(parts) == len(FIELDS), line
    return dict(zip(FIELDS, parts))


def test_each_request_is_a_line(dev, clocked, home, delivered):
    source, target = home(), home("logs")
    let_logs_in(dev, source, target, clocked.account)
    log_into(dev, source, target)
    enabled = dev.get_bucket_logging(Bucket=source)["LoggingEnabled"]
    assert (enabled["TargetBucket"], enabled["TargetPrefix"]) == (target, "logs/")
    dev.put_object(Bucket=source, Key="a b/ü.txt", Body=b"twelve bytes")
    dev.get_object(Bucket=source, Key="a b/ü.txt", Range="bytes=0-3")["Body"].read()
    with pytest.raises(dev.exceptions.ClientError):
        dev.get_object(Bucket=source, Key="absent")
    dev.delete_objects(Bucket=source, Delete={"Objects": [{"Key": "a b/ü.txt"}]})
    dev.list_objects_v2(Bucket=source)
    keys, records = delivered(target, "REST.GET.BUCKET")
    assert all(key.startswith("logs/20") and len(key.rsplit("-", 1)[1]) == 16 for key in keys)
    by_operation = {}
    for record in records:
        by_operation.setdefault(record["operation"], []).append(record)
    put = by_operation["REST.PUT.OBJECT"][0]
    assert (put["owner"], put["bucket"], put["region"]) == (clocked.account, source, "eu-central-1")
    assert (put["key"], put["status"], put["error"], put["size"]) == ("a%20b/%C3%BC.txt", "200", "-", "12")
    assert (put["remote"], put["requester"]) == ("127.0.0.1", clocked.account)
    assert (put["signature"], put["authentication"]) == ("SigV4", "AuthHeader")
    assert put["request"].startswith(f"PUT /{source}/a%20b/%C3%BC.txt") and put["request"].endswith(" HTTP/1.1")
    assert "Boto3" in put["agent"] and put["host"] == f"127.0.0.1:{clocked.port}".replace(":", "%3A")
    part, absent = by_operation["REST.GET.OBJECT"]
    assert (part["status"], part["sent"], part["size"]) == ("206", "4", "12")
    assert (absent["status"], absent["error"], absent["key"]) == ("404", "NoSuchKey", "absent")
    assert by_operation["REST.POST.MULTI_OBJECT_DELETE"] and by_operation["REST.GET.BUCKET"]


def test_refused_strangers_are_in_the_log(make_server, aws_for, unique, delivered):
    server = make_server("--dev")
    s3 = aws_for(server)("s3")
    source, target = unique("logged"), unique("logs")
    for name in (source, target):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    let_logs_in(s3, source, target, server.account)
    log_into(s3, source, target)
    other = aws_for(server)("s3", aws_access_key_id="222222222222", aws_secret_access_key="any")
    with pytest.raises(other.exceptions.ClientError):
        other.put_object(Bucket=source, Key="k", Body=b"x")
    _, records = delivered(target, "REST.PUT.OBJECT", s3=s3, server=server)
    put = next(each for each in records if each["operation"] == "REST.PUT.OBJECT")
    assert (put["requester"], put["status"], put["error"]) == ("222222222222", "403", "AccessDenied")


def test_partitioned_keys(dev, clocked, home, delivered):
    for date_source in ("EventTime", "DeliveryTime"):
        source, target = home(), home("logs")
        let_logs_in(dev, source, target, clocked.account)
        log_into(dev, source, target, TargetObjectKeyFormat={"PartitionedPrefix": {"PartitionDateSource": date_source}})
        dev.list_objects_v2(Bucket=source)
        keys, _ = delivered(target, "REST.GET.BUCKET")
        prefix, year, month, day, name = keys[0].rsplit("/", 4)
        assert prefix == f"logs/{clocked.account}/eu-central-1/{source}"
        assert name.startswith(f"{year}-{month}-{day}-")
        assert (name[11:19] == "00-00-00") == (date_source == "EventTime")


def test_who_may_be_a_target(dev, clocked, home, refused):
    source, target = home(), home("logs")

    def put(name, **more):
        enabled = {"TargetBucket": name, "TargetPrefix": "logs/", **more}
        return {"Bucket": source, "BucketLoggingStatus": {"LoggingEnabled": enabled}}

    bad = "InvalidTargetBucketForLogging"
    refused(400, bad, dev.put_bucket_logging, **put(source + "-absent"))
    refused(400, bad, dev.put_bucket_logging, **put(target))  # Nothing lets the service write.
    let_logs_in(dev, "another-bucket", target, clocked.account)
    refused(400, bad, dev.put_bucket_logging, **put(target))
    let_logs_in(dev, source, target, clocked.account, "elsewhere/*")
    refused(400, bad, dev.put_bucket_logging, **put(target))
    let_logs_in(dev, source, target, clocked.account, "logs/*")
    grants = [{"Grantee": {"Type": "CanonicalUser", "ID": clocked.account}, "Permission": "READ"}]
    refused(400, "AccessControlListNotSupported", dev.put_bucket_logging, **put(target, TargetGrants=grants))
    wrong = {"PartitionedPrefix": {"PartitionDateSource": "Tomorrow"}}
    refused(400, "MalformedXML", dev.put_bucket_logging, **put(target, TargetObjectKeyFormat=wrong))
    dev.put_bucket_logging(**put(target))
    dev.put_bucket_logging(Bucket=source, BucketLoggingStatus={})
    assert "LoggingEnabled" not in dev.get_bucket_logging(Bucket=source)


def test_the_log_delivery_group(dev, home, delivered):
    source, target = home(), home("logs", ObjectOwnership="ObjectWriter")
    dev.put_bucket_acl(Bucket=target, ACL="log-delivery-write")
    log_into(dev, source, target)
    dev.list_objects_v2(Bucket=source)
    delivered(target, "REST.GET.BUCKET")


def test_what_was_logged_outlives_the_server(make_server, aws_for, unique, delivered):
    server = make_server("--dev")
    s3 = aws_for(server)("s3")
    source, target = unique("logged"), unique("logs")
    for name in (source, target):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    let_logs_in(s3, source, target, server.account)
    log_into(s3, source, target)
    s3.list_objects_v2(Bucket=source)
    server.stop()  # What is in memory goes into the store.
    server.start()
    s3.head_bucket(Bucket=source)  # The configuration is known again.
    delivered(target, "REST.GET.BUCKET", "REST.HEAD.BUCKET", s3=s3, server=server)
