"""Extensions for the tests: Python programs in layers."""

# What all of them share. `events` calls `seen` with each event until SHUTDOWN has come.
COMMON = '''#!/usr/bin/python3
import http.client, json, os, sys, threading, time

HOST = os.environ["AWS_LAMBDA_RUNTIME_API"]
NAME = os.path.basename(sys.argv[0])


def ask(method, path, body=None, **headers):
    connection = http.client.HTTPConnection(HOST)
    headers = {"Lambda-Extension-" + name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    response = connection.getresponse()
    return response.status, dict(response.getheaders()), json.loads(response.read() or "null")


def register(events=("INVOKE", "SHUTDOWN")):
    status, headers, answer = ask("POST", "/2020-01-01/extension/register", {"events": list(events)}, Name=NAME,
                                  Accept_Feature="accountId")
    print("registered", status, json.dumps(answer), flush=True)
    return headers["Lambda-Extension-Identifier"]


def next_event(identifier):
    event = ask("GET", "/2020-01-01/extension/event/next", Identifier=identifier)[2]
    print("event", json.dumps(event), flush=True)
    return event

'''

FOLLOWER = COMMON + '''
identifier = register()
while next_event(identifier)["eventType"] != "SHUTDOWN":
    time.sleep(float(os.environ.get("WORK", "0")))
'''

# Subscribes to everything, and shows what it got at /tmp/telemetry (a line an event).
SUBSCRIBER = COMMON + '''
import http.server


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        events = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open("/tmp/telemetry", "a") as file:
            file.writelines(json.dumps(event) + "\\n" for event in events)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("sandbox.localdomain", 8080), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
identifier = register()
if os.environ.get("API") == "logs":
    path, version, extra = "/2020-08-15/logs", "2021-03-18", {}
else:
    path, version, extra = "/2022-07-01/telemetry", "2022-12-13", {"buffering": {"timeoutMs": 25}}
print("bad", ask("PUT", path, {"types": []}, Identifier=identifier)[::2], flush=True)
print("subscribed", ask("PUT", path, {
    "schemaVersion": version, "types": ["platform", "function", "extension"],
    "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8080/"}, **extra},
    Identifier=identifier)[::2], flush=True)
while next_event(identifier)["eventType"] != "SHUTDOWN":
    pass
'''
