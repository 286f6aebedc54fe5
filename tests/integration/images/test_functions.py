"""Functions that are container images: what they see, their configuration, and their updates."""

import json
import os
import pathlib
import shutil

import pytest
from botocore.exceptions import ClientError
from image_files import Layer, index

LAYERS_ERROR = "Please don't provide Handler or Runtime or Layer when the intended function PackageType is IMAGE."


def failure(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_an_image_runs_as_a_function(lam, registry, make_image, make_function, ask, settled, unique):
    layer = Layer().file("etc/motd", "hello").folder("place").link("usr/lnk", "/etc/motd").file("a/ümlaut", "ü")
    image = make_image(layer, Cmd=["app.handler", "two"], WorkingDir="/place", Env=["COLOUR=green", "PATH=/runtime"])
    uri = registry.put(unique("team/app"), image, "v1")
    name = make_function(uri, active=False, Environment={"Variables": {"SHAPE": "round", "COLOUR": "red"}})
    about = settled(lam, name)
    assert about["State"] == "Active" and about["PackageType"] == "Image"
    assert "Runtime" not in about and "Handler" not in about
    assert about["CodeSize"] == 0 and about["CodeSha256"] == image.digest.removeprefix("sha256:")
    code = lam.get_function(FunctionName=name)["Code"]
    resolved = uri.rsplit(":", 1)[0] + "@" + image.digest
    assert code == {"RepositoryType": "ECR", "ImageUri": uri, "ResolvedImageUri": resolved}

    assert ask(name, "argv") == "/runtime/bootstrap\napp.handler\ntwo\n"
    assert ask(name, "cwd") == "/place"
    assert ask(name, "env COLOUR") == "red" and ask(name, "env SHAPE") == "round"
    assert ask(name, "env PATH") == "/runtime"
    assert ask(name, "env AWS_LAMBDA_FUNCTION_NAME") == name and ask(name, "env _HANDLER") == "app.handler"
    assert ask(name, "read /usr/lnk") == "hello" and ask(name, "read /a/ümlaut") == "ü"
    assert ask(name, "id") == "993"
    assert "localhost" in ask(name, "read /etc/hosts")
    # The image's files and nothing of the host's.
    assert sorted(ask(name, "list /").split()) == ["a", "dev", "etc", "place", "proc", "runtime", "sys", "tmp", "usr", "var"]
    assert ask(name, "write /tmp/x") == "written"
    assert ask(name, "write /place/x") == "refused" and ask(name, "write /etc/x") == "refused"
    logs = lam.invoke(FunctionName=name, Payload='"cwd"', LogType="Tail")
    assert logs["StatusCode"] == 200
    bad = lam.invoke(FunctionName=name, Payload='"exit 7"')
    assert json.loads(bad["Payload"].read())["errorType"] == "Runtime.ExitError"


def test_layers_cover_one_another(registry, make_image, make_function, ask, unique):
    lower = (Layer().file("d/one", "1").file("d/two", "2").file("d/sub/three", "3").file("o/old", "old").file("f", "file")
             .file("keep", "kept"))
    middle = Layer().file("d/.wh.two").file("o/new", "new").file("o/.wh..wh..opq").file("f/inside", "folder now")
    upper = Layer().link("usr/lib", "lib64").file("usr/lib/x", "through a link").hard_link("copy", "keep")
    image = make_image(lower, Layer().file(".wh.f"), Layer().folder("usr/lib64"), middle, upper, packing="zstd")
    name = make_function(registry.put(unique("layers"), image))
    assert ask(name, "read /d/one") == "1" and ask(name, "read /d/two") == "(none)"
    assert ask(name, "list /o") == "new\n"
    assert ask(name, "read /f/inside") == "folder now"
    assert ask(name, "read /usr/lib64/x") == "through a link" and ask(name, "read /copy") == "kept"


def test_image_config_overrides_and_resets(lam, registry, make_image, make_function, ask, settled, unique):
    uri = registry.put(unique("config"), make_image(Layer().folder("w"), Cmd=["default"], WorkingDir="/runtime"))
    name = make_function(uri, ImageConfig={"Command": ["other.handler"], "WorkingDirectory": "/w"})
    about = lam.get_function_configuration(FunctionName=name)
    assert about["ImageConfigResponse"]["ImageConfig"] == {"Command": ["other.handler"], "WorkingDirectory": "/w"}
    assert ask(name, "argv") == "/runtime/bootstrap\nother.handler\n" and ask(name, "cwd") == "/w"
    lam.update_function_configuration(FunctionName=name, ImageConfig={"EntryPoint": ["bootstrap", "x"]},
                                      Environment={"Variables": {"PATH": "/nowhere:/runtime"}})
    assert ask(name, "argv") == "/runtime/bootstrap\nx\ndefault\n" and ask(name, "cwd") == "/runtime"
    lam.update_function_configuration(FunctionName=name, ImageConfig={})
    assert "ImageConfigResponse" not in lam.get_function_configuration(FunctionName=name)
    for entry, directory, kind in [(["/nothing"], "/w", "Runtime.InvalidEntrypoint"), (["nothing"], "/w", "Runtime.InvalidEntrypoint"),
                                   (["/w"], "/w", "Runtime.InvalidEntrypoint"),
                                   (["/runtime/bootstrap"], "/gone", "Runtime.InvalidWorkingDir")]:
        lam.update_function_configuration(FunctionName=name, ImageConfig={"EntryPoint": entry, "WorkingDirectory": directory})
        reply = lam.invoke(FunctionName=name, Payload='"cwd"')
        assert json.loads(reply["Payload"].read())["errorType"] == kind


def test_an_update_takes_effect_when_the_image_is_there(lam, make_registry, make_image, make_function, ask, settled, unique):
    registry = make_registry()
    repository = unique("update")
    first = registry.put(repository, make_image(Layer().file("v", "one")), "1")
    second = registry.put(repository, make_image(Layer().file("v", "two")), "2")
    name = make_function(first, Publish=True)
    assert ask(name, "read /v") == "one"
    registry.open.clear()
    shown = lam.update_function_code(FunctionName=name, ImageUri=second)
    assert shown["LastUpdateStatus"] == "InProgress" and shown["State"] == "Active"
    assert ask(name, "read /v") == "one"
    assert failure(lam.update_function_code, FunctionName=name, ImageUri=first) == (
        "ResourceConflictException", "The operation cannot be performed at this time. An update is in progress for "
        f"resource: {shown['FunctionArn']}")
    registry.open.set()
    about = settled(lam, name)
    assert about["LastUpdateStatus"] == "Successful"
    assert ask(name, "read /v") == "two" and ask(name, "read /v", Qualifier="1") == "one"
    # A tag that moved.
    registry.put(repository, make_image(Layer().file("v", "three")), "2")
    lam.update_function_code(FunctionName=name, ImageUri=second)
    settled(lam, name)
    assert ask(name, "read /v") == "three"
    # An image that cannot be fetched leaves the function as it was.
    broken = make_image(Layer().file("v", "broken"))
    registry.broken.add(broken.layers[1]["digest"])
    lam.update_function_code(FunctionName=name, ImageUri=registry.put(repository, broken, "3"))
    about = settled(lam, name)
    assert about["LastUpdateStatus"] == "Failed" and about["LastUpdateStatusReasonCode"] == "InvalidImage"
    assert ask(name, "read /v") == "three"
    assert lam.get_function(FunctionName=name)["Code"]["ImageUri"] == second


def test_what_does_not_fit_is_refused(lam, registry, make_image, make_function, role, unique):
    uri = registry.put(unique("wrong"), make_image())
    create = {"FunctionName": unique("f"), "Role": role}
    invalid = "InvalidParameterValueException"
    assert failure(lam.create_function, **create, PackageType="Image", Code={"ImageUri": uri}, Runtime="python3.12",
                   Handler="a.b") == (invalid, LAYERS_ERROR)
    assert failure(lam.create_function, **create, PackageType="Image", Code={"ZipFile": b"x"})[0] == invalid
    assert failure(lam.create_function, **create, Code={"ImageUri": uri}, Runtime="python3.12", Handler="a.b")[0] == invalid
    for bad in ["alpine", "alpine:3", f"{registry.host}/UPPER:1", f"{registry.host}/a@sha256:12", "http://x.y/z:1"]:
        assert failure(lam.create_function, **create, PackageType="Image", Code={"ImageUri": bad}) == (
            invalid, f"Source image {bad} is not valid. Provide a valid source image.")
    gone = f"{registry.host}/{unique('gone')}:1"
    assert failure(lam.create_function, **create, PackageType="Image", Code={"ImageUri": gone}) == (
        invalid, f"Source image {gone} does not exist. Provide a valid source image.")
    name = make_function(uri)
    assert failure(lam.update_function_code, FunctionName=name, ZipFile=b"x") == (
        invalid, "Please provide ImageUri when updating a function with packageType Image.")
    assert failure(lam.update_function_configuration, FunctionName=name, Handler="x") == (invalid, LAYERS_ERROR)
    arm = registry.put(unique("arm"), make_image(architecture="arm64"))
    assert failure(lam.create_function, **create, PackageType="Image", Code={"ImageUri": arm})[0] == invalid


def test_the_architecture_chooses_from_an_index(lam, registry, make_image, make_function, ask, unique):
    intel = make_image(Layer().file("arch", "amd64"))
    uri = registry.put(unique("both"), index(make_image(Layer().file("arch", "arm64"), architecture="arm64"), intel))
    name = make_function(uri, Architectures=["x86_64"])
    assert ask(name, "read /arch") == "amd64"
    assert lam.get_function_configuration(FunctionName=name)["CodeSha256"] == intel.digest.removeprefix("sha256:")


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("crun") is None, reason="needs root and crun")
def test_an_image_in_the_container_of_an_oci_runtime(make_server, registry, make_image, make_function, aws_for, ask, unique):
    image = make_image(Layer().file("a/ümlaut", "ü"), Cmd=["app.handler"], WorkingDir="/a")
    server = make_server("--dev", "--substrate", "oci:crun")
    lam = aws_for(server).client("lambda")
    role = f"arn:aws:iam::{server.account}:role/r"
    name = make_function(registry.put(unique("container"), image), client=lam, with_role=role)
    assert ask(name, "argv", lam) == "/runtime/bootstrap\napp.handler\n"
    assert ask(name, "cwd", lam) == "/a" and ask(name, "read /a/ümlaut", lam) == "ü"
    assert sorted(ask(name, "list /", lam).split()) == ["a", "dev", "etc", "proc", "runtime", "sys", "tmp", "var"]
    assert ask(name, "write /tmp/x", lam) == "written" and ask(name, "write /a/x", lam) == "refused"


@pytest.mark.parametrize("basic", [False, True])
def test_a_registry_that_asks_for_a_login(make_own_server, make_registry, make_image, aws_for, unique, tmp_path, settled, basic):
    import base64

    registry = make_registry(login="reader:secret", basic=basic)
    uri = registry.put(unique("private"), make_image())
    logins = tmp_path / "logins.json"
    logins.write_text(json.dumps({"auths": {registry.host: {"auth": base64.b64encode(b"reader:secret").decode()}}}))
    for arguments, allowed in [(["--dev"], False), (["--dev", "--registry-logins", str(logins)], True)]:
        server = make_own_server(arguments).start()
        try:
            lam = aws_for(server).client("lambda")
            options = {"FunctionName": "f", "PackageType": "Image", "Code": {"ImageUri": uri},
                       "Role": f"arn:aws:iam::{server.account}:role/r"}
            if not allowed:
                assert failure(lam.create_function, **options)[0] == "AccessDeniedException"
                continue
            lam.create_function(**options)
            assert settled(lam, "f")["State"] == "Active"
        finally:
            server.remove()


def test_extensions_of_the_image_are_started(registry, make_image, lam, make_function, unique):
    # One that ends at once: the environment does not come up, which shows that it was started.
    image = make_image(Layer().file("opt/extensions/broken", "#!/nothing\n", 0o755))
    name = make_function(registry.put(unique("extension"), image))
    reply = lam.invoke(FunctionName=name, Payload='"cwd"')
    assert json.loads(reply["Payload"].read())["errorType"].startswith("Extension.")


def test_the_cli_and_stacks(cli, aws, lam, registry, make_image, role, ask, settled, unique):
    uri = registry.put(unique("stack"), make_image(Layer().file("v", "stack"), Cmd=["a"]))
    name = unique("cli")
    cli("lambda", "create-function", "--function-name", name, "--package-type", "Image", "--code", f"ImageUri={uri}",
        "--role", role, "--image-config", "Command=b,c")
    cli("lambda", "wait", "function-active-v2", "--function-name", name)
    assert ask(name, "argv") == "/runtime/bootstrap\nb\nc\n"
    cli("lambda", "delete-function", "--function-name", name)
    template = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {
            "Plain": {"Type": "AWS::Lambda::Function", "Properties": {
                "PackageType": "Image", "Code": {"ImageUri": uri}, "Role": role, "ImageConfig": {"Command": ["plain"]}}},
            "Sam": {"Type": "AWS::Serverless::Function", "Properties": {
                "PackageType": "Image", "ImageUri": uri, "Role": role, "ImageConfig": {"Command": ["sam"]}}},
        },
        "Outputs": {"Plain": {"Value": {"Ref": "Plain"}}, "Sam": {"Value": {"Ref": "Sam"}}},
    }
    stacks, stack = aws.client("cloudformation"), unique("images")
    stacks.create_stack(StackName=stack, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_AUTO_EXPAND"])
    stacks.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    outputs = {each["OutputKey"]: each["OutputValue"]
               for each in stacks.describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]}
    assert ask(outputs["Plain"], "argv") == "/runtime/bootstrap\nplain\n"
    assert ask(outputs["Sam"], "argv") == "/runtime/bootstrap\nsam\n"
    stacks.delete_stack(StackName=stack)


def trees(server):
    return {path.name for path in pathlib.Path(server.data, "images/trees").iterdir()}


def test_an_image_goes_with_the_last_function_that_is_made_of_it(server, lam, make_registry, make_image, make_function, ask,
                                                                 wait_until, unique):
    image = make_image(Layer().file("unique", unique()))
    uri = make_registry().put(unique("gone"), image)
    sha = image.digest.removeprefix("sha256:")
    one, two = make_function(uri), make_function(uri)
    assert ask(one, "cwd") == "/" and sha in trees(server)
    lam.delete_function(FunctionName=one)
    assert ask(two, "cwd") == "/" and sha in trees(server)
    lam.delete_function(FunctionName=two)
    wait_until(lambda: sha not in trees(server), what="the image's end")
