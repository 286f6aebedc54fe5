#!/usr/bin/env python3
"""Kills the server again and again while clients write, and looks for acknowledged writes that are gone.

    tests/crash/server_crash.py [--cycles N] [--seed N]      (CUMULET_BINARY: the server)

Each cycle starts the server on the same data directory, checks what the cycle before was told was written, lets several
writers go at once (table items put, updated, added to and deleted; objects of 1 KB, 100 KB and 1 MB, some overwritten, some
uploaded by multipart, some deleted), and kills it with SIGKILL at a random moment. At the end everything that was ever acknowledged is read again.

A write that was under way when the server died may have happened or not; anything else must be exactly as acknowledged.
A kill takes the process away, not the machine: whether a sync reaches the disk itself is not shown by this.
"""

import argparse
import hashlib
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = os.environ.get("CUMULET_BINARY", str(ROOT / "build/release/cumulet"))
TABLE, BUCKET = "crash", "crash"
GONE = "gone"  # what a deleted key reads as


class Server:
    def __init__(self):
        self.data = tempfile.mkdtemp(prefix="cumulet-crash-")
        self.log = open(os.path.join(self.data, "server.log"), "ab")

    def start(self):
        self.process = subprocess.Popen([BINARY, "serve", "--listen", "127.0.0.1:0", "--data-dir", self.data],
                                        stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        if "is ready on http://" not in line:
            raise SystemExit(f"the server did not start: {line!r}; its log: {self.data}/server.log")
        self.endpoint = "http://" + line.split("is ready on http://")[1].split()[0]
        lines = pathlib.Path(self.data, "root-credentials").read_text().split()
        self.root = dict(each.split("=", 1) for each in lines if "=" in each)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def client(self, service):
        return boto3.session.Session().client(
            service, endpoint_url=self.endpoint, region_name="eu-central-1",
            aws_access_key_id=self.root["AWS_ACCESS_KEY_ID"], aws_secret_access_key=self.root["AWS_SECRET_ACCESS_KEY"],
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20,
                          s3={"addressing_style": "path"}))


class Writer:
    """One thread's keys: nobody else writes them, so it knows what each must read as. `open` holds what was under way."""

    def __init__(self, number, seed):
        self.number = number
        self.random = random.Random(seed * 1000 + number)
        self.known = {}
        self.open = {}
        self.acknowledged = 0
        self.problem = None

    def key(self, cycle):
        """Mostly a new key, sometimes one of before."""
        if self.known and self.random.random() < 0.3:
            return self.random.choice(list(self.known))
        return self.new_key(cycle)

    def run(self, server, cycle, deadline):
        client = server.client(self.service)
        while time.monotonic() < deadline:
            try:
                self.step(client, cycle)
            except ClientError as error:  # an answer that says no
                self.problem = f"{self.service}: {error}"
                return
            except BotoCoreError:  # the connection broke: the server is dead
                return

    def write(self, key, value, call):
        self.open = {key: value}
        call()
        self.known[key] = value
        self.open = {}
        self.acknowledged += 1

    def check(self, server, keys):
        client = server.client(self.service)
        lost = []
        for key in keys:
            allowed = [self.known.get(key, GONE)]
            if key in self.open:
                allowed.append(self.open[key])
            try:
                found = self.read(client, key)
            except (BotoCoreError, ClientError) as error:
                lost.append(f"{self.service} {key}: acknowledged {allowed[0]!r}, cannot be read: {error}")
                continue
            if found not in allowed:
                lost.append(f"{self.service} {key}: acknowledged {allowed[0]!r}, found {found!r}")
            self.known[key] = found
        self.open = {key: value for key, value in self.open.items() if key not in keys}
        return lost


class ItemWriter(Writer):
    service = "dynamodb"

    def new_key(self, cycle):
        return f"w{self.number}-c{cycle}-{len(self.known)}"

    def step(self, client, cycle):
        key, choice = self.key(cycle), self.random.random()
        before = self.known.get(key, GONE)
        if choice < 0.1 and before != GONE:
            self.write(key, GONE, lambda: client.delete_item(TableName=TABLE, Key={"id": {"S": key}}))
        elif choice < 0.4 and before != GONE:
            self.write(key, before + 1, lambda: client.update_item(
                TableName=TABLE, Key={"id": {"S": key}}, UpdateExpression="ADD #n :one",
                ExpressionAttributeNames={"#n": "n"}, ExpressionAttributeValues={":one": {"N": "1"}}))
        else:
            value = self.random.randrange(1_000_000)
            self.write(key, value, lambda: client.put_item(
                TableName=TABLE, Item={"id": {"S": key}, "n": {"N": str(value)}, "filler": {"S": "x" * 400}}))

    def read(self, client, key):
        item = client.get_item(TableName=TABLE, Key={"id": {"S": key}}, ConsistentRead=True).get("Item")
        return int(item["n"]["N"]) if item else GONE


class ObjectWriter(Writer):
    service = "s3"

    def new_key(self, cycle):
        return f"w{self.number}/c{cycle}/{len(self.known)}"

    def step(self, client, cycle):
        key, choice = self.key(cycle), self.random.random()
        if choice < 0.1 and self.known.get(key, GONE) != GONE:
            self.write(key, GONE, lambda: client.delete_object(Bucket=BUCKET, Key=key))
            return
        body = self.random.randbytes(self.random.choice([1_000, 1_000, 1_000, 100_000, 1_000_000]))
        if choice > 0.85:
            self.write(key, hashlib.sha256(body).hexdigest(), lambda: self.upload(client, key, body))
            return
        self.write(key, hashlib.sha256(body).hexdigest(), lambda: client.put_object(Bucket=BUCKET, Key=key, Body=body))

    def upload(self, client, key, body):
        """Multipart, in one part: the key changes when it is completed, or not at all."""
        what = {"Bucket": BUCKET, "Key": key}
        what["UploadId"] = client.create_multipart_upload(**what)["UploadId"]
        etag = client.upload_part(**what, PartNumber=1, Body=body)["ETag"]
        client.complete_multipart_upload(**what, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})

    def read(self, client, key):
        try:
            return hashlib.sha256(client.get_object(Bucket=BUCKET, Key=key)["Body"].read()).hexdigest()
        except client.exceptions.NoSuchKey:
            return GONE


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cycles", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    options = parser.parse_args()
    chance = random.Random(options.seed)
    server = Server()
    server.start()
    server.client("dynamodb").create_table(
        TableName=TABLE, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}])
    server.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    writers = [ItemWriter(n, options.seed) for n in range(4)] + [ObjectWriter(n, options.seed) for n in range(4, 6)]
    found = []
    started = time.monotonic()
    for cycle in range(1, options.cycles + 1):
        deadline = time.monotonic() + 30
        threads = [threading.Thread(target=writer.run, args=(server, cycle, deadline)) for writer in writers]
        before = {writer: set(writer.known) for writer in writers}
        for thread in threads:
            thread.start()
        time.sleep(chance.uniform(0.3, 1.5))
        server.kill()
        for thread in threads:
            thread.join()
        server.start()
        for writer in writers:
            recent = [key for key in {**writer.known, **writer.open} if key not in before[writer]] + list(writer.open)
            old = chance.sample(sorted(before[writer]), min(10, len(before[writer])))
            found += writer.check(server, dict.fromkeys(recent + old))
            if writer.problem:
                found.append(writer.problem)
                writer.problem = None
        if cycle % 10 == 0 or cycle == options.cycles:
            print(f"  {cycle} kills, {sum(w.acknowledged for w in writers)} writes acknowledged, {len(found)} problems",
                  flush=True)
        if found:
            break
    for writer in writers:
        found += writer.check(server, list(writer.known))
    server.kill()
    for line in found[:20]:
        print(f"  LOST {line}")
    print(f"{cycle} kill -9 cycles in {time.monotonic() - started:.0f} s, "
          f"{sum(w.acknowledged for w in writers)} acknowledged writes, {len(found)} lost or wrong (seed {options.seed})")
    if found:
        print(f"data directory kept: {server.data}")
        sys.exit(1)
    shutil.rmtree(server.data)


if __name__ == "__main__":
    main()
