"""What a client of an HTTP API sees: routes, events, responses, CORS, proxying."""

import base64
import http.server
import json
import threading

import pytest


def test_most_specific_route_wins(api):
    for key in ["$default", "ANY /{proxy+}", "GET /pets/{id}", "GET /pets/dog", "ANY /pets/{id}", "GET /pets/{id}/toys",
                "GET /pets/{rest+}", "POST /pets"]:
        api.route(key, api.echo)
    chosen = [
        ("GET", "/pets/dog", "GET /pets/dog", {}),
        ("GET", "/pets/cat", "GET /pets/{id}", {"id": "cat"}),
        ("DELETE", "/pets/dog", "ANY /pets/{id}", {"id": "dog"}),
        ("GET", "/pets/cat/toys", "GET /pets/{id}/toys", {"id": "cat"}),
        ("GET", "/pets/cat/food/dry", "GET /pets/{rest+}", {"rest": "cat/food/dry"}),
        ("POST", "/pets", "POST /pets", {}),
        ("PUT", "/somewhere/else", "ANY /{proxy+}", {"proxy": "somewhere/else"}),
        ("GET", "/", "$default", {}),
    ]
    for method, path, key, parameters in chosen:
        event = api.call(method, path).json()
        assert event["routeKey"] == key, (method, path)
        assert event.get("pathParameters", {}) == parameters


def test_no_route_is_404(api):
    api.route("GET /here", api.echo)
    for method, path in [("GET", "/there"), ("POST", "/here"), ("GET", "/here/and/more")]:
        answer = api.call(method, path)
        assert answer.status == 404
        assert answer.json() == {"message": "Not Found"}


def test_unknown_api_and_stage_are_404(api, send):
    api.route("$default", api.echo)
    assert send("GET", "/_aws/execute-api/nothere123/$default/").status == 404
    assert api.call("GET", "/", stage="prod").status == 404
    assert send("GET", "/", host="nothere123.execute-api.localhost").status == 404


def test_event_2_0(api, server):
    api.route("POST /items/{id}", api.echo)
    answer = api.call("POST", "/items/a%20b?x=1&x=2&y=%C3%A9", "hello", {"Content-Type": "text/plain", "X-Two": "v",
                                                                        "Cookie": "a=1; b=2"})
    event = answer.json()
    assert event["version"] == "2.0"
    assert event["routeKey"] == "POST /items/{id}"
    assert event["pathParameters"] == {"id": "a b"}
    assert event["rawQueryString"] == "x=1&x=2&y=%C3%A9"
    assert event["queryStringParameters"] == {"x": "1,2", "y": "é"}
    assert event["cookies"] == ["a=1", "b=2"]
    assert "cookie" not in event["headers"] and event["headers"]["x-two"] == "v"
    assert event["body"] == "hello" and event["isBase64Encoded"] is False
    context = event["requestContext"]
    assert context["accountId"] == server.account and context["apiId"] == api.id
    assert context["http"]["method"] == "POST" and context["http"]["sourceIp"] == "127.0.0.1"
    assert context["stage"] == "$default" and context["requestId"] == answer.headers["apigw-requestid"]


def test_event_1_0(api, echo):
    api.route("POST /old/{id}", api.integration(echo, "1.0"))
    event = api.call("POST", "/old/7?x=1&x=2", '{"a":1}', {"Content-Type": "application/json"}).json()
    assert event["version"] == "1.0"
    assert event["resource"] == "/old/{id}" and event["httpMethod"] == "POST"
    assert event["pathParameters"] == {"id": "7"}
    assert event["queryStringParameters"] == {"x": "2"}
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"]}
    assert event["body"] == '{"a":1}' and event["isBase64Encoded"] is False
    assert event["stageVariables"] is None
    assert event["requestContext"]["resourcePath"] == "/old/{id}"


def test_binary_bodies_travel_as_base64(api):
    api.route("$default", api.echo)
    data = bytes(range(256))
    event = api.call("POST", "/upload", data, {"Content-Type": "application/octet-stream"}).json()
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == data
    answer = api.call("GET", "/?mode=binary")
    assert answer.body == data and answer.headers["content-type"] == "image/png"


def test_responses(api, echo):
    api.route("$default", api.echo)
    api.route("GET /v1", api.integration(echo, "1.0"))
    made = api.call("GET", "/?mode=cookies")
    assert made.status == 201 and made.body == b"made"
    assert made.headers.get_all("set-cookie") == ["a=1; Path=/", "b=2"] and made.headers["x-own"] == "yes"
    plain = api.call("GET", "/?mode=plain")
    assert plain.status == 200 and plain.json() == {"message": "no status"}
    assert plain.headers["content-type"] == "application/json"
    assert api.call("GET", "/?mode=text").body == b"just text"
    many = api.call("GET", "/v1?mode=multi")
    assert many.headers.get_all("x-many") == ["1", "2"]


def test_a_failing_function_is_500(api, echo):
    api.route("$default", api.echo)
    api.route("GET /v1", api.integration(echo, "1.0"))
    for path in ["/?mode=raise", "/?mode=bad", "/v1?mode=raise", "/v1?mode=plain"]:
        answer = api.call("GET", path)
        assert answer.status == 500, path
        assert answer.json() == {"message": "Internal Server Error"}


def test_a_missing_function_is_500(api, server):
    missing = f"arn:aws:lambda:eu-central-1:{server.account}:function:is-not-there"
    api.route("$default", api.integration(missing))
    assert api.call("GET", "/").status == 500


def test_host_form(api, echo):
    api.route("GET /a", api.echo)
    api.stage("test", StageVariables={"colour": "red"})
    event = api.call_host("GET", "/a").json()
    assert event["rawPath"] == "/a" and event["requestContext"]["stage"] == "$default"
    assert event["requestContext"]["domainPrefix"] == api.id
    event = api.call_host("GET", "/test/a").json()
    assert event["requestContext"]["stage"] == "test" and event["rawPath"] == "/test/a"
    assert event["stageVariables"] == {"colour": "red"}


def test_stage_variables_in_the_uri(api, echo):
    api.stage("blue", StageVariables={"name": "http-api-echo"})
    arn = echo.rsplit(":", 1)[0] + ":${stageVariables.name}"
    uri = f"arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/{arn}/invocations"
    api.route("GET /v", api.integration(uri))
    assert api.call("GET", "/v", stage="blue").status == 200
    assert api.call("GET", "/v").status == 500  # The $default stage has no such variable.


def test_manual_deployments(apis, make_api, echo):
    api = make_api()
    api.stage("prod", auto=False)
    integration = api.integration(echo)
    api.route("GET /one", integration)
    assert api.call("GET", "/one", stage="prod").status == 404
    first = apis.create_deployment(ApiId=api.id, StageName="prod")["DeploymentId"]
    assert api.call("GET", "/one", stage="prod").status == 200
    api.route("GET /two", integration)
    assert api.call("GET", "/two", stage="prod").status == 404
    second = apis.create_deployment(ApiId=api.id)["DeploymentId"]
    assert api.call("GET", "/two", stage="prod").status == 404
    apis.update_stage(ApiId=api.id, StageName="prod", DeploymentId=second)
    assert api.call("GET", "/two", stage="prod").status == 200
    with pytest.raises(apis.exceptions.BadRequestException):
        apis.delete_deployment(ApiId=api.id, DeploymentId=second)
    apis.delete_deployment(ApiId=api.id, DeploymentId=first)
    assert [each["DeploymentId"] for each in apis.get_deployments(ApiId=api.id)["Items"]] == [second]


def test_cors(make_api, echo):
    api = make_api(CorsConfiguration={"AllowOrigins": ["https://a.example"], "AllowMethods": ["GET", "POST"],
                                      "AllowHeaders": ["content-type"], "ExposeHeaders": ["x-own"], "MaxAge": 300,
                                      "AllowCredentials": True})
    api.stage()
    api.route("$default", api.integration(echo))
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    preflight = api.call("OPTIONS", "/x", headers=asked)
    assert preflight.status == 204 and preflight.body == b""
    assert preflight.headers["access-control-allow-origin"] == "https://a.example"
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert preflight.headers["access-control-max-age"] == "300"
    assert preflight.headers["access-control-allow-credentials"] == "true"
    answer = api.call("GET", "/x", headers={"Origin": "https://a.example"})
    assert answer.headers["access-control-allow-origin"] == "https://a.example"
    assert answer.headers["access-control-expose-headers"] == "x-own"
    other = api.call("GET", "/x", headers={"Origin": "https://b.example"})
    assert other.status == 200 and "access-control-allow-origin" not in other.headers


@pytest.fixture
def backend():
    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            text = json.dumps({"method": self.command, "path": self.path, "body": body.decode(),
                               "x": self.headers.get("x-mine")}).encode()
            self.send_response(418)
            self.send_header("content-length", str(len(text)))
            self.send_header("x-backend", "here")
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = answer

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_http_proxy(apis, api, backend):
    made = apis.create_integration(ApiId=api.id, IntegrationType="HTTP_PROXY", IntegrationMethod="ANY",
                                   IntegrationUri=backend + "/base/{proxy}", PayloadFormatVersion="1.0")
    api.route("ANY /out/{proxy+}", made["IntegrationId"])
    answer = api.call("POST", "/out/a/b?q=1", "body", {"X-Mine": "1"})
    assert answer.status == 418 and answer.headers["x-backend"] == "here"
    assert answer.json() == {"method": "POST", "path": "/base/a/b?q=1", "body": "body", "x": "1"}


def test_http_proxy_to_nobody_is_an_error(apis, api):
    made = apis.create_integration(ApiId=api.id, IntegrationType="HTTP_PROXY", IntegrationMethod="GET",
                                   IntegrationUri="http://127.0.0.1:9/", PayloadFormatVersion="1.0")
    api.route("GET /dead", made["IntegrationId"])
    answer = api.call("GET", "/dead")
    assert answer.status in (500, 503)
    assert answer.json()["message"] in ("Internal Server Error", "Service Unavailable")
