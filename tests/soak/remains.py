"""A server of one's own, and what belongs to it on the machine: while it runs, and when it has ended."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import boto3
from botocore.config import Config

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = os.environ.get("CUMULET_BINARY", str(ROOT / "build/release/cumulet"))
NAMESPACES = ("net", "mnt", "pid", "ipc", "uts", "cgroup", "user")
# What grows as it must: what was logged and stored.
KEPT = ("store", "server.log", "access.log")


class Server:
    def __init__(self):
        self.data = tempfile.mkdtemp(prefix="cumulet-soak-")
        self.temporary = tempfile.mkdtemp(prefix="soak-tmp-")
        self.log = open(os.path.join(self.data, "server.log"), "ab")
        # The store's memory is small so that it has filled up when the first look is taken.
        self.process = subprocess.Popen(
            [BINARY, "serve", "--listen", "127.0.0.1:0", "--data-dir", self.data, "--store-memory", "32"],
            stdout=subprocess.PIPE, stderr=self.log, text=True, env={**os.environ, "TMPDIR": self.temporary})
        line = self.process.stdout.readline()
        if "is ready on http://" not in line:
            raise SystemExit(f"the server did not start: {line!r}; its log: {self.data}/server.log")
        self.endpoint = "http://" + line.split("is ready on http://")[1].split()[0]
        lines = pathlib.Path(self.data, "root-credentials").read_text().split()
        self.root = dict(each.split("=", 1) for each in lines if "=" in each)

    def client(self, service, connections=8):
        return boto3.session.Session().client(
            service, endpoint_url=self.endpoint, region_name="eu-central-1",
            aws_access_key_id=self.root["AWS_ACCESS_KEY_ID"], aws_secret_access_key=self.root["AWS_SECRET_ACCESS_KEY"],
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=90,
                          max_pool_connections=connections))

    def stop(self):
        """Its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def remove(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.rmtree(self.temporary, ignore_errors=True)


def read(path):
    """What is gone meanwhile is empty."""
    try:
        return pathlib.Path(path).read_text()
    except OSError:
        return ""


def entries(path):
    try:
        return os.listdir(path)
    except OSError:
        return []


def target(path):
    try:
        return os.readlink(path)
    except OSError:
        return None


def descendants(pid):
    found, queue = [], [pid]
    while queue:
        parent = queue.pop()
        for task in entries(f"/proc/{parent}/task"):
            children = [int(child) for child in read(f"/proc/{parent}/task/{task}/children").split()]
            found += children
            queue += children
    return found


def status_mib(pid, field):
    text = read(f"/proc/{pid}/status")
    return int(text.split(field + ":")[1].split()[0]) / 1024 if field + ":" in text else 0


def files_of(server):
    """What deployed functions and their environments have on the disk."""
    found = set()
    for top in (server.data, server.temporary):
        for folder, folders, names in os.walk(top):
            if folder == server.data:
                folders[:] = [name for name in folders if name not in KEPT]
                names = [name for name in names if name not in KEPT]
            # The folders that blobs are spread over stay; they are 4,096 at most.
            spread = "/blobs" in folder.removeprefix(server.data)
            found.update(os.path.relpath(os.path.join(folder, name), top) for name in (names if spread else folders + names))
    return found


def own_groups(server):
    """The names of its control groups' directories: they are open as long as their sandboxes live."""
    held = [target(f"/proc/{server.process.pid}/fd/{fd}") for fd in entries(f"/proc/{server.process.pid}/fd")]
    return {path.split("/cumulet-sandboxes-")[1].split("/")[0] for path in held if path and "/cumulet-sandboxes-" in path}


def group_folders(names):
    return [folder for folder, _, _ in os.walk("/sys/fs/cgroup") if any(f"/cumulet-sandboxes-{name}" in folder for name in names)]


def count(server):
    pid = server.process.pid
    below = descendants(pid)
    tasks = entries(f"/proc/{pid}/task")
    namespaces = {target(f"/proc/{process}/ns/{kind}") for process in [pid, *below] for kind in NAMESPACES}
    return {
        "processes": len(below),
        "threads": len(tasks),
        "namespaces": len(namespaces - {None}),
        "control groups": len(group_folders(own_groups(server))),
        "mounts": sum(len(read(f"/proc/{pid}/task/{task}/mountinfo").splitlines()) for task in tasks),
        "descriptors": len(entries(f"/proc/{pid}/fd")),
        "files": len(files_of(server)),
        "MiB": round(status_mib(pid, "VmRSS")),
    }


# What may be there more than before without being a leak: sandboxes that are prepared ahead of need come and go.
SLACK = {"processes": 8, "threads": 4, "namespaces": 32, "control groups": 16, "mounts": 60, "descriptors": 40, "files": 24,
         "MiB": 64}


def calmest(server, looks=20):
    """The least of some looks: environments of deleted functions are still going."""
    least = count(server)
    for _ in range(looks):
        time.sleep(0.1)
        now = count(server)
        least = {name: min(least[name], now[name]) for name in now}
    return least


def settle(server, before, seconds=60):
    """Counts until nothing has grown, for at most so long; gives the last count and what has grown."""
    deadline = time.monotonic() + seconds
    while True:
        now = count(server)
        grown = {name for name in now if now[name] > before[name] + SLACK[name]}
        if not grown or time.monotonic() > deadline:
            return now, grown
        time.sleep(0.2)


def left_after_the_end(server, groups):
    """What is on the machine of a server that has ended: lines that say what."""
    lines = []
    for pid in filter(str.isdigit, entries("/proc")):
        command = read(f"/proc/{pid}/cmdline").replace("\0", " ")
        places = [command, target(f"/proc/{pid}/exe") or "", target(f"/proc/{pid}/cwd") or ""]
        if int(pid) != os.getpid() and any(server.data in place for place in places):
            lines.append(f"process {pid}: {command}")
    lines += [f"mount {line}" for line in read("/proc/self/mountinfo").splitlines() if server.data in line]
    lines += [f"control group {folder}" for folder in group_folders(groups)]
    lines += [f"temporary file {name}" for name in entries(server.temporary)]
    return lines


class Memory:
    """The server's own memory over time."""

    def __init__(self, server, seconds):
        self.pid, self.pause, self.samples = server.process.pid, max(0.5, seconds / 600), []

    def watch(self, until):
        while time.monotonic() < until:
            self.samples.append(status_mib(self.pid, "RssAnon"))
            time.sleep(self.pause)

    def parts(self, number=5):
        """The median of each part of the time."""
        size = max(1, len(self.samples) // number)
        parts = [sorted(self.samples[first:first + size]) for first in range(0, size * number, size)]
        return [part[len(part) // 2] for part in parts if part]
