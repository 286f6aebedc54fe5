"""Functions in Ruby."""

import base64
import json
import shutil

import pytest

pytestmark = pytest.mark.skipif(not shutil.which("ruby"), reason="Ruby is not installed (apt-get install ruby)")


@pytest.fixture
def ruby(make_function):
    return lambda text, **options: make_function("ruby3.3", {"app.rb": text}, **options)


def test_event_context_and_log(lam, ruby):
    name = ruby("require 'json'\n"
                "def handler(event:, context:)\n"
                "  $calls = ($calls || 0) + 1\n"
                "  puts \"printed: 한글\"\n"
                "  { event: event, name: context.function_name, arn: context.invoked_function_arn, calls: $calls,\n"
                "    id: context.aws_request_id.length, memory: context.memory_limit_in_mb, colour: ENV['COLOUR'],\n"
                "    time: context.get_remaining_time_in_millis > 0, cwd: Dir.pwd }\n"
                "end\n", Environment={"Variables": {"COLOUR": "blue"}})
    for calls in (1, 2):
        reply = lam.invoke(FunctionName=name, Payload='{"a": [1, 2.5, null, "한"]}', LogType="Tail")
        assert "FunctionError" not in reply
        result = json.loads(reply["Payload"].read())
        assert result == {"event": {"a": [1, 2.5, None, "한"]}, "name": name, "arn": result["arn"], "calls": calls, "id": 36,
                          "memory": 128, "colour": "blue", "time": True, "cwd": "/var/task"}
        assert result["arn"].endswith(f":function:{name}")
        assert "printed: 한글\n" in base64.b64decode(reply["LogResult"]).decode()


def test_a_parked_runtime_takes_the_functions_variables(ruby, call):
    for colour in ("red", "green", "yellow"):
        name = ruby("$n = 0\ndef handler(event:, context:) = [ENV['COLOUR'], $n += 1, ENV.key?('_CUMULET_PARKED')]\n",
                    Environment={"Variables": {"COLOUR": colour}})
        assert call(name) == ([colour, 1, False], None)


def test_class_methods_and_files_of_the_package(make_function, call):
    name = make_function("ruby3.3", {
        "app.rb": "require 'helper'\nmodule Shop\n  class Orders\n    def self.run(event:, context:) = Helper.double(event)\n  end\nend\n",
        "lib/helper.rb": "module Helper\n  def self.double(n) = n * 2\nend\n"}, Handler="app.Shop::Orders.run")
    assert call(name, 21) == (42, None)
    name = make_function("ruby3.3", {"deep/app.rb": "def handler(event:, context:) = event\n"}, Handler="deep/app.handler")
    assert call(name, "x") == ("x", None)
    gem = "vendor/bundle/ruby/3.3.0"
    name = make_function("ruby3.3", {
        "app.rb": "require 'tiny'\ndef handler(event:, context:) = Tiny::WORD\n",
        f"{gem}/gems/tiny-1.0.0/lib/tiny.rb": "module Tiny\n  WORD = 'from a gem'\nend\n",
        f"{gem}/specifications/tiny-1.0.0.gemspec": "Gem::Specification.new { |s| s.name = 'tiny'; s.version = '1.0.0'; s.authors = ['a']; "
                                                    "s.summary = 's'; s.require_paths = ['lib'] }\n"})
    assert call(name) == ("from a gem", None)


@pytest.mark.parametrize("text, kind, message", [
    ("def handler(event:, context:) = raise(ArgumentError, 'no way')\n", "Function<ArgumentError>", "no way"),
    ("def handler(event:, context:) = exit!(3)\n", "Runtime.ExitError", None),
    ("def handler(event:, context:) = 'x' * 7_000_000\n", "Function.ResponseSizeTooLarge", None),
    ("def handler(event:, context:) = Float::NAN\n", "Function<JSON::GeneratorError>", None),
    ("raise 'at start'\n", "Init<RuntimeError>", "at start"),
    ("require 'nothing_like_it'\n", "Init<LoadError>", "cannot load such file -- nothing_like_it"),
    ("def handler(\n", "Init<SyntaxError>", None),
    ("x = 1\n", "Init<NameError>", None),
])
def test_errors(ruby, call, text, kind, message):
    result, error = call(ruby(text))
    assert error == "Unhandled" and result["errorType"] == kind
    if message:
        assert result["errorMessage"] == message
    if kind == "Function<ArgumentError>":
        assert result["stackTrace"][0].startswith("/var/task/app.rb:1:in ")
