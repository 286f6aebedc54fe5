"""Runtimes whose root is a container image: DATA_DIR/runtimes/*.json."""

import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import pytest
from image_files import Image, Layer

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "lambda"))
from extension_layers import FOLLOWER  # noqa: E402
from lambda_packages import package  # noqa: E402

BINARY = os.environ.get("CUMULET_BINARY", "build/release/cumulet")
HOST_PYTHON = os.path.realpath("/usr/bin/python3")
VERSION = os.path.basename(HOST_PYTHON)
NOT_NEEDED = {"test", "idlelib", "tkinter", "ensurepip", "lib2to3", "dist-packages", "pydoc_data", "distutils", "__pycache__", "turtledemo"}
SEES = """import os, sys
def handler(event, context):
    def writes(path):
        try:
            open(path, 'w').close()
            return True
        except OSError:
            return False
    return {'python': sys.executable, 'prefix': sys.prefix, 'mark': open('/mark').read(), 'variable': os.environ.get('OF_THE_IMAGE'),
            'path': os.environ['PATH'], 'host': os.path.exists('/usr/share'), 'user': os.getuid(), 'hosts': 'localhost' in open('/etc/hosts').read(),
            'writes': [place for place in ('/mark', '/new', '/var/task/new', '/tmp/new') if writes(place)]}
"""


@functools.cache
def python_layer():
    """The host's interpreter and its library under another path, with the libraries that it is linked to."""
    layer = Layer()
    for folder in ("srv", "srv/python", "srv/python/bin", "srv/python/lib"):
        layer.folder(folder)
    layer.file("srv/python/bin/python", pathlib.Path(HOST_PYTHON).read_bytes(), 0o755)
    library = pathlib.Path("/usr/lib", VERSION)
    for folder, folders, files in os.walk(library):
        folders[:] = sorted(name for name in folders if name not in NOT_NEEDED and not name.startswith("config-"))
        below = pathlib.Path("srv/python/lib", VERSION, pathlib.Path(folder).relative_to(library))
        layer.folder(str(below))
        for name in files:
            layer.file(str(below / name), pathlib.Path(folder, name).read_bytes())
    linked = subprocess.run(["ldd", HOST_PYTHON], capture_output=True, text=True, check=True).stdout
    for path in sorted(set(re.findall(r"(/\S+) \(0x", linked))):
        layer.file(path[1:], pathlib.Path(path).read_bytes(), 0o755)
    return layer.bytes()


def python_image(mark):
    return Image([python_layer(), Layer().file("mark", mark)], packing=None, Env=["OF_THE_IMAGE=yes", "PATH=/srv/python/bin"])


class Runtimes:
    """A server's runtimes of its own, and functions of them."""

    def __init__(self, server, aws_for, wait_until):
        self.server, self.wait_until = server, wait_until
        self.folder = pathlib.Path(server.data, "runtimes")
        self.folder.mkdir()
        self.aws_for = aws_for

    def add(self, name, image, **more):
        about = {"name": name, "title": name.title(), "identifiers": [name + "-in-image"], "root": {"image": image}} | more
        (self.folder / f"{name}.json").write_text(json.dumps(about))

    def add_python(self, image, parks=True, **more):
        self.add("python", image, interpreters=["/nowhere/python", "/srv/python/bin/python"], client="python", parks=parks,
                 arguments=["-B", "/var/runtime/bootstrap.py"], **more)

    def start(self):
        self.server.start()
        self.lam = self.aws_for(self.server).client("lambda")
        return self

    def function(self, name, runtime, files, **options):
        """Waits until the runtime can be used."""
        role = f"arn:aws:iam::{self.server.account}:role/r"

        def create():
            try:
                self.lam.create_function(FunctionName=name, Runtime=runtime, Role=role, Handler="app.handler", Timeout=20,
                                         Code={"ZipFile": package(files, 0o755)}, **options)
                return True
            except self.lam.exceptions.InvalidParameterValueException as refused:
                assert "is not there" in str(refused), refused
                return False

        self.wait_until(create, what="the runtime's image")

    def invoke(self, name, event=None):
        """The answer, and the log."""
        reply = self.lam.invoke(FunctionName=name, Payload=json.dumps(event))
        answer = json.loads(reply["Payload"].read())
        assert "FunctionError" not in reply, answer
        return answer

    def log(self, name):
        """Its lines until now."""
        logs = self.aws_for(self.server).client("logs")
        try:
            return [event["message"] for event in logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]]
        except logs.exceptions.ResourceNotFoundException:
            return []

    def init_lines(self, name):
        return self.wait_until(lambda: [line for line in self.log(name) if line.startswith("INIT_START")], what="the log")


@pytest.fixture
def runtimes(request, make_own_server, aws_for, wait_until):
    server = make_own_server(["--dev", "--substrate", getattr(request, "param", "process")])
    yield Runtimes(server, aws_for, wait_until)
    server.remove()


def doctor(server):
    done = subprocess.run([BINARY, "doctor", "--data-dir", server.data], capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


@pytest.mark.skipif(not HOST_PYTHON.startswith("/usr/bin/python3."), reason="no Python of the distribution")
def test_a_zip_function_runs_on_the_python_of_an_image(runtimes, make_registry, unique, wait_until):
    registry = make_registry()
    name, image = unique("python"), python_image("first")
    uri = registry.put(name, image)
    runtimes.add_python(uri)
    registry.open.clear()
    runtimes.start()
    lam = runtimes.lam
    # It is not there yet: the function is refused, and both say why. Other runtimes are served.
    with pytest.raises(lam.exceptions.InvalidParameterValueException, match=f"the image {uri} is not there: it has not been fetched yet"):
        lam.create_function(FunctionName="early", Runtime="python-in-image", Role=f"arn:aws:iam::{runtimes.server.account}:role/r",
                            Handler="app.handler", Code={"ZipFile": package({"app.py": SEES})})
    assert re.search(f"no +Python +the image {re.escape(uri)} is not there: ", doctor(runtimes.server))
    registry.open.set()
    runtimes.function("first", "python-in-image", {"app.py": SEES})
    seen = runtimes.invoke("first")
    assert seen == {"python": "/srv/python/bin/python", "prefix": "/srv/python", "mark": "first", "variable": "yes", "path": "/srv/python/bin",
                    "host": False, "user": 993, "hosts": True, "writes": ["/tmp/new"]}
    by_digest = f"{registry.host}/{name}@{image.digest}"
    assert f"Python (/srv/python/bin/python in {by_digest})" in runtimes.init_lines("first")[0]
    assert re.search(f"ok +Python +Python .*{re.escape(by_digest)}", doctor(runtimes.server))
    # One waits booted for the next function of this runtime.
    parked = pathlib.Path(runtimes.server.data, "engine/parked")
    wait_until(lambda: any(parked.iterdir()), what="a parked interpreter")
    runtimes.function("second", "python-in-image", {"app.py": SEES, "other.py": ""})
    assert runtimes.invoke("second") == seen
    # Layers, and variables that the interpreter reads when it starts: it is booted for the function.
    layer = lam.publish_layer_version(LayerName="words", Content={"ZipFile": package({"python/words.py": "WORD = 'layer'\n"})})["LayerVersionArn"]
    runtimes.function("layered", "python-in-image", {"app.py": "import os, words\ndef handler(e, c): return words.WORD + os.environ['PATH']\n"},
                      Layers=[layer], Environment={"Variables": {"PATH": "/mine"}})
    assert runtimes.invoke("layered") == "layer/mine"


@pytest.mark.skipif(not HOST_PYTHON.startswith("/usr/bin/python3."), reason="no Python of the distribution")
def test_extensions_and_snap_start_work_in_an_image(runtimes, make_registry, unique, wait_until):
    registry = make_registry()
    runtimes.add_python(registry.put(unique("extended"), python_image("first")), identifiers=["python3.14"])
    runtimes.start()
    lam = runtimes.lam
    follower = FOLLOWER.replace("#!/usr/bin/python3", "#!/srv/python/bin/python")
    layer = lam.publish_layer_version(LayerName="extension", Content={"ZipFile": package({"extensions/follower": follower}, 0o755)})["LayerVersionArn"]
    runtimes.function("f", "python3.14", {"app.py": SEES}, Layers=[layer], SnapStart={"ApplyOn": "PublishedVersions"})
    assert runtimes.invoke("f")["mark"] == "first"
    wait_until(lambda: any("registered 200" in line for line in runtimes.log("f")), what="the extension's line")
    lam.update_function_configuration(FunctionName="f", Layers=[])
    lam.publish_version(FunctionName="f")
    lam.get_waiter("published_version_active").wait(FunctionName="f", Qualifier="1", WaiterConfig={"Delay": 1})
    assert runtimes.invoke("f:1")["mark"] == "first"
    restored = "RESTORE_START Runtime Version: python3.14 Python (/srv/python/bin/python in "
    wait_until(lambda: any(line.startswith(restored) for line in runtimes.log("f")), what="the restore's line")


@pytest.mark.skipif(not HOST_PYTHON.startswith("/usr/bin/python3."), reason="no Python of the distribution")
def test_an_image_stays_while_a_runtime_names_it(runtimes, make_registry, make_image, settled, unique, wait_until):
    registry = make_registry()
    name = unique("kept")
    first, second = python_image("first"), python_image("second")
    uri = registry.put(name, first)
    runtimes.add_python(uri, parks=False)
    server, trees = runtimes.server, pathlib.Path(runtimes.server.data, "images/trees")
    tree = lambda image: trees / image.digest.removeprefix("sha256:")  # noqa: E731
    runtimes.start()
    runtimes.function("f", "python-in-image", {"app.py": SEES})
    # A function that is made of the image goes, its image does not.
    runtimes.lam.create_function(FunctionName="image", PackageType="Image", Code={"ImageUri": uri}, Role=f"arn:aws:iam::{server.account}:role/r")
    settled(runtimes.lam, "image")
    runtimes.lam.delete_function(FunctionName="image")
    assert runtimes.invoke("f")["mark"] == "first" and tree(first).is_dir()
    # The name means another image from the next start on.
    registry.put(name, second)
    server.kill()
    runtimes.start()
    wait_until(lambda: second.digest in doctor(server), what="the new image")
    runtimes.lam.update_function_configuration(FunctionName="f", Description="anew")
    assert runtimes.invoke("f")["mark"] == "second"
    # Without the registry the last one serves on; what no name means any more has gone.
    registry.close()
    server.kill()
    runtimes.start()
    assert runtimes.invoke("f")["mark"] == "second"
    assert second.digest in runtimes.init_lines("f")[-1]
    wait_until(lambda: not tree(first).exists(), what="an end of the first image")
    # No runtime names it: it goes.
    server.stop()
    (runtimes.folder / "python.json").unlink()
    runtimes.start()
    wait_until(lambda: not tree(second).exists(), what="an end of the second image")
    with pytest.raises(runtimes.lam.exceptions.ServiceException, match="unknown runtime python-in-image"):
        runtimes.lam.invoke(FunctionName="f")


ANY_SUBSTRATE = ["process", pytest.param("oci:crun", marks=pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("crun") is None, reason="containers need root and crun"))]


@pytest.mark.parametrize("runtimes", ANY_SUBSTRATE, indirect=True)
def test_an_imported_image_runs_its_own_runtime_and_the_bootstrap_of_a_package(runtimes, make_image, bootstrap, tmp_path):
    from test_files import layout
    image = make_image(Layer().file("mark", "imported"), packing=None, Env=["OF_THE_IMAGE=yes"])
    done = subprocess.run([BINARY, "image", "import", layout(image, tmp_path / "layout"), "--name", "own:v1", "--data-dir", runtimes.server.data], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    runtimes.add("ric", "localhost/own:v1", interpreters=["/runtime/bootstrap"], arguments=["{handler}", "last"])
    runtimes.add("bare", "localhost/own:v1")
    runtimes.start()
    runtimes.function("ric", "ric-in-image", {"data": "of the package"})
    assert runtimes.invoke("ric", "argv") == "/runtime/bootstrap\napp.handler\nlast\n"
    assert runtimes.invoke("ric", "read /var/task/data") == "of the package"
    assert runtimes.invoke("ric", "read /mark") == "imported"
    assert runtimes.invoke("ric", "env AWS_EXECUTION_ENV") == "AWS_Lambda_ric-in-image"
    runtimes.function("bare", "bare-in-image", {"bootstrap": bootstrap})
    assert runtimes.invoke("bare", "argv") == "/var/task/bootstrap\n"
    assert runtimes.invoke("bare", "read /mark") == "imported"
    assert runtimes.invoke("bare", "env OF_THE_IMAGE") == "yes"
    assert runtimes.invoke("bare", "list /usr") == "" and runtimes.invoke("bare", "write /mark") == "refused"
    assert f"Bare (localhost/own@{image.digest})" in runtimes.init_lines("bare")[0]
    # Not the interpreter that the file says.
    runtimes.add("ric", "localhost/own:v1", interpreters=["/no/such"], arguments=["{handler}"])
    assert f"localhost/own@{image.digest} has none of /no/such" in doctor(runtimes.server)


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="changes its user")
def test_for_an_ordinary_users_server_as_well(make_own_server, make_registry, make_image, bootstrap, aws_for, wait_until):
    to_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]
    if subprocess.run([*to_nobody, "unshare", "-Ur", "true"], capture_output=True).returncode != 0:
        pytest.skip("this kernel allows no user namespaces to ordinary users")
    place = pathlib.Path(tempfile.mkdtemp(prefix="cumulet-images-"))
    server = None
    try:
        shutil.copy(BINARY, place / "cumulet")
        shutil.copytree(pathlib.Path(__file__).parents[3] / "runtimes", place / "runtimes")
        place.chmod(0o755)
        server = make_own_server(["--dev", "--runtimes", str(place / "runtimes")], [*to_nobody, str(place / "cumulet")])
        runtimes = Runtimes(server, aws_for, wait_until)
        registry = make_registry()
        runtimes.add("bare", registry.put("bare", make_image(Layer().file("mark", "of nobody"))))
        for path in (server.data, runtimes.folder, *runtimes.folder.iterdir()):
            os.chown(path, 65534, 65534)
        runtimes.start()
        runtimes.function("bare", "bare-in-image", {"bootstrap": bootstrap})
        assert runtimes.invoke("bare", "read /mark") == "of nobody" and runtimes.invoke("bare", "id") == "993"
        assert runtimes.invoke("bare", "write /mark") == "refused"
    finally:
        if server:
            server.remove()
        shutil.rmtree(place, ignore_errors=True)


def test_names_that_no_file_has_are_refused_as_on_aws(runtimes):
    runtimes.add("own", "localhost/own:v1", identifiers=["mine", "python3.13"])
    runtimes.start()
    lam, code = runtimes.lam, {"ZipFile": package({"app.py": SEES})}
    role = f"arn:aws:iam::{runtimes.server.account}:role/r"
    for name in ("python4.7", "no-such", "python3.99"):  # python3.15 is one of AWS's, whether it is installed or not.
        with pytest.raises(lam.exceptions.ClientError, match=f"Value '{name}' at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: \\[nodejs, ") as refused:
            lam.create_function(FunctionName="f", Runtime=name, Role=role, Handler="app.handler", Code=code)
        assert refused.value.response["Error"]["Code"] == "ValidationException"
        with pytest.raises(lam.exceptions.ClientError, match="Member must satisfy enum value set"):
            lam.publish_layer_version(LayerName="l", Content=code, CompatibleRuntimes=["python3.11", "no-such"])
    # A file's own names count before those that a prefix describes; its image is not there.
    for name in ("mine", "python3.13"):
        with pytest.raises(lam.exceptions.InvalidParameterValueException, match=f"The runtime {name} cannot run on this host: the image localhost/own:v1 is not there: "):
            lam.create_function(FunctionName="f", Runtime=name, Role=role, Handler="app.handler", Code=code)
    lam.publish_layer_version(LayerName="l", Content=code, CompatibleRuntimes=["python3.11", "mine"])
    lam.create_function(FunctionName="documented", Runtime="python3.15", Role=role, Handler="app.handler", Code=code)


@pytest.mark.parametrize("change, why", [
    ({"root": {"image": "no-registry"}}, "root.image is no HOST/REPOSITORY:TAG"),
    ({"identifiers": [], "prefix": "own"}, "with a root, identifiers are listed"),
    ({"prepare": "make"}, "prepare and needs do not go with a root"),
    ({"client": "python"}, "a client needs interpreters"),
    ({"parks": True}, "parks needs a client")])
def test_a_file_that_is_not_as_it_should_be_is_refused_at_the_start(runtimes, change, why):
    runtimes.add("wrong", "localhost/own:v1", **change)
    assert why in doctor(runtimes.server)


def test_a_server_does_not_start_with_a_wrong_file(runtimes):
    runtimes.add("wrong", "no-registry")
    with pytest.raises(RuntimeError, match="root.image is no HOST/REPOSITORY:TAG"):
        runtimes.server.start()
