"""A full disk: the documented error, nothing half-written, nothing lost, and room again after deletions."""

import os
import pathlib
import subprocess

import pytest
from botocore.exceptions import ClientError

MIB = 1 << 20


@pytest.fixture
def small_disk(server):
    """A server whose data directory is a file system of 160 MiB."""
    server = type(server)()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", server.data], capture_output=True)
    if mounted.returncode != 0:
        os.rmdir(server.data)
        pytest.skip("this user may not mount")
    try:
        yield server.start()
    finally:
        server.kill()
        subprocess.run(["umount", "-l", server.data], check=True)
        os.rmdir(server.data)


def test_a_full_disk_loses_nothing(small_disk, aws_for):
    s3 = aws_for(small_disk)("s3")
    s3.create_bucket(Bucket="full", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    kept = {}
    with pytest.raises(ClientError) as refused:
        for i in range(200):
            body = bytes([i]) * (2 * MIB)
            s3.put_object(Bucket="full", Key=str(i), Body=body)
            kept[str(i)] = body
    response = refused.value.response
    assert (response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]) == (503, "ServiceUnavailable")
    assert len(kept) > 10
    assert not list(pathlib.Path(small_disk.data, "blobs/tmp").iterdir())
    small_disk.kill()
    small_disk.start()
    assert {o["Key"] for o in s3.list_objects_v2(Bucket="full")["Contents"]} == set(kept)
    for key, body in kept.items():
        assert s3.get_object(Bucket="full", Key=key)["Body"].read() == body
    for key in list(kept)[:5]:
        s3.delete_object(Bucket="full", Key=key)
    s3.put_object(Bucket="full", Key="again", Body=b"a" * (2 * MIB))
