"""Functions for the tests, each with a name of its own."""

import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from lambda_packages import package  # noqa: E402


@pytest.fixture(scope="session")
def lam(aws):
    return aws.client("lambda")


@pytest.fixture(scope="session")
def role(aws):
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                                                     "Principal": {"Service": "lambda.amazonaws.com"}}]}
    iam = aws.client("iam")
    try:
        return iam.create_role(RoleName="functions", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    except iam.exceptions.EntityAlreadyExistsException:
        return iam.get_role(RoleName="functions")["Role"]["Arn"]


@pytest.fixture
def make_function(lam, role, unique):
    """make_function("python3.11", {"app.py": …}, Timeout=3) gives the name of a new function, which goes at the end."""
    made = []

    def make(runtime, files, mode=0o644, **options):
        name = unique("f")
        options.setdefault("Timeout", 20)
        options.setdefault("Handler", "app.handler")
        lam.create_function(FunctionName=name, Runtime=runtime, Role=role, Code={"ZipFile": package(files, mode)}, **options)
        made.append(name)
        return name

    yield make
    for name in made:
        try:
            lam.delete_function(FunctionName=name)
        except lam.exceptions.ResourceNotFoundException:
            pass


@pytest.fixture
def python(make_function):
    return lambda text, **options: make_function("python3.11", {"app.py": text}, **options)


@pytest.fixture
def call(lam):
    """call(name, event) gives (result, function error)."""

    def invoke(name, event=None, **options):
        reply = lam.invoke(FunctionName=name, Payload=json.dumps(event), **options)
        return json.loads(reply["Payload"].read() or "null"), reply.get("FunctionError")

    return invoke


class Gate:
    """Something that a function waits for: an object, at a URL that it is given. `wait` is JavaScript for that."""

    WAIT = """
      const asked = new URL(event.gate);
      const at = process.env.AWS_ENDPOINT_URL + asked.pathname + asked.search;
      const status = () => new Promise((done) => require('node:http').get(at, { headers: { host: asked.host } },
                                                                          (r) => { r.resume(); done(r.statusCode); }));
      while (await status() !== 200) await new Promise((r) => setTimeout(r, 20));"""

    def __init__(self, s3, bucket):
        self.s3, self.bucket = s3, bucket
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
        self.url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "go"})

    def open(self):
        self.s3.put_object(Bucket=self.bucket, Key="go", Body=b"")


@pytest.fixture
def gate(aws, unique):
    return Gate(aws.client("s3"), unique("gate"))
