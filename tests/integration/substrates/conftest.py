"""One server that offers all the substrates that `cumulet doctor` calls usable here."""

import base64
import io
import json
import os
import pathlib
import subprocess
import zipfile

import pytest

HERE = pathlib.Path(__file__).parent
BINARY = pathlib.Path(os.environ.get("CUMULET_BINARY", str(HERE.parents[2] / "build/release/cumulet")))
SUBSTRATES = ["process", "oci:crun", "oci:runc"]


def examine():
    """What doctor says of each substrate: usable or not, and why."""
    said = subprocess.run([BINARY, "doctor"], capture_output=True, text=True, timeout=180).stdout
    found = {}
    for line in said.split("Substrates\n")[1].split("\n\n")[0].splitlines():
        words = line.split(None, 2)
        if len(words) > 1 and words[1] in SUBSTRATES:
            found[words[1]] = (words[0] == "ok", words[2] if len(words) > 2 else "")
    return found


@pytest.fixture(scope="session")
def usable():
    return examine()


@pytest.fixture(scope="session")
def offering(make_server, usable):
    """A server that offers all that can be used."""
    names = [name for name in SUBSTRATES if usable.get(name, (False, ""))[0]]
    return make_server("--substrate", ",".join(names))


@pytest.fixture(scope="session")
def need(usable):
    """need("oci:crun") skips the test, with doctor's reason, where that cannot be used."""

    def check(substrate):
        good, why = usable.get(substrate, (False, "doctor does not know it"))
        if not good:
            pytest.skip(f"{substrate}: {why}")

    return check


def make_role(iam, name):
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                                                     "Principal": {"Service": "lambda.amazonaws.com"}}]}
    return iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]


def package():
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in (HERE / "function").iterdir():
            if path.is_file():
                entry = zipfile.ZipInfo(path.name)
                entry.create_system = 3
                entry.external_attr = (0o100755 if path.name == "bootstrap" else 0o100644) << 16
                archive.writestr(entry, path.read_bytes())
    return memory.getvalue()


RUNTIMES = {"python": ("python3.11", "app.handler"), "node": ("nodejs18.x", "index.handler"),
            "provided": ("provided.al2023", "none")}


class Function:
    def __init__(self, lam, name):
        self.lam = lam
        self.name = name

    def invoke(self, event, **more):
        reply = self.lam.invoke(FunctionName=self.name, Payload=json.dumps(event), **more)
        return reply, json.loads(reply["Payload"].read() or "null")

    def __call__(self, event=None):
        reply, result = self.invoke(event or {})
        assert "FunctionError" not in reply, result
        return result

    def fails(self, event):
        reply, result = self.invoke(event)
        assert "FunctionError" in reply, result
        return result

    def logged(self, event):
        reply, _ = self.invoke(event, LogType="Tail")
        return base64.b64decode(reply["LogResult"]).decode()


@pytest.fixture(scope="session")
def function_on(aws_for):
    """function_on(server, substrate, name, language, **options)."""
    roles = {}

    def make(server, substrate, name, language="python", **options):
        aws = aws_for(server)
        if server not in roles:
            roles[server] = make_role(aws("iam"), "substrates")
        runtime, handler = RUNTIMES[language]
        aws("lambda").create_function(FunctionName=name, Runtime=runtime, Role=roles[server], Handler=handler,
                                      Code={"ZipFile": package()}, Tags={"cumulet:substrate": substrate},
                                      **{"Timeout": 60, "MemorySize": 256, **options})
        return Function(aws("lambda"), name)

    return make


@pytest.fixture
def make_function(offering, need, function_on, unique):
    """make_function("oci:crun", "python", Timeout=3, …) gives a caller of a new function."""

    def make(substrate, language="python", **options):
        need(substrate)
        return function_on(offering, substrate, unique(language), language, **options)

    return make


@pytest.fixture(scope="session")
def function(offering, need, function_on):
    """One Python function in a container of crun's, for the tests that do it no harm."""
    need("oci:crun")
    return function_on(offering, "oci:crun", "shared", Environment={"Variables": {"GREETING": "good day", "EMPTY": ""}})
