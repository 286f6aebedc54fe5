"""The AWS CLI."""

import json


def test_a_day_with_the_cli(cli, unique):
    name = unique("table")
    created = cli(
        "dynamodb", "create-table", "--table-name", name,
        "--attribute-definitions", "AttributeName=pk,AttributeType=S", "AttributeName=sk,AttributeType=N",
        "--key-schema", "AttributeName=pk,KeyType=HASH", "AttributeName=sk,KeyType=RANGE",
        "--billing-mode", "PAY_PER_REQUEST",
    )  # fmt: skip
    assert created["TableDescription"]["TableName"] == name
    cli("dynamodb", "wait", "table-exists", "--table-name", name)
    for number in range(5):
        item = {"pk": {"S": "x"}, "sk": {"N": str(number)}, "data": {"B": "AAE="}}
        cli("dynamodb", "put-item", "--table-name", name, "--item", json.dumps(item))
    found = cli(
        "dynamodb", "query", "--table-name", name,
        "--key-condition-expression", "pk = :pk AND sk >= :sk",
        "--expression-attribute-values", json.dumps({":pk": {"S": "x"}, ":sk": {"N": "3"}}),
    )  # fmt: skip
    assert [item["sk"]["N"] for item in found["Items"]] == ["3", "4"]
    assert cli("dynamodb", "scan", "--table-name", name, "--page-size", "2", "--select", "COUNT")["Count"] == 5
    statement = f"SELECT sk FROM \"{name}\" WHERE pk = 'x' AND sk < 2"
    selected = cli("dynamodb", "execute-statement", "--statement", statement)
    assert [item["sk"]["N"] for item in selected["Items"]] == ["0", "1"]
    failed = cli.run(
        "dynamodb", "put-item", "--table-name", name,
        "--item", json.dumps({"pk": {"S": "x"}, "sk": {"N": "3"}}),
        "--condition-expression", "attribute_not_exists(pk)",
    )  # fmt: skip
    assert failed.returncode != 0
    assert "ConditionalCheckFailedException" in failed.stderr
    cli("dynamodb", "delete-table", "--table-name", name)
    assert name not in cli("dynamodb", "list-tables")["TableNames"]
