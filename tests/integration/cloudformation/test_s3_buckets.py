"""AWS::S3::Bucket: what its properties set."""

TEMPLATE = """
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      ObjectLockEnabled: true
      ObjectLockConfiguration:
        ObjectLockEnabled: Enabled
        Rule: {DefaultRetention: {Mode: GOVERNANCE, Days: 1}}
      PublicAccessBlockConfiguration: {BlockPublicAcls: false}
      OwnershipControls: {Rules: [{ObjectOwnership: ObjectWriter}]}
      AccessControl: PublicRead
      LifecycleConfiguration:
        Rules:
          - Id: old
            Status: Enabled
            Prefix: logs/
            TagFilters: [{Key: a, Value: b}]
            ExpirationInDays: 90
            Transitions: [{StorageClass: GLACIER, TransitionInDays: 30}]
            NoncurrentVersionExpiration: {NoncurrentDays: 5, NewerNoncurrentVersions: 2}
          - Id: uploads
            Status: Enabled
            AbortIncompleteMultipartUpload: {DaysAfterInitiation: 7}
Outputs:
  Name: {Value: !Ref Bucket}
"""


def test_locks_lifecycle_and_acls(stacks, aws, unique):
    s3, name = aws("s3"), unique("rules")
    stacks.create(name, TEMPLATE)
    bucket = stacks.outputs(name)["Name"]
    lock = s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
    assert lock["Rule"]["DefaultRetention"] == {"Mode": "GOVERNANCE", "Days": 1}
    assert len(s3.get_bucket_acl(Bucket=bucket)["Grants"]) == 2
    old, uploads = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert old["Filter"] == {"And": {"Prefix": "logs/", "Tags": [{"Key": "a", "Value": "b"}]}}
    assert old["Transitions"] == [{"Days": 30, "StorageClass": "GLACIER"}]
    assert old["NoncurrentVersionExpiration"] == {"NoncurrentDays": 5, "NewerNoncurrentVersions": 2}
    assert (uploads["Filter"], uploads["AbortIncompleteMultipartUpload"]) == ({}, {"DaysAfterInitiation": 7})
    without = TEMPLATE.replace("LifecycleConfiguration", "X").split("      X:")[0] + "Outputs:\n  Name: {Value: !Ref Bucket}\n"
    stacks.update(name, without.replace("AccessControl: PublicRead", "AccessControl: Private"))
    assert len(s3.get_bucket_acl(Bucket=bucket)["Grants"]) == 1
    try:
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)
        raise AssertionError("the rules are still there")
    except s3.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "NoSuchLifecycleConfiguration"


REPLICATED = """
Resources:
  Copies:
    Type: AWS::S3::Bucket
    Properties:
      VersioningConfiguration: {Status: Enabled}
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      VersioningConfiguration: {Status: Enabled}
      ReplicationConfiguration:
        Role: arn:aws:iam::111122223333:role/replication
        Rules:
          - Id: all
            Priority: 1
            Status: Enabled
            Filter: {And: {Prefix: in/, TagFilters: [{Key: a, Value: b}]}}
            DeleteMarkerReplication: {Status: Disabled}
            Destination: {Bucket: !GetAtt Copies.Arn}
Outputs:
  Name: {Value: !Ref Bucket}
  Copies: {Value: !GetAtt Copies.Arn}
"""


def test_replication(stacks, aws, unique):
    name = unique("copies")
    stacks.create(name, REPLICATED)
    outputs = stacks.outputs(name)
    got = aws("s3").get_bucket_replication(Bucket=outputs["Name"])["ReplicationConfiguration"]["Rules"]
    assert got[0]["Filter"] == {"And": {"Prefix": "in/", "Tags": [{"Key": "a", "Value": "b"}]}}
    assert (got[0]["ID"], got[0]["Destination"]) == ("all", {"Bucket": outputs["Copies"]})


LOGGED = """
Resources:
  Logs:
    Type: AWS::S3::Bucket
  LetLogsIn:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Logs
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {Service: logging.s3.amazonaws.com}
            Action: s3:PutObject
            Resource: !Sub "${Logs.Arn}/*"
            Condition: {StringEquals: {"aws:SourceAccount": !Ref AWS::AccountId}}
  Bucket:
    Type: AWS::S3::Bucket
    DependsOn: LetLogsIn
    Properties:
      LoggingConfiguration: {DestinationBucketName: !Ref Logs, LogFilePrefix: site/}
      MetricsConfigurations: [{Id: all}, {Id: images, Prefix: images/}]
Outputs:
  Name: {Value: !Ref Bucket}
  Logs: {Value: !Ref Logs}
"""


def test_logging_and_metrics(stacks, aws, unique):
    s3, name = aws("s3"), unique("logged")
    stacks.create(name, LOGGED)
    outputs = stacks.outputs(name)
    bucket = outputs["Name"]
    enabled = s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"]
    assert enabled == {"TargetBucket": outputs["Logs"], "TargetPrefix": "site/"}
    metrics = s3.list_bucket_metrics_configurations(Bucket=bucket)["MetricsConfigurationList"]
    assert metrics == [{"Id": "all"}, {"Id": "images", "Filter": {"Prefix": "images/"}}]
    without = LOGGED.replace(", {Id: images, Prefix: images/}", "").replace("      LoggingConfiguration", "#")
    stacks.update(name, without)
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    metrics = s3.list_bucket_metrics_configurations(Bucket=bucket)["MetricsConfigurationList"]
    assert [each["Id"] for each in metrics] == ["all"]
