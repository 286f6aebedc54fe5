package cumulet.runtime;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** One kept connection to the Runtime API. HTTP by hand: java.net.http takes tens of milliseconds to load. */
final class RuntimeClient {
  /** The limit of the Runtime API: 6 MiB and 100 bytes. */
  static final int MAX_RESPONSE = 6291556;

  private static final String API = "/2018-06-01/";

  private final String address;
  private Socket socket;
  private InputStream in;
  private OutputStream out;
  private byte[] buffer = new byte[16384];
  private int begin;
  private int end;

  RuntimeClient(String address) {
    this.address = address;
  }

  /** A response of the Runtime API. */
  static final class Reply {
    int status;
    final Map<String, String> headers = new HashMap<>();
    byte[] body;

    String header(String name) {
      return headers.get(name);
    }
  }

  Reply next() throws IOException {
    Reply reply = exchange("GET " + API + "runtime/invocation/next", "", null);
    if (reply.status != 200) throw new IOException("the Runtime API answered " + reply.status + " to next");
    return reply;
  }

  /** Initialised. Comes back in an environment that has been restored. */
  void restoreNext() throws IOException {
    Reply reply = exchange("GET " + API + "runtime/restore/next", "", null);
    if (reply.status != 200) throw new IOException("the Runtime API answered " + reply.status + " to restore/next");
  }

  /** Waits until it is known for which function we run; gives its variables. */
  Map<?, ?> park() throws IOException {
    Reply reply = exchange("GET " + API + "park", "", null);
    if (reply.status != 200) System.exit(0);
    return (Map<?, ?>) Json.parse(new String(reply.body, StandardCharsets.UTF_8));
  }

  void respond(String requestId, byte[] body, int length) throws IOException {
    byte[] exact = length == body.length ? body : Arrays.copyOf(body, length);
    exchange("POST " + API + "runtime/invocation/" + requestId + "/response", "", exact);
  }

  void fail(String path, String type, String document) throws IOException {
    StringBuilder safe = new StringBuilder();
    for (int i = 0; i < type.length() && safe.length() < 128; i++) {
      char c = type.charAt(i);
      if (c > 32 && c < 127) safe.append(c);
    }
    exchange("POST " + API + "runtime/" + path, "Lambda-Runtime-Function-Error-Type: " + safe + "\r\n",
        document.getBytes(StandardCharsets.UTF_8));
  }

  private Reply exchange(String request, String headers, byte[] body) throws IOException {
    if (socket == null) connect();
    StringBuilder head = new StringBuilder(request).append(" HTTP/1.1\r\nHost: ").append(address).append("\r\n");
    head.append(headers);
    if (body != null) {
      head.append("Content-Type: application/json\r\nContent-Length: ").append(body.length).append("\r\n");
    }
    byte[] start = head.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1);
    if (body != null && body.length > 0) {
      byte[] whole = Arrays.copyOf(start, start.length + body.length);
      System.arraycopy(body, 0, whole, start.length, body.length);
      out.write(whole);
    } else {
      out.write(start);
    }
    return read();
  }

  private void connect() throws IOException {
    int colon = address.lastIndexOf(':');
    socket = new Socket(address.substring(0, colon), Integer.parseInt(address.substring(colon + 1)));
    socket.setTcpNoDelay(true);
    in = socket.getInputStream();
    out = socket.getOutputStream();
    begin = end = 0;
  }

  private Reply read() throws IOException {
    Reply reply = new Reply();
    reply.status = Integer.parseInt(line().split(" ", 3)[1]);
    for (String line = line(); !line.isEmpty(); line = line()) {
      int colon = line.indexOf(':');
      if (colon > 0) reply.headers.put(line.substring(0, colon).toLowerCase(), line.substring(colon + 1).trim());
    }
    reply.body = new byte[Integer.parseInt(reply.headers.getOrDefault("content-length", "0"))];
    int have = Math.min(reply.body.length, end - begin);
    System.arraycopy(buffer, begin, reply.body, 0, have);
    begin += have;
    while (have < reply.body.length) {
      int n = in.read(reply.body, have, reply.body.length - have);
      if (n < 0) throw new IOException("the Runtime API closed the connection");
      have += n;
    }
    if ("close".equalsIgnoreCase(reply.headers.get("connection"))) {
      socket.close();
      socket = null;
    }
    return reply;
  }

  private String line() throws IOException {
    int at = begin;
    while (true) {
      for (; at < end; at++) {
        if (buffer[at] != '\n') continue;
        int length = at > begin && buffer[at - 1] == '\r' ? at - 1 - begin : at - begin;
        String line = new String(buffer, begin, length, StandardCharsets.ISO_8859_1);
        begin = at + 1;
        return line;
      }
      if (begin > 0) {
        System.arraycopy(buffer, begin, buffer, 0, end - begin);
        at -= begin;
        end -= begin;
        begin = 0;
      }
      if (end == buffer.length) buffer = Arrays.copyOf(buffer, buffer.length * 2);
      int n = in.read(buffer, end, buffer.length - end);
      if (n < 0) throw new IOException("the Runtime API closed the connection");
      end += n;
    }
  }
}
