"""What may change a function and with what: code signing, runtime management, policies and their revisions."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from lambda_packages import package

HANDLER = {"app.py": "def handler(e, c): return e\n"}
PUBLISHERS = {"SigningProfileVersionArns": ["arn:aws:signer:eu-central-1:123456789012:/signing-profiles/team/abcdefghij"]}


def code_of(failure):
    return failure.value.response["Error"]["Code"]


@pytest.fixture
def signing(lam):
    """signing("Enforce") gives the ARN of a new configuration."""
    made = []

    def make(policy=None):
        options = {"CodeSigningPolicies": {"UntrustedArtifactOnDeployment": policy}} if policy else {}
        made.append(lam.create_code_signing_config(AllowedPublishers=PUBLISHERS, Description="d", **options)["CodeSigningConfig"])
        return made[-1]

    yield make
    for one in made:
        try:
            lam.delete_code_signing_config(CodeSigningConfigArn=one["CodeSigningConfigArn"])
        except ClientError:
            pass


def test_code_signing_configurations(lam, signing):
    made = signing()
    arn = made["CodeSigningConfigArn"]
    assert arn.endswith(f":code-signing-config:{made['CodeSigningConfigId']}") and made["CodeSigningConfigId"].startswith("csc-")
    assert made["AllowedPublishers"] == PUBLISHERS and made["Description"] == "d"
    assert made["CodeSigningPolicies"] == {"UntrustedArtifactOnDeployment": "Warn"}
    assert lam.get_code_signing_config(CodeSigningConfigArn=arn)["CodeSigningConfig"] == made
    changed = lam.update_code_signing_config(CodeSigningConfigArn=arn, Description="other")["CodeSigningConfig"]
    assert changed["Description"] == "other" and changed["AllowedPublishers"] == PUBLISHERS
    second = signing("Enforce")["CodeSigningConfigArn"]
    pages = lam.get_paginator("list_code_signing_configs").paginate(PaginationConfig={"PageSize": 1})
    listed = [one["CodeSigningConfigArn"] for page in pages for one in page["CodeSigningConfigs"]]
    assert {arn, second} <= set(listed) and len(listed) == len(set(listed))
    lam.delete_code_signing_config(CodeSigningConfigArn=arn)
    with pytest.raises(lam.exceptions.ResourceNotFoundException):
        lam.get_code_signing_config(CodeSigningConfigArn=arn)


def test_unsigned_code_is_blocked_where_signatures_are_enforced(lam, role, unique, make_function, signing, call):
    name = make_function("python3.11", HANDLER)
    assert lam.get_function_code_signing_config(FunctionName=name)["CodeSigningConfigArn"] == ""
    config = signing("Warn")["CodeSigningConfigArn"]
    lam.put_function_code_signing_config(FunctionName=name, CodeSigningConfigArn=config)
    assert lam.get_function_code_signing_config(FunctionName=name) | {"ResponseMetadata": 0} == {
        "CodeSigningConfigArn": config, "FunctionName": name, "ResponseMetadata": 0}
    assert [arn.split(":")[-1] for arn in lam.list_functions_by_code_signing_config(CodeSigningConfigArn=config)["FunctionArns"]] == [name]
    with pytest.raises(lam.exceptions.ResourceConflictException):
        lam.delete_code_signing_config(CodeSigningConfigArn=config)
    lam.update_function_code(FunctionName=name, ZipFile=package({"app.py": "def handler(e, c): return 'warned'\n"}))

    lam.update_code_signing_config(CodeSigningConfigArn=config, CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Enforce"})
    with pytest.raises(lam.exceptions.CodeVerificationFailedException):
        lam.update_function_code(FunctionName=name, ZipFile=package(HANDLER))
    layer = lam.publish_layer_version(LayerName=unique("layer"), Content={"ZipFile": package(HANDLER)})["LayerVersionArn"]
    with pytest.raises(lam.exceptions.CodeVerificationFailedException):
        lam.update_function_configuration(FunctionName=name, Layers=[layer])
    with pytest.raises(lam.exceptions.CodeVerificationFailedException):
        lam.create_function(FunctionName=unique("f"), Runtime="python3.11", Role=role, Handler="app.handler",
                            Code={"ZipFile": package(HANDLER)}, CodeSigningConfigArn=config)
    assert call(name) == ("warned", None)
    lam.delete_function_code_signing_config(FunctionName=name)
    lam.update_function_code(FunctionName=name, ZipFile=package(HANDLER))
    assert call(name, 1) == (1, None)
    lam.delete_code_signing_config(CodeSigningConfigArn=config)
    with pytest.raises(lam.exceptions.CodeSigningConfigNotFoundException):
        lam.put_function_code_signing_config(FunctionName=name, CodeSigningConfigArn=config)


def test_runtime_management(lam, make_function):
    name = make_function("python3.11", HANDLER)
    found = lam.get_runtime_management_config(FunctionName=name)
    assert found["UpdateRuntimeOn"] == "Auto" and found["FunctionArn"].endswith(f":function:{name}:$LATEST")
    assert lam.put_runtime_management_config(FunctionName=name, UpdateRuntimeOn="Auto")["UpdateRuntimeOn"] == "Auto"
    version = lam.get_function_configuration(FunctionName=name)["RuntimeVersionConfig"]["RuntimeVersionArn"]
    for options in ({"UpdateRuntimeOn": "FunctionUpdate"}, {"UpdateRuntimeOn": "Manual", "RuntimeVersionArn": version}):
        with pytest.raises(lam.exceptions.InvalidParameterValueException):
            lam.put_runtime_management_config(FunctionName=name, **options)


def test_policies_have_revisions(lam, make_function):
    name = make_function("python3.11", HANDLER)
    statement = {"Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com"}
    lam.add_permission(FunctionName=name, StatementId="one", **statement)
    first = lam.get_policy(FunctionName=name)["RevisionId"]
    lam.add_permission(FunctionName=name, StatementId="two", RevisionId=first, **statement)
    with pytest.raises(lam.exceptions.PreconditionFailedException):
        lam.remove_permission(FunctionName=name, StatementId="one", RevisionId=first)
    lam.remove_permission(FunctionName=name, StatementId="one", RevisionId=lam.get_policy(FunctionName=name)["RevisionId"])
    assert [one["Sid"] for one in json.loads(lam.get_policy(FunctionName=name)["Policy"])["Statement"]] == ["two"]


def test_policies_of_layers(lam, unique):
    layer = unique("layer")
    version = lam.publish_layer_version(LayerName=layer, Content={"ZipFile": package(HANDLER)})["Version"]
    which = {"LayerName": layer, "VersionNumber": version}
    with pytest.raises(lam.exceptions.ResourceNotFoundException):
        lam.get_layer_version_policy(**which)
    added = lam.add_layer_version_permission(StatementId="all", Action="lambda:GetLayerVersion", Principal="*", OrganizationId="o-abcdefghij", **which)
    assert json.loads(added["Statement"])["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}
    with pytest.raises(lam.exceptions.ResourceConflictException):
        lam.add_layer_version_permission(StatementId="all", Action="lambda:GetLayerVersion", Principal="*", **which)
    lam.add_layer_version_permission(StatementId="one", Action="lambda:GetLayerVersion", Principal="111122223333", RevisionId=added["RevisionId"], **which)
    with pytest.raises(lam.exceptions.PreconditionFailedException):
        lam.remove_layer_version_permission(StatementId="all", RevisionId=added["RevisionId"], **which)
    lam.remove_layer_version_permission(StatementId="all", **which)
    (left,) = json.loads(lam.get_layer_version_policy(**which)["Policy"])["Statement"]
    assert left["Principal"] == {"AWS": "arn:aws:iam::111122223333:root"} and left["Resource"].endswith(f":layer:{layer}:{version}")
    with pytest.raises(lam.exceptions.ResourceNotFoundException):
        lam.add_layer_version_permission(LayerName=layer, VersionNumber=9, StatementId="x", Action="lambda:GetLayerVersion", Principal="*")


def test_revisions_and_dry_runs_of_code(lam, make_function, call):
    name = make_function("python3.11", HANDLER)
    before = lam.get_function_configuration(FunctionName=name)
    other = package({"app.py": "def handler(e, c): return 'other'\n"})
    dry = lam.update_function_code(FunctionName=name, ZipFile=other, DryRun=True)
    assert dry["CodeSha256"] != before["CodeSha256"]
    assert lam.get_function_configuration(FunctionName=name)["CodeSha256"] == before["CodeSha256"]
    assert lam.invoke(FunctionName=name, InvocationType="DryRun")["StatusCode"] == 204
    with pytest.raises(lam.exceptions.PreconditionFailedException):
        lam.update_function_code(FunctionName=name, ZipFile=other, RevisionId="0" * 8 + "-0000-0000-0000-" + "0" * 12)
    lam.update_function_code(FunctionName=name, ZipFile=other, RevisionId=before["RevisionId"])
    assert call(name) == ("other", None)
    with pytest.raises(lam.exceptions.PreconditionFailedException):
        lam.update_function_configuration(FunctionName=name, Timeout=5, RevisionId=before["RevisionId"])
    with pytest.raises(lam.exceptions.PreconditionFailedException):
        lam.publish_version(FunctionName=name, RevisionId=before["RevisionId"])


def test_listing_all_versions_in_pages(lam, make_function):
    names = [make_function("python3.11", HANDLER) for _ in range(3)]
    for name in names:
        lam.publish_version(FunctionName=name)
    pages = lam.get_paginator("list_functions").paginate(FunctionVersion="ALL", PaginationConfig={"PageSize": 3})
    pages = list(pages)
    assert all(len(page["Functions"]) <= 3 for page in pages)
    listed = [(one["FunctionName"], one["Version"]) for page in pages for one in page["Functions"] if one["FunctionName"] in names]
    assert sorted(listed) == sorted((name, version) for name in names for version in ("$LATEST", "1"))


def test_layers_of_other_accounts_need_their_permission(make_server):
    server = make_server("--dev")

    def lam_of(account):
        return boto3.client("lambda", endpoint_url=server.endpoint, region_name="eu-central-1", aws_access_key_id=account,
                            aws_secret_access_key="x")

    owner, user = lam_of("111111111111"), lam_of("222222222222")
    layer = owner.publish_layer_version(LayerName="shared", Content={"ZipFile": package({"python/shared.py": "WORD = 'shared'\n"})})
    function = {"FunctionName": "f", "Runtime": "python3.11", "Role": "arn:aws:iam::222222222222:role/any", "Handler": "app.handler",
                "Code": {"ZipFile": package({"app.py": "import shared\ndef handler(e, c): return shared.WORD\n"})},
                "Layers": [layer["LayerVersionArn"]], "Timeout": 20}
    with pytest.raises(ClientError) as failure:
        user.create_function(**function)
    assert code_of(failure) == "AccessDeniedException"
    owner.add_layer_version_permission(LayerName="shared", VersionNumber=1, StatementId="s", Action="lambda:GetLayerVersion",
                                       Principal="222222222222")
    user.create_function(**function)
    assert json.loads(user.invoke(FunctionName="f")["Payload"].read()) == "shared"
