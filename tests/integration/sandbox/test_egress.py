"""Functions that may reach the internet, and what they may not reach even so.

All of it happens in network namespaces that these tests make: the server and the tests live in one ("the host", with the
addresses 203.0.113.1 and 10.9.0.1), and another one behind a cable is the internet, a private network and the metadata
service at once. Nothing leaves them. The far side has IPv6 addresses too, which the host can reach."""

import contextlib
import ctypes
import io
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import zipfile

import pytest

HERE = pathlib.Path(__file__).parent
BINARY = pathlib.Path(os.environ.get("CUMULET_BINARY", str(HERE.parents[2] / "build/release/cumulet")))
NEW_NETWORK = 0x40000000
THERE, PRIVATE, METADATA, HOST, HOST_PRIVATE = "203.0.113.10", "10.9.0.10", "169.254.169.254", "203.0.113.1", "10.9.0.1"
RESOLVER = "203.0.113.53"
HELLO, ECHO, MAIL = 8080, 8081, 25
THERE_6, PRIVATE_6, METADATA_6, HOST_6 = "2001:db8:9::10", "fd00:9::10", "fd00:ec2::254", "2001:db8:9::1"
NOBODY = 65534
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]})

FUNCTION = '''
import hashlib, os, socket, threading
socket.setdefaulttimeout(5)
begun = None

def tcp(host, port):
    with socket.create_connection((host, port)) as s:
        return s.recv(1000).decode() or "nothing"

def udp(host, port):
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as s:
        answers = []
        for text in (b"one", b"two"):
            s.sendto(text, (host, port))
            data, peer = s.recvfrom(1000)
            answers.append([data.decode(), *peer])
        return answers

def bulk(host, port):
    data = os.urandom(1 << 20) * 3
    got = hashlib.sha256()
    with socket.create_connection((host, port)) as s:
        def send():
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
        threading.Thread(target=send).start()
        while piece := s.recv(65536):
            got.update(piece)
    return got.digest() == hashlib.sha256(data).digest()

def hold(host, port):
    """Connections and a flow, in use until the end."""
    with socket.create_connection((host, port)) as s, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u:
        while True:
            s.sendall(b"x" * 1000)
            assert s.recv(1000)
            u.sendto(b"x", (host, port))
            u.recv(10)

def whoami():
    return [os.readlink(f"/proc/self/ns/{kind}") for kind in ("net", "mnt", "pid", "user")]

def name(host):
    return socket.gethostbyname(host)

def attempt(what, *arguments):
    try:
        return globals()[what](*arguments)
    except OSError as problem:
        return type(problem).__name__

if os.environ.get("AT_START"):
    begun = attempt("tcp", os.environ["AT_START"], 8080)

def handler(event, context):
    return begun if event == "begun" else [attempt(*each) for each in event]
'''

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or shutil.which("ip") is None,
                                reason="makes network namespaces: needs root and iproute2")


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def background(*command):
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.fixture(scope="module")
def network():
    """The process lives in a network of its own until the end of this module."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    assert libc.unshare(NEW_NETWORK) == 0, os.strerror(ctypes.get_errno())
    far = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo ready; exec sleep 1000"], stdout=subprocess.PIPE, text=True)
    processes = [far]
    try:
        assert far.stdout.readline() == "ready\n"
        inside = ["nsenter", f"--net=/proc/{far.pid}/ns/net"]
        ip("link", "set", "lo", "up")
        ip("link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", str(far.pid))
        for address in (HOST + "/24", HOST_PRIVATE + "/24"):
            ip("address", "add", address, "dev", "cable")
        ip("link", "set", "cable", "up")
        ip("route", "add", METADATA, "dev", "cable")
        ip("route", "add", "default", "via", THERE)
        for address in (THERE + "/24", RESOLVER + "/24", PRIVATE + "/24", METADATA + "/32"):
            subprocess.run([*inside, "ip", "address", "add", address, "dev", "cable"], check=True)
        for address in (THERE_6 + "/64", PRIVATE_6 + "/64", METADATA_6 + "/64"):
            subprocess.run([*inside, "ip", "-6", "address", "add", address, "dev", "cable", "nodad"], check=True)
        for address in (HOST_6 + "/64", "fd00:9::1/64", "fd00:ec2::1/64"):
            ip("-6", "address", "add", address, "dev", "cable", "nodad")
        for link in ("lo", "cable"):
            subprocess.run([*inside, "ip", "link", "set", link, "up"], check=True)
        ip("-6", "route", "add", "default", "via", THERE_6)
        program = [sys.executable, str(HERE / "internet_program.py")]
        processes += [background(*inside, *program, RESOLVER), background(*program)]
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
        assert libc.setns(home, NEW_NETWORK) == 0
        os.close(home)


class Cloud:
    def __init__(self, server, lam, role):
        self.server, self.lam, self.role = server, lam, role
        self.made = 0

    def function(self, tag=None, **variables):
        self.made += 1
        name = f"egress-{self.made}"
        memory = io.BytesIO()
        with zipfile.ZipFile(memory, "w") as archive:
            archive.writestr("app.py", FUNCTION)
        options = {"Tags": {"cumulet:egress": tag}} if tag else {}
        made = self.lam.create_function(FunctionName=name, Runtime="python3.11", Role=self.role, Handler="app.handler",
                                        Code={"ZipFile": memory.getvalue()}, Timeout=30,
                                        Environment={"Variables": variables}, **options)
        return made["FunctionArn"]


@pytest.fixture(scope="module")
def cloud_of(network, make_own_server, aws_for):
    """cloud_of(flags): a server in the network."""
    servers = []

    def make(*flags, server=None):
        server = server or make_own_server(["--egress-resolver", RESOLVER, *flags])
        servers.append(server)
        server.start()
        aws = aws_for(server)
        role = aws.client("iam").create_role(RoleName=f"egress-{len(servers)}", AssumeRolePolicyDocument=TRUST)
        return Cloud(server, aws.client("lambda"), role["Role"]["Arn"])

    yield make
    for server in servers:
        server.remove()


@pytest.fixture(scope="module")
def cloud(cloud_of):
    return cloud_of()


@pytest.fixture
def call():
    def invoke(cloud, function, *attempts):
        reply = cloud.lam.invoke(FunctionName=function, Payload=json.dumps(attempts))
        result = json.loads(reply["Payload"].read())
        assert "FunctionError" not in reply, result
        return result

    return invoke


CLOSED = {"ConnectionRefusedError", "ConnectionResetError", "OSError", "TimeoutError", "gaierror", "PermissionError"}
FORBIDDEN = [("tcp", PRIVATE, HELLO), ("tcp", METADATA, HELLO), ("tcp", HOST, HELLO), ("tcp", HOST_PRIVATE, HELLO),
             ("tcp", THERE, MAIL), ("tcp", "127.0.0.1", HELLO), ("tcp", "127.0.0.2", HELLO), ("tcp", "100.64.0.1", HELLO),
             ("tcp", "224.0.0.1", HELLO), ("tcp", "255.255.255.255", HELLO), ("tcp", "0.0.0.0", HELLO)]


def reaches_the_internet_only(call, cloud, function):
    greeting, answers, whole, address = call(cloud, function, ("tcp", THERE, HELLO), ("udp", THERE, ECHO),
                                             ("bulk", THERE, ECHO), ("name", "there.test"))
    assert greeting == f"{THERE} greets {HOST}"
    assert answers == [["eno", THERE, ECHO], ["owt", THERE, ECHO]]
    assert whole is True and address == THERE
    results = call(cloud, function, *FORBIDDEN, ("name", "nowhere.test"))
    assert set(results) <= CLOSED, dict(zip(FORBIDDEN, results))


def reaches_nothing(call, cloud, function):
    results = call(cloud, function, ("tcp", THERE, HELLO), ("udp", THERE, ECHO), ("name", "there.test"), *FORBIDDEN)
    assert set(results) <= CLOSED, results


def test_the_tag_gives_the_internet_and_nothing_else(cloud, call):
    function = cloud.function("internet")
    reaches_the_internet_only(call, cloud, function)
    assert call(cloud, function, ("udp", PRIVATE, ECHO), ("udp", HOST, ECHO))[0] in CLOSED
    reaches_nothing(call, cloud, cloud.function())
    reaches_nothing(call, cloud, cloud.function("none"))


def test_it_is_there_when_the_function_initialises(cloud, call):
    # This variable keeps the function from an interpreter that waits already.
    function = cloud.function("internet", AT_START=THERE, PYTHONDONTWRITEBYTECODE="1")
    reply = cloud.lam.invoke(FunctionName=function, Payload=json.dumps("begun"))
    assert json.loads(reply["Payload"].read()) == f"{THERE} greets {HOST}"
    reaches_the_internet_only(call, cloud, function)


def test_the_tag_can_be_given_and_taken(cloud, call):
    function = cloud.function()
    reaches_nothing(call, cloud, function)
    cloud.lam.tag_resource(Resource=function, Tags={"cumulet:egress": "internet"})
    assert call(cloud, function, ("tcp", THERE, HELLO)) == [f"{THERE} greets {HOST}"]
    cloud.lam.untag_resource(Resource=function, TagKeys=["cumulet:egress"])
    reaches_nothing(call, cloud, function)
    with pytest.raises(cloud.lam.exceptions.InvalidParameterValueException):
        cloud.lam.tag_resource(Resource=function, Tags={"cumulet:egress": "everywhere"})


def test_the_host_has_no_interface_more_and_a_kill_leaves_nothing(cloud, call):
    def interfaces():
        return sorted(line.split(":")[0].strip() for line in pathlib.Path("/proc/thread-self/net/dev").read_text()
                      .splitlines()[2:])

    assert call(cloud, cloud.function("internet"), ("tcp", THERE, HELLO)) == [f"{THERE} greets {HOST}"]
    assert interfaces() == ["cable", "lo"]
    cloud.server.kill()
    assert interfaces() == ["cable", "lo"]
    cloud.server.start()


def greeting_on_the_host(address):
    with socket.create_connection((address, HELLO), timeout=5) as connection:
        return connection.recv(1000).decode()


def test_ipv6_goes_nowhere(cloud, call, wait_until):
    def host_reaches():
        try:
            return greeting_on_the_host(THERE_6) == f"{THERE_6} greets {HOST_6}"
        except OSError:
            return False

    wait_until(host_reaches, what="the cable to carry IPv6")
    function = cloud.function("internet")
    addresses = [THERE_6, PRIVATE_6, METADATA_6, HOST_6, "fd00:9::1", "fe80::1", "ff02::1", "::1", "2002:cb00:710a::1",
                 "64:ff9b::203.0.113.10", "2001:db8:beef::1"]
    attempts = [(how, address, HELLO if how == "tcp" else ECHO) for address in addresses for how in ("tcp", "udp")]
    assert call(cloud, function, ("tcp", THERE, HELLO)) == [f"{THERE} greets {HOST}"]
    results = call(cloud, function, *attempts)
    assert set(results) <= CLOSED, dict(zip(attempts, results))
    # IPv4 addresses that are written as IPv6 ones are what they mean: the policy is the same.
    mapped = [("tcp", f"::ffff:{address}", HELLO) for address in (PRIVATE, METADATA, HOST, HOST_PRIVATE, "127.0.0.2")]
    results = call(cloud, function, *mapped)
    assert set(results) <= CLOSED, dict(zip(mapped, results))
    reaches_the_internet_only(call, cloud, function)


def tables_of_rules():
    """The tables of nf_tables in the network that the test and the server live in."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as rules:
        rules.settimeout(5)
        rules.send(struct.pack("=IHHIIBBH", 20, 10 << 8 | 1, 0x301, 1, 0, 0, 0, 0))
        count = 0
        while True:
            answer = rules.recv(65536)
            while answer:
                length, kind = struct.unpack_from("=IH", answer)
                if kind == 3:  # NLMSG_DONE
                    return count
                assert kind != 2, "NLMSG_ERROR"
                count += 1
                answer = answer[(length + 3) & ~3:]


def state_of_host():
    """What egress by other means would leave behind."""
    def lines(*command):
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    return {"interfaces": lines("ip", "-o", "link"), "addresses": lines("ip", "-o", "address"), "rules": lines("ip", "rule"),
            "routes": lines("ip", "route", "show", "table", "all"), "tables": tables_of_rules(),
            "forwarding": pathlib.Path("/proc/sys/net/ipv4/ip_forward").read_text(),
            "mounts": [line for line in pathlib.Path("/proc/thread-self/mountinfo").read_text().splitlines() if "nsfs" in line]}


def holders_of(namespaces):
    """Processes that live in one of them, or have one open: [pid, …]"""
    found = set()
    for process in pathlib.Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        for link in (*process.glob("ns/*"), *process.glob("fd/*")):
            try:
                if os.readlink(link) in namespaces:
                    found.add(int(process.name))
            except OSError:
                pass
    return sorted(found)


def connections_of(pid):
    """A process's connections and flows to the far side."""
    listed = subprocess.run(["ss", "-Htunp", "state", "established"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if f"{THERE}:{ECHO}" in line and f"pid={pid}," in line]


def a_kill_leaves_nothing(cloud, call, wait_until):
    """kill -9, while connections and flows go back and forth."""
    before = state_of_host()
    function = cloud.function("internet", PYTHONDONTWRITEBYTECODE="1")
    other = cloud.function("internet")
    namespaces = set(call(cloud, function, ("whoami",))[0]) | set(call(cloud, other, ("whoami",))[0])
    server = cloud.server.process.pid
    own = {os.readlink(link) for link in pathlib.Path("/proc/thread-self/ns").iterdir()}
    assert not namespaces & own and holders_of(namespaces)
    assert state_of_host() == before

    def hold(name):
        with contextlib.suppress(Exception):
            cloud.lam.invoke(FunctionName=name, Payload=json.dumps([("hold", THERE, ECHO)]))

    calls = [threading.Thread(target=hold, args=(name,)) for name in (function, other)]
    for each in calls:
        each.start()
    wait_until(lambda: len(connections_of(server)) >= 4, what="connections through the gateway")
    assert state_of_host() == before
    cloud.server.kill()
    for each in calls:
        each.join()
    wait_until(lambda: not holders_of(namespaces), what="an end of the sandboxes")
    assert not connections_of(server)
    assert state_of_host() == before
    cloud.server.start()
    assert call(cloud, function, ("tcp", THERE, HELLO)) == [f"{THERE} greets {HOST}"]


def test_a_kill_leaves_nothing_while_egress_is_in_use(cloud, call, wait_until):
    a_kill_leaves_nothing(cloud, call, wait_until)


def test_all_but_those_that_decline(cloud_of, call):
    cloud = cloud_of("--egress", "internet", "--egress-allow", "10.9.0.0/24,10.20.0.1")
    function = cloud.function()
    assert call(cloud, function, ("tcp", THERE, HELLO), ("tcp", PRIVATE, HELLO)) == [
        f"{THERE} greets {HOST}", f"{PRIVATE} greets {HOST_PRIVATE}"]
    # The host's own address is in the range, but nobody has named it.
    assert set(call(cloud, function, ("tcp", HOST_PRIVATE, HELLO), ("tcp", METADATA, HELLO), ("tcp", HOST, HELLO))) <= CLOSED
    reaches_nothing(call, cloud, cloud.function("none"))


def test_the_list_opens_what_it_names_and_no_more(cloud_of, call):
    cloud = cloud_of("--egress-allow", f"10.9.0.8/30,{HOST_PRIVATE}")
    function = cloud.function("internet")
    greeting, mail, own, flow = call(cloud, function, ("tcp", PRIVATE, HELLO), ("tcp", PRIVATE, MAIL), ("tcp", THERE, HELLO), ("udp", PRIVATE, ECHO))
    assert greeting == mail == f"{PRIVATE} greets {HOST_PRIVATE}" and own == f"{THERE} greets {HOST}"
    assert flow == [["eno", PRIVATE, ECHO], ["owt", PRIVATE, ECHO]]
    # The host's own address, by its name; its other one, and the other ranges, stay closed.
    assert call(cloud, function, ("tcp", HOST_PRIVATE, HELLO)) == [f"{HOST_PRIVATE} greets {HOST_PRIVATE}"]
    closed = [("tcp", "10.9.0.12", HELLO), ("tcp", "10.9.0.7", HELLO), ("tcp", HOST, HELLO), ("tcp", METADATA, HELLO), ("tcp", THERE, MAIL),
              ("udp", HOST, ECHO), ("udp", METADATA, ECHO), ("tcp", "127.0.0.1", HELLO)]
    results = call(cloud, function, *closed)
    assert set(results) <= CLOSED, dict(zip(closed, results))
    # Who has no egress has none to these either.
    results = call(cloud, cloud.function(), ("tcp", PRIVATE, HELLO), ("tcp", HOST_PRIVATE, HELLO), ("udp", PRIVATE, ECHO))
    assert set(results) <= CLOSED


@pytest.mark.parametrize("ranges", ["10.9.0.0/33", "10.9.0.1/24", "private", "10.9.0.0/24,", "2001:db8::/32", "10.9.0"])
def test_a_list_that_is_none_is_refused_at_the_start(make_own_server, ranges):
    server = make_own_server(["--egress-allow", ranges])
    try:
        with pytest.raises(RuntimeError, match="egress-allow"):
            server.start()
    finally:
        server.remove()


def test_never(cloud_of, call):
    cloud = cloud_of("--egress", "never")
    reaches_nothing(call, cloud, cloud.function())
    with pytest.raises(cloud.lam.exceptions.InvalidParameterValueException):
        cloud.function("internet")


def test_in_the_container_of_an_oci_runtime_as_well(cloud_of, call):
    if shutil.which("crun") is None:
        pytest.skip("crun is not installed")
    cloud = cloud_of("--substrate", "oci:crun")
    reaches_the_internet_only(call, cloud, cloud.function("internet", PYTHONDONTWRITEBYTECODE="1"))
    # Perhaps in an interpreter that waited already.
    reaches_the_internet_only(call, cloud, cloud.function("internet"))
    reaches_nothing(call, cloud, cloud.function())


def test_in_a_microvm_as_well(cloud_of, call):
    kernels = sorted(HERE.parents[2].glob("build/guest-kernel/boot/vmlinuz-*"))
    kernel = os.environ.get("CUMULET_TEST_MICROVM_KERNEL") or (str(kernels[0]) if kernels else None)
    if shutil.which("qemu-system-x86_64") is None or not (kernel or list(pathlib.Path("/boot").glob("vmlinuz-*"))):
        pytest.skip("there is no QEMU, or no kernel for it")
    cloud = cloud_of("--substrate", "microvm", *(["--microvm-kernel", kernel] if kernel else []))
    reaches_the_internet_only(call, cloud, cloud.function("internet"))


@pytest.fixture
def ordinary_cloud(cloud_of, make_own_server):
    """ordinary_cloud(flags): a server of an ordinary user."""
    if subprocess.run(["setpriv", f"--reuid={NOBODY}", "--clear-groups", "unshare", "-Ur", "true"],
                      capture_output=True).returncode != 0:
        pytest.skip("this kernel allows no user namespaces to ordinary users")
    with tempfile.TemporaryDirectory(prefix="cumulet-egress-") as folder:
        place = pathlib.Path(folder)
        place.chmod(0o755)
        shutil.copy(BINARY, place / "cumulet")
        shutil.copytree(HERE.parents[2] / "runtimes", place / "runtimes")
        command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all",
                   str(place / "cumulet")]

        def make(*flags):
            server = make_own_server(["--egress-resolver", RESOLVER, "--runtimes", str(place / "runtimes"), *flags], command)
            os.chown(server.data, NOBODY, NOBODY)
            return cloud_of(server=server)

        yield make


def test_for_an_ordinary_user_as_well(ordinary_cloud, call, wait_until):
    cloud = ordinary_cloud()
    reaches_the_internet_only(call, cloud, cloud.function("internet"))
    reaches_nothing(call, cloud, cloud.function())
    attempts = [(how, address, HELLO if how == "tcp" else ECHO) for address in (THERE_6, PRIVATE_6, METADATA_6, HOST_6)
                for how in ("tcp", "udp")]
    results = call(cloud, cloud.function("internet"), *attempts)
    assert set(results) <= CLOSED, dict(zip(attempts, results))
    a_kill_leaves_nothing(cloud, call, wait_until)


def test_for_an_ordinary_user_the_list_is_the_same(ordinary_cloud, call):
    cloud = ordinary_cloud("--egress", "internet", "--egress-allow", "10.9.0.0/24")
    function = cloud.function()
    assert call(cloud, function, ("tcp", THERE, HELLO), ("tcp", PRIVATE, HELLO), ("udp", PRIVATE, ECHO)) == [
        f"{THERE} greets {HOST}", f"{PRIVATE} greets {HOST_PRIVATE}", [["eno", PRIVATE, ECHO], ["owt", PRIVATE, ECHO]]]
    closed = [("tcp", HOST_PRIVATE, HELLO), ("tcp", METADATA, HELLO), ("tcp", HOST, HELLO), ("tcp", THERE, MAIL), ("tcp", "127.0.0.1", HELLO)]
    results = call(cloud, function, *closed)
    assert set(results) <= CLOSED, dict(zip(closed, results))
    reaches_nothing(call, cloud, cloud.function("none"))
