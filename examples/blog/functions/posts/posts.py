"""The posts of the blog: three functions, each with the permissions it needs (see template.yaml).

GET  /posts        list_posts    the newest first, without their bodies; ?before=<created> gives older ones
GET  /posts/{id}   get_post
POST /posts        create_post   {"title", "author", "body"}
"""

import base64
import datetime
import json
import os
import re
import secrets

import boto3

# Old versions of boto3 do not read AWS_ENDPOINT_URL themselves.
dynamodb = boto3.client("dynamodb", endpoint_url=os.environ.get("AWS_ENDPOINT_URL"))
TABLE = os.environ["POSTS_TABLE"]
INDEX = "by-date"
BLOG = "main"  # The index has one partition, and in it the posts by date.
PAGE = 20
LIMITS = {"title": 120, "author": 60, "body": 20_000}
SUMMARY = 240
LONGEST_KEY = 200  # Longer than any id or date of ours: not worth a question to the table.


class BadRequest(Exception):
    """What the client sent is wrong; the message says what."""


def list_posts(event, context):
    before = (event.get("queryStringParameters") or {}).get("before")
    if before and len(before) > LONGEST_KEY:
        return response(400, {"message": "before is not a date of a post."})
    condition, values = "blog = :blog", {":blog": {"S": BLOG}}
    if before:
        condition += " AND created < :before"
        values[":before"] = {"S": before}
    answer = dynamodb.query(
        TableName=TABLE,
        IndexName=INDEX,
        KeyConditionExpression=condition,
        ExpressionAttributeValues=values,
        ScanIndexForward=False,
        Limit=PAGE,
    )
    posts = [from_item(item) for item in answer["Items"]]
    return response(200, {"posts": posts, "before": posts[-1]["created"] if "LastEvaluatedKey" in answer else None})


def get_post(event, context):
    key = event["pathParameters"]["id"]
    item = None
    if 0 < len(key) <= LONGEST_KEY:
        item = dynamodb.get_item(TableName=TABLE, Key={"id": {"S": key}}).get("Item")
    if item is None:
        return response(404, {"message": "There is no such post."})
    return response(200, from_item(item))


def create_post(event, context):
    try:
        fields = valid_fields(event)
    except BadRequest as problem:
        return response(400, {"message": str(problem)})
    post = {
        "id": identifier(fields["title"]),
        "blog": BLOG,
        "created": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="microseconds"),
        "summary": summary(fields["body"]),
        **fields,
    }
    dynamodb.put_item(
        TableName=TABLE,
        Item={name: {"S": value} for name, value in post.items()},
        ConditionExpression="attribute_not_exists(id)",
    )
    return response(201, {name: value for name, value in post.items() if name != "blog"})


def valid_fields(event):
    """The title, author and body that were sent; BadRequest when they are not as they should be."""
    text = event.get("body") or ""
    try:
        if event.get("isBase64Encoded"):
            text = base64.b64decode(text).decode()
        sent = json.loads(text)
    except (ValueError, RecursionError):
        raise BadRequest("The body must be JSON.") from None
    if not isinstance(sent, dict):
        raise BadRequest("The body must be a JSON object.")
    fields = {}
    for name, limit in LIMITS.items():
        value = sent.get(name)
        if not isinstance(value, str) or not value.strip():
            raise BadRequest(f"The {name} is missing.")
        value = value.strip()
        if len(value) > limit:
            raise BadRequest(f"The {name} is longer than {limit} characters.")
        if not encodable(value):
            raise BadRequest(f"The {name} is not valid Unicode.")
        fields[name] = value
    return fields


def encodable(text):
    """JSON can say half of a surrogate pair ("\\ud800"), UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def identifier(title):
    """Readable in an address, and unique: "On tables!" is on-tables-1f3a9c02."""
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60].rstrip("-")
    return f"{words or 'post'}-{secrets.token_hex(4)}"


def summary(body):
    """The first paragraph, cut at a word when it is long."""
    paragraph = " ".join(re.split(r"\n\s*\n", body, maxsplit=1)[0].replace("`", "").split())
    if len(paragraph) <= SUMMARY:
        return paragraph
    return paragraph[:SUMMARY].rsplit(" ", 1)[0] + " …"


def from_item(item):
    """All attributes are strings; the partition of the index is nobody's business."""
    return {name: value["S"] for name, value in item.items() if name != "blog"}


def response(status, body):
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json", "cache-control": "no-store"},
        "body": json.dumps(body, ensure_ascii=False),
    }
