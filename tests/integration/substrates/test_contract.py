"""What a function may rely on is the same on every substrate."""

import concurrent.futures
import errno
import re

import pytest


def test_python_says_hello_and_is_warm_then(make_function):
    function = make_function()
    assert function()["calls"] == 1
    assert function()["calls"] == 2


def test_node_says_hello(make_function):
    assert make_function("node")({"name": "world"})["hello"] == "world"


def test_a_program_of_its_own_says_hello(make_function):
    function = make_function("provided")
    for i in range(2):
        assert function({"number": i}) == {"echo": {"number": i}}


def test_identity_and_environment(function):
    seen = function()
    assert (seen["user"], seen["group"], seen["folder"], seen["host"]) == (993, 990, "/var/task", "sandbox")
    assert set(seen["capabilities"]) == {"0000000000000000"}
    assert (seen["no_new_privileges"], seen["filter"]) == ("1", "2")
    assert seen["environment"]["GREETING"] == "good day" and seen["environment"]["EMPTY"] == ""
    assert seen["environment"]["AWS_LAMBDA_FUNCTION_NAME"] == function.name
    assert "app.py" in seen["task"]


def test_tmp_has_its_size_and_all_else_is_read_only(function):
    assert function({"do": "write", "path": "/tmp/file"}) == 0
    written, reason = function({"do": "fill", "path": "/tmp/large"})
    assert reason == errno.ENOSPC and 570 <= written <= 600
    for folder in ("/", "/var/task", "/usr", "/etc", "/var/runtime", "/opt", "/proc/sys/kernel/domainname"):
        path = folder if folder.startswith("/proc") else folder.rstrip("/") + "/file"
        assert function({"do": "write", "path": path}) in (errno.EROFS, errno.EACCES, errno.EPERM), path


def test_logs_and_the_report(function):
    log = function.logged({"do": "print", "text": "a line of its own"})
    assert "a line of its own" in log
    assert re.search(r"REPORT RequestId: \S+\tDuration: .*Memory Size: 256 MB\tMax Memory Used: \d+ MB", log)


def test_an_error_is_the_functions_own(function):
    assert function.fails({"do": "raise"}) | {"stackTrace": None, "requestId": None} == {
        "errorType": "ValueError", "errorMessage": "as asked", "stackTrace": None, "requestId": None}
    assert function()["user"] == 993


def test_time_ends(make_function):
    function = make_function(Timeout=1)
    assert function.fails({"do": "sleep", "seconds": 50})["errorType"] == "Sandbox.Timedout"
    assert function()["calls"] == 1


@pytest.mark.parametrize("event, said", [({"do": "exit", "status": 7}, "exit status 7"),
                                         ({"do": "die", "signal": 11}, "signal: segmentation fault")])
def test_a_crash_says_how(make_function, event, said):
    function = make_function()
    error = function.fails(event)
    assert error["errorType"] == "Runtime.ExitError" and said in error["errorMessage"]
    assert function()["calls"] == 1


def test_memory_ends(make_function):
    function = make_function(MemorySize=128)
    log = function.logged({"do": "remember"})
    assert "Error Type: Runtime.OutOfMemory" in log, log
    assert function()["calls"] == 1


def test_two_at_once_are_two_environments(make_function):
    function = make_function()
    with concurrent.futures.ThreadPoolExecutor(2) as callers:
        list(callers.map(function, [{"do": "sleep", "seconds": 1}] * 2))
    assert sorted(function()["calls"] for _ in range(2)) == [1, 2]


def test_the_platform_answers_and_nothing_else_does(function, offering, substrate):
    assert function({"do": "buckets"}) == []
    assert function({"do": "reach", "host": "127.0.0.1", "port": offering.port}) != 0
    for host in ("169.254.169.254", "10.0.2.2", "192.0.2.1"):
        assert function({"do": "reach", "host": host, "port": 80}) != 0
    assert function({"do": "interfaces"}) in (["lo"], ["lo", "eth0"])


def test_the_kernel_refuses(function):
    refused = function({"do": "kernel"})
    assert all(refused.values()), refused
    assert refused["mount"] == refused["ptrace"] == refused["bpf"] == errno.EPERM
    assert refused["clone3"] == errno.ENOSYS


def test_processes_are_its_own(function):
    assert len(function({"do": "processes"})) <= 3
    assert function({"do": "signal_init"}) == "still here"


def test_what_is_left_behind_ends_with_the_environment(make_function):
    function = make_function()
    function({"do": "orphan"})
    function.fails({"do": "exit", "status": 1})
    assert len(function({"do": "processes"})) <= 3
