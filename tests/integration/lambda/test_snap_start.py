"""SnapStart: published versions whose environments are restored from one that has initialised already."""

import json
import pathlib
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from botocore.exceptions import ClientError

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from lambda_packages import package  # noqa: E402

ON = {"ApplyOn": "PublishedVersions"}

HOOKS = """
import os, random, time, uuid
from snapshot_restore_py import register_after_restore, register_before_snapshot

SEEN = [os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]]
MARK = [random.random(), str(uuid.uuid4())]

@register_before_snapshot
def first_registered():
    SEEN.append("before 1")

register_before_snapshot(SEEN.append, "before 2")
register_after_restore(SEEN.append, "after 1")

@register_after_restore
def second_after():
    SEEN.append("after 2")
    MARK.append(random.random())
    print("restored here")

def handler(event, context):
    time.sleep((event or {}).get("sleep", 0))
    return {"seen": SEEN, "mark": MARK, "fresh": random.random()}
"""
IN_ORDER = ["snap-start", "before 2", "before 1", "after 1", "after 2"]


def publish(lam, name):
    """The number of a new version that is active, and the answer to PublishVersion."""
    reply = lam.publish_version(FunctionName=name)
    lam.get_waiter("published_version_active").wait(
        FunctionName=name, Qualifier=reply["Version"], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    return reply["Version"], reply


def settled(lam, name, version, wait_until):
    def find():
        found = lam.get_function_configuration(FunctionName=name, Qualifier=version)
        return found if found["State"] != "Pending" else None
    return wait_until(find)


def code_of(failure):
    return failure.value.response["Error"]["Code"]


def log_of(aws, name):
    events = aws.client("logs").get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{name}")
    return "\n".join(event["message"] for page in events for event in page["events"])


def test_a_version_is_pending_until_its_snapshot_is_made(aws, lam, make_function, call, wait_until):
    name = make_function("python3.12", {"app.py": HOOKS}, SnapStart=ON)
    latest = lam.get_function_configuration(FunctionName=name)
    assert latest["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}
    version, published = publish(lam, name)
    assert (published["State"], published["StateReasonCode"]) == ("Pending", "Creating")
    assert published["SnapStart"]["OptimizationStatus"] == "Off"
    found = lam.get_function_configuration(FunctionName=name, Qualifier=version)
    assert found["State"] == "Active" and "StateReason" not in found
    assert found["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}
    assert found["RevisionId"] == published["RevisionId"]
    first, error = call(name, {}, Qualifier=version)
    assert (first["seen"], error) == (IN_ORDER, None)
    again, _ = call(name, {}, Qualifier=version)
    assert again["mark"] == first["mark"] and again["seen"] == IN_ORDER
    # $LATEST knows nothing of it.
    assert call(name, {})[0]["seen"] == ["on-demand"]
    wait_until(lambda: "Billed Restore Duration" in log_of(aws, name))
    log = log_of(aws, name)
    for line in ("INIT_START", "INIT_REPORT Init Duration", "RESTORE_START", "RESTORE_REPORT Restore Duration", "restored here"):
        assert line in log
    reports = [line for line in log.split("\n") if line.startswith("REPORT") and "Restore Duration" in line]
    assert len(reports) == 1 and "Init Duration" not in reports[0]


def test_environments_do_not_share_what_should_be_unique(lam, make_function):
    name = make_function("python3.12", {"app.py": HOOKS}, SnapStart=ON)
    version, _ = publish(lam, name)

    def one(_):
        reply = lam.invoke(FunctionName=name, Qualifier=version, Payload=json.dumps({"sleep": 1}))
        assert "FunctionError" not in reply
        return json.loads(reply["Payload"].read())

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(one, range(4)))
    assert all(answer["seen"] == IN_ORDER for answer in answers)
    environments = {answer["mark"][1] for answer in answers}
    assert len(environments) > 1
    assert len({answer["mark"][0] for answer in answers}) == len(environments)
    assert len({answer["fresh"] for answer in answers}) == len(answers)


def test_another_snapshot_follows_the_one_that_was_used(aws, lam, make_function, call, wait_until):
    name = make_function("python3.12", {"app.py": HOOKS}, SnapStart=ON)
    version, _ = publish(lam, name)
    call(name, {}, Qualifier=version)
    wait_until(lambda: log_of(aws, name).count("INIT_REPORT") == 2)
    assert log_of(aws, name).count("RESTORE_START") == 1


def test_an_initialisation_that_fails_makes_the_version_failed(lam, make_function, wait_until):
    name = make_function("python3.12", {"app.py": "import no_such_module\n"}, SnapStart=ON)
    version = lam.publish_version(FunctionName=name)["Version"]
    found = settled(lam, name, version, wait_until)
    assert (found["State"], found["StateReasonCode"]) == ("Failed", "FunctionError.RuntimeInitError")
    assert "no_such_module" in found["StateReason"]
    assert found["SnapStart"]["OptimizationStatus"] == "Off"
    with pytest.raises(ClientError) as failure:
        lam.invoke(FunctionName=name, Qualifier=version)
    assert code_of(failure) == "ResourceConflictException"


def test_a_hook_before_the_snapshot_that_fails(lam, make_function, wait_until):
    code = ("from snapshot_restore_py import register_before_snapshot\n"
            "@register_before_snapshot\ndef no():\n    raise ValueError('not ready')\n"
            "def handler(e, c):\n    return 1\n")
    name = make_function("python3.12", {"app.py": code}, SnapStart=ON)
    version = lam.publish_version(FunctionName=name)["Version"]
    found = settled(lam, name, version, wait_until)
    assert (found["State"], found["StateReasonCode"]) == ("Failed", "FunctionError.RuntimeInitError")
    assert "not ready" in found["StateReason"]


def test_a_hook_after_the_restore_that_fails(aws, lam, make_function, wait_until):
    code = ("from snapshot_restore_py import register_after_restore\n"
            "@register_after_restore\ndef no():\n    raise ValueError('cannot connect')\n"
            "def handler(e, c):\n    return 1\n")
    name = make_function("python3.12", {"app.py": code}, SnapStart=ON)
    version, _ = publish(lam, name)
    for _ in range(2):
        with pytest.raises(ClientError) as failure:
            lam.invoke(FunctionName=name, Qualifier=version)
        assert code_of(failure) == "SnapStartException"
        assert failure.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    wait_until(lambda: "Runtime.AfterRestoreError" in log_of(aws, name))
    assert "cannot connect" in log_of(aws, name)


def test_a_version_that_is_being_made_cannot_be_invoked(lam, make_function):
    slow = "import time\ntime.sleep(4)\ndef handler(e, c):\n    return 1\n"
    name = make_function("python3.12", {"app.py": slow}, SnapStart=ON)
    version = lam.publish_version(FunctionName=name)["Version"]
    with pytest.raises(ClientError) as failure:
        lam.invoke(FunctionName=name, Qualifier=version)
    assert code_of(failure) == "SnapStartNotReadyException"
    assert failure.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409


def test_a_function_that_is_deleted_while_its_snapshot_is_made(lam, role, call, unique):
    name = unique("f")

    def create(text):
        lam.create_function(FunctionName=name, Runtime="python3.12", Role=role, Handler="app.handler", Timeout=20, Publish=True,
                            Code={"ZipFile": package({"app.py": text})}, SnapStart=ON)

    create("import time\ntime.sleep(2)\ndef handler(e, c):\n    return 'old'\n")
    lam.delete_function(FunctionName=name)
    create("def handler(e, c):\n    return 'new'\n")
    lam.get_waiter("published_version_active").wait(FunctionName=name, Qualifier="1",
                                                    WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    assert call(name, {}, Qualifier="1") == ("new", None)
    lam.delete_function(FunctionName=name)


def test_an_alias_waits_with_the_share_of_a_version_that_is_being_made(lam, make_function, call):
    name = make_function("python3.12", {"app.py": "def handler(e, c):\n    return 1\n"})
    first = lam.publish_version(FunctionName=name)["Version"]
    slow = "import time\ntime.sleep(3)\ndef handler(e, c):\n    return 2\n"
    lam.update_function_code(FunctionName=name, ZipFile=package({"app.py": slow}))
    lam.update_function_configuration(FunctionName=name, SnapStart=ON)
    second = lam.publish_version(FunctionName=name)["Version"]
    lam.create_alias(FunctionName=name, Name="live", FunctionVersion=first,
                     RoutingConfig={"AdditionalVersionWeights": {second: 1.0}})
    assert call(name, {}, Qualifier="live") == (1, None)
    lam.get_waiter("published_version_active").wait(FunctionName=name, Qualifier=second,
                                                    WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    assert call(name, {}, Qualifier="live") == (2, None)


def test_credentials_are_fetched_and_not_in_the_snapshot(lam, make_function, call):
    code = ("import json, os, urllib.request\n"
            "def get(token):\n"
            "    request = urllib.request.Request(os.environ['AWS_CONTAINER_CREDENTIALS_FULL_URI'], headers={'Authorization': token})\n"
            "    try:\n        return json.load(urllib.request.urlopen(request))\n"
            "    except urllib.error.HTTPError as error:\n        return error.code\n"
            "def handler(event, context):\n"
            "    found = get(os.environ['AWS_CONTAINER_AUTHORIZATION_TOKEN'])\n"
            "    return [sorted(found), get('guess'), 'AWS_ACCESS_KEY_ID' in os.environ]\n")
    name = make_function("python3.12", {"app.py": code}, SnapStart=ON)
    version, _ = publish(lam, name)
    members = ["AccessKeyId", "Expiration", "SecretAccessKey", "Token"]
    assert call(name, {}, Qualifier=version) == ([members, 404, False], None)


def test_what_it_does_not_go_together_with(lam, make_function):
    for runtime, options, what in [
            ("python3.11", {}, "python3.11"),
            ("provided.al2023", {}, "provided.al2023"),
            ("nodejs22.x", {}, "nodejs22.x"),
            ("python3.12", {"EphemeralStorage": {"Size": 1024}}, "Ephemeral storage greater than 512 MB")]:
        with pytest.raises(ClientError) as failure:
            make_function(runtime, {"app.py": HOOKS}, SnapStart=ON, **options)
        assert code_of(failure) == "InvalidParameterValueException"
        assert f"{what} is not supported for SnapStart enabled functions." in str(failure.value)
    name = make_function("python3.12", {"app.py": HOOKS}, SnapStart=ON)
    with pytest.raises(lam.exceptions.InvalidParameterValueException):
        lam.update_function_configuration(FunctionName=name, Runtime="python3.11")
    version, _ = publish(lam, name)
    with pytest.raises(lam.exceptions.InvalidParameterValueException):
        lam.put_provisioned_concurrency_config(FunctionName=name, Qualifier=version, ProvisionedConcurrentExecutions=1)
    off = lam.update_function_configuration(FunctionName=name, SnapStart={"ApplyOn": "None"}, Runtime="python3.11")
    assert off["SnapStart"] == {"ApplyOn": "None", "OptimizationStatus": "Off"}
    assert lam.publish_version(FunctionName=name)["State"] == "Active"
    assert lam.get_function_configuration(FunctionName=name, Qualifier=version)["SnapStart"]["OptimizationStatus"] == "On"


def test_the_runtime_api_has_no_restore_without_it(make_function, call):
    code = ("import os, urllib.request\n"
            "def handler(event, context):\n"
            "    url = 'http://' + os.environ['AWS_LAMBDA_RUNTIME_API'] + '/2018-06-01/runtime/restore/next'\n"
            "    try:\n        return urllib.request.urlopen(url).status\n"
            "    except urllib.error.HTTPError as error:\n        return error.code\n")
    assert call(make_function("python3.12", {"app.py": code}), {}) == (404, None)


def test_with_the_command_line(cli, role, unique, tmp_path, lam):
    name = unique("f")
    (tmp_path / "code.zip").write_bytes(package({"app.py": HOOKS}))
    created = cli("lambda", "create-function", "--function-name", name, "--runtime", "python3.12", "--handler", "app.handler",
                  "--role", role, "--snap-start", "ApplyOn=PublishedVersions", "--publish", "--timeout", "20",
                  "--zip-file", f"fileb://{tmp_path / 'code.zip'}")
    assert (created["Version"], created["State"]) == ("1", "Pending")
    cli("lambda", "wait", "published-version-active", "--function-name", name, "--qualifier", "1")
    cli("lambda", "invoke", "--function-name", f"{name}:1", str(tmp_path / "out.json"))
    assert json.loads((tmp_path / "out.json").read_text())["seen"] == IN_ORDER
    lam.delete_function(FunctionName=name)


TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Quick:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      AutoPublishAlias: live
      SnapStart: {ApplyOn: PublishedVersions}
      InlineCode: |
        import os
        def handler(event, context):
            return os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
Outputs:
  Name: {Value: !Ref Quick}
"""


def test_a_template_is_deployed_when_its_version_can_be_called(aws, call, unique):
    formation = aws.client("cloudformation")
    stack = unique("stack")
    formation.create_stack(StackName=stack, TemplateBody=TEMPLATE,
                           Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])
    formation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    name = formation.describe_stacks(StackName=stack)["Stacks"][0]["Outputs"][0]["OutputValue"]
    assert call(name, {}, Qualifier="live") == ("snap-start", None)
    formation.delete_stack(StackName=stack)
    formation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def test_versions_outlive_a_kill(own_server, wait_until):
    options = dict(endpoint_url=own_server.endpoint, region_name="us-east-1", aws_access_key_id=own_server.access_key,
                   aws_secret_access_key=own_server.secret_key)
    trust = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]})
    role = boto3.client("iam", **options).create_role(RoleName="r", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    lam = boto3.client("lambda", **options)
    name = "kept"
    slow = "import time\ntime.sleep(1)\n" + HOOKS
    lam.create_function(FunctionName=name, Runtime="python3.12", Role=role, Timeout=20,
                        Handler="app.handler", Code={"ZipFile": package({"app.py": slow})}, SnapStart=ON)
    made, _ = publish(lam, name)
    lam.update_function_configuration(FunctionName=name, Description="another")
    interrupted = lam.publish_version(FunctionName=name)["Version"]
    own_server.kill()
    own_server.start()
    lam = boto3.client("lambda", **{**options, "endpoint_url": own_server.endpoint})
    reply = lam.invoke(FunctionName=name, Qualifier=made)
    assert json.loads(reply["Payload"].read())["seen"] == IN_ORDER
    found = settled(lam, name, interrupted, wait_until)
    assert found["State"] == "Active" and found["SnapStart"]["OptimizationStatus"] == "On"
    reply = lam.invoke(FunctionName=name, Qualifier=interrupted)
    assert json.loads(reply["Payload"].read())["seen"] == IN_ORDER
