"""The API of functions: what is made, shown, changed and refused."""

import base64
import hashlib
import json
import pathlib
import sys
import time
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.exceptions import ClientError

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from lambda_packages import package  # noqa: E402

ECHO = "def handler(event, context): return event\n"


def open_to_all(lam, name):
    """The permissions that a function URL with AuthType NONE needs."""
    lam.add_permission(FunctionName=name, StatementId="url", Action="lambda:InvokeFunctionUrl", Principal="*",
                       FunctionUrlAuthType="NONE")
    lam.add_permission(FunctionName=name, StatementId="call", Action="lambda:InvokeFunction", Principal="*",
                       InvokedViaFunctionUrl=True)


def code_of(error):
    return error.value.response["Error"]["Code"]


def test_created_function_is_shown_and_listed(lam, python):
    name = python(ECHO, Environment={"Variables": {"KEY": "value"}}, Tags={"team": "a"}, Description="d")
    shown = lam.get_function(FunctionName=name)
    configuration = shown["Configuration"]
    assert configuration["State"] == "Active" and configuration["LastUpdateStatus"] == "Successful"
    assert configuration["Environment"]["Variables"] == {"KEY": "value"}
    assert configuration["CodeSha256"] == base64.b64encode(
        hashlib.sha256(package({"app.py": ECHO})).digest()).decode()
    assert shown["Tags"] == {"team": "a"}
    with urllib.request.urlopen(shown["Code"]["Location"]) as zipped:
        assert zipped.read() == package({"app.py": ECHO})
    names = [f["FunctionName"] for page in lam.get_paginator("list_functions").paginate() for f in page["Functions"]]
    assert name in names
    lam.get_waiter("function_active_v2").wait(FunctionName=name)


@pytest.mark.parametrize("change, code", [
    ({"MemorySize": 64}, "ValidationException"),
    ({"Timeout": 901}, "ValidationException"),
    ({"Runtime": "cobol1"}, "InvalidParameterValueException"),
    ({"Handler": None}, "InvalidParameterValueException"),
    ({"Code": {"ZipFile": b"no zip"}}, "InvalidParameterValueException"),
    ({"Code": {}}, "InvalidParameterValueException"),
    ({"Code": {"S3Bucket": "none-such-bucket", "S3Key": "k"}}, "InvalidParameterValueException"),
    ({"Environment": {"Variables": {"LONG": "x" * 4096}}}, "InvalidParameterValueException"),
    ({"FunctionName": "bad name"}, "ValidationException"),
])
def test_bad_requests_are_refused(lam, role, unique, change, code):
    request = {"FunctionName": unique("f"), "Runtime": "python3.11", "Role": role, "Handler": "app.handler",
               "Code": {"ZipFile": package({"app.py": ECHO})}}
    request.update(change)
    request = {key: value for key, value in request.items() if value is not None}
    with pytest.raises(ClientError) as error:
        lam.create_function(**request)
    assert code_of(error) in (code, "ValidationException")


def test_zip_that_reaches_outside_is_refused(lam, role, unique):
    with pytest.raises(ClientError) as error:
        lam.create_function(FunctionName=unique("f"), Runtime="python3.11", Role=role, Handler="app.handler",
                            Code={"ZipFile": package({"../../escape": "x"})})
    assert code_of(error) == "InvalidParameterValueException"


def test_updates_reach_the_next_invocation(lam, python, call):
    name = python("import os\ndef handler(event, context): return os.environ.get('KEY')\n")
    assert call(name) == (None, None)
    lam.update_function_configuration(FunctionName=name, Environment={"Variables": {"KEY": "new"}})
    assert call(name) == ("new", None)
    lam.update_function_code(FunctionName=name, ZipFile=package({"app.py": "def handler(e, c): return 'other'\n"}))
    assert call(name) == ("other", None)


def test_versions_and_aliases(lam, python, call):
    name = python("import os\ndef handler(e, c): return os.environ['AWS_LAMBDA_FUNCTION_VERSION']\n")
    assert lam.publish_version(FunctionName=name)["Version"] == "1"
    assert lam.publish_version(FunctionName=name)["Version"] == "1"
    lam.update_function_configuration(FunctionName=name, Description="changed")
    assert lam.publish_version(FunctionName=name)["Version"] == "2"
    lam.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    assert call(name + ":live")[0] == "1"
    lam.update_alias(FunctionName=name, Name="live", FunctionVersion="2")
    assert call(name, Qualifier="live")[0] == "2"
    assert call(name)[0] == "$LATEST"
    assert [v["Version"] for v in lam.list_versions_by_function(FunctionName=name)["Versions"]] == ["$LATEST", "1", "2"]
    with pytest.raises(ClientError) as error:
        lam.invoke(FunctionName=name, Qualifier="9")
    assert code_of(error) == "ResourceNotFoundException"


def test_reserved_concurrency_of_zero_throttles(lam, python):
    name = python(ECHO)
    lam.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError) as error:
        lam.invoke(FunctionName=name)
    assert code_of(error) == "TooManyRequestsException"
    assert error.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    lam.delete_function_concurrency(FunctionName=name)
    assert lam.invoke(FunctionName=name)["StatusCode"] == 200


def test_layers_are_on_the_path(lam, make_function, call, unique):
    layer = unique("layer")
    first = lam.publish_layer_version(LayerName=layer, Content={"ZipFile": package({"python/tool.py": "NAME = 'one'\n"})})
    second = lam.publish_layer_version(LayerName=layer + "b", Content={"ZipFile": package({"python/more.py": "X = 2\n"})})
    name = make_function("python3.11", {"app.py": "import tool, more\ndef handler(e, c): return [tool.NAME, more.X]\n"},
                         Layers=[first["LayerVersionArn"], second["LayerVersionArn"]])
    assert call(name) == (["one", 2], None)


def test_function_url_serves_http(lam, python, server):
    name = python("def handler(e, c):\n    return {'statusCode': 418, 'headers': {'x-path': e['rawPath']}, "
                  "'cookies': ['a=b'], 'body': e['requestContext']['http']['method'] + ' ' + e.get('body', '')}\n")
    url = lam.create_function_url_config(FunctionName=name, AuthType="NONE")["FunctionUrl"]
    open_to_all(lam, name)
    host = url.split("/")[2]
    request = urllib.request.Request(server.endpoint + "/some/path?x=1", data=b"text", method="PUT",
                                     headers={"Host": host, "Content-Type": "text/plain"})
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.urlopen(request)
    assert answer.value.code == 418
    assert answer.value.headers["x-path"] == "/some/path"
    assert answer.value.headers["set-cookie"] == "a=b"
    assert answer.value.read() == b"PUT text"
    lam.update_function_url_config(FunctionName=name, AuthType="AWS_IAM")
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.urlopen(request)
    assert answer.value.code == 403


def test_event_invocation_runs_later(lam, python, aws):
    name = python("def handler(e, c): print('got', e['n'])\n")
    assert lam.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"n": 42}')["StatusCode"] == 202
    assert lam.invoke(FunctionName=name, InvocationType="DryRun")["StatusCode"] == 204
    logs = aws.client("logs")
    deadline = time.time() + 20
    while time.time() < deadline:
        try:
            found = logs.filter_log_events(logGroupName="/aws/lambda/" + name, filterPattern='"got 42"')["events"]
        except logs.exceptions.ResourceNotFoundException:
            found = []
        if found:
            return
        time.sleep(0.1)
    raise AssertionError("the event did not run")


def test_payload_limits(lam, python):
    name = python("def handler(e, c): return len(e)\n")
    with pytest.raises(ClientError) as error:
        lam.invoke(FunctionName=name, Payload=json.dumps("x" * 6291456))
    assert code_of(error) == "RequestTooLargeException"
    with pytest.raises(ClientError) as error:
        lam.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps("x" * 1048576))
    assert code_of(error) == "RequestTooLargeException"
    with pytest.raises(ClientError) as error:
        lam.invoke(FunctionName=name, Payload=b"{no json")
    assert code_of(error) == "InvalidRequestContentException"


def test_cli(cli, python, tmp_path):
    name = python(ECHO)
    out = tmp_path / "out.json"
    event = tmp_path / "event.json"
    event.write_text('{"a": 1}')
    reply = cli("lambda", "invoke", "--function-name", name, "--payload", f"fileb://{event}", str(out))
    assert reply["StatusCode"] == 200 and json.loads(out.read_text()) == {"a": 1}


def test_functions_survive_kill_9(own_server):
    options = dict(endpoint_url=own_server.endpoint, region_name="us-east-1", aws_access_key_id=own_server.access_key,
                   aws_secret_access_key=own_server.secret_key)
    trust = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]})
    role = boto3.client("iam", **options).create_role(RoleName="r", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    lam = boto3.client("lambda", **options)
    lam.create_function(FunctionName="f", Runtime="python3.11", Role=role, Handler="app.handler", Timeout=20,
                        Code={"ZipFile": package({"app.py": ECHO})})
    assert lam.invoke(FunctionName="f", Payload=b"1")["Payload"].read() == b"1"
    own_server.kill()
    own_server.start()
    assert boto3.client("lambda", **options).invoke(FunctionName="f", Payload=b"2")["Payload"].read() == b"2"
