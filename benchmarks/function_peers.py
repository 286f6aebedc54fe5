"""What the functions are measured beside: the machine itself, and other programs that run a hello function. What cannot be
had is said and left out."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

from cloud import LOAD
from function_kinds import MADE, NODE, native_program
from peers import Peer, free_port, wait_for

RIE = "github.com/aws/aws-lambda-runtime-interface-emulator"
WORKERD = "1.20261117.1"
SERVERLESS = ("serverless@3", "serverless-offline@13")
WORKER = "export default { async fetch() { return new Response('hello'); } };\n"
WORKERD_CONFIG = """using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (modules = [(name = "hello.js", esModule = embed "hello.js")],
    compatibilityDate = "2024-01-01"))],
  sockets = [(name = "http", address = "127.0.0.1:%d", http = (), service = "main")]);
"""
SERVERLESS_CONFIG = """service: bench
frameworkVersion: '3'
provider: {name: aws, runtime: nodejs20.x}
plugins: [serverless-offline]
functions:
"""


# --- the machine ---

def start_and_end(command):
    """Seconds from the start of a program to its end."""
    null = os.open(os.devnull, os.O_RDWR)
    files = [(os.POSIX_SPAWN_DUP2, null, number) for number in range(3)]
    began = time.perf_counter()
    os.waitpid(os.posix_spawn(command[0], command, os.environ, file_actions=files), 0)
    took = time.perf_counter() - began
    os.close(null)
    return took


def children(pid):
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
        return [int(child) for task in tasks for child in pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
    except OSError:
        return []


def processes_below(pid):
    found = children(pid)
    for each in found:
        found += children(each)
    return found


def name_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return "gone"


def fields(path, *names):
    """The sum of so many lines of /proc, in KiB."""
    try:
        lines = pathlib.Path(path).read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.split(":")[0] in names)


def unshared_mib(pid):
    return fields(f"/proc/{pid}/smaps_rollup", "Private_Clean", "Private_Dirty") / 1024


class Memory:
    """What a server and the machine use now."""

    def __init__(self, pid):
        below = processes_below(pid)
        self.processes = len(below)
        self.own = sum(unshared_mib(each) for each in below)
        self.server = fields(f"/proc/{pid}/status", "RssAnon") / 1024
        self.kernel = fields("/proc/meminfo", "Slab", "KernelStack", "PageTables")
        self.available = fields("/proc/meminfo", "MemAvailable") / 1024

    def per_process(self, before):
        return (self.own - before.own) / max(1, self.processes - before.processes)

    def kernel_kib(self, before, count):
        return (self.kernel - before.kernel) / count

    def lost_mib(self, before):
        return before.available - self.available


def receive(port, request):
    """Sends a request; seconds to the first byte of the body and to the end, and the bytes of the body."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        began = time.perf_counter()
        connection.sendall(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        head, first, size = b"", None, 0
        while piece := connection.recv(1 << 20):
            if first is None:
                head += piece
                at = head.find(b"\r\n\r\n")
                if at < 0 or len(head) == at + 4:
                    continue
                if b" 200 " not in head[:20]:
                    raise SystemExit(f"a stream was refused: {head[:300]!r}")
                first, piece = time.perf_counter() - began, head[at + 4:]
            size += len(piece)
        return first, time.perf_counter() - began, size


# --- other programs ---

def replay(port, requests, connections, *options):
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"".join(requests))
        file.flush()
        done = subprocess.run([LOAD, "--host", "127.0.0.1", "--port", str(port), "--connections", str(connections), "--json",
                               "--requests", file.name, *options], capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def get(path="/", body=None):
    text = body or ""
    return f"{'POST' if body else 'GET'} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()


def npm_folder(name, *packages):
    """A folder of build/ with these packages, or None."""
    folder = MADE / name
    if not (folder / "node_modules").exists():
        folder.mkdir(parents=True, exist_ok=True)
        try:
            subprocess.run(["npm", "install", "--prefix", str(folder), "--silent", "--no-audit", "--no-fund", *packages],
                           check=True, capture_output=True, timeout=300)
        except (OSError, subprocess.SubprocessError):
            shutil.rmtree(folder, ignore_errors=True)
            return None
    return folder


def rie():
    """AWS's emulator through the Go proxy (or on the PATH), with the program that the native function is."""
    program, _ = native_program()
    emulator = shutil.which("aws-lambda-rie") or str(MADE / "aws-lambda-rie")
    if not os.path.exists(emulator) and shutil.which("go"):
        with tempfile.TemporaryDirectory() as folder:
            asked = subprocess.run(["go", "mod", "download", "-json", f"{RIE}@latest"], cwd=folder, capture_output=True, text=True,
                                   timeout=120, check=False)
            source = json.loads(asked.stdout or "{}").get("Dir") if asked.returncode == 0 else None
            if source:
                subprocess.run(["go", "build", "-o", emulator, "./cmd/aws-lambda-rie"], cwd=source, capture_output=True,
                               timeout=300, check=False)
    if not program or not os.path.exists(emulator):
        return None

    def start(folder, port):
        return [emulator, "--runtime-interface-emulator-address", f"127.0.0.1:{port}", str(program)]

    return start, get("/2015-03-31/functions/function/invocations", "{}")


def workerd():
    """From npm, with a worker that says hello."""
    made = npm_folder("workerd", f"workerd@{WORKERD}")
    if not made:
        return None

    def start(folder, port):
        pathlib.Path(folder, "hello.js").write_text(WORKER)
        pathlib.Path(folder, "config.capnp").write_text(WORKERD_CONFIG % port)
        return [str(made / "node_modules/.bin/workerd"), "serve", f"{folder}/config.capnp"]

    return start, get()


def serverless_offline(functions):
    """From npm, with so many functions in Node.js behind an HTTP API."""
    made = npm_folder("serverless-offline", *SERVERLESS)
    if not made:
        return None
    (made / "index.js").write_text(NODE)
    (made / "serverless.yml").write_text(SERVERLESS_CONFIG + "".join(
        f"  f{number}: {{handler: index.handler, events: [{{httpApi: 'GET /f{number}'}}]}}\n" for number in range(functions)))

    def start(folder, port):
        return [str(made / "node_modules/.bin/serverless"), "offline", "--httpPort", str(port), "--lambdaPort", str(free_port()),
                "--noPrependStageInUrl"]

    return start, made


def started(name, start, cwd=None):
    folder, port = tempfile.mkdtemp(prefix="bench-peer-"), free_port()
    command = start(folder, port)
    began = time.perf_counter()
    peer = Peer(name, command, port, cwd or folder)
    if wait_for(port, 60):
        return peer, began
    peer.stop()
    return None, began


def first_answers(name, made, count):
    """Milliseconds from the program's start to its first answer."""
    start, request = made
    times = []
    for _ in range(count):
        peer, began = started(name, start)
        if not peer:
            return times
        replay(peer.port, [request], 1, "--once")
        times.append((time.perf_counter() - began) * 1000)
        peer.stop()
    return times


def warm(name, peer, request, connections, seconds, say):
    for count in connections:
        done = replay(peer.port, [request], count, "--seconds", str(seconds))
        say(f"{name}, warm, {count} clients: p50 {done['p50_us']:.0f} us, p99 {done['p99_us']:.0f}, {done['per_second']:.0f} a second"
            f"{', %d failed' % done['not_ok'] if done['not_ok'] else ''}")


def run_all(kinds, options, three, say):
    for name, made, connections in (("AWS's runtime interface emulator", rie(), (1,)), ("workerd", workerd(), (1, 8))):
        if not made:
            say(f"{name}: cannot be had here")
            continue
        times = first_answers(name, made, max(3, options.calls // 10))
        if not times:
            say(f"{name}: does not start here")
            continue
        say(f"{name}, from its start to the first answer: {three(times)}")
        peer, _ = started(name, made[0])
        warm(name, peer, made[1], connections, options.seconds, say)
        peer.stop()
    run_serverless(options, three, say)


def run_serverless(options, three, say):
    name = "serverless-offline"
    made = serverless_offline(options.calls)
    peer = made and started(name, made[0], made[1])[0]
    if not peer:
        say(f"{name}: cannot be had here")
        return
    times = [replay(peer.port, [get(f"/f{number}")], 1, "--once") for number in range(options.calls)]
    say(f"{name}, first invoke, Node.js: {three([each['max_us'] / 1000 for each in times])}"
        f"{'; failed' if any(each['not_ok'] for each in times) else ''}")
    warm(name, peer, get("/f0"), (1, 8), options.seconds, say)
    peer.stop()
