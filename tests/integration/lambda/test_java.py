"""Functions in Java, compiled here; their packages are plain jars without Lambda's interfaces, which the runtime has."""

import base64
import glob
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from lambda_packages import package

ROOT = pathlib.Path(__file__).parents[3]
JDKS = sorted(path for path in glob.glob("/usr/lib/jvm/*/bin/javac") if not pathlib.Path(path).parents[1].is_symlink())
pytestmark = pytest.mark.skipif(not JDKS, reason="no JDK is installed (openjdk-17-jdk-headless)")

HANDLERS = """
package example;

import com.amazonaws.services.lambda.runtime.*;
import java.io.*;
import java.util.*;

public class Handlers implements RequestHandler<Map<String, Object>, Map<String, Object>> {
  private int calls;

  public Map<String, Object> handleRequest(Map<String, Object> event, Context context) {
    Map<String, Object> out = new LinkedHashMap<>();
    out.put("event", event);
    out.put("name", context.getFunctionName());
    out.put("arn", context.getInvokedFunctionArn());
    out.put("memory", context.getMemoryLimitInMB());
    out.put("time", context.getRemainingTimeInMillis() > 0);
    out.put("id", context.getAwsRequestId().length());
    out.put("colour", System.getenv("COLOUR"));
    out.put("calls", ++calls);
    context.getLogger().log("from the logger\\nin two lines");
    System.out.println("printed: \\ud55c\\uae00");
    return out;
  }

  public enum Size { SMALL, LARGE }
  public static class Line { public String name; public int count; private Size size;
    public Size getSize() { return size; } public void setSize(Size s) { size = s; } }
  public static class Order {
    private String id; private List<Line> lines; private Double total; private String note;
    public String getId() { return id; } public void setId(String v) { id = v; }
    public List<Line> getLines() { return lines; } public void setLines(List<Line> v) { lines = v; }
    public Double getTotal() { return total; } public void setTotal(Double v) { total = v; }
    public String getNote() { return note; } public void setNote(String v) { note = v; }
  }
  public Order order(Order order) {
    double total = 0;
    for (Line line : order.getLines()) total += line.count * (line.getSize() == Size.LARGE ? 2 : 1);
    order.setTotal(total);
    return order;
  }
  public int length(String text) { return text.length(); }
  public static List<Integer> squares(List<Integer> of, Context context) {
    List<Integer> out = new ArrayList<>();
    for (Integer one : of) out.add(one * one);
    return out;
  }
  public void copy(InputStream in, OutputStream out) throws IOException { in.transferTo(out); }
  public String fails(Object any) { throw new IllegalStateException("no way", new RuntimeException("below")); }
  public String big(Object any) { return "x".repeat(7000000); }
  public void memory(Object any) { List<byte[]> all = new ArrayList<>(); while (true) all.add(new byte[1 << 20]); }
  public void exits(Object any) { System.exit(3); }
  public String secure(String url) throws Exception {
    return new java.net.URL(url).openConnection().getHeaderField("x-amzn-requestid");
  }
}
"""
STREAM = """
package example;
import com.amazonaws.services.lambda.runtime.*;
import java.io.*;
public class Stream implements RequestStreamHandler {
  public void handleRequest(InputStream in, OutputStream out, Context context) throws IOException {
    out.write("{\\"bytes\\": ".getBytes()); out.write(String.valueOf(in.readAllBytes().length).getBytes()); out.write('}');
  }
}
"""
BROKEN = """
package example;
public class Broken { static { if (true) throw new RuntimeException("at start"); } public String run(Object x) { return ""; } }
"""


HOOKS = """
package example;

import com.amazonaws.services.lambda.runtime.*;
import java.util.*;
import org.crac.Core;
import org.crac.Resource;

public class Hooks implements RequestHandler<Object, List<String>> {
  private final List<String> seen = new ArrayList<>();

  public Hooks() {
    for (int i = 1; i <= 2; i++) {
      String name = " " + i;
      Core.getGlobalContext().register(new Resource() {
        public void beforeCheckpoint(org.crac.Context<? extends Resource> context) { seen.add("before" + name); }
        public void afterRestore(org.crac.Context<? extends Resource> context) throws Exception {
          if (System.getenv("FAIL") != null) throw new Exception("no connection");
          seen.add("after" + name);
        }
      });
    }
  }

  public List<String> handleRequest(Object event, Context context) { return seen; }
}
"""


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    """{path in the jar: bytes} of the handlers above."""
    folder = tmp_path_factory.mktemp("java")
    for name, text in (("Handlers", HANDLERS), ("Hooks", HOOKS), ("Stream", STREAM), ("Broken", BROKEN)):
        (folder / f"{name}.java").write_text(text)
    javac = next((path for path in JDKS if "17" in path), JDKS[0])
    subprocess.run([javac, "-J-XX:TieredStopAtLevel=1", "-nowarn", "-proc:none", "-encoding", "UTF-8", "-implicit:none", "-sourcepath", str(ROOT / "runtimes/java/src"),
                    "-d", str(folder / "out"), *map(str, folder.glob("*.java"))], check=True)
    out = folder / "out"
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*.class")}


@pytest.fixture
def java(make_function, classes):
    return lambda handler, runtime="java17", **options: make_function(
        runtime, classes, Handler=f"example.{handler}", MemorySize=options.pop("MemorySize", 256), Timeout=60, **options)


def test_request_handler(lam, java):
    name = java("Handlers", Environment={"Variables": {"COLOUR": "blue"}})
    for calls in (1, 2):
        reply = lam.invoke(FunctionName=name, Payload='{"a": [1, 2.5, null, "\\ud55c"]}', LogType="Tail")
        result = json.loads(reply["Payload"].read())
        assert "FunctionError" not in reply
        assert result["event"] == {"a": [1, 2.5, None, "한"]} and result["name"] == name and result["arn"].endswith(name)
        assert result["memory"] == 256 and result["time"] is True and result["id"] == 36
        assert result["colour"] == "blue" and result["calls"] == calls
        log = base64.b64decode(reply["LogResult"]).decode()
        assert "from the logger\rin two lines\n" in log and "printed: 한글\n" in log


def test_snap_start(lam, java):
    name = java("Hooks", SnapStart={"ApplyOn": "PublishedVersions"})
    version = lam.publish_version(FunctionName=name)["Version"]
    lam.get_waiter("published_version_active").wait(FunctionName=name, Qualifier=version,
                                                    WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    for restored in (True, False):
        reply = lam.invoke(FunctionName=name, Qualifier=version, Payload="{}", LogType="Tail")
        assert "FunctionError" not in reply
        assert json.loads(reply["Payload"].read()) == ["before 2", "before 1", "after 1", "after 2"]
        log = base64.b64decode(reply["LogResult"]).decode()
        assert ("\tRestore Duration: " in log) == restored and "Init Duration" not in log.split("REPORT RequestId")[1]


def test_a_hook_that_fails_after_the_restore(lam, java):
    name = java("Hooks", SnapStart={"ApplyOn": "PublishedVersions"}, Environment={"Variables": {"FAIL": "1"}})
    version = lam.publish_version(FunctionName=name)["Version"]
    lam.get_waiter("published_version_active").wait(FunctionName=name, Qualifier=version,
                                                    WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    with pytest.raises(lam.exceptions.SnapStartException):
        lam.invoke(FunctionName=name, Qualifier=version)


def test_a_parked_runtime_takes_the_functions_variables(java, call):
    """The second cold start of a runtime and size uses one that was booted before; it must not know the first."""
    for colour in ("red", "green", "yellow"):
        name = java("Handlers", Environment={"Variables": {"COLOUR": colour}})
        result, error = call(name, {})
        assert error is None and result["colour"] == colour and result["name"] == name and result["calls"] == 1


@pytest.mark.parametrize("handler, event, expected", [
    ("Handlers::handleRequest", {"x": 1}, None),
    ("Handlers::order", {"id": "7", "unknown": [], "lines": [{"name": "a", "count": 2, "size": "LARGE"}, {"count": "3"}]},
     {"id": "7", "lines": [{"name": "a", "count": 2, "size": "LARGE"}, {"count": 3}], "total": 7.0}),
    ("Handlers::length", "four", 4),
    ("Handlers::squares", [1, 2, 3], [1, 4, 9]),
    ("Handlers::copy", {"any": "thing"}, {"any": "thing"}),
    ("Stream", "x" * 100, {"bytes": 102}),
])
def test_forms_of_handlers(java, call, handler, event, expected):
    result, error = call(java(handler), event)
    assert error is None
    if expected is not None:
        assert result == expected


@pytest.mark.parametrize("handler, event, kind, message", [
    ("Handlers::fails", 1, "java.lang.IllegalStateException", "no way"),
    ("Handlers::order", {"lines": "not a line"}, "java.lang.RuntimeException", "An error occurred during JSON parsing"),
    ("Handlers::big", 1, "Function.ResponseSizeTooLarge", None),
    ("Handlers::exits", 1, "Runtime.ExitError", None),
    ("Handlers::memory", 1, "java.lang.OutOfMemoryError", "Java heap space"),
    ("Handlers::nothing", 1, "Runtime.HandlerNotFound", None),
    ("Nothing", 1, "java.lang.ClassNotFoundException", "Class not found: example.Nothing"),
    ("Broken::run", 1, "java.lang.ExceptionInInitializerError", None),
])
def test_errors(java, call, handler, event, kind, message):
    result, error = call(java(handler), event)
    assert error == "Unhandled" and result["errorType"] == kind
    if message:
        assert result["errorMessage"] == message
    if handler == "Handlers::fails":
        assert result["stackTrace"] == ["example.Handlers.fails(Handlers.java:49)"]
        assert result["cause"]["errorMessage"] == "below"


def test_aws_names_lead_to_the_platform(java, call):
    result, error = call(java("Handlers::secure"), "https://sts.eu-west-1.amazonaws.com/")
    assert error is None and result


def test_jars_of_the_package_and_of_layers(lam, make_function, classes, call, unique):
    jar = package(classes)
    name = make_function("java17", {"lib/handlers.jar": jar}, Handler="example.Handlers::length", MemorySize=256)
    assert call(name, "three") == (5, None)
    layer = lam.publish_layer_version(LayerName=unique("layer"), Content={"ZipFile": package({"java/lib/handlers.jar": jar})})
    name = make_function("java17", {"readme.txt": "nothing"}, Handler="example.Handlers::length", MemorySize=256,
                         Layers=[layer["LayerVersionArn"]])
    assert call(name, "three") == (5, None)


@pytest.mark.skipif(len(JDKS) < 2, reason="only one JDK is installed")
def test_several_versions_side_by_side(java, call):
    for runtime in ("java11", "java25"):
        result, error = call(java("Handlers", runtime=runtime), {"a": 1})
        assert error is None and result["event"] == {"a": 1}
