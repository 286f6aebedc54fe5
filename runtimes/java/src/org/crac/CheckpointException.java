package org.crac;

/** What resources threw before a snapshot is suppressed in it. */
public class CheckpointException extends Exception {
  private static final long serialVersionUID = 1L;

  public CheckpointException() {}

  public CheckpointException(String message) {
    super(message);
  }
}
