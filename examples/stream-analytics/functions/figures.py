"""GET /figures: the counters of the last minutes, for the page."""

import datetime
import json
import os

import boto3

dynamodb = boto3.client("dynamodb", endpoint_url=os.environ.get("AWS_ENDPOINT_URL"))
MINUTES = 10


def handler(event, context):
    now = datetime.datetime.now(datetime.timezone.utc)
    minutes = [(now - datetime.timedelta(minutes=back)).strftime("%Y-%m-%dT%H:%M") for back in range(MINUTES)]
    figures = []
    for minute in minutes:
        answer = dynamodb.query(
            TableName=os.environ["COUNTERS_TABLE"],
            KeyConditionExpression="#minute = :minute",
            ExpressionAttributeNames={"#minute": "minute"},
            ExpressionAttributeValues={":minute": {"S": minute}},
        )
        pages = [{name: next(iter(value.values())) for name, value in item.items()} for item in answer["Items"]]
        figures.append({"minute": minute, "pages": pages})
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(figures)}
