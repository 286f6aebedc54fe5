"""AWS::SQS::Queue and AWS::SQS::QueuePolicy."""

import json


def template(visibility):
    return json.dumps(
        {
            "Resources": {
                "Dead": {"Type": "AWS::SQS::Queue"},
                "Jobs": {
                    "Type": "AWS::SQS::Queue",
                    "Properties": {
                        **visibility,
                        "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 3},
                        "Tags": [{"Key": "team", "Value": "a"}],
                    },
                },
                "Order": {"Type": "AWS::SQS::Queue", "Properties": {"FifoQueue": True}},
                "Open": {
                    "Type": "AWS::SQS::QueuePolicy",
                    "Properties": {
                        "Queues": [{"Ref": "Jobs"}],
                        "PolicyDocument": {
                            "Version": "2012-10-17",
                            "Statement": [
                                {
                                    "Effect": "Allow",
                                    "Principal": {"Service": "sns.amazonaws.com"},
                                    "Action": "sqs:SendMessage",
                                    "Resource": {"Fn::GetAtt": ["Jobs", "Arn"]},
                                }
                            ],
                        },
                    },
                },
            },
            "Outputs": {
                "Url": {"Value": {"Ref": "Jobs"}},
                "Name": {"Value": {"Fn::GetAtt": ["Jobs", "QueueName"]}},
                "Order": {"Value": {"Fn::GetAtt": ["Order", "QueueName"]}},
            },
        }
    )


def test_a_stack_of_queues(aws, sqs, unique):
    stacks, name = aws("cloudformation"), unique("queues")
    stacks.create_stack(StackName=name, TemplateBody=template({"VisibilityTimeout": 77}))
    stacks.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    outputs = {o["OutputKey"]: o["OutputValue"] for o in stacks.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]}
    assert outputs["Url"].endswith("/" + outputs["Name"])
    assert outputs["Order"].endswith(".fifo")

    def attributes():
        return sqs.get_queue_attributes(QueueUrl=outputs["Url"], AttributeNames=["All"])["Attributes"]

    made = attributes()
    assert made["VisibilityTimeout"] == "77"
    assert json.loads(made["RedrivePolicy"])["maxReceiveCount"] == 3
    assert "sns.amazonaws.com" in made["Policy"]
    assert sqs.list_queue_tags(QueueUrl=outputs["Url"])["Tags"]["team"] == "a"
    # A property that is no longer given goes back to its default.
    stacks.update_stack(StackName=name, TemplateBody=template({"DelaySeconds": 5}))
    stacks.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert (attributes()["VisibilityTimeout"], attributes()["DelaySeconds"]) == ("30", "5")
    stacks.delete_stack(StackName=name)
    stacks.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert not [url for url in sqs.list_queues(QueueNamePrefix=name).get("QueueUrls", [])]
