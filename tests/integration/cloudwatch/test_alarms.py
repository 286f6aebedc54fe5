"""Alarms, evaluated by a clock that the tests move."""

import datetime
import io
import json
import urllib.request
import zipfile

import pytest
from botocore.exceptions import ClientError

BASE = dict(Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=5, ComparisonOperator="GreaterThanThreshold")

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]})


def advance(server, seconds):
    body = json.dumps({"advance_seconds": seconds}).encode()
    request = urllib.request.Request(server.endpoint + "/_cumulet/clock", data=body, method="POST")
    with urllib.request.urlopen(request) as response:
        return datetime.datetime.fromisoformat(json.load(response)["now"].replace("Z", "+00:00"))


@pytest.fixture
def cloudwatch(dev_server, aws_for):
    return aws_for(dev_server)("cloudwatch")


def state_of(cloudwatch, name):
    [alarm] = cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"]).get(
        "MetricAlarms") or cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    return alarm["StateValue"]


def test_an_alarm_follows_its_metric(dev_server, cloudwatch, unique, wait_until):
    name, space = unique("alarm"), unique("App")
    cloudwatch.put_metric_alarm(AlarmName=name, Namespace=space, MetricName="Errors", TreatMissingData="notBreaching",
                                **BASE)
    wait_until(lambda: state_of(cloudwatch, name) == "OK")
    cloudwatch.put_metric_data(Namespace=space, MetricData=[{"MetricName": "Errors", "Value": 9}])
    advance(dev_server, 66)
    wait_until(lambda: state_of(cloudwatch, name) == "ALARM")
    [alarm] = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert "1 datapoint [9.0 (" in alarm["StateReason"]
    assert json.loads(alarm["StateReasonData"])["recentDatapoints"] == [9.0]
    advance(dev_server, 240)
    wait_until(lambda: state_of(cloudwatch, name) == "OK")
    history = cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType="StateUpdate", ScanBy="TimestampAscending")
    assert [item["HistorySummary"] for item in history["AlarmHistoryItems"]] == [
        "Alarm updated from INSUFFICIENT_DATA to OK",
        "Alarm updated from OK to ALARM",
        "Alarm updated from ALARM to OK",
    ]


def test_metric_math_and_composite(dev_server, cloudwatch, unique, wait_until):
    a, b, both, space = unique("a"), unique("b"), unique("both"), unique("App")
    queries = [
        {"Id": "m1", "ReturnData": False,
         "MetricStat": {"Metric": {"Namespace": space, "MetricName": "E"}, "Period": 60, "Stat": "Sum"}},
        {"Id": "e1", "Expression": "FILL(m1, 0) * 10"},
    ]
    cloudwatch.put_metric_alarm(AlarmName=a, Metrics=queries, EvaluationPeriods=1, Threshold=50,
                                ComparisonOperator="GreaterThanOrEqualToThreshold")
    cloudwatch.put_metric_alarm(AlarmName=b, Namespace=space, MetricName="E", TreatMissingData="ignore", **BASE)
    cloudwatch.put_composite_alarm(AlarmName=both, AlarmRule=f'ALARM("{a}") AND NOT ALARM({b})')
    wait_until(lambda: state_of(cloudwatch, both) == "OK")
    now = advance(dev_server, 0)
    times = [now + datetime.timedelta(minutes=i) for i in range(3)]
    cloudwatch.put_metric_data(Namespace=space, MetricData=[dict(MetricName="E", Value=5, Timestamp=t) for t in times])
    advance(dev_server, 66)
    wait_until(lambda: state_of(cloudwatch, both) == "ALARM")
    with pytest.raises(ClientError) as refused:
        cloudwatch.delete_alarms(AlarmNames=[a])
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    cloudwatch.delete_alarms(AlarmNames=[both, a, b])
    assert cloudwatch.describe_alarms(AlarmNames=[a, b])["MetricAlarms"] == []


def test_set_state_describe_and_tags(cloudwatch, unique):
    name, space = unique("alarm"), unique("App")
    cloudwatch.put_metric_alarm(AlarmName=name, Namespace=space, MetricName="M", ActionsEnabled=False,
                                Tags=[{"Key": "team", "Value": "x"}], TreatMissingData="ignore", **BASE)
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="by hand")
    [alarm] = cloudwatch.describe_alarms(AlarmNamePrefix=name[:-2], StateValue="ALARM")["MetricAlarms"]
    assert alarm["StateReason"] == "by hand" and alarm["ActionsEnabled"] is False
    [same] = cloudwatch.describe_alarms_for_metric(Namespace=space, MetricName="M")["MetricAlarms"]
    assert same["AlarmArn"] == alarm["AlarmArn"]
    cloudwatch.enable_alarm_actions(AlarmNames=[name])
    assert cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["ActionsEnabled"] is True
    cloudwatch.tag_resource(ResourceARN=alarm["AlarmArn"], Tags=[{"Key": "tier", "Value": "1"}])
    cloudwatch.untag_resource(ResourceARN=alarm["AlarmArn"], TagKeys=["team"])
    assert cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"] == [{"Key": "tier", "Value": "1"}]
    with pytest.raises(ClientError) as refused:
        cloudwatch.set_alarm_state(AlarmName=unique("none"), StateValue="OK", StateReason="r")
    assert refused.value.response["Error"]["Code"] == "ResourceNotFound"


@pytest.mark.parametrize("change, words", [
    ({"EvaluationPeriods": 0}, "evaluationPeriods"),
    ({"DatapointsToAlarm": 2}, "DatapointsToAlarm"),
    ({"Period": 7}, "Period"),
    ({"TreatMissingData": "never"}, "TreatMissingData"),
    ({"AlarmActions": ["arn:aws:swf:eu-central-1:000000000000:action"]}, "not supported"),
    ({"EvaluationPeriods": 2000}, "86400"),
])
def test_alarms_that_are_refused(cloudwatch, unique, change, words):
    with pytest.raises(ClientError) as refused:
        cloudwatch.put_metric_alarm(AlarmName=unique(), Namespace="A", MetricName="M", **{**BASE, **change})
    assert refused.value.response["Error"]["Code"] == "ValidationError" and words in str(refused.value)


def test_dashboards(cloudwatch, unique):
    name = unique("board")
    body = json.dumps({"widgets": [{"type": "text", "properties": {"markdown": "hello"}}]})
    assert cloudwatch.put_dashboard(DashboardName=name, DashboardBody=body)["DashboardValidationMessages"] == []
    assert cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"] == body
    [entry] = cloudwatch.list_dashboards(DashboardNamePrefix=name)["DashboardEntries"]
    assert entry["Size"] == len(body)
    with pytest.raises(ClientError) as refused:
        cloudwatch.put_dashboard(DashboardName=name, DashboardBody='{"widgets":[{"type":"nothing"}]}')
    assert refused.value.response["Error"]["Code"] == "InvalidParameterInput"
    cloudwatch.delete_dashboards(DashboardNames=[name])
    with pytest.raises(ClientError) as refused:
        cloudwatch.get_dashboard(DashboardName=name)
    assert refused.value.response["Error"]["Code"] == "ResourceNotFound"


@pytest.fixture
def queue(dev_server, aws_for, unique):
    sqs = aws_for(dev_server)("sqs")
    url = sqs.create_queue(QueueName=unique("told"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def next_body():
        got = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20).get("Messages")
        assert got, "nothing came in 20 s"
        sqs.delete_message(QueueUrl=url, ReceiptHandle=got[0]["ReceiptHandle"])
        return json.loads(got[0]["Body"])

    next_body.url, next_body.arn = url, arn
    return next_body


def test_a_topic_is_told(dev_server, aws_for, unique, wait_until, queue):
    aws = aws_for(dev_server)
    cloudwatch, sns, name, space = aws("cloudwatch"), aws("sns"), unique("alarm"), unique("App")
    topic = sns.create_topic(Name=unique("warnings"))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    cloudwatch.put_metric_alarm(AlarmName=name, Namespace=space, MetricName="Errors", TreatMissingData="notBreaching",
                                AlarmActions=[topic], AlarmDescription="too many", **BASE)
    wait_until(lambda: state_of(cloudwatch, name) == "OK")
    cloudwatch.put_metric_data(Namespace=space, MetricData=[{"MetricName": "Errors", "Value": 9}])
    advance(dev_server, 66)
    envelope = queue()
    assert envelope["TopicArn"] == topic and envelope["Subject"].startswith(f'ALARM: "{name}"')
    told = json.loads(envelope["Message"])
    assert (told["AlarmName"], told["OldStateValue"], told["NewStateValue"]) == (name, "OK", "ALARM")
    assert told["AlarmDescription"] == "too many" and told["Trigger"]["MetricName"] == "Errors"


def test_a_function_is_called(dev_server, aws_for, unique, wait_until):
    aws = aws_for(dev_server)
    cloudwatch, functions, name = aws("cloudwatch"), aws("lambda"), unique("alarm")
    role = aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", "import json\n\ndef handler(event, context):\n    print(json.dumps(event))\n")
    function = functions.create_function(
        FunctionName=name, Role=role, Runtime="python3.11", Handler="index.handler", Timeout=30,
        Code={"ZipFile": packed.getvalue()})["FunctionArn"]
    functions.add_permission(FunctionName=name, StatementId="alarms", Action="lambda:InvokeFunction",
                             Principal="lambda.alarms.cloudwatch.amazonaws.com")
    cloudwatch.put_metric_alarm(AlarmName=name, Namespace=unique("App"), MetricName="E", AlarmActions=[function], **BASE)
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="by hand")

    def printed():
        try:
            events = aws("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}", filterPattern='"alarmData"')
        except ClientError:
            return None
        return events["events"]

    event = json.loads(wait_until(printed)[0]["message"])
    assert event["source"] == "aws.cloudwatch" and event["alarmData"]["alarmName"] == name
    assert event["alarmData"]["state"]["value"] == "ALARM"
