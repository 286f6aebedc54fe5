"""ACLs and ownership: https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html"""

import pytest

EVERYONE = "http://acs.amazonaws.com/groups/global/AllUsers"
ACLS = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}


@pytest.fixture
def listed(s3, bucket):
    """A bucket with ACLs, which may be public."""
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=ACLS)
    s3.delete_public_access_block(Bucket=bucket)
    return bucket


def granted(answer):
    return sorted(
        (grant["Permission"], grant["Grantee"].get("URI", grant["Grantee"].get("ID"))) for grant in answer["Grants"]
    )


def test_new_buckets_have_no_acls(s3, bucket, refused, server):
    assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"] == [
        {"ObjectOwnership": "BucketOwnerEnforced"}]
    refused(400, "AccessControlListNotSupported", s3.put_bucket_acl, Bucket=bucket, ACL="public-read")
    refused(400, "AccessControlListNotSupported", s3.put_object, Bucket=bucket, Key="k", Body=b"", ACL="public-read")
    refused(400, "AccessControlListNotSupported", s3.put_object, Bucket=bucket, Key="k", Body=b"",
            GrantRead=f'uri="{EVERYONE}"')
    s3.put_object(Bucket=bucket, Key="k", Body=b"", ACL="bucket-owner-full-control")
    refused(400, "AccessControlListNotSupported", s3.put_object_acl, Bucket=bucket, Key="k", ACL="public-read")
    own = s3.get_object_acl(Bucket=bucket, Key="k")
    s3.put_object_acl(Bucket=bucket, Key="k", AccessControlPolicy={"Owner": own["Owner"], "Grants": own["Grants"]})
    for answer in [s3.get_bucket_acl(Bucket=bucket), s3.get_object_acl(Bucket=bucket, Key="k")]:
        assert answer["Owner"]["ID"] == server.account
        assert granted(answer) == [("FULL_CONTROL", server.account)]


def test_ownership_controls(s3, bucket, unique, refused):
    refused(400, "MalformedXML", s3.put_bucket_ownership_controls, Bucket=bucket,
            OwnershipControls={"Rules": [{"ObjectOwnership": "Nobody"}]})
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=ACLS)
    assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"] == ACLS
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    refused(400, "InvalidBucketAclWithObjectOwnership", s3.put_bucket_ownership_controls, Bucket=bucket,
            OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})
    s3.delete_bucket_ownership_controls(Bucket=bucket)
    refused(404, "OwnershipControlsNotFoundError", s3.get_bucket_ownership_controls, Bucket=bucket)
    where = {"CreateBucketConfiguration": {"LocationConstraint": s3.meta.region_name}}
    refused(400, "InvalidBucketAclWithObjectOwnership", s3.create_bucket, Bucket=unique("b"), ACL="public-read", **where)
    refused(403, "AccessDenied", s3.create_bucket, Bucket=unique("b"), ACL="public-read",
            ObjectOwnership="ObjectWriter", **where)
    name = unique("preferred")
    s3.create_bucket(Bucket=name, ObjectOwnership="BucketOwnerPreferred", **where)
    assert s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"] == [
        {"ObjectOwnership": "BucketOwnerPreferred"}]


def test_public_objects(s3, listed, http_request, server):
    s3.put_object(Bucket=listed, Key="closed", Body=b"closed")
    s3.put_object(Bucket=listed, Key="open", Body=b"open", ACL="public-read")
    assert granted(s3.get_object_acl(Bucket=listed, Key="open")) == [("FULL_CONTROL", server.account), ("READ", EVERYONE)]
    answer = http_request("GET", f"/{listed}/open")
    assert (answer.status, answer.body) == (200, b"open")
    for path in ["/closed", "/none", ""]:
        assert http_request("GET", f"/{listed}{path}").status == 403
    s3.put_object_acl(Bucket=listed, Key="closed", ACL="public-read")
    assert http_request("GET", f"/{listed}/closed").status == 200
    s3.put_bucket_acl(Bucket=listed, ACL="public-read")
    assert http_request("GET", f"/{listed}").status == 200
    assert http_request("GET", f"/{listed}/none").status == 404
    assert http_request("PUT", f"/{listed}/new", body=b"new").status == 403
    s3.put_bucket_acl(Bucket=listed, ACL="public-read-write")
    assert http_request("PUT", f"/{listed}/new", body=b"new").status == 200
    s3.put_object_acl(Bucket=listed, Key="open", ACL="private")
    assert http_request("GET", f"/{listed}/open").status == 403
    s3.copy_object(Bucket=listed, Key="copy", CopySource=f"{listed}/closed")  # ACLs are not copied
    assert http_request("GET", f"/{listed}/copy").status == 403


def test_the_public_access_block(s3, listed, http_request, refused):
    s3.put_object(Bucket=listed, Key="k", Body=b"", ACL="public-read")
    s3.put_public_access_block(Bucket=listed, PublicAccessBlockConfiguration={"IgnorePublicAcls": True})
    assert http_request("GET", f"/{listed}/k").status == 403
    s3.put_public_access_block(Bucket=listed, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    assert http_request("GET", f"/{listed}/k").status == 200
    refused(403, "AccessDenied", s3.put_object, Bucket=listed, Key="n", Body=b"", ACL="public-read")
    refused(403, "AccessDenied", s3.put_bucket_acl, Bucket=listed, ACL="public-read-write")
    refused(403, "AccessDenied", s3.put_object_acl, Bucket=listed, Key="k", ACL="authenticated-read")
    # Taking ACLs away closes what they had opened.
    s3.put_bucket_ownership_controls(Bucket=listed, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})
    assert http_request("GET", f"/{listed}/k").status == 403


def test_grants_in_headers_and_documents(s3, listed, refused, server):
    s3.put_object(Bucket=listed, Key="k", Body=b"", GrantRead=f'uri="{EVERYONE}", id="111122223333"',
                  GrantFullControl=f"id={server.account}")
    answer = s3.get_object_acl(Bucket=listed, Key="k")
    assert granted(answer) == [("FULL_CONTROL", server.account), ("READ", "111122223333"), ("READ", EVERYONE)]
    policy = {"Owner": answer["Owner"], "Grants": [
        {"Grantee": {"Type": "CanonicalUser", "ID": "111122223333"}, "Permission": "WRITE"}]}
    s3.put_bucket_acl(Bucket=listed, AccessControlPolicy=policy)
    assert granted(s3.get_bucket_acl(Bucket=listed)) == [("WRITE", "111122223333")]

    def bad(status, code, **options):
        refused(status, code, s3.put_object_acl, Bucket=listed, Key="k", **options)

    grant = policy["Grants"][0]
    bad(400, "InvalidRequest", ACL="private", GrantRead=f"id={server.account}")
    bad(400, "InvalidArgument", ACL="open")
    bad(400, "InvalidArgument", GrantRead="id=nobody")
    bad(400, "InvalidArgument", GrantRead="uri=http://example.com")
    bad(400, "UnresolvableGrantByEmailAddress", GrantRead="emailAddress=a@example.com")
    bad(400, "MalformedACLError", AccessControlPolicy={"Grants": [grant]})
    bad(400, "MalformedXML", AccessControlPolicy={**policy, "Grants": [{**grant, "Permission": "ALL"}]})
    bad(403, "AccessDenied", AccessControlPolicy={**policy, "Owner": {"ID": "111122223333"}})
    bad(400, "UnexpectedContent", ACL="private", AccessControlPolicy=policy)


def test_objects_of_other_accounts(dev_server, aws_for, unique, refused):
    def client(account):
        return aws_for(dev_server)("s3", aws_access_key_id=account, aws_secret_access_key="x")

    owner, writer, reader = (client(account) for account in ["111111111111", "222222222222", "333333333333"])
    bucket = unique("shared")
    owner.create_bucket(Bucket=bucket, ObjectOwnership="ObjectWriter",
                        CreateBucketConfiguration={"LocationConstraint": owner.meta.region_name})
    refused(403, "AccessDenied", writer.put_object, Bucket=bucket, Key="k", Body=b"")
    owner.put_bucket_acl(Bucket=bucket, GrantWrite="id=222222222222", GrantFullControl="id=111111111111")
    writer.put_object(Bucket=bucket, Key="k", Body=b"mine")
    assert writer.get_object_acl(Bucket=bucket, Key="k")["Owner"]["ID"] == "222222222222"
    assert writer.get_object(Bucket=bucket, Key="k")["Body"].read() == b"mine"
    refused(403, "AccessDenied", reader.get_object, Bucket=bucket, Key="k")
    writer.put_object_acl(Bucket=bucket, Key="k", GrantRead="id=333333333333")
    assert reader.get_object(Bucket=bucket, Key="k")["Body"].read() == b"mine"
    refused(403, "AccessDenied", reader.put_object_acl, Bucket=bucket, Key="k", ACL="private")
    owner.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]})
    writer.put_object(Bucket=bucket, Key="given", Body=b"", ACL="bucket-owner-full-control")
    assert owner.get_object_acl(Bucket=bucket, Key="given")["Owner"]["ID"] == "111111111111"


def test_command_line(cli, listed):
    cli("s3api", "put-bucket-acl", "--bucket", listed, "--acl", "public-read")
    assert any(grant["Grantee"].get("URI") == EVERYONE for grant in cli("s3api", "get-bucket-acl", "--bucket", listed)["Grants"])
