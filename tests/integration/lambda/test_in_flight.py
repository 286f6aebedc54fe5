"""What becomes of a call that runs when its function is changed or deleted: it ends as it began."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from lambda_packages import package

OLD = """exports.handler = awslambda.streamifyResponse(async (event, out) => {
  out.write('begun ');%s
  out.end(require('./late.js').text + process.env.WHICH);
});"""


@pytest.fixture
def begun(lam, make_function, gate):
    """A function's name, and a call of it that has begun and goes on when the gate opens."""
    name = make_function("nodejs20.x", {"app.js": OLD % gate.WAIT, "late.js": "exports.text = 'old ';"},
                         Environment={"Variables": {"WHICH": "first"}})
    events = iter(lam.invoke_with_response_stream(FunctionName=name, Payload=json.dumps({"gate": gate.url}))["EventStream"])
    assert next(events)["PayloadChunk"]["Payload"] == b"begun "
    return name, events


def rest_of(events):
    data = b""
    for event in events:
        data += event.get("PayloadChunk", {}).get("Payload", b"")
        assert "ErrorCode" not in event.get("InvokeComplete", {})
    return data


def test_new_code_is_for_the_next_call(lam, begun, gate, call):
    name, events = begun
    lam.update_function_code(FunctionName=name, ZipFile=package({"app.js": "exports.handler = async () => 'new';"}))
    assert call(name) == ("new", None)
    gate.open()
    assert rest_of(events) == b"old first"


def test_new_configuration_is_for_the_next_call(lam, begun, gate, stream_text):
    name, events = begun
    lam.update_function_configuration(FunctionName=name, Environment={"Variables": {"WHICH": "second"}})
    gate.open()
    assert rest_of(events) == b"old first"
    assert stream_text(name, {"gate": gate.url}) == "begun old second"


@pytest.fixture
def stream_text(lam):
    def invoke(name, event):
        reply = lam.invoke(FunctionName=name, Payload=json.dumps(event))
        return reply["Payload"].read().decode()

    return invoke


def test_deleted_function_ends_its_calls(lam, begun, gate, call):
    name, events = begun
    lam.delete_function(FunctionName=name)
    with pytest.raises(lam.exceptions.ResourceNotFoundException):
        call(name)
    gate.open()
    assert rest_of(events) == b"old first"


def test_calls_while_the_code_changes_all_succeed(lam, python, call):
    name = python("def handler(e, c): return 0\n")
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(call, name) for _ in range(40)]
        for version in range(1, 6):
            lam.update_function_code(FunctionName=name, ZipFile=package({"app.py": f"def handler(e, c): return {version}\n"}))
            calls += [pool.submit(call, name) for _ in range(10)]
        results = [done.result() for done in calls]
    assert all(error is None and value in range(6) for value, error in results)
    assert call(name) == (5, None)
