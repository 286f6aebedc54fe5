"""Each kind of event in a SAM template starts its function."""

import json
import urllib.request

KEY = [{"AttributeName": "id", "KeyType": "HASH"}]
TEMPLATE = {
    "Transform": "AWS::Serverless-2016-10-31",
    "Resources": {
        "Topic": {"Type": "AWS::SNS::Topic"},
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Stream": {"Type": "AWS::Kinesis::Stream", "Properties": {"ShardCount": 1}},
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "KeySchema": KEY,
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
            },
        },
        "Worker": {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "Runtime": "python3.11", "Handler": "index.handler", "Timeout": 10,
                "InlineCode": "import json\ndef handler(event, context):\n"
                              "    print('EVENT ' + json.dumps(event), flush=True)\n",
                "Events": {
                    "OnTopic": {"Type": "SNS", "Properties": {"Topic": {"Ref": "Topic"}}},
                    "OnQueue": {"Type": "SQS", "Properties": {"Queue": {"Fn::GetAtt": ["Queue", "Arn"]}}},
                    "OnStream": {
                        "Type": "Kinesis",
                        "Properties": {"Stream": {"Fn::GetAtt": ["Stream", "Arn"]}, "StartingPosition": "TRIM_HORIZON"},
                    },
                    "OnTable": {
                        "Type": "DynamoDB",
                        "Properties": {
                            "Stream": {"Fn::GetAtt": ["Table", "StreamArn"]}, "StartingPosition": "TRIM_HORIZON"
                        },
                    },
                    "OnRule": {
                        "Type": "EventBridgeRule", "Properties": {"Pattern": {"source": ["sam.events.test"]}}
                    },
                    "OnTime": {
                        "Type": "Schedule", "Properties": {"Schedule": "rate(5 minutes)", "Input": "{\"kind\": \"time\"}"}
                    },
                    "OnTimeV2": {
                        "Type": "ScheduleV2",
                        "Properties": {"ScheduleExpression": "rate(5 minutes)", "Input": "{\"kind\": \"time v2\"}"},
                    },
                },
            },
        },
    },
    "Outputs": {
        name: {"Value": value}
        for name, value in {
            "Function": {"Ref": "Worker"}, "Topic": {"Ref": "Topic"}, "Queue": {"Ref": "Queue"},
            "Stream": {"Ref": "Stream"}, "Table": {"Ref": "Table"},
        }.items()
    },
}


def kind_of(event):
    if "Records" in event:
        record = event["Records"][0]
        return record.get("eventSource") or record["EventSource"]
    return event.get("kind") or event["source"]


def test_every_kind_of_event_starts_the_function(dev_server, aws_for, unique, wait_until):
    aws, name = aws_for(dev_server), unique("events")
    stacks = aws("cloudformation")
    stacks.create_stack(StackName=name, TemplateBody=json.dumps(TEMPLATE),
                        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])

    def stack():
        return stacks.describe_stacks(StackName=name)["Stacks"][0]

    wait_until(lambda: not stack()["StackStatus"].endswith("IN_PROGRESS"), what="the stack")
    assert stack()["StackStatus"] == "CREATE_COMPLETE", stacks.describe_stack_events(StackName=name)["StackEvents"]
    made = {each["OutputKey"]: each["OutputValue"] for each in stack()["Outputs"]}

    aws("sns").publish(TopicArn=made["Topic"], Message="news")
    aws("sqs").send_message(QueueUrl=made["Queue"], MessageBody="job")
    aws("kinesis").put_record(StreamName=made["Stream"], PartitionKey="p", Data=b"record")
    aws("dynamodb").put_item(TableName=made["Table"], Item={"id": {"S": "1"}})
    aws("events").put_events(Entries=[{"Source": "sam.events.test", "DetailType": "t", "Detail": "{}"}])
    body = json.dumps({"advance_seconds": 301}).encode()
    urllib.request.urlopen(f"{dev_server.endpoint}/_cumulet/clock", data=body, timeout=10).read()

    wanted = {"aws:sns", "aws:sqs", "aws:kinesis", "aws:dynamodb", "sam.events.test", "time", "time v2"}
    logs = aws("logs")

    def kinds():
        try:
            lines = logs.filter_log_events(logGroupName=f"/aws/lambda/{made['Function']}", filterPattern="EVENT")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return set()
        return {kind_of(json.loads(line["message"][6:])) for line in lines}

    wait_until(lambda: kinds() >= wanted, what=f"events of every kind; {wanted}")
    stacks.delete_stack(StackName=name)
