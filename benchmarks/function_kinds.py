"""The functions that are measured: how each is made, and what of it cannot be had here."""

import base64
import io
import os
import pathlib
import shutil
import subprocess
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
SOURCES = ROOT / "benchmarks" / "function_sources"
MADE = ROOT / "build" / "bench-functions"
CLIENTS = ("cloudwatch", "dynamodb", "eventbridge", "kinesis", "lambda", "s3", "sfn", "sns", "sqs")
PYTHON = "def handler(event, context):\n    return {'statusCode': 200, 'body': 'hello'}\n"
PYTHON_SDK = "import boto3\ntable = boto3.resource('dynamodb').Table('t')\n" + PYTHON
PYTHON_ECHO = "def handler(event, context):\n    return event\n"
NODE = "exports.handler = async (event) => ({statusCode: 200, body: 'hello'});\n"
NODE_STREAM = """
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  stream.setContentType('application/octet-stream');
  const piece = Buffer.alloc(65536), count = event.pieces || +(event.rawPath || '/1').slice(1);
  for (let i = 0; i < count; ++i) if (!stream.write(piece)) await new Promise(done => stream.once('drain', done));
  stream.end();
});
"""


class Kind:
    """A function to deploy: a runtime identifier and a package."""

    def __init__(self, name, runtime, files, command):
        self.name, self.runtime = name, runtime
        self.command = command  # what the machine itself needs to start the same interpreter
        memory = io.BytesIO()
        with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
            for file, content in files.items():
                entry = zipfile.ZipInfo(file)
                entry.external_attr = 0o100755 << 16
                archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
        self.packed = base64.b64encode(memory.getvalue()).decode()

    @property
    def handler(self):
        return "Index::handler" if self.runtime.startswith("java") else "index.handler"


def say(text):
    print(text, flush=True)


def native_program():
    """Static: with musl where it is there, whose start needs no trapped instructions in a virtual machine."""
    MADE.mkdir(parents=True, exist_ok=True)
    for compiler in ("musl-gcc", "clang-14", "cc"):
        if not shutil.which(compiler):
            continue
        program = MADE / f"native-{compiler}"
        build = [compiler, "-O2", "-static", "-D_GNU_SOURCE", str(SOURCES / "native.c"), "-o", str(program)]
        if subprocess.run(build, capture_output=True, check=False).returncode == 0:
            return program, compiler
    return None, None


def native():
    program, compiler = native_program()
    if not program:
        return None
    say(f"native: a static program of {program.stat().st_size // 1024} KiB, made by {compiler}")
    return Kind("native", "provided.al2023", {"bootstrap": program.read_bytes()}, [str(program)])


def python_kind(name, text, modules):
    program = shutil.which("python3.11", path="/usr/bin") or shutil.which("python3", path="/usr/bin")
    if not program:
        return None
    version = subprocess.run([program, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], capture_output=True, text=True,
                             check=True).stdout.strip()
    if subprocess.run([program, "-c", f"import {modules}"], capture_output=True, check=False).returncode != 0:
        return None
    return Kind(name, f"python{version}", {"index.py": text}, [program, "-c", f"import {modules}"])


def node_major():
    program = shutil.which("node", path="/usr/bin:/usr/local/bin")
    if not program:
        return None, None
    return program, subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout[1:].split(".")[0]


def node_kind(name, text):
    program, major = node_major()
    return program and Kind(name, f"nodejs{major}.x", {"index.js": text}, [program, "-e", "0"])


def bundle():
    """The SDK's clients as esbuild bundles them."""
    folder = MADE / "bundle"
    made = folder / "index.js"
    source = (SOURCES / "sdk.mjs").read_text()
    if not made.exists() or (folder / "sdk.mjs").read_text() != source:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "sdk.mjs").write_text(source)
        packages = ["esbuild", *(f"@aws-sdk/client-{client}" for client in CLIENTS)]
        steps = (["npm", "install", "--prefix", str(folder), "--silent", "--no-audit", "--no-fund", *packages],
                 ["node_modules/.bin/esbuild", "sdk.mjs", "--bundle", "--platform=node", "--target=node18", "--format=cjs",
                  "--outfile=index.js", "--log-level=warning"])
        try:
            for step in steps:
                subprocess.run(step, cwd=folder, check=True, capture_output=True, timeout=300)
        except (OSError, subprocess.SubprocessError):
            return None
    return made


def node_sdk():
    made = bundle()
    program, major = node_major()
    if not made or not program:
        return None
    say(f"Node.js with the SDK: a bundle of {made.stat().st_size / 1e6:.1f} MB")
    return Kind("Node.js, bundle", f"nodejs{major}.x", {"index.js": made.read_text()}, [program, str(made)])


def java():
    compiler = shutil.which("javac")
    if not compiler:
        return None
    folder = MADE / "java"
    folder.mkdir(parents=True, exist_ok=True)
    build = [compiler, "--release", "17", "-d", str(folder), str(SOURCES / "Index.java")]
    if subprocess.run(build, capture_output=True, check=False).returncode != 0:
        return None
    (folder / "Empty.java").write_text("public class Empty { public static void main(String[] a) {} }\n")
    subprocess.run([compiler, "--release", "17", "-d", str(folder), str(folder / "Empty.java")], check=True)
    command = [os.path.join(os.path.dirname(os.path.realpath(compiler)), "java"), "-cp", str(folder), "Empty"]
    return Kind("Java", "java17", {"Index.class": (folder / "Index.class").read_bytes()}, command)


MAKERS = {
    "native": native,
    "python": lambda: python_kind("Python", PYTHON, "json"),
    "python-sdk": lambda: python_kind("Python, boto3", PYTHON_SDK, "boto3"),
    "node": lambda: node_kind("Node.js", NODE),
    "node-sdk": node_sdk,
    "java": java,
    "echo": lambda: python_kind("Python, echo", PYTHON_ECHO, "json"),
    "stream": lambda: node_kind("Node.js, stream", NODE_STREAM),
}
HELLO = ("native", "python", "node", "java")
ALL = ("native", "python", "python-sdk", "node", "node-sdk", "java")


class Kinds:
    """Made once, when they are first asked for."""

    def __init__(self):
        self.made = {}

    def get(self, *names):
        for name in names:
            if name not in self.made:
                self.made[name] = MAKERS[name]()
                if not self.made[name]:
                    say(f"{name}: cannot be made here")
        return [self.made[name] for name in names if self.made[name]]
