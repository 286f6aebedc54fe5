"""What an incremental export writes of a window of time."""

import datetime
import gzip
import json
import urllib.request

from dynamodb_tables import active, definition


def advance(server, seconds):
    """Moves the server's clock, and gives its time without what is below a second."""
    body = json.dumps({"advance_seconds": seconds}).encode()
    with urllib.request.urlopen(f"{server.endpoint}/_cumulet/clock", data=body) as answer:
        now = json.loads(answer.read())["now"]
    return datetime.datetime.fromisoformat(now.replace("Z", "+00:00")).replace(microsecond=0)


def lines_of(s3, bucket, manifest):
    summary = json.loads(s3.get_object(Bucket=bucket, Key=manifest)["Body"].read())
    lines = []
    for file in s3.get_object(Bucket=bucket, Key=summary["manifestFilesS3Key"])["Body"].read().splitlines():
        key = json.loads(file)["dataFileS3Key"]
        assert "AWSDynamoDB/data/" in key
        lines += gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read()).splitlines()
    return summary, {line["Keys"]["pk"]["S"]: line for line in map(json.loads, lines)}


def test_only_what_changed_in_the_window_and_how_it_ended(make_server, aws_for, unique, wait_until, fails):
    server = make_server("--dev")  # Its clock is moved, which no other test should see.
    name, bucket = unique("table"), unique("bucket")

    def clients():  # Signatures have the time in them: sessions must not be older than the clock.
        return aws_for(server).client("dynamodb"), aws_for(server).client("s3")

    client, s3 = clients()
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    client.create_table(**definition(name))
    active(client, name)
    arn = client.describe_table(TableName=name)["Table"]["TableArn"]

    def put(pk, value):
        client.put_item(TableName=name, Item={"pk": {"S": pk}, "n": {"N": str(value)}})

    client.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    for pk in ("kept", "changed", "removed", "later"):
        put(pk, 1)
    begin = advance(server, 60)
    put("changed", 2)
    put("changed", 3)
    put("made", 1)
    put("passing", 1)
    client.delete_item(TableName=name, Key={"pk": {"S": "passing"}})
    client.delete_item(TableName=name, Key={"pk": {"S": "removed"}})
    end = advance(server, 20 * 60)
    client, s3 = clients()
    put("later", 2)
    put("made", 2)
    put("changed", 4)

    def export(view, start=begin, **more):
        return client.export_table_to_point_in_time(
            TableArn=arn, S3Bucket=bucket, ExportType="INCREMENTAL_EXPORT",
            IncrementalExportSpecification={"ExportFromTime": start, "ExportToTime": end, "ExportViewType": view}, **more,
        )["ExportDescription"]

    with fails("InvalidExportTimeException", "15 minutes"):
        export("NEW_IMAGE", start=end - datetime.timedelta(minutes=1))
    with fails("ValidationException", "ExportFromTime is required"):
        client.export_table_to_point_in_time(TableArn=arn, S3Bucket=bucket, ExportType="INCREMENTAL_EXPORT")

    def completed(arn):
        now = client.describe_export(ExportArn=arn)["ExportDescription"]
        assert now["ExportStatus"] != "FAILED", now
        return now if now["ExportStatus"] == "COMPLETED" else None

    both = export("NEW_AND_OLD_IMAGES", S3Prefix="out")
    assert both["ExportType"] == "INCREMENTAL_EXPORT"
    assert both["IncrementalExportSpecification"]["ExportViewType"] == "NEW_AND_OLD_IMAGES"
    done = wait_until(lambda: completed(both["ExportArn"]), what="the export")
    summary, lines = lines_of(s3, bucket, done["ExportManifest"])
    assert summary["version"] == "2023-08-01" and summary["outputView"] == "NEW_AND_OLD_IMAGES"
    assert summary["exportType"] == "INCREMENTAL_EXPORT" and summary["itemCount"] == done["ItemCount"] == 3
    assert set(lines) == {"changed", "made", "removed"}
    assert lines["changed"]["OldImage"]["n"] == {"N": "1"} and lines["changed"]["NewImage"]["n"] == {"N": "3"}
    assert "OldImage" not in lines["made"] and lines["made"]["NewImage"]["n"] == {"N": "1"}
    assert "NewImage" not in lines["removed"] and lines["removed"]["OldImage"]["n"] == {"N": "1"}
    written = int(lines["made"]["Metadata"]["WriteTimestampMicros"]["N"]) / 1e6
    assert begin.timestamp() <= written < end.timestamp()

    new = export("NEW_IMAGE")
    done = wait_until(lambda: completed(new["ExportArn"]), what="the export")
    summary, lines = lines_of(s3, bucket, done["ExportManifest"])
    assert set(lines) == {"changed", "made", "removed"}
    assert all("OldImage" not in line for line in lines.values())
    assert set(lines["removed"]) == {"Metadata", "Keys"}
    listed = client.list_exports(TableArn=arn)["ExportSummaries"]
    assert [one["ExportType"] for one in listed] == ["INCREMENTAL_EXPORT"] * 2
