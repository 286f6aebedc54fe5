"""What HTTP APIs report to CloudWatch."""

import datetime


def test_requests_are_counted_by_api_and_stage(aws, api, wait_until):
    api.route("GET /{proxy+}", api.echo)
    for path, status in [("/a", 200), ("/b", 200), ("/c?mode=raise", 500)]:
        assert api.call("GET", path).status == status
    assert api.call("POST", "/nowhere").status == 404
    cloudwatch = aws("cloudwatch")

    def figures(name, *more):
        now = datetime.datetime.now(datetime.timezone.utc)
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/ApiGateway", MetricName=name, Period=3600, Statistics=["Sum", "SampleCount", "Minimum"],
            Dimensions=[{"Name": "ApiId", "Value": api.id}, *more],
            StartTime=now - datetime.timedelta(hours=1), EndTime=now + datetime.timedelta(hours=1),
        )["Datapoints"]
        return {key: sum(point[key] for point in points) for key in ("Sum", "SampleCount", "Minimum")}

    wait_until(lambda: figures("Count")["Sum"] == 4, what="four requests counted")
    stage = {"Name": "Stage", "Value": "$default"}
    assert figures("Count", stage)["Sum"] == 4
    assert figures("4xx", stage) == {"Sum": 1, "SampleCount": 4, "Minimum": 0}
    assert figures("5xx", stage)["Sum"] == 1
    assert figures("Latency")["SampleCount"] == 4 and figures("Latency")["Minimum"] > 0
    assert figures("IntegrationLatency", stage)["SampleCount"] == 3
