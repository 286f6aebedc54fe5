"""Queues and settings of asynchronous calls in SAM templates."""

import json

TEMPLATE = {
    "Transform": "AWS::Serverless-2016-10-31",
    "Parameters": {"Queue": {"Type": "String"}, "Letters": {"Type": "String"}},
    "Resources": {
        "Worker": {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "Runtime": "python3.11", "Handler": "index.handler", "Timeout": 5,
                "InlineCode": "import json\ndef handler(event, context):\n"
                              "    print('EVENT ' + json.dumps(event), flush=True)\n",
                "DeadLetterQueue": {"Type": "SQS", "TargetArn": {"Ref": "Letters"}},
                "EventInvokeConfig": {
                    "MaximumRetryAttempts": 1,
                    "DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": {"Ref": "Letters"}}}},
                "Events": {"Jobs": {"Type": "SQS", "Properties": {"Queue": {"Ref": "Queue"}, "BatchSize": 3}}},
            },
        },
    },
    "Outputs": {"Name": {"Value": {"Ref": "Worker"}}, "Mapping": {"Value": {"Ref": "WorkerJobs"}}},
}


def test_queue_event(aws, lam, sqs, queue, seen, unique, wait_until):
    url, arn = queue()
    stacks = aws("cloudformation")
    name = unique("stack")

    def parameters():
        return [{"ParameterKey": "Queue", "ParameterValue": arn}, {"ParameterKey": "Letters", "ParameterValue": queue()[1]}]

    stacks.create_stack(StackName=name, TemplateBody=json.dumps(TEMPLATE), Parameters=parameters(),
                        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])

    def status():
        return stacks.describe_stacks(StackName=name)["Stacks"][0]

    wait_until(lambda: not status()["StackStatus"].endswith("IN_PROGRESS"), what="the stack")
    assert status()["StackStatus"] == "CREATE_COMPLETE", status()
    outputs = {each["OutputKey"]: each["OutputValue"] for each in status()["Outputs"]}
    shown = lam.get_event_source_mapping(UUID=outputs["Mapping"])
    assert shown["State"] == "Enabled" and shown["BatchSize"] == 3
    assert lam.get_function_event_invoke_config(FunctionName=outputs["Name"])["MaximumRetryAttempts"] == 1
    sqs.send_message(QueueUrl=url, MessageBody="hello")
    event = wait_until(lambda: seen(outputs["Name"]), what="an event")[0]
    assert event["Records"][0]["body"] == "hello"
    stacks.delete_stack(StackName=name)
    wait_until(lambda: not lam.list_event_source_mappings(EventSourceArn=arn)["EventSourceMappings"], what="deletion")
