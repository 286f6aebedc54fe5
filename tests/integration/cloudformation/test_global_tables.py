"""AWS::DynamoDB::GlobalTable: a table whose only replica is itself, as AWS CDK's TableV2 writes it."""


def template(region, **more):
    replica = {"Region": region, "DeletionProtectionEnabled": False, "TableClass": "STANDARD_INFREQUENT_ACCESS",
               "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
               "ReadOnDemandThroughputSettings": {"MaxReadRequestUnits": 10},
               "Tags": [{"Key": "stage", "Value": "test"}]}
    return {"Resources": {"Table": {"Type": "AWS::DynamoDB::GlobalTable", "Properties": {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "owner", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "GlobalSecondaryIndexes": [{"IndexName": "by-owner", "Projection": {"ProjectionType": "ALL"},
                                    "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}],
                                    "WriteOnDemandThroughputSettings": {"MaxWriteRequestUnits": 30}}],
        "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
        "TimeToLiveSpecification": {"AttributeName": "ttl", "Enabled": True},
        "WriteOnDemandThroughputSettings": {"MaxWriteRequestUnits": 20}, "Replicas": [replica], **more}}},
        "Outputs": {"Stream": {"Value": {"Fn::GetAtt": ["Table", "StreamArn"]}},
                    "Id": {"Value": {"Fn::GetAtt": ["Table", "TableId"]}}}}


def test_a_global_table_of_one_region_is_a_table(stacks, aws, unique):
    name, client = unique("global"), aws("dynamodb")
    region = client.meta.region_name
    stacks.create(name, template(region))
    table_name = stacks.physical(name, "Table")
    table = client.describe_table(TableName=table_name)["Table"]
    assert table["OnDemandThroughput"] == {"MaxReadRequestUnits": 10, "MaxWriteRequestUnits": 20}
    assert table["GlobalSecondaryIndexes"][0]["OnDemandThroughput"]["MaxWriteRequestUnits"] == 30
    assert table["TableClassSummary"]["TableClass"] == "STANDARD_INFREQUENT_ACCESS"
    assert stacks.outputs(name) == {"Stream": table["LatestStreamArn"], "Id": table["TableId"]}
    assert client.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"] == [{"Key": "stage", "Value": "test"}]
    recovery = client.describe_continuous_backups(TableName=table_name)["ContinuousBackupsDescription"]
    assert recovery["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    stacks.update(name, template(region, WriteOnDemandThroughputSettings={"MaxWriteRequestUnits": 25}))
    assert client.describe_table(TableName=table_name)["Table"]["OnDemandThroughput"]["MaxWriteRequestUnits"] == 25


def test_other_regions_are_refused(stacks, unique):
    name = unique("global")
    stacks.create(name, template("us-west-1"), status="ROLLBACK_COMPLETE")
