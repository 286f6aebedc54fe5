"""The cumulet program: its commands, what it says, and its exit status."""

import http.client
import json
import os
import pathlib
import re
import signal
import subprocess

import boto3
import pytest

BINARY = os.environ.get(
    "CUMULET_BINARY", str(pathlib.Path(__file__).parent.parent.parent.parent / "build/release/cumulet"))

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters: {Word: {Type: String, Default: first}}
Resources:
  Site:
    Type: AWS::S3::Bucket
    Metadata: {Site: site}
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: %s
      Runtime: python3.11
      Handler: app.handler
      CodeUri: code
      Environment: {Variables: {WORD: !Ref Word}}
      Events:
        Get: {Type: HttpApi, Properties: {Path: /, Method: get}}
Outputs:
  Bucket: {Value: !Ref Site}
  Word: {Value: !Ref Word}
"""
CODE = """
import os
def handler(event, context):
    print("called with", event)
    if event.get("fail"):
        raise RuntimeError("asked to")
    return {"word": os.environ["WORD"], "event": event}
"""


@pytest.fixture
def cumulet(server):
    """cumulet("invoke", "name") runs the program with the server's variables."""

    def run(*arguments, environment=None, **options):
        return subprocess.run([BINARY, *map(str, arguments)], env=environment or server.environment,
                              capture_output=True, text=True, timeout=120, **options)

    return run


@pytest.fixture
def project(tmp_path, unique):
    function = unique("hello")
    (tmp_path / "template.yaml").write_text(TEMPLATE % function)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "app.py").write_text(CODE)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("<h1>hello</h1>")
    return tmp_path, function, unique("stack")


def test_deploy_invoke_logs(cumulet, project, aws, wait_until):
    folder, function, stack = project
    done = cumulet("deploy", "--stack-name", stack, cwd=folder)
    assert done.returncode == 0, done.stderr
    for words in ["CREATE_COMPLETE", "AWS::Lambda::Function", "packaged code", "uploaded site (1 files)", "Outputs"]:
        assert words in done.stdout
    assert "\033[" not in done.stdout  # Colours are for terminals.
    bucket = re.search(r"^  Bucket +(\S+)$", done.stdout, re.MULTILINE).group(1)
    page = aws("s3").get_object(Bucket=bucket, Key="index.html")
    assert page["ContentType"].startswith("text/html") and page["Body"].read() == b"<h1>hello</h1>"
    assert json.load(aws("s3").get_object(Bucket=bucket, Key="outputs.json")["Body"])["Word"] == "first"

    again = cumulet("deploy", folder / "template.yaml", "--stack-name", stack)
    assert again.returncode == 0 and "nothing has changed" in again.stdout
    changed = cumulet("deploy", folder / "template.yaml", "--stack-name", stack, "--parameter", "Word=second")
    assert changed.returncode == 0 and "UPDATE_COMPLETE" in changed.stdout

    invoked = cumulet("invoke", function, "--payload", '{"a": 1}')
    assert invoked.returncode == 0, invoked.stderr
    assert json.loads(invoked.stdout) == {"word": "second", "event": {"a": 1}}
    assert "REPORT RequestId" in invoked.stderr and "called with" in invoked.stderr
    quiet = cumulet("invoke", function, "--quiet", "--payload", "-", input='{"b": 2}')
    assert json.loads(quiet.stdout)["event"] == {"b": 2} and quiet.stderr == ""
    (folder / "event.json").write_text('{"c": 3}')
    assert json.loads(cumulet("invoke", function, "--payload", f"@{folder}/event.json").stdout)["event"] == {"c": 3}
    failed = cumulet("invoke", function, "--payload", '{"fail": true}')
    assert failed.returncode == 1 and json.loads(failed.stdout)["errorType"] == "RuntimeError"
    assert cumulet("invoke", function, "--async").returncode == 0

    wait_until(lambda: "called with" in cumulet("logs", function).stdout, what="the log")
    assert "REPORT RequestId" in cumulet("logs", function, "--since", "1h").stdout
    assert "REPORT" not in cumulet("logs", function, "--filter", '"called with"').stdout


def test_logs_follow(cumulet, project, server, aws):
    folder, function, stack = project
    assert cumulet("deploy", "--stack-name", stack, cwd=folder).returncode == 0
    following = subprocess.Popen([BINARY, "logs", "-f", function], env=server.environment, stdout=subprocess.PIPE,
                                 text=True)
    try:
        cumulet("invoke", function, "--payload", '{"marker": 77}')
        for line in following.stdout:
            if "'marker': 77" in line:
                break
    finally:
        following.terminate()
        following.wait()


def test_a_failing_deployment(cumulet, tmp_path, unique):
    (tmp_path / "template.json").write_text(json.dumps(
        {"Resources": {"B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "Not A Name"}}}}))
    stack = unique("bad")
    failed = cumulet("deploy", tmp_path / "template.json", "--stack-name", stack)
    assert failed.returncode == 1
    assert "ROLLBACK_COMPLETE" in failed.stderr and "B:" in failed.stderr
    (tmp_path / "template.json").write_text(json.dumps({"Resources": {"B": {"Type": "AWS::S3::Bucket"}}}))
    again = cumulet("deploy", tmp_path / "template.json", "--stack-name", stack)
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize("template, words", [
    ("Resources: {", "template.yaml"),
    ("Resources: {X: {Type: AWS::Nothing::Here}}", "Unrecognized resource types: [AWS::Nothing::Here]"),
    ("Transform: AWS::Serverless-2016-10-31\nResources: {F: {Type: AWS::Serverless::Function, "
     "Properties: {Runtime: python3.11, Handler: a.b, CodeUri: not-there}}}", "not-there"),
])
def test_bad_templates(cumulet, tmp_path, unique, template, words):
    (tmp_path / "template.yaml").write_text(template)
    failed = cumulet("deploy", "--stack-name", unique("bad"), cwd=tmp_path)
    assert failed.returncode == 1 and words in failed.stderr, failed.stderr


@pytest.mark.parametrize("command", ["", "serve", "deploy", "invoke", "logs", "env", "doctor"])
def test_help(cumulet, command):
    for flag in ("--help", "-h"):
        done = cumulet(*([command] if command else []), flag)
        assert done.returncode == 0 and done.stdout.startswith("Usage: cumulet") and done.stderr == ""


@pytest.mark.parametrize("arguments", [
    ["nonsense"], [], ["deploy", "--nonsense"], ["deploy", "not-there.yaml"], ["deploy", "--stack-name"],
    ["invoke"], ["invoke", "a", "b"], ["invoke", "f", "--payload"], ["invoke", "f", "--payload", "@/not/there"],
    ["logs"], ["logs", "f", "--since", "tomorrow"], ["env", "--nonsense"], ["doctor", "--nonsense"],
    ["serve", "--nonsense"], ["serve", "word"], ["serve", "--listen", "nowhere:99999"], ["serve", "--listen"],
    ["serve", "--log-level", "loud"], ["serve", "--account-id", "12"], ["serve", "--tls-cert", "a.pem"],
    ["serve", "--dev", "--listen", "0.0.0.0:0"], ["serve", "--config", "/not/there"],
])
def test_wrong_arguments_are_status_2(cumulet, arguments, tmp_path):
    done = cumulet(*arguments, cwd=tmp_path)
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert "cumulet" in done.stderr


def test_version(cumulet):
    for word in ("version", "--version"):
        done = cumulet(word)
        assert done.returncode == 0 and re.match(r"cumulet \d+\.\d+", done.stdout)


def test_env(cumulet, server, tmp_path):
    done = cumulet("env", "--data-dir", server.data, "--endpoint", server.endpoint, "--region", "eu-central-1")
    assert done.returncode == 0
    shell = subprocess.run(["sh", "-c", done.stdout + "env"], capture_output=True, text=True)
    variables = dict(line.split("=", 1) for line in shell.stdout.splitlines() if "=" in line)
    assert variables["AWS_ENDPOINT_URL"] == server.endpoint and variables["AWS_REGION"] == "eu-central-1"
    assert variables["AWS_ACCESS_KEY_ID"] == server.access_key
    assert variables["AWS_SECRET_ACCESS_KEY"] == server.secret_key
    missing = cumulet("env", "--data-dir", tmp_path / "none")
    assert missing.returncode == 1 and "no credentials" in missing.stderr


def test_doctor(cumulet):
    done = cumulet("doctor")
    assert done.returncode in (0, 1)
    assert "Sandboxes" in done.stdout and "Runtimes" in done.stdout


def test_nobody_listens(cumulet, server):
    environment = dict(server.environment, AWS_ENDPOINT_URL="http://127.0.0.1:9")
    done = cumulet("invoke", "f", environment=environment)
    assert done.returncode == 1 and "cannot reach the cloud at http://127.0.0.1:9" in done.stderr


def test_unknown_function(cumulet):
    for command in ("invoke", "logs"):
        done = cumulet(command, "is-not-there")
        assert done.returncode == 1 and "cumulet " + command in done.stderr


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def test_health_and_metrics(server, aws):
    aws("sts").get_caller_identity()
    status, text = get(server.port, "/_localstack/health")
    services = json.loads(text)["services"]
    assert status == 200 and {"s3", "lambda", "dynamodb", "cloudformation"} <= set(services)
    status, text = get(server.port, "/metrics")
    assert status == 200
    for line in text.splitlines():
        assert line.startswith("#") or re.match(r'^[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})? [-+0-9.eEnaif]+$', line), line
    assert "cumulet_" in text


def test_dev_mode(dev_server, unique):
    def client(service, key):
        return boto3.session.Session().client(service, endpoint_url=dev_server.endpoint, region_name="eu-west-1",
                                              aws_access_key_id=key, aws_secret_access_key="whatever")

    assert client("sts", "test").get_caller_identity()["Account"] == "000000000000"
    assert client("sts", "123456789012").get_caller_identity()["Account"] == "123456789012"
    name = unique("queue")
    client("logs", "111111111111").create_log_group(logGroupName=name)
    assert client("logs", "222222222222").describe_log_groups()["logGroups"] == []
    assert len(client("logs", "111111111111").describe_log_groups()["logGroups"]) == 1


def test_signatures_count_without_dev_mode(server):
    from botocore.exceptions import ClientError

    wrong = boto3.session.Session().client("sts", endpoint_url=server.endpoint, region_name="eu-west-1",
                                           aws_access_key_id="test", aws_secret_access_key="test")
    with pytest.raises(ClientError):
        wrong.get_caller_identity()


def test_sigterm_ends_with_0(own_server):
    assert own_server.stop() == 0


def test_port_in_use(server, cumulet, tmp_path):
    done = cumulet("serve", "--listen", f"127.0.0.1:{server.port}", "--data-dir", tmp_path)
    assert done.returncode == 1
    assert str(server.port) in done.stderr and "in use" in done.stderr


def test_data_directory_in_use(server, cumulet):
    done = cumulet("serve", "--listen", "127.0.0.1:0", "--data-dir", server.data)
    assert done.returncode == 1 and server.data in done.stderr


SLOW_DISK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
int fdatasync(int fd) { usleep(250000); return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd); }
int fsync(int fd) { usleep(250000); return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd); }
"""


@pytest.mark.skipif(b"__asan_init" in pathlib.Path(BINARY).read_bytes() or b"__tsan_init" in pathlib.Path(BINARY).read_bytes(),
                    reason="sanitizers must be loaded first")
def test_a_stop_waits_for_what_is_on_its_way_to_a_slow_disk(tmp_path):
    (tmp_path / "slow.c").write_text(SLOW_DISK)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "slow.so", tmp_path / "slow.c", "-ldl"], check=True)
    running = subprocess.Popen([BINARY, "serve", "--listen", "127.0.0.1:0", "--data-dir", tmp_path / "data"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, env={**os.environ, "LD_PRELOAD": str(tmp_path / "slow.so")})
    try:
        assert "is ready" in running.stdout.readline()
    finally:
        running.send_signal(signal.SIGTERM)
        assert running.wait(60) == 0


def test_configuration_file(tmp_path):
    file = tmp_path / "cumulet.conf"
    file.write_text(f"# A comment\nlisten = 127.0.0.1:0\ndata-dir = {tmp_path}/data\naccount-id = 123123123123\n"
                    "region = us-west-2 # the rest is a comment\nlog-level = warning\n")
    running = subprocess.Popen([BINARY, "serve", "--config", str(file), "--account-id", "321321321321"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = running.stdout.readline()
        assert "is ready on http://127.0.0.1:" in line
        assert "AWS_ACCOUNT_ID=321321321321" in (tmp_path / "data" / "root-credentials").read_text()
    finally:
        running.send_signal(signal.SIGTERM)
        assert running.wait(60) == 0
    for text, where in [("listen 1", ":1"), ("\nnonsense = 1", ":2"), ("threads = many", ":1")]:
        file.write_text(text)
        done = subprocess.run([BINARY, "serve", "--config", str(file)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 2 and f"cumulet.conf{where}" in done.stderr
