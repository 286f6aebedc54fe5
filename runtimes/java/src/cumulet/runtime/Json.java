package cumulet.runtime;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** JSON to maps, lists, strings, numbers and booleans; and strings to JSON. */
final class Json {
  private static final int DEEPEST = 1000;

  private final String text;
  private int at;
  private int depth;

  private Json(String text) {
    this.text = text;
  }

  /** Throws IllegalArgumentException when the text is not JSON. */
  static Object parse(String text) {
    Json json = new Json(text);
    Object value = json.value();
    json.skip();
    if (json.at != text.length()) throw json.problem("nothing more");
    return value;
  }

  static void quote(StringBuilder out, String text) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        out.append('\\').append(c);
      } else if (c >= ' ') {
        out.append(c);
      } else if (c == '\n') {
        out.append("\\n");
      } else if (c == '\t') {
        out.append("\\t");
      } else if (c == '\r') {
        out.append("\\r");
      } else {
        out.append("\\u00").append(Character.forDigit(c >> 4, 16)).append(Character.forDigit(c & 15, 16));
      }
    }
    out.append('"');
  }

  private IllegalArgumentException problem(String expected) {
    return new IllegalArgumentException("Unexpected input at position " + at + " (expected " + expected + ")");
  }

  private void skip() {
    while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) at++;
  }

  private boolean take(char c) {
    skip();
    if (at >= text.length() || text.charAt(at) != c) return false;
    at++;
    return true;
  }

  private Object value() {
    skip();
    if (at >= text.length()) throw problem("a value");
    switch (text.charAt(at)) {
      case '{':
        return object();
      case '[':
        return array();
      case '"':
        return string();
      case 't':
        return word("true", Boolean.TRUE);
      case 'f':
        return word("false", Boolean.FALSE);
      case 'n':
        return word("null", null);
      default:
        return number();
    }
  }

  private Object word(String word, Object value) {
    if (!text.startsWith(word, at)) throw problem("a value");
    at += word.length();
    return value;
  }

  private Map<String, Object> object() {
    Map<String, Object> members = new LinkedHashMap<>();
    at++;
    if (++depth > DEEPEST) throw problem("less nesting");
    if (!take('}')) {
      do {
        skip();
        if (at >= text.length() || text.charAt(at) != '"') throw problem("a name");
        String name = string();
        if (!take(':')) throw problem("':'");
        members.put(name, value());
      } while (take(','));
      if (!take('}')) throw problem("'}'");
    }
    depth--;
    return members;
  }

  private List<Object> array() {
    List<Object> items = new ArrayList<>();
    at++;
    if (++depth > DEEPEST) throw problem("less nesting");
    if (!take(']')) {
      do {
        items.add(value());
      } while (take(','));
      if (!take(']')) throw problem("']'");
    }
    depth--;
    return items;
  }

  private String string() {
    int begin = ++at;
    while (at < text.length() && text.charAt(at) != '"' && text.charAt(at) != '\\') {
      if (text.charAt(at) < ' ') throw problem("no control character");
      at++;
    }
    if (at < text.length() && text.charAt(at) == '"') return text.substring(begin, at++);
    StringBuilder made = new StringBuilder(text.substring(begin, at));
    while (at < text.length()) {
      char c = text.charAt(at++);
      if (c == '"') return made.toString();
      if (c < ' ') throw problem("no control character");
      made.append(c == '\\' ? escape() : c);
    }
    throw problem("'\"'");
  }

  private char escape() {
    if (at >= text.length()) throw problem("an escape");
    char c = text.charAt(at++);
    if (c == 'u') {
      if (at + 4 > text.length()) throw problem("four digits");
      try {
        int code = Integer.parseInt(text.substring(at, at + 4), 16);
        at += 4;
        return (char) code;
      } catch (NumberFormatException bad) {
        throw problem("four digits");
      }
    }
    int known = "\"\\/bfnrt".indexOf(c);
    if (known < 0) throw problem("an escape");
    return "\"\\/\b\f\n\r\t".charAt(known);
  }

  private Number number() {
    int begin = at;
    boolean whole = true;
    while (at < text.length() && "+-.eE0123456789".indexOf(text.charAt(at)) >= 0) {
      if (".eE".indexOf(text.charAt(at)) >= 0) whole = false;
      at++;
    }
    String digits = text.substring(begin, at);
    try {
      if (!whole) return Double.valueOf(digits);
      if (digits.length() > 18) {
        BigInteger big = new BigInteger(digits);
        return big.bitLength() < 64 ? (Number) big.longValue() : big;
      }
      long value = Long.parseLong(digits);
      return value == (int) value ? (Number) (int) value : (Number) value;
    } catch (NumberFormatException bad) {
      at = begin;
      throw problem("a value");
    }
  }
}
