"""A layer version that is deleted stays for the functions that have it, and goes with the last of them."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from lambda_packages import package  # noqa: E402

HANDLER = "import part\n\ndef handler(event, context):\n    return part.NAME\n"


def files(server):
    return sum(each.is_file() for each in pathlib.Path(server.data, "blobs").rglob("*"))


def test_a_deleted_layer_goes_with_its_last_function(make_server, aws_for, wait_until):
    server = make_server("--dev")
    functions = aws_for(server)("lambda")
    before = files(server)

    def layer(name):
        content = package({"python/part.py": f"NAME = {name!r}\n"})
        return functions.publish_layer_version(LayerName=name, Content={"ZipFile": content})["LayerVersionArn"]

    def called(**options):
        return json.loads(functions.invoke(FunctionName="f", **options)["Payload"].read())

    functions.create_function(
        FunctionName="f", Runtime="python3.11", Handler="app.handler", Role=f"arn:aws:iam::{server.account}:role/r",
        Code={"ZipFile": package({"app.py": HANDLER})}, Layers=[layer("one")])
    functions.publish_version(FunctionName="f")
    functions.update_function_configuration(FunctionName="f", Layers=[layer("two")])
    functions.get_waiter("function_updated_v2").wait(FunctionName="f")
    layer("three")
    for name in ("one", "two", "three"):
        functions.delete_layer_version(LayerName=name, VersionNumber=1)
    assert called() == "two"
    assert called(Qualifier="1") == "one"

    functions.delete_function(FunctionName="f", Qualifier="1")
    assert called() == "two"
    functions.delete_function(FunctionName="f")
    wait_until(lambda: files(server) == before, what="the bytes of the layers and the function to go")
