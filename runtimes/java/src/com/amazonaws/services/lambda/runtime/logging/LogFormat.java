package com.amazonaws.services.lambda.runtime.logging;

/** How a function's log is written. */
public enum LogFormat {
  JSON, TEXT;

  public static LogFormat fromString(String name) {
    try {
      return LogFormat.valueOf(name.toUpperCase());
    } catch (RuntimeException unknown) {
      throw new IllegalArgumentException("Invalid log format: '" + name + "' expected one of [JSON, TEXT]");
    }
  }
}
