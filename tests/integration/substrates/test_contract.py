"""What a function may rely on in a container that an OCI runtime has made."""

import errno
import re

import pytest


@pytest.mark.parametrize("substrate", ["oci:crun", "oci:runc"])
def test_it_runs_is_warm_and_logs(make_function, substrate):
    function = make_function(substrate)
    assert [function()["calls"], function()["calls"]] == [1, 2]
    log = function.logged({"do": "print", "text": "a line of its own"})
    assert "a line of its own" in log
    assert re.search(r"REPORT RequestId: \S+\tDuration: .*Memory Size: 256 MB\tMax Memory Used: \d+ MB", log)
    assert function()["filter"] == "2" and function({"do": "kernel"})["mount"] == errno.EPERM


def test_node_and_a_program_of_its_own(make_function):
    assert make_function("oci:crun", "node")({"name": "world"})["hello"] == "world"
    program = make_function("oci:crun", "provided")
    for i in range(2):
        assert program({"number": i}) == {"echo": {"number": i}}


def test_identity_and_environment(function):
    seen = function()
    assert (seen["user"], seen["group"], seen["folder"], seen["host"]) == (993, 990, "/var/task", "sandbox")
    assert set(seen["capabilities"]) == {"0000000000000000"}
    assert (seen["no_new_privileges"], seen["filter"]) == ("1", "2")
    assert seen["environment"]["GREETING"] == "good day" and seen["environment"]["EMPTY"] == ""
    assert seen["environment"]["AWS_LAMBDA_FUNCTION_NAME"] == function.name
    assert "app.py" in seen["task"]


def test_tmp_can_be_written_and_all_else_is_read_only(function):
    assert function({"do": "write", "path": "/tmp/file"}) == 0
    for folder in ("/", "/var/task", "/usr", "/etc", "/var/runtime", "/opt", "/proc/sys/kernel/domainname"):
        path = folder if folder.startswith("/proc") else folder.rstrip("/") + "/file"
        assert function({"do": "write", "path": path}) in (errno.EROFS, errno.EACCES, errno.EPERM), path


def test_errors_crashes_and_time_are_told_as_everywhere(make_function):
    function = make_function("oci:crun")
    raised = function.fails({"do": "raise"})
    assert (raised["errorType"], raised["errorMessage"]) == ("ValueError", "as asked")
    crashed = function.fails({"do": "exit", "status": 7})
    assert crashed["errorType"] == "Runtime.ExitError" and "exit status 7" in crashed["errorMessage"]
    crashed = function.fails({"do": "die", "signal": 11})
    assert crashed["errorType"] == "Runtime.ExitError" and "signal: segmentation fault" in crashed["errorMessage"]
    assert function()["calls"] == 1
    hasty = make_function("oci:crun", Timeout=1)
    assert hasty.fails({"do": "sleep", "seconds": 100})["errorType"] == "Sandbox.Timedout"


def test_memory_ends(make_function):
    function = make_function("oci:crun", MemorySize=128)
    log = function.logged({"do": "remember"})
    assert "Error Type: Runtime.OutOfMemory" in log, log
    assert function()["calls"] == 1


def test_the_platform_answers_and_nothing_else_does(function, offering):
    assert function({"do": "buckets"}) == []
    for host, port in (("127.0.0.1", offering.port), ("169.254.169.254", 80), ("192.0.2.1", 80)):
        assert function({"do": "reach", "host": host, "port": port}) != 0
    assert function({"do": "interfaces"}) == ["lo"]


def test_the_kernel_refuses(function):
    refused = function({"do": "kernel"})
    assert all(refused.values()), refused
    assert refused["mount"] == refused["ptrace"] == refused["bpf"] == errno.EPERM
    assert refused["clone3"] == errno.ENOSYS


def test_processes_are_its_own_and_end_with_it(make_function):
    function = make_function("oci:crun")
    assert function({"do": "signal_init"}) == "still here"
    function({"do": "orphan"})
    assert 2 <= len(function({"do": "processes"})) <= 4
    function.fails({"do": "exit", "status": 1})
    assert len(function({"do": "processes"})) <= 3
