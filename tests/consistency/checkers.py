"""Decides from a history what the store did wrong. A history is a list of operations with the times of their calls and
answers; an operation whose answer never came (`end` is None) may have happened at any time after its call, or never.

- `registers`: single-item puts, deletes, conditional puts and reads of one key are linearizable (Wing and Gong's search,
  with Lowe's memory of what was tried).
- `lists`: appends to lists and reads of them, in transactions of several keys, are strictly serializable: the order of each
  list gives who wrote before whom, who read from whom and who read before whom wrote (Adya's dependencies), and together
  with "was answered before the other was called" these must have no cycle.
- `bank`: transfers keep the sum that every transactional read sees.
"""

from dataclasses import dataclass, field
from itertools import pairwise


@dataclass
class Operation:
    """One operation on a register. `kind`: put, delete, get, cas. A cas has `expected` and says whether it was `done`."""

    kind: str
    value: object
    begin: int
    end: int | None
    expected: object = None
    done: bool | None = None


def applied(operation, state):
    """The state after it; raises Impossible when its answer does not fit the state."""
    match operation.kind:
        case "put":
            return operation.value
        case "delete":
            return None
        case "get":
            if state != operation.value:
                raise Impossible
            return state
    holds = state == operation.expected
    if operation.end is not None and operation.done != holds:
        raise Impossible
    return operation.value if holds else state


class Impossible(Exception):
    pass


def registers(operations):
    """Nothing when the history of one key is linearizable; else what could not be explained."""
    # A read that nobody answered says nothing.
    history = sorted((o for o in operations if o.end is not None or o.kind != "get"), key=lambda o: o.begin)
    answered = sum(1 << at for at, o in enumerate(history) if o.end is not None)
    tried = set()
    stack = [(0, None)]
    furthest = 0
    while stack:
        done, state = stack.pop()
        if done & answered == answered:
            return None
        if (done, state) in tried:
            continue
        tried.add((done, state))
        furthest = max(furthest, (done & answered).bit_count())
        horizon = None
        for at, operation in enumerate(history):
            if done >> at & 1:
                continue
            if horizon is not None and operation.begin > horizon:
                break
            try:
                stack.append((done | 1 << at, applied(operation, state)))
            except Impossible:
                pass
            if operation.end is not None:
                horizon = operation.end if horizon is None else min(horizon, operation.end)
    return f"no order explains the {answered.bit_count()} answers; at most {furthest} of them fit"


@dataclass
class Transaction:
    """Reads see what was there before the appends. `failed`: it answered that it did nothing."""

    name: int
    begin: int
    end: int | None
    appends: dict = field(default_factory=dict)
    reads: dict = field(default_factory=dict)
    failed: bool = False


def orders_of(transactions):
    """The order of each list, from the longest read of it; and the faults of the reads by themselves."""
    orders, faults = {}, []
    writers = {(key, value): t for t in transactions for key, value in t.appends.items()}
    for transaction in transactions:
        for key, values in transaction.reads.items():
            known = orders.setdefault(key, [])
            shorter, longer = sorted((known, values), key=len)
            if longer[: len(shorter)] != shorter:
                faults.append(f"list {key} was read as {values[-5:]}… and as {known[-5:]}…: neither is the other's beginning")
            orders[key] = longer
            for value in values:
                writer = writers.get((key, value))
                if writer is None or writer.failed:
                    faults.append(f"list {key}: {value} was read, but {'its write failed' if writer else 'nobody wrote it'}")
            if len(set(values)) != len(values):
                faults.append(f"list {key} has an element twice")
    return orders, writers, faults


def edges_of(transactions, orders, writers):
    """(from, to): what must come first. Moments of time stand between operations as ("time", n)."""
    edges = set()
    for key, order in orders.items():
        chain = [writers[key, value] for value in order if (key, value) in writers]
        edges.update((a.name, b.name) for a, b in pairwise(chain) if a is not b)
        for reader in transactions:
            if key not in reader.reads or reader.failed:
                continue
            seen = len(reader.reads[key])
            if seen > 0 and chain[seen - 1 : seen] and chain[seen - 1] is not reader:
                edges.add((chain[seen - 1].name, reader.name))
            if seen < len(chain) and chain[seen] is not reader:
                edges.add((reader.name, chain[seen].name))
    answered = sorted((t for t in transactions if t.end is not None and not t.failed), key=lambda t: t.end)
    for at, transaction in enumerate(answered):
        edges.add((transaction.name, ("time", at)))
        if at:
            edges.add((("time", at - 1), ("time", at)))
    ends = [t.end for t in answered]
    for transaction in transactions:
        before = first_not_below(ends, transaction.begin)
        if before > 0 and not transaction.failed:
            edges.add((("time", before - 1), transaction.name))
    return edges


def first_not_below(numbers, bound):
    low, high = 0, len(numbers)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if numbers[middle] < bound else (low, middle)
    return low


def cycle_in(edges):
    """A cycle's nodes, or nothing."""
    following = {}
    for a, b in edges:
        following.setdefault(a, []).append(b)
    colour = {}
    for start in list(following):
        if start in colour:
            continue
        path, stack = [], [(start, iter(following.get(start, ())))]
        colour[start] = "open"
        path.append(start)
        while stack:
            node, rest = stack[-1]
            for next_node in rest:
                if colour.get(next_node) == "open":
                    return path[path.index(next_node) :]
                if next_node not in colour:
                    colour[next_node] = "open"
                    path.append(next_node)
                    stack.append((next_node, iter(following.get(next_node, ()))))
                    break
            else:
                colour[node] = "done"
                path.pop()
                stack.pop()
    return None


def lists(transactions, final=None):
    """Faults of the history. `final`: a read of each key after everything; what was acknowledged must be in it."""
    orders, writers, faults = orders_of(transactions)
    if final:
        for (key, value), writer in writers.items():
            if writer.end is not None and not writer.failed and value not in final.get(key, []):
                faults.append(f"list {key}: {value} was acknowledged and is gone")
    if faults:
        return faults
    cycle = cycle_in(edges_of(transactions, orders, writers))
    if cycle:
        names = [node for node in cycle if not isinstance(node, tuple)]
        by_name = {t.name: t for t in transactions}
        faults.append("a cycle: " + " -> ".join(str(by_name[name]) for name in names[:6]))
    return faults


def bank(reads, total):
    """`reads`: the balances that transactional reads saw."""
    return [f"balances {balances} sum to {sum(balances)}, not {total}" for balances in reads if sum(balances) != total]
