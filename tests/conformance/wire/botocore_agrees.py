#!/usr/bin/env python3
"""Holds the codecs against botocore's: for every operation of every service, requests that botocore writes must be read
as they were meant, and responses that the server writes must be read by botocore as they were meant.

    tests/conformance/wire/botocore_agrees.py PATH_OF_WIRE_ECHO [ROUNDS [SERVICE...]]
"""

import base64
import datetime
import json
import random
import subprocess
import sys
from urllib.parse import urlencode

import botocore.session
from botocore import parsers, serialize
from botocore.awsrequest import HeadersDict
from botocore.model import ServiceModel

import values

SERVICES = ["apigatewayv2", "cloudformation", "dynamodb", "iam", "lambda", "logs", "s3", "sts"]
# What S3's client does beside the model (host names, MD5 ...) is not the codecs' business; neither are operations that
# the client cannot call by itself.
SKIPPED = {"s3": {"SelectObjectContent", "WriteGetObjectResponse"}, "lambda": {"InvokeWithResponseStream"},
           "logs": {"StartLiveTail", "GetLogObject"}}
SKIPPED["s3"] |= {"ListDirectoryBuckets", "GetBucketLocation"}  # told apart by host; read by a special handler


class Echo:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, message):
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def wire_name(member_name, member):
    name = member.serialization.get("name", member_name)
    if member.type_name == "list" and member.serialization.get("flattened"):
        name = member.member.serialization.get("name", name)
    return name


def to_wire(shape, value, member=None):
    """A value as JSON under the names of the wire, blobs as base64."""
    kind = shape.type_name
    if kind == "structure":
        return {wire_name(name, shape.members[name]): to_wire(shape.members[name], inner)
                for name, inner in value.items() if not is_stream(shape, name)}
    if kind == "list":
        return [to_wire(shape.member, item) for item in value]
    if kind == "map":
        return {key: to_wire(shape.value, item) for key, item in value.items()}
    if kind == "blob":
        return base64.b64encode(value).decode()
    if shape.name == "Expires":  # S3 keeps what the client said; botocore makes a time of it
        return value.strftime("%a, %d %b %Y %H:%M:%S GMT")
    if kind == "timestamp":
        return value.timestamp()
    return value


def is_stream(shape, name):
    member = shape.members[name]
    return bool(member.serialization.get("streaming") or getattr(member, "is_streaming", False) or
                member.metadata.get("streaming") or member.serialization.get("eventstream"))


def normal(shape, value):
    """JSON of the echo, times as numbers."""
    kind = shape.type_name
    if kind == "structure":
        names = {wire_name(name, member): member for name, member in shape.members.items()}
        return {name: normal(names[name], inner) for name, inner in value.items()}
    if kind == "list":
        return [normal(shape.member, item) for item in value]
    if kind == "map":
        return {key: normal(shape.value, item) for key, item in value.items()}
    if kind == "timestamp" and isinstance(value, str):
        for form in ("%Y-%m-%dT%H:%M:%SZ", "%a, %d %b %Y %H:%M:%S GMT"):
            try:
                return datetime.datetime.strptime(value, form).replace(tzinfo=datetime.timezone.utc).timestamp()
            except ValueError:
                pass
    return value


def request_line(service, operation, serialized):
    target = serialized["url_path"]
    query = serialized.get("query_string") or {}
    if query:
        pairs = query if isinstance(query, list) else [
            (key, item) for key, items in query.items() for item in (items if isinstance(items, list) else [items])]
        target += ("&" if "?" in target else "?") + urlencode(pairs)
    body = serialized.get("body") or b""
    if isinstance(body, dict):
        body = urlencode(body)
    if isinstance(body, str):
        body = body.encode()
    headers = {name: str(value) for name, value in serialized.get("headers", {}).items()}
    return {"service": service, "method": serialized["method"], "target": target, "headers": headers,
            "body": base64.b64encode(body).decode()}


def check_request(echo, service, model, serializer, operation, rng):
    shape = operation.input_shape
    params = values.structure(shape, rng) if shape else {}
    if params is None:
        return "skipped"
    stream = None
    for name in list(params):
        if is_stream(shape, name):
            stream = params[name]
    serialized = serializer.serialize_to_request(params, operation)
    answer = echo.ask(request_line(service, operation.name, serialized))
    if "error" in answer:
        return "refused: " + answer["error"][:300]
    if answer["operation"] != operation.name:
        return "taken for " + answer["operation"]
    meant = normal(shape, to_wire(shape, params)) if shape else {}
    got = normal(shape, answer["input"]) if shape else {}
    got = {name: value for name, value in got.items() if name in meant or value not in ({}, [])}
    if meant != got:
        return "meant %s\n       got   %s" % (json.dumps(meant, sort_keys=True), json.dumps(got, sort_keys=True))
    if stream is not None and base64.b64decode(answer["stream"]) != stream:
        return "the stream differs"
    return None


def check_response(echo, service, model, parser, operation, rng):
    shape = operation.output_shape
    meant = values.structure(shape, rng) if shape else {}
    if meant is None:
        return "skipped"
    stream = b""
    for name in list(meant):
        if is_stream(shape, name):
            stream = meant[name]
        if shape.members[name].serialization.get("location") == "statusCode":
            meant[name] = 202
        if shape.members[name].serialization.get("name") == "Content-Length":
            del meant[name]
    answer = echo.ask({"service": service, "operation": operation.name, "output": to_wire(shape, meant) if shape else {},
                       "stream": base64.b64encode(stream).decode()})
    if "error" in answer:
        return "refused: " + answer["error"][:300]
    body = base64.b64decode(answer["body"])
    if shape is not None and operation.has_streaming_output:
        payload = shape.serialization.get("payload")
        if body != meant.get(payload, b""):
            return "the stream differs"
        meant = {name: value for name, value in meant.items() if name != payload}
        body = b""
    headers = HeadersDict(answer["headers"])
    parsed = parser.parse({"status_code": answer["status"], "headers": headers, "body": body}, shape)
    parsed.pop("ResponseMetadata", None)
    if shape is not None and operation.has_streaming_output:
        parsed = {name: value for name, value in parsed.items() if name != shape.serialization.get("payload")}
    if "ContentType" not in meant:  # a body always has one
        parsed.pop("ContentType", None)
    for name in list(parsed):  # botocore makes up empty lists, maps and payloads, and statuses
        location = shape.members[name].serialization.get("location")
        if name not in meant and (parsed[name] in ([], {}, "", b"") or location == "statusCode"):
            del parsed[name]
    if parsed != meant:
        return "meant %s\n       got   %s" % (meant, parsed)
    return None


def main():
    echo = Echo(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    services = sys.argv[3:] or SERVICES
    loader = botocore.session.get_session().get_component("data_loader")
    rng = random.Random(20261122)
    checked = failed = skipped = 0
    for service in services:
        model = ServiceModel(loader.load_service_model(service, "service-2"), service)
        protocol = model.metadata["protocol"]
        serializer = serialize.create_serializer(protocol, include_validation=False)
        parser = parsers.create_parser(protocol)
        for name in model.operation_names:
            if name in SKIPPED.get(service, ()):
                continue
            operation = model.operation_model(name)
            if operation.deprecated and service == "s3":
                continue
            for check, codec in ((check_request, serializer), (check_response, parser)):
                for _ in range(rounds):
                    problem = check(echo, service, model, codec, operation, rng)
                    checked += 1
                    if problem == "skipped":
                        skipped += 1
                    elif problem is not None:
                        failed += 1
                        print("%s %s %s: %s" % (service, name, check.__name__, problem))
                        break
    print("%d messages, %d without a value to send, %d differ" % (checked, skipped, failed))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
