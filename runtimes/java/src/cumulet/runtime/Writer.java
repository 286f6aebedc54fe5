package cumulet.runtime;

import java.lang.reflect.Array;
import java.lang.reflect.InvocationTargetException;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Base64;
import java.util.Date;
import java.util.Map;
import java.util.Optional;

/** Objects to JSON. Properties of beans that are null are left out. Throws IllegalArgumentException. */
final class Writer {
  private static final int DEEPEST = 1000;

  private Writer() {}

  static String write(Object value) {
    StringBuilder out = new StringBuilder();
    write(out, value, 0);
    return out.toString();
  }

  private static void write(StringBuilder out, Object value, int depth) {
    if (depth > DEEPEST) throw new IllegalArgumentException("Document nesting depth exceeds the maximum allowed (" + DEEPEST + ")");
    if (value == null) {
      out.append("null");
    } else if (value instanceof CharSequence || value instanceof Character || value instanceof Enum) {
      Json.quote(out, value instanceof Enum ? ((Enum<?>) value).name() : value.toString());
    } else if (value instanceof Number) {
      number(out, (Number) value);
    } else if (value instanceof Boolean) {
      out.append(value);
    } else if (value instanceof Map) {
      map(out, (Map<?, ?>) value, depth);
    } else if (value instanceof Iterable && !(value instanceof java.nio.file.Path)) {
      items(out, (Iterable<?>) value, depth);
    } else if (value instanceof byte[] || value instanceof ByteBuffer) {
      Json.quote(out, Base64.getEncoder().encodeToString(value instanceof byte[] ? (byte[]) value : bytes((ByteBuffer) value)));
    } else if (value.getClass().isArray()) {
      array(out, value, depth);
    } else if (value instanceof Optional) {
      write(out, ((Optional<?>) value).orElse(null), depth);
    } else if (value instanceof Date) {
      out.append(((Date) value).getTime());
    } else if (value instanceof Instant) {
      Instant instant = (Instant) value;
      out.append(instant.getEpochSecond()).append('.').append(String.format("%09d", instant.getNano()));
    } else if (value.getClass().getName().startsWith("java.") || value.getClass().getName().startsWith("org.joda.time.")) {
      Json.quote(out, value.toString());
    } else {
      bean(out, value, depth);
    }
  }

  private static void number(StringBuilder out, Number value) {
    if (value instanceof Double || value instanceof Float) {
      double number = value.doubleValue();
      if (Double.isNaN(number) || Double.isInfinite(number)) {
        Json.quote(out, value.toString());
        return;
      }
    }
    out.append(value instanceof BigDecimal ? ((BigDecimal) value).toString() : value.toString());
  }

  private static void map(StringBuilder out, Map<?, ?> map, int depth) {
    char before = '{';
    for (Map.Entry<?, ?> entry : map.entrySet()) {
      if (entry.getKey() == null) throw new IllegalArgumentException("Null key for a Map not allowed in JSON");
      out.append(before);
      before = ',';
      Json.quote(out, entry.getKey() instanceof Enum ? ((Enum<?>) entry.getKey()).name() : entry.getKey().toString());
      out.append(':');
      write(out, entry.getValue(), depth + 1);
    }
    out.append(before == '{' ? "{}" : "}");
  }

  private static void items(StringBuilder out, Iterable<?> items, int depth) {
    char before = '[';
    for (Object item : items) {
      out.append(before);
      before = ',';
      write(out, item, depth + 1);
    }
    out.append(before == '[' ? "[]" : "]");
  }

  private static void array(StringBuilder out, Object array, int depth) {
    out.append('[');
    for (int i = 0; i < Array.getLength(array); i++) {
      if (i > 0) out.append(',');
      write(out, Array.get(array, i), depth + 1);
    }
    out.append(']');
  }

  private static void bean(StringBuilder out, Object value, int depth) {
    char before = '{';
    for (Bean.Property property : Bean.of(value.getClass()).properties.values()) {
      if (property.getter == null && property.field == null) continue;
      Object inner;
      try {
        inner = property.get(value);
      } catch (InvocationTargetException thrown) {
        throw new IllegalArgumentException("reading " + property.name + " of " + value.getClass().getName(), thrown.getCause());
      } catch (ReflectiveOperationException problem) {
        throw new IllegalArgumentException("reading " + property.name + " of " + value.getClass().getName(), problem);
      }
      if (inner == null) continue;
      out.append(before);
      before = ',';
      Json.quote(out, property.name);
      out.append(':');
      write(out, inner, depth + 1);
    }
    out.append(before == '{' ? "{}" : "}");
  }

  private static byte[] bytes(ByteBuffer buffer) {
    byte[] copy = new byte[buffer.remaining()];
    buffer.duplicate().get(copy);
    return copy;
  }
}
