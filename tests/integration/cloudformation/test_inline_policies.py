"""Policies that belong to one queue, topic or stream, in a stack."""

import json


def statement(action):
    return {"Version": "2012-10-17", "Statement": [
        {"Sid": "one", "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": action, "Resource": "*"}]}


TEMPLATE = {
    "Parameters": {"Action": {"Type": "String"}},
    "Resources": {
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Topic": {"Type": "AWS::SNS::Topic"},
        "Stream": {"Type": "AWS::Kinesis::Stream", "Properties": {"ShardCount": 1}},
        "QueuePolicy": {
            "Type": "AWS::SQS::QueueInlinePolicy",
            "Properties": {"Queue": {"Ref": "Queue"}, "PolicyDocument": statement({"Fn::Sub": "sqs:${Action}"})},
        },
        "TopicPolicy": {
            "Type": "AWS::SNS::TopicInlinePolicy",
            "Properties": {"TopicArn": {"Ref": "Topic"}, "PolicyDocument": statement("sns:Publish")},
        },
        "StreamPolicy": {
            "Type": "AWS::Kinesis::ResourcePolicy",
            "Properties": {
                "ResourceArn": {"Fn::GetAtt": ["Stream", "Arn"]},
                "ResourcePolicy": statement(["kinesis:PutRecord"]),
            },
        },
    },
    "Outputs": {
        "Queue": {"Value": {"Ref": "QueuePolicy"}},
        "Topic": {"Value": {"Ref": "TopicPolicy"}},
        "Stream": {"Value": {"Fn::GetAtt": ["StreamPolicy", "ResourceArn"]}},
    },
}


def test_policies_come_change_and_go(aws, unique):
    formation, sqs, sns, kinesis = aws("cloudformation"), aws("sqs"), aws("sns"), aws("kinesis")
    name = unique("stack")
    body = json.loads(json.dumps(TEMPLATE))

    def actions_of(policy):
        return json.loads(policy)["Statement"][0]["Action"]

    def of_queue(url):
        return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes", {}).get("Policy")

    def deploy(call, waiter, action):
        call(StackName=name, TemplateBody=json.dumps(body),
             Parameters=[{"ParameterKey": "Action", "ParameterValue": action}])
        formation.get_waiter(waiter).wait(StackName=name, WaiterConfig={"Delay": 1})
        stack = formation.describe_stacks(StackName=name)["Stacks"][0]
        return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}

    made = deploy(formation.create_stack, "stack_create_complete", "SendMessage")
    assert actions_of(of_queue(made["Queue"])) == "sqs:SendMessage"
    assert actions_of(sns.get_topic_attributes(TopicArn=made["Topic"])["Attributes"]["Policy"]) == "sns:Publish"
    assert actions_of(kinesis.get_resource_policy(ResourceARN=made["Stream"])["Policy"]) == ["kinesis:PutRecord"]

    deploy(formation.update_stack, "stack_update_complete", "ReceiveMessage")
    assert actions_of(of_queue(made["Queue"])) == "sqs:ReceiveMessage"

    for resource in ("QueuePolicy", "StreamPolicy"):
        del body["Resources"][resource]
    del body["Outputs"]
    deploy(formation.update_stack, "stack_update_complete", "ReceiveMessage")
    assert not of_queue(made["Queue"])
    assert not kinesis.get_resource_policy(ResourceARN=made["Stream"])["Policy"]
    formation.delete_stack(StackName=name)
    formation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
