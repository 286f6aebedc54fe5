"""HTTP APIs for the tests: functions that show the event they got, and a way to call an API as a browser would."""

import http.client
import io
import json
import zipfile

import pytest

ECHO = """
import base64, json

def handler(event, context):
    query = event.get("queryStringParameters") or {}
    mode = query.get("mode")
    if mode == "raise":
        raise ValueError("on purpose")
    if mode == "plain":
        return {"message": "no status"}
    if mode == "text":
        return "just text"
    if mode == "bad":
        return {"statusCode": "no number"}
    if mode == "binary":
        return {"statusCode": 200, "headers": {"content-type": "image/png"}, "isBase64Encoded": True,
                "body": base64.b64encode(bytes(range(256))).decode()}
    if mode == "cookies":
        return {"statusCode": 201, "cookies": ["a=1; Path=/", "b=2"], "headers": {"X-Own": "yes"}, "body": "made"}
    if mode == "multi":
        return {"statusCode": 200, "multiValueHeaders": {"x-many": ["1", "2"]}, "body": "ok"}
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(event)}
"""


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)


@pytest.fixture(scope="session")
def apis(aws):
    return aws("apigatewayv2")


@pytest.fixture(scope="session")
def echo(aws, role):
    """The ARN of a function that answers with its event, or as `mode` in the query says."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("app.py", ECHO)
    functions = aws("lambda")
    arn = functions.create_function(
        FunctionName="http-api-echo", Runtime="python3.11", Role=role, Handler="app.handler", Timeout=20,
        Code={"ZipFile": memory.getvalue()},
    )["FunctionArn"]
    functions.add_permission(FunctionName=arn, StatementId="apis", Action="lambda:InvokeFunction",
                             Principal="apigateway.amazonaws.com")
    return arn


@pytest.fixture(scope="session")
def send(server):
    """send("GET", "/path", body, headers, host=…) calls the server and does not follow redirects."""

    def call(method, path, body=None, headers=None, host=None):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        all_headers = dict(headers or {})
        if host:
            all_headers["Host"] = host
        try:
            connection.request(method, path, body, all_headers)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    return call


class HttpApi:
    def __init__(self, apis, send, name, **options):
        self.apis, self.send = apis, send
        self.id = apis.create_api(Name=name, ProtocolType="HTTP", **options)["ApiId"]

    def stage(self, name="$default", auto=True, **options):
        return self.apis.create_stage(ApiId=self.id, StageName=name, AutoDeploy=auto, **options)

    def integration(self, arn, version="2.0", **options):
        return self.apis.create_integration(ApiId=self.id, IntegrationType="AWS_PROXY", IntegrationUri=arn,
                                            PayloadFormatVersion=version, **options)["IntegrationId"]

    def route(self, key, integration):
        return self.apis.create_route(ApiId=self.id, RouteKey=key, Target=f"integrations/{integration}")["RouteId"]

    def call(self, method, path, body=None, headers=None, stage="$default"):
        return self.send(method, f"/_aws/execute-api/{self.id}/{stage}{path}", body, headers)

    def call_host(self, method, path, body=None, headers=None):
        return self.send(method, path, body, headers, host=f"{self.id}.execute-api.localhost")


@pytest.fixture
def make_api(apis, send, unique):
    made = []

    def make(**options):
        made.append(HttpApi(apis, send, unique("api"), **options))
        return made[-1]

    yield make
    for each in made:
        try:
            apis.delete_api(ApiId=each.id)
        except apis.exceptions.NotFoundException:
            pass


@pytest.fixture
def api(make_api, echo):
    """An API with an automatically deployed $default stage and an integration with the echo function."""
    made = make_api()
    made.stage()
    made.echo = made.integration(echo)
    return made
