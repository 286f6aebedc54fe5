#!/usr/bin/env python3
"""Distils an AWS service model to the facts that a server needs.

    models/distill.py BOTOCORE_DATA_DIR SERVICE...

reads BOTOCORE_DATA_DIR/<service>/<newest>/service-2.json[.gz] and writes models/<service>.json: names, types, members,
constraints, locations, XML facts, errors and their status. No prose. A developer runs this when a model changes; the
build only reads the result.
"""

import gzip
import json
import pathlib
import sys

NOTICE = (
    "Facts (names, types, constraints, locations) derived from the AWS service models published with botocore, "
    "Copyright Amazon.com, Inc. or its affiliates, licensed under the Apache License, Version 2.0."
)

METADATA = ("apiVersion", "awsQueryCompatible", "endpointPrefix", "jsonVersion", "protocol", "protocols", "serviceId", "signingName", "targetPrefix",
            "xmlNamespace")
OPERATION_FLAGS = ("authtype", "deprecated", "unsignedPayload")
SHAPE_FACTS = ("type", "required", "payload", "min", "max", "pattern", "enum", "flattened", "timestampFormat",
               "locationName", "xmlNamespace", "streaming", "eventstream", "event", "union", "document", "sensitive",
               "exception", "fault", "error")
REFERENCE_FACTS = ("shape", "location", "locationName", "flattened", "streaming", "xmlAttribute", "xmlNamespace",
                   "timestampFormat", "jsonvalue", "idempotencyToken", "eventpayload", "eventheader", "hostLabel")


def pick(source, facts):
    return {fact: source[fact] for fact in facts if fact in source}


def distil_shape(shape):
    out = pick(shape, SHAPE_FACTS)
    if "members" in shape:
        out["members"] = {name: pick(member, REFERENCE_FACTS) for name, member in shape["members"].items()}
    for part in ("member", "key", "value"):
        if part in shape:
            out[part] = pick(shape[part], REFERENCE_FACTS)
    return out


def distil_operation(operation):
    out = pick(operation, OPERATION_FLAGS)
    http = operation["http"]
    out["method"] = http["method"]
    out["uri"] = http["requestUri"]
    if http.get("responseCode", 200) != 200:
        out["status"] = http["responseCode"]
    if "input" in operation:
        out["input"] = operation["input"]["shape"]
        out.update({("input" + fact[0].upper() + fact[1:]): operation["input"][fact]
                    for fact in ("locationName", "xmlNamespace") if fact in operation["input"]})
    if "output" in operation:
        out["output"] = operation["output"]["shape"]
        if "resultWrapper" in operation["output"]:
            out["resultWrapper"] = operation["output"]["resultWrapper"]
    errors = sorted(error["shape"] for error in operation.get("errors", []))
    if errors:
        out["errors"] = errors
    if operation.get("httpChecksum", {}).get("requestChecksumRequired") or operation.get("httpChecksumRequired"):
        out["checksumRequired"] = True
    return out


def reachable(model, operations):
    """The shapes that operations and errors lead to."""
    todo = [shape["shape"] for op in model["operations"].values() for shape in
            [op[way] for way in ("input", "output") if way in op] + op.get("errors", [])]
    seen = set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        shape = model["shapes"][name]
        todo += [member["shape"] for member in shape.get("members", {}).values()]
        todo += [shape[part]["shape"] for part in ("member", "key", "value") if part in shape]
    return {name for name in seen} | {name for name, shape in model["shapes"].items() if shape.get("exception")}


def load(path):
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        return json.load(file)


def newest_model(data, service):
    versions = sorted(path for path in (data / service).iterdir() if path.is_dir() and list(path.glob("service-2.json*")))
    return load(next(iter(sorted(versions[-1].glob("service-2.json*")))))


def write(path, model):
    """One line a shape and an operation, so that a change reads well in a diff."""
    def line(value):
        return json.dumps(value, ensure_ascii=True, separators=(",", ":"))

    with open(path, "w", encoding="utf-8") as out:
        out.write("{\n")
        out.write('"notice":%s,\n"metadata":%s,\n' % (line(model["notice"]), line(model["metadata"])))
        for part, last in (("operations", False), ("shapes", True)):
            rows = ["%s:%s" % (line(name), line(value)) for name, value in sorted(model[part].items())]
            out.write('"%s":{\n%s\n}%s\n' % (part, ",\n".join(rows), "" if last else ","))
        out.write("}\n")


def main():
    data = pathlib.Path(sys.argv[1])
    here = pathlib.Path(__file__).resolve().parent
    for service in sys.argv[2:]:
        source = newest_model(data, service)
        shapes = reachable(source, source["operations"])
        write(here / (service + ".json"), {
            "notice": NOTICE,
            "metadata": dict(pick(source["metadata"], METADATA), service=service),
            "operations": {name: distil_operation(op) for name, op in source["operations"].items()},
            "shapes": {name: distil_shape(shape) for name, shape in source["shapes"].items() if name in shapes},
        })


if __name__ == "__main__":
    main()
