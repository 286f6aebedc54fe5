"""Tables for the tests: each has a name of its own, so tests run side by side."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from dynamodb_tables import active, definition  # noqa: E402


@pytest.fixture(scope="session")
def ddb(aws):
    return aws.client("dynamodb")


@pytest.fixture(scope="session")
def ddb_resource(aws):
    return aws.resource("dynamodb")


@pytest.fixture
def make_table(ddb, unique):
    """make_table(range_type="S", …) gives the name of a fresh table, which goes at the end."""
    made = []

    def make(**options):
        name = unique("table")
        ddb.create_table(**definition(name, **options))
        made.append(name)
        return active(ddb, name)

    yield make
    for name in made:
        try:
            ddb.delete_table(TableName=name)
        except ddb.exceptions.ResourceNotFoundException:
            pass


@pytest.fixture
def table(make_table):
    """Hash key only."""
    return make_table()


@pytest.fixture
def sorted_table(make_table):
    """Hash key pk, range key sk, both texts."""
    return make_table(range_type="S")


@pytest.fixture
def fails():
    """with fails("ValidationException", "part of the message"): …"""
    import contextlib

    from botocore.exceptions import ClientError

    @contextlib.contextmanager
    def expect(code, message=""):
        with pytest.raises(ClientError) as caught:
            yield caught
        error = caught.value.response["Error"]
        assert error["Code"] == code, error
        assert message in error["Message"], error

    return expect
