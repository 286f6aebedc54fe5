"""Buckets through boto3 and the AWS CLI."""

import json

import pytest
from botocore.handlers import validate_bucket_name

REGION = "eu-central-1"
PLACE = {"LocationConstraint": REGION}


def test_create_head_list_delete(s3, unique, refused):
    name = unique("bucket")
    made = s3.create_bucket(Bucket=name, CreateBucketConfiguration=PLACE)
    assert made["Location"].endswith(name)
    head = s3.head_bucket(Bucket=name)
    assert head["BucketRegion"] == REGION
    assert head["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"] == REGION
    listed = {each["Name"]: each["CreationDate"] for each in s3.list_buckets()["Buckets"]}
    assert listed[name].tzinfo is not None
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == REGION
    deleted = s3.delete_bucket(Bucket=name)
    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    refused(404, "404", s3.head_bucket, Bucket=name)
    refused(404, "NoSuchBucket", s3.list_objects_v2, Bucket=name)
    error = refused(404, "NoSuchBucket", s3.delete_bucket, Bucket=name)
    assert error["BucketName"] == name
    assert error["Message"] == "The specified bucket does not exist"


def test_us_east_1_has_no_location(aws, unique):
    s3 = aws("s3", region_name="us-east-1")
    name = unique("east")
    s3.create_bucket(Bucket=name)
    s3.create_bucket(Bucket=name)  # as documented, in this region alone the second one succeeds
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] is None
    s3.delete_bucket(Bucket=name)


def test_location_has_to_fit_the_region(s3, unique, refused):
    name = unique("place")
    refused(400, "IllegalLocationConstraintException", s3.create_bucket, Bucket=name)
    elsewhere = {"LocationConstraint": "us-west-2"}
    refused(
        400, "IllegalLocationConstraintException", s3.create_bucket, Bucket=name, CreateBucketConfiguration=elsewhere
    )


def test_own_bucket_again(s3, bucket, refused):
    refused(409, "BucketAlreadyOwnedByYou", s3.create_bucket, Bucket=bucket, CreateBucketConfiguration=PLACE)


@pytest.mark.parametrize(
    "name",
    ["ab", "a" * 64, "Upper-case", "under_score", "-dash", "dash-", ".dot", "a..b", "192.168.5.4", "xn--abc", "a-s3alias"],
)
def test_names_that_are_none(aws, refused, name):
    s3 = aws("s3")  # The SDK refuses some names itself; the server is asked with that check off.
    s3.meta.events.unregister("before-parameter-build.s3", validate_bucket_name)
    refused(400, "InvalidBucketName", s3.create_bucket, Bucket=name, CreateBucketConfiguration=PLACE)


def test_a_full_bucket_stays(s3, bucket, refused):
    s3.put_object(Bucket=bucket, Key="a", Body=b"a")
    refused(409, "BucketNotEmpty", s3.delete_bucket, Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key="a")
    s3.delete_bucket(Bucket=bucket)


def test_paged_bucket_list(s3, unique):
    prefix = unique("page")
    names = [f"{prefix}-{i}" for i in range(3)]
    for name in names:
        s3.create_bucket(Bucket=name, CreateBucketConfiguration=PLACE)
    first = s3.list_buckets(Prefix=prefix, MaxBuckets=2)
    assert [each["Name"] for each in first["Buckets"]] == names[:2]
    rest = s3.list_buckets(Prefix=prefix, MaxBuckets=2, ContinuationToken=first["ContinuationToken"])
    assert [each["Name"] for each in rest["Buckets"]] == names[2:]
    assert "ContinuationToken" not in rest


def test_settings_that_were_never_put(s3, bucket, refused):
    refused(404, "NoSuchBucketPolicy", s3.get_bucket_policy, Bucket=bucket)
    refused(404, "NoSuchCORSConfiguration", s3.get_bucket_cors, Bucket=bucket)
    refused(404, "NoSuchWebsiteConfiguration", s3.get_bucket_website, Bucket=bucket)
    refused(404, "NoSuchTagSet", s3.get_bucket_tagging, Bucket=bucket)
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert block == dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    )
    s3.delete_public_access_block(Bucket=bucket)
    refused(404, "NoSuchPublicAccessBlockConfiguration", s3.get_public_access_block, Bucket=bucket)


def test_tags(s3, bucket, refused):
    tags = [{"Key": "team", "Value": "blue"}, {"Key": "빈", "Value": ""}]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    assert sorted(s3.get_bucket_tagging(Bucket=bucket)["TagSet"], key=lambda t: t["Key"]) == tags
    twice = {"TagSet": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}
    refused(400, "InvalidTag", s3.put_bucket_tagging, Bucket=bucket, Tagging=twice)
    s3.delete_bucket_tagging(Bucket=bucket)
    refused(404, "NoSuchTagSet", s3.get_bucket_tagging, Bucket=bucket)


def test_expected_owner(s3, server, bucket, refused):
    s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=server.account)
    refused(403, "AccessDenied", s3.list_objects_v2, Bucket=bucket, ExpectedBucketOwner="999999999999")


def test_cli(cli, unique, tmp_path):
    name = unique("cli")
    cli("s3", "mb", f"s3://{name}")
    (tmp_path / "site/deep").mkdir(parents=True)
    (tmp_path / "site/index.html").write_text("<h1>hello</h1>")
    (tmp_path / "site/deep/ü 1+1%.txt").write_text("odd name")
    (tmp_path / "site/large.bin").write_bytes(b"0123456789abcdef" * 655360)  # 10 MiB: in parts
    cli("s3", "sync", tmp_path / "site", f"s3://{name}/site")
    listed = cli("s3api", "list-objects-v2", "--bucket", name)["Contents"]
    assert [each["Key"] for each in listed] == ["site/deep/ü 1+1%.txt", "site/index.html", "site/large.bin"]
    head = cli("s3api", "head-object", "--bucket", name, "--key", "site/index.html")
    assert head["ContentType"] == "text/html"
    cli("s3", "cp", f"s3://{name}/site/large.bin", f"s3://{name}/copy.bin")
    cli("s3", "cp", f"s3://{name}/copy.bin", tmp_path / "back.bin")
    assert (tmp_path / "back.bin").read_bytes() == (tmp_path / "site/large.bin").read_bytes()
    cli("s3", "sync", f"s3://{name}/site", tmp_path / "again")
    assert (tmp_path / "again/deep/ü 1+1%.txt").read_text() == "odd name"
    assert "PRE site/" in cli.run("s3", "ls", f"s3://{name}/").stdout
    cli("s3", "mv", f"s3://{name}/copy.bin", f"s3://{name}/moved.bin")
    cli("s3", "rb", "--force", f"s3://{name}")
    gone = cli.run("s3api", "head-bucket", "--bucket", name)
    assert gone.returncode != 0 and "404" in gone.stderr


def test_policy_documents(s3, bucket, refused):
    s3.delete_public_access_block(Bucket=bucket)
    refused(400, "MalformedPolicy", s3.put_bucket_policy, Bucket=bucket, Policy="{not json")
    other = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::another-one/*"}
        ],
    }
    refused(400, "MalformedPolicy", s3.put_bucket_policy, Bucket=bucket, Policy=json.dumps(other))
