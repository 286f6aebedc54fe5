"""What Terraform's AWS provider asks when it makes, reads, changes and removes aws_s3_bucket and the resources about it. Each
question of a refresh must be answered as the provider expects: a value, or the very error code that it takes for "not set"."""

import pytest

NOT_SET = [
    ("get_bucket_policy", "NoSuchBucketPolicy"),
    ("get_bucket_cors", "NoSuchCORSConfiguration"),
    ("get_bucket_website", "NoSuchWebsiteConfiguration"),
    ("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration"),
    ("get_bucket_replication", "ReplicationConfigurationNotFoundError"),
    ("get_object_lock_configuration", "ObjectLockConfigurationNotFoundError"),
    ("get_bucket_tagging", "NoSuchTagSet"),
]
NOT_SET_BY_ID = [
    ("get_bucket_analytics_configuration", "NoSuchConfiguration"),
    ("get_bucket_intelligent_tiering_configuration", "NoSuchConfiguration"),
    ("get_bucket_inventory_configuration", "NoSuchConfiguration"),
    ("get_bucket_metrics_configuration", "NoSuchConfiguration"),
]


@pytest.mark.parametrize("question, code", NOT_SET)
def test_what_a_new_bucket_has_not(s3, bucket, refused, question, code):
    refused(404, code, getattr(s3, question), Bucket=bucket)


@pytest.mark.parametrize("question, code", NOT_SET_BY_ID)
def test_configurations_that_a_new_bucket_has_not(s3, bucket, refused, question, code):
    refused(404, code, getattr(s3, question), Bucket=bucket, Id="any")


def test_what_a_new_bucket_has(s3, bucket):
    said = lambda answer: {key: value for key, value in answer.items() if key != "ResponseMetadata"}
    assert s3.head_bucket(Bucket=bucket)["BucketRegion"] == s3.meta.region_name
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] == s3.meta.region_name
    assert said(s3.get_bucket_versioning(Bucket=bucket)) == {}
    assert said(s3.get_bucket_accelerate_configuration(Bucket=bucket)) == {}
    assert said(s3.get_bucket_logging(Bucket=bucket)) == {}
    assert said(s3.get_bucket_notification_configuration(Bucket=bucket)) == {}
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    grants = s3.get_bucket_acl(Bucket=bucket)["Grants"]
    assert [grant["Permission"] for grant in grants] == ["FULL_CONTROL"]
    owners = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert owners == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert set(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values()) == {True}


def test_encryption_is_said_as_it_is(s3, bucket, refused, make_server, aws_for):
    refused(404, "ServerSideEncryptionConfigurationNotFoundError", s3.get_bucket_encryption, Bucket=bucket)
    assert "ServerSideEncryption" not in s3.put_object(Bucket=bucket, Key="k", Body=b"")
    always = aws_for(make_server("--encrypt-objects"))("s3")
    always.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": always.meta.region_name})
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}
    rules = lambda: always.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules() == [rule]
    assert always.put_object(Bucket=bucket, Key="k", Body=b"x" * 70_000)["ServerSideEncryption"] == "AES256"
    got = always.get_object(Bucket=bucket, Key="k")
    assert (got["ServerSideEncryption"], got["Body"].read()) == ("AES256", b"x" * 70_000)
    always.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [
        {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]})
    assert always.put_object(Bucket=bucket, Key="k", Body=b"")["ServerSideEncryption"] == "aws:kms"
    always.delete_bucket_encryption(Bucket=bucket)  # Back to what a new bucket has, as on AWS.
    assert rules() == [rule]


def test_each_setting_is_read_back_as_it_was_put(s3, bucket):
    """The provider compares what it has put with what it reads, and plans a change for every difference."""
    lifecycle = [{"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 30},
                  "NoncurrentVersionExpiration": {"NoncurrentDays": 7}}]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": lifecycle},
                                          TransitionDefaultMinimumObjectSize="all_storage_classes_128K")
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.put_bucket_accelerate_configuration(Bucket=bucket, AccelerateConfiguration={"Status": "Suspended"})
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [
        {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": True}]})
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={
        "ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}})
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    got = s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    assert (got["Rules"], got["TransitionDefaultMinimumObjectSize"]) == (lifecycle, "all_storage_classes_128K")
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "a", "Value": "b"}]
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules == [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": True}]
    lock = s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
    assert lock["Rule"]["DefaultRetention"] == {"Mode": "GOVERNANCE", "Days": 1}
    for remove in ["delete_bucket_tagging", "delete_bucket_lifecycle", "delete_bucket_encryption"]:
        getattr(s3, remove)(Bucket=bucket)
    s3.delete_bucket(Bucket=bucket)


def test_an_object_resource(s3, bucket, refused):
    put = s3.put_object(Bucket=bucket, Key="file", Body=b"content", ContentType="text/plain", Tagging="a=b",
                        ChecksumAlgorithm="CRC32")
    head = s3.head_object(Bucket=bucket, Key="file", ChecksumMode="ENABLED")
    assert (head["ETag"], head["ContentType"], head["ChecksumCRC32"]) == (put["ETag"], "text/plain", put["ChecksumCRC32"])
    assert s3.get_object_tagging(Bucket=bucket, Key="file")["TagSet"] == [{"Key": "a", "Value": "b"}]
    s3.delete_object(Bucket=bucket, Key="file")
    refused(404, "404", s3.head_object, Bucket=bucket, Key="file")
    s3.delete_bucket(Bucket=bucket)
    refused(404, "404", s3.head_bucket, Bucket=bucket)
