"""A web server that remembers what API destinations send it, and shortcuts to make rules.

  receiver   .url, .requests: a list of {"path", "query", "method", "headers", "body"}; .status: what it answers
  to_http    to_http(bus=…, pattern=…, **target) makes a rule with a target at the receiver and gives the rule's name
"""

import http.server
import json
import threading
import urllib.parse

import pytest


class Receiver:
    def __init__(self):
        self.requests = []
        self.status = {}
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                length = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(length).decode()
                url = urllib.parse.urlsplit(self.path)
                receiver.requests.append(
                    {
                        "path": url.path,
                        "query": dict(urllib.parse.parse_qsl(url.query)),
                        "method": self.command,
                        "headers": {key.lower(): value for key, value in self.headers.items()},
                        "body": body,
                    }
                )
                statuses = receiver.status.get(url.path)
                status = statuses.pop(0) if statuses else 200
                reply = b'{"access_token": "secret-token", "expires_in": 3600}'
                self.send_response(status)
                self.send_header("content-length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def at(self, path):
        return [each for each in self.requests if each["path"] == path]

    def events_at(self, path):
        return [json.loads(each["body"]) for each in self.at(path)]


@pytest.fixture(scope="session")
def receiver():
    running = Receiver()
    yield running
    running.server.shutdown()


@pytest.fixture
def to_http(receiver, unique):
    """to_http(client, pattern, bus="default", rule={…}, connection={…}, **target) -> the path that gets the events."""

    def make(client, pattern=None, bus="default", rule=None, connection=None, destination=None, **target):
        name = unique("http")
        made = client.create_connection(
            Name=name,
            **(
                connection
                or dict(
                    AuthorizationType="API_KEY",
                    AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "x-key", "ApiKeyValue": "k"}},
                )
            ),
        )
        arn = client.create_api_destination(
            Name=name,
            ConnectionArn=made["ConnectionArn"],
            InvocationEndpoint=f"{receiver.url}/{name}" + ((destination or {}).get("suffix", "")),
            HttpMethod="POST",
        )["ApiDestinationArn"]
        if pattern is not None:
            client.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(pattern), **(rule or {}))
        else:
            client.put_rule(Name=name, **rule)
        client.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "http", "Arn": arn, **target}])
        return f"/{name}"

    return make
