"""What needs no SDK: presigned URLs, anonymous readers, CORS, websites, and the forms of a bucket's address."""

import base64
import json
import urllib.error
import urllib.request
import zlib

import pytest
from botocore.config import Config


def fetch(url, method="GET", data=None, headers=None):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers or {}, method=method), timeout=60) as reply:
            return reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


@pytest.mark.parametrize("signature", ["s3v4", "s3"])
def test_presigned(aws, bucket, signature):
    s3 = aws("s3", config=Config(signature_version=signature, s3={"addressing_style": "path"}))
    key = "a key/ü+%.txt"
    which = {"Bucket": bucket, "Key": key}
    put = s3.generate_presigned_url("put_object", Params=which, ExpiresIn=60)
    # Version 2 signs the Content-Type, and urllib would add one of its own.
    assert fetch(put, "PUT", b"signed", {"Content-Type": ""})[0] == 200
    get = s3.generate_presigned_url("get_object", Params={**which, "ResponseContentType": "text/x"}, ExpiresIn=60)
    status, headers, body = fetch(get)
    assert (status, headers["Content-Type"], body) == (200, "text/x", b"signed")
    assert fetch(get, headers={"Range": "bytes=0-2"})[2] == b"sig"
    status, _, body = fetch(get.replace(".txt", ".bin"))
    assert (status, b"<Code>SignatureDoesNotMatch</Code>" in body) == (403, True)
    assert fetch(get, "DELETE")[0] == 403
    old = s3.generate_presigned_url("get_object", Params=which, ExpiresIn=-10)
    assert fetch(old)[0] in (400, 403)


def test_unsigned_requests_are_denied(s3, bucket, http_request):
    s3.put_object(Bucket=bucket, Key="k", Body=b"secret")
    for method, path in [("GET", f"/{bucket}/k"), ("GET", f"/{bucket}"), ("PUT", f"/{bucket}/new"), ("DELETE", f"/{bucket}/k")]:
        answer = http_request(method, path, body=b"" if method == "PUT" else None)
        assert (answer.status, b"<Code>AccessDenied</Code>" in answer.body) == (403, True)
        assert answer.headers["Content-Type"] == "application/xml"
    assert http_request("PUT", "/a-new-bucket", body=b"").status == 403
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"secret"


def test_public_policy_and_its_block(s3, bucket, http_request, make_public, refused):
    s3.put_object(Bucket=bucket, Key="k", Body=b"open")
    s3.put_object(Bucket=bucket, Key="private/k", Body=b"closed")
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"},
            {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/private/*"},
        ],
    }
    # New buckets block public policies.
    refused(403, "AccessDenied", s3.put_bucket_policy, Bucket=bucket, Policy=json.dumps(policy))
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]) == policy
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is True
    answer = http_request("GET", f"/{bucket}/k")
    assert (answer.status, answer.body) == (200, b"open")
    assert http_request("HEAD", f"/{bucket}/k").status == 200
    assert http_request("GET", f"/{bucket}/private/k").status == 403
    assert http_request("GET", f"/{bucket}").status == 403
    assert http_request("DELETE", f"/{bucket}/k").status == 403
    assert http_request("GET", f"/{bucket}/k?response-content-type=text/html").status == 400
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    assert http_request("GET", f"/{bucket}/k").status == 403
    s3.delete_public_access_block(Bucket=bucket)
    assert http_request("GET", f"/{bucket}/k").status == 200
    s3.delete_bucket_policy(Bucket=bucket)
    assert http_request("GET", f"/{bucket}/k").status == 403


def test_cors(s3, bucket, http_request, make_public):
    s3.put_object(Bucket=bucket, Key="k", Body=b"k")
    make_public(bucket)
    rules = [
        {
            "AllowedOrigins": ["https://*.example.com"],
            "AllowedMethods": ["GET", "PUT"],
            "AllowedHeaders": ["x-amz-*", "content-type"],
            "ExposeHeaders": ["ETag"],
            "MaxAgeSeconds": 300,
        },
        {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]},
    ]
    origin = {"Origin": "https://app.example.com"}

    def preflight(method="PUT", **more):
        return http_request("OPTIONS", f"/{bucket}/k", headers={**origin, "Access-Control-Request-Method": method, **more})

    assert preflight().status == 403
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == rules
    answer = preflight(**{"Access-Control-Request-Headers": "X-Amz-Date, Content-Type"})
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, PUT"
    assert answer.headers["Access-Control-Allow-Headers"] == "x-amz-date, content-type"
    assert answer.headers["Access-Control-Max-Age"] == "300"
    assert answer.headers["Access-Control-Expose-Headers"] == "ETag"
    assert "Origin" in answer.headers["Vary"]
    assert preflight(**{"Access-Control-Request-Headers": "authorization"}).status == 403
    assert preflight("DELETE").status == 403
    assert http_request("OPTIONS", f"/{bucket}/k", headers=origin).status == 400
    answer = http_request("GET", f"/{bucket}/k", headers=origin)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, "https://app.example.com")
    assert answer.headers["Access-Control-Expose-Headers"] == "ETag"
    answer = http_request("GET", f"/{bucket}/k", headers={"Origin": "http://elsewhere"})
    assert (answer.headers["Access-Control-Allow-Origin"], answer.headers["Access-Control-Allow-Credentials"]) == ("*", None)
    assert http_request("GET", f"/{bucket}/k").headers["Access-Control-Allow-Origin"] is None
    # A page may read errors too.
    answer = http_request("DELETE", f"/{bucket}/k", headers=origin)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (403, None)
    s3.delete_bucket_policy(Bucket=bucket)
    answer = http_request("GET", f"/{bucket}/k", headers=origin)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (403, "https://app.example.com")


def test_cors_rules_are_checked(s3, bucket, refused):
    def put(rule):
        refused(400, "InvalidRequest", s3.put_bucket_cors, Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})

    put({"AllowedOrigins": ["*"], "AllowedMethods": ["PATCH"]})
    put({"AllowedOrigins": ["*.*"], "AllowedMethods": ["GET"]})


def test_forms_of_the_address(aws, bucket, http_request, make_public, s3):
    s3.put_object(Bucket=bucket, Key="dir/k", Body=b"here")
    make_public(bucket)
    for host in (f"{bucket}.s3.localhost", f"{bucket}.localhost", f"{bucket}.s3.eu-central-1.localhost", f"{bucket}.s3.localhost:4566"):
        answer = http_request("GET", "/dir/k", host=host)
        assert (host, answer.status, answer.body) == (host, 200, b"here")
    assert http_request("GET", f"/{bucket}/dir/k", host="s3.localhost").body == b"here"
    assert http_request("GET", "/dir/k", host=f"{bucket}x.s3.localhost").status == 404


def test_virtual_hosts_are_signed_for(aws, server, bucket):
    s3 = aws("s3", endpoint_url=f"http://s3.localhost:{server.port}", config=Config(s3={"addressing_style": "virtual"}))
    try:
        s3.put_object(Bucket=bucket, Key="v", Body=b"virtual")
    except Exception as error:  # the resolver knows no names below localhost
        if "Could not connect" in str(error):
            pytest.skip("names below localhost do not resolve here")
        raise
    assert s3.get_object(Bucket=bucket, Key="v")["Body"].read() == b"virtual"
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["v"]


@pytest.fixture
def site(s3, bucket, make_public, http_request):
    make_public(bucket)
    for key, text in {"index.html": "home", "docs/index.html": "docs", "404.html": "not here", "a b.html": "space"}.items():
        s3.put_object(Bucket=bucket, Key=key, Body=text.encode(), ContentType="text/html")
    s3.put_bucket_website(
        Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "404.html"}}
    )

    def visit(path, method="GET", **headers):
        return http_request(method, path, host=f"{bucket}.s3-website.localhost", headers=headers)

    return visit


def test_website(s3, bucket, site, http_request):
    answer = site("/")
    assert (answer.status, answer.headers["Content-Type"], answer.body) == (200, "text/html", b"home")
    assert site("/docs/").body == b"docs"
    assert site("/a%20b.html").body == b"space"
    moved = site("/docs")
    assert (moved.status, moved.headers["Location"]) == (302, "/docs/")
    missing = site("/absent.html")
    assert (missing.status, missing.body) == (404, b"not here")
    head = site("/", "HEAD")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", "4")
    assert site("/", "POST").status == 405
    again = site("/", **{"If-None-Match": answer.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    regional = http_request("GET", "/", host=f"{bucket}.s3-website-eu-central-1.localhost:4566")
    assert regional.body == b"home"
    s3.put_object(Bucket=bucket, Key="old.html", Body=b"", WebsiteRedirectLocation="/new.html")
    moved = site("/old.html")
    assert (moved.status, moved.headers["Location"]) == (301, "/new.html")
    s3.delete_object(Bucket=bucket, Key="404.html")
    missing = site("/absent.html")
    assert missing.status == 404 and b"NoSuchKey" in missing.body and b"<html>" in missing.body
    s3.delete_bucket_policy(Bucket=bucket)
    assert site("/").status == 403


def test_website_that_is_none(s3, bucket, http_request):
    answer = http_request("GET", "/", host=f"{bucket}.s3-website.localhost")
    assert answer.status == 404 and b"NoSuchWebsiteConfiguration" in answer.body
    answer = http_request("GET", "/", host="there-is-none.s3-website.localhost")
    assert answer.status == 404 and b"NoSuchBucket" in answer.body


def test_website_elsewhere(s3, bucket, site, refused):
    s3.put_bucket_website(
        Bucket=bucket, WebsiteConfiguration={"RedirectAllRequestsTo": {"HostName": "example.com", "Protocol": "https"}}
    )
    moved = site("/a/b?c=d")
    assert (moved.status, moved.headers["Location"]) == (301, "https://example.com/a/b?c=d")
    refused(400, "InvalidArgument", s3.put_bucket_website, Bucket=bucket, WebsiteConfiguration={})
    slash = {"IndexDocument": {"Suffix": "a/b"}}
    refused(400, "InvalidArgument", s3.put_bucket_website, Bucket=bucket, WebsiteConfiguration=slash)


def test_website_routing_rules(s3, bucket, site):
    rules = [
        {"Condition": {"KeyPrefixEquals": "old/"}, "Redirect": {"ReplaceKeyPrefixWith": "new/"}},
        {"Condition": {"KeyPrefixEquals": "gone"}, "Redirect": {"ReplaceKeyWith": "index.html", "HttpRedirectCode": "302"}},
        {
            "Condition": {"HttpErrorCodeReturnedEquals": "404", "KeyPrefixEquals": "app/"},
            "Redirect": {"HostName": "example.com", "Protocol": "https", "ReplaceKeyPrefixWith": "#!/"},
        },
    ]
    s3.put_bucket_website(
        Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}, "RoutingRules": rules}
    )
    assert s3.get_bucket_website(Bucket=bucket)["RoutingRules"] == rules
    moved = site("/old/page")
    assert (moved.status, moved.headers["Location"]) == (301, f"http://{bucket}.s3-website.localhost/new/page")
    moved = site("/gone.html")
    assert (moved.status, moved.headers["Location"]) == (302, f"http://{bucket}.s3-website.localhost/index.html")
    moved = site("/app/x")
    assert moved.status == 301 and moved.headers["Location"].startswith("https://example.com/")
    assert site("/other").status == 404


@pytest.mark.parametrize("message, rule", [
    ("You can only define ReplaceKeyPrefix or ReplaceKey but not both.",
     {"Redirect": {"ReplaceKeyWith": "a", "ReplaceKeyPrefixWith": "b"}}),
    ("The provided HTTP redirect code (200) is not valid. Valid codes are 3XX except 300.",
     {"Redirect": {"HttpRedirectCode": "200"}}),
    ("The provided HTTP error code (302) is not valid. Valid codes are 4XX or 5XX.",
     {"Condition": {"HttpErrorCodeReturnedEquals": "302"}, "Redirect": {"HostName": "a"}}),
    ("Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't be present.",
     {"Condition": {}, "Redirect": {"HostName": "a"}}),
])
def test_routing_rules_are_checked(s3, bucket, refused, message, rule):
    site = {"IndexDocument": {"Suffix": "index.html"}, "RoutingRules": [rule]}
    error = refused(400, "InvalidRequest", s3.put_bucket_website, Bucket=bucket, WebsiteConfiguration=site)
    assert error["Message"] == message


def test_a_bad_trailer_is_refused(s3, aws, server, bucket, http_request, make_public, refused):
    make_public(bucket, ("s3:PutObject",))

    def put(key, crc):
        body = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:" + crc + b"\r\n\r\n"
        headers = {
            "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            "x-amz-decoded-content-length": "5",
            "x-amz-trailer": "x-amz-checksum-crc32",
            "Content-Encoding": "aws-chunked",
        }
        return http_request("PUT", f"/{bucket}/{key}", headers=headers, body=body)

    good = base64.b64encode(zlib.crc32(b"hello").to_bytes(4, "big"))
    answer = put("good", good)
    assert answer.status == 200, answer.body
    got = s3.get_object(Bucket=bucket, Key="good")
    assert got["Body"].read() == b"hello"
    assert "ContentEncoding" not in got
    answer = put("bad", b"AAAAAA==")
    assert (answer.status, b"BadDigest" in answer.body) == (400, True)
    refused(404, "404", s3.head_object, Bucket=bucket, Key="bad")
