import json
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))
from image_files import Image, Layer  # noqa: E402
from registry import Registry  # noqa: E402


@pytest.fixture(scope="session")
def bootstrap(tmp_path_factory):
    """A program that needs no library: the runtime of the images."""
    program = tmp_path_factory.mktemp("bootstrap") / "bootstrap"
    command = ["cc", "-D_GNU_SOURCE", "-O1", "-static", "-s", "-o", str(program), str(HERE / "bootstrap.c")]
    subprocess.run(command, check=True)
    return program.read_bytes()


@pytest.fixture(scope="session")
def make_image(bootstrap):
    """make_image(layer, …, Cmd=[…]): an image of the runtime and further layers."""

    def make(*layers, packing="gzip", architecture="amd64", diff_ids=None, **config):
        config.setdefault("Entrypoint", ["/runtime/bootstrap"])
        first = Layer().folder("runtime").file("runtime/bootstrap", bootstrap, 0o755)
        return Image([first, *layers], packing=packing, architecture=architecture, diff_ids=diff_ids, **config)

    return make


@pytest.fixture(scope="session")
def make_registry():
    made = []

    def make(**options):
        made.append(Registry(**options))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(scope="session")
def registry(make_registry):
    return make_registry()


@pytest.fixture(scope="session")
def lam(aws):
    return aws.client("lambda")


@pytest.fixture
def make_function(lam, role, unique):
    """make_function(uri) gives the name of a function; `active=False` does not wait for it."""
    made = []

    def make(uri, active=True, client=None, with_role=None, **options):
        name = unique("image")
        client = client or lam
        options.setdefault("Timeout", 20)
        client.create_function(FunctionName=name, PackageType="Image", Code={"ImageUri": uri}, Role=with_role or role, **options)
        made.append((client, name))
        if active:
            wait_for_state(client, name)
        return name

    yield make
    for client, name in made:
        try:
            client.delete_function(FunctionName=name)
        except Exception:  # the server of the test is gone, or the function
            pass


def wait_for_state(client, name, seconds=60):
    import time

    deadline = time.monotonic() + seconds
    while True:
        about = client.get_function_configuration(FunctionName=name)
        if about["State"] != "Pending" and about.get("LastUpdateStatus") != "InProgress":
            return about
        assert time.monotonic() < deadline, about
        time.sleep(0.02)


@pytest.fixture(scope="session")
def settled():
    """settled(client, name): its configuration when nothing is under way any more."""
    return wait_for_state


@pytest.fixture
def ask(lam):
    """ask(name, "cwd"): what the runtime in the image answers."""

    def invoke(name, question, client=None, **options):
        reply = (client or lam).invoke(FunctionName=name, Payload=json.dumps(question, ensure_ascii=False), **options)
        result = json.loads(reply["Payload"].read())
        assert "FunctionError" not in reply, result
        return result

    return invoke
