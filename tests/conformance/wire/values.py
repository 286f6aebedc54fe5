"""Made-up values for shapes of a botocore model that keep the model's constraints."""

import datetime
import re

try:
    from re import _constants as sre, _parser as sre_parse
except ImportError:  # before Python 3.11
    import sre_constants as sre
    import sre_parse

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
PUNCTUATION = "<&>\"' é"


def from_pattern(pattern, rng):
    """A text that a regular expression matches; None when it has something too clever."""
    def pieces(tree):
        return "".join(piece(op, value) for op, value in tree)

    def in_class(items):
        options, excluded, negate = [], set(), False
        for op, value in items:
            if op is sre.NEGATE:
                negate = True
            elif op is sre.LITERAL:
                options.append(chr(value))
            elif op is sre.RANGE:
                options.append(chr(rng.randint(value[0], min(value[1], value[0] + 40))))
            elif op is sre.CATEGORY:
                options += list({sre.CATEGORY_DIGIT: "0123", sre.CATEGORY_WORD: "abYZ_0", sre.CATEGORY_SPACE: " "}.get(
                    value, "aZ!"))
        if negate:
            excluded = set(options)
            options = [c for c in LETTERS if c not in excluded]
        return rng.choice(options)

    def piece(op, value):
        if op is sre.LITERAL:
            return chr(value)
        if op is sre.NOT_LITERAL:
            return "a" if value != ord("a") else "b"
        if op is sre.ANY:
            return rng.choice(LETTERS)
        if op is sre.IN:
            return in_class(value)
        if op is sre.BRANCH:
            return pieces(rng.choice(value[1]))
        if op is sre.SUBPATTERN:
            return pieces(value[-1])
        if op in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            low, high, inner = value
            return "".join(pieces(inner) for _ in range(rng.randint(low, min(high, max(low, 3)))))
        if op is sre.AT:
            return ""
        raise ValueError(op)

    try:  # Java's character classes are not Python's
        return pieces(sre_parse.parse(re.sub(r"\\p\{(\w+)\}", "a-z", pattern)))
    except (ValueError, IndexError, re.error):
        return None


def string(shape, rng):
    if shape.enum:
        return rng.choice(shape.enum)
    low, high = int(shape.metadata.get("min", 0)), int(shape.metadata.get("max", 64))
    pattern = shape.metadata.get("pattern")
    if pattern:
        for _ in range(50):
            text = from_pattern(pattern, rng)
            if text is not None and low <= len(text) <= high:
                return text
        return None
    length = rng.randint(max(low, 1), max(max(low, 1), min(high, low + 8)))
    return "".join(rng.choice(LETTERS) for _ in range(length))


def value(shape, rng, depth=0):
    """None when none can be made."""
    kind = shape.type_name
    if kind == "structure":
        if shape.name == "AttributeValue" and "BOOL" in shape.members:
            return rng.choice([{"S": "te<x>t"}, {"N": "1.5"}, {"B": b"\x00\xff"}, {"SS": ["a"]}, {"BOOL": False},
                               {"NULL": True}, {"L": [{"S": "a"}]}, {"M": {"k": {"N": "1"}}}, {"BS": [b"x"]}])
        return structure(shape, rng, depth)
    if kind == "list":
        if depth > 6:
            return None
        count = max(int(shape.metadata.get("min", 0)), rng.randint(1, 2))
        items = [value(shape.member, rng, depth + 1) for _ in range(min(count, int(shape.metadata.get("max", 10))))]
        return None if any(item is None for item in items) else items
    if kind == "map":
        out = {}
        for _ in range(max(int(shape.metadata.get("min", 0)) * 2, rng.randint(1, 2))):
            key, entry = value(shape.key, rng, depth + 1), value(shape.value, rng, depth + 1)
            if key is None or entry is None:
                return None
            out[key.lower() if shape.name == "Metadata" else key] = entry  # S3 knows headers, which have no case
        return out
    if kind == "string":
        return string(shape, rng)
    if kind in ("integer", "long"):
        low = int(shape.metadata.get("min", 0))
        return rng.randint(low, max(low, min(int(shape.metadata.get("max", low + 1000)), low + 1000)))
    if kind in ("double", "float"):
        low = float(shape.metadata.get("min", 0))
        return low + rng.choice([0.0, 0.25, 0.5])
    if kind == "boolean":
        return rng.choice([True, False])
    if kind == "blob":
        return bytes(rng.randrange(256) for _ in range(rng.randint(1, 8)))
    if kind == "timestamp":
        return datetime.datetime(2026, 1, 2, 3, 4, rng.randrange(60), tzinfo=datetime.timezone.utc)
    return None


def structure(shape, rng, depth=0):
    out = {}
    members = list(shape.members.items())
    if shape.is_tagged_union:
        members = [rng.choice(members)]
    for name, member in members:
        required = name in shape.required_members
        if not required and not shape.is_tagged_union and (depth > 4 or rng.random() < 0.3):
            continue
        made = value(member, rng, depth + 1)
        if made is None:
            if required or shape.is_tagged_union:
                return None
            continue
        out[name] = made
    if not out and depth > 0 and members and depth < 8:  # an empty structure cannot be told from none in a form
        for name, member in members:
            made = value(member, rng, depth + 1)
            if made is not None:
                return {name: made}
        return None
    return out
