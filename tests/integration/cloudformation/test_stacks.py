"""Stacks: creation, update, replacement, rollback, deletion, and what is refused."""

import json

import pytest
from botocore.exceptions import ClientError
from cloudformation_parts import FUNCTION, bucket, table

REGION = "eu-central-1"


def refused(call, *words):
    with pytest.raises(ClientError) as raised:
        call()
    error = raised.value.response["Error"]
    for word in words:
        assert word in error["Message"] or word == error["Code"], error


EVERYTHING = """
AWSTemplateFormatVersion: "2010-09-09"
Description: all at once
Parameters:
  Stage: {Type: String, Default: dev, AllowedValues: [dev, prod]}
  Names: {Type: CommaDelimitedList, Default: "a, b,c"}
Mappings:
  Sizes:
    dev: {memory: 128}
    prod: {memory: 256}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsDev: !Not [!Condition IsProd]
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    DependsOn: Table
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  OnlyInProd:
    Type: AWS::S3::Bucket
    Condition: IsProd
""" + FUNCTION.replace("      Code:", "      MemorySize: !FindInMap [Sizes, !Ref Stage, memory]\n      Code:") + """
Outputs:
  Joined: {Value: !Join ["-", !Ref Names]}
  Picked: {Value: !Select [1, !Ref Names]}
  Sub: {Value: !Sub "${AWS::StackName}/${Bucket}/${Table.Arn}/${!Literal}"}
  SubWith: {Value: !Sub ["${A}!", {A: !Ref Stage}]}
  Choice: {Value: !If [IsProd, big, small]}
  Encoded: {Value: {"Fn::Base64": hello}}
  Split: {Value: !Select [2, !Split [":", !GetAtt Function.Arn]]}
  FunctionName: {Value: !Ref Function}
  Prod: {Condition: IsProd, Value: !Ref OnlyInProd}
"""


def test_every_part_of_a_template(stacks, aws, unique, server):
    name = unique("all")
    stacks.create(name, EVERYTHING)
    shown = stacks.show(name)
    assert shown["Description"] == "all at once"
    assert {"ParameterKey": "Stage", "ParameterValue": "dev"} in shown["Parameters"]
    outputs = stacks.outputs(name)
    bucket_name = stacks.physical(name, "Bucket")
    arn = f"arn:aws:dynamodb:{REGION}:{server.account}:table/{stacks.physical(name, 'Table')}"
    assert outputs["Joined"] == "a-b-c" and outputs["Picked"] == "b"
    assert outputs["Sub"] == f"{name}/{bucket_name}/{arn}/${{Literal}}"
    assert outputs["SubWith"] == "dev!" and outputs["Choice"] == "small"
    assert outputs["Encoded"] == "aGVsbG8=" and outputs["Split"] == "lambda"
    assert "Prod" not in outputs
    function = aws("lambda")
    assert function.get_function_configuration(FunctionName=outputs["FunctionName"])["MemorySize"] == 128
    answer = function.invoke(FunctionName=outputs["FunctionName"], Payload=b'{"a":1}')
    assert json.load(answer["Payload"]) == {"got": {"a": 1}}

    stacks.update(name, EVERYTHING, Parameters=[{"ParameterKey": "Stage", "ParameterValue": "prod"}])
    outputs = stacks.outputs(name)
    assert outputs["Choice"] == "big" and outputs["Prod"] == stacks.physical(name, "OnlyInProd")
    assert stacks.physical(name, "Bucket") == bucket_name
    assert function.get_function_configuration(FunctionName=outputs["FunctionName"])["MemorySize"] == 256
    only_in_prod = outputs["Prod"]
    stacks.update(name, EVERYTHING, Parameters=[{"ParameterKey": "Stage", "ParameterValue": "dev"}])
    names = [each["Name"] for each in aws("s3").list_buckets()["Buckets"]]
    assert bucket_name in names and only_in_prod not in names
    stacks.delete(name)
    assert bucket_name not in [each["Name"] for each in aws("s3").list_buckets()["Buckets"]]
    refused(lambda: stacks.show(name), "ValidationError", f"Stack with id {name} does not exist")


def test_events_and_resources(stacks, unique):
    name = unique("events")
    stack_id = stacks.create(name, {"Resources": {"B": bucket(), "T": {**table(), "DependsOn": "B"}}})
    told = [(each["LogicalResourceId"], each["ResourceStatus"]) for each in reversed(stacks.events(name))]
    assert told == [(name, "CREATE_IN_PROGRESS"), ("B", "CREATE_IN_PROGRESS"), ("B", "CREATE_COMPLETE"),
                    ("T", "CREATE_IN_PROGRESS"), ("T", "CREATE_COMPLETE"), (name, "CREATE_COMPLETE")]
    resources = stacks.client.list_stack_resources(StackName=name)["StackResourceSummaries"]
    assert {each["LogicalResourceId"]: each["ResourceStatus"] for each in resources} == {
        "B": "CREATE_COMPLETE", "T": "CREATE_COMPLETE"}
    described = stacks.client.describe_stack_resources(StackName=name)["StackResources"]
    assert {each["ResourceType"] for each in described} == {"AWS::S3::Bucket", "AWS::DynamoDB::Table"}
    stacks.delete(name)
    assert stacks.show(stack_id)["StackStatus"] == "DELETE_COMPLETE"
    assert stacks.events(stack_id)[0]["ResourceStatus"] == "DELETE_COMPLETE"
    gone = stacks.client.list_stacks(StackStatusFilter=["DELETE_COMPLETE"])["StackSummaries"]
    assert stack_id in [each["StackId"] for each in gone]


def test_replacement_on_update(stacks, aws, unique):
    name = unique("replace")
    stacks.create(name, {"Resources": {"T": table()}, "Outputs": {"N": {"Value": {"Ref": "T"}}}})
    before = stacks.outputs(name)["N"]
    other = table(AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "N"}],
                  KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}])
    stacks.update(name, {"Resources": {"T": other}, "Outputs": {"N": {"Value": {"Ref": "T"}}}})
    after = stacks.outputs(name)["N"]
    assert after != before
    assert before not in aws("dynamodb").list_tables()["TableNames"]
    assert aws("dynamodb").describe_table(TableName=after)["Table"]["KeySchema"][0]["AttributeName"] == "k"


BAD_FUNCTION = FUNCTION.replace("python3.11", "cobol85")


def test_creation_rolls_back(stacks, aws, unique):
    name = unique("bad")
    stack_id = stacks.create(name, "Resources:\n  Kept: {Type: AWS::S3::Bucket}" + BAD_FUNCTION, "ROLLBACK_COMPLETE")
    failed = [each for each in stacks.events(stack_id) if each["ResourceStatus"] == "CREATE_FAILED"]
    assert [each["LogicalResourceId"] for each in failed] == ["Function"]
    assert "Runtime" in failed[0]["ResourceStatusReason"]
    assert not [each for each in aws("s3").list_buckets()["Buckets"] if each["Name"].startswith(name[:20])]
    assert not [each for each in aws("iam").list_roles()["Roles"] if each["RoleName"].startswith(name[:20])]
    refused(lambda: stacks.update(name, {"Resources": {"B": bucket()}}), "ROLLBACK_COMPLETE")
    stacks.delete(name)


def test_on_failure(stacks, unique):
    stack_id = stacks.create(unique("gone"), "Resources:" + BAD_FUNCTION, "DELETE_COMPLETE", OnFailure="DELETE")
    assert stacks.show(stack_id)["StackStatus"] == "DELETE_COMPLETE"
    stacks.create(unique("left"), "Resources:" + BAD_FUNCTION, "CREATE_FAILED", DisableRollback=True)


def test_update_rolls_back_and_keeps_what_was_replaced(stacks, aws, unique):
    """The table would be replaced, then the function fails: the first table and its items are still there."""
    name = unique("back")
    stacks.create(name, {"Resources": {"A": table()}, "Outputs": {"N": {"Value": {"Ref": "A"}}}})
    first = stacks.outputs(name)["N"]
    items = aws.resource("dynamodb").Table(first)
    items.put_item(Item={"id": "1", "kept": True})
    other = table(AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
                  KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}])
    bad = {"Type": "AWS::Lambda::Function", "DependsOn": "A",
           "Properties": {"Runtime": "cobol85", "Handler": "x.y", "Role": "arn:aws:iam::123456789012:role/none",
                          "Code": {"ZipFile": "x"}}}
    stacks.update(name, {"Resources": {"A": other, "Z": bad, "New": bucket()}}, "UPDATE_ROLLBACK_COMPLETE")
    assert stacks.physical(name, "A") == first
    assert items.get_item(Key={"id": "1"})["Item"]["kept"] is True
    assert stacks.outputs(name) == {"N": first}
    mine = [each for each in aws("dynamodb").list_tables()["TableNames"] if each.startswith(name[:20])]
    assert mine == [first]
    assert [each["LogicalResourceId"] for each in
            stacks.client.list_stack_resources(StackName=name)["StackResourceSummaries"]] == ["A"]


def test_retained_resources_stay(stacks, aws, unique):
    name = unique("retain")
    stacks.create(name, {"Resources": {"B": {**bucket(), "DeletionPolicy": "Retain"}, "C": bucket()}})
    kept = stacks.physical(name, "B")
    stacks.delete(name)
    assert kept in [each["Name"] for each in aws("s3").list_buckets()["Buckets"]]
    aws("s3").delete_bucket(Bucket=kept)


def test_a_bucket_with_objects_cannot_be_deleted(stacks, aws, unique):
    name = unique("full")
    stacks.create(name, {"Resources": {"B": bucket()}})
    made = stacks.physical(name, "B")
    aws("s3").put_object(Bucket=made, Key="a", Body=b"x")
    stacks.delete(name, "DELETE_FAILED")
    aws("s3").delete_object(Bucket=made, Key="a")
    stacks.delete(name)


def test_exports_and_imports(stacks, unique):
    shared = unique("export")
    first, second = unique("exporter"), unique("importer")
    stacks.create(first, {"Resources": {"B": bucket()},
                          "Outputs": {"Name": {"Value": {"Ref": "B"}, "Export": {"Name": shared}}}})
    stacks.create(second, f"""
Resources: {{B: {{Type: AWS::S3::Bucket}}}}
Outputs:
  Got: {{Value: !ImportValue {shared}}}
""")
    name = stacks.physical(first, "B")
    assert stacks.outputs(second)["Got"] == name
    exports = stacks.client.list_exports()["Exports"]
    assert (shared, name) in [(each["Name"], each["Value"]) for each in exports]
    third = unique("twice")
    stacks.create(third, {"Resources": {"B": bucket()},
                          "Outputs": {"Name": {"Value": "x", "Export": {"Name": shared}}}}, "ROLLBACK_COMPLETE")
    missing = {"Resources": {"B": bucket(BucketName={"Fn::ImportValue": "no-such-export"})}}
    stacks.create(unique("missing"), missing, "ROLLBACK_COMPLETE")
    refused(lambda: stacks.client.delete_stack(StackName=first), "ValidationError", "in use by " + second)
    stacks.delete(second)
    stacks.delete(first)


def test_parameters_are_checked(stacks, unique):
    template = {"Parameters": {"P": {"Type": "String", "AllowedPattern": "[a-z]+", "MinLength": 2},
                               "N": {"Type": "Number", "Default": 3, "MinValue": 1, "MaxValue": 9}},
                "Resources": {"B": bucket()}}

    def attempt(**values):
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]
        return lambda: stacks.start(unique("parameters"), template, Parameters=given)

    refused(attempt(), "ValidationError", "Parameters: [P] must have values")
    refused(attempt(P="ABC"), "ValidationError", "must match pattern [a-z]+")
    refused(attempt(P="a"), "at least 2 characters")
    refused(attempt(P="abc", N="10"), "not greater than 9")
    refused(attempt(P="abc", N="many"), "must be a number")
    refused(attempt(P="abc", Q="1"), "Parameters: [Q] do not exist in the template")
    attempt(P="abc")()


def test_no_echo_is_not_shown(stacks, unique):
    name = unique("secret")
    stacks.create(name, {"Parameters": {"Password": {"Type": "String", "NoEcho": True}}, "Resources": {"B": bucket()}},
                  Parameters=[{"ParameterKey": "Password", "ParameterValue": "hunter2"}])
    assert stacks.show(name)["Parameters"] == [{"ParameterKey": "Password", "ParameterValue": "****"}]


@pytest.mark.parametrize("template, message", [
    ({"Resources": {"X": {"Type": "AWS::EC2::Instance"}}}, "Unrecognized resource types: [AWS::EC2::Instance]"),
    ({"Resources": {"A": {**bucket(), "DependsOn": "B"}, "B": {**bucket(), "DependsOn": "A"}}},
     "Circular dependency between resources: [A, B]"),
    ({"Resources": {"A": bucket(BucketName={"Ref": "Nope"})}}, "Unresolved resource dependencies [Nope]"),
    ({"Resources": {"A": bucket(BucketName={"Fn::GetAtt": ["Nope", "Arn"]})}}, "undefined resource Nope"),
    ({"Resources": {"A": bucket(BucketName={"Fn::Sub": "${Nope}-x"})}}, "Unresolved resource dependencies [Nope]"),
    ({"Resources": {"A": bucket()}, "Outputs": {"O": {"Value": {"Ref": "Nope"}}}}, "Unresolved resource dependencies"),
    ({"Resources": {"A": {**bucket(), "Condition": "Never"}}}, "unresolved condition dependency Never"),
    ({"Resources": {"A": {**bucket(), "DependsOn": "Nope"}}}, "Unresolved resource dependencies [Nope]"),
    ({"Resources": {}}, "At least one Resources member must be defined."),
    ({"Resources": {"A-b": bucket()}}, "non alphanumeric"),
    ({"Resources": {"A": {"Properties": {}}}}, "must contain a Type"),
    ({"Nonsense": 1, "Resources": {"A": bucket()}}, "Nonsense"),
    ({"Resources": {"A": {**bucket(), "Other": 1}}}, "Other"),
    ("Resources:\n  A: {Type: AWS::S3::Bucket\n", "Template format error"),
    ("Resources:\n  A: !Nope x\n", "!Nope"),
    ("just text", "Template format error"),
])
def test_bad_templates(stacks, unique, template, message):
    refused(lambda: stacks.start(unique("refused"), template), "ValidationError", message)
    refused(lambda: stacks.client.validate_template(TemplateBody=stacks.text(template)), "ValidationError") \
        if isinstance(template, str) else None


def test_capabilities(stacks, unique):
    refused(lambda: stacks.start(unique("iam"), "Resources:" + FUNCTION, Capabilities=[]),
            "InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]")
    named = FUNCTION.replace("    Properties:\n      Assume", "    Properties:\n      RoleName: x\n      Assume")
    refused(lambda: stacks.start(unique("iam"), "Resources:" + named, Capabilities=["CAPABILITY_IAM"]),
            "InsufficientCapabilitiesException", "CAPABILITY_NAMED_IAM")


def test_conflicts(stacks, unique):
    name = unique("once")
    template = {"Resources": {"B": bucket()}}
    stacks.create(name, template)
    refused(lambda: stacks.start(name, template), "AlreadyExistsException", f"Stack [{name}] already exists")
    refused(lambda: stacks.update(name, template), "ValidationError", "No updates are to be performed.")
    refused(lambda: stacks.update(unique("not"), template), "ValidationError", "does not exist")
    refused(lambda: stacks.start("1-bad", template), "ValidationError")
    stacks.client.delete_stack(StackName=unique("never"))  # Deleting what is not there is done.
    stacks.client.update_termination_protection(StackName=name, EnableTerminationProtection=True)
    refused(lambda: stacks.client.delete_stack(StackName=name), "TerminationProtection is enabled")


def test_get_template_and_summary(stacks, unique):
    name = unique("shown")
    body = "Parameters: {P: {Type: String, Default: x}}\nResources:\n  B: {Type: AWS::S3::Bucket}\n"
    stacks.create(name, body)
    assert stacks.client.get_template(StackName=name)["TemplateBody"] == body
    summary = stacks.client.get_template_summary(TemplateBody=body)
    assert summary["ResourceTypes"] == ["AWS::S3::Bucket"]
    assert summary["Parameters"][0]["ParameterKey"] == "P"
    valid = stacks.client.validate_template(TemplateBody=body)
    assert valid["Parameters"][0]["DefaultValue"] == "x"


def test_template_from_s3(stacks, aws, unique):
    s3 = aws("s3")
    place = unique("templates")
    s3.create_bucket(Bucket=place, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=place, Key="t.json", Body=json.dumps({"Resources": {"B": bucket()}}).encode())
    name = unique("fromurl")
    stacks.names.append(name)
    stacks.client.create_stack(StackName=name, TemplateURL=f"https://{place}.s3.{REGION}.amazonaws.com/t.json")
    stacks.ends(name, "CREATE_COMPLETE")
    refused(lambda: stacks.client.create_stack(StackName=unique("no"),
                                               TemplateURL=f"https://{place}.s3.{REGION}.amazonaws.com/none.json"),
            "ValidationError")


def test_kill_during_a_deployment(own_server, stacks_of, unique):
    """kill -9 while the resources are made: after a restart the stack goes on to its end."""
    stacks = stacks_of(own_server)
    name = unique("crash")
    resources = {f"T{i}": table() for i in range(200)}
    for i in range(1, 200):
        resources[f"T{i}"]["DependsOn"] = f"T{i - 1}"
    stacks.start(name, {"Resources": resources})
    stacks.wait_until(lambda: len(stacks.client.describe_stack_resources(StackName=name)["StackResources"]) > 3)
    under_way = stacks.client.list_stacks(StackStatusFilter=["CREATE_IN_PROGRESS"])["StackSummaries"]
    own_server.kill()
    own_server.start()
    assert name in {each["StackName"] for each in under_way}
    stacks = stacks_of(own_server)
    stacks.ends(name, "CREATE_COMPLETE")
    pages = stacks.client.get_paginator("list_stack_resources").paginate(StackName=name)
    made = [each for page in pages for each in page["StackResourceSummaries"]]
    assert len(made) == 200 and {each["ResourceStatus"] for each in made} == {"CREATE_COMPLETE"}
    stacks.client.delete_stack(StackName=name)
    own_server.kill()
    own_server.start()
    stacks = stacks_of(own_server)
    stacks.wait_until(lambda: not stacks.exists(name), what="the deletion")
