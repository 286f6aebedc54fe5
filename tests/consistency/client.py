"""A DynamoDB client that costs little: one connection a client, requests signed by hand, asyncio."""

import asyncio
import datetime
import hashlib
import hmac
import json


class Refused(Exception):
    """The server answered that it did not do it."""

    def __init__(self, code, body):
        super().__init__(f"{code}: {body.get('message') or body.get('Message')}")
        self.code = code
        self.body = body


class Lost(Exception):
    """No answer came: the operation may have happened."""


class Client:
    def __init__(self, server):
        self.server = server
        self.streams = None

    def signed(self, operation, body):
        endpoint = self.server.endpoint.removeprefix("http://")
        now = datetime.datetime.now(datetime.timezone.utc)
        stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
        target = f"DynamoDB_20120810.{operation}"
        digest = hashlib.sha256(body).hexdigest()
        canonical = f"POST\n/\n\nhost:{endpoint}\nx-amz-date:{stamp}\nx-amz-target:{target}\n\nhost;x-amz-date;x-amz-target\n{digest}"
        scope = f"{day}/eu-central-1/dynamodb/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = ("AWS4" + self.server.root["AWS_SECRET_ACCESS_KEY"]).encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        credential = f"{self.server.root['AWS_ACCESS_KEY_ID']}/{scope}"
        return (
            f"POST / HTTP/1.1\r\nHost: {endpoint}\r\nX-Amz-Date: {stamp}\r\nX-Amz-Target: {target}\r\n"
            f"Content-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\nAuthorization: AWS4-HMAC-SHA256 "
            f"Credential={credential}, SignedHeaders=host;x-amz-date;x-amz-target, Signature={signature}\r\n\r\n"
        ).encode() + body

    async def call(self, operation, **parameters):
        """The answer; Refused, or Lost. Every wait has an end."""
        request = self.signed(operation, json.dumps(parameters).encode())
        try:
            return await asyncio.wait_for(self.exchange(request), 15)
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError, IndexError) as error:
            self.close()
            raise Lost(str(error)) from error

    async def exchange(self, request):
        if self.streams is None:
            host, port = self.server.endpoint.removeprefix("http://").split(":")
            self.streams = await asyncio.open_connection(host, int(port))
        reader, writer = self.streams
        writer.write(request)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = next(int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length:"))
        body = json.loads(await reader.readexactly(length) or b"{}")
        status = int(head.split(" ")[1])
        if status != 200:
            raise Refused(body.get("__type", "").split("#")[-1], body)
        return body

    def close(self):
        if self.streams:
            self.streams[1].close()
        self.streams = None
