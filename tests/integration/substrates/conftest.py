"""The substrates that this machine can use, each with functions of its own on one server that offers them all.

The server offers what `cumulet doctor` says is usable; what it says is not usable is skipped with doctor's reason.
  substrate      parameter of each test: the name of a substrate
  make_function  make_function("python", Timeout=3, …) creates a function on that substrate and gives a caller of it
"""

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
PROCESS, CONTAINERS = "process", ["oci:crun", "oci:runc"]
SUBSTRATES = [PROCESS, *CONTAINERS]


def examine():
    """What doctor says of each substrate: usable or not, and why."""
    said = subprocess.run([BINARY, "doctor"], capture_output=True, text=True, timeout=120).stdout
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


@pytest.fixture(params=SUBSTRATES)
def substrate(request, usable):
    good, why = usable.get(request.param, (False, "doctor does not know it"))
    if not good:
        pytest.skip(f"{request.param}: {why}")
    return request.param


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
                                      **{"Timeout": 30, "MemorySize": 256, **options})
        return Function(aws("lambda"), name)

    return make


@pytest.fixture
def make_function(offering, substrate, function_on, unique):
    return lambda language="python", **options: function_on(offering, substrate, unique(language), language, **options)


@pytest.fixture(scope="session")
def shared_functions():
    return {}


@pytest.fixture
def function(substrate, offering, function_on, unique, shared_functions):
    """One Python function for the tests that do it no harm."""
    if substrate not in shared_functions:
        shared_functions[substrate] = function_on(offering, substrate, unique("shared"), EphemeralStorage={"Size": 600},
                                                  Environment={"Variables": {"GREETING": "good day", "EMPTY": ""}})
    return shared_functions[substrate]
