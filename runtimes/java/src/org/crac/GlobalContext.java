package org.crac;

import java.util.ArrayList;
import java.util.List;

/** Tells the latest first before a snapshot, the earliest first after a restore. All are told, whatever one throws. */
final class GlobalContext extends Context<Resource> {
  private final List<Resource> resources = new ArrayList<>();

  @Override
  public synchronized void register(Resource resource) {
    resources.add(resource);
  }

  private synchronized List<Resource> registered() {
    return new ArrayList<>(resources);
  }

  @Override
  public void beforeCheckpoint(Context<? extends Resource> context) throws CheckpointException {
    List<Resource> all = registered();
    List<Throwable> problems = new ArrayList<>();
    for (int i = all.size() - 1; i >= 0; i--) {
      try {
        all.get(i).beforeCheckpoint(this);
      } catch (Exception problem) {
        problems.add(problem);
      }
    }
    if (problems.isEmpty()) return;
    CheckpointException together = new CheckpointException(problems.get(0).toString());
    problems.forEach(together::addSuppressed);
    throw together;
  }

  @Override
  public void afterRestore(Context<? extends Resource> context) throws RestoreException {
    List<Throwable> problems = new ArrayList<>();
    for (Resource resource : registered()) {
      try {
        resource.afterRestore(this);
      } catch (Exception problem) {
        problems.add(problem);
      }
    }
    if (problems.isEmpty()) return;
    RestoreException together = new RestoreException(problems.get(0).toString());
    problems.forEach(together::addSuppressed);
    throw together;
  }
}
