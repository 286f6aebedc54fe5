"""Functions that attack: attack({"try": "files"}) runs attempts of tests/integration/sandbox/function in a sandbox of a
real server; every use ends with the question whether another function is still served."""

import io
import json
import os
import pathlib
import zipfile

import pytest

HERE = pathlib.Path(__file__).parent
BINARY = pathlib.Path(os.environ.get("CUMULET_BINARY", str(HERE.parents[2] / "build/release/cumulet")))
# The program of the sandbox's unit tests: the build puts it there.
PROBE = BINARY.parent / "compute" / "probe"


def make_role(iam, name):
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                                                     "Principal": {"Service": "lambda.amazonaws.com"}}]}
    return iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]


def package(**more):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        files = {path.name: path.read_bytes() for path in (HERE / "function").glob("*.py")}
        files["probe"] = PROBE.read_bytes()
        for name, content in (files | more).items():
            entry = zipfile.ZipInfo(name)
            entry.create_system = 3
            # The probe asks to be run as its owner, who is the host's root: it must not be.
            entry.external_attr = (0o104755 if name == "probe" else 0o100644) << 16
            archive.writestr(entry, content)
    return memory.getvalue()


class Attacker:
    """One function on one server."""

    def __init__(self, lam, name):
        self.lam = lam
        self.name = name

    def __call__(self, event):
        reply, result = self._invoke(event)
        assert "FunctionError" not in reply, result
        return result

    def fails(self, event):
        """The error of an invocation that its own deed ends."""
        reply, result = self._invoke(event)
        assert "FunctionError" in reply, result
        return result

    def anyhow(self, event):
        """Its result or its error."""
        return self._invoke(event)[1]

    def _invoke(self, event):
        reply = self.lam.invoke(FunctionName=self.name, Payload=json.dumps(event))
        return reply, json.loads(reply["Payload"].read() or "null")


@pytest.fixture(scope="session")
def make_attacker():
    """make_attacker(client, role, name, **options) makes the function on the client's server."""

    def make(lam, role, name, files=None, **options):
        options = {"Timeout": 60, "MemorySize": 128, **options}
        lam.create_function(FunctionName=name, Runtime="python3.11", Role=role, Handler="app.handler",
                            Code={"ZipFile": package(**(files or {}))}, **options)
        return Attacker(lam, name)

    return make


@pytest.fixture(scope="session")
def attacker_on(aws_for, make_attacker):
    """attacker_on(server, **options): a function on another server."""

    def make(server, **options):
        aws = aws_for(server)
        return make_attacker(aws("lambda"), make_role(aws("iam"), "attacker"), "attacker", **options)

    return make


@pytest.fixture(scope="session")
def canary(aws, role, make_attacker):
    return make_attacker(aws("lambda"), role, "canary")


@pytest.fixture(scope="session")
def shared_attacker(aws, role, make_attacker):
    return make_attacker(aws("lambda"), role, "attacker", MemorySize=512)


@pytest.fixture
def attack(shared_attacker, canary, endpoint):
    yield shared_attacker
    still_served(canary)


@pytest.fixture
def attacker(aws, role, make_attacker, unique, canary):
    """attacker(Timeout=3, …): a function of one test's own, whose environments go with it."""
    made = []

    def make(**options):
        made.append(make_attacker(aws("lambda"), role, unique("attacker"), **options))
        return made[-1]

    yield make
    for each in made:
        try:
            each.lam.delete_function(FunctionName=each.name)
        except each.lam.exceptions.ResourceNotFoundException:
            pass
    still_served(canary)


def still_served(canary):
    assert canary({"do": "find"}) is not None
    assert canary.lam.list_functions()["Functions"]
