"""Things that concern a whole environment: bombs, floods, signals, what is left behind."""

import ctypes
import errno
import json
import mmap
import os
import signal
import socket
import subprocess
import threading
import time

from kernel import call

MIB = 1 << 20
kept = []  # what must stay open or mapped


def name_of(error):
    return errno.errorcode.get(error.errno, str(error))


def look(event):
    """What this process is and holds."""
    status = dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\t" in line)
    mounts = [line.split(" - ")[0].split() for line in open("/proc/self/mountinfo")]
    child = subprocess.run(["/bin/ls", "-l", "/proc/self/fd"], capture_output=True, text=True, close_fds=False).stdout
    return {
        "status": status,
        "mounts": {mount[4]: mount[5] for mount in mounts},
        "descriptors": {fd: os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
                        if os.path.islink(f"/proc/self/fd/{fd}")},
        "of a child": child,
        "groups": open("/proc/self/cgroup").read(),
        "processes": sorted(int(name) for name in os.listdir("/proc") if name.isdigit()),
        "users": open("/proc/self/uid_map").read().split(),
        "interfaces": [name for _, name in socket.if_nameindex()],
        "environment of init": os.access("/proc/1/environ", os.R_OK),
    }


def run(event):
    """Any command; for set-user-id programs of the host."""
    done = subprocess.run(event["command"], capture_output=True, text=True)
    return [done.returncode, done.stdout, done.stderr]


# --- signals ---

def signal_all(event):
    if os.fork() == 0:
        os.setsid()
        os.kill(-1, event["signal"])
        os._exit(0)
    time.sleep(60)


def signal_init(event):
    """Process 1 takes no signal that it does not want, not from inside."""
    for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
        os.kill(1, number)
    time.sleep(0.05)
    return open("/proc/1/stat").read().split()[2]


def signal_runtime(event):
    os.kill(os.getpid(), event["signal"])
    time.sleep(60)


def signal_strangers(event):
    """Numbers of processes that exist on the host mean nothing here."""
    found = []
    for pid in event["pids"]:
        try:
            os.kill(pid, 0)
            found.append(pid)
        except ProcessLookupError:
            pass
    return [pid for pid in found if pid > 64]  # low numbers are our own


# --- races ---

def race(event):
    """Tries for a while, in several processes, to slip links and files of its own in where code is shown and read. Gives
    what went through, and whether its code was ever another's."""
    until = time.monotonic() + event["seconds"]
    reading, writing = os.pipe()
    os.makedirs("/tmp/decoy", exist_ok=True)
    with open("/tmp/decoy/app.py", "w") as file:
        file.write("def handler(event, context):\n    return 'decoy'\n")
    tries = [lambda: os.symlink("/tmp/decoy", "/var/task/link"), lambda: os.symlink("/tmp/decoy/app.py", "/var/task/.app.py"),
             lambda: os.rename("/tmp/decoy", "/var/task"), lambda: os.rename("/tmp/decoy/app.py", "/var/task/app.py"),
             lambda: os.rename("/var/task", "/var/elsewhere"), lambda: os.replace("/tmp/decoy/app.py", "/var/runtime/bootstrap.py"),
             lambda: os.unlink("/var/task/app.py"), lambda: os.rmdir("/var/task"), lambda: os.mkdir("/var/task/folder"),
             lambda: os.link("/tmp/decoy/app.py", "/var/task/other.py"), lambda: os.symlink("/etc", "/var/task/../escape"),
             lambda: os.open("/var/task/app.py", os.O_RDWR), lambda: os.open("/var/task/app.py", os.O_WRONLY | os.O_TRUNC)]
    for first in range(4):
        if os.fork():
            continue
        through, turn = set(), first
        held = os.open("/var/task", os.O_RDONLY | os.O_DIRECTORY)
        while time.monotonic() < until:
            turn += 1
            try:
                tries[turn % len(tries)]()
                through.add(turn % len(tries))
            except OSError:
                pass
            try:
                os.symlink("/tmp/decoy", "link", dir_fd=held)
                through.add("by descriptor")
            except OSError:
                pass
        os.write(writing, json.dumps(sorted(map(str, through))).encode() + b"\n")
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answers:
        return sorted({what for line in answers for what in json.loads(line)})


# --- bombs ---

def fork_bomb(event):
    """Every process forks for ever."""
    while True:
        try:
            os.fork()
        except OSError:
            pass


def threads(event):
    made = 0
    stop = threading.Event()
    threading.stack_size(64 * 1024)
    try:
        while made < 5000:
            threading.Thread(target=stop.wait, daemon=True).start()
            made += 1
    except RuntimeError:
        pass
    stop.set()
    return made


def touch(size):
    memory = mmap.mmap(-1, size)
    for at in range(0, size, 4096):
        memory[at] = 1
    kept.append(memory)


def bomb(event):
    """Takes ever more memory, one way or another; gives how far it came (in MiB) when it was refused."""
    way, taken = event["way"], 0
    spare = os.open("/dev/null", os.O_RDONLY)  # or what comes after it could not open a file
    try:
        while taken < 4096:
            BOMBS[way](taken)
            taken += 8
        reason = "none"
    except OSError as error:
        reason = name_of(error)
    os.close(spare)
    return [taken, reason]


def by_processes(taken):
    if os.fork() == 0:
        touch(8 * MIB)
        signal.pause()


def by_memory_file(taken):
    file = os.memfd_create("x")
    kept.append(file)
    os.write(file, b"x" * (8 * MIB))


def by_shared_file(taken):
    with open(f"/dev/shm/{taken}", "wb", buffering=0) as file:
        if file.write(b"x" * (8 * MIB)) < 8 * MIB:
            raise OSError(errno.ENOSPC, "full")


def by_segments(taken):
    at = call("shmat", call("shmget", 0, 8 * MIB, 0o1600), 0, 0)
    ctypes.memset(at, 1, 8 * MIB)


def by_sockets(taken):
    """Buffers of connections that nobody reads."""
    for _ in range(2):
        ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        kept.append(ends)
        for end in ends:
            end.setblocking(False)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * MIB)
            try:
                while True:
                    end.send(b"x" * MIB)
            except BlockingIOError:
                pass


def by_pipes(taken):
    ends = os.pipe2(os.O_NONBLOCK)
    kept.append(ends)
    try:
        while True:
            os.write(ends[1], b"x" * 65536)
    except BlockingIOError:
        pass


def by_connections(taken):
    """TCP over the sandbox's own loopback."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * MIB)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    for _ in range(4):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32 * MIB)
        s.connect(listener.getsockname())
        s.setblocking(False)
        kept.extend((s, listener.accept()[0]))
        try:
            while True:
                s.send(b"x" * MIB)
        except BlockingIOError:
            pass


BOMBS = {"memory": lambda taken: touch(8 * MIB), "processes": by_processes, "memory files": by_memory_file,
         "/dev/shm": by_shared_file, "segments": by_segments, "sockets": by_sockets, "connections": by_connections,
         "pipes": by_pipes}


def fill(event):
    """Writes files of 1 MiB until that is refused: [MiB, why]."""
    piece, written = b"x" * MIB, 0
    try:
        while written < 4096:
            with open(f"{event['folder']}/fill-{written}", "wb", buffering=0) as file:
                if file.write(piece) < MIB:
                    return [written, "ENOSPC"]
            written += 1
    except OSError as error:
        return [written, name_of(error)]
    return [written, "none"]


def fill_with_names(event):
    """Empty files: [how many, why no more]."""
    made = 0
    try:
        while made < 2_000_000:
            os.close(os.open(f"{event['folder']}/name-{made}", os.O_CREAT | os.O_WRONLY))
            made += 1
    except OSError as error:
        return [made, name_of(error)]
    return [made, "none"]


def open_until_refused(event):
    files = []
    try:
        while len(files) < 100_000:
            files.append(os.open("/dev/null", os.O_RDONLY))
        reason = "none"
    except OSError as error:
        reason = name_of(error)
    for file in files:
        os.close(file)
    return [len(files), reason]


def long_arguments(event):
    """A command whose arguments and environment are far too long: the kernel's own error, nothing else."""
    answers = []
    for arguments, environment in ((["x" * MIB], {}), (["x" * 1000] * 10_000, {}), ([], {"X": "x" * MIB})):
        try:
            os.posix_spawn("/bin/true", ["true", *arguments], environment)
            answers.append("none")
        except OSError as error:
            answers.append(name_of(error))
    return answers


# --- what remains ---

def leave(event):
    """Leaves something of every kind, and a process that goes on."""
    for folder in ("/tmp", "/dev/shm"):
        with open(f"{folder}/left", "w") as file:
            file.write(event["mark"])
    key = 0x6375
    call("shmget", key, 4096, 0o1600)
    call("semget", key, 1, 0o1600)
    call("msgget", key, 0o1600)
    child = subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True)
    return [child.pid, sorted(os.listdir("/tmp"))]


def find(event):
    """What of `leave` is here."""
    found = [f"{folder}/{name}" for folder in ("/tmp", "/dev/shm", "/dev/mqueue") if os.path.isdir(folder)
             for name in os.listdir(folder)]
    for kind, size in (("shmget", 0), ("semget", 0)):
        try:
            found.append([kind, call(kind, 0x6375, size, 0)])
        except OSError:
            pass
    try:
        found.append(["msgget", call("msgget", 0x6375, 0)])
    except OSError:
        pass
    for table in ("shm", "sem", "msg"):
        found += open(f"/proc/sysvipc/{table}").read().splitlines()[1:]
    mine = {1, os.getpid()}
    found += [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) not in mine]
    return found


def crash(event):
    os.abort()


# --- the platform's doors ---

def flood(event):
    """Opens connections to the platform, in many processes, and sends half a request on each."""
    for _ in range(event["processes"]):
        if os.fork() == 0:
            flood_once(event)
            signal.pause()
    return flood_once(event)


def flood_once(event):
    opened = []
    try:
        while len(opened) < event["connections"]:
            s = socket.create_connection(("127.0.0.1", event["port"]), timeout=2)
            s.send(b"GET /2018-06-01/x HTTP/1.1\r\n")
            opened.append(s)
        reason = "none"
    except OSError as error:
        reason = name_of(error)
    kept.append(opened)
    return [len(opened), reason]


def request(event):
    """Bytes to a port of the platform, and the first bytes of the answer."""
    with socket.create_connection(("127.0.0.1", event["port"]), timeout=5) as s:
        s.sendall(event["bytes"].encode("latin-1"))
        answer = b""
        try:
            while len(answer) < 2000 and (piece := s.recv(2000)):
                answer += piece
                if b"\r\n\r\n" in answer and not event.get("all"):
                    break
        except TimeoutError:
            pass
        return answer.decode("latin-1")


def who(event):
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}


def hold(event):
    """Listens, in every way that there is, for as long as the function may run."""
    for family, address in ((socket.AF_INET, ("0.0.0.0", 7000)), (socket.AF_UNIX, "\0neighbour"),
                            (socket.AF_UNIX, "/tmp/neighbour")):
        s = socket.socket(family)
        s.bind(address)
        s.listen()
        kept.append(s)
    time.sleep(event["seconds"])
    return "held"


def reach(event):
    """Tries to reach what `hold` offers elsewhere."""
    answers = []
    for family, address in ((socket.AF_INET, ("127.0.0.1", 7000)), (socket.AF_UNIX, "\0neighbour"),
                            (socket.AF_UNIX, "/tmp/neighbour")):
        with socket.socket(family) as s:
            try:
                s.connect(address)
                answers.append("reached")
            except OSError as error:
                answers.append(name_of(error))
    return answers


def compute(event):
    """[processor time used, time that went by]"""
    before, began = time.process_time(), time.monotonic()
    while time.monotonic() < began + event["seconds"]:
        pass
    return [time.process_time() - before, time.monotonic() - began]
