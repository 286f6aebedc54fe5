package cumulet.runtime;

import com.amazonaws.services.lambda.runtime.LambdaRuntime;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** The Java runtime client: fetches invocations from the Runtime API, calls the handler, posts what it returns. */
public final class Main {
  private static final String TRACE = "com.amazonaws.xray.traceHeader";

  private Main() {}

  public static void main(String[] arguments) throws Exception {
    System.setOut(utf8(FileDescriptor.out));
    System.setErr(utf8(FileDescriptor.err));
    if (arguments.length == 1 && arguments[0].equals("--train")) {
      Training.run();
      return;
    }
    RuntimeClient client = new RuntimeClient(System.getenv("AWS_LAMBDA_RUNTIME_API"));
    if (System.getenv("_CUMULET_PARKED") != null) {
      Training.run();
      become(client.park());
    }
    Log log = new Log();
    LambdaRuntime.setLogger(log);
    Handler handler;
    try {
      handler = Handler.load(System.getenv("_HANDLER"));
    } catch (Throwable problem) {
      String document = Fault.document(problem);
      log.log(Fault.text(problem));
      client.fail("init/error", Fault.type(problem), document);
      System.exit(1);
      return;
    }
    if ("snap-start".equals(System.getenv("AWS_LAMBDA_INITIALIZATION_TYPE"))) Snapshot.pass(client, log);
    while (true) serve(client, handler, log);
  }

  static void serve(RuntimeClient client, Handler handler, Log log) throws Exception {
    RuntimeClient.Reply invocation = client.next();
    String id = invocation.header("lambda-runtime-aws-request-id");
    String trace = invocation.header("lambda-runtime-trace-id");
    log.serve(id, invocation.header("lambda-runtime-aws-tenant-id"));
    if (trace == null) {
      System.clearProperty(TRACE);
    } else {
      System.setProperty(TRACE, trace);
    }
    ByteArrayOutputStream answer;
    try {
      answer = handler.handle(invocation.body, new InvocationContext(invocation));
      if (answer.size() > RuntimeClient.MAX_RESPONSE) {
        throw new Fault("Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size ("
            + RuntimeClient.MAX_RESPONSE + " bytes).");
      }
    } catch (Throwable problem) {
      String document = Fault.document(problem);
      log.log(Fault.text(problem));
      System.err.flush();
      client.fail("invocation/" + id + "/error", Fault.type(problem), document);
      // After these nothing is known of the process's state: as on Lambda, the environment ends.
      if (problem instanceof VirtualMachineError) System.exit(1);
      return;
    }
    System.out.flush();
    System.err.flush();
    byte[] bytes = answer.toByteArray();
    client.respond(id, bytes, bytes.length);
  }

  private static PrintStream utf8(FileDescriptor descriptor) throws Exception {
    return new PrintStream(new BufferedOutputStream(new FileOutputStream(descriptor), 1024), true, StandardCharsets.UTF_8);
  }

  /** The variables of the function replace those that the parked process was started with (see the jar's manifest). */
  @SuppressWarnings("unchecked")
  private static void become(Map<?, ?> variables) throws ReflectiveOperationException {
    Map<String, String> shown = System.getenv();
    Field inner = shown.getClass().getDeclaredField("m");
    inner.setAccessible(true);
    Map<String, String> environment = (Map<String, String>) inner.get(shown);
    environment.clear();
    variables.forEach((name, value) -> environment.put((String) name, (String) value));
  }
}
