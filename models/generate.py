#!/usr/bin/env python3
"""Writes the C++ shapes of services from their distilled models.

    models/generate.py OUT_DIR [SERVICE...]

For each service (without any: those that the build wants): OUT_DIR/<service>.h (structs, operation tags, error kinds) and
OUT_DIR/<service>_schema.cc (the constant tables that the codecs walk). OUT_DIR is wire/generated of an include path.
Python 3.9 or newer, standard library only.
"""

import argparse
import json
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent
BUILT = ("apigatewayv2", "cloudformation", "cloudwatch", "dynamodb", "dynamodbstreams", "events", "firehose", "iam",
         "kinesis", "lambda", "logs", "s3", "scheduler", "sns", "sqs", "sts")
OVERRIDES = json.loads((HERE / "overrides.json").read_text())

SCALARS = {
    "string": ("kString", "std::string"),
    "character": ("kString", "std::string"),
    "blob": ("kBlob", "std::string"),
    "integer": ("kInteger", "std::int32_t"),
    "long": ("kLong", "std::int64_t"),
    "double": ("kDouble", "double"),
    "float": ("kDouble", "double"),
    "boolean": ("kBoolean", "bool"),
    "timestamp": ("kTimestamp", "::cumulet::Timestamp"),
}
# Of these, what is only declared is defined once, beside the tables: to move and destroy a structure of fifty members is a
# lot of code, and every file that touches the structure would compile its own. Copies are rare.
SPECIAL_MEMBERS = ("X();", "X(const X&) = default;", "X(X&&) noexcept;", "X& operator=(const X&) = default;",
                   "X& operator=(X&&) noexcept;", "~X();")

STREAM = ("kStream", "std::shared_ptr<::cumulet::BodySource>")
LOCATIONS = {"uri": "kUri", "querystring": "kQuery", "header": "kHeader", "headers": "kPrefixHeaders",
             "statusCode": "kStatus"}
TIME_FORMATS = {"iso8601": "kIso8601", "unixTimestamp": "kEpochSeconds", "rfc822": "kHttpDate"}
PROTOCOLS = {"rest-json": "kRestJson", "rest-xml": "kRestXml", "query": "kQuery", "smithy-rpc-v2-cbor": "kRpcV2Cbor",
             "cbor": "kCbor11"}
# Words that C++ or the C library's macros have taken.
TAKEN = set("""alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl concept const
consteval constexpr constinit continue co_await co_return co_yield decltype default delete do double else enum errno
explicit export extern false float for friend goto if inline int linux long major minor mutable namespace new noexcept
not not_eq nullptr operator or or_eq private protected public register requires return short signed sizeof static
struct switch template this throw true try typedef typeid typename union unix unsigned using virtual void volatile
while xor xor_eq assert stdin stdout stderr model errors""".split())


def snake(name):
    """TableName -> table_name, SSEKMSKeyId -> ssekms_key_id: as Amazon's Python SDK has it."""
    name = name.replace("-", "_")
    if "_" not in name:
        special = re.search("[A-Z]{2,}s$", name)
        if special:
            name = name[: -len(special.group())] + "_" + special.group().lower()
        name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
        name = re.sub("([a-z0-9])([A-Z])", r"\1_\2", name)
    name = name.lower().lstrip("_")
    return name + "_" if name in TAKEN else name


def constant(value):
    """PAY_PER_REQUEST -> kPayPerRequest, python3.12 -> kPython3_12."""
    words = [word for word in re.split("[^A-Za-z0-9]+", value) if word]
    out = ""
    for word in words:
        word = word.capitalize() if word.isupper() else word[0].upper() + word[1:]
        out += ("_" if out and out[-1].isdigit() and word[0].isdigit() else "") + word
    return "k" + out


def literal(text):
    """A C++ string literal. Adjacent pieces keep a hex escape from eating what follows."""
    out = ""
    for byte in text.encode():
        char = chr(byte)
        if char in '"\\':
            out += "\\" + char
        elif 32 <= byte < 127 and char != "?":
            out += char
        else:
            out += "\\%03o" % byte
    return '"' + out + '"'


class Service:
    """One service's model; with `query`, under the names that its structs' members have in the query protocol."""

    def __init__(self, name, query=False):
        self.name = name
        model = json.loads((HERE / (name + ".json")).read_text())
        overrides = OVERRIDES.get(name, {})
        self.types = overrides.get("types", {})
        self.roots = overrides.get("roots", {})
        self.unwrapped = overrides.get("unwrapped", [])
        self.includes = overrides.get("includes", [])
        self.metadata = model["metadata"]
        self.protocols = overrides.get("protocols", self.metadata.get("protocols", [self.metadata["protocol"]]))
        self.operations = model["operations"]
        self.shapes = model["shapes"]
        self.unchecked_enums = overrides.get("uncheckedEnums", False)
        self.listed_enums = overrides.get("listedEnums", [])
        for shape, error in overrides.get("errors", {}).items():
            self.shapes[shape]["error"] = error
        self.in_query = None
        if query:
            self.rename_for_query(overrides["query"])
        elif "query" in overrides:
            self.in_query = Service(name, query=True)
        self.used = self.reachable()
        self.boxed = set()
        self.order = []
        self.sort_structs()

    def rename_for_query(self, names):
        for name, facts in names["shapes"].items():
            shape = self.shapes[name]
            for part in ("member", "key", "value"):
                if part in facts:
                    shape[part] = {**shape[part], "locationName": facts[part]}
            for member, wire_name in facts.get("members", {}).items():
                shape["members"][member] = {**shape["members"][member], "locationName": wire_name}
        for operation in self.operations.values():
            if "output" in operation:
                operation["resultWrapper"] = operation["output"]

    # What kind of thing a shape is.

    def is_stream(self, name, reference=None):
        shape = self.shapes[name]
        return bool(shape.get("eventstream") or shape.get("streaming") or (reference or {}).get("streaming"))

    def kind(self, name):
        shape = self.shapes[name]
        if name in self.types:
            return self.types[name]["kind"], self.types[name]["type"]
        if self.is_stream(name):
            return STREAM
        if shape["type"] == "structure":
            return "kStructure", name
        if shape["type"] == "list":
            return "kList", "std::vector<%s>" % self.kind(shape["member"]["shape"])[1]
        if shape["type"] == "map":
            return "kMap", "std::map<std::string, %s>" % self.kind(shape["value"]["shape"])[1]
        return SCALARS[shape["type"]]

    def parts(self, name):
        """The shapes directly inside a shape."""
        shape = self.shapes[name]
        if name in self.types or shape.get("eventstream"):
            return []
        return ([member["shape"] for member in shape.get("members", {}).values()] +
                [shape[part]["shape"] for part in ("member", "key", "value") if part in shape])

    def reachable(self):
        todo = [op[way] for op in self.operations.values() for way in ("input", "output") if way in op]
        seen = set()
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo += self.parts(name)
        return sorted(seen)

    def is_struct(self, name):
        return self.kind(name)[0] == "kStructure"

    def sort_structs(self):
        """Structs so that each comes after those it holds; where one holds itself directly, the member is boxed."""
        state = {}

        def inner_structs(name):
            direct = self.is_struct(name)
            return [(name, True)] if direct else [(inner, False) for part in self.parts(name)
                                                  for inner, _ in inner_structs(part)]

        def visit(name):
            state[name] = "open"
            for member, reference in self.shapes[name]["members"].items():
                for inner, direct in inner_structs(reference["shape"]):
                    if inner not in state:
                        visit(inner)
                    elif state[inner] == "open" and direct:
                        self.boxed.add((name, member))
            state[name] = "done"
            self.order.append(name)

        for name in self.used:
            if self.is_struct(name) and name not in state:
                visit(name)

    # The header.

    def member_type(self, owner, member):
        shape = self.shapes[owner]
        reference = shape["members"][member]
        inner = (STREAM if self.is_stream(reference["shape"], reference) else self.kind(reference["shape"]))[1]
        if inner == STREAM[1]:
            return inner, None
        if (owner, member) in self.boxed:
            return "Boxed<%s>" % inner, "access::kBoxed<%s>" % inner
        if member in shape.get("required", []):
            return inner, None
        return "std::optional<%s>" % inner, "access::kOptional<%s>" % inner

    def struct(self, name):
        members = self.shapes[name].get("members", {})
        lines = ["struct %s {" % name]
        lines += ["  " + line.replace("X", name) for line in (SPECIAL_MEMBERS if members else ["X() = default;"])]
        for member in members:
            cpp = self.member_type(name, member)[0]
            initial = " = 0" if cpp in ("std::int32_t", "std::int64_t", "double") else " = false" if cpp == "bool" else ""
            lines.append("  %s %s%s;" % (cpp, snake(member), initial))
        return "\n".join(lines + ["};"])

    def checks_enum(self, name):
        """`uncheckedEnums` is true for all of a service's, or a list of shapes."""
        unchecked = self.unchecked_enums
        return name not in unchecked if isinstance(unchecked, list) else not unchecked

    def enums(self):
        for name in self.used:
            shape = self.shapes[name]
            if shape.get("enum"):
                taken = set()
                yield "namespace %s {" % snake(name)
                for value in shape["enum"]:
                    base = constant(value) if value else "kEmpty"
                    unique, count = base, 2
                    while unique in taken:
                        unique, count = "%s_%d" % (base, count), count + 1
                    taken.add(unique)
                    yield "inline constexpr std::string_view %s = %s;" % (unique, literal(value))
                if name in self.listed_enums:
                    yield "inline constexpr std::string_view kAll[] = {%s};" % ", ".join(map(literal, shape["enum"]))
                yield "}  // namespace %s" % snake(name)

    def error_kinds(self):
        """(constant, code, status) of each error; named by shape, and by code where that is another free name."""
        kinds = {}
        by_code = {}
        for name, shape in sorted(self.shapes.items()):
            if not shape.get("exception"):
                continue
            code, status = self.error_kinds_by_shape(name)
            kinds["k" + name] = (code, status)
            by_code.setdefault("k" + re.sub("[^A-Za-z0-9]", "", code), (code, status))
        for name, value in by_code.items():
            kinds.setdefault(name, value)
        return sorted(kinds.items())

    def error_rows(self):
        """(code, status, name of the message's member, has a Type) of each error, by code."""
        rows = {}
        for name, shape in sorted(self.shapes.items()):
            if shape.get("exception"):
                members = shape.get("members", {})
                message = next((reference.get("locationName", member) for member, reference in members.items()
                                if member.lower() == "message"), "message")
                code, status = self.error_kinds_by_shape(name)
                # Of several shapes with one code that counts which has the same name.
                if name == code:
                    rows.pop(code, None)
                rows.setdefault(code, (literal(code), status, literal(message), "true" if "Type" in members else "false",
                                       literal(name)))
        return [rows[code] for code in sorted(rows)]

    def error_kinds_by_shape(self, name):
        shape = self.shapes[name]
        error = shape.get("error", {})
        return error.get("code", name), error.get("httpStatusCode", 500 if shape.get("fault") else 400)

    def operation_types(self, name):
        op = self.operations[name]
        return op.get("input") or name + "Input", op.get("output") or name + "Output"

    def header(self):
        out = ["// Generated from models/%s.json." % self.name, "#pragma once", "",
               "#include <cstdint>", "#include <map>", "#include <memory>", "#include <optional>", "#include <string>",
               "#include <string_view>", "#include <vector>", "",
               '#include "base/body.h"', '#include "base/clock.h"', '#include "base/error.h"', '#include "wire/boxed.h"',
               '#include "wire/schema.h"']
        out += ['#include "%s"' % include for include in self.includes]
        out += ["", "namespace cumulet::wire::%s {" % self.name, "", "const ServiceModel& model();", ""]
        out += ["struct %s;" % name for name in self.order]
        for name in self.order:
            out += ["", self.struct(name)]
        names = set(self.order)
        for operation in sorted(self.operations):
            op = self.operations[operation]
            for way, given in zip(("Input", "Output"), self.operation_types(operation)):
                alias = operation + way
                if way.lower() not in op:
                    assert alias not in names
                    out += ["", "struct %s {" % alias, "  %s() = default;" % alias, "};"]
                elif alias not in names:
                    out += ["", "using %s = %s;" % (alias, given)]
                names.add(alias)
        out += ["", "// Operations."]
        for operation in sorted(self.operations):
            assert operation not in names, operation
            given = self.operation_types(operation)
            out += ["struct %s {" % operation, "  using Input = %s::%s;" % (self.name_space(), given[0]),
                    "  using Output = %s::%s;" % (self.name_space(), given[1]),
                    "  static const OperationModel& model();", "};"]
        out += ["", "// Enumerations."] + list(self.enums())
        out += ["", "namespace errors {"]
        for name, (code, status) in self.error_kinds():
            out.append("inline constexpr ErrorKind %s{%s, %d};" % (name, literal(code), status))
        out += ["}  // namespace errors", "", "}  // namespace cumulet::wire::%s" % self.name, ""]
        return "\n".join(out)

    def special_members(self):
        for name in self.order:
            if self.shapes[name].get("members"):
                yield ""
                for line in SPECIAL_MEMBERS:
                    if "default" not in line:
                        yield re.sub(r"^(X& )?", r"\1X::", line[:-1]).replace("X", name) + " = default;"

    def name_space(self):
        return "::cumulet::wire::" + self.name

    # The tables.

    def constrained(self, name, seen):
        if name in seen:
            return False
        seen.add(name)
        shape = self.shapes[name]
        if any(fact in shape for fact in ("min", "max", "pattern", "enum")) or shape.get("required"):
            return True
        return any(self.constrained(part, seen) for part in self.parts(name))

    def list_access(self, name):
        return "&access::kList<%s>" % self.kind(self.shapes[name]["member"]["shape"])[1]

    def map_access(self, name):
        return "&access::kMap<%s>" % self.kind(self.shapes[name]["value"]["shape"])[1]

    def shape_row(self, name, index):
        shape = self.shapes[name]
        kind = self.kind(name)[0]
        row = [".name = %s" % literal(name), ".kind = Kind::%s" % kind]
        if "timestampFormat" in shape:
            row.append(".time_format = TimeFormat::%s" % TIME_FORMATS[shape["timestampFormat"]])
        if shape.get("flattened"):
            row.append(".flattened = true")
        row += [".has_%s = true" % bound for bound in ("min", "max") if bound in shape]
        if self.constrained(name, set()):
            row.append(".constrained = true")
        if shape.get("sensitive"):
            row.append(".sensitive = true")
        row += [".%s = %r" % (bound, float(shape[bound])) for bound in ("min", "max") if bound in shape]
        if "pattern" in shape:
            row.append(".pattern = %s" % literal(shape["pattern"]))
        if shape.get("enum") and self.checks_enum(name):
            row.append(".enum_values = kEnum%s" % name)
        if kind == "kStructure":
            members = list(shape["members"])
            if members:
                row.append(".members = kMembers%s" % name)
            if "payload" in shape:
                row.append(".payload = &kMembers%s[%d]" % (name, members.index(shape["payload"])))
        if kind == "kList":
            row.append(".element = &kShapes[%d]" % index[shape["member"]["shape"]])
            row.append(".element_name = %s" % literal(shape["member"].get("locationName", "member")))
        if kind == "kMap":
            row.append(".element = &kShapes[%d]" % index[shape["value"]["shape"]])
            row.append(".key = &kShapes[%d]" % index[shape["key"]["shape"]])
            row.append(".element_name = %s" % literal(shape["value"].get("locationName", "value")))
            row.append(".key_name = %s" % literal(shape["key"].get("locationName", "key")))
        root = self.roots.get(name, shape.get("locationName", name))
        if kind == "kStructure":
            row.append(".xml_name = %s" % literal(root))
        if kind == "kList":
            row.append(".list = %s" % self.list_access(name))
        if kind == "kMap":
            row.append(".map = %s" % self.map_access(name))
        return "    {%s}," % ", ".join(row)

    def member_row(self, owner, member, index):
        shape = self.shapes[owner]
        reference = shape["members"][member]
        target = self.shapes[reference["shape"]]
        wire_name = reference.get("locationName", member)
        if target["type"] == "list" and (reference.get("flattened") or target.get("flattened")):
            wire_name = target["member"].get("locationName", wire_name)
        if self.is_stream(reference["shape"], reference):
            where = "&kStreamShape"
        else:
            where = "&kShapes[%d]" % index[reference["shape"]]
        row = [".name = " + literal(member), ".wire_name = " + literal(wire_name), ".shape = " + where,
               ".offset = offsetof(%s, %s)" % (owner, snake(member))]
        holder = self.member_type(owner, member)[1]
        if holder:
            row.append(".holder = &" + holder)
        location = LOCATIONS.get(reference.get("location"), "kPayload" if shape.get("payload") == member else "kBody")
        if location != "kBody":
            row.append(".location = Location::" + location)
        if "timestampFormat" in reference:
            row.append(".time_format = TimeFormat::" + TIME_FORMATS[reference["timestampFormat"]])
        if member in shape.get("required", []):
            row.append(".required = true")
        if reference.get("flattened") or target.get("flattened"):
            row.append(".flattened = true")
        if reference.get("xmlAttribute"):
            row.append(".xml_attribute = true")
        space = reference.get("xmlNamespace", target.get("xmlNamespace"))
        if space:
            row.append(".xml_namespace = " + literal(space["uri"] if isinstance(space, dict) else space))
            if isinstance(space, dict) and "prefix" in space:
                row.append(".xml_prefix = " + literal(space["prefix"]))
        return "    {%s}," % ", ".join(row)

    def operation_row(self, name, index):
        op = self.operations[name]
        given = self.operation_types(name)
        row = [".name = " + literal(name), ".method = " + literal(op["method"]), ".uri = " + literal(op["uri"])]
        if "status" in op:
            row.append(".status = %d" % op["status"])
        row += [".%s = true" % field for field, fact in (("deprecated", op.get("deprecated")),
                                                         ("unsigned_allowed", op.get("authtype") == "none"),
                                                         ("checksum_required", op.get("checksumRequired"))) if fact]
        if "resultWrapper" in op:
            row.append(".result_wrapper = " + literal(op["resultWrapper"]))
        if name in self.unwrapped:
            row.append(".unwrapped_output = true")
        if "inputLocationName" in op:
            row.append(".input_root = " + literal(op["inputLocationName"]))
        for way in ("input", "output"):
            row.append(".%s = &%s" % (way, "kShapes[%d]" % index[op[way]] if way in op else "kEmptyShape"))
        row += [".make_%s = access::make<%s>" % pair for pair in zip(("input", "output"), given)]
        return "    {%s}," % ", ".join(row)

    def service_row(self, named):
        meta = self.metadata
        protocol = PROTOCOLS.get(named) or {"1.0": "kJson10", "1.1": "kJson11"}[meta["jsonVersion"]]
        row = [".service = " + literal(self.name), ".protocol = Protocol::" + protocol,
               ".api_version = " + literal(meta["apiVersion"]),
               ".signing_name = " + literal(meta.get("signingName", meta["endpointPrefix"])),
               ".endpoint_prefix = " + literal(meta["endpointPrefix"]),
               ".target_prefix = " + literal(meta.get("targetPrefix", "")),
               ".xml_namespace = " + literal(OVERRIDES.get(self.name, {}).get("xmlNamespace", meta.get("xmlNamespace", ""))),
               ".operations = %skOperations" % ("query::" if self.in_query and named == "query" else ""),
               ".errors = kErrors"]
        if len(self.protocols) > 1:
            row.append(".spoken = kModels")
        if "awsQueryCompatible" in meta:
            row.append(".query_compatible = true")
        return ",\n    ".join(row)

    def tables(self, names, index):
        """The tables of shapes and operations."""
        out = ["extern const Shape kShapes[%d];" % len(self.used)]
        for name in self.used:
            if self.shapes[name].get("enum") and self.checks_enum(name):
                out.append("constexpr std::string_view kEnum%s[] = {%s};" %
                           (name, ", ".join(literal(value) for value in self.shapes[name]["enum"])))
        out.append("")
        for name in self.order:
            members = self.shapes[name].get("members", {})
            if members:
                out.append("constexpr Member kMembers%s[] = {" % name)
                out += [self.member_row(name, member, index) for member in members]
                out.append("};")
        out += ["", "constexpr Shape kShapes[%d] = {" % len(self.used)]
        out += [self.shape_row(name, index) for name in self.used]
        out += ["};", "", "constexpr OperationModel kOperations[] = {"]
        out += [self.operation_row(name, index) for name in names]
        return out + ["};"]

    def schema(self):
        index = {name: at for at, name in enumerate(self.used)}
        names = sorted(self.operations)
        out = ["// Generated from models/%s.json." % self.name, "#include <cstddef>", "",
               '#include "wire/access.h"', '#include "wire/generated/%s.h"' % self.name, "",
               "// The structs are plain, but not all of standard layout: both compilers define offsetof for them.",
               '#pragma GCC diagnostic ignored "-Winvalid-offsetof"', "",
               "namespace cumulet::wire::%s {" % self.name, "namespace {", "",
               '[[maybe_unused]] constexpr Shape kEmptyShape{.name = "Empty"};',
               '[[maybe_unused]] constexpr Shape kStreamShape{.name = "Stream", .kind = Kind::kStream};', ""]
        if self.in_query:
            out += ["namespace query {", ""] + self.in_query.tables(names, index) + ["", "}  // namespace query", ""]
        out += self.tables(names, index)
        out += ["", "constexpr ErrorModel kErrors[] = {"]
        out += ["    {{%s, %d}, %s, %s, %s}," % row for row in self.error_rows()]
        count = len(self.protocols)
        out += ["};", "", "extern const ServiceModel kModels[%d];" % count, "constexpr ServiceModel kModels[%d] = {" % count]
        out += ["    {%s}," % self.service_row(protocol) for protocol in self.protocols]
        out += ["};", "", "}  // namespace", "", "const ServiceModel& model() { return kModels[0]; }"]
        out += ["const OperationModel& %s::model() { return kOperations[%d]; }" % pair
                for pair in zip(names, range(len(names)))]
        out += list(self.special_members())
        out += ["", "}  // namespace cumulet::wire::%s" % self.name, ""]
        return "\n".join(out)


def write_if_changed(path, text):
    """Leaves an unchanged file's time alone, so that nothing is compiled again."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def main():
    parser = argparse.ArgumentParser(description="Writes the C++ shapes of services from their distilled models.")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("services", nargs="*", default=BUILT)
    options = parser.parse_args()
    folder = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    for name in options.services:
        service = Service(name)
        write_if_changed(folder / (name + ".h"), service.header())
        write_if_changed(folder / (name + "_schema.cc"), service.schema())


if __name__ == "__main__":
    main()
