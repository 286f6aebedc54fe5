package cumulet.runtime;

import com.amazonaws.services.lambda.runtime.LambdaLogger;
import com.amazonaws.services.lambda.runtime.logging.LogLevel;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/** The function's log. A carriage return keeps a message of several lines one event. */
final class Log implements LambdaLogger {
  private final boolean json = "JSON".equalsIgnoreCase(System.getenv("AWS_LAMBDA_LOG_FORMAT"));
  private final LogLevel least = least();
  private volatile String requestId = "";
  private volatile String tenantId;

  void serve(String id, String tenant) {
    requestId = id;
    tenantId = tenant;
  }

  @Override
  public void log(String message) {
    log(message, LogLevel.UNDEFINED);
  }

  @Override
  public void log(byte[] message) {
    log(new String(message, StandardCharsets.UTF_8));
  }

  @Override
  public void log(String message, LogLevel level) {
    if (level != LogLevel.UNDEFINED && level.ordinal() < least.ordinal()) return;
    if (!json) {
      line(String.valueOf(message));
      return;
    }
    StringBuilder out = new StringBuilder("{\"timestamp\":");
    Json.quote(out, Instant.now().truncatedTo(ChronoUnit.MILLIS).toString());
    out.append(",\"message\":");
    Json.quote(out, String.valueOf(message));
    out.append(",\"level\":");
    Json.quote(out, level == LogLevel.UNDEFINED ? "INFO" : level.name());
    if (!requestId.isEmpty()) {
      out.append(",\"AWSRequestId\":");
      Json.quote(out, requestId);
    }
    if (tenantId != null) {
      out.append(",\"tenantId\":");
      Json.quote(out, tenantId);
    }
    line(out.append('}').toString());
  }

  private static void line(String message) {
    String text = message.endsWith("\n") ? message.substring(0, message.length() - 1) : message;
    System.out.print(text.replace('\n', '\r') + "\n");
    System.out.flush();
  }

  private static LogLevel least() {
    try {
      String wanted = System.getenv("AWS_LAMBDA_LOG_LEVEL");
      return wanted == null ? LogLevel.UNDEFINED : LogLevel.fromString(wanted);
    } catch (IllegalArgumentException unknown) {
      return LogLevel.UNDEFINED;
    }
  }
}
