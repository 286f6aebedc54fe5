"""What no function must be able to do, tried from inside the sandboxes of a real server: it is refused, for a good
reason, and the server goes on serving others."""

import io
import os
import pathlib
import socket
import stat
import threading
import zipfile

import pytest

REFUSALS = {"EPERM", "EACCES", "ENOENT", "EROFS", "ENOSYS", "ENOTDIR"}


def all_refused(answers, others=None, at_least=1):
    """`others` names the attempts that fail in another way, and how."""
    others = others or {}
    wrong = {name: answer for name, answer in answers.items()
             if answer not in REFUSALS and answer not in others.get(name.split(" ")[0], ()) and
             answer not in others.get(name, ())}
    assert not wrong
    assert len(answers) >= at_least


def test_the_static_program_gets_nowhere(attack, server):
    lines = attack({"probe": ["escape", str(server.port)]}).splitlines()
    answers = dict(line.split(" ") for line in lines)
    all_refused(answers, {"setuid-root": {"EINVAL"}, "setgid-root": {"EINVAL"}, "host-port": {"ECONNREFUSED"},
                          "internet": {"ENETUNREACH"}, "host-abstract-socket": {"ECONNREFUSED"}}, at_least=120)


def test_kernel_doors_are_closed(attack):
    answers = attack({"try": "kernel"})
    # The parent is the function's own runtime, which need not be protected from it; that is no reason to allow it.
    all_refused(answers, {"root": {"EINVAL"}, "new-privileges": {"EINVAL"}, "seccomp-off": {"EINVAL", "EACCES"},
                          "message-queue": {"EMFILE"}},
                at_least=50)


def test_files_of_others_cannot_be_read_or_written(attack, server):
    answers = attack({"try": "files", "data": server.data})
    all_refused(answers, {"read": {"ENODATA"}, "code: rename": {"EROFS"}, "code: link out": {"EXDEV"},
                          "runtime: link out": {"EXDEV"}, "code: replace by a link": {"EROFS"},
                          "code: attribute": {"EROFS", "EOPNOTSUPP"}, "host program": {"ETXTBSY", "EROFS"},
                          "root: rename": {"EROFS", "EBUSY", "EXDEV"}, "tmp: replace": {"EROFS", "EBUSY", "EXDEV"},
                          "proc: replace": {"EROFS", "EBUSY", "EXDEV"}, "write": {"ENXIO", "EIO", "EISDIR"},
                          "descriptor of the old root": {"IndexError: list index out of range"}}, at_least=120)


def test_nothing_is_inherited(attack):
    seen = attack({"do": "look"})
    status = seen["status"]
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    assert {status[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
    assert status["Uid"].split() == ["993"] * 4 and status["Gid"].split() == ["990"] * 4
    assert status["Groups"].strip() in ("", "65534")
    for fd, target in seen["descriptors"].items():
        assert target == "/dev/null" or target.startswith(("pipe:", "socket:", "/proc/", "anon_inode:[event")), (fd, target)
    sockets = [fd for fd, target in seen["descriptors"].items() if target.startswith("socket:")]
    assert len(sockets) <= 1, "the connection to the Runtime API, and no other"
    assert sum(" -> " in line for line in seen["of a child"].splitlines()) <= 5
    for place, options in seen["mounts"].items():
        assert "nosuid" in options.split(","), (place, options)
        if place not in ("/tmp", "/dev/shm"):
            assert "ro" in options.split(","), (place, options)
        if not place.startswith(("/dev", "/proc")):
            assert "nodev" in options.split(","), (place, options)
    assert {line.rsplit(":", 1)[1] for line in seen["groups"].split()} == {"/"}
    assert seen["processes"][0] == 1 and len(seen["processes"]) <= 3
    assert seen["interfaces"] == ["lo"]
    assert not seen["environment of init"]


def test_programs_cannot_become_somebody_else(attack):
    status, output, _ = attack({"do": "run", "command": ["/var/task/probe", "setuid"]})
    # The package asks for a program that runs as its owner: the mark is not even kept.
    assert (status, output) == (64, "")
    assert attack({"do": "run", "command": ["/bin/stat", "-c", "%a", "/var/task/probe"]})[1].strip() in ("755", "555")
    for program in ("/usr/bin/su", "/usr/bin/passwd", "/usr/bin/mount", "/usr/bin/newgrp"):
        if os.path.exists(program):
            assert attack({"do": "run", "command": [program, "root"]})[0] != 0
    assert attack({"do": "run", "command": ["/usr/bin/id", "-u"]})[1] == "993\n"


def host_addresses():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
            return [s.getsockname()[0]]
        except OSError:
            return []


def abstract_names():
    with open("/proc/net/unix") as table:
        return [line.split()[-1][1:] for line in table if line.split()[-1].startswith("@")][:5]


def test_only_the_platform_can_be_reached(attack, server):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("\0cumulet-escape-test")
    listener.listen()
    answers = attack({"try": "network", "port": server.port, "addresses": host_addresses(),
                      "abstract": ["cumulet-escape-test", *abstract_names()]})
    unreachable = {"ENETUNREACH", "EHOSTUNREACH"}
    all_refused(answers, {
        "connect": unreachable, "send": unreachable, "abstract": {"ECONNREFUSED"}, "the server's port": {"ECONNREFUSED"},
        "the server's port, v6": {"ECONNREFUSED", "EADDRNOTAVAIL"}, "the server's port, mapped": {"ECONNREFUSED"},
        "the internet, v6": unreachable | {"EADDRNOTAVAIL"}, "metadata, v6": unreachable | {"EADDRNOTAVAIL"},
        "a name": unreachable, "the metadata's name": unreachable, "interfaces besides lo": {"ENODEV"},
        "low port": {"EACCES", "EADDRINUSE"}, "the runtime's port": {"EADDRINUSE"},
        "the runtime's port, shared": {"EADDRINUSE"}, "the platform's port, shared": {"EADDRINUSE"},
        "ping socket": {"EACCES"}}, at_least=40)
    listener.close()


def test_neighbours_cannot_be_reached(attacker):
    first, second = attacker(), attacker()
    second({"do": "reach"})
    holding = threading.Thread(target=first, args=({"do": "hold", "seconds": 1},))
    holding.start()
    while holding.is_alive():
        answers = second({"do": "reach"})
        assert answers == ["ECONNREFUSED", "ECONNREFUSED", "ENOENT"]
    holding.join()


def test_races_for_the_code_directory_are_lost(attacker, server, unique):
    """While functions try to slip links in, their code is shown anew again and again: parked, linked, updated, deleted."""
    mark = unique("mark")
    racers = [attacker(files={mark: "whole"}, Timeout=20) for _ in range(2)]
    answers = []
    running = [threading.Thread(target=lambda racer=racer: answers.append(racer({"do": "race", "seconds": 3}))) for racer in racers]
    for thread in running:
        thread.start()
    rounds = 0
    while any(thread.is_alive() for thread in running):
        rounds += 1
        racers[0].lam.update_function_configuration(FunctionName=racers[0].name, Description=str(rounds))
        seen = racers[0]({"do": "run", "command": ["/bin/cat", f"/var/task/{mark}"]})
        assert seen[:2] == [0, "whole"]
        fresh = attacker(files={mark: "whole"})
        assert fresh({"do": "run", "command": ["/bin/ls", "-A", "/var/task"]})[1].split().count(mark) == 1
        fresh.lam.delete_function(FunctionName=fresh.name)
    assert rounds > 1 and answers == [[], []]
    # On the host's side the packages are as they came, with no link among them.
    names = {path.name for path in (pathlib.Path(__file__).parent / "function").glob("*.py")} | {"probe", mark}
    packages = [path.parent for path in pathlib.Path(server.data, "code").glob(f"*/*/{mark}")]
    assert packages
    for folder in packages:
        assert {path.name for path in folder.iterdir()} == names and not any(path.is_symlink() for path in folder.iterdir())
        assert (folder / mark).read_text() == "whole"


def test_packages_with_links_that_lead_out_are_refused(aws, role, unique):
    lam = aws("lambda")
    for target in ("/etc/shadow", "../../../../etc", "a/../../../x", "/proc/1/root"):
        memory = io.BytesIO()
        with zipfile.ZipFile(memory, "w") as archive:
            archive.writestr("app.py", "def handler(event, context):\n    return 1\n")
            link = zipfile.ZipInfo("link")
            link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
            archive.writestr(link, target)
        with pytest.raises(lam.exceptions.InvalidParameterValueException):
            lam.create_function(FunctionName=unique("linked"), Runtime="python3.11", Role=role, Handler="app.handler",
                                Code={"ZipFile": memory.getvalue()})


# --- the platform's own doors ---

def test_the_runtime_api_serves_only_its_own_environment(attacker):
    first, second = attacker(), attacker()

    def ask(function, text, **more):
        return function({"do": "request", "port": 9001, "bytes": text, **more})

    def post(path, body="{}"):
        return f"POST /2018-06-01/runtime/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}"

    reply = second.lam.invoke(FunctionName=second.name, Payload='{"do": "who"}')
    other = reply["ResponseMetadata"]["RequestId"]
    for path in (f"invocation/{other}/response", f"invocation/{other}/error", "invocation/x/response",
                 "invocation/../response", "invocation/%2e%2e/response", f"invocation/{'a' * 129}/response"):
        assert ask(first, post(path)).split(" ")[1] in ("400", "404"), path
    # Its own invocation runs: there is no next one yet, no second initialisation, no other function to become.
    assert ask(first, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n").split(" ")[1] == "403"
    assert ask(first, "GET /2018-06-01/park HTTP/1.1\r\nHost: x\r\n\r\n").split(" ")[1] == "403"
    assert ask(first, post("init/error")).split(" ")[1] in ("403", "400")
    # Requests that two readers could understand differently are refused.
    smuggled = ("POST /2018-06-01/runtime/invocation/x/response HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
                "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    assert ask(first, smuggled).split(" ")[1] == "400"
    # The platform's door does not know the Runtime API.
    answer = first({"do": "request", "port": 4566, "bytes": "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n"
                                                            "Host: x\r\nConnection: close\r\n\r\n", "all": True})
    assert answer.split(" ")[1] in ("403", "404", "400")
    assert first({"do": "find"}) == [] and second({"do": "find"}) == []


def test_credentials_are_each_environments_own(attacker, server):
    first, second = attacker()({"do": "who"}), attacker()({"do": "who"})
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_LOG_STREAM_NAME"):
        assert first[name] != second[name]
    assert server.secret_key not in (first["AWS_SECRET_ACCESS_KEY"], second["AWS_SECRET_ACCESS_KEY"])
    assert server.access_key not in first.values()
