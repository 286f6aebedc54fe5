"""A layer with the AWS SDK for Python, reduced to Lambda, and the official SDK of durable functions."""

import importlib.util
import io
import json
import pathlib
import zipfile

PARTS = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "aws_durable_execution_sdk_python")
DATA = ("lambda", "endpoints.json", "partitions.json", "sdk-default-configuration.json", "_retry.json")


def wanted(path):
    if "__pycache__" in path.parts:
        return False
    if path.parts[:2] == ("botocore", "data"):
        return path.parts[2].split(".gz")[0] in DATA
    return path.parts[:2] != ("boto3", "examples")


def sdk_layer():
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for part in PARTS:
            root = pathlib.Path(importlib.util.find_spec(part).origin).parent
            for file in sorted(root.rglob("*")):
                name = pathlib.Path(part) / file.relative_to(root)
                if file.is_file() and wanted(name):
                    archive.write(file, f"python/{name}")
        archive.write(importlib.util.find_spec("six").origin, "python/six.py")
    return memory.getvalue()


def node_modules(root, *names):
    """{path: bytes} of packages and what they need, out of a folder node_modules."""
    files, wanted = {}, list(names)
    seen = set()
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        folder = root / name
        wanted.extend(json.loads((folder / "package.json").read_text()).get("dependencies", {}))
        for file in folder.rglob("*"):
            if file.is_file() and file.suffix in (".js", ".cjs", ".mjs", ".json") and "dist-types" not in file.parts:
                files[f"node_modules/{file.relative_to(root)}"] = file.read_bytes()
    return files
