"""Which substrate a function gets, and what is left of them."""

import hashlib
import os
import pathlib
import subprocess

import pytest
from botocore.exceptions import ClientError

BINARY = os.environ.get("CUMULET_BINARY", "")


def test_a_tag_that_names_no_substrate_of_the_server_is_refused(offering, function_on, aws_for, unique):
    with pytest.raises(ClientError, match="names no substrate of this server: process"):
        function_on(offering, "oci:no-such", unique("none"))
    function = function_on(offering, "process", unique("some"))
    arn = function.lam.get_function(FunctionName=function.name)["Configuration"]["FunctionArn"]
    with pytest.raises(ClientError, match="InvalidParameterValueException"):
        function.lam.tag_resource(Resource=arn, Tags={"cumulet:substrate": "oci:no-such"})


def test_a_function_moves_with_its_tag(make_function, need):
    need("oci:crun")
    function = make_function("process")
    assert [function()["calls"], function()["calls"]] == [1, 2]
    arn = function.lam.get_function(FunctionName=function.name)["Configuration"]["FunctionArn"]
    function.lam.tag_resource(Resource=arn, Tags={"cumulet:substrate": "oci:crun"})
    assert [function()["calls"], function()["calls"]] == [1, 2]


def test_a_substrate_that_cannot_work_keeps_the_server_from_starting(make_own_server):
    server = make_own_server(["--substrate", "oci:/no/such/runtime"])
    try:
        with pytest.raises(RuntimeError, match="there is no OCI runtime /no/such/runtime"):
            server.start()
    finally:
        server.remove()
    done = subprocess.run([BINARY, "serve", "--substrate", "magic"], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "'magic' is not a value for 'substrate'" in done.stdout + done.stderr


def groups_of(server, substrate):
    """The control groups of this server's sandboxes, with the processes in them."""
    state = os.path.realpath(os.path.join(server.data, "sandboxes", substrate.replace(":", "-")))
    name = "cumulet-sandboxes-" + hashlib.sha256(state.encode()).hexdigest()[:12]
    found = {}
    for folder, _, files in os.walk("/sys/fs/cgroup"):
        if name in folder and "cgroup.procs" in files:
            try:
                found[folder] = pathlib.Path(folder, "cgroup.procs").read_text().split()
            except OSError:  # gone in between
                pass
    return found


@pytest.mark.parametrize("substrate", ["oci:crun", "oci:runc"])
def test_kill_9_leaves_nothing_after_the_next_start(make_own_server, function_on, need, substrate):
    need(substrate)
    server = make_own_server(["--substrate", substrate]).start()
    try:
        function_on(server, substrate, "survivor")()
        assert any(groups_of(server, substrate).values())
        server.kill()
        server.start()
        assert function_on(server, substrate, "second")()["calls"] == 1
        server.stop()
        assert groups_of(server, substrate) == {}
    finally:
        server.remove()
