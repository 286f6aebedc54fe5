"""Bombs, floods and signals: they end at the environment's limits, or end the environment, and nothing of it remains."""

import os
import pathlib
import re
import threading
import urllib.request

import pytest


# --- signals ---

def test_init_takes_no_signal_from_inside(attack):
    assert attack({"do": "signal_init"}) in "SRD"
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    assert attack({"do": "signal_strangers", "pids": pids}) == []


@pytest.mark.parametrize("number", [9, 15])
def test_a_signal_to_all_ends_only_the_environment(attacker, number):
    function = attacker(Timeout=5)
    assert function.fails({"do": "signal_all", "signal": number})["errorType"] in ("Runtime.ExitError", "Sandbox.Timedout")
    assert function({"do": "find"}) == []


@pytest.mark.parametrize("deed", ["signal_runtime", "signal_all"])
def test_a_stopped_runtime_runs_into_its_time_limit(attacker, deed):
    function = attacker(Timeout=1)
    assert function.fails({"do": deed, "signal": 19})["errorType"] == "Sandbox.Timedout"
    assert function({"do": "find"}) == []


# --- bombs and floods ---

def test_processes_are_limited(attacker):
    function = attacker(MemorySize=512)
    count, reason = function({"probe": ["bomb"]}).split()
    assert reason == "EAGAIN" and int(count) <= 1024
    assert function({"do": "threads"}) <= 1024


def test_a_fork_bomb_ends_with_its_time(attacker, canary):
    function = attacker(Timeout=2, MemorySize=512)
    bomb = threading.Thread(target=function.fails, args=({"do": "fork_bomb"},))
    bomb.start()
    while bomb.is_alive():
        canary({"do": "find"})
    bomb.join()
    assert function({"do": "find"}) == []


@pytest.mark.parametrize("way", ["memory", "processes", "memory files", "/dev/shm", "segments", "sockets", "connections",
                                 "pipes"])
def test_memory_is_limited(attacker, way):
    """Memory of 128 MiB cannot be passed in any way: the way ends in an error, or the environment does."""
    function = attacker(Timeout=10)
    answer = function.anyhow({"do": "bomb", "way": way})
    if isinstance(answer, list):
        taken, reason = answer
        assert reason in ("ENOMEM", "ENOSPC", "ENOBUFS", "EMFILE", "EAGAIN"), answer
        assert reason in ("EMFILE", "EAGAIN") or taken <= 136, answer
    else:
        assert answer["errorType"] != "Sandbox.Timedout", answer
    function.anyhow({"do": "find"})  # What it holds still may end it now.
    assert function({"do": "find"}) is not None


def test_files_in_tmp_are_limited(attacker):
    function = attacker(EphemeralStorage={"Size": 600})
    written, reason = function({"do": "fill", "folder": "/tmp"})
    assert reason == "ENOSPC" and 595 <= written <= 600


def test_names_in_tmp_are_limited(attacker):
    function = attacker()
    made, reason = function({"do": "fill_with_names", "folder": "/tmp"})
    assert reason == "ENOSPC" and 30_000 < made <= 512 * 64
    made, reason = function({"do": "fill_with_names", "folder": "/dev/shm"})
    assert reason == "ENOSPC" and 8_000 < made <= 128 * 64


def test_descriptors_and_arguments_are_limited(attack):
    count, reason = attack({"do": "open_until_refused"})
    assert reason == "EMFILE" and count <= 1024
    assert attack({"do": "long_arguments"}) == ["E2BIG"] * 3


@pytest.mark.parametrize("port", [9001, 4566])
def test_connections_to_the_platform_are_limited(attacker, canary, endpoint, port):
    """One environment cannot use up the connections that all share."""
    function = attacker(MemorySize=512, Timeout=10)
    function.anyhow({"do": "flood", "processes": 4, "connections": 900, "port": port})
    with urllib.request.urlopen(endpoint + "/metrics") as answer:
        open_now = re.search(r"^cumulet_http_connections (\d+)", answer.read().decode(), re.MULTILINE)
    assert int(open_now[1]) < 700
    assert canary({"do": "find"}) == []


def groups_of(server):
    """The directories of the control groups of the server's sandboxes: it holds them open."""
    for fd in os.listdir(f"/proc/{server.process.pid}/fd"):
        try:
            path = os.readlink(f"/proc/{server.process.pid}/fd/{fd}")
        except OSError:
            continue
        if "/cumulet-sandboxes-" in path and os.path.isdir(path):
            yield pathlib.Path(path)


def value(path):
    return path.read_text().strip() if path.exists() else None


def test_processors_are_shared_in_proportion_to_memory(attacker, server):
    memory, shares, weight = 3538, 2048, 200
    function = attacker(MemorySize=memory)
    function({"do": "find"})
    groups = list(groups_of(server))
    mine = {group.name for group in groups if str(memory << 20) in (value(group / "memory.limit_in_bytes"),
                                                                    value(group / "memory.max"))}
    assert mine
    found = {(value(group / "cpu.shares"), value(group / "cpu.weight")) for group in groups if group.name in mine}
    assert (str(shares), None) in found or (None, str(weight)) in found
    # Together they leave something to the host.
    above = {group.parent for group in groups}
    assert any((value(group / "pids.max") or "max") != "max" for group in above)
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limits = [value(group / name) for group in above for name in ("memory.limit_in_bytes", "memory.max")]
    assert any(limit and limit != "max" and int(limit) < total for limit in limits)


def test_exact_shares_are_never_passed(make_server, attacker_on):
    """128 MiB are 0.07 of a processor on AWS, however idle the machine is."""
    function = attacker_on(make_server("--exact-cpus"))
    used, span = function({"do": "compute", "seconds": 0.7})
    assert used / span < 0.2


# --- nothing remains ---

@pytest.mark.parametrize("ending", ["crash", "signal_all", "update"])
def test_nothing_of_an_environment_remains(attacker, ending):
    function = attacker(Timeout=5)
    pid, files = function({"do": "leave", "mark": "secret"})
    assert files == ["left"] and len(function({"do": "find"})) >= 6
    if ending == "update":
        function.lam.update_function_configuration(FunctionName=function.name, Environment={"Variables": {"NAME": "b"}})
        function.lam.get_waiter("function_updated_v2").wait(FunctionName=function.name)
    else:
        function.fails({"do": ending, "signal": 9})
    assert function({"do": "find"}) == []
    assert attacker()({"do": "find"}) == []


def test_code_goes_with_its_function(attacker, server, wait_until, unique):
    """What was unpacked stays as long as some function is made of it, and no longer."""
    mark = unique("mark")
    files = {mark: "x"}

    def unpacked():
        return list(pathlib.Path(server.data, "code").glob(f"*/*/{mark}"))

    first, second = attacker(files=files), attacker(files=files)
    assert first({"do": "find"}) == second({"do": "find"}) == [] and unpacked()
    first.lam.delete_function(FunctionName=first.name)
    second.fails({"do": "crash"})
    assert second({"do": "run", "command": ["/bin/cat", f"/var/task/{mark}"]})[1] == "x"
    second.lam.delete_function(FunctionName=second.name)
    wait_until(lambda: not unpacked(), what="the unpacked package to go")
