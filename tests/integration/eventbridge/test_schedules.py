import json
import urllib.request


def advance(server, seconds):
    request = urllib.request.Request(
        f"{server.endpoint}/_cumulet/clock", json.dumps({"advance_seconds": seconds}).encode(), method="POST"
    )
    return json.load(urllib.request.urlopen(request))["now"]


def test_scheduled_rules(dev_server, aws_for, receiver, to_http, wait_until):
    events = aws_for(dev_server).client("events")
    path = to_http(events, rule={"ScheduleExpression": "rate(2 hours)"})
    daily = to_http(events, rule={"ScheduleExpression": "cron(0 12 * * ? *)"})
    off = to_http(events, rule={"ScheduleExpression": "rate(1 hour)", "State": "DISABLED"})
    advance(dev_server, 3600)
    assert not receiver.at(path)
    advance(dev_server, 3600)
    wait_until(lambda: receiver.at(path))
    (event,) = receiver.events_at(path)
    assert (event["source"], event["detail-type"], event["detail"]) == ("aws.events", "Scheduled Event", {})
    assert event["resources"] == [events.describe_rule(Name=path[1:])["Arn"]]
    advance(dev_server, 24 * 3600)
    wait_until(lambda: receiver.at(daily) and len(receiver.at(path)) == 2)
    assert receiver.events_at(daily)[0]["time"].endswith("T12:00:00Z")
    assert not receiver.at(off)


def test_acknowledged_events_survive_a_kill(own_server, aws_for, receiver, to_http, unique, wait_until):
    events = aws_for(own_server).client("events")
    source = unique("source")
    path = to_http(events, {"source": [source]})
    receiver.status[path] = [503] * 3
    sent = set()
    for n in range(40):
        entries = [{"Source": source, "DetailType": "t", "Detail": json.dumps({"n": n})}]
        sent.add(events.put_events(Entries=entries)["Entries"][0]["EventId"])
    own_server.kill()
    own_server.start()
    wait_until(lambda: sent <= {each["id"] for each in receiver.events_at(path)})
