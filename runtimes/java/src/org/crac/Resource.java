package org.crac;

/** Hears that a snapshot is about to be made, and that it has been restored. */
public interface Resource {
  void beforeCheckpoint(Context<? extends Resource> context) throws Exception;

  void afterRestore(Context<? extends Resource> context) throws Exception;
}
