"""Request metrics of buckets in CloudWatch, and who pays for requests."""

import datetime

import pytest


def figures(aws, bucket, filter_id, metric):
    now = datetime.datetime.now(datetime.timezone.utc)
    points = aws("cloudwatch").get_metric_statistics(
        Namespace="AWS/S3",
        MetricName=metric,
        Dimensions=[{"Name": "BucketName", "Value": bucket}, {"Name": "FilterId", "Value": filter_id}],
        StartTime=now - datetime.timedelta(minutes=30),
        EndTime=now + datetime.timedelta(minutes=1),
        Period=3600,
        Statistics=["Sum", "SampleCount"],
    )["Datapoints"]
    return sum(each["Sum"] for each in points)


def put_filter(s3, bucket, name, **filters):
    configuration = {"Id": name, **({"Filter": filters} if filters else {})}
    s3.put_bucket_metrics_configuration(Bucket=bucket, Id=name, MetricsConfiguration=configuration)


def test_requests_are_counted_by_filter(aws, s3, bucket, wait_until):
    put_filter(s3, bucket, "EntireBucket")
    put_filter(s3, bucket, "pictures", Prefix="pictures/")
    s3.put_object(Bucket=bucket, Key="pictures/cat", Body=b"0123456789")
    s3.put_object(Bucket=bucket, Key="other", Body=b"01234")
    s3.get_object(Bucket=bucket, Key="pictures/cat")["Body"].read()
    with pytest.raises(s3.exceptions.ClientError):
        s3.get_object(Bucket=bucket, Key="pictures/absent")
    s3.list_objects_v2(Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key="other")
    wait_until(lambda: figures(aws, bucket, "EntireBucket", "DeleteRequests") == 1, what="the deletion counted")
    expected = {"PutRequests": 2, "GetRequests": 2, "ListRequests": 1, "4xxErrors": 1, "5xxErrors": 0}
    assert {metric: figures(aws, bucket, "EntireBucket", metric) for metric in expected} == expected
    assert figures(aws, bucket, "pictures", "BytesUploaded") == 10
    assert figures(aws, bucket, "pictures", "GetRequests") == 2
    assert figures(aws, bucket, "pictures", "ListRequests") == 0
    assert figures(aws, bucket, "pictures", "AllRequests") == 3
    assert figures(aws, bucket, "EntireBucket", "TotalRequestLatency") >= figures(
        aws, bucket, "EntireBucket", "FirstByteLatency"
    )


def test_metrics_configurations(s3, bucket, refused):
    refused(404, "NoSuchConfiguration", s3.get_bucket_metrics_configuration, Bucket=bucket, Id="a")
    put_filter(s3, bucket, "b", And={"Prefix": "x/"})
    put_filter(s3, bucket, "a")
    got = s3.get_bucket_metrics_configuration(Bucket=bucket, Id="b")["MetricsConfiguration"]
    assert got["Filter"]["And"]["Prefix"] == "x/"
    listed = s3.list_bucket_metrics_configurations(Bucket=bucket)
    assert [each["Id"] for each in listed["MetricsConfigurationList"]] == ["a", "b"]
    tagged = {"Id": "t", "Filter": {"Tag": {"Key": "k", "Value": "v"}}}
    refused(501, "NotImplemented", s3.put_bucket_metrics_configuration, Bucket=bucket, Id="t", MetricsConfiguration=tagged)
    s3.delete_bucket_metrics_configuration(Bucket=bucket, Id="a")
    refused(404, "NoSuchConfiguration", s3.delete_bucket_metrics_configuration, Bucket=bucket, Id="a")
    s3.delete_bucket(Bucket=bucket)


def test_what_is_not_there_reads_as_absent(s3, bucket, refused):
    for kind in ("analytics", "inventory", "intelligent_tiering"):
        refused(404, "NoSuchConfiguration", getattr(s3, f"get_bucket_{kind}_configuration"), Bucket=bucket, Id="x")
        listed = getattr(s3, f"list_bucket_{kind}_configurations")(Bucket=bucket)
        assert listed["IsTruncated"] is False
    s3.put_bucket_accelerate_configuration(Bucket=bucket, AccelerateConfiguration={"Status": "Suspended"})
    refused(
        501,
        "NotImplemented",
        s3.put_bucket_accelerate_configuration,
        Bucket=bucket,
        AccelerateConfiguration={"Status": "Enabled"},
    )


def test_requester_pays(dev_server, aws_for, unique, refused):
    owner = aws_for(dev_server)("s3")
    other = aws_for(dev_server)("s3", aws_access_key_id="222222222222", aws_secret_access_key="any")
    bucket = unique("paid")
    owner.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": owner.meta.region_name})
    assert owner.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    policy = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"222222222222"},'
        f'"Action":"s3:GetObject","Resource":"arn:aws:s3:::{bucket}/*"}}]}}'
    )
    owner.put_bucket_policy(Bucket=bucket, Policy=policy)
    owner.put_object(Bucket=bucket, Key="k", Body=b"data")
    refused(400, "MalformedXML", owner.put_bucket_request_payment, Bucket=bucket,
            RequestPaymentConfiguration={"Payer": "Nobody"})
    owner.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    assert owner.get_bucket_request_payment(Bucket=bucket)["Payer"] == "Requester"
    owner.get_object(Bucket=bucket, Key="k")
    refused(403, "AccessDenied", other.get_object, Bucket=bucket, Key="k")
    got = other.get_object(Bucket=bucket, Key="k", RequestPayer="requester")
    assert (got["Body"].read(), got["RequestCharged"]) == (b"data", "requester")
    owner.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "BucketOwner"})
    other.get_object(Bucket=bucket, Key="k")
