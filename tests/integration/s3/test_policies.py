"""Bucket policies: https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html"""

import json

import pytest


@pytest.fixture
def policy(s3, bucket):
    """policy({statement}, …) puts it on the bucket, which is open to the public if the policy says so."""

    def put(*statements):
        s3.delete_public_access_block(Bucket=bucket)
        document = {"Version": "2012-10-17", "Statement": [dict({"Principal": "*"}, **each) for each in statements]}
        if "NotPrincipal" in statements[0]:
            del document["Statement"][0]["Principal"]
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))

    return put


@pytest.fixture
def arn(bucket):
    return lambda path="": f"arn:aws:s3:::{bucket}{path}"


def test_deny_binds_the_owner_too(s3, bucket, policy, arn, refused):
    s3.put_object(Bucket=bucket, Key="secret/a", Body=b"")
    s3.put_object(Bucket=bucket, Key="open", Body=b"")
    policy({"Effect": "Deny", "Action": "s3:*", "Resource": arn("/secret/*")})
    refused(403, "AccessDenied", s3.get_object, Bucket=bucket, Key="secret/a")
    refused(403, "AccessDenied", s3.put_object, Bucket=bucket, Key="secret/b", Body=b"")
    refused(403, "AccessDenied", s3.copy_object, Bucket=bucket, Key="c", CopySource=f"{bucket}/secret/a")
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "secret/a"}, {"Key": "open"}]})
    assert [each["Key"] for each in done["Deleted"]] == ["open"]
    assert [(each["Key"], each["Code"]) for each in done["Errors"]] == [("secret/a", "AccessDenied")]


def test_root_is_never_locked_out_of_the_policy(s3, bucket, policy, arn, refused):
    policy({"Effect": "Deny", "Action": "s3:*", "Resource": [arn(), arn("/*")]})
    refused(403, "AccessDenied", s3.list_objects_v2, Bucket=bucket)
    refused(403, "AccessDenied", s3.get_bucket_tagging, Bucket=bucket)
    assert "Deny" in s3.get_bucket_policy(Bucket=bucket)["Policy"]
    s3.delete_bucket_policy(Bucket=bucket)
    s3.list_objects_v2(Bucket=bucket)


def test_a_bucket_that_wants_a_private_way_takes_requests_over_loopback(s3, bucket, policy, arn):
    policy({"Effect": "Deny", "Action": "s3:*", "Resource": [arn(), arn("/*")],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}}})
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_not_action_and_not_resource(s3, bucket, policy, arn, refused, http_request):
    s3.put_object(Bucket=bucket, Key="a", Body=b"")
    s3.put_object(Bucket=bucket, Key="b", Body=b"")
    policy({"Effect": "Allow", "Action": "s3:GetObject", "NotResource": arn("/b")},
           {"Effect": "Deny", "NotAction": ["s3:Get*", "s3:PutBucketPolicy"], "Resource": arn("/a")})
    assert http_request("GET", f"/{bucket}/a").status == 200
    assert http_request("GET", f"/{bucket}/b").status == 403
    refused(403, "AccessDenied", s3.delete_object, Bucket=bucket, Key="a")
    s3.delete_object(Bucket=bucket, Key="b")


def test_not_principal(s3, bucket, policy, arn, refused, http_request, server):
    s3.put_object(Bucket=bucket, Key="a", Body=b"")
    policy({"Effect": "Deny", "NotPrincipal": {"AWS": server.account}, "Action": "s3:GetObject", "Resource": arn("/*")},
           {"Effect": "Allow", "Action": "s3:GetObject", "Resource": arn("/*")})
    s3.get_object(Bucket=bucket, Key="a")
    assert http_request("GET", f"/{bucket}/a").status == 403


def test_conditions_of_s3(s3, bucket, policy, arn, refused):
    policy(
        {"Effect": "Deny", "Action": "s3:PutObject", "Resource": arn("/sealed/*"),
         "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}}},
        {"Effect": "Deny", "Action": "s3:ListBucket", "Resource": arn(),
         "Condition": {"StringNotLike": {"s3:prefix": "home/*"}}},
        {"Effect": "Deny", "Action": "s3:PutObject", "Resource": arn("/tagged/*"),
         "Condition": {"StringNotEquals": {"s3:RequestObjectTag/team": "red"}}},
        {"Effect": "Deny", "Action": "s3:GetObject", "Resource": arn("/tagged/*"),
         "Condition": {"StringEquals": {"s3:ExistingObjectTag/level": "secret"}}},
        {"Effect": "Deny", "Action": "s3:GetObjectVersion", "Resource": arn("/*")},
    )
    refused(403, "AccessDenied", s3.put_object, Bucket=bucket, Key="sealed/a", Body=b"")
    s3.put_object(Bucket=bucket, Key="sealed/a", Body=b"", ServerSideEncryption="AES256")
    refused(403, "AccessDenied", s3.list_objects_v2, Bucket=bucket)
    s3.list_objects_v2(Bucket=bucket, Prefix="home/x")
    refused(403, "AccessDenied", s3.put_object, Bucket=bucket, Key="tagged/a", Body=b"", Tagging="team=blue")
    s3.put_object(Bucket=bucket, Key="tagged/a", Body=b"", Tagging="team=red")
    s3.get_object(Bucket=bucket, Key="tagged/a")
    s3.put_object(Bucket=bucket, Key="tagged/a", Body=b"", Tagging="team=red&level=secret")
    refused(403, "AccessDenied", s3.get_object, Bucket=bucket, Key="tagged/a")
    refused(403, "AccessDenied", s3.get_object, Bucket=bucket, Key="sealed/a", VersionId="null")


@pytest.mark.parametrize(
    "condition, public",
    [
        (None, True),
        ({"StringEquals": {"aws:SourceAccount": "111122223333"}}, False),
        ({"StringLike": {"aws:SourceAccount": "1111*"}}, True),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False),
        ({"IpAddress": {"aws:SourceIp": "0.0.0.0/1"}}, True),
        ({"StringEquals": {"aws:Referer": "https://example.com"}}, True),
    ],
)
def test_what_is_public(s3, bucket, policy, arn, condition, public):
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": arn("/*")}
    if condition:
        statement["Condition"] = condition
    policy(statement)
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is public


def test_putting_a_policy_has_no_content(s3, bucket, server):
    statement = {"Effect": "Allow", "Principal": {"AWS": server.account}, "Action": "s3:GetObject"}
    policy = {"Version": "2012-10-17", "Statement": [{**statement, "Resource": f"arn:aws:s3:::{bucket}/*"}]}
    answer = s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
