"""Functions in microVMs: one server, and as few boots as will do (each takes seconds where QEMU emulates)."""

import errno
import os
import pathlib
import re
import shutil
import subprocess
import time

import pytest

BINARY = os.environ.get("CUMULET_BINARY", str(pathlib.Path(__file__).parents[3] / "build/release/cumulet"))


def kernel_arguments():
    """The kernel that ./test has unpacked, where /boot has none."""
    kernels = sorted(pathlib.Path(__file__).parents[3].glob("build/guest-kernel/boot/vmlinuz-*"))
    kernel = os.environ.get("CUMULET_TEST_MICROVM_KERNEL") or (str(kernels[0]) if kernels else "")
    return ["--microvm-kernel", kernel] if kernel else []


@pytest.fixture(scope="module")
def host(make_own_server):
    if not shutil.which("qemu-system-x86_64"):
        pytest.skip("QEMU is not installed")
    if not kernel_arguments() and not list(pathlib.Path("/boot").glob("vmlinuz-*")):
        pytest.skip("there is no kernel for guests")
    if os.geteuid() != 0:
        pytest.skip("microVMs need root")
    server = make_own_server(["--substrate", "process,microvm", *kernel_arguments()]).start()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def function(host, function_on):
    """For the tests that do it no harm."""
    return function_on(host, "microvm", "shared", Environment={"Variables": {"GREETING": "good day", "EMPTY": ""}})


def machines(server):
    """The processes of this server's QEMUs."""
    found = subprocess.run(["pgrep", "-P", str(server.process.pid), "qemu-system"], capture_output=True, text=True)
    return found.stdout.split()


def test_it_runs_is_warm_and_logs(function, host):
    assert [function()["calls"], function()["calls"]] == [1, 2]
    assert len(machines(host)) == 1
    log = function.logged({"do": "print", "text": "a line of its own"})
    # Nothing of the guest's kernel is among it.
    assert [line for line in log.splitlines() if line.split()[0] not in ("START", "END", "REPORT")] == ["a line of its own"]
    memory = re.search(r"Memory Size: 256 MB\tMax Memory Used: (\d+) MB", log)
    assert memory and 5 <= int(memory[1]) <= 200, log


def test_identity_environment_and_walls(function):
    seen = function()
    assert (seen["user"], seen["group"], seen["folder"], seen["host"]) == (993, 990, "/var/task", "sandbox")
    assert set(seen["capabilities"]) == {"0000000000000000"}
    assert (seen["no_new_privileges"], seen["filter"]) == ("1", "2")
    assert seen["environment"]["GREETING"] == "good day" and seen["environment"]["EMPTY"] == ""
    assert seen["environment"]["AWS_LAMBDA_FUNCTION_NAME"] == function.name
    assert function({"do": "write", "path": "/tmp/file"}) == 0
    for path in ("/file", "/var/task/file", "/usr/file", "/etc/file", "/opt/file", "/proc/sys/kernel/domainname"):
        assert function({"do": "write", "path": path}) in (errno.EROFS, errno.EACCES, errno.EPERM), path
    assert function({"do": "signal_init"}) == "still here"
    assert len(function({"do": "processes"})) <= 3
    refused = function({"do": "kernel"})
    assert refused["mount"] == refused["ptrace"] == refused["bpf"] == errno.EPERM and all(refused.values()), refused


def test_the_platform_answers_and_nothing_else_does(function, host):
    assert function({"do": "interfaces"}) == ["lo"]
    assert function({"do": "ask"}) in (200, 400, 403)
    for address, port in (("127.0.0.1", host.port), ("10.0.2.2", 9001), ("169.254.169.254", 80), ("192.0.2.1", 80)):
        assert function({"do": "reach", "host": address, "port": port}) != 0
    text = "0123456789" * 300_000
    assert function({"do": "echo", "text": text}) == text


def test_a_thawed_machine_has_the_right_time(function, host, wait_until):
    function()
    groups = pathlib.Path(f"/proc/{machines(host)[0]}/cgroup").read_text().splitlines()
    group = next(line.split("::", 1)[1] for line in groups if "::" in line)
    mounts = [line.split()[1] for line in open("/proc/mounts") if line.split()[2] == "cgroup2"]
    if mounts:
        events = pathlib.Path(mounts[0] + group, "cgroup.events")
        wait_until(lambda: "frozen 1" in events.read_text(), 30, "the machine to be frozen")
    assert abs(function({"do": "clock"}) - time.time()) < 2


def test_errors_exits_time_and_memory_are_told_as_everywhere(host, function_on):
    fragile = function_on(host, "microvm", "fragile", Timeout=30, MemorySize=128)
    raised = fragile.fails({"do": "raise"})
    assert (raised["errorType"], raised["errorMessage"]) == ("ValueError", "as asked")
    crashed = fragile.fails({"do": "exit", "status": 7})
    assert crashed["errorType"] == "Runtime.ExitError" and "exit status 7" in crashed["errorMessage"]
    log = fragile.logged({"do": "remember"})
    assert "Error Type: Runtime.OutOfMemory" in log, log
    fragile.lam.update_function_configuration(FunctionName=fragile.name, Timeout=1)
    fragile.lam.get_waiter("function_updated_v2").wait(FunctionName=fragile.name)
    assert fragile.fails({"do": "sleep", "seconds": 100})["errorType"] == "Sandbox.Timedout"


def test_kill_9_leaves_no_machine(host, function, wait_until):
    function()
    left = machines(host)
    assert left
    host.kill()
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in left), 30, "the end of the machines")
    host.start()
    assert not [group for group, _, _ in os.walk("/sys/fs/cgroup") if group.endswith("/s0") and "microvm" in group]
    assert os.listdir(os.path.join(host.data, "sandboxes/microvm/roots")) == []


def test_a_kernel_that_is_none_keeps_the_server_from_starting(make_own_server, tmp_path):
    if not shutil.which("qemu-system-x86_64") or os.geteuid() != 0:
        pytest.skip("QEMU is not installed, or this is not root")
    wrong = tmp_path / "vmlinuz"
    wrong.write_text("no kernel")
    server = make_own_server(["--substrate", "microvm", "--microvm-kernel", str(wrong)])
    try:
        with pytest.raises(RuntimeError, match="is no kernel for x86-64"):
            server.start()
    finally:
        server.remove()
