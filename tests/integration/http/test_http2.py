"""HTTP/2 on the server's one port, through curl: by prior knowledge, and agreed on with TLS."""

import os
import subprocess

import pytest

VERSIONS = {
    "prior knowledge": ("http", ["--http2-prior-knowledge"], "2"),
    "TLS": ("https", [], "2"),
    "TLS, HTTP/1.1": ("https", ["--http1.1"], "1.1"),
    "plain": ("http", [], "1.1"),
}


def curl(*arguments):
    done = subprocess.run(["curl", "-sS", "--max-time", "30", *arguments], capture_output=True, check=True)
    return done.stdout


@pytest.fixture
def bucket(aws, unique):
    name = unique("http2")
    aws("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return name


@pytest.mark.parametrize("how", VERSIONS)
def test_objects_go_both_ways(aws, server, bucket, tmp_path, how):
    scheme, options, version = VERSIONS[how]
    s3 = aws("s3")
    content = os.urandom(5_000_000)
    (tmp_path / "sent").write_bytes(content)

    def url(operation):
        signed = s3.generate_presigned_url(operation, Params={"Bucket": bucket, "Key": "object"})
        return signed.replace("http://", f"{scheme}://", 1)

    authority = ["--cacert", os.path.join(server.data, "ca.pem")]
    said = curl(*options, *authority, "-T", str(tmp_path / "sent"), "-w", "%{http_version} %{http_code}",
                url("put_object"))
    assert said.decode() == f"{version} 200"
    said = curl(*options, *authority, "-o", str(tmp_path / "back"), "-w", "%{http_version} %{http_code}",
                url("get_object"))
    assert said.decode() == f"{version} 200"
    assert (tmp_path / "back").read_bytes() == content


def test_many_requests_share_a_connection(server):
    # Over TLS: curl 7.88 cannot share a connection that it opened by prior knowledge.
    base = server.endpoint.replace("http://", "https://")
    out = [option for number in range(100) for option in ("-o", os.devnull, f"{base}/_localstack/health?{number}")]
    said = curl("--cacert", os.path.join(server.data, "ca.pem"), "--parallel", "--parallel-max", "100",
                "-w", "%{http_code} %{http_version} %{num_connects}\n", *out).decode().split("\n")[:-1]
    assert len(said) == 100
    assert {line.rsplit(" ", 1)[0] for line in said} == {"200 2"}
    assert sum(int(line.rsplit(" ", 1)[1]) for line in said) <= 2
