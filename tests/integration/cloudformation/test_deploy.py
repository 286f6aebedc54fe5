"""`aws cloudformation deploy`, change sets and the SAM transform."""

import http.client
import io
import json
import textwrap
import zipfile

import pytest
from botocore.exceptions import ClientError
from cloudformation_parts import FUNCTION, bucket, table

SAM = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Word: {Type: String, Default: hello}
Globals:
  Function:
    Timeout: 7
    Runtime: python3.11
    Environment: {Variables: {WORD: !Ref Word}}
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties: {StageName: live, CorsConfiguration: true}
  Things:
    Type: AWS::Serverless::SimpleTable
    Properties: {PrimaryKey: {Name: key, Type: String}}
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.handler
      MemorySize: 192
      Policies:
        - DynamoDBCrudPolicy: {TableName: !Ref Things}
      FunctionUrlConfig: {AuthType: NONE}
      InlineCode: |
        import os, json
        def handler(event, context):
            return {"statusCode": 200, "body": json.dumps([os.environ["WORD"], event["routeKey"]])}
      Events:
        Get: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: get, Path: "/hello/{name}"}}
        Implicit: {Type: HttpApi, Properties: {Method: any, Path: /implicit}}
Outputs:
  Url: {Value: !Sub "https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}/live"}
  Api: {Value: !Ref Api}
  Implicit: {Value: !Ref ServerlessHttpApi}
  FunctionUrl: {Value: !GetAtt HelloUrl.FunctionUrl}
  Table: {Value: !Ref Things}
  Role: {Value: !Ref HelloRole}
"""


def get(server, path, host=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def test_sam_application(stacks, aws, server, unique):
    name = unique("sam")
    stacks.create(name, SAM)
    outputs = stacks.outputs(name)
    assert get(server, f"/_aws/execute-api/{outputs['Api']}/live/hello/me") == (200, b'["hello", "GET /hello/{name}"]')
    assert get(server, f"/_aws/execute-api/{outputs['Implicit']}/$default/implicit")[0] == 200
    host = outputs["FunctionUrl"].split("//")[1].split("/")[0]
    assert get(server, "/", host)[1] == b'["hello", "$default"]'
    function = aws("lambda").get_function_configuration(FunctionName=stacks.physical(name, "Hello"))
    assert (function["Timeout"], function["MemorySize"]) == (7, 192)
    assert aws("dynamodb").describe_table(TableName=outputs["Table"])["Table"]["KeySchema"] == [
        {"AttributeName": "key", "KeyType": "HASH"}]
    policies = aws("iam").list_role_policies(RoleName=outputs["Role"])["PolicyNames"]
    assert policies
    stacks.update(name, SAM, Parameters=[{"ParameterKey": "Word", "ParameterValue": "bye"}])
    assert get(server, f"/_aws/execute-api/{outputs['Api']}/live/hello/me")[1] == b'["bye", "GET /hello/{name}"]'
    stacks.delete(name)
    assert get(server, f"/_aws/execute-api/{outputs['Api']}/live/hello/me")[0] == 404


def test_sam_says_what_it_does_not_do(stacks, unique):
    for kind in ["Api", "StateMachine"]:
        with pytest.raises(ClientError) as raised:
            stacks.start(unique("no"), {"Transform": "AWS::Serverless-2016-10-31",
                                        "Resources": {"X": {"Type": "AWS::Serverless::" + kind}}})
        assert "not supported" in str(raised.value) and "X" in str(raised.value)


def test_aws_cli_deploy(cli, stacks, tmp_path, unique):
    name = unique("cli")
    stacks.names.append(name)
    file = tmp_path / "template.yaml"
    file.write_text("""
Parameters: {Size: {Type: Number, Default: 128}}
Resources:""" + FUNCTION.replace("      Code:", "      MemorySize: !Ref Size\n      Code:") + """
Outputs: {Arn: {Value: !GetAtt Function.Arn}}
""")
    arguments = ["cloudformation", "deploy", "--stack-name", name, "--template-file", file]
    refused = cli.run(*arguments)
    assert refused.returncode != 0 and "CAPABILITY_IAM" in refused.stderr
    done = cli.run(*arguments, "--capabilities", "CAPABILITY_IAM", "--tags", "team=a")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Successfully created/updated stack - {name}" in done.stdout
    again = cli.run(*arguments, "--capabilities", "CAPABILITY_IAM", "--tags", "team=a",
                    "--no-fail-on-empty-changeset")
    assert again.returncode == 0 and "No changes to deploy" in again.stdout + again.stderr
    changed = cli.run(*arguments, "--capabilities", "CAPABILITY_IAM", "--parameter-overrides", "Size=256")
    assert changed.returncode == 0, changed.stdout + changed.stderr
    shown = cli("cloudformation", "describe-stacks", "--stack-name", name)["Stacks"][0]
    assert shown["StackStatus"] == "UPDATE_COMPLETE" and shown["Outputs"][0]["OutputKey"] == "Arn"
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps({"Resources": {"B": bucket(BucketName="Not A Name")}}))
    failed = cli.run("cloudformation", "deploy", "--stack-name", unique("bad"), "--template-file", bad)
    assert failed.returncode != 0 and "Failed to create/update the stack" in failed.stdout + failed.stderr
    assert cli.run("cloudformation", "delete-stack", "--stack-name", name).returncode == 0
    assert cli.run("cloudformation", "wait", "stack-delete-complete", "--stack-name", name).returncode == 0


def test_aws_cli_package_and_deploy_sam(cli, aws, stacks, server, tmp_path, unique):
    place = unique("packages")
    aws("s3").create_bucket(Bucket=place, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "app.py").write_text("def handler(event, context):\n    return 'packaged'\n")
    (tmp_path / "template.yaml").write_text(textwrap.dedent("""
        Transform: AWS::Serverless-2016-10-31
        Resources:
          F:
            Type: AWS::Serverless::Function
            Properties: {Runtime: python3.11, Handler: app.handler, CodeUri: code}
    """))
    done = cli.run("cloudformation", "package", "--template-file", tmp_path / "template.yaml", "--s3-bucket", place,
                   "--output-template-file", tmp_path / "packaged.yaml")
    assert done.returncode == 0, done.stderr
    name = unique("packaged")
    stacks.names.append(name)
    done = cli.run("cloudformation", "deploy", "--stack-name", name, "--template-file", tmp_path / "packaged.yaml",
                   "--capabilities", "CAPABILITY_IAM")
    assert done.returncode == 0, done.stdout + done.stderr
    answer = aws("lambda").invoke(FunctionName=stacks.physical(name, "F"))
    assert json.load(answer["Payload"]) == "packaged"


def test_change_sets(stacks, unique):
    client, name = stacks.client, unique("changes")
    stacks.names.append(name)
    body = json.dumps({"Resources": {"A": bucket(), "T": table()}})
    made = client.create_change_set(StackName=name, ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=body)
    assert stacks.show(name)["StackStatus"] == "REVIEW_IN_PROGRESS"
    shown = client.describe_change_set(ChangeSetName=made["Id"])
    assert shown["Status"] == "CREATE_COMPLETE" and shown["ExecutionStatus"] == "AVAILABLE"
    assert {each["ResourceChange"]["LogicalResourceId"]: each["ResourceChange"]["Action"]
            for each in shown["Changes"]} == {"A": "Add", "T": "Add"}
    client.execute_change_set(ChangeSetName="first", StackName=name)
    stacks.ends(name, "CREATE_COMPLETE")

    client.create_change_set(StackName=name, ChangeSetName="same", TemplateBody=body)
    same = client.describe_change_set(StackName=name, ChangeSetName="same")
    assert same["Status"] == "FAILED" and same["ExecutionStatus"] == "UNAVAILABLE"
    assert same["StatusReason"].startswith("The submitted information didn't contain changes.")
    with pytest.raises(ClientError) as raised:
        client.execute_change_set(StackName=name, ChangeSetName="same")
    assert raised.value.response["Error"]["Code"] == "InvalidChangeSetStatus"

    other = table(AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
                  KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}])
    # A name whose change set is spent (executed, or nothing to execute) is free again; one in waiting keeps it.
    for spent in ["same", "next"]:
        client.create_change_set(StackName=name, ChangeSetName=spent,
                                 TemplateBody=json.dumps({"Resources": {"T": other, "N": bucket()}}))
    with pytest.raises(ClientError) as raised:
        client.create_change_set(StackName=name, ChangeSetName="next", TemplateBody=body)
    assert raised.value.response["Error"]["Code"] == "AlreadyExistsException"
    changes = {each["ResourceChange"]["LogicalResourceId"]: each["ResourceChange"]
               for each in client.describe_change_set(StackName=name, ChangeSetName="next")["Changes"]}
    assert {key: each["Action"] for key, each in changes.items()} == {"T": "Modify", "N": "Add", "A": "Remove"}
    assert changes["T"]["Replacement"] == "True"
    listed = client.list_change_sets(StackName=name)["Summaries"]
    assert {each["ChangeSetName"] for each in listed} >= {"same", "next"}
    client.delete_change_set(StackName=name, ChangeSetName="same")
    client.execute_change_set(StackName=name, ChangeSetName="next")
    stacks.ends(name, "UPDATE_COMPLETE")
    assert {each["LogicalResourceId"] for each in
            client.list_stack_resources(StackName=name)["StackResourceSummaries"]} == {"T", "N"}


def test_change_set_errors(stacks, unique):
    client = stacks.client
    body = json.dumps({"Resources": {"A": bucket()}})
    with pytest.raises(ClientError) as raised:
        client.create_change_set(StackName=unique("none"), ChangeSetName="x", TemplateBody=body)
    assert "does not exist" in str(raised.value)
    name = unique("there")
    stacks.create(name, body)
    with pytest.raises(ClientError) as raised:
        client.create_change_set(StackName=name, ChangeSetName="x", ChangeSetType="CREATE", TemplateBody=body)
    assert "already exists" in str(raised.value)
    with pytest.raises(ClientError) as raised:
        client.describe_change_set(StackName=name, ChangeSetName="none")
    assert raised.value.response["Error"]["Code"] == "ChangeSetNotFound"


def test_code_from_s3_is_updated(stacks, aws, unique):
    s3, place, name = aws("s3"), unique("code"), unique("versions")
    s3.create_bucket(Bucket=place, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    for key in ("one", "two"):
        memory = io.BytesIO()
        with zipfile.ZipFile(memory, "w") as archive:
            archive.writestr("app.py", f"def handler(event, context):\n    return '{key}'\n")
        s3.put_object(Bucket=place, Key=key, Body=memory.getvalue())
    body = "Resources:" + FUNCTION[:FUNCTION.index("      Code:")].replace("index.handler", "app.handler")
    for key in ("one", "two"):
        text = body + f"      Code: {{S3Bucket: {place}, S3Key: {key}}}\n"
        stacks.create(name, text) if key == "one" else stacks.update(name, text)
        answer = aws("lambda").invoke(FunctionName=stacks.physical(name, "Function"))
        assert json.load(answer["Payload"]) == key
