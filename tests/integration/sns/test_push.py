import http.server
import json
import subprocess
import threading
import urllib.parse

import pytest
from botocore.exceptions import ClientError

NODE_APNS = """
const http2 = require("node:http2");
const server = http2.createServer();
const seen = [];
server.on("stream", (stream, headers) => {
  let body = "";
  stream.on("data", (part) => (body += part));
  stream.on("end", () => {
    const gone = headers[":path"].endsWith("/gone");
    console.log(JSON.stringify({ headers: { ...headers }, body }));
    stream.respond({ ":status": gone ? 410 : 200 });
    stream.end(gone ? '{"reason":"Unregistered"}' : "");
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
"""


class Apns:
    """Apple's server: HTTP/2 only; the device "gone" is."""

    def __init__(self):
        self.process = subprocess.Popen(["node", "-e", NODE_APNS], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.received = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.received.append(json.loads(line))


class Fcm:
    """Google's servers: tokens, and messages to devices; the device "gone" is."""

    def __init__(self):
        self.received = []
        fcm = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                status, answer = 200, {"name": "projects/p/messages/1"}
                if self.path == "/token":
                    form = urllib.parse.parse_qs(body)
                    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
                    assert form["assertion"][0].count(".") == 2
                    answer = {"access_token": "secret", "expires_in": 3600}
                else:
                    message = json.loads(body)
                    fcm.received.append((self.path, self.headers["authorization"], message))
                    if message["message"]["token"] == "gone":
                        status = 404
                        answer = {"error": {"status": "NOT_FOUND", "details": [{"errorCode": "UNREGISTERED"}]}}
                text = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def pushing(make_server, aws_for):
    apns, fcm = Apns(), Fcm()
    server = make_server("--apns-url", f"http://127.0.0.1:{apns.port}", "--fcm-url", fcm.url)
    yield aws_for(server), apns, fcm
    apns.process.kill()
    fcm.server.shutdown()


def key(*arguments):
    return subprocess.run(["openssl", "genpkey", *arguments], check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def fcm_app(pushing):
    clients, _, fcm = pushing
    account = {"type": "service_account", "project_id": "p", "private_key_id": "k", "client_email": "a@p.example",
               "private_key": key("-algorithm", "RSA"), "token_uri": fcm.url + "/token"}
    return clients("sns").create_platform_application(
        Name="android", Platform="GCM", Attributes={"PlatformCredential": json.dumps(account)})["PlatformApplicationArn"]


@pytest.fixture(scope="module")
def apns_app(pushing):
    clients, _, _ = pushing
    attributes = {"PlatformCredential": key("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
                  "PlatformPrincipal": "KEYID", "ApplePlatformTeamID": "TEAM", "ApplePlatformBundleID": "com.example.app"}
    return clients("sns").create_platform_application(
        Name="ios", Platform="APNS", Attributes=attributes)["PlatformApplicationArn"]


def test_apns_over_http2(pushing, apns_app, wait_until):
    clients, apns, _ = pushing
    sns = clients("sns")
    endpoint = sns.create_platform_endpoint(PlatformApplicationArn=apns_app, Token="abcd")["EndpointArn"]
    ttl = {"AWS.SNS.MOBILE.APNS.TTL": {"DataType": "String", "StringValue": "60"}}
    sns.publish(TargetArn=endpoint, Message="hi", MessageAttributes=ttl)
    got = wait_until(lambda: [each for each in apns.received if each["headers"][":path"] == "/3/device/abcd"])[0]
    assert json.loads(got["body"]) == {"aps": {"alert": "hi"}}
    headers = got["headers"]
    assert headers["apns-topic"] == "com.example.app" and headers["apns-push-type"] == "alert"
    assert headers["authorization"].startswith("bearer ") and int(headers["apns-expiration"]) > 0


def test_a_device_that_is_gone_is_disabled(pushing, apns_app, fcm_app, wait_until):
    clients, _, _ = pushing
    sns = clients("sns")
    for application in (apns_app, fcm_app):
        endpoint = sns.create_platform_endpoint(PlatformApplicationArn=application, Token="gone")["EndpointArn"]
        sns.publish(TargetArn=endpoint, Message="hi")
        enabled = lambda: sns.get_endpoint_attributes(EndpointArn=endpoint)["Attributes"]["Enabled"]  # noqa: E731
        wait_until(lambda: enabled() == "false")
        with pytest.raises(ClientError) as refused:
            sns.publish(TargetArn=endpoint, Message="hi")
        assert refused.value.response["Error"]["Code"] == "EndpointDisabled"
        sns.set_endpoint_attributes(EndpointArn=endpoint, Attributes={"Enabled": "true"})
        assert enabled() == "true"


def test_fcm_gets_the_message_made_for_it(pushing, fcm_app, wait_until):
    clients, _, fcm = pushing
    sns = clients("sns")
    endpoint = sns.create_platform_endpoint(PlatformApplicationArn=fcm_app, Token="dev1")["EndpointArn"]
    topic = sns.create_topic(Name="devices")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="application", Endpoint=endpoint)
    message = {"default": "d", "GCM": json.dumps({"notification": {"title": "T"}, "data": {"n": 1}})}
    sns.publish(TopicArn=topic, Message=json.dumps(message), MessageStructure="json")
    path, authorization, got = wait_until(
        lambda: [each for each in fcm.received if each[2]["message"]["token"] == "dev1"])[0]
    assert path == "/v1/projects/p/messages:send" and authorization == "Bearer secret"
    assert got["message"]["notification"] == {"title": "T"} and got["message"]["data"] == {"n": "1"}


def test_endpoints_are_idempotent(pushing, fcm_app):
    clients, _, _ = pushing
    sns = clients("sns")
    make = lambda **more: sns.create_platform_endpoint(PlatformApplicationArn=fcm_app, Token="same", **more)  # noqa: E731
    arn = make()["EndpointArn"]
    assert make()["EndpointArn"] == arn
    with pytest.raises(ClientError) as refused:
        make(CustomUserData="other")
    assert refused.value.response["Error"]["Message"] == (
        f"Invalid parameter: Token Reason: Endpoint {arn} already exists with the same Token, but different attributes.")
    listed = sns.list_endpoints_by_platform_application(PlatformApplicationArn=fcm_app)["Endpoints"]
    assert arn in [each["EndpointArn"] for each in listed]
    sns.delete_endpoint(EndpointArn=arn)
