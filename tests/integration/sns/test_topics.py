import json

import pytest
from botocore.exceptions import ClientError


def refusal(call, **arguments):
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def test_creating_is_idempotent_unless_attributes_differ(sns, unique):
    name = unique("t")
    arn = sns.create_topic(Name=name, Attributes={"DisplayName": "A"}, Tags=[{"Key": "k", "Value": "v"}])["TopicArn"]
    assert sns.create_topic(Name=name, Attributes={"DisplayName": "A"})["TopicArn"] == arn
    assert refusal(sns.create_topic, Name=name, Attributes={"DisplayName": "B"}) == (
        "InvalidParameter", "Invalid parameter: Attributes Reason: Topic already exists with different attributes")
    assert refusal(sns.create_topic, Name=name, Tags=[{"Key": "k", "Value": "w"}])[1] == (
        "Invalid parameter: Tags Reason: Topic already exists with different tags")
    attributes = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert attributes["DisplayName"] == "A" and attributes["SubscriptionsConfirmed"] == "0"
    assert json.loads(attributes["EffectiveDeliveryPolicy"])["http"]["defaultHealthyRetryPolicy"]["numRetries"] == 3
    sns.delete_topic(TopicArn=arn)
    sns.delete_topic(TopicArn=arn)
    assert refusal(sns.get_topic_attributes, TopicArn=arn) == ("NotFound", "Topic does not exist")


def test_errors_have_the_words_of_aws(sns, topic):
    assert refusal(sns.publish, TopicArn="x", Message="m") == (
        "InvalidParameter", "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1")
    assert refusal(sns.publish, TopicArn=topic + "x", Message="m") == ("NotFound", "Topic does not exist")
    assert refusal(sns.publish, TopicArn=topic, Message="") == ("InvalidParameter", "Invalid parameter: Empty message")
    assert refusal(sns.publish, TopicArn=topic, Message="x" * 262145)[1] == "Invalid parameter: Message too long"
    assert refusal(sns.publish, TopicArn=topic, Message="{}", MessageStructure="json")[1] == (
        "Invalid parameter: Message Structure - No default entry in JSON message body")
    assert refusal(sns.publish, Message="m")[1] == (
        "Invalid parameter: TopicArn or TargetArn Reason: no value for required parameter")
    assert refusal(sns.subscribe, TopicArn=topic, Protocol="fax", Endpoint="1")[1] == (
        "Invalid parameter: Amazon SNS does not support this protocol string: fax")
    assert refusal(sns.publish, TopicArn=topic, Message="m",
                   MessageAttributes={"a": {"DataType": "Number", "StringValue": "x"}}) == (
        "ParameterValueInvalid", "Could not cast message attribute 'a' value to number.")
    entries = [{"Id": str(i), "Message": "m"} for i in range(11)]
    assert refusal(sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=entries)[0] == (
        "TooManyEntriesInBatchRequest")


def test_permissions_are_statements_of_the_policy(sns, topic):
    sns.add_permission(TopicArn=topic, Label="others", AWSAccountId=["111122223333"], ActionName=["Publish"])
    policy = json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])
    statement = next(each for each in policy["Statement"] if each["Sid"] == "others")
    assert statement["Action"] in ("SNS:Publish", ["SNS:Publish"])
    assert refusal(sns.add_permission, TopicArn=topic, Label="others", AWSAccountId=["111122223333"],
                   ActionName=["Publish"])[1] == "Invalid parameter: Statement already exists"
    sns.remove_permission(TopicArn=topic, Label="others")
    policy = json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])
    assert [each["Sid"] for each in policy["Statement"]] == ["__default_statement_ID"]


def test_tags_and_lists(sns, unique, cli):
    arn = cli("sns", "create-topic", "--name", unique("tagged"), "--tags", "Key=a,Value=1")["TopicArn"]
    sns.tag_resource(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    sns.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    listed = [each["TopicArn"] for page in sns.get_paginator("list_topics").paginate() for each in page["Topics"]]
    assert arn in listed
