"""What a handler does anew in each call although it could have kept it, for `cumulet advise --payload`.

The handler is called once and again with the same event. Calls of three kinds are looked at: functions of the package
that take nothing and give the same each time, clients of AWS's SDK that are made, and files of the package (they cannot
change) that are read. Then each find is kept from one call to the next, and how long the handler takes shows the gain.
"""

import builtins
import io
import os
import pickle
import sys
import time

# Of a function, to be looked at: one that takes less is not worth a line.
LEAST_MS = 0.5
FINDS_AT_MOST = 4
ROOT = os.environ.get("LAMBDA_TASK_ROOT", "/var/task")

# Code that runs by itself when it is called: no generator, no coroutine, no body of a class.
_OPTIMIZED, _VARIADIC, _SUSPENDED = 0x1, 0x4 | 0x8, 0x20 | 0x80 | 0x200


def of_package(path):
    return isinstance(path, str) and path.startswith(ROOT + "/")


def takes_nothing(code):
    return (of_package(code.co_filename) and code.co_argcount == 0 and code.co_kwonlyargcount == 0
            and not code.co_freevars and code.co_name[0] != "<"
            and code.co_flags & _OPTIMIZED and not code.co_flags & (_VARIADIC | _SUSPENDED))


def package_modules():
    return [module for module in list(sys.modules.values()) if of_package(getattr(module, "__file__", None))]


class Found:
    """What was seen in one call: how long it took, and what it gave."""

    def __init__(self):
        self.ms = 0.0
        self.result = None
        self.same = True

    def add(self, ms, result):
        self.ms += ms
        if self.result is None:
            self.result = result
        self.same = self.same and result is not None and self.result == result


class FunctionTracer:
    """Takes the time and the results of functions that take nothing. Runs as the interpreter's profile function."""

    def __init__(self):
        self.stack = []
        self.found = {}

    def __call__(self, frame, kind, argument):
        if kind == "call":
            if takes_nothing(frame.f_code):
                self.stack.append([frame, time.perf_counter(), 0.0])
        elif kind == "return" and self.stack and self.stack[-1][0] is frame:
            end = time.perf_counter()
            _, begin, excluded = self.stack.pop()
            ms = (end - begin - excluded) * 1000
            if ms < LEAST_MS:
                return
            try:
                result = None if argument is None else pickle.dumps(argument)
            except Exception:
                result = None
            self.found.setdefault(frame.f_code, Found()).add(ms, result)
            spent = time.perf_counter() - end
            for outer in self.stack:
                outer[2] += spent

    def by_name(self):
        """The functions that gave something, and the same each time, under the names that modules have for them."""
        named = {}
        for module in package_modules():
            for name, value in list(vars(module).items()):
                found = self.found.get(getattr(value, "__code__", None))
                if found is not None and found.same and getattr(value, "__module__", "") == module.__name__:
                    named[("function", module.__name__ + "." + name)] = found
        return named


class ClientMaker:
    """Stands for botocore's create_client: takes the time, and keeps clients when it is told to."""

    def __init__(self, keep=None):
        self.keep = keep
        self.found = {}
        self.inside = False

    def install(self):
        session = sys.modules.get("botocore.session")
        self.owner = session.Session if session else None
        if self.owner is None:
            return
        self.original = self.owner.create_client
        maker = self

        def create_client(session, service_name, *args, **kwargs):
            return maker.make(session, service_name, args, kwargs)

        self.owner.create_client = create_client

    def remove(self):
        if self.owner is not None:
            self.owner.create_client = self.original

    def make(self, session, service, args, kwargs):
        if self.keep is not None:
            # Of another region or with another configuration it is another client.
            options = {name: getattr(value, "_user_provided_options", value) for name, value in kwargs.items()}
            key = service + repr(args) + repr(sorted(options.items()))
            if key not in self.keep:
                self.keep[key] = self.original(session, service, *args, **kwargs)
            return self.keep[key]
        begin = time.perf_counter()
        self.inside = True
        try:
            return self.original(session, service, *args, **kwargs)
        finally:
            self.inside = False
            found = self.found.setdefault(("client", service), Found())
            found.add((time.perf_counter() - begin) * 1000, service)


class _KeptText(io.StringIO):
    def read(self, size=-1):
        if self.tell() == 0 and (size is None or size < 0):
            self.seek(0, 2)
            return self.whole
        return super().read(size)


class _KeptBytes(io.BytesIO):
    def read(self, size=-1):
        if self.tell() == 0 and (size is None or size < 0):
            self.seek(0, 2)
            return self.whole
        return super().read(size)


class FileReader:
    """Stands for open: sees which files of the package are read; keeps one, and what was parsed from it as JSON."""

    def __init__(self, clients, keep=None, path=None):
        self.clients = clients
        self.keep = keep
        self.path = path
        self.found = {}

    def install(self):
        self.original = io.open
        io.open = builtins.open = self.open
        self.json = sys.modules["json"]
        self.loads = self.json.loads
        if self.keep is not None:
            self.json.loads = self.parse

    def remove(self):
        io.open = builtins.open = self.original
        self.json.loads = self.loads

    def open(self, file, mode="r", *args, **kwargs):
        path = os.fspath(file) if isinstance(file, (str, os.PathLike)) else ""
        if isinstance(path, str) and path and not path.startswith("/"):
            path = os.path.abspath(path)
        if self.clients.inside or not of_package(path) or set(mode) - set("rbtU"):
            return self.original(file, mode, *args, **kwargs)
        if self.keep is not None and path == self.path:
            return self.kept(file, mode, args, kwargs)
        opened = self.original(file, mode, *args, **kwargs)
        if self.keep is None:
            size = os.fstat(opened.fileno()).st_size
            self.found.setdefault(("file", path[len(ROOT) + 1:]), Found()).add(size / 1e9, size)
        return opened

    def kept(self, file, mode, args, kwargs):
        key = ("content", mode, repr(args), repr(kwargs))
        if key not in self.keep:
            with self.original(file, mode, *args, **kwargs) as opened:
                self.keep[key] = opened.read()
        whole = self.keep[key]
        again = _KeptBytes(whole) if isinstance(whole, bytes) else _KeptText(whole)
        again.whole = whole
        return again

    def parse(self, text, **options):
        # json.load passes on what it was not given, as None.
        plain = all(value is None for value in options.values())
        if not plain or not any(text is whole for key, whole in self.keep.items() if key[0] == "content"):
            return self.loads(text, **options)
        key = ("parsed", id(text))
        if key not in self.keep:
            self.keep[key] = self.loads(text)
        return self.keep[key]


def keep_function(name, kept):
    """Puts something that remembers in the place of a function, wherever the package's modules have it. Gives what
    undoes that."""
    module_name, _, function_name = name.rpartition(".")
    original = getattr(sys.modules[module_name], function_name)

    def remembered():
        if "result" not in kept:
            kept["result"] = original()
        return kept["result"]

    places = [(vars(module), key) for module in package_modules()
              for key, value in list(vars(module).items()) if value is original]
    for names, key in places:
        names[key] = remembered

    def undo():
        for names, key in places:
            names[key] = original
    return undo


class HandlerProfile:
    """Stands for the handler: each event says what is to be done with the real one."""

    def __init__(self, handler, start, recorder, files):
        self.handler = handler
        self.start = start
        self.recorder = recorder
        self.files = files
        self.seen = None
        self.kept = {}

    def __call__(self, event, context):
        step = event.get("step", "start")
        if step == "start":
            return self.start
        if step == "files":
            return {"files": self.files()}
        return getattr(self, step)(event, context)

    def run(self, event, context):
        begin = time.perf_counter()
        try:
            self.handler(event["event"], context)
            failed = None
        except Exception as error:
            failed = "%s: %s" % (type(error).__name__, error)
        return {"ms": round((time.perf_counter() - begin) * 1000, 3), "failed": failed}

    def first(self, event, context):
        """The first call, with what it imports."""
        before = len(self.recorder.modules)
        sys.meta_path.insert(0, self.recorder)
        try:
            answer = self.run(event, context)
        finally:
            sys.meta_path.remove(self.recorder)
        modules = self.recorder.modules[before:]
        return {**answer, "modules": sorted((m for m in modules if m["depth"] == 0), key=lambda m: -m["ms"])[:12]}

    def plain(self, event, context):
        return self.run(event, context)

    def trace(self, event, context):
        """A call that is watched. Says what was seen in this one and in all before."""
        tracer = FunctionTracer()
        clients = ClientMaker()
        files = FileReader(clients)
        clients.install()
        files.install()
        sys.setprofile(tracer)
        try:
            answer = self.run(event, context)
        finally:
            sys.setprofile(None)
            files.remove()
            clients.remove()
        seen = {**tracer.by_name(), **clients.found, **files.found}
        if self.seen is not None:
            seen = {key: found for key, found in seen.items()
                    if key in self.seen and found.result == self.seen[key].result}
        self.seen = seen
        finds = sorted(seen.items(), key=lambda item: -item[1].ms)[:FINDS_AT_MOST]
        return {**answer, "finds": [{"kind": kind, "what": what} for (kind, what), _ in finds]}

    def keep(self, event, context):
        """A call in which one find is kept from the call before."""
        kind, what = event["kind"], event["what"]
        kept = self.kept.setdefault((kind, what), {})
        if kind == "function":
            undo = keep_function(what, kept)
        else:
            stands_in = (ClientMaker(kept) if kind == "client"
                         else FileReader(ClientMaker(), kept, ROOT + "/" + what))
            stands_in.install()
            undo = stands_in.remove
        try:
            return self.run(event, context)
        finally:
            undo()
