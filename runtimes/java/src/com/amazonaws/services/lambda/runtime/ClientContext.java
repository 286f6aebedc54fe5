package com.amazonaws.services.lambda.runtime;

import java.util.Map;

/** What a client said of itself with Invoke's ClientContext. */
public interface ClientContext {
  Client getClient();

  Map<String, String> getCustom();

  Map<String, String> getEnvironment();
}
