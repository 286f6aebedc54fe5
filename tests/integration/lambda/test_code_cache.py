"""Large CommonJS files of Node.js functions are compiled once for a version: later environments get the code cache."""

import concurrent.futures
import pathlib
import time
import urllib.request

import pytest

from lambda_packages import package

MADE, USED, REFUSED = (f"cumulet_function_code_caches_{what}_total" for what in ("made", "used", "refused"))
INVOCATIONS = "cumulet_function_invocations_total"
PADDING = "".join(f"exports.unused{i} = function (a) {{ return a.b + {i} }};\n" for i in range(3000))
CODE = """
const born = Math.random();
const other = require('./other.json');
exports.handler = async (event) => {
  if (event.url) {
    const status = () => new Promise((done) => require('node:http').get(event.url, { headers: { host: event.host } },
                                                                        (r) => { r.resume(); done(r.statusCode); }));
    while (await status() !== 200) await new Promise((r) => setTimeout(r, 20));
  }
  let stack;
  try { null.x } catch (error) { stack = error.stack.split('\\n')[1].trim() }
  return { born, stack, file: __filename, other, imported: (await import('./more.mjs')).default };
};
"""


def files(code=CODE):
    return {"app.js": code + PADDING, "other.json": '{"from": "json"}', "more.mjs": "export default 'a module';"}


@pytest.fixture
def metric(server):
    def value(name):
        with urllib.request.urlopen(f"{server.endpoint}/metrics") as answer:
            lines = answer.read().decode().split("\n")
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))

    return value


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.02)


@pytest.fixture
def in_another_environment(call, gate, metric):
    """What the function says in a new environment, while an invocation keeps its first one busy."""

    def invoke(name):
        host, path = gate.url.split("/", 3)[2:]
        before = metric(INVOCATIONS)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            busy = pool.submit(call, name, {"url": "http://127.0.0.1:4566/" + path, "host": host})
            wait_until(lambda: metric(INVOCATIONS) > before)
            result, error = call(name, {})
            gate.open()
            assert busy.result()[1] is None
        assert error is None
        return result

    return invoke


@pytest.fixture
def made(make_function, call, metric):
    """A function whose first environment has made its cache, and what it answered."""

    def make(**options):
        before = metric(MADE)
        name = make_function("nodejs20.x", files(), **options)
        result, error = call(name, {})
        assert error is None
        wait_until(lambda: metric(MADE) > before)
        return name, result

    return make


def without(result, name):
    return {key: value for key, value in result.items() if key != name}


def test_another_environment_uses_what_the_first_made(made, in_another_environment, metric):
    used, refused = metric(USED), metric(REFUSED)
    name, first = made()
    assert first["stack"] == "at exports.handler (/var/task/app.js:11:14)"
    second = in_another_environment(name)
    assert second["born"] != first["born"]
    assert without(second, "born") == without(first, "born")
    assert metric(USED) == used + 1 and metric(REFUSED) == refused


def test_corrupt_cache_is_refused_and_the_function_runs(made, in_another_environment, metric, server):
    name, first = made()
    refused = metric(REFUSED)
    kept = [path for path in pathlib.Path(server.data).rglob("code_caches/*") if path.is_file()]
    assert kept
    for path in kept:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    second = in_another_environment(name)
    assert second["born"] != first["born"]
    assert without(second, "born") == without(first, "born")
    assert metric(REFUSED) == refused + 1


def test_new_code_has_a_cache_of_its_own(made, call, lam, metric):
    used, count = metric(USED), metric(MADE)
    name, _ = made()
    changed = files(CODE.replace("{ born,", "{ changed: true, born,"))
    lam.update_function_code(FunctionName=name, ZipFile=package(changed))
    lam.get_waiter("function_updated_v2").wait(FunctionName=name)
    result, error = call(name, {})
    assert error is None and result["changed"] is True
    wait_until(lambda: metric(MADE) == count + 2)
    assert metric(USED) == used


def test_errors_of_large_files_are_those_of_node(make_function, call):
    for text, error_type in (("x = {\n", "Runtime.UserCodeSyntaxError"), ("}); (function () {\n", "Runtime.UserCodeSyntaxError"),
                             ("\nthrow new RangeError('no');\n", "RangeError")):
        variables = {"Variables": {"NODE_OPTIONS": "--no-warnings"}}
        plain, plain_error = call(make_function("nodejs20.x", files(text), Environment=variables), {})
        result, error = call(make_function("nodejs20.x", files(text)), {})
        assert error == plain_error == "Unhandled"
        assert result["errorType"] == plain["errorType"] == error_type
        assert result["errorMessage"] == plain["errorMessage"]
        assert result["trace"][:2] == plain["trace"][:2]


def test_runtime_api_gives_strangers_no_cache(make_function, call, metric):
    """A function that is not asked for a cache cannot post one, and cannot have another's."""
    made = metric(MADE)
    code = """
      const ask = (method) => new Promise((done) => {
        const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
        const request = require('node:http').request({ host, port, method, path: '/2018-06-01/code-cache' },
                                                     (r) => { r.resume(); done(r.statusCode) });
        request.end(method === 'POST' ? 'rubbish' : undefined);
      });
      exports.handler = async () => [await ask('GET'), await ask('DELETE'), await ask('POST'), await ask('POST')];
    """
    # Without a large script there is nothing to ask for.
    assert call(make_function("nodejs20.x", {"app.js": code}), {}) == ([403, 403, 403, 403], None)
    name = make_function("nodejs20.x", {"app.js": code, "large.js": "//" + " " * 65536})
    assert call(name, {}) == ([403, 403, 204, 403], None)
    assert metric(MADE) == made + 1
    # The rubbish is its own: the next environment is given it, and does without it.
    assert call(name, {})[1] is None
