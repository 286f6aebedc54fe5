package com.amazonaws.services.lambda.runtime;

import java.nio.charset.StandardCharsets;

/** The logger for code that has no {@link Context}. */
public final class LambdaRuntime {
  private static volatile LambdaLogger logger = new LambdaLogger() {
    @Override
    public void log(String message) {
      System.out.print(message);
    }

    @Override
    public void log(byte[] message) {
      log(new String(message, StandardCharsets.UTF_8));
    }
  };

  private LambdaRuntime() {}

  public static LambdaLogger getLogger() {
    return logger;
  }

  /** For the runtime client. */
  public static void setLogger(LambdaLogger wanted) {
    logger = wanted;
  }
}
