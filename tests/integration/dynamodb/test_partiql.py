"""PartiQL: ExecuteStatement, BatchExecuteStatement, ExecuteTransaction."""

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

plain = TypeDeserializer().deserialize
typed = TypeSerializer().serialize


@pytest.fixture
def music(ddb, make_table):
    """Artist and title as key, with an index by year."""
    name = make_table(
        range_type="S",
        attributes=[{"AttributeName": "year", "AttributeType": "N"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-year",
                "KeySchema": [{"AttributeName": "year", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    )
    songs = [("acme", "alpha", 1990), ("acme", "beta", 1991), ("acme", "gamma", 1990), ("zeta", "one", 1990)]
    for artist, title, year in songs:
        ddb.put_item(
            TableName=name,
            Item={
                "pk": {"S": artist},
                "sk": {"S": title},
                "year": {"N": str(year)},
                "tags": {"SS": ["x", title]},
                "info": {"M": {"plays": {"N": "1"}, "list": {"L": [{"N": "1"}, {"N": "2"}]}}},
            },
        )
    return name


@pytest.fixture
def execute(ddb):
    def run(statement, *parameters, **more):
        if parameters:
            more["Parameters"] = [typed(each) for each in parameters]
        answer = ddb.execute_statement(Statement=statement, **more)
        return [{name: plain(value) for name, value in item.items()} for item in answer["Items"]]

    return run


def titles(items):
    return [item["sk"] for item in items]


@pytest.mark.parametrize(
    "where, expected",
    [
        ("pk = 'acme' AND sk = 'beta'", ["beta"]),
        ("pk = 'acme'", ["alpha", "beta", "gamma"]),
        ("pk = 'acme' ORDER BY sk DESC", ["gamma", "beta", "alpha"]),
        ("pk = 'acme' AND sk > 'alpha'", ["beta", "gamma"]),
        ("pk = 'acme' AND 'beta' >= sk", ["alpha", "beta"]),
        ("pk = 'acme' AND sk BETWEEN 'b' AND 'c'", ["beta"]),
        ("pk = 'acme' AND begins_with(sk, 'ga')", ["gamma"]),
        ("pk IN ['zeta', 'acme'] ORDER BY pk ASC", ["alpha", "beta", "gamma", "one"]),
        ("pk IN ('zeta', 'acme') ORDER BY pk DESC, sk DESC", ["one", "gamma", "beta", "alpha"]),
        ("pk = 'zeta' OR pk = 'nobody'", ["one"]),
        ("pk = 'acme' AND \"year\" = 1990", ["alpha", "gamma"]),
        ("pk = 'acme' AND NOT (\"year\" = 1990)", ["beta"]),
        ("pk = 'acme' AND contains(tags, 'beta')", ["beta"]),
        ("pk = 'acme' AND \"year\" NOT IN [1990]", ["beta"]),
        ("pk = 'acme' AND size(tags) = 2 AND sk <> 'alpha'", ["beta", "gamma"]),
        ("pk = 'acme' AND attribute_type(info, 'M') AND info.list[1] = 2 AND sk < 'b'", ["alpha"]),
        ("pk = 'acme' AND awards IS MISSING AND info.plays IS NOT MISSING AND sk < 'b'", ["alpha"]),
        ("pk = 'acme' AND info IS NOT NULL AND sk < 'b'", ["alpha"]),
        ("pk = 'acme' AND awards IS NULL", []),
    ],
)
def test_select_finds_what_its_condition_says(execute, music, where, expected):
    assert titles(execute(f'SELECT * FROM "{music}" WHERE {where}')) == expected


def test_select_without_a_key_reads_all(execute, music):
    assert sorted(titles(execute(f'SELECT sk FROM "{music}" WHERE "year" = ?', 1990))) == ["alpha", "gamma", "one"]


def test_select_of_paths_shows_their_last_names(execute, music):
    assert execute(f"SELECT info.plays, info.list[1], pk FROM \"{music}\" WHERE pk = 'zeta'") == [
        {"plays": 1, "list[1]": 2, "pk": "zeta"}
    ]


def test_select_from_an_index(execute, music, fails):
    assert sorted(titles(execute(f'SELECT * FROM "{music}"."by-year" WHERE "year" = 1990'))) == ["alpha", "gamma", "one"]
    with fails("ValidationException", "does not project [info]"):
        execute(f'SELECT info FROM "{music}"."by-year" WHERE "year" = 1990')


def test_pages_follow_one_another_through_partitions(ddb, music):
    statement = f"SELECT sk FROM \"{music}\" WHERE pk IN ['acme', 'zeta'] ORDER BY pk"
    found, token, pages = [], {}, 0
    while True:
        answer = ddb.execute_statement(Statement=statement, Limit=2, **token)
        found += [item["sk"]["S"] for item in answer["Items"]]
        pages += 1
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}
    assert found == ["alpha", "beta", "gamma", "one"]
    assert pages in (2, 3)


def test_a_token_of_another_statement_is_refused(ddb, music, fails):
    answer = ddb.execute_statement(Statement=f"SELECT * FROM \"{music}\" WHERE pk = 'acme'", Limit=1)
    with fails("ValidationException", "NextToken"):
        ddb.execute_statement(Statement=f"SELECT * FROM \"{music}\" WHERE pk = 'zeta'", NextToken=answer["NextToken"])


def test_insert_adds_an_item_once(execute, music, fails):
    statement = f"INSERT INTO \"{music}\" VALUE {{'pk': 'n', 'sk': ?, 's': <<1, 2>>, 'l': [true, null, -1.50]}}"
    assert execute(statement, "x") == []
    assert execute(f"SELECT * FROM \"{music}\" WHERE pk = 'n'") == [
        {"pk": "n", "sk": "x", "s": {1, 2}, "l": [True, None, plain({"N": "-1.5"})]}
    ]
    with fails("DuplicateItemException", "Duplicate primary key exists in table"):
        execute(statement, "x")


def test_update_sets_removes_and_returns(execute, music, fails):
    where = "WHERE pk = 'acme' AND sk = 'alpha'"
    update = (
        f'UPDATE "{music}" SET info.plays = info.plays + 2 SET info.list = list_append(info.list, ?) '
        f"SET tags = set_add(tags, <<'y'>>) REMOVE \"year\" {where} RETURNING MODIFIED NEW *"
    )
    assert execute(update, [3]) == [{"info": {"plays": 3, "list": [1, 2, 3]}, "tags": {"x", "y", "alpha"}}]
    assert execute(f"UPDATE \"{music}\" SET tags = set_delete(tags, <<'x'>>) {where} RETURNING MODIFIED OLD *") == [
        {"tags": {"x", "y", "alpha"}}
    ]
    assert execute(f'UPDATE "{music}" SET n = 1, m = 2 {where} RETURNING ALL NEW *')[0].items() >= {"n": 1, "m": 2}.items()
    with fails("ConditionalCheckFailedException"):
        execute(f'UPDATE "{music}" SET n = 2 {where} AND n = 5')
    with fails("ConditionalCheckFailedException"):
        execute(f"UPDATE \"{music}\" SET n = 2 WHERE pk = 'none' AND sk = 'none'")
    with fails("ValidationException", "Where clause does not contain a mandatory equality on all key attributes"):
        execute(f"UPDATE \"{music}\" SET n = 2 WHERE pk = 'acme'")


def test_delete_returns_what_was_there(execute, music, fails):
    where = "WHERE pk = 'zeta' AND sk = 'one'"
    with fails("ConditionalCheckFailedException"):
        execute(f'DELETE FROM "{music}" {where} AND "year" = 1')
    assert execute(f'DELETE FROM "{music}" {where} RETURNING ALL OLD *')[0]["year"] == 1990
    assert execute(f'DELETE FROM "{music}" {where}') == []


@pytest.mark.parametrize(
    "statement, message",
    [
        ("SELEC * FROM t", "Statement wasn't well formed"),
        ("SELECT * FROM", "Statement wasn't well formed"),
        ("SELECT * FROM music WHERE pk = 'a", "Statement wasn't well formed"),
        ("SELECT * FROM music WHERE pk = ?", "Number of parameters in request and statement don't match."),
        ("SELECT * FROM music ORDER BY pk", "Must have WHERE clause"),
        ("SELECT * FROM music WHERE n = 1 ORDER BY sk", "Must have at least one non-optional hash key condition"),
        ("SELECT * FROM music WHERE pk = 'a' ORDER BY n", "must be part of the primary key"),
    ],
)
def test_faults_of_statements(execute, music, fails, statement, message):
    with fails("ValidationException", message):
        execute(statement.replace("music", f'"{music}"'))


def test_a_table_that_is_not_there(execute, fails):
    with fails("ResourceNotFoundException"):
        execute('SELECT * FROM "no-such-table"')


def test_batches_answer_each_statement(ddb, music):
    answer = ddb.batch_execute_statement(
        Statements=[
            {"Statement": f"SELECT sk FROM \"{music}\" WHERE pk = 'acme' AND sk = 'beta'"},
            {"Statement": f"SELECT sk FROM \"{music}\" WHERE pk = 'acme'"},
            {"Statement": f"SELECT sk FROM \"{music}\" WHERE pk = ? AND sk = ?", "Parameters": [{"S": "a"}, {"S": "b"}]},
        ],
        ReturnConsumedCapacity="TOTAL",
    )
    found, refused, missing = answer["Responses"]
    assert found == {"TableName": music, "Item": {"sk": {"S": "beta"}}}
    assert refused["Error"]["Code"] == "ValidationError"
    assert missing == {"TableName": music}
    assert answer["ConsumedCapacity"] == [{"TableName": music, "CapacityUnits": 1.0}]
    writes = ddb.batch_execute_statement(
        Statements=[
            {"Statement": f"INSERT INTO \"{music}\" VALUE {{'pk': 'acme', 'sk': 'beta'}}"},
            {"Statement": f"DELETE FROM \"{music}\" WHERE pk = 'acme' AND sk = 'alpha'"},
            {
                "Statement": f"UPDATE \"{music}\" SET n = 1 WHERE pk = 'zeta' AND sk = 'one' AND \"year\" = 1",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            },
        ]
    )["Responses"]
    assert [each.get("Error", {}).get("Code") for each in writes] == ["DuplicateItem", None, "ConditionalCheckFailed"]
    assert writes[2]["Error"]["Item"]["year"] == {"N": "1990"}


def test_transactions_do_all_or_nothing(ddb, music, fails):
    def run(*statements, **more):
        return ddb.execute_transaction(TransactStatements=[{"Statement": each} for each in statements], **more)

    there = f"EXISTS(SELECT * FROM \"{music}\" WHERE pk = 'zeta' AND sk = 'one' AND \"year\" = 1990)"
    insert = f"INSERT INTO \"{music}\" VALUE {{'pk': 't', 'sk': 't'}}"
    change = f"UPDATE \"{music}\" SET n = 1 WHERE pk = 'acme' AND sk = 'beta'"
    run(there, insert, change, ClientRequestToken="once")
    run(there, insert, change, ClientRequestToken="once")
    with fails("IdempotentParameterMismatchException"):
        run(there, insert, ClientRequestToken="once")
    with fails("TransactionCanceledException", "[None, DuplicateItem, None]") as caught:
        run(there, insert, f"DELETE FROM \"{music}\" WHERE pk = 'acme' AND sk = 'beta'")
    assert caught.value.response["CancellationReasons"][1]["Message"] == "Duplicate primary key exists in table"
    with fails("TransactionCanceledException", "[ConditionalCheckFailed, None]"):
        run(there.replace("1990", "1"), change.replace("= 1 ", "= 2 "))
    read = run(
        f"SELECT n FROM \"{music}\" WHERE pk = 'acme' AND sk = 'beta'",
        f"SELECT sk FROM \"{music}\" WHERE pk = 'none' AND sk = 'none'",
    )
    assert read["Responses"] == [{"Item": {"n": {"N": "1"}}}, {}]
