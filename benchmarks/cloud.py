"""A server of one's own for a benchmark: signed requests, and load that http_load replays."""

import base64
import datetime
import hashlib
import hmac
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile

BINARY = pathlib.Path(os.environ.get("CUMULET_BINARY", "build/release/cumulet"))
LOAD = BINARY.parent / "bench" / "http_load"
REGION = "us-east-1"


class Server:
    def __init__(self, data=None, options=()):
        self.data = data or tempfile.mkdtemp(prefix="cumulet-bench-")
        started = time.perf_counter()
        self.process = subprocess.Popen(
            [BINARY, "serve", "--listen", "127.0.0.1:0", "--data-dir", self.data, *options],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        self.ready = time.perf_counter() - started
        self.port = int(line.split("http://")[1].split()[0].rsplit(":", 1)[1])
        lines = pathlib.Path(self.data, "root-credentials").read_text().split()
        root = dict(each.split("=", 1) for each in lines)
        self.account, self.key, self.secret = (
            root["AWS_ACCOUNT_ID"], root["AWS_ACCESS_KEY_ID"], root["AWS_SECRET_ACCESS_KEY"])

    def memory(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return {name: int(status.split(name + ":")[1].split()[0]) / 1024 for name in ("VmRSS", "RssAnon", "RssFile")}

    def stop(self, remove=True):
        self.process.terminate()
        self.process.wait()
        if remove:
            shutil.rmtree(self.data, ignore_errors=True)

    def signed(self, service, method, path, headers, body, digest=None):
        """A signed request: its headers."""
        now = datetime.datetime.now(datetime.timezone.utc)
        stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
        digest = digest or hashlib.sha256(body).hexdigest()
        headers = {**{name.lower(): value for name, value in headers.items()},
                   "host": f"127.0.0.1:{self.port}", "x-amz-date": stamp, "x-amz-content-sha256": digest}
        names = ";".join(sorted(headers))
        lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        bare, _, query = path.partition("?")
        canonical = "\n".join([method, bare, query, lines, names, digest])
        scope = f"{day}/{REGION}/{service}/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + self.secret).encode()
        for part in (day, REGION, service, "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.key}/{scope}, SignedHeaders={names}, Signature={signature}")
        headers["content-length"] = str(len(body))
        return headers

    def call(self, service, method, path, headers=None, body=b""):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=body or None, method=method)
        for name, value in self.signed(service, method, path, headers or {}, body).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            sys.exit(f"{service} {method} {path}: {error.code} {error.read().decode()}")

    def raw(self, service, method, path, headers=None, body=b""):
        signed = self.signed(service, method, path, headers or {}, body)
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in signed.items())
        return head.encode() + b"\r\n" + body

    def load(self, title, requests, seconds, connections=(1, 64)):
        for count in connections:
            print(f"{title}, {count} connections")
            said = self.replay(requests, count, "--seconds", str(seconds), "--pid", str(self.process.pid))
            print("".join(f"    {line}\n" for line in said.splitlines()), end="", flush=True)

    def measure(self, requests, connections=1, seconds=None):
        """What http_load measured, as a dictionary; each request once, if no seconds are given."""
        how = ["--once"] if seconds is None else ["--seconds", str(seconds)]
        said = self.replay(requests, connections, *how, "--json", "--pid", str(self.process.pid))
        return json.loads(next(line for line in said.splitlines() if line.startswith("{")))

    def replay(self, requests, connections, *options):
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"".join(requests))
            file.flush()
            done = subprocess.run([LOAD, "--host", "127.0.0.1", "--port", str(self.port), "--connections", str(connections),
                                   "--requests", file.name, *options], capture_output=True, text=True)
        return done.stdout + done.stderr


def package(name, text):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = 0o100755 << 16
        archive.writestr(entry, text, zipfile.ZIP_DEFLATED)
    return base64.b64encode(memory.getvalue()).decode()


def make_role(server):
    trust = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
    body = urllib.parse.urlencode({"Action": "CreateRole", "Version": "2010-05-08", "RoleName": "bench",
                                   "AssumeRolePolicyDocument": trust}).encode()
    server.call("iam", "POST", "/", {"Content-Type": "application/x-www-form-urlencoded"}, body)
    return f"arn:aws:iam::{server.account}:role/bench"


FUNCTIONS = "/2015-03-31/functions"
JSON = {"Content-Type": "application/json"}


def function_order(role, name, runtime, packed, **options):
    """The body of a CreateFunction."""
    return json.dumps({"FunctionName": name, "Runtime": runtime, "Role": role, "Handler": "index.handler", "MemorySize": 1769,
                       "Timeout": 30, "Code": {"ZipFile": packed}, **options}).encode()


def make_function(server, role, name, runtime, file, text):
    server.call("lambda", "POST", FUNCTIONS, JSON, function_order(role, name, runtime, package(file, text)))
