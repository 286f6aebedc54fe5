"""Object lock: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html"""

import datetime

import pytest


def later(**delta):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(**delta)).replace(microsecond=0)


@pytest.fixture
def lockable(s3, unique):
    name = unique("locked")
    s3.create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name}, ObjectLockEnabledForBucket=True
    )
    return name


def put(s3, bucket, key="k", **options):
    return s3.put_object(Bucket=bucket, Key=key, Body=b"content", **options)["VersionId"]


def rule(**retention):
    return {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}}


def test_configuration(s3, bucket, lockable, refused):
    refused(404, "ObjectLockConfigurationNotFoundError", s3.get_object_lock_configuration, Bucket=bucket)
    assert s3.get_object_lock_configuration(Bucket=lockable)["ObjectLockConfiguration"] == {"ObjectLockEnabled": "Enabled"}
    assert s3.get_bucket_versioning(Bucket=lockable)["Status"] == "Enabled"
    refused(409, "InvalidBucketState", s3.put_bucket_versioning, Bucket=lockable,
            VersioningConfiguration={"Status": "Suspended"})
    refused(409, "InvalidBucketState", s3.put_object_lock_configuration, Bucket=bucket,
            ObjectLockConfiguration=rule(Mode="GOVERNANCE", Days=1))
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for name in [bucket, lockable]:
        wanted = rule(Mode="COMPLIANCE", Years=1)
        s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=wanted)
        assert s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"] == wanted


@pytest.mark.parametrize(
    "code, configuration",
    [
        ("MalformedXML", rule(Mode="GOVERNANCE", Days=1, Years=1)),
        ("MalformedXML", rule(Mode="GOVERNANCE")),
        ("MalformedXML", rule(Mode="governance", Days=1)),
        ("MalformedXML", {"ObjectLockEnabled": "Disabled"}),
        ("InvalidRetentionPeriod", rule(Mode="GOVERNANCE", Days=0)),
        ("InvalidRetentionPeriod", rule(Mode="GOVERNANCE", Years=-1)),
        ("InvalidRetentionPeriod", rule(Mode="GOVERNANCE", Days=36_501)),
    ],
)
def test_configurations_that_are_refused(s3, lockable, refused, code, configuration):
    refused(400, code, s3.put_object_lock_configuration, Bucket=lockable, ObjectLockConfiguration=configuration)


def test_default_retention(s3, lockable, refused):
    s3.put_object_lock_configuration(Bucket=lockable, ObjectLockConfiguration=rule(Mode="GOVERNANCE", Days=3))
    version = put(s3, lockable)
    head = s3.head_object(Bucket=lockable, Key="k")
    assert head["ObjectLockMode"] == "GOVERNANCE"
    assert head["ObjectLockRetainUntilDate"] - head["LastModified"] < datetime.timedelta(days=3, seconds=2)
    refused(403, "AccessDenied", s3.delete_object, Bucket=lockable, Key="k", VersionId=version)
    own = later(days=9)
    put(s3, lockable, "own", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=own)
    kept = s3.get_object_retention(Bucket=lockable, Key="own")["Retention"]
    assert kept == {"Mode": "COMPLIANCE", "RetainUntilDate": own}
    s3.copy_object(Bucket=lockable, Key="copy", CopySource={"Bucket": lockable, "Key": "own"})
    assert s3.get_object_retention(Bucket=lockable, Key="copy")["Retention"]["Mode"] == "GOVERNANCE"
    upload = s3.create_multipart_upload(Bucket=lockable, Key="parts", ObjectLockLegalHoldStatus="ON")["UploadId"]
    part = s3.upload_part(Bucket=lockable, Key="parts", UploadId=upload, PartNumber=1, Body=b"part")
    s3.complete_multipart_upload(
        Bucket=lockable, Key="parts", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    )
    head = s3.head_object(Bucket=lockable, Key="parts")
    assert (head["ObjectLockMode"], head["ObjectLockLegalHoldStatus"]) == ("GOVERNANCE", "ON")


def test_governance_can_be_bypassed(s3, lockable, refused):
    version = put(s3, lockable, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=later(days=5))
    shorter = {"Mode": "GOVERNANCE", "RetainUntilDate": later(days=1)}
    refused(403, "AccessDenied", s3.put_object_retention, Bucket=lockable, Key="k", Retention=shorter)
    s3.put_object_retention(Bucket=lockable, Key="k", Retention={"Mode": "GOVERNANCE", "RetainUntilDate": later(days=6)})
    s3.put_object_retention(Bucket=lockable, Key="k", Retention=shorter, BypassGovernanceRetention=True)
    assert s3.get_object_retention(Bucket=lockable, Key="k")["Retention"] == shorter
    assert s3.delete_object(Bucket=lockable, Key="k")["DeleteMarker"] is True  # hides it; nothing is lost
    refused(403, "AccessDenied", s3.delete_object, Bucket=lockable, Key="k", VersionId=version)
    s3.delete_object(Bucket=lockable, Key="k", VersionId=version, BypassGovernanceRetention=True)
    refused(404, "NoSuchVersion", s3.get_object, Bucket=lockable, Key="k", VersionId=version)


def test_compliance_holds(s3, lockable, refused):
    until = later(days=5)
    version = put(s3, lockable, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until)
    put(s3, lockable)
    for retention in [{"Mode": "COMPLIANCE", "RetainUntilDate": later(days=1)},
                      {"Mode": "GOVERNANCE", "RetainUntilDate": until}, {}]:
        refused(403, "AccessDenied", s3.put_object_retention, Bucket=lockable, Key="k", VersionId=version,
                Retention=retention, BypassGovernanceRetention=True)
    refused(403, "AccessDenied", s3.delete_object, Bucket=lockable, Key="k", VersionId=version,
            BypassGovernanceRetention=True)


def test_legal_hold(s3, lockable, refused):
    version = put(s3, lockable)
    refused(404, "NoSuchObjectLockConfiguration", s3.get_object_legal_hold, Bucket=lockable, Key="k")
    s3.put_object_legal_hold(Bucket=lockable, Key="k", LegalHold={"Status": "ON"})
    refused(403, "AccessDenied", s3.delete_object, Bucket=lockable, Key="k", VersionId=version,
            BypassGovernanceRetention=True)
    s3.put_object_legal_hold(Bucket=lockable, Key="k", LegalHold={"Status": "OFF"})
    assert s3.get_object_legal_hold(Bucket=lockable, Key="k")["LegalHold"] == {"Status": "OFF"}
    refused(400, "MalformedXML", s3.put_object_legal_hold, Bucket=lockable, Key="k", LegalHold={"Status": "on"})
    s3.delete_object(Bucket=lockable, Key="k", VersionId=version)


def test_delete_objects_reports_locked_versions(s3, lockable):
    free = put(s3, lockable, "free")
    held = put(s3, lockable, "held", ObjectLockLegalHoldStatus="ON")
    done = s3.delete_objects(Bucket=lockable, Delete={"Objects": [
        {"Key": "free", "VersionId": free}, {"Key": "held", "VersionId": held}]})
    assert [each["Key"] for each in done["Deleted"]] == ["free"]
    assert [(each["Key"], each["VersionId"], each["Code"]) for each in done["Errors"]] == [("held", held, "AccessDenied")]


def test_requests_that_are_refused(s3, bucket, lockable, refused):
    put(s3, lockable)
    put_options = dict(Bucket=lockable, Key="bad", Body=b"")
    refused(400, "InvalidArgument", s3.put_object, **put_options, ObjectLockMode="GOVERNANCE")
    refused(400, "InvalidArgument", s3.put_object, **put_options, ObjectLockMode="X", ObjectLockRetainUntilDate=later(days=1))
    refused(400, "InvalidArgument", s3.put_object, **put_options, ObjectLockMode="GOVERNANCE",
            ObjectLockRetainUntilDate=later(days=-1))
    refused(400, "InvalidRequest", s3.put_object, Bucket=bucket, Key="k", Body=b"", ObjectLockLegalHoldStatus="ON")
    refused(404, "NoSuchObjectLockConfiguration", s3.get_object_retention, Bucket=lockable, Key="k")
    refused(404, "NoSuchKey", s3.get_object_retention, Bucket=lockable, Key="none")
    refused(400, "MalformedXML", s3.put_object_retention, Bucket=lockable, Key="k", Retention={"Mode": "GOVERNANCE"})
    refused(400, "InvalidArgument", s3.put_object_retention, Bucket=lockable, Key="k",
            Retention={"Mode": "GOVERNANCE", "RetainUntilDate": later(days=-1)})
    for call, extra in [(s3.get_object_retention, {}), (s3.get_object_legal_hold, {}),
                        (s3.put_object_legal_hold, {"LegalHold": {"Status": "ON"}})]:
        refused(400, "InvalidRequest", call, Bucket=bucket, Key="k", **extra)


def test_command_line(cli, lockable):
    cli("s3api", "put-object", "--bucket", lockable, "--key", "k", "--object-lock-legal-hold-status", "ON")
    held = cli("s3api", "get-object-legal-hold", "--bucket", lockable, "--key", "k")
    assert held["LegalHold"]["Status"] == "ON"
