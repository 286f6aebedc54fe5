"""What interrupted writes left goes after the next start, while requests are served, and nothing else goes with it."""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from s3_contents import fill, verify  # noqa: E402


def leave_behind(server, identity):
    """The bytes of a write whose metadata was never committed."""
    file = pathlib.Path(server.data, "blobs", identity[0], identity[1:3], identity)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"left behind")
    return file


def test_only_what_nobody_names_goes(own_server, aws_for, wait_until):
    s3 = aws_for(own_server)("s3")
    body, old, _ = fill(s3)
    many = {f"many/{number}": os.urandom(70_000) for number in range(40)}
    for key, content in many.items():
        s3.put_object(Bucket="kept", Key=key, Body=content)
    own_server.kill()
    orphans = [leave_behind(own_server, f"{number:03x}" + os.urandom(14).hex() + "0") for number in range(0, 4096, 256)]
    half = pathlib.Path(own_server.data, "blobs/tmp", os.urandom(16).hex())
    half.write_bytes(b"half")

    own_server.start()
    s3 = aws_for(own_server)("s3")
    for number in range(20):  # Written, replaced and deleted meanwhile.
        s3.put_object(Bucket="kept", Key=f"new/{number}", Body=os.urandom(70_000))
        s3.put_object(Bucket="kept", Key="many/0", Body=many["many/0"])
        s3.delete_object(Bucket="kept", Key=f"new/{number - 1}")
    wait_until(lambda: not any(file.exists() for file in [*orphans, half]), what="what was left behind to go")
    assert s3.get_object(Bucket="kept", Key="plain", VersionId=old)["Body"].read() == body
    for key, content in many.items():
        assert s3.get_object(Bucket="kept", Key=key)["Body"].read() == content
    status, said = verify(own_server)
    assert status == 0 and said.endswith(": 0 damaged\n"), said
