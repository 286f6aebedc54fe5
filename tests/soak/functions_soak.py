#!/usr/bin/env python3
"""Functions under everything that goes wrong, for a while, and then: is anything left?

    tests/soak/functions_soak.py [--seconds N | --minutes N] [--seed N]      (CUMULET_BINARY: the server)

Several threads deploy, update, publish, hold ready and delete functions and call them, waiting or not, whole or as a
stream that some leave in its middle, through Invoke and URLs. The functions answer, raise, crash, exit, run out of time or
memory, fork without end, fill /tmp, flood their log and leave processes behind. One function is called by ten times as many
callers as it may serve at once, and now and then twenty that were never called are called together; meanwhile another, calm
one must be answered every time. Callers must see only what is documented: an answer, a function error, or a throttle with
its reason. Before and after, with all functions deleted, the script counts what belongs to the server: processes, threads,
namespaces, control groups, mounts, descriptors, files and memory. Growth is a failure; so is whatever a server that has
ended leaves on the machine.
"""

import argparse
import collections
import http.client
import json
import random
import sys
import threading
import time
import uuid

import remains
from botocore.exceptions import BotoCoreError, ClientError
from soaked_functions import KINDS, package, zipped

ROLE_TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                                                      "Principal": {"Service": "lambda.amazonaws.com"}}]}
ROLE_POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*"}]}
CAPACITY = 4  # of the function that is called by ten times as many
CROWD = 20
THROTTLED = "TooManyRequestsException ReservedFunctionConcurrentInvocationLimitExceeded"


class Load:
    def __init__(self, server, seed):
        self.server = server
        self.seed = seed
        self.outcomes = collections.Counter()
        self.wrong = []
        self.calm_ms = []
        self.lock = threading.Lock()
        iam = server.client("iam")
        self.role = iam.create_role(RoleName="soak", AssumeRolePolicyDocument=json.dumps(ROLE_TRUST))["Role"]["Arn"]
        iam.put_role_policy(RoleName="soak", PolicyName="destinations", PolicyDocument=json.dumps(ROLE_POLICY))

    def note(self, what, wrong=None):
        with self.lock:
            self.outcomes[what] += 1
            if wrong:
                self.wrong.append(wrong)

    def refused(self, what, error):
        code = error.response["Error"]["Code"]
        reason = error.response.get("Reason", "")
        documented = code == "TooManyRequestsException" and reason or code == "ResourceNotFoundException"
        self.note(f"{code} {reason}".strip(), None if documented else f"{what}: {error}")

    def create(self, client, kind="python", **options):
        name = f"soak-{uuid.uuid4().hex[:12]}"
        about = KINDS[kind]
        client.create_function(FunctionName=name, Runtime=about["Runtime"], Role=self.role, Handler=about["Handler"],
                               Code={"ZipFile": package(kind, 0)}, MemorySize=128, Timeout=about["timeout"], **options)
        return name

    def call(self, client, name, what, **options):
        try:
            reply = client.invoke(FunctionName=name, Payload=json.dumps({"what": what}), **options)
            text = reply["Payload"].read().decode()
            self.note("function error" if "FunctionError" in reply else
                      "accepted" if reply["StatusCode"] == 202 else "answer")
            return text
        except ClientError as error:
            self.refused(what, error)
        except BotoCoreError as error:
            self.note(type(error).__name__, f"{what}: {error}")
        return None

    # --- deploys, calls, updates, deletes ---

    def churn(self, number, until):
        """Every deed in turn, in an order of its own."""
        choice = random.Random(self.seed * 1000 + number)
        client = self.server.client("lambda")
        while time.monotonic() < until:
            kind = choice.choice(["python", "python", "python", "program", "node"])
            name = self.create(client, kind)
            try:
                for revision in range(1, 4):
                    self.revise(client, choice, kind, name, revision)
            except ClientError as error:
                self.note("refused", f"deploying: {error}")
            finally:
                self.delete(client, choice, name)

    def revise(self, client, choice, kind, name, revision):
        for what in choice.sample(KINDS[kind]["deeds"], 3):
            self.call(client, name, what)
        step = choice.randrange(5)
        if step == 0:
            client.update_function_code(FunctionName=name, ZipFile=package(kind, revision))
        elif step == 1:
            client.update_function_configuration(FunctionName=name, Description=f"revision {revision}")
        elif step == 2:
            self.layered(client, name)
        else:
            version = client.publish_version(FunctionName=name)["Version"]
            if step == 3:
                client.put_provisioned_concurrency_config(FunctionName=name, Qualifier=version,
                                                          ProvisionedConcurrentExecutions=1)
            self.call(client, name, "answer", Qualifier=version)
        self.call(client, name, choice.choice(["answer", "raise"]), InvocationType="Event")

    def layered(self, client, name):
        """Gives the function two layers, which are gone before it is."""
        layers = [client.publish_layer_version(LayerName=f"{name}-{part}", Content={"ZipFile": zipped({part: part * 1000})})
                  for part in "ab"]
        client.update_function_configuration(FunctionName=name, Layers=[layer["LayerVersionArn"] for layer in layers])
        self.call(client, name, "answer")
        for part, layer in zip("ab", layers):
            client.delete_layer_version(LayerName=f"{name}-{part}", VersionNumber=layer["Version"])

    def delete(self, client, choice, name):
        """Sometimes while it runs."""
        other = None
        if choice.randrange(3) == 0:
            other = threading.Thread(target=self.call, args=(self.server.client("lambda"), name, "hold"))
            other.start()
            time.sleep(choice.random() / 3)
        client.delete_function(FunctionName=name)
        if other:
            other.join()

    # --- streams ---

    def streams(self, until):
        choice = random.Random(self.seed)
        client = self.server.client("lambda")
        while time.monotonic() < until:
            name = self.create(client, "node")
            url = client.create_function_url_config(FunctionName=name, AuthType="NONE", InvokeMode="RESPONSE_STREAM")
            client.add_permission(FunctionName=name, StatementId="url", Principal="*", FunctionUrlAuthType="NONE",
                                  Action="lambda:InvokeFunctionUrl")
            client.add_permission(FunctionName=name, StatementId="call", Principal="*", InvokedViaFunctionUrl=True,
                                  Action="lambda:InvokeFunction")
            for what in choice.sample(KINDS["node"]["deeds"], 4):
                self.stream(client, name, what, choice.randrange(2))
                self.visit(url["FunctionUrl"].split("//")[1].split("/")[0].split(":")[0], what, choice.randrange(2))
            client.delete_function(FunctionName=name)

    def stream(self, client, name, what, leave):
        try:
            reply = client.invoke_with_response_stream(FunctionName=name, Payload=json.dumps({"what": what}))
            ended = False
            for event in reply["EventStream"]:
                if leave:
                    break
                ended = "InvokeComplete" in event
            reply["EventStream"].close()
            self.note("stream left" if leave else "stream", None if leave or ended else f"stream, {what}: no end")
        except ClientError as error:
            self.refused(f"stream, {what}", error)
        except BotoCoreError as error:
            self.note(type(error).__name__, f"stream, {what}: {error}")

    def visit(self, host, what, leave):
        """A call through the URL; a response that ends early is what is documented of a fault in its middle."""
        connection = http.client.HTTPConnection(self.server.endpoint.split("//")[1], timeout=60)
        try:
            connection.request("GET", f"/{what}", headers={"Host": host})
            answer = connection.getresponse()
            answer.read(1000 if leave else None)
            known = answer.status in (200, 429, 502)
            self.note(f"URL {answer.status}", None if known else f"URL, {what}: {answer.status}")
        except (http.client.IncompleteRead, http.client.RemoteDisconnected, ConnectionResetError) as error:
            self.note("URL cut", f"URL, {what}: {error!r}" if what == "answer" else None)
        except OSError as error:
            self.note("URL failed", f"URL, {what}: {error!r}")
        finally:
            connection.close()

    # --- more calls than there is room for ---

    def overload(self, until):
        """Ten times as many callers as the function may serve."""
        client = self.server.client("lambda")
        name = self.create(client)
        client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=CAPACITY)

        def press():
            mine = self.server.client("lambda")
            while time.monotonic() < until:
                if self.call(mine, name, "hold") is None:
                    time.sleep(0.05)

        self.together(press, 10 * CAPACITY)
        client.delete_function(FunctionName=name)

    def crowds(self, until):
        """Functions that were never called, all called at once, twice each."""
        client = self.server.client("lambda", 2 * CROWD)
        while time.monotonic() < until:
            names = [self.create(client, "python" if number % 4 else "node") for number in range(CROWD)]
            turns = iter(names * 2)
            self.together(lambda: self.call(client, next(turns), "answer"), 2 * CROWD)
            for name in names:
                client.delete_function(FunctionName=name)
            time.sleep(min(5, max(0, until - time.monotonic())))

    def calm(self, until):
        """One that is called quietly, and must be answered however much goes on."""
        client = self.server.client("lambda")
        name = self.create(client)
        client.update_function_configuration(FunctionName=name, Timeout=30)
        while time.monotonic() < until:
            began = time.monotonic()
            if self.call(client, name, "answer") != "0":
                self.note("calm call failed", "the calm function was not answered")
            self.calm_ms.append((time.monotonic() - began) * 1000)
            time.sleep(0.1)
        client.delete_function(FunctionName=name)

    def failing_quietly(self, until):
        """Asynchronous calls that fail and go to a destination."""
        client = self.server.client("lambda")
        while time.monotonic() < until:
            sink, name = self.create(client), self.create(client)
            arn = client.get_function(FunctionName=sink)["Configuration"]["FunctionArn"]
            client.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0,
                                                    DestinationConfig={"OnFailure": {"Destination": arn}})
            for what in ("raise", "exit", "time", "answer", "raise"):
                self.call(client, name, what, InvocationType="Event")
            time.sleep(min(3, max(0, until - time.monotonic())))
            client.delete_function(FunctionName=name)
            client.delete_function(FunctionName=sink)

    def forget_logs(self, until):
        """Log groups outlive their functions, as on AWS: those of the soak are deleted as its users would."""
        logs = self.server.client("logs")
        while True:
            last = time.monotonic() >= until
            groups = [group["logGroupName"] for page in logs.get_paginator("describe_log_groups").paginate()
                      for group in page["logGroups"]]
            for group in groups:
                try:
                    logs.delete_log_group(logGroupName=group)
                except ClientError as error:
                    if error.response["Error"]["Code"] not in ("ResourceNotFoundException", "OperationAbortedException"):
                        self.note("log group", f"deleting a log group: {error}")
            if last:
                return
            time.sleep(min(10, max(0, until - time.monotonic())))

    @staticmethod
    def together(what, number):
        threads = [threading.Thread(target=what) for _ in range(number)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def run(self, seconds, *besides):
        until = time.monotonic() + seconds
        works = [lambda number=number: self.churn(number, until) for number in range(3)]
        works += [lambda work=work: work(until) for work in (self.streams, self.overload, self.crowds, self.calm,
                                                             self.failing_quietly, self.forget_logs, *besides)]

        def guarded(work):
            try:
                work()
            except Exception as error:  # a worker that ends early would make the soak easier
                self.note("worker", f"a worker ended: {error!r}")

        threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def steady(parts, seconds):
    """Whether the memory of the last part is that of the second: the first is still filling caches."""
    return seconds < 120 or parts[-1] < parts[1] * 1.15 + 16


def show(load, before, after, grown, memory):
    for name in before:
        print(f"  {name:16} {before[name]:6} before {after[name]:6} after{'   GROWN' if name in grown else ''}")
    print("  memory under load, MiB in each fifth of the time: " + ", ".join(f"{part:.0f}" for part in memory.parts()))
    calm = sorted(load.calm_ms)
    print(f"  the calm function: {len(calm)} calls, median {calm[len(calm) // 2]:.1f} ms, longest {calm[-1]:.0f} ms")
    print("  " + ", ".join(f"{number} × {what}" for what, number in load.outcomes.most_common()))
    for line in load.wrong[:10]:
        print("  not as documented: " + line)


def soak(server, seed, seconds):
    load = Load(server, seed)
    load.run(max(5, min(60, seconds / 4)))  # what is made once, at first need, is no leak
    assert not server.client("lambda").list_functions()["Functions"]
    before = remains.calmest(server)
    files = remains.files_of(server)
    load.outcomes.clear()
    load.calm_ms.clear()
    memory = remains.Memory(server, seconds)
    load.run(seconds, memory.watch)
    after, grown = remains.settle(server, before)
    show(load, before, after, grown, memory)
    if "files" in grown:
        print("  new files: " + " ".join(sorted(remains.files_of(server) - files)[:12]))
    good = server.process.poll() is None and not grown and not load.wrong
    good = good and load.outcomes[THROTTLED] > 0 and load.outcomes["answer"] > 0
    if not steady(memory.parts(), seconds):
        print("  the memory is not steady")
        good = False
    groups = remains.own_groups(server)
    status = server.stop()
    if status != 0:
        print(f"  the server ended with status {status}")
    left = remains.left_after_the_end(server, groups)
    for line in left[:10]:
        print(f"  left after the end: {line}")
    return good and status == 0 and not left


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    server = remains.Server()
    try:
        good = soak(server, options.seed, options.minutes * 60 if options.minutes else options.seconds)
        print("soak: " + ("nothing is left" if good else "FAILED"))
        return 0 if good else 1
    finally:
        server.remove()


if __name__ == "__main__":
    sys.exit(main())
