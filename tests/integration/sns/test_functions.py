import io
import json
import zipfile

HANDLER = """
import boto3, json, os
def handler(event, context):
    record = event["Records"][0]
    boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=json.dumps(record))
"""


def test_a_function_gets_the_event(aws, sns, role, topic, unique, make_queue, take):
    queue = make_queue()
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", HANDLER)
    name = unique("subscriber")
    function = aws("lambda").create_function(
        FunctionName=name, Runtime="python3.11", Role=role, Handler="app.handler", Code={"ZipFile": package.getvalue()},
        Timeout=30, Environment={"Variables": {"QUEUE": queue[0]}})["FunctionArn"]
    aws("lambda").add_permission(FunctionName=name, StatementId="topic", Action="lambda:InvokeFunction",
                                 Principal="sns.amazonaws.com", SourceArn=topic)
    arn = sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function)["SubscriptionArn"]
    sent = sns.publish(TopicArn=topic, Message="hello")
    record = json.loads(take(queue[0], seconds=60)[0]["Body"])
    assert record["EventSource"] == "aws:sns" and record["EventSubscriptionArn"] == arn
    assert record["Sns"]["MessageId"] == sent["MessageId"] and record["Sns"]["Subject"] is None
    assert record["Sns"]["SigningCertUrl"].endswith(".pem") and record["Sns"]["MessageAttributes"] == {}
