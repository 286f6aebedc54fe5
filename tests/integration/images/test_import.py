"""Images that must not come in, and what is left when fetching them is cut short."""

import gzip
import json
import os
import pathlib
import tarfile

import pytest
from image_files import Image, Layer, digest


def fetch(registry, make_function, lam, settled, image, unique):
    name = make_function(registry.put(unique("bad"), image), active=False)
    return settled(lam, name)


HOSTILE = {
    "a path that climbs": lambda: Layer().file("a/../../../out", "x"),
    "a link that leads out, and a file through it": lambda: Layer().link("l", "../../../../../tmp").file("l/../../out", "x"),
    "a device": lambda: Layer().device("dev/null0"),
    "a hard link to the host": lambda: Layer().hard_link("passwd", "../../../../../../etc/passwd"),
    "a hard link through a link": lambda: Layer().link("e", "/etc").hard_link("shadow", "e/shadow"),
    "a whiteout that climbs": lambda: Layer().file("a/.wh..."),
    "no tar": lambda: b"this is no tar at all" * 100,
    "a tar cut short": lambda: Layer().file("a", b"x" * 100_000).bytes()[:50_000],
    "too deep": lambda: Layer().file("/".join(["d"] * 300), "x"),
    "no /etc": lambda: Layer().link("etc", "/tmp"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_layers_are_refused(server, registry, make_image, make_function, lam, settled, wait_until, unique, what):
    about = fetch(registry, make_function, lam, settled, make_image(HOSTILE[what]()), unique)
    assert about["State"] == "Failed" and about["StateReasonCode"] == "InvalidImage", about
    drafts = pathlib.Path(server.data, "images/drafts")
    wait_until(lambda: not list(drafts.iterdir()), what="an end of the draft")


def test_links_that_lead_out_stay_inside(registry, make_image, make_function, ask, unique):
    # Absolute links are the image's own: what is written through them lands in the image.
    place = pathlib.Path("/var/lib", unique("cumulet-images"))
    layer = Layer().link("out", str(place)).file(f"{str(place)[1:]}/here", "").file("out/mark", "inside")
    name = make_function(registry.put(unique("links"), make_image(layer)))
    assert ask(name, f"read {place}/mark") == "inside"
    assert not place.exists()


def test_parts_that_are_not_what_they_should_be(registry, make_image, make_function, lam, settled, unique):
    wrong = make_image(Layer().file("a"))
    registry.broken.add(wrong.layers[1]["digest"])
    assert fetch(registry, make_function, lam, settled, wrong, unique)["StateReasonCode"] == "InvalidImage"
    lie = make_image(diff_ids=[digest(b"something else")])
    assert fetch(registry, make_function, lam, settled, lie, unique)["StateReasonCode"] == "InvalidImage"
    missing = make_image(Layer().file("b"))
    del missing.blobs[missing.layers[1]["digest"]]
    about = fetch(registry, make_function, lam, settled, missing, unique)
    assert about["State"] == "Failed" and about["StateReasonCode"] == "ImageDeleted"
    with pytest.raises(lam.exceptions.ResourceConflictException):
        lam.invoke(FunctionName=about["FunctionName"])
    lam.update_function_code(FunctionName=about["FunctionName"], ImageUri=registry.put(unique("good"), make_image()))
    assert settled(lam, about["FunctionName"])["State"] == "Active"


def test_a_bomb_stops_at_the_limit(registry, make_function, lam, settled, unique):
    # A tar that begins a file of 11 GB.
    entry = tarfile.TarInfo("bomb")
    entry.size = 11 << 30
    layer = gzip.compress(entry.tobuf() + bytes(1 << 20), 1)
    image = Image([layer], packing=None)
    about = fetch(registry, make_function, lam, settled, image, unique)
    assert about["State"] == "Failed" and about["StateReasonCode"] == "InvalidImage", about


def test_a_registry_that_is_too_slow(make_own_server, make_registry, make_image, aws_for, settled, unique):
    registry = make_registry()
    uri = registry.put(unique("slow"), make_image(Layer().file("x", os.urandom(200_000))))
    registry.delay = 0.2
    server = make_own_server(["--dev", "--image-timeout", "1"]).start()
    try:
        lam = aws_for(server).client("lambda")
        lam.create_function(FunctionName="f", PackageType="Image", Code={"ImageUri": uri},
                            Role=f"arn:aws:iam::{server.account}:role/r")
        about = settled(lam, "f")
        assert about["State"] == "Failed" and about["StateReasonCode"] == "InternalError", about
    finally:
        server.remove()


def test_kill_during_an_import_leaves_nothing_half(own_server, make_registry, make_image, aws_for, settled, wait_until, unique):
    registry = make_registry()
    image = make_image(Layer().file("v", "whole"))
    uri = registry.put(unique("killed"), image)
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                                                     "Principal": {"Service": "lambda.amazonaws.com"}}]}
    role = aws_for(own_server).client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    registry.open.clear()
    lam = aws_for(own_server).client("lambda")
    lam.create_function(FunctionName="f", PackageType="Image", Code={"ImageUri": uri}, Role=role)
    layer = "/blobs/" + image.layers[0]["digest"]
    wait_until(lambda: any(path.endswith(layer) for path in registry.asked), what="the request for a layer")
    assert lam.get_function_configuration(FunctionName="f")["State"] == "Pending"
    with pytest.raises(lam.exceptions.ResourceConflictException):
        lam.invoke(FunctionName="f", Payload='"cwd"')
    own_server.kill()
    folder = pathlib.Path(own_server.data, "images")
    assert not list((folder / "trees").iterdir())
    registry.open.set()
    own_server.start()
    assert settled(lam, "f")["State"] == "Active"
    assert json.loads(lam.invoke(FunctionName="f", Payload='"read /v"')["Payload"].read()) == "whole"
    # It is here to stay, whatever becomes of the registry.
    registry.close()
    own_server.kill()
    own_server.start()
    assert json.loads(lam.invoke(FunctionName="f", Payload='"read /v"')["Payload"].read()) == "whole"
    assert not list((folder / "drafts").iterdir())
