"""What the handler's module imports and how long each takes, for `cumulet advise`. The handler itself is not called."""

import sys
import time

# Of the modules, the slowest.
KEPT = 200


class Recorder:
    """Stands first among the finders and takes the time from a module's search to the end of its execution."""

    def __init__(self):
        self.open = []
        self.modules = []

    def find_spec(self, name, path=None, target=None):
        begin = time.perf_counter()
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None:
                break
        else:
            return None
        # Loaders that are classes are of modules in the interpreter itself: there is nothing to execute.
        if spec.loader is None or isinstance(spec.loader, type) or not hasattr(spec.loader, "exec_module"):
            return spec
        execute = spec.loader.exec_module
        spec.loader.exec_module = lambda module: self.execute(name, begin, execute, module)
        return spec

    def execute(self, name, begin, execute, module):
        entry = {"name": name, "by": self.open[-1]["name"] if self.open else "", "depth": len(self.open), "inner": 0.0}
        self.open.append(entry)
        try:
            execute(module)
        finally:
            self.open.pop()
            took = (time.perf_counter() - begin) * 1000
            if self.open:
                self.open[-1]["inner"] += took
            inner = entry.pop("inner")
            entry.update(ms=round(took, 3), own_ms=round(took - inner, 3))
            self.modules.append(entry)


def measured(load, name):
    """Loads the handler; gives one that answers with what was measured."""
    recorder = Recorder()
    sys.meta_path.insert(0, recorder)
    begin = time.perf_counter()
    try:
        load(name)
    finally:
        sys.meta_path.remove(recorder)
    total = round((time.perf_counter() - begin) * 1000, 3)
    modules = sorted(recorder.modules, key=lambda module: -module["ms"])[:KEPT]
    return lambda event, context: {"total_ms": total, "modules": modules}
