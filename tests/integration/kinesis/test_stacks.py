"""Streams, consumers and delivery streams in stacks."""

import json


def template(shards, prefix):
    arn = {"Fn::GetAtt": ["Stream", "Arn"]}
    role = "arn:aws:iam::123456789012:role/firehose"
    return json.dumps(
        {
            "Resources": {
                "Stream": {
                    "Type": "AWS::Kinesis::Stream",
                    "Properties": {
                        "ShardCount": shards,
                        "RetentionPeriodHours": 24 * shards,
                        "Tags": [{"Key": "team", "Value": "red"}],
                    },
                },
                "Reader": {
                    "Type": "AWS::Kinesis::StreamConsumer",
                    "Properties": {"ConsumerName": "reader", "StreamARN": arn},
                },
                "Bucket": {"Type": "AWS::S3::Bucket"},
                "Archive": {
                    "Type": "AWS::KinesisFirehose::DeliveryStream",
                    "Properties": {
                        "DeliveryStreamType": "KinesisStreamAsSource",
                        "KinesisStreamSourceConfiguration": {"KinesisStreamARN": arn, "RoleARN": role},
                        "ExtendedS3DestinationConfiguration": {
                            "BucketARN": {"Fn::GetAtt": ["Bucket", "Arn"]},
                            "RoleARN": role,
                            "Prefix": prefix,
                            "BufferingHints": {"IntervalInSeconds": 60, "SizeInMBs": "2"},
                        },
                    },
                },
            },
            "Outputs": {
                "Stream": {"Value": {"Ref": "Stream"}},
                "Reader": {"Value": {"Fn::GetAtt": ["Reader", "ConsumerARN"]}},
                "Archive": {"Value": {"Ref": "Archive"}},
            },
        }
    )


def test_stack_with_streams(aws, unique, wait_until):
    formation, kinesis, firehose = aws("cloudformation"), aws("kinesis"), aws("firehose")
    name = unique("stack")

    def finished(status):
        stack = formation.describe_stacks(StackName=name)["Stacks"][0]
        assert "ROLLBACK" not in stack["StackStatus"] and "FAILED" not in stack["StackStatus"], stack
        return stack if stack["StackStatus"] == status else None

    formation.create_stack(StackName=name, TemplateBody=template(2, "a/"))
    stack = wait_until(lambda: finished("CREATE_COMPLETE"), what="the stack")
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    summary = kinesis.describe_stream_summary(StreamName=outputs["Stream"])["StreamDescriptionSummary"]
    assert (summary["OpenShardCount"], summary["RetentionPeriodHours"], summary["ConsumerCount"]) == (2, 48, 1)
    assert kinesis.list_tags_for_stream(StreamName=outputs["Stream"])["Tags"] == [{"Key": "team", "Value": "red"}]
    assert kinesis.describe_stream_consumer(ConsumerARN=outputs["Reader"])["ConsumerDescription"]["ConsumerName"] == "reader"

    formation.update_stack(StackName=name, TemplateBody=template(4, "b/"))
    wait_until(lambda: finished("UPDATE_COMPLETE"), what="the update")
    summary = kinesis.describe_stream_summary(StreamName=outputs["Stream"])["StreamDescriptionSummary"]
    assert (summary["OpenShardCount"], summary["RetentionPeriodHours"]) == (4, 96)
    described = firehose.describe_delivery_stream(DeliveryStreamName=outputs["Archive"])["DeliveryStreamDescription"]
    target = described["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert (target["Prefix"], target["BufferingHints"]["SizeInMBs"]) == ("b/", 2)

    formation.delete_stack(StackName=name)
    wait_until(lambda: outputs["Stream"] not in kinesis.list_streams(Limit=10000)["StreamNames"], what="the removal")
