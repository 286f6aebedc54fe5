"""The stream application, in short: a server that is killed twice loses no click and counts none twice."""

import os
import pathlib
import subprocess
import sys

EXAMPLE = pathlib.Path(__file__).parents[3] / "examples/stream-analytics"


def test_nothing_is_lost_and_nothing_counted_twice():
    arguments = ["--records", "1200", "--rate", "200", "--archive-seconds", "2", "--server", server_program()]
    done = subprocess.run(
        [sys.executable, EXAMPLE / "verify", *arguments], capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


def server_program():
    here = pathlib.Path(__file__).parents[3]
    return os.environ.get("CUMULET_BINARY", str(here / "build/release/cumulet"))
