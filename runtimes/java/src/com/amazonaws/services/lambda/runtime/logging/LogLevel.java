package com.amazonaws.services.lambda.runtime.logging;

/** The levels of a function's application log. */
public enum LogLevel {
  UNDEFINED, TRACE, DEBUG, INFO, WARN, ERROR, FATAL;

  public static LogLevel fromString(String name) {
    try {
      return LogLevel.valueOf(name.toUpperCase());
    } catch (RuntimeException unknown) {
      throw new IllegalArgumentException("Invalid log level: '" + name + "' expected one of [TRACE, DEBUG, INFO, WARN, ERROR, FATAL]");
    }
  }
}
