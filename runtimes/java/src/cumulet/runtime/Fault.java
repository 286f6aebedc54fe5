package cumulet.runtime;

import java.io.PrintWriter;
import java.io.StringWriter;

/** A failure of the function as Lambda reports it. */
final class Fault extends Exception {
  private static final long serialVersionUID = 1;
  private static final String OURS = Fault.class.getPackage().getName() + ".";

  final String type;

  /** A failure that is not an exception of the function's. */
  Fault(String type, String message) {
    super(message);
    this.type = type;
  }

  static String type(Throwable thrown) {
    return thrown instanceof Fault ? ((Fault) thrown).type : thrown.getClass().getName();
  }

  /** The error document. */
  static String document(Throwable thrown) {
    StringBuilder out = new StringBuilder();
    document(out, thrown, 0);
    return out.toString();
  }

  private static void document(StringBuilder out, Throwable thrown, int depth) {
    out.append('{');
    if (thrown.getMessage() != null) {
      out.append("\"errorMessage\":");
      Json.quote(out, thrown.getMessage());
      out.append(',');
    }
    out.append("\"errorType\":");
    Json.quote(out, type(thrown));
    if (!(thrown instanceof Fault)) {
      out.append(",\"stackTrace\":[");
      char before = ' ';
      for (int i = 0; i < foreign(thrown.getStackTrace()); i++) {
        if (before == ',') out.append(before);
        before = ',';
        Json.quote(out, thrown.getStackTrace()[i].toString());
      }
      out.append(']');
    }
    if (thrown.getCause() != null && thrown.getCause() != thrown && depth < 16) {
      out.append(",\"cause\":");
      document(out, thrown.getCause(), depth + 1);
    }
    out.append('}');
  }

  /** How many frames of a trace are not of the runtime client, which called. */
  private static int foreign(StackTraceElement[] frames) {
    int count = frames.length;
    while (count > 0 && (frames[count - 1].getClassName().startsWith(OURS)
        || frames[count - 1].getClassName().startsWith("jdk.internal.reflect.")
        || frames[count - 1].getClassName().startsWith("java.lang.reflect."))) {
      count--;
    }
    return count;
  }

  /** What the log gets. */
  static String text(Throwable thrown) {
    String head = thrown.getMessage() == null ? type(thrown) : thrown.getMessage() + ": " + type(thrown);
    if (thrown instanceof Fault) return head;
    for (Throwable at = thrown; at != null; at = at.getCause() == at ? null : at.getCause()) {
      StackTraceElement[] frames = at.getStackTrace();
      at.setStackTrace(java.util.Arrays.copyOf(frames, foreign(frames)));
    }
    StringWriter trace = new StringWriter();
    thrown.printStackTrace(new PrintWriter(trace, true));
    return head + "\n" + trace;
  }
}
