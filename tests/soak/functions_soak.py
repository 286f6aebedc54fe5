#!/usr/bin/env python3
"""Functions under everything that goes wrong, for a while, and then: is anything left?

    tests/soak/functions_soak.py [--seconds N] [--seed N]      (CUMULET_BINARY: the server)

Several threads deploy, update, publish and delete functions and call them; the functions answer, raise, crash, run out of
time or memory, fork without end, fill /tmp and leave processes behind; and one function is called by ten times as many
callers as it may serve at once. Callers must see only what is documented: an answer, a function error, or a throttle with
its reason. Before and after, with all functions deleted, the script counts what belongs to the server: processes, threads,
namespaces, control groups, mounts, descriptors, files and memory. Growth is a failure.
"""

import argparse
import collections
import io
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import zipfile

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = os.environ.get("CUMULET_BINARY", str(ROOT / "build/release/cumulet"))
ROLE_TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                                                      "Principal": {"Service": "lambda.amazonaws.com"}}]}
CAPACITY = 4  # of the function that is called by ten times as many
CODE = '''
import ctypes, os, signal, subprocess, time
REVISION = {revision}

def handler(event, context):
    what = event["what"]
    if what == "raise":
        raise ValueError("as told")
    if what == "crash":
        os.abort()
    if what == "exit":
        os._exit(3)
    if what == "time":
        time.sleep(60)
    if what == "memory":
        block = []
        while True:
            block.append(b"x" * (8 << 20))
    if what == "forks":
        until = time.monotonic() + 0.3
        children = []
        while time.monotonic() < until:
            try:
                child = os.fork()
            except OSError:
                break
            if child == 0:
                signal.pause()
            children.append(child)
    if what == "leave":
        subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True)
        open("/tmp/%d" % time.monotonic_ns(), "w").write("x" * 100000)
        ctypes.CDLL(None).shmget(0, 4096, 0o1600)
    if what == "fill":
        try:
            with open("/tmp/fill", "wb") as file:
                for _ in range(64):
                    file.write(b"x" * (1 << 20))
        except OSError:
            pass
    if what == "hold":
        time.sleep(0.3)
    return REVISION
'''
DEEDS = ["answer"] * 8 + ["raise", "crash", "exit", "time", "memory", "forks", "leave", "fill"]


class Server:
    def __init__(self):
        self.data = tempfile.mkdtemp(prefix="cumulet-soak-")
        self.log = open(os.path.join(self.data, "server.log"), "ab")
        self.process = subprocess.Popen([BINARY, "serve", "--listen", "127.0.0.1:0", "--data-dir", self.data],
                                        stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        if "is ready on http://" not in line:
            raise SystemExit(f"the server did not start: {line!r}; its log: {self.data}/server.log")
        self.endpoint = "http://" + line.split("is ready on http://")[1].split()[0]
        lines = pathlib.Path(self.data, "root-credentials").read_text().split()
        self.root = dict(each.split("=", 1) for each in lines if "=" in each)

    def client(self, service):
        return boto3.session.Session().client(
            service, endpoint_url=self.endpoint, region_name="eu-central-1",
            aws_access_key_id=self.root["AWS_ACCESS_KEY_ID"], aws_secret_access_key=self.root["AWS_SECRET_ACCESS_KEY"],
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=60, max_pool_connections=64))


# --- what belongs to the server ---

def descendants(pid):
    found, queue = [], [pid]
    while queue:
        parent = queue.pop()
        try:
            for task in os.listdir(f"/proc/{parent}/task"):
                children = pathlib.Path(f"/proc/{parent}/task/{task}/children").read_text().split()
                found += map(int, children)
                queue += map(int, children)
        except OSError:
            pass
    return found


def files_of(server):
    """What deployed functions and their environments have on the disk."""
    return {os.path.relpath(os.path.join(folder, name), server.data) for area in ("code", "sandboxes", "engine")
            for folder, folders, names in os.walk(os.path.join(server.data, area)) for name in folders + names}


def count(server):
    pid = server.process.pid
    below = descendants(pid)
    namespaces = set()
    for process in [pid, *below]:
        for kind in ("net", "mnt", "pid", "ipc", "uts", "cgroup", "user"):
            try:
                namespaces.add(os.readlink(f"/proc/{process}/ns/{kind}"))
            except OSError:
                pass
    mounts = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            mounts += len(pathlib.Path(f"/proc/{pid}/task/{task}/mountinfo").read_text().splitlines())
        except OSError:
            pass
    held = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            held.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except OSError:
            pass
    # The group's directories are open as long as their sandbox lives: their paths name the groups of this server.
    own = {path.split("/cumulet-sandboxes-")[1].split("/")[0] for path in held if "/cumulet-sandboxes-" in path}
    groups = 0
    for folder, _, _ in os.walk("/sys/fs/cgroup"):
        groups += any(f"/cumulet-sandboxes-{name}/" in folder for name in own)
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return {
        "processes": len(below),
        "threads": len(os.listdir(f"/proc/{pid}/task")),
        "namespaces": len(namespaces),
        "control groups": groups,
        "mounts": mounts,
        "descriptors": len(held),
        "files": len(files_of(server)),
        "MiB": int(status.split("VmRSS:")[1].split()[0]) // 1024,
    }


# What may be there more than before without being a leak: sandboxes that are prepared ahead of need come and go.
SLACK = {"processes": 8, "threads": 4, "namespaces": 32, "control groups": 16, "mounts": 60, "descriptors": 40, "files": 24,
         "MiB": 96}


def settle(server, before, seconds=60):
    """Counts until nothing has grown, for at most so long; gives the last count."""
    deadline = time.monotonic() + seconds
    while True:
        now = count(server)
        grown = {name for name in now if before and now[name] > before[name] + SLACK[name]}
        if before and not grown or time.monotonic() > deadline:
            return now, grown
        if not before:
            return now, set()
        time.sleep(0.2)


# --- the load ---

class Load:
    def __init__(self, server, seed):
        self.server = server
        self.seed = seed
        self.outcomes = collections.Counter()
        self.wrong = []
        self.lock = threading.Lock()
        iam = server.client("iam")
        self.role = iam.create_role(RoleName="soak", AssumeRolePolicyDocument=json.dumps(ROLE_TRUST))["Role"]["Arn"]

    def note(self, what, wrong=None):
        with self.lock:
            self.outcomes[what] += 1
            if wrong:
                self.wrong.append(wrong)

    def package(self, revision):
        memory = io.BytesIO()
        with zipfile.ZipFile(memory, "w") as archive:
            archive.writestr("app.py", CODE.replace("{revision}", str(revision)))
        return memory.getvalue()

    def create(self, client, **options):
        name = f"soak-{uuid.uuid4().hex[:12]}"
        client.create_function(FunctionName=name, Runtime="python3.11", Role=self.role, Handler="app.handler",
                               Code={"ZipFile": self.package(0)}, MemorySize=128, Timeout=1, **options)
        return name

    def call(self, client, name, what, **options):
        try:
            reply = client.invoke(FunctionName=name, Payload=json.dumps({"what": what}), **options)
            text = reply["Payload"].read().decode()
            self.note("function error" if "FunctionError" in reply else "answer")
            return text
        except ClientError as error:
            code = error.response["Error"]["Code"]
            reason = error.response.get("Reason", "")
            documented = code == "TooManyRequestsException" and reason or code == "ResourceNotFoundException"
            self.note(f"{code} {reason}".strip(), None if documented else f"{what}: {error}")
        except BotoCoreError as error:
            self.note(type(error).__name__, f"{what}: {error}")
        return None

    def churn(self, number, until):
        """Deploys, calls, updates and deletes; every deed in turn, in an order of its own."""
        choice = random.Random(self.seed * 1000 + number)
        client = self.server.client("lambda")
        while time.monotonic() < until:
            name = self.create(client)
            try:
                for revision in range(1, 4):
                    for what in choice.sample(DEEDS, 3):
                        self.call(client, name, what)
                    kind = choice.randrange(3)
                    if kind == 0:
                        client.update_function_code(FunctionName=name, ZipFile=self.package(revision))
                    elif kind == 1:
                        client.update_function_configuration(FunctionName=name, Description=f"revision {revision}")
                    else:
                        version = client.publish_version(FunctionName=name)["Version"]
                        self.call(client, name, "answer", Qualifier=version)
                    self.call(client, name, "answer", InvocationType="Event")
            except ClientError as error:
                self.note("refused", f"deploying: {error}")
            finally:
                client.delete_function(FunctionName=name)

    def overload(self, until):
        """Ten times as many callers as the function may serve."""
        client = self.server.client("lambda")
        name = self.create(client)
        client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=CAPACITY)

        def press():
            mine = self.server.client("lambda")
            while time.monotonic() < until:
                if self.call(mine, name, "hold") is None:
                    time.sleep(0.05)

        callers = [threading.Thread(target=press) for _ in range(10 * CAPACITY)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        client.delete_function(FunctionName=name)

    def run(self, seconds):
        until = time.monotonic() + seconds
        workers = [threading.Thread(target=self.churn, args=(number, until)) for number in range(3)]
        workers.append(threading.Thread(target=self.overload, args=(until,)))
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    server = Server()
    try:
        load = Load(server, options.seed)
        load.run(min(4, options.seconds / 4))  # what is made once, at first need, is no leak
        client = server.client("lambda")
        assert not client.list_functions()["Functions"]
        before = settle(server, None)[0]
        for _ in range(20):  # the calmest of some looks: environments of deleted functions are still going
            time.sleep(0.1)
            now = count(server)
            before = {name: min(before[name], now[name]) for name in before}
        load.outcomes.clear()
        files = files_of(server)
        load.run(options.seconds)
        after, grown = settle(server, before)
        alive = server.process.poll() is None
        for name in before:
            print(f"  {name:16} {before[name]:6} before {after[name]:6} after{'   GROWN' if name in grown else ''}")
        if "files" in grown:
            print("  new files: " + " ".join(sorted(files_of(server) - files)[:12]))
        print("  " + ", ".join(f"{number} × {what}" for what, number in load.outcomes.most_common()))
        for line in load.wrong[:10]:
            print("  not as documented: " + line)
        throttled = load.outcomes["TooManyRequestsException ReservedFunctionConcurrentInvocationLimitExceeded"]
        good = alive and not grown and not load.wrong and throttled > 0 and load.outcomes["answer"] > 0
        server.process.send_signal(signal.SIGTERM)
        status = server.process.wait(60)
        if status != 0:
            print(f"  the server ended with status {status}")
        print("soak: " + ("nothing is left" if good and status == 0 else "FAILED"))
        return 0 if good and status == 0 else 1
    finally:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()
        shutil.rmtree(server.data, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
