"""The functions of the soak: what they do on demand, in Python, in Node.js and as a program of its own."""

import io
import zipfile

PYTHON = '''
import ctypes, os, signal, subprocess, time
REVISION = {revision}

def handler(event, context):
    what = event.get("what", "answer")
    if what == "raise":
        raise ValueError("as told")
    if what == "crash":
        os.abort()
    if what == "exit":
        os._exit(3)
    if what == "time":
        time.sleep(60)
    if what == "memory":
        block = []
        while True:
            block.append(b"x" * (8 << 20))
    if what == "forks":
        until = time.monotonic() + 0.3
        children = []
        while time.monotonic() < until:
            try:
                child = os.fork()
            except OSError:
                break
            if child == 0:
                signal.pause()
            children.append(child)
    if what == "leave":
        subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True)
        open("/tmp/%d" % time.monotonic_ns(), "w").write("x" * 100000)
        ctypes.CDLL(None).shmget(0, 4096, 0o1600)
    if what == "fill":
        try:
            with open("/tmp/fill", "wb") as file:
                for _ in range(64):
                    file.write(b"x" * (1 << 20))
        except OSError:
            pass
    if what == "print":
        for line in range(2000):
            print(line, "x" * 100)
    if what == "hold":
        time.sleep(0.3)
    return REVISION
'''
NODE = '''
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  const what = event.what || (event.rawPath || '/answer').slice(1);
  stream.setContentType('text/plain');
  for (let piece = 0; piece < 40; ++piece) {
    if (piece === 20 && what === 'raise') throw new Error('as told');
    if (piece === 20 && what === 'exit') process.exit(3);
    if (piece === 20 && what === 'time') await new Promise(done => setTimeout(done, 60000));
    if (!stream.write('x'.repeat(16384))) await new Promise(done => stream.once('drain', done));
  }
  stream.end();
});
'''
# The Runtime API without a library; no interpreter waits ahead of need for it.
PROGRAM = '''#!/usr/bin/python3 -ISE
import http.client, json, os, sys
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = api.getresponse()
    event = json.loads(answer.read())
    what = event.get("what")
    if what == "exit":
        sys.exit(3)
    kind = "error" if what == "raise" else "response"
    api.request("POST", "/2018-06-01/runtime/invocation/%s/%s" % (answer.headers["Lambda-Runtime-Aws-Request-Id"], kind),
                json.dumps({"errorMessage": "as told", "errorType": "Told"}) if what == "raise" else "{revision}")
    api.getresponse().read()
'''
FAULTS = ["raise", "crash", "exit", "time", "memory", "forks", "leave", "fill", "print"]
KINDS = {
    "python": {"Runtime": "python3.11", "Handler": "app.handler", "file": "app.py", "text": PYTHON, "timeout": 1,
               "deeds": ["answer"] * 8 + FAULTS},
    "program": {"Runtime": "provided.al2023", "Handler": "bootstrap", "file": "bootstrap", "text": PROGRAM, "timeout": 1,
                "deeds": ["answer", "answer", "raise", "exit"]},
    "node": {"Runtime": "nodejs20.x", "Handler": "app.handler", "file": "app.js", "text": NODE,
             "timeout": 5,  # enough to stream to its end on a busy machine
             "deeds": ["answer", "answer", "raise", "exit", "time"]},
}


def zipped(files):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o100755 << 16
            archive.writestr(entry, text)
    return memory.getvalue()


def package(kind, revision):
    return zipped({KINDS[kind]["file"]: KINDS[kind]["text"].replace("{revision}", str(revision))})
