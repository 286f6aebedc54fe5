package org.crac;

/** Where functions with SnapStart register what is to be done before the snapshot and after the restore. */
public class Core {
  private static final GlobalContext GLOBAL = new GlobalContext();

  private Core() {}

  public static Context<Resource> getGlobalContext() {
    return GLOBAL;
  }

  /** When a snapshot is made, the platform decides. */
  public static void checkpointRestore() throws CheckpointException, RestoreException {
    throw new UnsupportedOperationException("checkpointRestore is not supported");
  }
}
