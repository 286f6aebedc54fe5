"""What the handler's module imports and how long each takes, for `cumulet advise`."""

import os
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


class FilesRead:
    """The files of the package that were opened or loaded, as they lie in it."""

    def __init__(self, root):
        self.root = root + "/"
        self.opened = set()
        sys.addaudithook(self.see)

    def see(self, event, arguments):
        if event == "open" and isinstance(arguments[0], str):
            path = arguments[0]
            if not path.startswith("/"):
                path = os.path.abspath(path)
            if path.startswith(self.root):
                self.opened.add(path)

    def __call__(self):
        for module in list(sys.modules.values()):
            for path in (getattr(module, "__file__", None), getattr(module, "__cached__", None)):
                if isinstance(path, str) and path.startswith(self.root):
                    self.opened.add(path)
        return sorted(path[len(self.root):] for path in self.opened)


def measured(load, name):
    """Loads the handler; gives one that answers with what was measured, and calls the real one when it is told to."""
    recorder = Recorder()
    files = FilesRead(os.environ.get("LAMBDA_TASK_ROOT", "/var/task"))
    sys.meta_path.insert(0, recorder)
    begin = time.perf_counter()
    try:
        handler = load(name)
    finally:
        sys.meta_path.remove(recorder)
    total = round((time.perf_counter() - begin) * 1000, 3)
    modules = sorted(recorder.modules, key=lambda module: -module["ms"])[:KEPT]
    from handler_profile import HandlerProfile
    return HandlerProfile(handler, {"total_ms": total, "modules": modules, "files": files()}, recorder, files)
