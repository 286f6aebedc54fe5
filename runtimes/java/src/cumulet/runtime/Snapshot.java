package cumulet.runtime;

import java.io.IOException;
import org.crac.Core;

/** What comes between the initialisation and the first invocation of a function with SnapStart. */
final class Snapshot {
  private Snapshot() {}

  /** The hooks before the snapshot, the wait to be restored from it, the hooks after that. */
  static void pass(RuntimeClient client, Log log) throws IOException {
    try {
      Core.getGlobalContext().beforeCheckpoint(null);
    } catch (Throwable problem) {
      fail(client, log, "init/error", "Runtime.BeforeCheckpointError", problem);
    }
    System.out.flush();
    client.restoreNext();
    try {
      Core.getGlobalContext().afterRestore(null);
    } catch (Throwable problem) {
      fail(client, log, "restore/error", "Runtime.AfterRestoreError", problem);
    }
    System.out.flush();
  }

  private static void fail(RuntimeClient client, Log log, String path, String type, Throwable problem)
      throws IOException {
    log.log(Fault.text(problem));
    System.out.flush();
    client.fail(path, type, Fault.document(problem));
    System.exit(64);
  }
}
