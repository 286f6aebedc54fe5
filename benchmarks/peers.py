"""Other programs that do a similar thing, installed and started for a comparison, on loopback. What cannot be had is None."""

import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
ELASTICMQ = "1.6.11"
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion><groupId>bench</groupId><artifactId>bench</artifactId><version>1</version>
<dependencies><dependency><groupId>org.elasticmq</groupId><artifactId>elasticmq-server_2.13</artifactId>
<version>{}</version></dependency></dependencies></project>"""
ELASTICMQ_CONFIGURATION = """include classpath("application.conf")
node-address {{ host = 127.0.0.1, port = {port} }}
rest-sqs {{ enabled = true, bind-hostname = "127.0.0.1", bind-port = {port} }}
rest-stats {{ enabled = false }}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            time.sleep(0.05)
    return False


class Peer:
    """A running program with a folder of its own."""

    def __init__(self, name, command, port, folder):
        self.name, self.port, self.folder = name, port, folder
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def started(name, command, port, folder):
    peer = Peer(name, command, port, folder)
    if wait_for(port):
        return peer
    peer.stop()
    return None


def kinesalite():
    """From npm. It keeps its streams in memory."""
    folder, port = tempfile.mkdtemp(prefix="bench-kinesalite-"), free_port()
    try:
        install = ["npm", "install", "--prefix", folder, "--no-audit", "--no-fund", "kinesalite"]
        subprocess.run(install, check=True, capture_output=True, timeout=180)
    except (OSError, subprocess.SubprocessError):
        shutil.rmtree(folder, ignore_errors=True)
        return None
    command = [f"{folder}/node_modules/.bin/kinesalite", "--port", str(port), "--createStreamMs", "0"]
    return started("kinesalite", [*command, "--shardLimit", "100"], port, folder)


def redis():
    """From Debian. It syncs every write, so an answer is as durable as ours."""
    if not shutil.which("redis-server"):
        install = "source tools/setup.sh && need_packages redis-server"
        subprocess.run(["bash", "-c", install], cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
    program = shutil.which("redis-server")
    if not program:
        return None
    folder, port = tempfile.mkdtemp(prefix="bench-redis-"), free_port()
    command = [program, "--bind", "127.0.0.1", "--port", str(port), "--dir", folder]
    return started("Redis", [*command, "--appendonly", "yes", "--appendfsync", "always", "--save", ""], port, folder)


def elasticmq():
    """From Maven Central. It keeps its queues in memory."""
    jars = ROOT / "build" / f"elasticmq-{ELASTICMQ}"
    if not jars.exists():
        with tempfile.TemporaryDirectory(prefix="bench-elasticmq-") as folder:
            pathlib.Path(folder, "pom.xml").write_text(POM.format(ELASTICMQ))
            fetch = ["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={folder}/jars"]
            try:
                subprocess.run(fetch, cwd=folder, check=True, capture_output=True, timeout=300)
            except (OSError, subprocess.SubprocessError):
                return None
            jars.parent.mkdir(exist_ok=True)
            shutil.move(f"{folder}/jars", jars)
    folder, port = tempfile.mkdtemp(prefix="bench-elasticmq-"), free_port()
    pathlib.Path(folder, "elasticmq.conf").write_text(ELASTICMQ_CONFIGURATION.format(port=port))
    command = ["java", f"-Dconfig.file={folder}/elasticmq.conf", "-cp", f"{jars}/*", "org.elasticmq.server.Main"]
    return started("elasticmq", command, port, folder)


class Redis:
    """One connection to it."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    def ask(self, *commands):
        return self.send(self.encode(commands), len(commands))

    @staticmethod
    def encode(commands):
        parts = []
        for command in commands:
            parts.append(b"*%d\r\n" % len(command))
            parts += [b"$%d\r\n%s\r\n" % (len(word), word) for word in command]
        return b"".join(parts)

    def send(self, data, count):
        self.socket.sendall(data)
        return [self.answer() for _ in range(count)]

    def answer(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.answer() for _ in range(int(rest))]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        return rest
