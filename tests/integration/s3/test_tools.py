"""Tools that people use with S3, as they come from Debian. Those that are not installed are skipped (./test installs them)."""

import os
import pathlib
import shutil
import subprocess
import time

import pytest

REGION = "eu-central-1"


def need(program):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")


@pytest.fixture
def files(tmp_path):
    """A folder with small, nested, empty and large files, and names that must be escaped."""
    folder = tmp_path / "files"
    for name, size in (("a.txt", 10), ("empty", 0), ("nested/deep/b", 5000), ("nested/sp ace+%/ü.bin", 70_000),
                       ("large", 11 << 20)):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size))
    return folder


def same(left, right):
    def content(folder):
        return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    return content(pathlib.Path(left)) == content(pathlib.Path(right))


@pytest.fixture
def tool(server, tmp_path):
    """tool("rclone", …): runs a program with the server's credentials; gives what it printed."""

    def run(*arguments, **variables):
        environment = {**server.environment, "HOME": str(tmp_path), **variables}
        done = subprocess.run([str(a) for a in arguments], env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_rclone(tool, server, files, bucket, tmp_path):
    need("rclone")
    options = dict(RCLONE_CONFIG_C_TYPE="s3", RCLONE_CONFIG_C_PROVIDER="Other", RCLONE_CONFIG_C_ENV_AUTH="true",
                   RCLONE_CONFIG_C_ENDPOINT=server.endpoint, RCLONE_CONFIG_C_REGION=REGION,
                   RCLONE_S3_CHUNK_SIZE="5M", RCLONE_S3_UPLOAD_CUTOFF="6M", RCLONE_CONFIG="/dev/null")
    tool("rclone", "sync", files, f"c:{bucket}/up", **options)
    tool("rclone", "check", files, f"c:{bucket}/up", **options)
    (files / "a.txt").unlink()
    (files / "b.txt").write_text("new")
    tool("rclone", "sync", files, f"c:{bucket}/up", **options)
    assert "b.txt" in tool("rclone", "lsf", f"c:{bucket}/up", **options)
    tool("rclone", "copy", f"c:{bucket}/up", f"c:{bucket}/server-side", **options)
    tool("rclone", "sync", f"c:{bucket}/server-side", tmp_path / "down", **options)
    assert same(files, tmp_path / "down")
    tool("rclone", "purge", f"c:{bucket}/up", **options)
    assert tool("rclone", "lsf", f"c:{bucket}", **options).split() == ["server-side/"]


def test_s3cmd(tool, server, files, bucket, tmp_path):
    need("s3cmd")
    config = tmp_path / "s3cfg"
    config.write_text(f"""[default]
access_key = {server.access_key}
secret_key = {server.secret_key}
host_base = 127.0.0.1:{server.port}
host_bucket = 127.0.0.1:{server.port}
bucket_location = {REGION}
use_https = False
multipart_chunk_size_mb = 5
""")
    s3cmd = ["s3cmd", "--quiet", "-c", config]
    tool(*s3cmd, "sync", f"{files}/", f"s3://{bucket}/up/")
    listed = tool("s3cmd", "-c", config, "ls", "--recursive", f"s3://{bucket}/")
    assert "up/nested/deep/b" in listed and "up/large" in listed
    tool(*s3cmd, "cp", f"s3://{bucket}/up/a.txt", f"s3://{bucket}/copy.txt")
    tool(*s3cmd, "mv", f"s3://{bucket}/copy.txt", f"s3://{bucket}/moved.txt")
    assert "MD5 sum" in tool("s3cmd", "-c", config, "info", f"s3://{bucket}/moved.txt")
    down = tmp_path / "down"
    down.mkdir()
    tool(*s3cmd, "sync", f"s3://{bucket}/up/", f"{down}/")
    assert same(files, down)
    tool(*s3cmd, "del", "--recursive", "--force", f"s3://{bucket}/")
    tool(*s3cmd, "rb", f"s3://{bucket}")


def test_restic(tool, server, files, bucket, tmp_path):
    need("restic")
    restic = ["restic", "--quiet", "--repo", f"s3:{server.endpoint}/{bucket}/repo"]
    secret = dict(RESTIC_PASSWORD="a secret", RESTIC_CACHE_DIR=str(tmp_path / "cache"))
    tool(*restic, "init", **secret)
    tool(*restic, "backup", files, **secret)
    (files / "a.txt").write_text("changed")
    tool(*restic, "backup", files, **secret)
    tool(*restic, "forget", "--keep-last", "1", "--prune", **secret)
    tool(*restic, "check", "--read-data", **secret)
    tool(*restic, "restore", "latest", "--target", tmp_path / "restored", **secret)
    assert same(files, pathlib.Path(f"{tmp_path}/restored{files}"))


def test_s3fs(tool, server, files, bucket, tmp_path):
    need("s3fs")
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError:
        pytest.skip("/dev/fuse cannot be opened")
    mount, password = tmp_path / "mount", tmp_path / "password"
    mount.mkdir()
    password.write_text(f"{server.access_key}:{server.secret_key}")
    password.chmod(0o600)
    options = f"passwd_file={password},url={server.endpoint},use_path_request_style,endpoint={REGION},multipart_size=5"
    process = subprocess.Popen(["s3fs", bucket, mount, "-f", "-o", options], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True, env=server.environment)
    try:
        deadline = time.monotonic() + 20
        while not os.path.ismount(mount):
            if process.poll() is not None:
                pytest.skip("mounting is not allowed here: " + process.stderr.read()[-200:])
            assert time.monotonic() < deadline
            time.sleep(0.05)
        shutil.copytree(files, mount / "up")
        assert same(files, mount / "up")
        (mount / "up/a.txt").rename(mount / "moved.txt")
        assert (mount / "moved.txt").read_bytes() == (files / "a.txt").read_bytes()
        assert sorted(os.listdir(mount)) == ["moved.txt", "up"]
        with open(mount / "moved.txt", "ab") as more:
            more.write(b"more")
        assert (mount / "moved.txt").read_bytes().endswith(b"more")
        shutil.rmtree(mount / "up")
    finally:
        subprocess.run(["fusermount", "-u", mount], check=False, capture_output=True)
        process.terminate()
        process.wait(20)
