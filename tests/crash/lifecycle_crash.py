#!/usr/bin/env python3
"""Kills the server at each step that a lifecycle pass takes on the disk, and looks at what is visible then and in the end.

    tests/crash/lifecycle_crash.py [--cycles N] [--seed N]      (CUMULET_BINARY: the server; CUMULET_DIE_AT: libdie_at.so)

A data directory is filled once: objects, noncurrent versions, delete markers that hide nothing, unfinished uploads, each
once where rules look and once where they do not. Then, for N of the steps of the pass (all of them, without --cycles), a
copy of it is served by a server whose clock is three days ahead, the rules are put, and the server dies at that step: before a
sync, or before it removes a file. After each death: what is listed can be read whole or is gone as a whole, an expired object
lies behind its marker, and nothing that no rule speaks of has changed. The server that is started next goes on by itself;
in the end exactly what had to go is gone, `cumulet s3 verify` finds every byte of the rest, and no file is left over.
"""

import argparse
import hashlib
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = os.environ.get("CUMULET_BINARY", str(ROOT / "build/release/cumulet"))
DIE_AT = os.environ.get("CUMULET_DIE_AT", str(ROOT / "build/release/crash/libdie_at.so"))
VERSIONED, PLAIN = "aging", "plain"
PARTS = 3
LARGE = 70_000  # bytes: a file of its own
THREE_DAYS = 3 * 86_400
NO_DEATH = 1 << 40
RULES = {
    VERSIONED: [
        {"ID": "objects", "Status": "Enabled", "Filter": {"Prefix": "go/"}, "Expiration": {"Days": 1},
         "NoncurrentVersionExpiration": {"NoncurrentDays": 1}},
        {"ID": "markers", "Status": "Enabled", "Filter": {"Prefix": "lone/"},
         "Expiration": {"ExpiredObjectDeleteMarker": True}},
        {"ID": "uploads", "Status": "Enabled", "Filter": {"Prefix": "up/"},
         "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
    ],
    PLAIN: [{"ID": "objects", "Status": "Enabled", "Filter": {"Prefix": "go/"}, "Expiration": {"Days": 1}}],
}


class Server:
    def __init__(self, data, steps=None, ahead=0):
        self.data = data
        self.log = open(os.path.join(data, "server.log"), "ab")
        environment = dict(os.environ, LD_PRELOAD=DIE_AT, CUMULET_TEST_CLOCK=str(ahead))
        if steps:
            environment["CUMULET_TEST_STEPS"] = str(steps)
        self.process = subprocess.Popen([BINARY, "serve", "--dev", "--listen", "127.0.0.1:0", "--data-dir", data],
                                        stdout=subprocess.PIPE, stderr=self.log, text=True, env=environment)
        line = self.process.stdout.readline()
        if "is ready on http://" not in line:
            raise SystemExit(f"the server did not start: {line!r}; its log: {data}/server.log")
        self.s3 = boto3.session.Session().client(
            "s3", endpoint_url="http://" + line.split("is ready on http://")[1].split()[0], region_name="eu-central-1",
            aws_access_key_id="000000000000", aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20,
                          s3={"addressing_style": "path"}))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def died(self, seconds):
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True


class Steps:
    """How many are left until the server dies: shared with it through a file."""

    def __init__(self, path):
        self.path = path
        self.left = 0

    @property
    def left(self):
        return struct.unpack("q", self.path.read_bytes())[0]

    @left.setter
    def left(self, number):
        with open(self.path, "r+b" if self.path.exists() else "wb") as file:
            file.write(struct.pack("q", number))


def listed(s3, bucket):
    answer = s3.list_object_versions(Bucket=bucket)
    assert not answer["IsTruncated"]
    versions = {(each["Key"], each["VersionId"]): each["IsLatest"] for each in answer.get("Versions", [])}
    markers = {(each["Key"], each["VersionId"]): each["IsLatest"] for each in answer.get("DeleteMarkers", [])}
    return versions, markers


def uploads(s3):
    return {(each["Key"], each["UploadId"]) for each in s3.list_multipart_uploads(Bucket=VERSIONED).get("Uploads", [])}


class Filled:
    """What was written, by (bucket, key, version), and what must be there in the end."""

    def __init__(self, s3):
        self.bodies = {}
        self.large = set()
        self.s3 = s3
        for bucket in [VERSIONED, PLAIN]:
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        s3.put_bucket_versioning(Bucket=VERSIONED, VersioningConfiguration={"Status": "Enabled"})
        for place in ["go", "stay"]:
            for number in range(3):
                for size in [LARGE, 10, LARGE]:
                    self.put(VERSIONED, f"{place}/{number}", size)
            for number in range(70 if place == "go" else 2):
                self.put(PLAIN, f"{place}/{number:03}", LARGE if number % 30 == 0 else 10)
        for key in ["lone/1", "lone/2", "stay/marker"]:
            version = s3.put_object(Bucket=VERSIONED, Key=key, Body=b"x" * LARGE)["VersionId"]
            s3.delete_object(Bucket=VERSIONED, Key=key)
            s3.delete_object(Bucket=VERSIONED, Key=key, VersionId=version)
        for key in ["up/1", "up/2", "stay/upload"]:
            what = dict(Bucket=VERSIONED, Key=key, UploadId=s3.create_multipart_upload(Bucket=VERSIONED, Key=key)["UploadId"])
            for number in range(1, PARTS + 1):
                s3.upload_part(**what, PartNumber=number, Body=os.urandom(LARGE))
        self.versions, self.markers = listed(s3, VERSIONED)
        self.uploads = uploads(s3)
        self.current = {key: version for (key, version), latest in self.versions.items() if latest}
        self.last_versions = {each for each in self.versions
                              if each[0].startswith("stay/") or self.current[each[0]] == each[1]}
        self.last_plain = {(key, version) for bucket, key, version in self.bodies if bucket == PLAIN and key.startswith("stay/")}
        self.last_uploads = {each for each in self.uploads if each[0].startswith("stay/")}

    def put(self, bucket, key, size):
        body = os.urandom(size)
        version = self.s3.put_object(Bucket=bucket, Key=key, Body=body).get("VersionId", "null")
        self.bodies[bucket, key, version] = hashlib.sha256(body).hexdigest()
        if size == LARGE:
            self.large.add((key, version))

    def files(self):
        """How many files the blobs take that are left in the end: large versions, and the parts of the uploads."""
        return len(self.large & (self.last_versions | self.last_plain)) + PARTS * len(self.last_uploads)

    def half_done(self, s3):
        """What is wrong with what is visible while a pass goes on."""
        problems = []
        versions, markers = listed(s3, VERSIONED)
        for key, version in self.current.items():
            if (key, version) not in versions:
                problems.append(f"{key}: its last version is gone, and no rule said so")
            elif not versions[key, version] and not any(k == key and latest for (k, _), latest in markers.items()):
                problems.append(f"{key}: neither current nor behind a marker")
        for bucket in [VERSIONED, PLAIN]:
            for key, version in listed(s3, bucket)[0]:
                problem = self.wrong(s3, bucket, key, version)
                if problem:
                    problems.append(problem)
        for key, upload in uploads(s3):
            try:
                parts = s3.list_parts(Bucket=VERSIONED, Key=key, UploadId=upload).get("Parts", [])
            except s3.exceptions.NoSuchUpload:
                parts = None
            if parts is None and (key, upload) in self.last_uploads or parts is not None and len(parts) != PARTS:
                problems.append(f"{key}: its upload has lost parts")
        return problems

    def wrong(self, s3, bucket, key, version):
        stays = key.startswith("stay/") or self.current.get(key) == version
        try:
            body = s3.get_object(Bucket=bucket, Key=key, VersionId=version)["Body"].read()
        except ClientError as error:
            gone = error.response["Error"]["Code"] in ("NoSuchVersion", "NoSuchKey")
            return None if gone and not stays else f"{bucket}/{key} {version}: {error}"
        except BotoCoreError as error:
            return f"{bucket}/{key} {version}: {error}"
        if hashlib.sha256(body).hexdigest() != self.bodies[bucket, key, version]:
            return f"{bucket}/{key} {version}: its bytes are others"

    def unfinished(self, s3):
        """What the pass has still to do, or has done too much; empty when all is as it must be in the end."""
        versions, markers = listed(s3, VERSIONED)
        plain = set(listed(s3, PLAIN)[0])
        wanted_markers = sorted([key for key in self.current if key.startswith("go/")] + ["stay/marker"])
        differences = []
        if set(versions) != self.last_versions:
            differences.append(f"versions {sorted(set(versions) ^ self.last_versions)}")
        if sorted(key for key, _ in markers) != wanted_markers:
            differences.append(f"markers {sorted(key for key, _ in markers)}")
        if plain != self.last_plain:
            differences.append(f"{len(plain ^ self.last_plain)} objects without versions")
        if uploads(s3) != self.last_uploads:
            differences.append("uploads")
        return differences


def blob_files(data):
    return sum(1 for file in pathlib.Path(data, "blobs").rglob("*") if file.is_file())


def put_rules(s3):
    for bucket, rules in RULES.items():
        try:
            s3.get_bucket_lifecycle_configuration(Bucket=bucket)
        except ClientError:
            s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})


def wait_for_end(filled, server, seconds=30):
    deadline = time.monotonic() + seconds
    while True:
        left = filled.unfinished(server.s3)
        files = blob_files(server.data)
        if not left and files == filled.files():
            return []
        if time.monotonic() > deadline:
            return left or [f"{files} files of blobs are left, not {filled.files()}"]
        time.sleep(0.02)


def run_until(filled, template, at, work):
    """One copy of the data, killed before that step; gives the problems and how many steps were taken."""
    data = os.path.join(work, f"step-{at}")
    shutil.copytree(template, data, ignore=shutil.ignore_patterns("*.sock"))
    steps = Steps(pathlib.Path(work, f"steps-{at}"))
    server = Server(data, steps.path, THREE_DAYS)
    steps.left = at
    try:
        put_rules(server.s3)
        problems = wait_for_end(filled, server)
    except BotoCoreError:  # The connection broke: the server is dead.
        problems = []
    taken = at - steps.left
    if at != NO_DEATH:
        if steps.left > 0:  # Syncs are shared: this pass had fewer of them.
            server.stop()
        if not server.died(20):
            server.process.kill()
            return [f"step {at}: the server did not die"], taken
        server = Server(data, None, THREE_DAYS)
        problems += filled.half_done(server.s3)
        put_rules(server.s3)
        problems += wait_for_end(filled, server)
    problems += filled.half_done(server.s3)
    server.stop()
    verified = subprocess.run([BINARY, "s3", "verify", "--data-dir", data], capture_output=True, text=True, timeout=60)
    if verified.returncode != 0:
        problems.append(f"s3 verify: {verified.stdout}{verified.stderr}")
    if not problems:
        shutil.rmtree(data)
    return [f"step {at}: {problem}" for problem in problems], taken


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cycles", type=int, default=0)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    options = parser.parse_args()
    work = tempfile.mkdtemp(prefix="cumulet-lifecycle-")
    template = os.path.join(work, "filled")
    os.mkdir(template)
    started = time.monotonic()
    server = Server(template)
    filled = Filled(server.s3)
    server.stop()
    found, taken = run_until(filled, template, NO_DEATH, work)
    steps = list(range(1, taken + 1))
    if options.cycles and options.cycles < len(steps):
        steps = sorted(random.Random(options.seed).sample(steps, options.cycles))
    done = 0
    for at in steps:
        if found:
            break
        found += run_until(filled, template, at, work)[0]
        done += 1
    for line in found[:20]:
        print(f"  WRONG {line}")
    print(f"lifecycle: kill -9 at {done} of {taken} steps of a pass in {time.monotonic() - started:.0f} s, "
          f"{len(found)} problems (seed {options.seed})")
    if found:
        print(f"data directories kept: {work}")
        sys.exit(1)
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
