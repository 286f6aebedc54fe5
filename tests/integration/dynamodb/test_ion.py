"""Exports and imports in Amazon Ion.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataImport.Format.html#S3DataImport.Requesting.Formats.Ion"""

import gzip
import json

from dynamodb_tables import definition


def settled(read):
    return lambda: (now := read()) and (now if "IN_PROGRESS" not in now.values() else None)


def import_of(ddb, wait_until, **request):
    arn = ddb.import_table(InputFormat="ION", **request)["ImportTableDescription"]["ImportArn"]
    done = wait_until(settled(lambda: ddb.describe_import(ImportArn=arn)["ImportTableDescription"]), what="the import")
    assert done["ImportStatus"] == "COMPLETED" and done["InputFormat"] == "ION", done
    return done["ProcessedItemCount"], done["ImportedItemCount"], done["ErrorCount"]


def creation(name):
    return {key: value for key, value in definition(name).items() if key != "Tags"}


def make_bucket(aws, unique):
    s3, bucket = aws.client("s3"), unique("bucket")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return s3, bucket


def test_an_export_is_imported_as_it_was(ddb, aws, make_table, unique, wait_until, fails):
    name, target = make_table(), unique("imported")
    s3, bucket = make_bucket(aws, unique)
    items = {
        "one": {"text": {"S": 'a "quoted"\ntext ü\\'}, "bytes": {"B": b"\x00\xff"}, "yes": {"BOOL": True}, "none": {"NULL": True}},
        "two": {"n": {"N": "-12.5"}, "large": {"N": "1" + "0" * 100}, "names": {"SS": ["a", "b"]}, "numbers": {"NS": ["1", "2.5"]}},
        "three": {"l": {"L": [{"S": ""}, {"L": []}, {"M": {"it's": {"N": "0"}}}]}, "blobs": {"BS": [b"x", b"y"]}},
    }
    for pk, rest in items.items():
        ddb.put_item(TableName=name, Item={"pk": {"S": pk}, **rest})
    ddb.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    arn = ddb.describe_table(TableName=name)["Table"]["TableArn"]
    export = ddb.export_table_to_point_in_time(TableArn=arn, S3Bucket=bucket, ExportFormat="ION")["ExportDescription"]
    done = wait_until(settled(lambda: ddb.describe_export(ExportArn=export["ExportArn"])["ExportDescription"]), what="the export")
    assert (done["ExportStatus"], done["ExportFormat"], done["ItemCount"]) == ("COMPLETED", "ION", 3)
    summary = json.loads(s3.get_object(Bucket=bucket, Key=done["ExportManifest"])["Body"].read())
    assert summary["outputFormat"] == "ION"
    files = s3.get_object(Bucket=bucket, Key=summary["manifestFilesS3Key"])["Body"].read().splitlines()
    key = json.loads(files[0])["dataFileS3Key"]
    lines = gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read()).decode().splitlines()
    assert key.endswith(".ion.gz") and len(lines) == 3
    two = next(line for line in lines if 'pk:"two"' in line)
    assert two.startswith("$ion_1_0 {Item:{") and "names:$dynamodb_SS::[" in two and "n:-12.5" in two
    counts = import_of(ddb, wait_until, InputCompressionType="GZIP", TableCreationParameters=creation(target),
                       S3BucketSource={"S3Bucket": bucket, "S3KeyPrefix": key.rsplit("/", 1)[0]})
    assert counts == (3, 3, 0)
    for pk in items:
        found, wanted = (ddb.get_item(TableName=each, Key={"pk": {"S": pk}})["Item"] for each in (target, name))
        unordered = lambda item: {n: {t: sorted(v) if t in ("SS", "NS", "BS") else v for t, v in each.items()} for n, each in item.items()}
        assert unordered(found) == unordered(wanted)
    with fails("NotImplemented", "ION"):
        ddb.export_table_to_point_in_time(
            TableArn=arn, S3Bucket=bucket, ExportFormat="ION", ExportType="INCREMENTAL_EXPORT",
            IncrementalExportSpecification={"ExportFromTime": 1, "ExportToTime": 2})
    ddb.delete_table(TableName=target)


def test_what_is_no_item_is_counted(ddb, aws, unique, wait_until):
    target = unique("imported")
    s3, bucket = make_bucket(aws, unique)
    s3.put_object(Bucket=bucket, Key="in/items.ion", Body=(
        '$ion_1_0 {Item:{pk:"Book 101",Authors:$dynamodb_SS::["Author1","Author2"],Dimensions:"8.5 x 11.0 x 0.5",'
        'ISBN:"111-1111111111",Id:103.,InPublication:false,PageCount:6d2,Price:2d3}}\n'
        '$ion_1_0 {Item:{pk:1.5e0}}\n'
        '{Item: {pk: "plain"}} // with no marker\n'
        '{Item:{other:"no key"}}\n').encode())
    counts = import_of(ddb, wait_until, TableCreationParameters=creation(target),
                       S3BucketSource={"S3Bucket": bucket, "S3KeyPrefix": "in/"})
    assert counts == (4, 2, 2)
    item = ddb.get_item(TableName=target, Key={"pk": {"S": "Book 101"}})["Item"]
    assert (item["Id"], item["PageCount"], item["Price"]) == ({"N": "103"}, {"N": "600"}, {"N": "2000"})
    assert item["InPublication"] == {"BOOL": False} and sorted(item["Authors"]["SS"]) == ["Author1", "Author2"]
    ddb.delete_table(TableName=target)
