"""STS through boto3 and the command line."""

import json

import pytest
from botocore.exceptions import ClientError


def trust(principal, **statement):
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **statement}],
        }
    )


def session_options(credentials):
    return dict(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


def error_of(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_root_is_who_it_is(cli, server):
    identity = cli("sts", "get-caller-identity")
    assert identity == {
        "UserId": server.account,
        "Account": server.account,
        "Arn": f"arn:aws:iam::{server.account}:root",
    }


def test_assumed_role_is_another_caller(aws, unique, server):
    name = unique("role")
    role = aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": server.account}))["Role"]
    assumed = aws("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="one", DurationSeconds=900)
    assert assumed["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{server.account}:assumed-role/{name}/one"
    assert assumed["AssumedRoleUser"]["AssumedRoleId"] == role["RoleId"] + ":one"
    options = session_options(assumed["Credentials"])
    identity = aws("sts", **options).get_caller_identity()
    assert identity["Arn"] == assumed["AssumedRoleUser"]["Arn"]
    assert identity["UserId"] == assumed["AssumedRoleUser"]["AssumedRoleId"]

    damaged = dict(options, aws_session_token=options["aws_session_token"][:-8] + "AAAAAAA=")
    assert error_of(aws("sts", **damaged).get_caller_identity)[0] == "InvalidClientTokenId"
    without = dict(options, aws_session_token=None)
    assert error_of(aws("sts", **without).get_caller_identity)[0] == "InvalidClientTokenId"


def test_trust_policy_decides(aws, unique, server):
    iam, sts = aws("iam"), aws("sts")
    closed = iam.create_role(
        RoleName=unique("role"), AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"})
    )["Role"]["Arn"]
    code, message = error_of(sts.assume_role, RoleArn=closed, RoleSessionName="one")
    assert code == "AccessDenied"
    assert message == (
        f"User: arn:aws:iam::{server.account}:root is not authorized to perform: sts:AssumeRole on resource: {closed}"
    )
    guarded = iam.create_role(
        RoleName=unique("role"),
        AssumeRolePolicyDocument=trust(
            {"AWS": "*"}, Condition={"StringEquals": {"sts:ExternalId": "42"}, "IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}
        ),
    )["Role"]["Arn"]
    assert error_of(sts.assume_role, RoleArn=guarded, RoleSessionName="one")[0] == "AccessDenied"
    sts.assume_role(RoleArn=guarded, RoleSessionName="one", ExternalId="42")


def test_limits_are_the_models(aws):
    arn = "arn:aws:iam::123456789012:role/any"
    sts = aws("sts")
    assert error_of(sts.assume_role, RoleArn=arn, RoleSessionName="a b")[0] == "ValidationError"
    assert error_of(sts.assume_role, RoleArn=arn, RoleSessionName="one", DurationSeconds=899)[0] == "ValidationError"


def test_session_token(aws, server):
    credentials = aws("sts").get_session_token()["Credentials"]
    sts = aws("sts", **session_options(credentials))
    assert sts.get_caller_identity()["Arn"] == f"arn:aws:iam::{server.account}:root"
    assert error_of(sts.get_session_token)[0] == "AccessDenied"
