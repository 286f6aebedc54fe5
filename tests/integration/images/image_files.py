"""Container images made by hand: layers as tars, their configuration and manifest."""

import gzip
import hashlib
import io
import json
import subprocess
import tarfile

LAYER = "application/vnd.oci.image.layer.v1.tar"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Layer:
    """A tar: Layer().file("a/b", b"…").link("c", "a/b").folder("d")."""

    def __init__(self):
        self.memory = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.memory, mode="w", format=tarfile.PAX_FORMAT)

    def add(self, name, kind, content=b"", target="", mode=0o644, size=None):
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname, entry.mode = kind, target, mode
        entry.uid = entry.gid = 4711
        entry.size = len(content) if size is None else size
        entry.mtime = 1_700_000_000
        self.tar.addfile(entry, io.BytesIO(content))
        return self

    def file(self, name, content=b"", mode=0o644):
        return self.add(name, tarfile.REGTYPE, content if isinstance(content, bytes) else content.encode(), mode=mode)

    def folder(self, name, mode=0o755):
        return self.add(name, tarfile.DIRTYPE, mode=mode)

    def link(self, name, target):
        return self.add(name, tarfile.SYMTYPE, target=target)

    def hard_link(self, name, target):
        return self.add(name, tarfile.LNKTYPE, target=target)

    def device(self, name):
        return self.add(name, tarfile.CHRTYPE)

    def bytes(self):
        self.tar.close()
        return self.memory.getvalue()


def pack(tar, packing):
    if packing == "gzip":
        return gzip.compress(tar, 1)
    if packing == "zstd":
        return subprocess.run(["zstd", "-q", "-1", "-c"], input=tar, capture_output=True, check=True).stdout
    return tar


class Image:
    """Its parts by digest; `manifest` is the one to be named."""

    def __init__(self, layers, packing="gzip", architecture="amd64", diff_ids=None, **config):
        tars = [layer if isinstance(layer, bytes) else layer.bytes() for layer in layers]
        packed = [pack(tar, packing) for tar in tars]
        self.config = json.dumps({
            "architecture": architecture, "os": "linux", "config": config,
            "rootfs": {"type": "layers", "diff_ids": diff_ids or [digest(tar) for tar in tars]},
        }).encode()
        self.blobs = {digest(part): part for part in [self.config, *packed]}
        suffix = {"gzip": "+gzip", "zstd": "+zstd"}.get(packing, "")
        self.layers = [{"mediaType": LAYER + suffix, "digest": digest(part), "size": len(part)} for part in packed]
        self.manifest = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest(self.config), "size": len(self.config)},
            "layers": self.layers,
        }).encode()
        self.manifests = {digest(self.manifest): self.manifest}

    @property
    def digest(self):
        return digest(self.manifest)


def index(*images):
    """An index of images for several platforms, as an image."""
    parts = []
    for image in images:
        platform = {"os": "linux", "architecture": json.loads(image.config)["architecture"]}
        parts.append({"mediaType": MANIFEST, "digest": image.digest, "size": len(image.manifest), "platform": platform})
    whole = Image([Layer()])
    whole.blobs = {key: part for image in images for key, part in image.blobs.items()}
    whole.manifests = {key: part for image in images for key, part in image.manifests.items()}
    whole.manifest = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": parts}).encode()
    whole.manifests[whole.digest] = whole.manifest
    return whole
