"""A registry on this machine, as far as pulling goes: the OCI distribution API, with what may go wrong."""

import base64
import http.server
import threading
import time
import urllib.parse


class Registry:
    """`login` ("name:password") makes it ask for a bearer token, or with basic=True for the login itself."""

    def __init__(self, login=None, basic=False):
        self.login, self.basic = login, basic
        self.repositories = {}
        self.asked = []
        self.delay = 0  # seconds before each piece of a layer
        self.open = threading.Event()  # closed: layers are held back
        self.open.set()
        self.broken = set()  # digests that are answered with something else
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                outer.answer(self)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.open.set()
        self.server.shutdown()
        self.server.server_close()

    def put(self, repository, image, tag="latest"):
        """Gives its URI."""
        blobs, manifests, tags = self.repositories.setdefault(repository, ({}, {}, {}))
        blobs.update(image.blobs)
        manifests.update(image.manifests)
        tags[tag] = image.digest
        return f"{self.host}/{repository}:{tag}"

    def allowed(self, request):
        if self.login is None:
            return True
        given = request.headers.get("Authorization", "")
        if self.basic:
            return given == "Basic " + base64.b64encode(self.login.encode()).decode()
        return given == "Bearer the-token"

    def token(self, request, query):
        given = request.headers.get("Authorization", "")
        good = given == "Basic " + base64.b64encode(self.login.encode()).decode()
        good = good and query.get("service") == ["fake"] and query.get("scope", [""])[0].endswith(":pull")
        self.send(request, 200 if good else 401, b'{"token":"the-token","expires_in":60}' if good else b"{}")

    def send(self, request, status, content, kind="application/json", headers=()):
        request.send_response(status)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(content)))
        for name, value in headers:
            request.send_header(name, value)
        request.end_headers()
        try:
            request.wfile.write(content)
        except OSError:
            pass

    def answer(self, request):
        url = urllib.parse.urlsplit(request.path)
        self.asked.append(url.path)
        if url.path == "/token":
            return self.token(request, urllib.parse.parse_qs(url.query))
        if not self.allowed(request):
            challenge = ('Basic realm="fake"' if self.basic else
                         f'Bearer realm="http://{self.host}/token",service="fake",scope="repository:x:pull"')
            return self.send(request, 401, b"{}", headers=[("WWW-Authenticate", challenge)])
        repository, kind, name = url.path.removeprefix("/v2/").rsplit("/", 2)
        blobs, manifests, tags = self.repositories.get(repository, ({}, {}, {}))
        if kind == "manifests" and tags.get(name, name) in manifests:
            return self.send(request, 200, manifests[tags.get(name, name)], "application/vnd.oci.image.manifest.v1+json")
        if kind == "blobs" and name in blobs:
            return self.send_blob(request, name, blobs[name])
        return self.send(request, 404, b'{"errors":[{"code":"NAME_UNKNOWN"}]}')

    def send_blob(self, request, name, content):
        if name in self.broken:
            content = bytes([content[0] ^ 1]) + content[1:]
        if content[:1] != b"{":
            self.open.wait()
        if not self.delay:
            return self.send(request, 200, content, "application/octet-stream")
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        try:
            for at in range(0, len(content), 1024):
                request.wfile.write(content[at : at + 1024])
                time.sleep(self.delay)
        except OSError:
            pass
