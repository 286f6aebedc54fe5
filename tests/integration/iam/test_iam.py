"""IAM through boto3, as infrastructure tools use it."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


@pytest.fixture(scope="module")
def iam(aws):
    return aws("iam")


def error_of(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    return response["Error"]["Code"], response["Error"]["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_role_with_inline_and_managed_policies(iam, unique, server):
    name = unique("role")
    created = iam.create_role(
        RoleName=name,
        Path="/service/",
        AssumeRolePolicyDocument=json.dumps(TRUST),
        Description="für Funktionen",
        Tags=[{"Key": "team", "Value": "a b/c"}],
    )["Role"]
    assert created["Arn"] == f"arn:aws:iam::{server.account}:role/service/{name}"
    assert created["AssumeRolePolicyDocument"] == TRUST
    iam.put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=json.dumps(READ))
    iam.attach_role_policy(RoleName=name, PolicyArn=BASIC)

    role = iam.get_role(RoleName=name)["Role"]
    assert role["Tags"] == [{"Key": "team", "Value": "a b/c"}]
    assert role["Description"] == "für Funktionen"
    assert iam.get_role_policy(RoleName=name, PolicyName="read")["PolicyDocument"] == READ
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["read"]
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert attached == [{"PolicyName": "AWSLambdaBasicExecutionRole", "PolicyArn": BASIC}]
    assert iam.list_instance_profiles_for_role(RoleName=name)["InstanceProfiles"] == []

    assert error_of(iam.delete_role, RoleName=name) == (
        "DeleteConflict",
        "Cannot delete entity, must detach all policies first.",
        409,
    )
    iam.detach_role_policy(RoleName=name, PolicyArn=BASIC)
    iam.delete_role_policy(RoleName=name, PolicyName="read")
    iam.delete_role(RoleName=name)
    assert error_of(iam.get_role, RoleName=name) == (
        "NoSuchEntity",
        f"The role with name {name} cannot be found.",
        404,
    )


def test_what_is_wrong_with_a_request_is_said(iam, unique):
    name = unique("role")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    code, message, status = error_of(iam.create_role, RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    assert (code, message, status) == ("EntityAlreadyExists", f"Role with name {name} already exists.", 409)
    code, _, status = error_of(iam.create_role, RoleName=unique("role"), AssumeRolePolicyDocument="{}")
    assert (code, status) == ("MalformedPolicyDocument", 400)
    code, message, status = error_of(iam.create_role, RoleName="bad name!", AssumeRolePolicyDocument=json.dumps(TRUST))
    assert (code, status) == ("ValidationError", 400)
    assert "roleName" in message
    code, _, _ = error_of(iam.create_group, GroupName="none")
    assert code == "NotImplemented"


def test_users_own_keys_work_until_they_are_switched_off(iam, aws, unique, server):
    name = unique("user")
    user = iam.create_user(UserName=name)["User"]
    key = iam.create_access_key(UserName=name)["AccessKey"]
    own = dict(aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    identity = aws("sts", **own).get_caller_identity()
    assert identity["Arn"] == user["Arn"]
    assert identity["UserId"] == user["UserId"]
    assert identity["Account"] == server.account
    assert aws("iam", **own).get_user()["User"]["UserName"] == name

    iam.update_access_key(UserName=name, AccessKeyId=key["AccessKeyId"], Status="Inactive")
    code, message, status = error_of(aws("sts", **own).get_caller_identity)
    assert (code, status) == ("InvalidClientTokenId", 403)
    assert message == "The security token included in the request is invalid."
    iam.update_access_key(UserName=name, AccessKeyId=key["AccessKeyId"], Status="Active")
    aws("sts", **own).get_caller_identity()
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    assert error_of(aws("sts", **own).get_caller_identity)[0] == "InvalidClientTokenId"
    iam.delete_user(UserName=name)


def test_paginators_see_everything_once(iam, unique):
    path = f"/{unique('path')}/"
    names = {iam.create_user(UserName=unique("user"), Path=path)["User"]["UserName"] for _ in range(7)}
    pages = list(iam.get_paginator("list_users").paginate(PathPrefix=path, PaginationConfig={"PageSize": 3}))
    assert len(pages) == 3
    found = [user["UserName"] for page in pages for user in page["Users"]]
    assert sorted(found) == sorted(names)


def test_managed_policy_life(iam, unique):
    name = unique("policy")
    arn = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(READ))["Policy"]["Arn"]
    write = json.loads(json.dumps(READ).replace("GetObject", "PutObject"))
    version = iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(write), SetAsDefault=True)
    assert version["PolicyVersion"]["VersionId"] == "v2"
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"] == write
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v2"
    mine = iam.get_paginator("list_policies").paginate(Scope="Local").build_full_result()["Policies"]
    assert arn in [policy["Arn"] for policy in mine]
    assert error_of(iam.delete_policy, PolicyArn=arn)[0] == "DeleteConflict"
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    iam.delete_policy(PolicyArn=arn)
    assert error_of(iam.get_policy, PolicyArn=arn)[0] == "NoSuchEntity"


def test_resource_interface(aws, unique):
    iam = boto3.Session().resource(
        "iam",
        endpoint_url=aws.server.endpoint,
        aws_access_key_id=aws.server.access_key,
        aws_secret_access_key=aws.server.secret_key,
        region_name="eu-central-1",
    )
    role = iam.create_role(RoleName=unique("role"), AssumeRolePolicyDocument=json.dumps(TRUST))
    role.attach_policy(PolicyArn=BASIC)
    assert [policy.arn for policy in role.attached_policies.all()] == [BASIC]
    role.detach_policy(PolicyArn=BASIC)
    role.delete()
