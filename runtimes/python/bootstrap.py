"""The Python runtime client: fetches invocations from the Runtime API, calls the handler, posts what it returns.

Speaks HTTP/1.1 over one kept socket by hand, because urllib and http.client cost 20 ms to import and 100 us a request.
Modules that only some functions need (logging, traceback, decimal) are imported when they are needed.
"""

import json
import os
import socket
import sys
import time

# The limit of the Runtime API: 6 MiB and 100 bytes.
MAX_RESPONSE = 6291556
# A response up to this size is sent together with the request for the next invocation: one wake-up less.
PIPELINE_LIMIT = 32 * 1024
API = "/2018-06-01/runtime/"
# Set by the zygote that we were forked from (zygote.py): the names of the modules that it has loaded, and the command that
# starts the same without it.
PRELOADED = globals().get("PRELOADED", frozenset())
COMMAND = globals().get("COMMAND", ())


class RuntimeClient:
    """One kept connection to the Runtime API."""

    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self.host = address
        self.address = (host, int(port))
        self.sock = None
        self.buffer = b""
        self.next_request = ("GET %sinvocation/next HTTP/1.1\r\nHost: %s\r\n\r\n" % (API, address)).encode()
        self.next_sent = False

    def send(self, data):
        if self.sock is None:
            self.sock = socket.create_connection(self.address)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.buffer = b""
        self.sock.sendall(data)

    def receive(self):
        """The status, headers (lower case) and body of one response."""
        buffer = self.buffer
        end = buffer.find(b"\r\n\r\n")
        while end < 0:
            piece = self.sock.recv(65536)
            if not piece:
                raise ConnectionError("the Runtime API closed the connection")
            buffer += piece
            end = buffer.find(b"\r\n\r\n")
        lines = buffer[:end].decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ", 2)[1])
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length", "0"))
        body = buffer[end + 4:]
        if len(body) < length:
            pieces = [body]
            have = len(body)
            while have < length:
                piece = self.sock.recv(1048576)
                if not piece:
                    raise ConnectionError("the Runtime API closed the connection")
                pieces.append(piece)
                have += len(piece)
            body = b"".join(pieces)
        self.buffer = body[length:]
        if headers.get("connection", "").lower() == "close":
            self.sock.close()
            self.sock = None
            self.next_sent = False
        return status, headers, body[:length]

    def next(self):
        if not self.next_sent:
            self.send(self.next_request)
        self.next_sent = False
        status, headers, body = self.receive()
        if status != 200:
            raise RuntimeError("the Runtime API answered %d to next" % status)
        return headers, body

    def park(self):
        """Waits until it is known for which function we run; gives its variables."""
        self.send(("GET /2018-06-01/park HTTP/1.1\r\nHost: %s\r\n\r\n" % self.host).encode())
        status, _, body = self.receive()
        if status != 200:
            sys.exit(0)
        return json.loads(body)

    def restore_next(self):
        """Initialised. Comes back in an environment that has been restored."""
        self.send(("GET %srestore/next HTTP/1.1\r\nHost: %s\r\n\r\n" % (API, self.host)).encode())
        status = self.receive()[0]
        if status != 200:
            raise RuntimeError("the Runtime API answered %d to restore/next" % status)

    def post(self, path, body, extra="", pipeline=False):
        head = "POST %s%s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n" % (
            API, path, self.host, extra, len(body))
        data = head.encode("latin-1") + body
        if pipeline and len(body) <= PIPELINE_LIMIT:
            self.send(data + self.next_request)
            self.next_sent = True
        else:
            self.send(data)
        return self.receive()[0]

    def post_error(self, path, error):
        body = json.dumps(error, ensure_ascii=False).encode("utf-8", "replace")
        self.post(path, body, "Lambda-Runtime-Function-Error-Type: %s\r\n" % header_safe(error["errorType"]))


def header_safe(text):
    return "".join(c for c in text if 32 < ord(c) < 127)[:128] or "Runtime.Unknown"


class CognitoIdentity:
    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")


class Client:
    __slots__ = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")


class ClientContext:
    __slots__ = ("custom", "env", "client")


class LambdaContext:
    """What a handler gets as its second argument."""

    def __init__(self, headers):
        get = headers.get
        environ = os.environ
        self.aws_request_id = get("lambda-runtime-aws-request-id", "")
        self.invoked_function_arn = get("lambda-runtime-invoked-function-arn", "")
        self.log_group_name = environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.function_name = environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.tenant_id = get("lambda-runtime-aws-tenant-id")
        self.identity = CognitoIdentity()
        self.identity.cognito_identity_id = None
        self.identity.cognito_identity_pool_id = None
        self.client_context = None
        self._deadline_ms = int(get("lambda-runtime-deadline-ms", "0"))
        client_context = get("lambda-runtime-client-context")
        cognito = get("lambda-runtime-cognito-identity")
        try:
            if client_context:
                self._read_client_context(json.loads(client_context))
            if cognito:
                fields = json.loads(cognito)
                self.identity.cognito_identity_id = fields.get("cognitoIdentityId")
                self.identity.cognito_identity_pool_id = fields.get("cognitoIdentityPoolId")
        except Exception as problem:
            raise Fault("Runtime.LambdaContextUnmarshalError", "Unable to parse context: %s" % problem)

    def _read_client_context(self, fields):
        context = ClientContext()
        context.custom = fields.get("custom")
        context.env = fields.get("env")
        context.client = None
        if fields.get("client"):
            context.client = Client()
            for name in Client.__slots__:
                setattr(context.client, name, fields["client"].get(name))
        self.client_context = context

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline_ms - int(time.time() * 1000))

    def log(self, msg):
        sys.stdout.write(str(msg))

    def __repr__(self):
        shown = ("aws_request_id", "log_group_name", "log_stream_name", "function_name", "memory_limit_in_mb",
                 "function_version", "invoked_function_arn", "client_context", "identity", "tenant_id")
        return "LambdaContext([%s])" % ",".join("%s=%s" % (name, getattr(self, name)) for name in shown)


class Fault(Exception):
    """A failure of the function that has a name of its own."""

    def __init__(self, kind, message, trace=()):
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.trace = list(trace)


class CurrentRequest:
    """The request that log lines belong to."""

    request_id = ""
    tenant_id = None


def install_logging(logging):
    """Gives the root logger Lambda's handler. Runs when `logging` is first imported."""

    class RequestFilter(logging.Filter):
        def filter(self, record):
            record.aws_request_id = CurrentRequest.request_id
            record.tenant_id = CurrentRequest.tenant_id
            return True

    class LambdaHandler(logging.Handler):
        def emit(self, record):
            try:
                # A carriage return keeps a message of several lines one event of the log.
                text = self.format(record)
                sys.stdout.write(text.rstrip("\n").replace("\n", "\r") + "\n")
            except Exception:
                self.handleError(record)

    handler = LambdaHandler()
    handler.addFilter(RequestFilter())
    logging.getLogger().addHandler(handler)
    configure_logging(logging)


def configure_logging(logging):
    """The format and the level that the function's variables say."""

    class Formatter(logging.Formatter):
        converter = time.gmtime

    root = logging.getLogger()
    if os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON":
        formatter = json_formatter(logging, Formatter)
    else:
        formatter = Formatter("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n",
                              "%Y-%m-%dT%H:%M:%S")
    root.handlers[0].setFormatter(formatter)
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
    level = {"TRACE": "DEBUG", "WARN": "WARNING", "FATAL": "CRITICAL"}.get(level, level)
    if level in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
        root.setLevel(level)


# What logging itself puts into a record; everything else came with `extra`.
RECORD_FIELDS = frozenset((
    "name msg args levelname levelno pathname filename module exc_info exc_text stack_info lineno funcName created msecs "
    "relativeCreated thread threadName processName process taskName aws_request_id tenant_id").split())


def json_formatter(logging, base):
    class JsonFormatter(base):
        def format(self, record):
            fields = {
                "timestamp": timestamp(record.created),
                "level": logging.getLevelName(min(50, max(0, record.levelno)) // 10 * 10),
                "message": record.getMessage(),
                "logger": record.name,
                "requestId": record.aws_request_id,
            }
            if record.tenant_id is not None:
                fields["tenantId"] = record.tenant_id
            if record.exc_info and record.exc_info[0]:
                import traceback
                fields["stackTrace"] = traceback.format_tb(record.exc_info[2])
                fields["errorType"] = record.exc_info[0].__name__
                fields["errorMessage"] = str(record.exc_info[1])
                fields["location"] = "%s:%s:%s" % (record.pathname, record.funcName, record.lineno)
            for name, value in record.__dict__.items():
                if name not in RECORD_FIELDS and name not in fields and value is not None:
                    fields[name] = value
            return json.dumps(fields, default=str, ensure_ascii=False)

    return JsonFormatter()


def timestamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + ".%03dZ" % (seconds * 1000 % 1000)


def install_endpoint(session):
    """Lets AWS_ENDPOINT_URL work in versions of botocore that do not know it yet (before 1.31)."""
    import botocore
    if tuple(int(part) for part in botocore.__version__.split(".")[:2]) >= (1, 31):
        return
    create = session.Session.create_client

    def create_client(self, service_name, *args, **kwargs):
        if len(args) < 5 and kwargs.get("endpoint_url") is None:
            own = "AWS_ENDPOINT_URL_" + service_name.upper().replace("-", "_")
            kwargs["endpoint_url"] = os.environ.get(own) or os.environ.get("AWS_ENDPOINT_URL")
        return create(self, service_name, *args, **kwargs)

    session.Session.create_client = create_client


class ImportHooks:
    """Prepares some modules right after their first import, so that functions that do not use them do not pay for it."""

    def __init__(self):
        self.pending = {"logging": install_logging, "botocore.session": install_endpoint}

    def find_spec(self, name, path=None, target=None):
        prepare = self.pending.pop(name, None)
        if prepare is None:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is None:
                continue
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                prepare(module)

            spec.loader.exec_module = exec_module
            return spec
        return None


    def prepare_loaded(self):
        """Those that the zygote has imported."""
        for name in [name for name in self.pending if name in sys.modules]:
            self.pending.pop(name)(sys.modules[name])


def frames_of(error, skip):
    """The stack trace as Lambda shows it, without the first `skip` frames (ours)."""
    import traceback
    return ["".join(traceback.format_list([frame])) for frame in traceback.extract_tb(error.__traceback__)[skip:]]


def describe(error, request_id, skip=1):
    if isinstance(error, Fault):
        return {"errorMessage": error.message, "errorType": error.kind, "requestId": request_id,
                "stackTrace": error.trace}
    try:
        message = str(error)
    except Exception:
        message = ""
    return {"errorMessage": message, "errorType": type(error).__name__, "requestId": request_id,
            "stackTrace": frames_of(error, skip)}


def log_error(described):
    """Prints the error as one event: lines are joined with carriage returns, indents are no-break spaces."""
    if os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON":
        fields = {"timestamp": timestamp(time.time()), "level": "ERROR", **described}
        sys.stdout.write(json.dumps(fields, ensure_ascii=False) + "\n")
        return
    kind, message, trace = described["errorType"], described["errorMessage"], described["stackTrace"]
    head = "[ERROR] %s: %s" % (kind, message) if message else "[ERROR] %s" % kind
    lines = [head]
    if trace:
        lines.append("Traceback (most recent call last):")
        for entry in trace:
            for line in entry.rstrip("\n").split("\n"):
                bare = line.lstrip(" ")
                lines.append("\u00a0" * (len(line) - len(bare)) + bare)
    sys.stdout.write("\r".join(line.replace("\n", "\r") for line in lines) + "\n")


def load_handler(name):
    """Imports the module of `module.function` and gives the function; raises Fault with Lambda's names."""
    module_name, dot, function_name = (name or "").rpartition(".")
    if not dot or not module_name or not function_name:
        raise Fault("Runtime.MalformedHandlerName", "Bad handler '%s': not enough values to unpack (expected 2, got 1)"
                    % name)
    dotted = module_name.replace("/", ".")
    if dotted.split(".")[0] in sys.builtin_module_names:
        raise Fault("Runtime.BuiltInModuleConflict", "Cannot use built-in module %s as a handler module" % module_name)
    import importlib
    try:
        module = importlib.import_module(dotted)
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError", "Unable to import module '%s': %s" % (module_name, error))
    except SyntaxError as error:
        line = "  File \"%s\" Line %s\n    %s" % (error.filename, error.lineno, (error.text or "").strip())
        raise Fault("Runtime.UserCodeSyntaxError", "Syntax error in module '%s': %s" % (module_name, error), [line])
    try:
        return getattr(module, function_name)
    except AttributeError:
        raise Fault("Runtime.HandlerNotFound", "Handler '%s' missing on module '%s'" % (function_name, module_name))


def encode_decimal(value):
    if type(value).__name__ == "Decimal":
        return float(value) if value % 1 else int(value)
    raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)


def marshal(value):
    try:
        return json.dumps(value, ensure_ascii=False, default=encode_decimal).encode("utf-8")
    except Exception as error:
        raise Fault("Runtime.MarshalError", "Unable to marshal response: %s" % error)


def handle(handler, headers, body):
    request_id = headers["lambda-runtime-aws-request-id"]
    CurrentRequest.request_id = request_id
    CurrentRequest.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
    trace_id = headers.get("lambda-runtime-trace-id")
    if trace_id:
        os.environ["_X_AMZN_TRACE_ID"] = trace_id
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
    context = LambdaContext(headers)
    try:
        event = json.loads(body) if body else None
    except Exception as error:
        raise Fault("Runtime.UnmarshalError", "Unable to unmarshal input: %s" % error)
    return marshal(handler(event, context))


def too_large(size):
    return {"errorType": "Function.ResponseSizeTooLarge",
            "errorMessage": "Response payload size exceeded maximum allowed payload size (%d bytes)." % MAX_RESPONSE}


def serve(client, handler):
    stdout = sys.stdout
    while True:
        headers, body = client.next()
        path = "invocation/%s/" % headers["lambda-runtime-aws-request-id"]
        try:
            answer = handle(handler, headers, body)
        except Exception as error:
            described = describe(error, headers["lambda-runtime-aws-request-id"], skip=2)
            log_error(described)
            stdout.flush()
            client.post_error(path + "error", described)
            continue
        stdout.flush()
        if len(answer) > MAX_RESPONSE:
            client.post_error(path + "error", too_large(len(answer)))
        else:
            client.post(path + "response", answer, pipeline=True)


def prepare_process():
    """Output as UTF-8, whatever the locale; a line at a time, so that lines of several threads stay whole."""
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    sys.stderr.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    task_root = os.environ.get("LAMBDA_TASK_ROOT", "/var/task")
    # /var/task first; then layers, whose own folder per version has precedence; our own folder goes last.
    own = sys.path.pop(0) if sys.path and sys.path[0] else None
    version = "/opt/python/lib/python%d.%d/site-packages" % sys.version_info[:2]
    sys.path[0:0] = [task_root, version, "/opt/python"]
    if own and own not in sys.path:
        sys.path.append(own)
    hooks = ImportHooks()
    hooks.prepare_loaded()
    sys.meta_path.insert(0, hooks)


def start_anew_if_needed():
    """The function's own modules take precedence over what the zygote has loaded; and profiles are of all imports."""
    if PRELOADED and (brings_own_modules(sys.path[:3]) or "CUMULET_PROFILE" in os.environ):
        os.execve(COMMAND[0], COMMAND, os.environ)


def brings_own_modules(folders):
    for folder in folders:
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        if any(name.partition(".")[0] in PRELOADED for name in names):
            return True
    return False


def take_variables(variables):
    """Only what differs: each costs some microseconds."""
    environ = os.environ
    before = dict(environ)
    for name in before:
        if name not in variables:
            del environ[name]
    for name, value in variables.items():
        if before.get(name) != value:
            environ[name] = value
    if before.get("TZ") != variables.get("TZ"):
        time.tzset()


REHEARSED = """
import json


class Kept:
    count = 0


def handler(event, context):
    Kept.count += 1
    return {"event": event, "text": "%s %d" % (context.aws_request_id, Kept.count), "size": len(json.dumps(event))}
"""


def rehearse():
    """Does all that a function will need done, so that the memory for it is there: a page of memory that is shared with
    a zygote is copied when it is first written to, which costs more than the work itself."""
    folder = "/tmp/rehearsal"
    file = folder + "/rehearsed.py"
    variables = dict(os.environ)
    take_variables({**variables, **{"REHEARSED_%d" % i: "x" * 40 for i in range(24)}})
    take_variables(variables)
    brings_own_modules(sys.path[:3])
    os.mkdir(folder)
    with open(file, "w") as out:
        out.write(REHEARSED)
    sys.path.insert(0, folder)
    headers = {"lambda-runtime-aws-request-id": "0", "lambda-runtime-trace-id": "0"}
    handler = load_handler("rehearsed.handler")
    for _ in range(3):
        handle(handler, headers, b'{"a": [1, 2.5, null, "x"]}')
    del sys.path[0], sys.modules["rehearsed"], sys.path_importer_cache[folder]
    os.unlink(file)
    os.rmdir(folder)
    os.environ.pop("_X_AMZN_TRACE_ID", None)
    CurrentRequest.request_id = ""


def park(client):
    """Does beforehand what every function needs; then becomes the function."""
    import importlib
    prepare_process()
    rehearse()
    take_variables(client.park())
    importlib.invalidate_caches()
    if "logging" in sys.modules and (os.environ.get("AWS_LAMBDA_LOG_FORMAT") != "Text" or "AWS_LAMBDA_LOG_LEVEL" in os.environ):
        configure_logging(sys.modules["logging"])


def run_hooks(client, path, kind, status, hooks):
    """Runs (function, args, kwargs) one after the other; an exception is reported, and ends us."""
    try:
        for function, args, kwargs in hooks:
            function(*args, **kwargs)
    except Exception as error:
        described = describe(error, "", skip=1)
        log_error(described)
        sys.stdout.flush()
        client.post_error(path, {**described, "errorType": kind})
        sys.exit(status)
    sys.stdout.flush()
    sys.stderr.flush()


def wait_in_snapshot(client):
    """Initialised: the hooks before the snapshot, the wait to be restored from it, the hooks after that."""
    # Functions register hooks by importing this module; it may be one from their own package.
    registry = sys.modules.get("snapshot_restore_py")
    before = list(reversed(registry.get_before_snapshot())) if registry else ()
    run_hooks(client, "init/error", "Runtime.BeforeSnapshotError", 64, before)
    client.restore_next()
    after = list(registry.get_after_restore()) if registry else ()
    run_hooks(client, "restore/error", "Runtime.AfterRestoreError", 65, after)


def main():
    client = RuntimeClient(os.environ["AWS_LAMBDA_RUNTIME_API"])
    if "_CUMULET_PARKED" in os.environ:
        park(client)
    else:
        prepare_process()
    start_anew_if_needed()
    try:
        name = os.environ.get("_HANDLER", "")
        if "CUMULET_PROFILE" in os.environ:
            # The function's own handler. Runtimes that do not know this variable find none, and so call none.
            name = os.environ["_HANDLER"] = os.environ["CUMULET_PROFILE"]
            import import_profile
            handler = import_profile.measured(load_handler, name)
        else:
            handler = load_handler(name)
    except Exception as error:
        # Two frames of ours and three of importlib stand above the module's own.
        described = describe(error, "", skip=0)
        described["stackTrace"] = [entry for entry in described["stackTrace"]
                                   if "importlib" not in entry and __file__ not in entry]
        log_error(described)
        sys.stdout.flush()
        client.post_error("init/error", described)
        sys.exit(1)
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        wait_in_snapshot(client)
    serve(client, handler)


main()
