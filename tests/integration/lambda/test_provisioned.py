"""Provisioned concurrency: environments that are initialised before they are called."""

import json
import pathlib
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from lambda_packages import package  # noqa: E402

HOW = """
import os, time
MARK = os.urandom(4).hex()
def handler(event, context):
    time.sleep((event or {}).get('sleep', 0))
    return [os.environ['AWS_LAMBDA_INITIALIZATION_TYPE'], MARK]
"""


@pytest.fixture
def provisioned(lam, wait_until):
    """provisioned(name, count) publishes a version with an alias "live", holds environments ready and waits for them."""

    def make(name, count):
        version = lam.publish_version(FunctionName=name)["Version"]
        lam.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
        reply = lam.put_provisioned_concurrency_config(FunctionName=name, Qualifier="live", ProvisionedConcurrentExecutions=count)
        assert reply["RequestedProvisionedConcurrentExecutions"] == count
        assert reply["ResponseMetadata"]["HTTPStatusCode"] == 202
        wait_ready(lam, name, wait_until)

    return make


def wait_ready(lam, name, wait_until):
    wait_until(lambda: lam.get_provisioned_concurrency_config(FunctionName=name, Qualifier="live")["Status"] == "READY")


def test_environments_are_ready_and_others_come_on_demand(lam, python, call, provisioned):
    name = python(HOW)
    provisioned(name, 2)
    found = lam.get_provisioned_concurrency_config(FunctionName=name, Qualifier="live")
    assert found["AvailableProvisionedConcurrentExecutions"] == found["AllocatedProvisionedConcurrentExecutions"] == 2
    (how, _), error = call(name, {}, Qualifier="live")
    assert (how, error) == ("provisioned-concurrency", None)
    assert call(name, {})[0][0] == "on-demand"
    listed = lam.list_provisioned_concurrency_configs(FunctionName=name)["ProvisionedConcurrencyConfigs"]
    assert [config["FunctionArn"].split(":")[-1] for config in listed] == ["live"]


def test_more_calls_than_provisioned_spill_over(lam, python, provisioned):
    name = python(HOW)
    provisioned(name, 1)

    def one(_):
        reply = lam.invoke(FunctionName=name, Qualifier="live", Payload=json.dumps({"sleep": 1}))
        return json.loads(reply["Payload"].read())[0]

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(one, range(3))) == ["on-demand", "on-demand", "provisioned-concurrency"]


def test_a_lost_environment_is_replaced(lam, python, call, provisioned, wait_until):
    name = python("import os\nMARK = os.urandom(4).hex()\ndef handler(e, c):\n"
                  "    if e == 'die': os._exit(1)\n    return [os.environ['AWS_LAMBDA_INITIALIZATION_TYPE'], MARK]\n")
    provisioned(name, 1)
    before = call(name, None, Qualifier="live")[0]
    assert call(name, "die", Qualifier="live")[1] == "Unhandled"
    wait_ready(lam, name, wait_until)
    after = call(name, None, Qualifier="live")[0]
    assert after[0] == before[0] == "provisioned-concurrency"
    assert after[1] != before[1]


def test_function_that_does_not_initialise_fails(lam, python, wait_until):
    name = python("raise ValueError('never')\n")
    version = lam.publish_version(FunctionName=name)["Version"]
    lam.put_provisioned_concurrency_config(FunctionName=name, Qualifier=version, ProvisionedConcurrentExecutions=1)
    read = lambda: lam.get_provisioned_concurrency_config(FunctionName=name, Qualifier=version)  # noqa: E731
    wait_until(lambda: read()["Status"] == "FAILED")
    assert read()["StatusReason"] == "FUNCTION_ERROR_INIT_FAILURE"


def test_deleted_config_is_gone(lam, python, call, provisioned, cli):
    name = python(HOW)
    provisioned(name, 1)
    shown = cli("lambda", "get-provisioned-concurrency-config", "--function-name", name, "--qualifier", "live")
    assert shown["Status"] == "READY"
    lam.delete_provisioned_concurrency_config(FunctionName=name, Qualifier="live")
    with pytest.raises(lam.exceptions.ProvisionedConcurrencyConfigNotFoundException):
        lam.get_provisioned_concurrency_config(FunctionName=name, Qualifier="live")
    assert call(name, {}, Qualifier="live")[0][0] == "on-demand"


def test_sam_provisions(aws, unique, wait_until):
    name = unique("sam")
    template = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {"F": {"Type": "AWS::Serverless::Function", "Properties": {
            "FunctionName": name, "Runtime": "python3.11", "Handler": "index.handler", "InlineCode": HOW,
            "AutoPublishAlias": "live", "ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 1}}}}}
    stacks = aws("cloudformation")
    stacks.create_stack(StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])
    status = lambda: stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]  # noqa: E731
    wait_until(lambda: status() in ("CREATE_COMPLETE", "ROLLBACK_COMPLETE", "CREATE_FAILED"))
    assert status() == "CREATE_COMPLETE"
    found = aws("lambda").get_provisioned_concurrency_config(FunctionName=name, Qualifier="live")
    assert found["Status"] == "READY"
    stacks.delete_stack(StackName=name)


def test_restored_after_a_restart(own_server, wait_until):
    options = dict(endpoint_url=own_server.endpoint, region_name="us-east-1", aws_access_key_id=own_server.access_key,
                   aws_secret_access_key=own_server.secret_key)
    trust = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]})
    role = boto3.client("iam", **options).create_role(RoleName="r", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    lam = boto3.client("lambda", **options)
    lam.create_function(FunctionName="held", Runtime="python3.11", Role=role, Handler="app.handler", Publish=True,
                        Code={"ZipFile": package({"app.py": HOW})})
    lam.put_provisioned_concurrency_config(FunctionName="held", Qualifier="1", ProvisionedConcurrentExecutions=1)
    own_server.kill()
    own_server.start()
    lam = boto3.client("lambda", **options)
    wait_until(lambda: lam.get_provisioned_concurrency_config(FunctionName="held", Qualifier="1")["Status"] == "READY")
    reply = lam.invoke(FunctionName="held", Qualifier="1", Payload=b"{}")
    assert json.loads(reply["Payload"].read())[0] == "provisioned-concurrency"
