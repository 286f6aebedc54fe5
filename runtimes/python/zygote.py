"""The zygote of Python sandboxes: has loaded what functions begin with, and forks into sandboxes that wait.

Runs in the files of a sandbox, without network, before any function's code is near it, and keeps six capabilities: its
children join the namespaces and control groups of a sandbox, then give up everything, as the sandbox's init has done. What
it speaks with the server is in src/compute/sandbox/zygotes.h.
"""

import json
import os
import socket
import sys
import time

OF_THE_BOOTSTRAP = set(sys.modules)

import array  # noqa: E402
import ctypes  # noqa: E402
import gc  # noqa: E402
import resource  # noqa: E402
import struct  # noqa: E402

CONTROL = 3
MAX_MESSAGE = 64 * 1024
MAX_DESCRIPTORS = 16
BOOTSTRAP = "/var/runtime/bootstrap.py"

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET, CLONE_INTO_CGROUP = 0x10000000, 0x20000000, 0x40000000, 0x200000000
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 23, 24, 38
SECCOMP_MODE_FILTER = 2
SIGKILL, SIGCHLD = 9, 17
SYS_CLONE3 = 435
SYS_KEYCTL = {"x86_64": 250, "aarch64": 219}[os.uname().machine]
KEYCTL_JOIN_SESSION_KEYRING = 1
CAPABILITY_VERSION = 0x20080522

# What functions of all kinds import first, and the AWS SDK. What is not installed is left out.
PRELOADED = (
    "base64", "collections", "concurrent.futures", "contextlib", "copy", "csv", "dataclasses", "datetime", "decimal",
    "email.message", "enum", "functools", "gzip", "hashlib", "hmac", "html", "http.client", "inspect", "io", "itertools",
    "logging", "math", "operator", "pathlib", "pickle", "random", "re", "secrets", "shutil", "ssl", "string", "subprocess",
    "tempfile", "textwrap", "threading", "traceback", "types", "typing", "urllib.parse", "urllib.request", "uuid", "zlib",
    "boto3", "boto3.dynamodb.conditions", "boto3.dynamodb.types", "botocore.config", "botocore.exceptions")

libc = ctypes.PyDLL(None, use_errno=True)


class CloneArguments(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in (
        "flags", "pidfd", "child_tid", "parent_tid", "exit_signal", "stack", "stack_size", "tls", "set_tid",
        "set_tid_size", "cgroup")]


class FilterProgram(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p)]


class Refused(Exception):
    """The kernel has refused a step."""

    def __init__(self, number, what):
        super().__init__(what)
        self.number = number


def must(what, result):
    if result < 0:
        raise Refused(ctypes.get_errno(), what)
    return result


def preload():
    import importlib
    for name in PRELOADED:
        try:
            importlib.import_module(name)
        except ImportError:
            pass
    if "boto3" in sys.modules:
        prepare_sdk()


def prepare_sdk():
    """The SDK imports much of itself with its first clients only, and reads what it knows of a service for each session."""
    import boto3
    import botocore.session
    session = boto3.session.Session(aws_access_key_id="none", aws_secret_access_key="none", region_name="us-east-1")
    for service in ("dynamodb", "s3", "sns", "sqs", "sts"):
        session.client(service)
    session.resource("dynamodb").Table("none")
    session.resource("s3").Bucket("none")
    known = botocore.session.Session.get_component(session._session, "data_loader")._cache
    create = botocore.session.create_loader

    def create_loader(search_path_string=None):
        loader = create(search_path_string)
        # Which is what a session gives to all its clients.
        if search_path_string is None:
            loader._cache = dict(known)
        return loader

    botocore.session.create_loader = create_loader


def enter(pidfd, members):
    """The sandbox's groups, and its namespaces but the user's. The process namespace has been entered by birth."""
    for member in members:
        os.write(member, b"0")
    must("enter the sandbox's namespaces", libc.setns(
        pidfd, CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP))


def give_up_privileges(order, pidfd, filter_program):
    """Step by step as the sandbox's init: warden_program.cc."""
    os.setgroups([])
    os.setresgid(order["user"], order["user"], order["user"])
    os.setresuid(order["user"], order["user"], order["user"])
    must("enter the user namespace", libc.setns(pidfd, CLONE_NEWUSER))
    must("leave the session's keyring", libc.syscall(SYS_KEYCTL, KEYCTL_JOIN_SESSION_KEYRING, None))
    capability = 0
    while libc.prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0:
        must("drop a capability from the bounding set", libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0))
        capability += 1
    header = struct.pack("=Ii", CAPABILITY_VERSION, 0)
    must("drop the capabilities", libc.capset(header, b"\0" * 24))
    resource.setrlimit(resource.RLIMIT_NPROC, (order["processes"], order["processes"]))
    must("open own /proc entries", libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
    must("give up new privileges", libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    must("install the system call filter", libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(filter_program), 0, 0))


def take_place(output, control, secrets):
    """The state in which a command is executed: a session, standard streams, a folder, no other descriptor, variables."""
    with open(secrets, "rb", closefd=False) as file:
        start = json.load(file)
    os.setsid()
    nowhere = os.open("/dev/null", os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.chdir(start["directory"])
    tell(control, b"A", os.getpid(), "")
    os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    os.environ.clear()
    os.environ.update(start["variables"])
    time.tzset()
    sys.path_importer_cache.clear()
    return start["command"]


def tell(control, what, value, text):
    message = struct.pack("=c3xi112s", what, value, text.encode()[:111])
    if os.write(control, message) != len(message):
        os._exit(1)


def become(order, descriptors, filter_program):
    """In the child: its own child goes on as the command, and has the sandbox's init as its parent when this one is gone."""
    pidfd, control, output, may_enter, secrets = descriptors[:5]
    try:
        if os.read(may_enter, 1) == b"":
            os._exit(0)  # the sandbox has gone
        enter(pidfd, descriptors[5 + order["into_group"]:])
        if os.fork() != 0:
            os._exit(0)
        give_up_privileges(order, pidfd, filter_program)
        return take_place(output, control, secrets)
    except Refused as refused:
        tell(control, b"F", refused.number, "%s (in a zygote's child)" % refused)
        os._exit(1)
    except OSError as error:
        tell(control, b"F", error.errno or 0, "take a place in the sandbox (a zygote's child)")
        os._exit(1)


def serve(control, filter_program):
    """Forks, whenever asked; returns in children only, with their commands."""
    own_processes = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    while True:
        message, descriptors = receive(control)
        if not message:
            sys.exit(0)
        order = json.loads(message)
        arguments = CloneArguments(exit_signal=SIGCHLD)
        if order["into_group"]:
            arguments.flags, arguments.cgroup = CLONE_INTO_CGROUP, descriptors[5]
        # When its init has gone, so has the sandbox: the server knows.
        if libc.setns(descriptors[0], CLONE_NEWPID) == 0:
            if libc.syscall(SYS_CLONE3, ctypes.byref(arguments), ctypes.sizeof(arguments)) == 0:
                return become(order, descriptors, filter_program)
            must("come back to the own process namespace", libc.setns(own_processes, CLONE_NEWPID))
        for descriptor in descriptors:
            os.close(descriptor)


def receive(control):
    descriptors = array.array("i")
    message, ancillary, flags, _ = control.recvmsg(MAX_MESSAGE, socket.CMSG_SPACE(MAX_DESCRIPTORS * descriptors.itemsize))
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(data[:len(data) - len(data) % descriptors.itemsize])
    if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
        sys.exit(1)
    return message, list(descriptors)


def main():
    must("end with the server", libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
    # Children that are gone leave nothing to wait for, or their process namespace could not end.
    import _signal
    _signal.signal(SIGCHLD, _signal.SIG_IGN)
    control = socket.socket(fileno=CONTROL)
    instructions = ctypes.create_string_buffer(receive(control)[0])
    filter_program = FilterProgram((len(instructions) - 1) // 8, ctypes.addressof(instructions))
    with open(BOOTSTRAP) as file:
        code = compile(file.read(), BOOTSTRAP, "exec")
    try:
        preload()
    except Exception as error:  # whatever it is, interpreters can be started without us
        control.send(("loading: %r" % error).encode()[:500])
        sys.exit(1)
    top_level = {name.partition(".")[0] for name in sys.modules}
    preloaded = top_level - {name.partition(".")[0] for name in OF_THE_BOOTSTRAP}
    gc.collect()
    gc.freeze()
    control.send(b"R")
    command = serve(control, filter_program)
    _signal.signal(SIGCHLD, _signal.SIG_DFL)
    control.detach()
    return code, preloaded, command


def run():
    """The rest of the process is the bootstrap's, in a module of its own."""
    code, preloaded, command = main()
    module = type(sys)("__main__")
    module.__dict__.update(__file__=BOOTSTRAP, __builtins__=__builtins__, PRELOADED=preloaded, COMMAND=command)
    sys.modules["__main__"] = module
    sys.argv[:] = [BOOTSTRAP]
    exec(code, module.__dict__)


run()
