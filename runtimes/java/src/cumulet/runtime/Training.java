package cumulet.runtime;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** Uses beforehand what every function uses: its classes get into the shared archive, and into a parked process. */
final class Training {
  private static final String EVENT = "{\"text\":\"a\\u00e9\",\"number\":1.5,\"items\":[{\"text\":\"b\"}],\"more\":{\"x\":null}}";

  private Training() {}

  /** An event of the usual kinds of members. */
  public static final class Event {
    private String text;
    private double number;
    private List<Event> items;
    private Map<String, Object> more;

    public String getText() {
      return text;
    }

    public void setText(String value) {
      text = value;
    }

    public double getNumber() {
      return number;
    }

    public void setNumber(double value) {
      number = value;
    }

    public List<Event> getItems() {
      return items;
    }

    public void setItems(List<Event> value) {
      items = value;
    }

    public Map<String, Object> getMore() {
      return more;
    }

    public void setMore(Map<String, Object> value) {
      more = value;
    }
  }

  /** Echoes. */
  public static final class Echo implements RequestHandler<Event, Event> {
    @Override
    public Event handleRequest(Event event, Context context) {
      return event;
    }
  }

  static void run() throws Exception {
    for (int i = 0; i < 3; i++) {
      Event event = (Event) Binder.bind(Json.parse(EVENT), Event.class);
      Writer.write(event);
    }
    new Log();
    Fault.document(new IllegalStateException("x"));
    try (URLClassLoader loader = new URLClassLoader(new URL[0], Training.class.getClassLoader())) {
      Class.forName(Echo.class.getName(), true, loader).getConstructor().newInstance();
    }
    converse();
  }

  /** One invocation, by a Runtime API of our own. */
  private static void converse() throws Exception {
    try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      Thread answering = new Thread(() -> answer(server));
      answering.start();
      RuntimeClient client = new RuntimeClient("127.0.0.1:" + server.getLocalPort());
      Handler echo = (event, context) -> {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(event);
        return out;
      };
      Main.serve(client, echo, new Log());
      answering.join();
    }
  }

  private static void answer(ServerSocket server) {
    try (Socket socket = server.accept()) {
      InputStream in = socket.getInputStream();
      OutputStream out = socket.getOutputStream();
      byte[] ignored = new byte[4096];
      String event = "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 0\r\nContent-Length: 2\r\n\r\n{}";
      String accepted = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
      for (String reply : new String[] {event, accepted}) {
        if (in.read(ignored) < 0) return;
        out.write(reply.getBytes(StandardCharsets.ISO_8859_1));
      }
    } catch (java.io.IOException closed) {
      return;
    }
  }
}
