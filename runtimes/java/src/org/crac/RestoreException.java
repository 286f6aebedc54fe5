package org.crac;

/** What resources threw after a restore is suppressed in it. */
public class RestoreException extends Exception {
  private static final long serialVersionUID = 1L;

  public RestoreException() {}

  public RestoreException(String message) {
    super(message);
  }
}
