"""Does what the event says."""

import ctypes
import http.client
import os
import signal
import socket
import subprocess
import time
import urllib.parse

calls = 0


def errno_of(deed):
    try:
        deed()
    except OSError as error:
        return error.errno
    return 0


def look(_):
    global calls
    calls += 1
    status = dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\t" in line)
    return {"calls": calls, "user": os.getuid(), "group": os.getgid(), "task": sorted(os.listdir("/var/task")),
            "capabilities": [status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")],
            "no_new_privileges": status["NoNewPrivs"], "filter": status["Seccomp"],
            "environment": dict(os.environ), "folder": os.getcwd(), "host": socket.gethostname()}


def write(event):
    def attempt():
        with open(event["path"], "w") as file:
            file.write("x")
    return errno_of(attempt)


def fill(event):
    written = 0
    block = bytes(1 << 20)
    try:
        with open(event["path"], "wb", buffering=0) as file:
            while True:
                written += file.write(block) / len(block)
    except OSError as error:
        os.unlink(event["path"])
        return [written, error.errno]


def reach(event):
    return errno_of(lambda: socket.create_connection((event["host"], event["port"]), timeout=2).close())


def ask(_):
    """What the platform answers to a request that nobody has signed."""
    address = urllib.parse.urlparse(os.environ["AWS_ENDPOINT_URL"])
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=20)
    connection.request("GET", "/")
    return connection.getresponse().status


def interfaces(_):
    return [name for _, name in socket.if_nameindex()]


def processes(_):
    return sorted(int(name) for name in os.listdir("/proc") if name.isdigit())


def kernel(_):
    """Forbidden system calls: their error numbers."""
    libc = ctypes.CDLL(None, use_errno=True)

    def call(*words):
        ctypes.set_errno(0)
        return ctypes.get_errno() if libc.syscall(*words) < 0 else 0

    return {"mount": call(165, b"none", b"/tmp", b"tmpfs", 0, 0), "unshare": call(272, 0x10000000),
            "ptrace": call(101, 16, 1, 0, 0), "bpf": call(321, 0, 0, 0), "keyctl": call(250, 0, 0, 0),
            "clone3": call(435, 0, 0), "chroot": call(161, b"/tmp"), "setns": call(308, 0, 0),
            "device": call(133, b"/tmp/device", 0o020666, 0x103), "io_uring": call(425, 1, 0)}


def echo(event):
    return event["text"] * event.get("times", 1)


def clock(_):
    return time.time()


def die(event):
    os.kill(os.getpid(), event["signal"])


def remember(event):
    blocks = []
    while True:
        blocks.append(bytearray(os.urandom(1) * (8 << 20)))


def buckets(_):
    import boto3
    return [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]]


def handler(event, context):
    do = event.get("do", "look")
    if do == "sleep":
        time.sleep(event["seconds"])
        return None
    if do == "exit":
        os._exit(event["status"])
    if do == "print":
        print(event["text"])
        return None
    if do == "raise":
        raise ValueError("as asked")
    if do == "orphan":
        subprocess.Popen(["/bin/sleep", "60"], start_new_session=True)
        return None
    if do == "signal_init":
        os.kill(1, signal.SIGKILL)
        return "still here"
    return globals()[do](event)
