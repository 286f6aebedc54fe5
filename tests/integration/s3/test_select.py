"""S3 Select: what a SQL expression finds in an object."""

import bz2
import gzip
import json

import pytest
from botocore.exceptions import ClientError, EventStreamError

PEOPLE = "id,Name,city\n1,Ann,Oslo\n2,Bo,\"Rome, IT\"\n3,Cy,Oslo\n"
BOOKS = '{"shelf":[{"t":"A","p":1.50},{"t":"B"}],"n":{"x":1}}\n{"shelf":[],"n":{"X":2}}\n'


class Answer:
    def __init__(self, events):
        self.events = list(events)
        self.text = b"".join(each["Records"]["Payload"] for each in self.events if "Records" in each).decode()
        self.kinds = [next(iter(each)) for each in self.events]
        self.stats = next(each["Stats"]["Details"] for each in self.events if "Stats" in each)


@pytest.fixture
def select(s3, bucket):
    """select(body, sql, csv={…} or json="LINES", out="CSV" or {…}): puts the object and asks."""

    def ask(body, sql, csv=None, json=None, out="CSV", compression="NONE", key="data", **more):
        if body is not None:
            s3.put_object(Bucket=bucket, Key=key, Body=body)
        given = {"JSON": {"Type": json}} if json else {"CSV": csv or {}}
        target = {out: {}} if isinstance(out, str) else out
        reply = s3.select_object_content(
            Bucket=bucket,
            Key=key,
            Expression=sql,
            ExpressionType="SQL",
            InputSerialization={**given, "CompressionType": compression},
            OutputSerialization=target,
            **more,
        )
        return Answer(reply["Payload"])

    return ask


@pytest.fixture
def fails(select):
    """fails(code, …): select fails with it, at once or in mid-stream."""

    def check(code, *arguments, **named):
        with pytest.raises((ClientError, EventStreamError)) as caught:
            select(*arguments, **named)
        assert caught.value.response["Error"]["Code"] == code
        return caught.value.response

    return check


HEADER = {"FileHeaderInfo": "USE"}


@pytest.mark.parametrize(
    "sql, expected",
    [
        ("SELECT * FROM S3Object", '1,Ann,Oslo\n2,Bo,"Rome, IT"\n3,Cy,Oslo\n'),
        ("SELECT s.name FROM S3Object s WHERE s.city = 'Oslo'", "Ann\nCy\n"),
        ('SELECT "Name", _1 FROM s3object LIMIT 1', "Ann,1\n"),
        ("SELECT COUNT(*), SUM(CAST(id AS INT)), AVG(id), MIN(name), MAX(id) + 1 FROM S3Object", "3,6,2,Ann,4\n"),
        ("SELECT name FROM S3Object WHERE CAST(id AS INT) BETWEEN 2 AND 3 AND city LIKE 'R%'", "Bo\n"),
        ("SELECT UPPER(name) || '!' AS shout FROM S3Object WHERE id IN ('1', '3');", "ANN!\nCY!\n"),
        ("SELECT CASE WHEN id > 1 THEN 'more' ELSE 'one' END FROM S3Object", "one\nmore\nmore\n"),
    ],
)
def test_csv_with_a_header(select, sql, expected):
    assert select(PEOPLE, sql, HEADER).text == expected


def test_csv_as_json(select):
    assert select(PEOPLE, "SELECT s.name AS who, 1+1, s.* FROM S3Object s LIMIT 1", HEADER, out="JSON").text == (
        '{"who":"Ann","_2":2,"id":"1","Name":"Ann","city":"Oslo"}\n'
    )
    out = {"JSON": {"RecordDelimiter": ";"}}
    assert select(None, "SELECT _1 FROM S3Object", {"FileHeaderInfo": "IGNORE"}, out=out).text == (
        '{"_1":"1"};{"_1":"2"};{"_1":"3"};'
    )


def test_every_option_of_csv(select):
    body = "; note$a|'x\\'|y'$b|'two$lines'$"
    options = {
        "RecordDelimiter": "$",
        "FieldDelimiter": "|",
        "QuoteCharacter": "'",
        "QuoteEscapeCharacter": "\\",
        "Comments": ";",
        "AllowQuotedRecordDelimiter": True,
    }
    out = {"CSV": {"QuoteFields": "ALWAYS", "FieldDelimiter": ";", "RecordDelimiter": "#", "QuoteEscapeCharacter": "!"}}
    assert select(body, "SELECT * FROM S3Object", options, out=out).text == (
        '"a";"x\'|y"#"b";"two$lines"#'
    )


def test_lines_of_windows(select):
    body = 'a,b\r\n1,"x"\r\n\r\n2,"y\r\nz"\r\n'
    options = {**HEADER, "AllowQuotedRecordDelimiter": True}
    assert select(body, "SELECT b, a FROM S3Object", options).text == 'x,1\n"y\r\nz",2\n'
    options = {"FileHeaderInfo": "USE", "RecordDelimiter": "\r\n"}
    assert select("a,b\r\n1,2\r\n", "SELECT b FROM S3Object", options).text == "2\n"


def test_json(select):
    assert select(BOOKS, "SELECT b.t, b.p FROM S3Object[*].shelf[*] b", json="LINES", out="JSON").text == (
        '{"t":"A","p":1.50}\n{"t":"B"}\n{}\n'
    )
    assert select(None, "SELECT s.n FROM S3Object s WHERE s.n.x = 2", json="DOCUMENT", out="JSON").text == (
        '{"n":{"X":2}}\n'
    )
    assert select(None, "SELECT s.shelf[0].t, s.n FROM S3Object s", json="LINES").text == 'A,"{""x"":1}"\n,"{""X"":2}"\n'
    assert select(None, "SELECT t FROM S3Object[*].shelf[*].t WHERE t IS NOT MISSING", json="LINES").text == "A\nB\n"


def test_compressed_input(select):
    for compression, body in (("GZIP", gzip.compress(PEOPLE.encode())), ("BZIP2", bz2.compress(PEOPLE.encode()))):
        answer = select(body, "SELECT id FROM S3Object", HEADER, compression=compression)
        assert answer.text == "1\n2\n3\n"
        assert answer.stats == {"BytesScanned": len(body), "BytesProcessed": len(PEOPLE), "BytesReturned": 6}
        two = select(body + body, "SELECT COUNT(*) FROM S3Object", compression=compression)
        assert two.text == "8\n"


def test_broken_compression(fails):
    fails("TruncatedInput", PEOPLE, "SELECT * FROM S3Object", compression="GZIP")
    fails("TruncatedInput", gzip.compress(PEOPLE.encode())[:-4], "SELECT * FROM S3Object", compression="GZIP")
    fails("TruncatedInput", bz2.compress(PEOPLE.encode())[:-4], "SELECT * FROM S3Object", compression="BZIP2")


def test_many_megabytes_stream(select):
    line = "%07d,some text that fills the line,x\n"
    body = "".join(line % number for number in range(400_000))
    answer = select(body, "SELECT * FROM S3Object", RequestProgress={"Enabled": True})
    assert answer.text == body
    assert answer.kinds.count("Records") > 10
    assert answer.kinds[-3:] == ["Progress", "Stats", "End"]
    size = len(body)
    assert answer.stats == {"BytesScanned": size, "BytesProcessed": size, "BytesReturned": size}
    found = select(None, "SELECT _1 FROM S3Object WHERE CAST(_1 AS INT) % 100000 = 7")
    assert found.text == "0000007\n0100007\n0200007\n0300007\n"
    first = select(None, "SELECT _1 FROM S3Object LIMIT 2")
    assert first.text == "0000000\n0000001\n"
    assert first.stats["BytesScanned"] < size


def test_scan_ranges_split_an_object(select):
    body = "".join(f"{number},row\n" for number in range(1000))
    select(body, "SELECT COUNT(*) FROM S3Object")
    found = []
    for start in range(0, len(body), 777):
        ask = {"Start": start, "End": start + 776}
        found += select(None, "SELECT _1 FROM S3Object", ScanRange=ask).text.split()
    assert found == [str(number) for number in range(1000)]
    assert select(None, "SELECT * FROM S3Object", ScanRange={"End": 8}).text == "999,row\n"


def test_scan_ranges_know_the_header(select, fails):
    assert select(PEOPLE, "SELECT name FROM S3Object", HEADER, ScanRange={"Start": 13}).text == "Ann\nBo\nCy\n"
    assert select(None, "SELECT name FROM S3Object", HEADER, ScanRange={"Start": 14}).text == "Bo\nCy\n"
    fails("InvalidScanRange", None, "SELECT * FROM S3Object", ScanRange={"Start": 9, "End": 3})
    quoted = {"AllowQuotedRecordDelimiter": True}
    fails("UnsupportedScanRangeInput", None, "SELECT * FROM S3Object", quoted, ScanRange={"Start": 9})
    fails("UnsupportedScanRangeInput", None, "SELECT * FROM S3Object", json="DOCUMENT", ScanRange={"Start": 9})
    lines = select(BOOKS, "SELECT s.n FROM S3Object s", json="LINES", out="JSON", ScanRange={"Start": 5})
    assert lines.text == '{"n":{"X":2}}\n'


@pytest.mark.parametrize(
    "code, sql",
    [
        ("ParseExpectedKeyword", "DELETE FROM S3Object"),
        ("ParseSelectMissingFrom", "SELECT 1"),
        ("ParseUnexpectedTerm", "SELECT 1 FROM S3Object s 5"),
        ("UnsupportedFunction", "SELECT SIN(1) FROM S3Object"),
        ("LexerInvalidChar", "SELECT # FROM S3Object"),
        ("EvaluatorBindingDoesNotExist", "SELECT * FROM Table1"),
        ("MissingHeaders", "SELECT age FROM S3Object"),
        ("MissingHeaders", 'SELECT "name" FROM S3Object'),
        ("CastFailed", "SELECT CAST(name AS INT) FROM S3Object"),
        ("IntegerOverflow", "SELECT 9223372036854775807 + 1 FROM S3Object"),
        ("UnsupportedSqlStructure", "SELECT name, COUNT(*) FROM S3Object"),
        ("ExpressionTooLong", "SELECT '" + "x" * 262144 + "' FROM S3Object"),
    ],
)
def test_expressions_that_fail(fails, code, sql):
    error = fails(code, PEOPLE, sql, HEADER)
    assert error["Error"]["Message"]
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_requests_that_fail(s3, bucket, refused, fails):
    s3.put_object(Bucket=bucket, Key="data", Body=PEOPLE)

    def ask(code, given, target, status=400, sql="SELECT * FROM S3Object", **more):
        refused(
            status,
            code,
            s3.select_object_content,
            Bucket=bucket,
            Key=more.pop("Key", "data"),
            Expression=sql,
            ExpressionType="SQL",
            InputSerialization=given,
            OutputSerialization=target,
            **more,
        )

    ask("NoSuchKey", {"CSV": {}}, {"CSV": {}}, 404, Key="nothing")
    ask("InvalidDataSource", {}, {"CSV": {}})
    ask("ObjectSerializationConflict", {"CSV": {}, "JSON": {"Type": "LINES"}}, {"CSV": {}})
    ask("ObjectSerializationConflict", {"CSV": {}}, {"CSV": {}, "JSON": {}})
    ask("MissingRequiredParameter", {"CSV": {}}, {})
    ask("NotImplemented", {"Parquet": {}}, {"CSV": {}}, 501)
    ask("InvalidFileHeaderInfo", {"CSV": {"FileHeaderInfo": "MAYBE"}}, {"CSV": {}})
    ask("InvalidQuoteFields", {"CSV": {}}, {"CSV": {"QuoteFields": "SOMETIMES"}})
    ask("InvalidCompressionFormat", {"CSV": {}, "CompressionType": "ZSTD"}, {"CSV": {}})
    ask("InvalidJsonType", {"JSON": {"Type": "PAGES"}}, {"CSV": {}})
    ask("InvalidRequestParameter", {"CSV": {"QuoteCharacter": "''"}}, {"CSV": {}})


def test_objects_that_fail(fails):
    fails("OverMaxRecordSize", "x" * (1 << 20) + "y\n", "SELECT * FROM S3Object")
    fails("InvalidTextEncoding", b"ok\n\xff\xfe\n", "SELECT * FROM S3Object")
    fails("JSONParsingError", '{"a":1}\n{"a":}\n', "SELECT * FROM S3Object", json="LINES")
    fails("CSVEscapingRecordDelimiter", 'a,"b\nc",d\n', "SELECT * FROM S3Object")
    fails("AmbiguousFieldName", '{"A":1,"a":2}', "SELECT a FROM S3Object", json="LINES")


def test_an_error_in_mid_stream(s3, bucket, select):
    body = "1234567890\n" * 100_000 + "last\n"
    s3.put_object(Bucket=bucket, Key="data", Body=body)
    reply = s3.select_object_content(
        Bucket=bucket,
        Key="data",
        Expression="SELECT CAST(_1 AS INT) FROM S3Object",
        ExpressionType="SQL",
        InputSerialization={"CSV": {}},
        OutputSerialization={"CSV": {}},
    )
    rows = 0
    with pytest.raises(EventStreamError) as caught:
        for event in reply["Payload"]:
            rows += event["Records"]["Payload"].count(b"\n")
    assert rows > 1000
    assert caught.value.response["Error"]["Code"] == "CastFailed"


def test_customer_keys(s3, bucket, select, refused):
    key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
    s3.put_object(Bucket=bucket, Key="data", Body=PEOPLE * 3000, **key)
    assert select(None, "SELECT COUNT(*) FROM S3Object", **key).text == "12000\n"
    ask = dict(Bucket=bucket, Key="data", Expression="SELECT * FROM S3Object", ExpressionType="SQL")
    ask |= dict(InputSerialization={"CSV": {}}, OutputSerialization={"CSV": {}})
    refused(400, "InvalidRequest", s3.select_object_content, **ask)


def test_policies_speak_of_get_object(s3, bucket, select, fails):
    select(PEOPLE, "SELECT * FROM S3Object")
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    fails("AccessDenied", None, "SELECT * FROM S3Object")


def test_the_current_version_is_read(s3, bucket, select, fails):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    select("old\n", "SELECT * FROM S3Object")
    assert select("new\n", "SELECT * FROM S3Object").text == "new\n"
    s3.delete_object(Bucket=bucket, Key="data")
    fails("NoSuchKey", None, "SELECT * FROM S3Object")


def test_command_line(s3, bucket, cli, tmp_path):
    s3.put_object(Bucket=bucket, Key="people", Body=PEOPLE)
    out = tmp_path / "out"
    cli(
        *("s3api", "select-object-content", "--bucket", bucket, "--key", "people", "--expression-type", "SQL"),
        *("--expression", "SELECT s.name FROM S3Object s WHERE s.city = 'Oslo'"),
        *("--input-serialization", '{"CSV": {"FileHeaderInfo": "USE"}}'),
        *("--output-serialization", '{"JSON": {}}', str(out)),
    )
    assert out.read_text() == '{"name":"Ann"}\n{"name":"Cy"}\n'
