"""Uploads from browsers' forms, with policies that boto3 signs."""

import urllib.parse
import uuid

import pytest


@pytest.fixture
def post(http_request):
    """post(url, fields, file): what a browser would send."""

    def send(url, fields, content, filename="cat.txt", after=()):
        boundary = uuid.uuid4().hex
        parts = [(f'name="{name}"', value) for name, value in fields.items()]
        if content is not None:
            parts.append((f'name="file"; filename="{filename}"\r\nContent-Type: text/plain', content))
        parts += [(f'name="{name}"', value) for name, value in after]
        body = b""
        for head, value in parts:
            value = value if isinstance(value, bytes) else value.encode()
            body += f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + value + b"\r\n"
        body += f"--{boundary}--\r\n".encode()
        path = urllib.parse.urlsplit(url).path
        return http_request("POST", path, headers={"Content-Type": f"multipart/form-data; boundary={boundary}"}, body=body)

    return send


def refused(answer, status, code):
    assert (answer.status, f"<Code>{code}</Code>".encode() in answer.body) == (status, True), answer.body


@pytest.mark.parametrize("size", [0, 100, 700_000])
def test_a_signed_form(s3, bucket, post, size):
    body = bytes(range(251)) * (size // 251) + b"\r\n--x" * (size % 251 // 5)
    fields = {"Content-Type": "text/plain", "x-amz-meta-who": "ada", "Cache-Control": "no-cache"}
    conditions = [["starts-with", "$Content-Type", "text/"], {"x-amz-meta-who": "ada"}, {"Cache-Control": "no-cache"}]
    signed = s3.generate_presigned_post(bucket, "up/${filename}", Fields=fields, Conditions=conditions)
    answer = post(signed["url"], signed["fields"], body, filename="C:\\pictures\\cat.txt", after=[("submit", "go")])
    assert answer.status == 204, answer.body
    got = s3.get_object(Bucket=bucket, Key="up/cat.txt")
    assert got["Body"].read() == body
    assert (got["ContentType"], got["CacheControl"], got["Metadata"]) == ("text/plain", "no-cache", {"who": "ada"})
    assert answer.headers["ETag"] == got["ETag"]


def test_what_the_policy_does_not_allow(s3, bucket, post):
    signed = s3.generate_presigned_post(bucket, "a", Conditions=[["content-length-range", 2, 70_000]])
    url, fields = signed["url"], signed["fields"]
    refused(post(url, fields, b"x"), 400, "EntityTooSmall")
    refused(post(url, fields, b"x" * 70_001), 400, "EntityTooLarge")
    refused(post(url, {**fields, "key": "b"}, b"xx"), 403, "AccessDenied")
    refused(post(url, {**fields, "acl": "private"}, b"xx"), 403, "AccessDenied")
    refused(post(url, {**fields, "x-amz-signature": "0" * 64}, b"xx"), 403, "SignatureDoesNotMatch")
    refused(post(url, {**fields, "x-amz-credential": fields["x-amz-credential"].replace("A", "B")}, b"xx"), 403,
            "InvalidAccessKeyId")
    refused(post(url, fields, None), 400, "InvalidArgument")
    refused(post(url, {k: v for k, v in fields.items() if k != "x-amz-signature"}, b"xx"), 400, "InvalidArgument")
    refused(post(url, {**fields, "policy": ""}, b"xx"), 403, "SignatureDoesNotMatch")
    refused(post(url, {**fields, "x-ignore-a": "x" * 21_000}, b"xx"), 400, "MaxPostPreDataLengthExceeded")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    expired = s3.generate_presigned_post(bucket, "a", ExpiresIn=-10)
    refused(post(expired["url"], expired["fields"], b"xx"), 403, "AccessDenied")
    refused(post(url.replace(bucket, "no-such-bucket-here"), fields, b"xx"), 403, "AccessDenied")
    assert post(url, fields, b"x" * 70_000).status == 204


def test_headers_cannot_be_smuggled_in(s3, bucket, post):
    conditions = [["starts-with", "$x-amz-meta-a", ""]]
    signed = s3.generate_presigned_post(bucket, "a", Conditions=conditions)
    answer = post(signed["url"], {**signed["fields"], "x-amz-meta-a": "x\r\nSet-Cookie: a=b"}, b"x")
    refused(answer, 400, "InvalidArgument")


def test_what_the_browser_is_told(s3, bucket, post):
    def upload(key, **fields):
        signed = s3.generate_presigned_post(bucket, key, Fields=fields, Conditions=[{k: v} for k, v in fields.items()])
        return post(signed["url"], signed["fields"], b"x")

    document = upload("a b&c", success_action_status="201")
    assert document.status == 201 and b"<Key>a b&amp;c</Key>" in document.body
    assert upload("a", success_action_status="200").status == 200
    assert upload("a", success_action_status="404").status == 204
    redirect = upload("a/b", success_action_redirect="http://example.com/done?x=1")
    etag = urllib.parse.quote(redirect.headers["ETag"], safe="")
    assert (redirect.status, redirect.headers["Location"]) == (
        303, f"http://example.com/done?x=1&bucket={bucket}&key=a%2Fb&etag={etag}")


def test_forms_without_a_policy_are_the_publics(s3, bucket, post, make_public, server):
    url = f"{server.endpoint}/{bucket}"
    refused(post(url, {"key": "a"}, b"x"), 403, "AccessDenied")
    make_public(bucket, actions=("s3:PutObject",))
    assert post(url, {"key": "a"}, b"x").status == 204
    refused(post(url, {}, b"x"), 400, "InvalidArgument")


def test_tags_of_a_form(s3, bucket, post):
    tags = "<Tagging><TagSet><Tag><Key>a b</Key><Value>1&amp;2</Value></Tag></TagSet></Tagging>"
    signed = s3.generate_presigned_post(bucket, "a", Fields={"tagging": tags}, Conditions=[{"tagging": tags}])
    assert post(signed["url"], signed["fields"], b"x").status == 204
    assert s3.get_object_tagging(Bucket=bucket, Key="a")["TagSet"] == [{"Key": "a b", "Value": "1&2"}]
