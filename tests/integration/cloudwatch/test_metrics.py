"""Metrics in and out, through boto3, the AWS CLI and the older protocols."""

import datetime
import gzip
import json
import subprocess
import urllib.parse
import urllib.request

import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError


def minute(ago=0):
    now = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)
    return now - datetime.timedelta(minutes=ago)


def put(cloudwatch, space, name, values, when, **more):
    data = [dict(MetricName=name, Value=value, Timestamp=when, **more) for value in values]
    cloudwatch.put_metric_data(Namespace=space, MetricData=data)


def query(query_id, space, name, stat="Sum", period=60, **more):
    metric = {"Namespace": space, "MetricName": name}
    return dict(Id=query_id, MetricStat={"Metric": metric, "Period": period, "Stat": stat}, **more)


def get_data(cloudwatch, *queries, start=minute(60), end=None, **more):
    end = end or minute(-1)
    more.setdefault("ScanBy", "TimestampAscending")
    return cloudwatch.get_metric_data(MetricDataQueries=list(queries), StartTime=start, EndTime=end, **more)


def test_statistics_of_values(aws, unique):
    cloudwatch, space = aws("cloudwatch"), unique("App")
    when = minute(5)
    dimensions = [{"Name": "Shop", "Value": "a"}, {"Name": "Zone", "Value": "1"}]
    cloudwatch.put_metric_data(
        Namespace=space,
        MetricData=[
            dict(MetricName="Latency", Timestamp=when, Values=[float(i) for i in range(1, 101)], Unit="Milliseconds",
                 Dimensions=dimensions),
            dict(MetricName="Latency", Timestamp=when, Values=[50.0], Counts=[10.0], Unit="Milliseconds",
                 Dimensions=list(reversed(dimensions))),
        ],
    )
    found = cloudwatch.get_metric_statistics(
        Namespace=space, MetricName="Latency", Dimensions=dimensions, StartTime=minute(10), EndTime=minute(), Period=60,
        Statistics=["SampleCount", "Sum", "Minimum", "Maximum", "Average"])
    [point] = found["Datapoints"]
    assert (point["SampleCount"], point["Sum"], point["Minimum"], point["Maximum"]) == (110, 5550, 1, 100)
    assert point["Timestamp"] == when and point["Unit"] == "Milliseconds"
    extended = cloudwatch.get_metric_statistics(
        Namespace=space, MetricName="Latency", Dimensions=dimensions, StartTime=minute(10), EndTime=minute(), Period=300,
        ExtendedStatistics=["p50", "p100", "tm90", "PR(:50)"])["Datapoints"][0]["ExtendedStatistics"]
    assert extended["p50"] == pytest.approx(50, abs=1) and extended["p100"] == 100
    assert extended["PR(:50)"] == pytest.approx(100 * 60 / 110, abs=2)
    assert found["Label"] == "Latency"


def test_statistic_sets_units_and_high_resolution(aws, unique):
    cloudwatch, space = aws("cloudwatch"), unique("App")
    when = minute(2)
    sets = {"SampleCount": 4, "Sum": 10, "Minimum": 1, "Maximum": 5}
    cloudwatch.put_metric_data(
        Namespace=space,
        MetricData=[
            {"MetricName": "Size", "StatisticValues": sets, "Unit": "Bytes", "Timestamp": when},
            {"MetricName": "Size", "Value": 7, "Unit": "Kilobytes", "Timestamp": when},
            {"MetricName": "Fast", "Value": 1, "Timestamp": when, "StorageResolution": 1},
            {"MetricName": "Fast", "Value": 2, "Timestamp": when + datetime.timedelta(seconds=5), "StorageResolution": 1},
        ],
    )
    points = cloudwatch.get_metric_statistics(Namespace=space, MetricName="Size", StartTime=minute(10), EndTime=minute(),
                                              Period=60, Statistics=["Sum"])["Datapoints"]
    assert sorted((p["Unit"], p["Sum"]) for p in points) == [("Bytes", 10), ("Kilobytes", 7)]
    fast = get_data(cloudwatch, query("m1", space, "Fast", period=5))["MetricDataResults"][0]
    assert fast["Values"] == [1, 2]
    assert get_data(cloudwatch, query("m1", space, "Fast"))["MetricDataResults"][0]["Values"] == [3]


def test_metric_math(aws, unique):
    cloudwatch, space = aws("cloudwatch"), unique("App")
    for ago, (errors, requests) in enumerate([(1, 10), (2, 40), (0, 30)], start=1):
        put(cloudwatch, space, "Errors", [errors], minute(ago))
        put(cloudwatch, space, "Requests", [requests], minute(ago))
    results = get_data(
        cloudwatch,
        query("errors", space, "Errors", ReturnData=False),
        query("requests", space, "Requests"),
        {"Id": "rate", "Expression": "100 * errors / requests", "Label": "error rate (max ${MAX})"},
        {"Id": "total", "Expression": "RUNNING_SUM(requests)"},
        {"Id": "found", "Expression": f"SUM(SEARCH('{{{space}}} MetricName=\"Requests\"', 'Sum', 60))"},
    )["MetricDataResults"]
    by_id = {result["Id"]: result for result in results}
    assert set(by_id) == {"requests", "rate", "total", "found"}
    assert by_id["rate"]["Values"] == [0, 5, 10] and by_id["rate"]["Label"] == "error rate (max 10)"
    assert by_id["total"]["Values"] == [30, 70, 80] and by_id["found"]["Values"] == [30, 40, 10]
    assert by_id["rate"]["Timestamps"] == [minute(3), minute(2), minute(1)] or len(by_id["rate"]["Timestamps"]) == 3
    assert {result["StatusCode"] for result in results} == {"Complete"}


def test_pages_of_data(aws, unique):
    cloudwatch, space = aws("cloudwatch"), unique("App")
    for ago in range(1, 8):
        put(cloudwatch, space, "A", [ago], minute(ago))
        put(cloudwatch, space, "B", [-ago], minute(ago))
    start, end = minute(60), minute(-1)
    values, token = {"a": [], "b": []}, None
    while True:
        more = {"NextToken": token} if token else {}
        page = get_data(cloudwatch, query("a", space, "A"), query("b", space, "B"), start=start, end=end,
                        MaxDatapoints=5, ScanBy="TimestampDescending", **more)
        for result in page["MetricDataResults"]:
            values[result["Id"]] += result["Values"]
        token = page.get("NextToken")
        if not token:
            break
    assert values == {"a": list(range(1, 8)), "b": [-i for i in range(1, 8)]}


def test_list_metrics(aws, unique):
    cloudwatch, space = aws("cloudwatch"), unique("App")
    data = [dict(MetricName=f"M{i % 3}", Value=1, Dimensions=[{"Name": "Id", "Value": str(i)}]) for i in range(700)]
    cloudwatch.put_metric_data(Namespace=space, MetricData=data)
    pages = list(cloudwatch.get_paginator("list_metrics").paginate(Namespace=space))
    assert [len(page["Metrics"]) for page in pages] == [500, 200]
    some = cloudwatch.list_metrics(Namespace=space, MetricName="M1", Dimensions=[{"Name": "Id", "Value": "4"}])
    assert [m["Dimensions"] for m in some["Metrics"]] == [[{"Name": "Id", "Value": "4"}]]
    assert cloudwatch.list_metrics(Namespace=space, Dimensions=[{"Name": "None"}])["Metrics"] == []


@pytest.mark.parametrize(
    "datum, code",
    [
        ({}, "MissingParameter"),
        ({"Value": 1, "StatisticValues": {"SampleCount": 1, "Sum": 1, "Minimum": 1, "Maximum": 1}},
         "InvalidParameterCombination"),
        ({"Value": float("nan")}, "InvalidParameterValue"),
        ({"Values": [1.0, 2.0], "Counts": [1.0]}, "InvalidParameterValue"),
        ({"Value": 1, "Timestamp": minute(60 * 24 * 15)}, "InvalidParameterValue"),
        ({"Value": 1, "Timestamp": minute(-180)}, "InvalidParameterValue"),
        ({"Value": 1, "StorageResolution": 5}, "InvalidParameterValue"),
    ],
)
def test_data_that_is_refused(aws, unique, datum, code):
    with pytest.raises(ClientError) as refused:
        aws("cloudwatch").put_metric_data(Namespace=unique("App"), MetricData=[dict(MetricName="M", **datum)])
    assert refused.value.response["Error"]["Code"] == code


def test_queries_that_are_refused(aws, unique):
    cloudwatch = aws("cloudwatch")
    for queries in ([{"Id": "e1", "Expression": "m9 + 1"}], [{"Id": "E", "Expression": "1"}],
                    [{"Id": "a", "Expression": "b"}, {"Id": "b", "Expression": "a"}],
                    [{"Id": "e", "Expression": "ANOMALY_DETECTION_BAND(1)"}]):
        with pytest.raises(ClientError) as refused:
            get_data(cloudwatch, *queries)
        assert refused.value.response["Error"]["Code"] == "ValidationError"
    with pytest.raises(ClientError) as refused:
        cloudwatch.get_metric_statistics(Namespace="A", MetricName="B", StartTime=minute(60 * 48), EndTime=minute(),
                                         Period=60, Statistics=["Sum"])
    assert "exceeds the limit of 1,440" in str(refused.value)
    with pytest.raises(ClientError) as refused:
        cloudwatch.put_metric_stream(Name="s", FirehoseArn="arn:aws:firehose:a:0:b", RoleArn="arn:aws:iam::0:role/r",
                                     OutputFormat="json")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def signed(server, body, headers):
    request = AWSRequest("POST", server.endpoint + "/", data=body, headers=headers)
    SigV4Auth(Credentials(server.access_key, server.secret_key), "monitoring", "eu-central-1").add_auth(request)
    raw = urllib.request.Request(server.endpoint + "/", data=body, headers=dict(request.headers), method="POST")
    with urllib.request.urlopen(raw) as response:
        return response.read().decode()


def test_query_and_json_protocols(server, aws, unique):
    space = unique("App")
    form = {"Action": "PutMetricData", "Version": "2010-08-01", "Namespace": space,
            "MetricData.member.1.MetricName": "Old", "MetricData.member.1.Value": "4"}
    body = urllib.parse.urlencode(form).encode()
    answer = signed(server, body, {"Content-Type": "application/x-www-form-urlencoded"})
    assert "<PutMetricDataResponse" in answer and "<RequestId>" in answer
    packed = gzip.compress(body)
    signed(server, packed, {"Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"})
    listed = signed(server, json.dumps({"Namespace": space}).encode(),
                    {"Content-Type": "application/x-amz-json-1.0",
                     "X-Amz-Target": "GraniteServiceVersion20100801.ListMetrics"})
    assert json.loads(listed)["Metrics"] == [{"Namespace": space, "MetricName": "Old", "Dimensions": []}]
    assert get_data(aws("cloudwatch"), query("m", space, "Old"))["MetricDataResults"][0]["Values"] == [8]


def test_cli(cli, unique):
    space = unique("App")
    cli("cloudwatch", "put-metric-data", "--namespace", space, "--metric-name", "Visits", "--value", 3, "--dimensions",
        "Page=home")
    [metric] = cli("cloudwatch", "list-metrics", "--namespace", space)["Metrics"]
    assert metric["Dimensions"] == [{"Name": "Page", "Value": "home"}]


def test_acknowledged_data_survive_a_crash(own_server, aws_for, unique):
    cloudwatch, space = aws_for(own_server)("cloudwatch"), unique("App")
    put(cloudwatch, space, "Kept", [1, 2, 3], minute(3))
    own_server.kill()
    own_server.start()
    cloudwatch = aws_for(own_server)("cloudwatch")
    assert get_data(cloudwatch, query("m", space, "Kept"))["MetricDataResults"][0]["Values"] == [6]
