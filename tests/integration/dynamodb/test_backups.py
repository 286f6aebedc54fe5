"""Backups, continuous backups, exports and imports; also through kill -9."""

import gzip
import json

from dynamodb_tables import active, definition


def fill(client, name, count, **more):
    for begin in range(0, count, 25):
        requests = [
            {"PutRequest": {"Item": {"pk": {"S": str(number)}, "n": {"N": "1"}, **more}}}
            for number in range(begin, min(begin + 25, count))
        ]
        client.batch_write_item(RequestItems={name: requests})


def items_of(client, name):
    found = {}
    for page in client.get_paginator("scan").paginate(TableName=name):
        for item in page["Items"]:
            found[item["pk"]["S"]] = item
    return found


def is_active(client, name):
    return client.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE"


def test_backup_and_restore_through_a_crash(own_server, aws_for, unique, wait_until, fails):
    client = aws_for(own_server).client("dynamodb")
    name, target = unique("table"), unique("restored")
    client.create_table(**definition(name))
    active(client, name)
    fill(client, name, 1000)
    arn = client.create_backup(TableName=name, BackupName="nightly")["BackupDetails"]["BackupArn"]
    client.put_item(TableName=name, Item={"pk": {"S": "0"}, "n": {"N": "2"}})
    client.put_item(TableName=name, Item={"pk": {"S": "late"}})
    own_server.kill()
    own_server.start()
    client = aws_for(own_server).client("dynamodb")

    def status():
        details = client.describe_backup(BackupArn=arn)["BackupDescription"]["BackupDetails"]
        return details["BackupStatus"] == "AVAILABLE"

    wait_until(status, what="the backup")
    listed = client.list_backups(TableName=name)["BackupSummaries"]
    assert [summary["BackupArn"] for summary in listed] == [arn]
    with fails("TableAlreadyExistsException"):
        client.restore_table_from_backup(TargetTableName=name, BackupArn=arn)
    client.restore_table_from_backup(TargetTableName=target, BackupArn=arn)
    own_server.kill()
    own_server.start()
    client = aws_for(own_server).client("dynamodb")
    wait_until(lambda: is_active(client, target), what="the restored table")
    restored = items_of(client, target)
    assert len(restored) == 1000 and restored["0"]["n"] == {"N": "1"} and "late" not in restored
    summary = client.describe_table(TableName=target)["Table"]["RestoreSummary"]
    assert summary["SourceBackupArn"] == arn and not summary["RestoreInProgress"]
    deleted = client.delete_backup(BackupArn=arn)["BackupDescription"]["BackupDetails"]
    assert deleted["BackupStatus"] == "DELETED"
    with fails("BackupNotFoundException"):
        client.describe_backup(BackupArn=arn)


def test_export_then_import(ddb, aws, make_table, unique, wait_until, fails):
    name, bucket, target = make_table(), unique("bucket"), unique("imported")
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    arn = ddb.describe_table(TableName=name)["Table"]["TableArn"]
    fill(ddb, name, 60, text={"S": 'a "quoted" text\n'}, data={"B": b"\x00\xff"})
    with fails("PointInTimeRecoveryUnavailableException"):
        ddb.export_table_to_point_in_time(TableArn=arn, S3Bucket=bucket)
    ddb.update_continuous_backups(
        TableName=name,
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 7},
    )
    described = ddb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert described["PointInTimeRecoveryDescription"]["RecoveryPeriodInDays"] == 7
    export = ddb.export_table_to_point_in_time(TableArn=arn, S3Bucket=bucket, S3Prefix="out")["ExportDescription"]
    assert export["ExportStatus"] == "IN_PROGRESS"
    fill(ddb, name, 70)

    def exported():
        now = ddb.describe_export(ExportArn=export["ExportArn"])["ExportDescription"]
        assert now["ExportStatus"] != "FAILED", now
        return now if now["ExportStatus"] == "COMPLETED" else None

    done = wait_until(exported, what="the export")
    assert done["ItemCount"] == 60
    summary = json.loads(s3.get_object(Bucket=bucket, Key=done["ExportManifest"])["Body"].read())
    assert summary["itemCount"] == 60 and summary["outputFormat"] == "DYNAMODB_JSON"
    files = s3.get_object(Bucket=bucket, Key=summary["manifestFilesS3Key"])["Body"].read().splitlines()
    lines = []
    for line in files:
        file = json.loads(line)
        body = s3.get_object(Bucket=bucket, Key=file["dataFileS3Key"])["Body"].read()
        lines += gzip.decompress(body).splitlines()
    assert len(lines) == 60 and json.loads(lines[0])["Item"]["n"] == {"N": "1"}
    assert ddb.list_exports(TableArn=arn)["ExportSummaries"][0]["ExportArn"] == export["ExportArn"]

    creation = {key: value for key, value in definition(target).items() if key != "Tags"}
    request = dict(
        S3BucketSource={"S3Bucket": bucket, "S3KeyPrefix": json.loads(files[0])["dataFileS3Key"].rsplit("/", 1)[0]},
        InputFormat="DYNAMODB_JSON",
        InputCompressionType="GZIP",
        TableCreationParameters=creation,
        ClientToken=unique("token"),
    )
    started = ddb.import_table(**request)["ImportTableDescription"]
    assert ddb.import_table(**request)["ImportTableDescription"]["ImportArn"] == started["ImportArn"]

    def imported():
        now = ddb.describe_import(ImportArn=started["ImportArn"])["ImportTableDescription"]
        assert now["ImportStatus"] != "FAILED", now
        return now if now["ImportStatus"] == "COMPLETED" else None

    done = wait_until(imported, what="the import")
    assert (done["ImportedItemCount"], done["ErrorCount"]) == (60, 0)
    found = items_of(ddb, target)
    assert len(found) == 60 and found["7"]["text"] == {"S": 'a "quoted" text\n'}
    ddb.delete_table(TableName=target)


def test_import_of_csv_counts_what_is_wrong(ddb, aws, unique, wait_until):
    bucket, target = unique("bucket"), unique("imported")
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    text = 'pk,sk,note\r\na,1,"one, ""quoted"""\r\nb,2,two\nc,no number,three\n'
    s3.put_object(Bucket=bucket, Key="data/items.csv", Body=text.encode())
    arn = ddb.import_table(
        S3BucketSource={"S3Bucket": bucket, "S3KeyPrefix": "data/"},
        InputFormat="CSV",
        TableCreationParameters=definition(target, range_type="N"),
    )["ImportTableDescription"]["ImportArn"]
    done = wait_until(
        lambda: next(
            (
                now
                for now in [ddb.describe_import(ImportArn=arn)["ImportTableDescription"]]
                if now["ImportStatus"] != "IN_PROGRESS"
            ),
            None,
        ),
        what="the import",
    )
    assert done["ImportStatus"] == "COMPLETED", done
    assert (done["ProcessedItemCount"], done["ImportedItemCount"], done["ErrorCount"]) == (3, 2, 1)
    item = ddb.get_item(TableName=target, Key={"pk": {"S": "a"}, "sk": {"N": "1"}})["Item"]
    assert item["note"] == {"S": 'one, "quoted"'}
    ddb.delete_table(TableName=target)


def test_what_a_resource_policy_denies(ddb, make_table, fails):
    name = make_table()
    ddb.put_item(TableName=name, Item={"pk": {"S": "a"}})
    arn = ddb.describe_table(TableName=name)["Table"]["TableArn"]
    actions = ["dynamodb:DeleteItem", "dynamodb:PartiQLDelete", "dynamodb:Scan", "dynamodb:DeleteTable"]
    statement = {"Effect": "Deny", "Principal": "*", "Action": actions, "Resource": arn}
    ddb.put_resource_policy(ResourceArn=arn, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    key = {"pk": {"S": "a"}}

    def is_denied(action, call, **arguments):
        with fails("AccessDeniedException", f"is not authorized to perform: dynamodb:{action} on resource: {arn} with an "
                                            "explicit deny in a resource-based policy"):
            call(**arguments)

    is_denied("DeleteItem", ddb.delete_item, TableName=name, Key=key)
    is_denied("DeleteItem", ddb.transact_write_items, TransactItems=[{"Delete": {"TableName": name, "Key": key}}])
    is_denied("PartiQLDelete", ddb.execute_statement, Statement=f"DELETE FROM \"{name}\" WHERE pk = 'a'")
    is_denied("Scan", ddb.scan, TableName=name)
    is_denied("DeleteTable", ddb.delete_table, TableName=name)
    assert ddb.get_item(TableName=name, Key=key)["Item"] == key
    assert ddb.update_item(TableName=name, Key=key, ReturnValues="ALL_NEW")["Attributes"] == key
    ddb.delete_resource_policy(ResourceArn=arn)
    ddb.delete_item(TableName=name, Key=key)


def test_resource_policies(ddb, make_table, fails):
    name = make_table()
    arn = ddb.describe_table(TableName=name)["Table"]["TableArn"]
    with fails("PolicyNotFoundException"):
        ddb.get_resource_policy(ResourceArn=arn)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "dynamodb:GetItem", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    revision = ddb.put_resource_policy(ResourceArn=arn, Policy=policy, ExpectedRevisionId="NO_POLICY")["RevisionId"]
    assert ddb.get_resource_policy(ResourceArn=arn)["RevisionId"] == revision
    with fails("PolicyNotFoundException"):
        ddb.put_resource_policy(ResourceArn=arn, Policy=policy, ExpectedRevisionId="NO_POLICY")
    with fails("ValidationException"):
        ddb.put_resource_policy(ResourceArn=arn, Policy="{}")
    assert ddb.delete_resource_policy(ResourceArn=arn, ExpectedRevisionId=revision)["RevisionId"] == revision
    with fails("PolicyNotFoundException"):
        ddb.get_resource_policy(ResourceArn=arn)
