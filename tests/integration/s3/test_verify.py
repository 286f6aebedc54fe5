"""Silent corruption is found: by `cumulet s3 verify` on a data directory, and by a running server's scrubber."""

import json
import os
import pathlib
import subprocess
import sys
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from s3_contents import fill, verify  # noqa: E402


def blob_of(server, content):
    """The file that holds exactly these bytes."""
    return next(f for f in pathlib.Path(server.data, "blobs").rglob("*")
                if f.is_file() and f.stat().st_size == len(content) and f.read_bytes() == content)


def blob_of_size(server, size):
    return next(f for f in pathlib.Path(server.data, "blobs").rglob("*") if f.is_file() and f.stat().st_size == size)


def flip(file, at):
    with open(file, "r+b") as opened:
        opened.seek(at)
        byte = opened.read(1)[0]
        opened.seek(at)
        opened.write(bytes([byte ^ 1]))


def test_a_flipped_byte_is_found(own_server, aws_for):
    body, old, part = fill(aws_for(own_server)("s3"))
    whole = (0, f"7 objects, {200_000 + 5 + 100_000 + 1000 + 100_000 + 70_000 + 66_000} bytes: 0 damaged\n")
    assert verify(own_server) == whole  # By the server that runs there.
    own_server.stop()
    assert verify(own_server) == whole
    flip(blob_of(own_server, body), 123_456)
    flip(blob_of(own_server, part), 0)
    status, text = verify(own_server)
    assert status == 1
    assert f"damaged: s3://kept/plain?versionId={old}: its bytes have the MD5 " in text
    assert "damaged: s3://kept/open: part 3 of an unfinished upload: " in text
    assert text.endswith(": 2 damaged\n")


def metrics_of(server):
    with urllib.request.urlopen(f"{server.endpoint}/metrics") as answer:
        return answer.read().decode()


def test_a_running_server_is_asked(own_server, aws_for):
    body, old, _ = fill(aws_for(own_server)("s3"))
    flip(blob_of(own_server, body), 7)
    status, text = verify(own_server)
    assert status == 1 and text.endswith(": 1 damaged\n")
    assert f"damaged: s3://kept/plain?versionId={old}: its bytes have the MD5 " in text
    assert "cumulet_s3_damaged_objects 1\n" in metrics_of(own_server)
    assert "a stored object is damaged" in own_server.log_text() and "s3://kept/plain" in own_server.log_text()
    flip(blob_of_size(own_server, len(body)), 7)
    assert verify(own_server)[0] == 0
    assert "cumulet_s3_damaged_objects 0\n" in metrics_of(own_server)
    own_server.kill()  # Its socket stays behind.
    assert verify(own_server)[0] == 0
    own_server.start()
    assert verify(own_server)[0] == 0
    socket = pathlib.Path(own_server.data, "verify.sock")
    assert socket.stat().st_mode & 0o777 == 0o600
    own_server.stop()
    assert not socket.exists()


def test_sealed_files_are_checked_too(own_server, aws_for):
    fill(aws_for(own_server)("s3"))
    own_server.stop()
    for file in pathlib.Path(own_server.data, "blobs").rglob("*"):
        if file.is_file() and file.stat().st_size == 100_000:
            flip(file, 99_999)
    status, text = verify(own_server)
    assert status == 1 and "s3://kept/sealed" in text and "s3://kept/mine" in text


def test_missing_and_cut_files_are_found(own_server, aws_for):
    body, _, part = fill(aws_for(own_server)("s3"))
    own_server.stop()
    blob_of(own_server, body).unlink()
    os.truncate(blob_of(own_server, part), 1000)
    status, text = verify(own_server)
    assert status == 1 and text.endswith(": 2 damaged\n") and "1000 bytes, written were 66000" in text


def test_what_is_no_data_directory(server, tmp_path):
    done = subprocess.run([server.process.args[0], "s3", "verify", "--data-dir", str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 2 and "no data directory" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_running_server_finds_it_within_a_week(make_server, aws_for, wait_until):
    server = make_server("--dev")
    body, _, _ = fill(aws_for(server)("s3"))
    flip(blob_of(server, body), 7)
    metrics = lambda: metrics_of(server)
    assert "cumulet_s3_scrubs_total" not in metrics()
    clock = json.dumps({"advance_seconds": 8 * 86_400}).encode()
    urllib.request.urlopen(f"{server.endpoint}/_cumulet/clock", data=clock).close()
    wait_until(lambda: "cumulet_s3_scrubs_total 1" in metrics())
    assert "cumulet_s3_damaged_objects 1\n" in metrics()
    assert "a stored object is damaged" in server.log_text() and "s3://kept/plain" in server.log_text()
