"""The server as an ordinary user: sandboxes in a user namespace, with the same walls."""

import ctypes
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[2]
BINARY = pathlib.Path(os.environ.get("CUMULET_BINARY", str(ROOT / "build/release/cumulet")))
NOBODY = 65534

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="changes its user")


@pytest.fixture(scope="module")
def place():
    """A folder that nobody can read, with the binary and the runtimes: this checkout may be closed to it."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="cumulet-rootless-"))
    shutil.copy(BINARY, folder / "cumulet")
    shutil.copytree(ROOT / "runtimes", folder / "runtimes")
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def as_nobody(place, *arguments):
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all", str(place / "cumulet"),
            *arguments]


def allowed():
    return subprocess.run(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "unshare", "-Ur", "true"],
                          capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def rootless(make_own_server, place):
    server = make_own_server(["--runtimes", str(place / "runtimes")], as_nobody(place))
    os.chown(server.data, NOBODY, NOBODY)
    yield server
    server.remove()


@pytest.fixture(scope="module")
def attacker(rootless, attacker_on):
    if not allowed():
        pytest.skip("this kernel allows no user namespaces to ordinary users")
    rootless.start()
    return attacker_on(rootless, Timeout=20, MemorySize=512)


def test_functions_run_behind_the_same_walls(attacker, rootless):
    seen = attacker({"do": "look"})
    assert seen["status"]["Uid"].split() == ["993"] * 4
    assert {seen["status"][f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
    assert seen["status"]["NoNewPrivs"] == "1" and seen["status"]["Seccomp"] == "2"
    assert seen["interfaces"] == ["lo"] and seen["processes"][0] == 1 and len(seen["processes"]) <= 3
    for place, options in seen["mounts"].items():
        assert "nosuid" in options.split(","), (place, options)
        if place not in ("/tmp", "/dev/shm") and not place.startswith("/dev/"):
            assert "ro" in options.split(","), (place, options)
    refusals = {"EPERM", "EACCES", "ENOENT", "EROFS", "ENOSYS", "ENOTDIR", "ENODATA"}
    for name, answer in attacker({"try": "files", "data": rootless.data}).items():
        if name.startswith("read"):
            assert answer in refusals, (name, answer)
        # A write to the null device, which covers this file; and the same user's numbers, of which none can be opened.
        if name not in ("write /proc/mtrr", "list of init's descriptors"):
            assert not answer.startswith("done"), (name, answer)
    for name, answer in attacker({"try": "kernel"}).items():
        assert not answer.startswith("done"), (name, answer)


def test_memory_and_processes_are_limited_without_groups(attacker):
    for way in ("memory", "processes", "/dev/shm"):
        answer = attacker.anyhow({"do": "bomb", "way": way})
        assert "errorType" in answer or answer[1] == "ENOSPC" and answer[0] <= 520, answer
    answer = attacker.anyhow({"probe": ["bomb"]})
    if isinstance(answer, str):
        count, reason = answer.split()
        assert reason == "EAGAIN" and int(count) <= 1024
    else:  # Seen while they were many: a thousand processes have memory as well.
        assert answer["errorMessage"].endswith("signal: killed"), answer
    assert attacker({"do": "look"})["processes"][0] == 1


def test_nothing_of_an_environment_remains(attacker):
    attacker({"do": "leave", "mark": "x"})
    attacker.fails({"do": "crash"})
    assert attacker({"do": "find"}) == []


def test_environments_stop_between_invocations(attacker, rootless, wait_until):
    attacker({"do": "leave", "mark": "x"})

    def stopped():
        states = []
        for folder in pathlib.Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    if (folder / "cmdline").read_bytes().startswith(b"/bin/sleep\x001000") and \
                            (folder / "status").stat().st_uid == NOBODY:
                        states.append((folder / "stat").read_text().rsplit(") ", 1)[1][0])
                except (FileNotFoundError, ProcessLookupError):
                    pass
        return states and set(states) == {"T"}

    wait_until(stopped, what="the function's process to stand still")
    assert attacker({"do": "find"})


def forbid_user_namespaces():
    """In the child: an ordinary user of a world whose owner allows no user namespaces. (Root may set that limit only in a
    user namespace of its own, which the parent has to give its users.)"""
    libc = ctypes.CDLL(None, use_errno=True)
    ready, mapped = os.pipe(), os.pipe()
    parent = os.getpid()
    helper = os.fork()
    if helper == 0:
        os.read(ready[0], 1)
        for name in ("uid_map", "gid_map"):
            pathlib.Path(f"/proc/{parent}/{name}").write_text("0 0 70000")
        os.write(mapped[1], b"x")
        os._exit(0)
    if libc.unshare(0x10000000) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    os.write(ready[1], b"x")
    os.read(mapped[0], 1)
    os.waitpid(helper, 0)
    pathlib.Path("/proc/sys/user/max_user_namespaces").write_text("0")
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def test_a_kernel_that_forbids_it_is_named_at_the_start(place, tmp_path):
    command = [str(place / "cumulet"), "serve", "--listen", "127.0.0.1:0", "--data-dir", str(tmp_path / "data")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd="/", preexec_fn=forbid_user_namespaces)
    assert done.returncode == 1 and "is ready" not in done.stdout
    assert "needs a user namespace to build sandboxes" in done.stderr
    assert "sysctl -w user.max_user_namespaces" in done.stderr and "as root" in done.stderr


def test_doctor_says_what_is_different(place):
    if not allowed():
        pytest.skip("this kernel allows no user namespaces to ordinary users")
    done = subprocess.run(as_nobody(place, "doctor", "--runtimes", str(place / "runtimes")), capture_output=True, text=True,
                          cwd="/")
    assert "user namespace, all as the server's own user" in done.stdout
    assert done.returncode == 0, done.stdout
