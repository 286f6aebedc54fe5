"""What happens to objects, told to functions, queues, topics and EventBridge."""

import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lambda"))
from lambda_packages import package  # noqa: E402

REGION = "eu-central-1"
PRINT = "import json\ndef handler(event, context):\n    print('EVENT ' + json.dumps(event), flush=True)\n"


class Queue:
    def __init__(self, client, name, wait_until):
        self.client, self.wait_until, self.seen = client, wait_until, []
        self.url = client.create_queue(QueueName=name)["QueueUrl"]
        shown = client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        self.arn = shown["Attributes"]["QueueArn"]

    def wait(self, count):
        """The first `count` messages, test events left out; fails when there are more."""

        def arrived():
            got = self.client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in got.get("Messages", []):
                body = json.loads(message["Body"])
                if body.get("Event") != "s3:TestEvent":
                    self.seen.append(body)
                self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
            return len(self.seen) >= count

        self.wait_until(arrived, what=f"{count} messages")
        assert len(self.seen) == count, self.seen
        return self.seen

    def records(self, count):
        return sorted((each["Records"][0] for each in self.wait(count)), key=lambda r: r["s3"]["object"]["key"])


@pytest.fixture
def sqs(aws):
    return aws("sqs")


@pytest.fixture
def queue(sqs, unique, wait_until):
    return Queue(sqs, unique("q"), wait_until)


def rules(**values):
    return {"Key": {"FilterRules": [{"Name": name, "Value": value} for name, value in values.items()]}}


def notify(s3, bucket, queue, events=("s3:ObjectCreated:*",), **more):
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={"QueueConfigurations": [{"QueueArn": queue.arn, "Events": list(events), **more}]})


def function(aws, role, unique):
    lam, name = aws("lambda"), unique("f")
    made = lam.create_function(FunctionName=name, Runtime="python3.11", Role=role, Handler="app.handler",
                               Code={"ZipFile": package({"app.py": PRINT})})
    lam.get_waiter("function_active_v2").wait(FunctionName=name)
    return name, made["FunctionArn"]


def printed(aws, name):
    logs = aws("logs")
    try:
        lines = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}", filterPattern="EVENT")["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [json.loads(line["message"].split("EVENT ", 1)[1]) for line in lines]


def test_queue_gets_test_event_and_the_event(s3, sqs, bucket, queue, wait_until):
    notify(s3, bucket, queue, Id="new")
    got = wait_until(lambda: sqs.receive_message(QueueUrl=queue.url).get("Messages"), what="the test event")
    test = json.loads(got[0]["Body"])
    assert (test["Service"], test["Event"], test["Bucket"]) == ("Amazon S3", "s3:TestEvent", bucket)
    sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=got[0]["ReceiptHandle"])

    put = s3.put_object(Bucket=bucket, Key="a dir/hello (1)+é.txt", Body=b"hello")
    record = queue.records(1)[0]
    assert record["eventVersion"] == "2.1" and record["eventSource"] == "aws:s3"
    assert record["awsRegion"] == REGION and record["eventName"] == "ObjectCreated:Put"
    assert record["responseElements"]["x-amz-request-id"] == put["ResponseMetadata"]["RequestId"]
    assert record["responseElements"]["x-amz-id-2"] == put["ResponseMetadata"]["HostId"]
    assert record["requestParameters"]["sourceIPAddress"] == "127.0.0.1"
    assert record["userIdentity"]["principalId"]
    assert record["s3"]["s3SchemaVersion"] == "1.0" and record["s3"]["configurationId"] == "new"
    assert record["s3"]["bucket"]["name"] == bucket and record["s3"]["bucket"]["arn"] == f"arn:aws:s3:::{bucket}"
    made = record["s3"]["object"]
    assert made["key"] == "a+dir/hello+%281%29%2B%C3%A9.txt" and made["size"] == 5
    assert made["eTag"] == put["ETag"].strip('"') and "versionId" not in made
    assert int(made["sequencer"], 16) > 0


def test_filters_choose_by_prefix_and_suffix(s3, bucket, queue):
    notify(s3, bucket, queue, Filter=rules(Prefix="in/", Suffix=".jpg"))
    for key in ("in/a.jpg", "in/a.png", "out/a.jpg", "in/b.jpg"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    assert [each["s3"]["object"]["key"] for each in queue.records(2)] == ["in/a.jpg", "in/b.jpg"]


def test_copy_multipart_and_tags_have_their_names(s3, bucket, queue):
    notify(s3, bucket, queue, ["s3:ObjectCreated:Copy", "s3:ObjectCreated:CompleteMultipartUpload", "s3:ObjectTagging:*"])
    s3.put_object(Bucket=bucket, Key="original", Body=b"x")
    s3.copy_object(Bucket=bucket, Key="1", CopySource=f"{bucket}/original")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="2")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="2", UploadId=upload, PartNumber=1, Body=b"part")
    s3.complete_multipart_upload(Bucket=bucket, Key="2", UploadId=upload,
                                 MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    s3.put_object_tagging(Bucket=bucket, Key="1", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.delete_object_tagging(Bucket=bucket, Key="1")
    got = {(each["eventName"], each["s3"]["object"]["key"], each["eventVersion"]) for each in queue.records(4)}
    assert got == {("ObjectCreated:Copy", "1", "2.1"), ("ObjectCreated:CompleteMultipartUpload", "2", "2.1"),
                   ("ObjectTagging:Put", "1", "2.3"), ("ObjectTagging:Delete", "1", "2.3")}


def test_deletions_and_delete_markers(s3, bucket, queue):
    notify(s3, bucket, queue, ["s3:ObjectRemoved:*"])
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    s3.delete_object(Bucket=bucket, Key="a")
    s3.delete_object(Bucket=bucket, Key="never-there")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=bucket, Key="b", Body=b"x")["VersionId"]
    marker = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "b"}]})["Deleted"][0]["DeleteMarkerVersionId"]
    s3.delete_object(Bucket=bucket, Key="b", VersionId=version)
    got = {(each["eventName"], each["s3"]["object"].get("versionId")) for each in queue.records(3)}
    assert got == {("ObjectRemoved:Delete", None), ("ObjectRemoved:DeleteMarkerCreated", marker),
                   ("ObjectRemoved:Delete", version)}


def test_topic_hands_the_event_on(aws, s3, bucket, queue, unique):
    sns = aws("sns")
    topic = sns.create_topic(Name=unique("t"))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={
        "TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectCreated:Put"]}]})
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    envelopes = queue.wait(2)
    assert {each["Subject"] for each in envelopes} == {"Amazon S3 Notification"}
    messages = [json.loads(each["Message"]) for each in envelopes]
    assert any(each.get("Event") == "s3:TestEvent" for each in messages)
    record = next(each for each in messages if "Records" in each)["Records"][0]
    assert record["s3"]["object"]["key"] == "k"


def test_event_bridge_rule_gets_the_detail(aws, s3, bucket, queue, unique):
    events, rule = aws("events"), unique("r")
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}}
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "q", "Arn": queue.arn}])
    s3.put_bucket_notification_configuration(Bucket=bucket,
                                             NotificationConfiguration={"EventBridgeConfiguration": {}})
    assert s3.get_bucket_notification_configuration(Bucket=bucket)["EventBridgeConfiguration"] == {}
    put = s3.put_object(Bucket=bucket, Key="a b", Body=b"hello")
    s3.delete_object(Bucket=bucket, Key="a b")
    created, deleted = sorted(queue.wait(2), key=lambda each: each["detail-type"])
    assert (created["detail-type"], created["resources"]) == ("Object Created", [f"arn:aws:s3:::{bucket}"])
    detail = created["detail"]
    assert detail["version"] == "0" and detail["reason"] == "PutObject" and detail["requester"] == created["account"]
    assert detail["request-id"] == put["ResponseMetadata"]["RequestId"]
    assert (detail["object"]["key"], detail["object"]["size"]) == ("a b", 5)
    assert deleted["detail-type"] == "Object Deleted"
    assert (deleted["detail"]["reason"], deleted["detail"]["deletion-type"]) == ("DeleteObject", "Permanently Deleted")
    assert deleted["detail"]["object"]["sequencer"] > detail["object"]["sequencer"]


def test_function_needs_a_permission_and_is_called(aws, s3, bucket, role, unique, refused, wait_until):
    name, arn = function(aws, role, unique)
    wanted = {"LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    error = refused(400, "InvalidArgument", s3.put_bucket_notification_configuration, Bucket=bucket,
                    NotificationConfiguration=wanted)
    assert error["Message"] == "Unable to validate the following destination configurations"
    aws("lambda").add_permission(FunctionName=name, StatementId="s3", Action="lambda:InvokeFunction",
                                 Principal="s3.amazonaws.com", SourceArn=f"arn:aws:s3:::{bucket}")
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=wanted)
    shown = s3.get_bucket_notification_configuration(Bucket=bucket)["LambdaFunctionConfigurations"][0]
    assert shown["LambdaFunctionArn"] == arn and shown["Id"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    event = wait_until(lambda: printed(aws, name), what="the call")[0]
    assert event["Records"][0]["s3"]["configurationId"] == shown["Id"]


def test_what_is_wrong_is_refused(s3, bucket, queue, refused):
    def message(*configurations):
        error = refused(400, "InvalidArgument", s3.put_bucket_notification_configuration, Bucket=bucket,
                        NotificationConfiguration={"QueueConfigurations": list(configurations)})
        return error["Message"]

    def one(events="s3:ObjectCreated:*", arn=queue.arn, **more):
        return {"QueueArn": arn, "Events": [events], **more}

    assert message(one("s3:Nothing")) == "A specified event is not supported for notifications."
    assert message(one(arn="queue")) == "The ARN is not well formed"
    assert message(one(arn=queue.arn + "-gone")) == "Unable to validate the following destination configurations"
    assert message(one(arn=queue.arn.replace(REGION, "us-east-1"))) == (
        "The notification destination service region is not valid for the bucket location constraint")
    assert message(one(Filter=rules(Middle="x"))) == "filter rule name must be either prefix or suffix"
    assert message(one(), one("s3:ObjectCreated:Put")).startswith("Configurations overlap. ")
    overlap = one(Filter=rules(Prefix="a")), one(Filter=rules(Prefix="ab", Suffix=".c"))
    assert message(*overlap).startswith("Configuration is ambiguously defined. Cannot have overlapping suffixes")
    twice = one(Id="x", Filter=rules(Prefix="a")), one(Id="x", Filter=rules(Prefix="b"))
    assert message(*twice) == "Same ID used for multiple configurations. IDs must be unique"
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)


def test_an_empty_configuration_ends_it(s3, bucket, queue):
    notify(s3, bucket, queue)
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    queue.wait(1)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    s3.put_object(Bucket=bucket, Key="b", Body=b"x")
    notify(s3, bucket, queue)
    s3.put_object(Bucket=bucket, Key="c", Body=b"x")
    assert [each["s3"]["object"]["key"] for each in queue.records(2)] == ["a", "c"]


def test_serverless_function_with_a_bucket(aws, s3, unique, wait_until):
    stacks, name = aws("cloudformation"), unique("stack")
    template = {"Transform": "AWS::Serverless-2016-10-31", "Resources": {
        "Photos": {"Type": "AWS::S3::Bucket"},
        "Worker": {"Type": "AWS::Serverless::Function", "Properties": {
            "Runtime": "python3.11", "Handler": "index.handler", "InlineCode": PRINT,
            "Events": {"Upload": {"Type": "S3", "Properties": {
                "Bucket": {"Ref": "Photos"}, "Events": "s3:ObjectCreated:*",
                "Filter": {"S3Key": {"Rules": [{"Name": "suffix", "Value": ".jpg"}]}}}}}}}},
        "Outputs": {"Bucket": {"Value": {"Ref": "Photos"}}, "Function": {"Value": {"Ref": "Worker"}}}}
    stacks.create_stack(StackName=name, TemplateBody=json.dumps(template),
                        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])

    def status():
        return stacks.describe_stacks(StackName=name)["Stacks"][0]

    wait_until(lambda: not status()["StackStatus"].endswith("IN_PROGRESS"), what="the stack")
    assert status()["StackStatus"] == "CREATE_COMPLETE", stacks.describe_stack_events(StackName=name)["StackEvents"]
    made = {each["OutputKey"]: each["OutputValue"] for each in status()["Outputs"]}
    s3.put_object(Bucket=made["Bucket"], Key="cat.txt", Body=b"x")
    s3.put_object(Bucket=made["Bucket"], Key="cat.jpg", Body=b"x")
    event = wait_until(lambda: printed(aws, made["Function"]), what="the call")[0]
    assert event["Records"][0]["s3"]["object"]["key"] == "cat.jpg"
    s3.delete_objects(Bucket=made["Bucket"], Delete={"Objects": [{"Key": "cat.txt"}, {"Key": "cat.jpg"}]})
    stacks.delete_stack(StackName=name)


def test_template_gives_and_takes_a_configuration(aws, s3, unique, queue, wait_until):
    stacks, name, bucket = aws("cloudformation"), unique("stack"), unique("bucket")

    def template(**configuration):
        photos = {"BucketName": bucket}
        if configuration:
            photos["NotificationConfiguration"] = configuration
        return json.dumps({"Resources": {"Photos": {"Type": "AWS::S3::Bucket", "Properties": photos}}})

    def ends(status):
        def stack():
            return stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]

        wait_until(lambda: not stack().endswith("IN_PROGRESS"), what="the stack")
        assert stack() == status

    filtered = {"S3Key": {"Rules": [{"Name": "prefix", "Value": "in/"}]}}
    stacks.create_stack(StackName=name, TemplateBody=template(
        QueueConfigurations=[{"Event": "s3:ObjectCreated:*", "Queue": queue.arn, "Filter": filtered}],
        EventBridgeConfiguration={"EventBridgeEnabled": True}))
    ends("CREATE_COMPLETE")
    shown = s3.get_bucket_notification_configuration(Bucket=bucket)
    assert shown["EventBridgeConfiguration"] == {}
    made = shown["QueueConfigurations"][0]
    assert (made["QueueArn"], made["Events"]) == (queue.arn, ["s3:ObjectCreated:*"])
    assert made["Filter"]["Key"]["FilterRules"] == [{"Name": "prefix", "Value": "in/"}]
    stacks.update_stack(StackName=name, TemplateBody=template())
    ends("UPDATE_COMPLETE")
    shown = s3.get_bucket_notification_configuration(Bucket=bucket)
    assert "QueueConfigurations" not in shown and "EventBridgeConfiguration" not in shown
    stacks.delete_stack(StackName=name)


def test_acknowledged_write_is_told_after_a_crash(own_server, aws_for, unique, wait_until):
    aws = aws_for(own_server)
    s3, bucket = aws("s3"), unique("bucket")
    queue = Queue(aws("sqs"), unique("q"), wait_until)
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    notify(s3, bucket, queue)
    for number in range(20):
        s3.put_object(Bucket=bucket, Key=f"{number:02}", Body=b"x")
    own_server.kill()
    own_server.start()

    def arrived():
        got = queue.client.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        queue.seen += [json.loads(each["Body"]) for each in got.get("Messages", [])]
        keys = {each["Records"][0]["s3"]["object"]["key"] for each in queue.seen if "Records" in each}
        return len(keys) == 20

    wait_until(arrived, what="all events")
