#!/usr/bin/env python3
"""Linearizability and serializability of the table service, of the real server under faults.

    tests/consistency/run.py [--seconds N] [--clients N] [--fault NAME] [--kills] [--expect-violation] [--seed N]

Clients work on few keys at once: registers (puts, deletes, conditional puts, reads), lists (appends to one or several in a
transaction, reads of one or several in a transaction) and a bank (transfers, reads of all accounts). Every call and answer
is written down, and the checkers decide (checkers.py). --kills kills the server with SIGKILL again and again. --fault runs
the server with a store that is slow or wrong (faulty_store.cc); with --expect-violation the run fails when the checkers find
nothing. CUMULET_BINARY is the server, CUMULET_FAULTY_BINARY the one with the faults.
"""

import argparse
import asyncio
import os
import pathlib
import random
import shutil
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests/crash"), str(ROOT / "tests/consistency")]
import server_crash  # noqa: E402
from checkers import Operation, Transaction, bank, lists, registers  # noqa: E402
from client import Client, Lost, Refused  # noqa: E402

TABLE = "consistency"
ACCOUNTS, EACH = 6, 100
KEYS, OPERATIONS_PER_KEY = 3, 120
now = time.monotonic_ns


def key(kind, name):
    return {"id": {"S": f"{kind}-{name}"}}


class Keys:
    """A few keys at a time; each is left after a number of uses, so that its history stays short."""

    def __init__(self):
        self.uses = {}
        self.next = 0

    def some(self, chance, count=1):
        live = [name for name, uses in self.uses.items() if uses < OPERATIONS_PER_KEY]
        while len(live) < max(KEYS, count):
            live.append(self.next)
            self.uses[self.next] = 0
            self.next += 1
        chosen = chance.sample(live, count)
        for name in chosen:
            self.uses[name] += 1
        return chosen


class Run:
    def __init__(self, server, options):
        self.server = server
        self.options = options
        self.deadline = time.monotonic() + options.seconds
        self.registers, self.register_keys = {}, Keys()
        self.transactions, self.list_keys = [], Keys()
        self.balances = []
        self.value = 0
        self.up = asyncio.Event()
        self.up.set()
        self.answers = self.lost = self.refused = self.kills = 0

    def fresh(self):
        self.value += 1
        return self.value

    async def call(self, client, operation, **parameters):
        """(begin, end, answer): end is None when no answer came, answer the Refused that it was."""
        await self.up.wait()
        begin = now()
        try:
            answer = await client.call(operation, **parameters)
            self.answers += 1
        except Refused as refused:
            self.refused += 1
            return begin, now(), refused
        except Lost:
            self.lost += 1
            await asyncio.sleep(0.02)
            return begin, None, None
        return begin, now(), answer

    # --- registers ---
    async def register_step(self, client, chance):
        name = self.register_keys.some(chance)[0]
        history = self.registers.setdefault(name, [])
        where = dict(TableName=TABLE, Key=key("register", name))
        choice, value = chance.random(), self.fresh()
        item = {**key("register", name), "value": {"N": str(value)}}
        if choice < 0.4:
            begin, end, answer = await self.call(client, "GetItem", **where, ConsistentRead=True)
            if end is not None and not isinstance(answer, Refused):
                found = answer.get("Item")
                history.append(Operation("get", int(found["value"]["N"]) if found else None, begin, end))
        elif choice < 0.6:
            begin, end, answer = await self.call(client, "PutItem", TableName=TABLE, Item=item)
            if not isinstance(answer, Refused):
                history.append(Operation("put", value, begin, end))
        elif choice < 0.65:
            begin, end, answer = await self.call(client, "DeleteItem", **where)
            if not isinstance(answer, Refused):
                history.append(Operation("delete", None, begin, end))
        else:
            seen = [o for o in history[-8:] if o.kind != "delete" and o.value is not None]
            await self.conditional_put(client, history, item, value, chance.choice(seen).value if seen else None)

    async def conditional_put(self, client, history, item, value, expected):
        condition = dict(ConditionExpression="attribute_not_exists(id)")
        if expected is not None:
            condition = dict(
                ConditionExpression="#v = :v",
                ExpressionAttributeNames={"#v": "value"},
                ExpressionAttributeValues={":v": {"N": str(expected)}},
            )
        begin, end, answer = await self.call(client, "PutItem", TableName=TABLE, Item=item, **condition)
        failed = isinstance(answer, Refused)
        if not failed or answer.code == "ConditionalCheckFailedException":
            history.append(Operation("cas", value, begin, end, expected, end is not None and not failed))

    # --- lists ---
    def append(self, name, value):
        return dict(
            TableName=TABLE,
            Key=key("list", name),
            UpdateExpression="SET l = list_append(if_not_exists(l, :none), :one)",
            ExpressionAttributeValues={":none": {"L": []}, ":one": {"L": [{"N": str(value)}]}},
        )

    @staticmethod
    def elements(item):
        return [int(each["N"]) for each in (item or {}).get("l", {"L": []})["L"]]

    async def list_step(self, client, chance):
        choice, transaction = chance.random(), Transaction(self.fresh(), 0, None)
        if choice < 0.3:
            name, value = self.list_keys.some(chance)[0], self.fresh()
            transaction.appends = {name: value}
            sent = await self.call(client, "UpdateItem", **self.append(name, value), ReturnValues="ALL_NEW")
            if sent[1] is not None and not isinstance(sent[2], Refused):
                seen = self.elements(sent[2]["Attributes"])
                transaction.reads = {name: seen[:-1] if seen[-1:] == [value] else seen}
        elif choice < 0.55:
            transaction.appends = {name: self.fresh() for name in self.list_keys.some(chance, chance.randint(2, 3))}
            updates = [{"Update": self.append(name, value)} for name, value in transaction.appends.items()]
            sent = await self.call(client, "TransactWriteItems", TransactItems=updates)
        elif choice < 0.7:
            name = self.list_keys.some(chance)[0]
            sent = await self.call(client, "GetItem", TableName=TABLE, Key=key("list", name), ConsistentRead=True)
            if sent[1] is not None and not isinstance(sent[2], Refused):
                transaction.reads = {name: self.elements(sent[2].get("Item"))}
        else:
            names = self.list_keys.some(chance, KEYS)
            gets = [{"Get": {"TableName": TABLE, "Key": key("list", name)}} for name in names]
            sent = await self.call(client, "TransactGetItems", TransactItems=gets)
            if sent[1] is not None and not isinstance(sent[2], Refused):
                found = [self.elements(each.get("Item")) for each in sent[2]["Responses"]]
                transaction.reads = dict(zip(names, found))
        transaction.begin, transaction.end = sent[0], sent[1]
        transaction.failed = isinstance(sent[2], Refused)
        self.transactions.append(transaction)

    # --- bank ---
    async def bank_step(self, client, chance):
        accounts = [key("account", number) for number in range(ACCOUNTS)]
        if chance.random() < 0.4:
            gets = [{"Get": {"TableName": TABLE, "Key": account}} for account in accounts]
            _, end, answer = await self.call(client, "TransactGetItems", TransactItems=gets)
            if end is not None and not isinstance(answer, Refused):
                self.balances.append([int(each["Item"]["balance"]["N"]) for each in answer["Responses"]])
            return
        source, target = chance.sample(accounts, 2)
        amount = {"N": str(chance.randint(1, 5))}
        take = dict(
            UpdateExpression="SET balance = balance - :a",
            ConditionExpression="balance >= :a",
            ExpressionAttributeValues={":a": amount},
        )
        give = dict(UpdateExpression="ADD balance :a", ExpressionAttributeValues={":a": amount})
        both = [{"Update": {"TableName": TABLE, "Key": k, **u}} for k, u in ((source, take), (target, give))]
        await self.call(client, "TransactWriteItems", TransactItems=both)

    # --- the run ---
    async def work(self, number):
        client, chance = Client(self.server), random.Random(f"{self.options.seed} {number}")
        steps = [self.register_step, self.list_step, self.list_step, self.bank_step]
        while time.monotonic() < self.deadline:
            await chance.choice(steps)(client, chance)
        client.close()

    async def kill_again_and_again(self):
        chance = random.Random(self.options.seed)
        while time.monotonic() < self.deadline - 1:
            await asyncio.sleep(chance.uniform(0.3, 1.2))
            self.up.clear()
            self.server.kill()
            self.server.start()
            self.kills += 1
            self.up.set()

    async def prepare(self, client):
        await client.call(
            "CreateTable",
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
        for number in range(ACCOUNTS):
            await self.insist(client, "PutItem", Item={**key("account", number), "balance": {"N": str(EACH)}})

    async def insist(self, client, operation, **parameters):
        for _ in range(50):
            try:
                return await client.call(operation, TableName=TABLE, **parameters)
            except (Lost, Refused):
                await asyncio.sleep(0.02)
        raise SystemExit("the server answers no more")

    async def run(self):
        client = Client(self.server)
        await self.prepare(client)
        tasks = [self.work(number) for number in range(self.options.clients)]
        if self.options.kills:
            tasks.append(self.kill_again_and_again())
        await asyncio.gather(*tasks)
        client.close()
        final = {}
        for name in self.list_keys.uses:
            begin = now()
            found = await self.insist(client, "GetItem", Key=key("list", name), ConsistentRead=True)
            final[name] = self.elements(found.get("Item"))
            self.transactions.append(Transaction(self.fresh(), begin, now(), {}, {name: final[name]}))
        client.close()
        return self.check(final)

    def check(self, final):
        faults = [f"register {name}: {fault}" for name, h in self.registers.items() if (fault := registers(h))]
        return faults + lists(self.transactions, final) + bank(self.balances, ACCOUNTS * EACH)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--clients", type=int, default=12)
    parser.add_argument("--fault", default="")
    parser.add_argument("--kills", action="store_true")
    parser.add_argument("--expect-violation", action="store_true")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    options = parser.parse_args()
    if options.fault:
        os.environ["CUMULET_TEST_FAULT"] = options.fault
        faulty = ROOT / "build/release/consistency/faulty_cumulet"
        server_crash.BINARY = os.environ.get("CUMULET_FAULTY_BINARY", str(faulty))
    server = server_crash.Server()
    server.start()
    run = Run(server, options)
    try:
        faults = asyncio.run(run.run())
    finally:
        server.kill()
    for fault in faults[:5]:
        print(f"  VIOLATION {fault[:300]}")
    print(
        f"{options.fault or 'the store as it is'}: {run.answers} answers, {run.refused} refusals, {run.lost} without answer, "
        f"{run.kills} kills, {len(run.registers)} registers, {len(run.transactions)} list operations, "
        f"{len(run.balances)} sums: {len(faults)} violations (seed {options.seed})"
    )
    wrong = (not faults) if options.expect_violation else bool(faults)
    if wrong:
        print("the checkers did not notice" if options.expect_violation else f"data directory kept: {server.data}")
        sys.exit(1)
    shutil.rmtree(server.data)


if __name__ == "__main__":
    main()
