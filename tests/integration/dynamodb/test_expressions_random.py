"""Random expressions on random items: the server must agree with expression_model.py.

CUMULET_EXPRESSIONS is how many (160); CUMULET_SEED repeats a run, and a failure names both its seed and its place.
"""

import os
import random

import pytest
from botocore.exceptions import ClientError
from expression_model import Fault, Maker, PartiqlPrinter, Printer, holds, projected, same, updated

COUNT = int(os.environ.get("CUMULET_EXPRESSIONS", "160"))
SEED = int(os.environ.get("CUMULET_SEED", random.randrange(1_000_000)))


def without_key(item):
    return {name: value for name, value in item.items() if name != "pk"}


@pytest.mark.parametrize("part", range(4))
def test_the_server_agrees_with_the_model(ddb, table, part):
    for number in range(part, COUNT, 4):
        chance = random.Random(f"{SEED} {number}")
        maker = Maker(chance)
        item = maker.item()
        key = {"pk": {"S": f"item {number}"}}
        where = f"CUMULET_SEED={SEED}, expression {number}, item {item}"
        ddb.put_item(TableName=table, Item={**key, **item})
        check_read(ddb, table, key, item, maker, where)
        check_statement(ddb, table, key, item, maker, where)
        check_write(ddb, table, key, item, maker, where)


def check_read(ddb, table, key, item, maker, where):
    condition, paths = maker.condition(item), maker.projection(item)
    printer = Printer(maker.random)
    request = dict(
        KeyConditionExpression="pk = " + printer.value(key["pk"]),
        FilterExpression=printer.condition(condition),
        ProjectionExpression=", ".join(map(printer.path, paths)),
    )
    where = f"{where}\n{request}\n{printer.parameters()}"
    try:
        found = ddb.query(TableName=table, **request, **printer.parameters())["Items"]
    except ClientError as error:
        raise AssertionError(where) from error
    assert bool(found) == holds(condition, item), where
    if found:
        assert same({"M": found[0]}, {"M": projected(paths, item)}), f"{where}\nfound {found[0]}"


def check_statement(ddb, table, key, item, maker, where):
    condition = maker.condition(item)
    printer = PartiqlPrinter(maker.random)
    statement = f'SELECT * FROM "{table}" WHERE pk = {printer.value(key["pk"])} AND ({printer.condition(condition)})'
    where = f"{where}\n{statement}\n{printer.parameters_in_order}"
    try:
        found = ddb.execute_statement(Statement=statement, Parameters=printer.parameters_in_order)["Items"]
    except ClientError as error:
        raise AssertionError(where) from error
    assert bool(found) == holds(condition, item), where


def check_write(ddb, table, key, item, maker, where):
    condition, actions = maker.condition(item), maker.update(item)
    printer = Printer(maker.random)
    request = dict(UpdateExpression=printer.update(actions), ConditionExpression=printer.condition(condition))
    where = f"{where}\n{request}\n{printer.parameters()}"
    expected = None
    if not holds(condition, item):
        expected = ("ConditionalCheckFailedException", "The conditional request failed")
    else:
        try:
            wanted = updated(actions, item)
        except Fault as fault:
            expected = ("ValidationException", str(fault))
    try:
        done = ddb.update_item(TableName=table, Key=key, ReturnValues="ALL_NEW", **request, **printer.parameters())
    except ClientError as error:
        told = error.response["Error"]
        assert (told["Code"], told["Message"]) == expected, where
        return
    assert expected is None, where
    assert same({"M": without_key(done["Attributes"])}, {"M": wanted}), f"{where}\nfound {done['Attributes']}"
