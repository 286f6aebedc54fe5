"""What is kept of metrics as time passes: the clock of a server of its own is moved by months."""

import datetime
import json
import urllib.request

import pytest

DAY = 86_400


@pytest.fixture
def aged(make_server):
    server = make_server("--dev")

    def advance(seconds):
        body = json.dumps({"advance_seconds": seconds}).encode()
        with urllib.request.urlopen(server.endpoint + "/_cumulet/clock", data=body, timeout=10) as response:
            return datetime.datetime.fromisoformat(json.load(response)["now"].replace("Z", "+00:00"))

    return server, advance


def test_resolution_coarsens_with_age(aged, aws_for):
    server, advance = aged
    cloudwatch = aws_for(server)("cloudwatch")
    put_at = advance(0)
    cloudwatch.put_metric_data(Namespace="Old", MetricData=[
        {"MetricName": "Minutes", "Value": 3, "Timestamp": put_at},
        {"MetricName": "Seconds", "Value": 4, "Timestamp": put_at, "StorageResolution": 1},
    ])

    def found(metric, period):
        """The sum of all that is there around the time of the values."""
        points = cloudwatch.get_metric_statistics(
            Namespace="Old", MetricName=metric, Period=period, Statistics=["Sum"],
            StartTime=put_at - datetime.timedelta(hours=2), EndTime=put_at + datetime.timedelta(hours=2),
        )["Datapoints"]
        return sum(point["Sum"] for point in points)

    assert [found("Minutes", period) for period in (60, 300, 3600)] == [3, 3, 3]
    assert [found("Seconds", period) for period in (60, 3600)] == [4, 4]
    advance(16 * DAY)
    assert [found("Minutes", period) for period in (60, 300, 3600)] == [0, 3, 3]
    advance(48 * DAY)
    assert [found("Minutes", period) for period in (300, 3600)] == [0, 3]
    advance(392 * DAY)
    assert found("Minutes", 3600) == 0
