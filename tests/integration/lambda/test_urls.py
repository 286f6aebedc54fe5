"""Who may call a function URL, aliases, CORS, and the lists."""

import http.client
import json

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

WHO = "def handler(e, c): return {'who': e['requestContext'].get('authorizer'), 'arn': c.invoked_function_arn}\n"


@pytest.fixture
def ask(server):
    """ask(url, credentials) gives (status, headers, the JSON of the answer)."""

    def request(url, credentials=None, method="GET", headers=None, region="eu-central-1", spoil=False):
        host = url.split("/")[2]
        fields = {"Host": host, **(headers or {})}
        if credentials:
            signed = AWSRequest(method, url, headers={"Host": host})
            SigV4Auth(credentials, "lambda", region).add_auth(signed)
            fields.update(dict(signed.headers))
            if spoil:
                fields["Authorization"] = fields["Authorization"][:-4] + "0000"
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        connection.request(method, "/", headers=fields)
        answer = connection.getresponse()
        return answer.status, answer.headers, json.loads(answer.read() or "null")

    return request


@pytest.fixture
def user(aws, unique):
    iam = aws.client("iam")
    name = unique("caller")
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Credentials(key["AccessKeyId"], key["SecretAccessKey"]), arn


def test_signed_url(lam, python, ask, user):
    name = python(WHO)
    url = lam.create_function_url_config(FunctionName=name, AuthType="AWS_IAM")["FunctionUrl"]
    credentials, arn = user
    status, _, answer = ask(url, credentials)
    assert status == 200
    assert answer["who"]["iam"]["userArn"] == arn
    status, headers, answer = ask(url)
    assert status == 403
    assert headers["x-amzn-ErrorType"] == "AccessDeniedException"
    assert answer["Message"].startswith("Forbidden.")
    status, headers, answer = ask(url, credentials, spoil=True)
    assert status == 403
    assert headers["x-amzn-ErrorType"] == "InvalidSignatureException"
    status, headers, _ = ask(url, Credentials("AKIAXXXXXXXXXXXXXXXX", "x"))
    assert (status, headers["x-amzn-ErrorType"]) == (403, "UnrecognizedClientException")


def test_public_url_needs_both_permissions(lam, python, ask):
    name = python(WHO)
    url = lam.create_function_url_config(FunctionName=name, AuthType="NONE")["FunctionUrl"]
    assert ask(url)[0] == 403
    lam.add_permission(FunctionName=name, StatementId="url", Action="lambda:InvokeFunctionUrl", Principal="*",
                       FunctionUrlAuthType="NONE")
    assert ask(url)[0] == 403
    lam.add_permission(FunctionName=name, StatementId="call", Action="lambda:InvokeFunction", Principal="*",
                       InvokedViaFunctionUrl=True)
    status, _, answer = ask(url)
    assert (status, answer["who"]) == (200, None)
    policy = json.loads(lam.get_policy(FunctionName=name)["Policy"])
    assert policy["Statement"][0]["Condition"] == {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}
    lam.remove_permission(FunctionName=name, StatementId="url")
    assert ask(url)[0] == 403


def test_urls_of_aliases(lam, python, ask, cli):
    name = python(WHO)
    lam.publish_version(FunctionName=name)
    arn = lam.create_alias(FunctionName=name, Name="live", FunctionVersion="1")["AliasArn"]
    made = cli("lambda", "create-function-url-config", "--function-name", name, "--qualifier", "live", "--auth-type", "NONE")
    assert made["FunctionArn"] == arn
    for statement, options in (("url", {"Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"}),
                               ("call", {"Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True})):
        lam.add_permission(FunctionName=name, Qualifier="live", StatementId=statement, Principal="*", **options)
    assert ask(made["FunctionUrl"])[2]["arn"] == arn
    lam.create_function_url_config(FunctionName=name, AuthType="AWS_IAM")
    listed = lam.list_function_url_configs(FunctionName=name, MaxItems=1)
    assert listed["FunctionUrlConfigs"][0]["AuthType"] == "AWS_IAM"
    rest = lam.list_function_url_configs(FunctionName=name, Marker=listed["NextMarker"])
    assert [url["FunctionArn"] for url in rest["FunctionUrlConfigs"]] == [arn]
    with pytest.raises(lam.exceptions.ClientError):
        lam.create_function_url_config(FunctionName=name, Qualifier="1", AuthType="NONE")
    with pytest.raises(lam.exceptions.ResourceConflictException):
        lam.create_function_url_config(FunctionName=name, AuthType="NONE")
    lam.delete_function_url_config(FunctionName=name, Qualifier="live")
    assert ask(made["FunctionUrl"])[0] == 403


def test_cors(lam, python, ask):
    name = python("def handler(e, c): return {'statusCode': 200, 'headers': {'access-control-allow-origin': 'x'}, 'body': '1'}\n")
    cors = {"AllowOrigins": ["https://*.example.com"], "AllowMethods": ["GET", "PUT"], "AllowHeaders": ["x-own"],
            "ExposeHeaders": ["x-shown"], "AllowCredentials": True, "MaxAge": 60}
    url = lam.create_function_url_config(FunctionName=name, AuthType="AWS_IAM", Cors=cors)["FunctionUrl"]
    assert lam.get_function_url_config(FunctionName=name)["Cors"] == cors
    status, headers, _ = ask(url, method="OPTIONS", headers={"Origin": "https://a.example.com", "Access-Control-Request-Method": "PUT"})
    assert status == 200
    assert headers["access-control-allow-origin"] == "https://a.example.com"
    assert headers["access-control-allow-methods"] == "GET,PUT"
    assert headers["access-control-allow-headers"] == "x-own"
    assert headers["access-control-allow-credentials"] == "true"
    assert headers["access-control-max-age"] == "60"
    _, headers, _ = ask(url, method="OPTIONS", headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "PUT"})
    assert headers["access-control-allow-origin"] is None
    status, headers, _ = ask(url, headers={"Origin": "https://a.example.com"})
    assert status == 403
    assert headers["access-control-allow-origin"] == "https://a.example.com"
