"""`cumulet dev`: what is saved is what the next call runs."""

import json
import os
import queue
import subprocess
import threading

import pytest

BINARY = os.environ["CUMULET_BINARY"]
TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.11, Handler: app.handler}}
Resources:
  One:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: NAME-one, CodeUri: one, Environment: {Variables: {WORD: first}}}
  Two:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: NAME-two, CodeUri: two}
"""


@pytest.fixture
def development(server, tmp_path, unique):
    """The program at work on a stack of two functions, and the lines that it prints."""
    name = unique("dev")
    (tmp_path / "template.yaml").write_text(TEMPLATE.replace("NAME", name))
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "app.py").write_text("def handler(event, context): return 'begin'\n")
    process = subprocess.Popen([BINARY, "dev", "--stack-name", name], cwd=tmp_path, env=server.environment, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines = queue.Queue()
    threading.Thread(target=lambda: [lines.put(line) for line in process.stdout], daemon=True).start()

    def until(words):
        seen = []
        while True:
            try:
                seen.append(lines.get(timeout=60))
            except queue.Empty:
                pytest.fail(f"no line with {words!r}; there was: {''.join(seen)}")
            if words in seen[-1]:
                return seen

    until("Watching 2 functions")
    yield tmp_path, name, until, process
    process.kill()
    process.wait()


def test_a_saved_file_runs_at_the_next_call(development, aws, wait_until):
    folder, name, until, process = development
    lam = aws.client("lambda")

    def call(function):
        return json.loads(lam.invoke(FunctionName=f"{name}-{function}")["Payload"].read())

    assert call("one") == call("two") == "begin"
    (folder / "one" / "app.py").write_text("def handler(event, context):\n    print('a line of the log')\n    return 'saved'\n")
    until("updated One")
    assert (call("one"), call("two")) == ("saved", "begin")
    until("One  a line of the log")

    # As editors save: a new file in the old one's place; in a folder that was not there before.
    (folder / "two" / "lib").mkdir()
    (folder / "two" / "lib" / "words.py").write_text("WORD = 'moved'\n")
    until("updated Two")
    (folder / "two" / ".app.swp").write_text("from lib.words import WORD\ndef handler(event, context): return WORD\n")
    (folder / "two" / ".app.swp").rename(folder / "two" / "app.py")
    until("updated Two")
    assert call("two") == "moved"

    # A mistake is shown, and ends nothing.
    (folder / "one" / "app.py").write_text("def handler(event, context):\n    return 'unfinished\n")
    assert any("SyntaxError" in line for line in until("updated One"))
    assert call("one")["errorType"] == "Runtime.UserCodeSyntaxError"
    (folder / "one" / "app.py").write_text("import os\ndef handler(event, context): return os.environ['WORD']\n")
    until("updated One")
    assert call("one") == "first"

    template = folder / "template.yaml"
    good = template.read_text()
    template.write_text("Resources: [\n")
    until("not deployed")
    template.write_text(good.replace("WORD: first", "WORD: second"))
    wait_until(lambda: call("one") == "second", what="the template's new variable")
    assert process.poll() is None
