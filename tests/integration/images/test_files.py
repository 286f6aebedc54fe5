"""Images from files, without a registry: `cumulet image import`."""

import io
import json
import os
import subprocess
import tarfile

import pytest
from image_files import INDEX, MANIFEST, Layer, digest

BINARY = os.environ.get("CUMULET_BINARY", "build/release/cumulet")


def layout(image, folder, tag=None):
    """An OCI image layout."""
    (folder / "blobs/sha256").mkdir(parents=True)
    for name, part in (image.blobs | image.manifests).items():
        (folder / "blobs/sha256" / name.removeprefix("sha256:")).write_bytes(part)
    about = {"mediaType": MANIFEST, "digest": image.digest, "size": len(image.manifest)}
    if tag:
        about["annotations"] = {"org.opencontainers.image.ref.name": tag}
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [about]}))
    return folder


def tar_of(folder, path):
    with tarfile.open(path, "w") as tar:
        tar.add(folder, ".")
    return path


def docker_archive(images, path):
    """What `docker save` writes: images by tag, made with packing=None."""
    listed = []
    with tarfile.open(path, "w") as tar:
        def add(name, content):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        for tag, image in images.items():
            config = digest(image.config).removeprefix("sha256:") + ".json"
            add(config, image.config)
            layers = []
            for layer in image.layers:
                layers.append(layer["digest"].removeprefix("sha256:") + "/layer.tar")
                add(layers[-1], image.blobs[layer["digest"]])
            listed.append({"Config": config, "RepoTags": [f"app:{tag}"], "Layers": layers})
        add("manifest.json", json.dumps(listed).encode())
    return path


@pytest.fixture
def image_command(server):
    def run(*arguments, good=True):
        command = [BINARY, "image", *map(str, arguments), "--data-dir", server.data]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (done.returncode == 0) == good, done.stdout + done.stderr
        return done.stdout.strip()

    return run


@pytest.mark.parametrize("form", ["folder", "tar", "docker"])
def test_an_imported_image_runs(image_command, make_image, make_function, ask, unique, tmp_path, form):
    name, packing = unique("team/app"), None if form == "docker" else "gzip"
    image = make_image(Layer().file("v", form), packing=packing)
    file = (layout(image, tmp_path / "layout") if form == "folder" else
            tar_of(layout(image, tmp_path / "layout", "v1"), tmp_path / "image.tar") if form == "tar" else
            docker_archive({"v0": make_image(packing=None), "v1": image}, tmp_path / "image.tar"))
    uri = image_command("import", file, "--name", f"{name}:v1")
    assert uri == f"localhost/{name}:v1" and uri in image_command("list").split()
    function = make_function(uri)
    assert ask(function, "read /v") == form
    image_command("remove", f"{name}:v1")
    assert uri not in image_command("list").split()
    assert ask(function, "read /v") == form


def test_what_is_no_image_is_not_taken(image_command, tmp_path, unique):
    (tmp_path / "text").write_text("no image")
    image_command("import", tmp_path / "text", "--name", "a:b", good=False)
    image_command("import", tmp_path / "missing", "--name", "a:b", good=False)
    image_command("import", tmp_path, "--name", "../a", good=False)
    image_command("remove", unique("none"), good=False)
