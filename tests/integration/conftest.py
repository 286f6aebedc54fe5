"""A real server for the tests: the built binary on a free port, with a data directory of its own.

Each test process (pytest-xdist worker) runs one. Fixtures:
  endpoint   http://127.0.0.1:PORT
  aws        aws("dynamodb") is a boto3 client with the root credentials; aws.resource("s3") a resource;
             aws.client("s3", **options) passes options on
  cli        cli("s3api", "list-buckets") runs the AWS CLI and gives its JSON output (text when it is none);
             cli.run(...) gives the finished process
  unique     unique("name") is a name that no other test uses
  server     the server itself: .kill(), .start(), .environment; for tests that restart it use `own_server`
Files *.test.mjs are run with `node --test`, with the SDK's variables set.
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid

import boto3
import pytest
from botocore.config import Config

HERE = pathlib.Path(__file__).parent
BINARY = os.environ.get("CUMULET_BINARY", str(HERE.parent.parent / "build/release/cumulet"))
REGION = "eu-central-1"
READY_SECONDS = 60


class Server:
    def __init__(self, arguments=(), command=(BINARY,)):
        self.command = list(command)
        self.data = tempfile.mkdtemp(prefix="cumulet-test-")
        self.arguments = list(arguments)
        self.port = 0
        self.process = None

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        """Starts it, on the same port when it ran before, and waits for its line."""
        self.log = open(os.path.join(self.data, "server.log"), "ab")
        self.process = subprocess.Popen(
            [*self.command, "serve", "--listen", f"127.0.0.1:{self.port}", "--data-dir", self.data, *self.arguments],
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        line = self.process.stdout.readline()
        if "is ready on http://" not in line:
            self.process.kill()
            raise RuntimeError(f"the server did not start: {line!r}\n{self.log_text()}")
        self.port = int(line.split("is ready on http://")[1].split()[0].rsplit(":", 1)[1])
        lines = pathlib.Path(self.data, "root-credentials").read_text().split()
        root = dict(each.split("=", 1) for each in lines if "=" in each)
        self.account = root["AWS_ACCOUNT_ID"]
        self.access_key = root["AWS_ACCESS_KEY_ID"]
        self.secret_key = root["AWS_SECRET_ACCESS_KEY"]
        return self

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait()
        self.log.close()

    def stop(self, timeout=60):
        """SIGTERM; gives the exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout)
        self.log.close()
        return status

    def log_text(self):
        return pathlib.Path(self.data, "server.log").read_text(errors="replace")[-8000:]

    def remove(self):
        if self.process and self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self.data, ignore_errors=True)

    @property
    def environment(self):
        environment = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        environment.update(
            AWS_ENDPOINT_URL=self.endpoint,
            AWS_ACCESS_KEY_ID=self.access_key,
            AWS_SECRET_ACCESS_KEY=self.secret_key,
            AWS_REGION=REGION,
            AWS_DEFAULT_REGION=REGION,
            AWS_EC2_METADATA_DISABLED="true",
            AWS_CONFIG_FILE=os.devnull,
            AWS_SHARED_CREDENTIALS_FILE=os.devnull,
            AWS_PAGER="",
        )
        return environment


class Aws:
    """boto3 clients for one server."""

    def __init__(self, server):
        self.server = server

    def _options(self, options):
        merged = dict(
            endpoint_url=self.server.endpoint,
            aws_access_key_id=self.server.access_key,
            aws_secret_access_key=self.server.secret_key,
            region_name=REGION,
            config=Config(retries={"max_attempts": 1}, read_timeout=120, parameter_validation=False),
        )
        merged.update(options)
        return merged

    def client(self, service, **options):
        return boto3.session.Session().client(service, **self._options(options))

    def resource(self, service, **options):
        return boto3.session.Session().resource(service, **self._options(options))

    __call__ = client


class Cli:
    """The AWS CLI for one server."""

    def __init__(self, server):
        self.server = server
        self.program = shutil.which("aws", path=os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"])

    def run(self, *arguments, **options):
        return subprocess.run(
            [self.program, *map(str, arguments)],
            env=self.server.environment,
            capture_output=True,
            text=True,
            timeout=300,
            **options,
        )

    def __call__(self, *arguments, **options):
        done = self.run(*arguments, "--output", "json", **options)
        assert done.returncode == 0, f"aws {' '.join(map(str, arguments))}\n{done.stderr}\n{done.stdout}"
        try:
            return json.loads(done.stdout) if done.stdout.strip() else None
        except json.JSONDecodeError:
            return done.stdout


@pytest.fixture(scope="session")
def server():
    running = Server().start()
    yield running
    running.remove()


@pytest.fixture
def own_server():
    """A server for one test, which may kill and restart it."""
    running = Server().start()
    yield running
    running.remove()


@pytest.fixture(scope="session")
def dev_server():
    """A server in --dev mode."""
    running = Server(["--dev"]).start()
    yield running
    running.remove()


@pytest.fixture(scope="session")
def make_server():
    """make_server("--dev", …) starts one more; it is removed at the end."""
    made = []

    def make(*arguments):
        made.append(Server(arguments).start())
        return made[-1]

    yield make
    for each in made:
        each.remove()


@pytest.fixture(scope="session")
def make_own_server():
    """make_own_server(arguments, command): a server that has not started yet, by a command of the test's own."""
    return Server


@pytest.fixture(scope="session")
def endpoint(server):
    return server.endpoint


@pytest.fixture(scope="session")
def aws(server):
    return Aws(server)


@pytest.fixture(scope="session")
def aws_for():
    """aws_for(server): clients for another server."""
    return Aws


@pytest.fixture(scope="session")
def cli(server):
    return Cli(server)


@pytest.fixture(scope="session")
def cli_for():
    return Cli


@pytest.fixture
def unique():
    return lambda name="test": f"{name}-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def wait_until():
    """wait_until(condition): calls it until it gives something true, and gives that."""

    def wait(condition, seconds=60, what="the condition"):
        deadline = time.monotonic() + seconds
        while True:
            result = condition()
            if result:
                return result
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} did not come true within {seconds} s")
            time.sleep(0.02)

    return wait


@pytest.fixture(scope="session")
def role(aws):
    """The ARN of a role that functions may take on."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    name = f"function-{uuid.uuid4().hex[:12]}"
    return aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]


def pytest_collect_file(parent, file_path):
    if file_path.name.endswith(".test.mjs"):
        return NodeFile.from_parent(parent, path=file_path)
    return None


class NodeFile(pytest.File):
    def collect(self):
        yield NodeItem.from_parent(self, name=self.path.name)


class NodeItem(pytest.Item):
    """One *.test.mjs, on a server of its own."""

    def runtest(self):
        running = Server().start()
        try:
            environment = running.environment
            environment["CUMULET_ACCOUNT"] = running.account
            environment["NODE_EXTRA_CA_CERTS"] = os.path.join(running.data, "ca.pem")
            done = subprocess.run(
                ["node", "--test", "--test-reporter=tap", str(self.path)],
                env=environment,
                capture_output=True,
                text=True,
                timeout=300,
            )
            if done.returncode != 0 or "# pass 0\n" in done.stdout:
                raise NodeFailed(done.stdout[-6000:] + done.stderr[-3000:] + "\n--- server\n" + running.log_text())
        finally:
            running.remove()

    def repr_failure(self, excinfo, style=None):
        if isinstance(excinfo.value, NodeFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.path, 0, f"node {self.path.name}"


class NodeFailed(Exception):
    pass
