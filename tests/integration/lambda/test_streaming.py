"""Responses that stream: InvokeWithResponseStream and function URLs with InvokeMode RESPONSE_STREAM."""

import base64
import http.client
import json

import pytest

STREAM = "exports.handler = awslambda.streamifyResponse(async (event, out, context) => {%s});"
# A runtime of one's own that streams as AWS's clients do: chunked, with trailers.
BOOTSTRAP = """#!/bin/sh
exec /usr/bin/env node /var/task/runtime.cjs
"""
RUNTIME = """
const http = require('node:http');
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const base = '/2018-06-01/runtime/invocation/';
const next = () => new Promise((done) => http.get({ host, port, path: base + 'next' }, (r) => {
  let text = ''; r.on('data', (d) => { text += d; }); r.on('end', () => done([r.headers, JSON.parse(text)]));
}));
(async () => {
  for (;;) {
    const [headers, event] = await next();
    await new Promise((done) => {
      const post = http.request({ host, port, method: 'POST', path: `${base}${headers['lambda-runtime-aws-request-id']}/response`,
        headers: { 'Lambda-Runtime-Function-Response-Mode': 'streaming', 'Transfer-Encoding': 'chunked',
                   'Content-Type': event.type || 'text/plain',
                   Trailer: ['Lambda-Runtime-Function-Error-Type', 'Lambda-Runtime-Function-Error-Body'] } },
        (r) => { r.resume(); r.on('end', done); });
      for (const piece of event.pieces) post.write(piece);
      if (event.fail) post.addTrailers({ 'Lambda-Runtime-Function-Error-Type': 'Function.Broke',
        'Lambda-Runtime-Function-Error-Body': Buffer.from(JSON.stringify({ errorType: 'Broke', errorMessage: 'midway' })).toString('base64') });
      post.end();
    });
  }
})();
"""


@pytest.fixture
def streaming(make_function):
    return lambda body, **options: make_function("nodejs20.x", {"app.js": STREAM % body}, **options)


@pytest.fixture
def own_runtime(make_function):
    return make_function("provided.al2023", {"bootstrap": BOOTSTRAP, "runtime.cjs": RUNTIME}, mode=0o755)


@pytest.fixture
def stream(lam):
    """stream(name, event) gives (bytes, the members of InvokeComplete)."""

    def invoke(name, event=None, **options):
        reply = lam.invoke_with_response_stream(FunctionName=name, Payload=json.dumps(event), **options)
        assert reply["StatusCode"] == 200
        data, complete = b"", None
        for message in reply["EventStream"]:
            assert complete is None
            if "PayloadChunk" in message:
                data += message["PayloadChunk"]["Payload"]
            else:
                complete = message["InvokeComplete"]
        return data, complete

    return invoke


@pytest.fixture
def open_url(lam, server):
    """open_url(name, InvokeMode=…) makes the function's URL, public, and gives a function that requests a path of it."""

    def make(name, **options):
        url = lam.create_function_url_config(FunctionName=name, AuthType="NONE", **options)["FunctionUrl"]
        lam.add_permission(FunctionName=name, StatementId="url", Action="lambda:InvokeFunctionUrl", Principal="*",
                           FunctionUrlAuthType="NONE")
        lam.add_permission(FunctionName=name, StatementId="call", Action="lambda:InvokeFunction", Principal="*",
                           InvokedViaFunctionUrl=True)

        def request(path="/", method="GET", body=None):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            connection.request(method, path, body, {"Host": url.split("/")[2]})
            return connection.getresponse()

        return request

    return make


def test_pieces_and_the_end_of_the_log(streaming, stream):
    name = streaming("console.log('here'); out.write('one '); out.write({two: 2}); out.end()")
    data, complete = stream(name, {}, LogType="Tail")
    assert data == b'one {"two":2}'
    assert "ErrorCode" not in complete
    assert "here" in base64.b64decode(complete["LogResult"]).decode()


def test_first_piece_arrives_while_the_function_waits(streaming, lam, gate):
    """After its first piece the function waits for what happens only when the piece has arrived."""
    name = streaming("out.write('ready');" + gate.WAIT + "out.end('gone');")
    events = iter(lam.invoke_with_response_stream(FunctionName=name, Payload=json.dumps({"gate": gate.url}))["EventStream"])
    assert next(events)["PayloadChunk"]["Payload"] == b"ready"
    gate.open()
    assert b"".join(e["PayloadChunk"]["Payload"] for e in events if "PayloadChunk" in e) == b"gone"


def test_errors_before_and_in_the_middle(streaming, stream):
    data, complete = stream(streaming("throw new TypeError('early')"))
    assert json.loads(data)["errorMessage"] == "early"
    assert complete["ErrorCode"] == "Unhandled"
    data, complete = stream(streaming("out.write('some'); throw new TypeError('late')"))
    assert data == b"some"
    assert json.loads(complete["ErrorDetails"])["errorMessage"] == "late"
    data, complete = stream(streaming("out.write('some'); await new Promise((r) => setTimeout(r, 60000))", Timeout=4))
    assert data == b"some"
    assert json.loads(complete["ErrorDetails"])["errorType"] == "Sandbox.Timedout"


def test_handlers_that_do_not_stream(python, stream, lam):
    assert stream(python("def handler(e, c): return {'got': e}"), [1])[0] == b'{"got": [1]}'
    name = python("def handler(e, c): return 1")
    lam.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(lam.exceptions.TooManyRequestsException):
        lam.invoke_with_response_stream(FunctionName=name)
    with pytest.raises(lam.exceptions.ResourceNotFoundException):
        lam.invoke_with_response_stream(FunctionName="nobody")
    with pytest.raises(lam.exceptions.InvalidRequestContentException):
        lam.invoke_with_response_stream(FunctionName=name, Payload=b"{")


def test_more_than_a_whole_response_may_have(streaming, stream, call, lam):
    name = streaming("const b = Buffer.alloc(1 << 20, 'x'); for (let i = 0; i < 12; i++) "
                     "if (!out.write(b)) await new Promise((r) => out.once('drain', r)); out.end()")
    assert len(stream(name)[0]) == 12 << 20
    result, error = call(name)
    assert error == "Unhandled"
    assert result["errorType"] == "Function.ResponseSizeTooLarge"


def test_runtime_with_trailers(own_runtime, stream, call):
    assert stream(own_runtime, {"pieces": ["a", "b"]}) == (b"ab", {})
    data, complete = stream(own_runtime, {"pieces": ["a"], "fail": True})
    assert data == b"a"
    assert json.loads(complete["ErrorDetails"]) == {"errorType": "Broke", "errorMessage": "midway"}
    assert call(own_runtime, {"pieces": ["[1,", "2]"]}) == ([1, 2], None)
    assert call(own_runtime, {"pieces": ["1"], "fail": True}) == ({"errorType": "Broke", "errorMessage": "midway"}, "Unhandled")


HTTP = """
  out = awslambda.HttpResponseStream.from(out, { statusCode: 201, headers: { 'Content-Type': 'text/event-stream', 'x-a': 'b' }, cookies: ['c=d'] });
  out.write('data: 1\\n\\n'); out.write('data: 2\\n\\n'); out.end()"""


@pytest.mark.parametrize("mode", ["RESPONSE_STREAM", "BUFFERED"])
def test_url_with_a_prelude(streaming, open_url, mode):
    answer = open_url(streaming(HTTP), InvokeMode=mode)()
    assert answer.status == 201
    assert answer.headers["x-a"] == "b"
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["set-cookie"] == "c=d"
    assert answer.read() == b"data: 1\n\ndata: 2\n\n"


def test_url_streams_what_has_no_prelude(streaming, open_url, python):
    answer = open_url(streaming("out.setContentType('text/html'); out.end('<p>')"), InvokeMode="RESPONSE_STREAM")()
    assert (answer.status, answer.headers["content-type"], answer.read()) == (200, "text/html", b"<p>")
    answer = open_url(streaming("throw new Error('x')"), InvokeMode="RESPONSE_STREAM")()
    assert (answer.status, answer.read()) == (502, b"Internal Server Error")
    answer = open_url(python("def handler(e, c): return {'a': 1}"), InvokeMode="RESPONSE_STREAM")()
    assert json.loads(answer.read()) == {"a": 1}


def test_url_whose_function_fails_midway_breaks_off(streaming, open_url):
    answer = open_url(streaming("out.write('some'); throw new Error('x')"), InvokeMode="RESPONSE_STREAM")()
    assert answer.status == 200
    with pytest.raises(http.client.IncompleteRead) as broken:
        answer.read()
    assert broken.value.partial == b"some"


def test_caller_that_goes_away(streaming, open_url, lam):
    name = streaming("const b = Buffer.alloc(1 << 20, 'x'); for (let i = 0; i < 16; i++) "
                     "if (!out.write(b)) await new Promise((r) => out.once('drain', r)); out.end()")
    answer = open_url(name, InvokeMode="RESPONSE_STREAM")()
    answer.read(10)
    answer.close()
    reply = lam.invoke_with_response_stream(FunctionName=name, Payload=b"{}")
    assert sum(len(e["PayloadChunk"]["Payload"]) for e in reply["EventStream"] if "PayloadChunk" in e) == 16 << 20
