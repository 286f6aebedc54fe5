"""An independent model of DynamoDB's expressions, and a generator of random ones.

The grammar is that of the developer guide ("Expressions reference"): conditions, updates, projections. Values are as on the
wire ({"S": "x"}); numbers are exact decimals. An expression is made as a tree, which the model evaluates and which is
printed as text with random spacing, placeholders and parentheses for the server.
"""

from decimal import Context, Decimal

CONTEXT = Context(prec=200)
TYPES = ["S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL"]
NAMES = ["a", "b", "c", "d", "e"]
RESERVED = ["name", "size", "status", "count", "item"]


class Fault(Exception):
    """The server must refuse the update with this message."""


def kind(value):
    return next(iter(value))


def number(value):
    return Decimal(value["N"])


def same(x, y):
    if kind(x) != kind(y):
        return False
    a, b = x[kind(x)], y[kind(y)]
    match kind(x):
        case "N":
            return Decimal(a) == Decimal(b)
        case "NS":
            return {Decimal(n) for n in a} == {Decimal(n) for n in b}
        case "SS" | "BS":
            return set(a) == set(b)
        case "L":
            return len(a) == len(b) and all(map(same, a, b))
        case "M":
            return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return a == b


def order(x, y):
    """Negative, zero or positive; None when the two cannot be compared."""
    if kind(x) != kind(y) or kind(x) not in "SNB":
        return None
    a, b = x[kind(x)], y[kind(y)]
    if kind(x) == "N":
        a, b = Decimal(a), Decimal(b)
    elif kind(x) == "S":
        a, b = a.encode(), b.encode()
    return (a > b) - (a < b)


def lookup(item, path):
    value = {"M": item}
    for step in path:
        if isinstance(step, int):
            if kind(value) != "L" or step >= len(value["L"]):
                return None
            value = value["L"][step]
        else:
            if kind(value) != "M" or step not in value["M"]:
                return None
            value = value["M"][step]
    return value


# --- conditions: trees of tuples ---


def operand(node, item):
    match node:
        case ("path", path):
            return lookup(item, path)
        case ("value", value):
            return value
        case ("size", path):
            value = lookup(item, path)
            if value is None or kind(value) in ("N", "NULL", "BOOL"):
                return None
            content = value[kind(value)]
            return {"N": str(len(content.encode() if kind(value) == "S" else content))}


def holds(node, item):
    match node:
        case ("and", *parts):
            return all(holds(part, item) for part in parts)
        case ("or", *parts):
            return any(holds(part, item) for part in parts)
        case ("not", part):
            return not holds(part, item)
        case ("between", value, lower, upper):
            value, lower, upper = (operand(each, item) for each in (value, lower, upper))
            if None in (value, lower, upper):
                return False
            low, high = order(value, lower), order(value, upper)
            return low is not None and high is not None and low >= 0 and high <= 0
        case ("in", value, *candidates):
            value = operand(value, item)
            found = [operand(each, item) for each in candidates]
            return value is not None and any(each is not None and same(value, each) for each in found)
        case ("attribute_exists", path):
            return lookup(item, path) is not None
        case ("attribute_not_exists", path):
            return lookup(item, path) is None
        case ("attribute_type", path, wanted):
            value = lookup(item, path)
            return value is not None and kind(value) == wanted["S"]
        case ("begins_with", path, prefix):
            value = lookup(item, path)
            return (
                value is not None and kind(value) == kind(prefix) and value[kind(value)].startswith(prefix[kind(prefix)])
            )
        case ("contains", path, wanted):
            return contains(lookup(item, path), wanted)
        case (symbol, left, right):
            return compared(symbol, operand(left, item), operand(right, item))


def contains(value, wanted):
    if value is None:
        return False
    match kind(value), kind(wanted):
        case ("S", "S") | ("B", "B"):
            return wanted[kind(wanted)] in value[kind(value)]
        case ("SS", "S") | ("BS", "B"):
            return wanted[kind(wanted)] in value[kind(value)]
        case ("NS", "N"):
            return number(wanted) in [Decimal(n) for n in value["NS"]]
        case ("L", _):
            return any(same(each, wanted) for each in value["L"])
    return False


def compared(symbol, x, y):
    if symbol == "=":
        return x is not None and y is not None and same(x, y)
    if symbol == "<>":
        return x is None or y is None or not same(x, y)
    sign = None if x is None or y is None else order(x, y)
    if sign is None:
        return False
    return {"<": sign < 0, "<=": sign <= 0, ">": sign > 0, ">=": sign >= 0}[symbol]


# --- updates: lists of ("SET", path, value), ("REMOVE", path), ("ADD", path, value), ("DELETE", path, value) ---

WRONG_TYPE = "An operand in the update expression has an incorrect data type"
NO_ATTRIBUTE = "The provided expression refers to an attribute that does not exist in the item"
NO_PLACE = "The document path provided in the update expression is invalid for update"


def computed(node, item):
    match node:
        case ("value", value):
            return value
        case ("path", path):
            value = lookup(item, path)
            if value is None:
                raise Fault(NO_ATTRIBUTE)
            return value
        case ("+", left, right) | ("-", left, right):
            left, right = computed(left, item), computed(right, item)
            if kind(left) != "N" or kind(right) != "N":
                raise Fault(WRONG_TYPE)
            operation = CONTEXT.add if node[0] == "+" else CONTEXT.subtract
            return {"N": str(operation(number(left), number(right)))}
        case ("if_not_exists", path, other):
            value = lookup(item, path)
            return computed(other, item) if value is None else value
        case ("list_append", left, right):
            left, right = computed(left, item), computed(right, item)
            if kind(left) != "L" or kind(right) != "L":
                raise Fault(WRONG_TYPE)
            return {"L": left["L"] + right["L"]}


def copied(value):
    content = value[kind(value)]
    if kind(value) == "M":
        return {"M": {name: copied(each) for name, each in content.items()}}
    if kind(value) == "L":
        return {"L": [copied(each) for each in content]}
    return {kind(value): list(content) if isinstance(content, list) else content}


def holder(item, path):
    """What the last step goes into, when it fits."""
    parent = lookup(item, path[:-1])
    if parent is None or kind(parent) != ("L" if isinstance(path[-1], int) else "M"):
        raise Fault(NO_PLACE)
    return parent[kind(parent)]


def distinct(numbers):
    return {Decimal(each): each for each in numbers}


def changed_set(verb, value, given):
    if verb == "ADD" and kind(given) == "N":
        if value is not None and kind(value) != "N":
            raise Fault(WRONG_TYPE)
        return given if value is None else {"N": str(CONTEXT.add(number(value), number(given)))}
    if value is None:
        return given if verb == "ADD" else None
    if kind(value) != kind(given):
        raise Fault(WRONG_TYPE)
    key = Decimal if kind(given) == "NS" else str if kind(given) == "SS" else bytes
    old, new = {key(each): each for each in value[kind(value)]}, {key(each): each for each in given[kind(given)]}
    result = {**old, **new} if verb == "ADD" else {k: v for k, v in old.items() if k not in new}
    return {kind(value): list(result.values())} if result else None


def updated(actions, item):
    """The item after the update. All right sides see the item as it was; indexes of lists too."""
    before, after = item, copied({"M": item})["M"]
    puts, removals = [], []
    for verb, path, *rest in actions:
        if verb == "SET":
            puts.append((path, computed(rest[0], before)))
            continue
        if verb == "REMOVE":
            holder(before, path)
            if lookup(before, path) is not None:
                removals.append(path)
            continue
        holder(before, path)
        value = lookup(before, path)
        result = changed_set(verb, value, rest[0][1])
        if result is not None:
            puts.append((path, result))
        elif value is not None:
            removals.append(path)
    for path, value in puts:
        holder(before, path)
    for path, value in sorted(puts, key=lambda put: put[0][-1] if isinstance(put[0][-1], int) else -1):
        place = holder(after, path)
        if isinstance(place, dict):
            place[path[-1]] = copied(value)
        elif path[-1] < len(place):
            place[path[-1]] = copied(value)
        else:
            place.append(copied(value))
    for path in sorted(removals, key=lambda p: (len(p), p[-1] if isinstance(p[-1], int) else -1), reverse=True):
        place = holder(after, path)
        del place[path[-1]]
    return after


def projected(paths, item):
    """Lists close up, in order."""

    def cut(value, paths):
        if () in paths:
            return value
        content = value[kind(value)]
        if kind(value) == "M":
            kept = {}
            for name in content:
                below = [path[1:] for path in paths if path[0] == name]
                part = cut(content[name], below) if below else None
                if part is not None:
                    kept[name] = part
            return {"M": kept} if kept else None
        if kind(value) == "L":
            kept = []
            for at, each in enumerate(content):
                below = [path[1:] for path in paths if path[0] == at and not isinstance(path[0], str)]
                part = cut(each, below) if below else None
                if part is not None:
                    kept.append(part)
            return {"L": kept} if kept else None
        return None

    return (cut({"M": item}, [tuple(path) for path in paths]) or {"M": {}})["M"]


def overlapping(paths):
    """Whether one path is the beginning of another, or two take one place for a list and for a map."""
    for i, one in enumerate(paths):
        for other in paths[i + 1 :]:
            for a, b in zip(one, other):
                if isinstance(a, int) != isinstance(b, int):
                    return True
                if a != b:
                    break
            else:
                return True
    return False


def size_of(value):
    content = value[kind(value)]
    match kind(value):
        case "S":
            return len(content.encode())
        case "B":
            return len(content)
        case "SS":
            return sum(len(each.encode()) for each in content)
        case "BS":
            return sum(map(len, content))
        case "NULL" | "BOOL":
            return 1
        case "L":
            return 3 + sum(1 + size_of(each) for each in content)
        case "M":
            return 3 + sum(1 + len(name.encode()) + size_of(each) for name, each in content.items())


class Printer:
    """Prints trees as text; names and values become placeholders, names only when they must or at random."""

    def __init__(self, random):
        self.random = random
        self.names, self.values = {}, {}

    def name(self, name):
        if name not in RESERVED and self.random.random() < 0.6:
            return name
        for known, meant in self.names.items():
            if meant == name:
                return known
        self.names[f"#n{len(self.names)}"] = name
        return f"#n{len(self.names) - 1}"

    def value(self, value):
        self.values[f":v{len(self.values)}"] = value
        return f":v{len(self.values) - 1}"

    def path(self, path):
        text = ""
        for step in path:
            text += f"[{step}]" if isinstance(step, int) else ("." if text else "") + self.name(step)
        return text

    def space(self):
        return self.random.choice(["", " ", "  "])

    def operand(self, node):
        match node:
            case ("path", path):
                return self.path(path)
            case ("value", value):
                return self.value(value)
            case ("size", path):
                return f"size({self.space()}{self.path(path)})"
            case ("if_not_exists", path, other):
                return f"if_not_exists({self.path(path)},{self.space()}{self.operand(other)})"
            case ("list_append", left, right):
                return f"list_append({self.operand(left)}{self.space()},{self.operand(right)})"
            case (symbol, left, right):
                return f"{self.operand(left)}{self.space()}{symbol}{self.space()}{self.operand(right)}"

    def condition(self, node, above=0):
        """`above`: how strongly what stands around binds."""
        match node:
            case (("and" | "or") as word, *parts):
                strength = 2 if word == "and" else 1
                word = self.random.choice([word, word.upper()])
                text = f" {word} ".join(self.condition(part, strength) for part in parts)
                return f"({text})" if above >= strength else text
            case ("not", part):
                return f"{self.random.choice(['NOT', 'not'])} {self.condition(part, 3)}"
            case ("between", value, lower, upper):
                return f"{self.operand(value)} BETWEEN {self.operand(lower)} AND {self.operand(upper)}"
            case ("in", value, *candidates):
                return f"{self.operand(value)} IN ({', '.join(map(self.operand, candidates))})"
            case (("attribute_exists" | "attribute_not_exists") as name, path):
                return f"{name}({self.path(path)})"
            case (("attribute_type" | "begins_with" | "contains") as name, path, value):
                return f"{name}({self.path(path)},{self.space()}{self.value(value)})"
            case (symbol, left, right):
                return f"{self.operand(left)}{self.space()}{symbol}{self.space()}{self.operand(right)}"

    def update(self, actions):
        text = []
        verbs = list(dict.fromkeys(action[0] for action in actions))
        for verb in verbs:
            parts = []
            for _, path, *rest in (action for action in actions if action[0] == verb):
                part = self.path(path)
                if verb == "SET":
                    part += f"{self.space()}={self.space()}{self.operand(rest[0])}"
                elif rest:
                    part += f" {self.operand(rest[0])}"
                parts.append(part)
            text.append(f"{self.random.choice([verb, verb.lower()])} {', '.join(parts)}")
        return " ".join(text)

    def parameters(self):
        given = {}
        if self.names:
            given["ExpressionAttributeNames"] = self.names
        if self.values:
            given["ExpressionAttributeValues"] = self.values
        return given


class PartiqlPrinter(Printer):
    """The same conditions as PartiQL; values become parameters, in the order of the text."""

    def __init__(self, random):
        super().__init__(random)
        self.parameters_in_order = []

    def name(self, name):
        return f'"{name}"'

    def value(self, value):
        self.parameters_in_order.append(value)
        return "?"

    def condition(self, node, above=0):
        match node:
            case ("attribute_exists", path):
                return f"{self.path(path)} IS NOT MISSING"
            case ("attribute_not_exists", path):
                return f"{self.path(path)} is missing"
            case ("in", value, *candidates):
                return f"{self.operand(value)} IN [{', '.join(map(self.operand, candidates))}]"
        return super().condition(node, above)


class Maker:
    """Makes random items and trees; values come from few, so that they meet."""

    def __init__(self, random):
        self.random = random

    def number(self):
        return self.random.choice(["0", "1", "2", "-1", "1.5", "100", "0.001", "12345678901234567890", "-0.25", "1e3"])

    def text(self):
        return self.random.choice(["", "a", "ab", "abc", "b", "é", "\x00", "z", "日本"])

    def some(self, make):
        count = self.random.randint(1, 3)
        return [make() for _ in range(count)]

    def value(self, depth=0, types=None):
        chosen = self.random.choice(types or (TYPES if depth < 3 else ["S", "N", "B", "NULL", "BOOL"]))
        match chosen:
            case "S":
                return {"S": self.text()}
            case "N":
                return {"N": self.number()}
            case "B":
                return {"B": self.text().encode()}
            case "SS":
                return {"SS": sorted({text or "-" for text in self.some(self.text)})}
            case "NS":
                return {"NS": list(distinct(self.some(self.number)).values())}
            case "BS":
                return {"BS": sorted({text.encode() or b"-" for text in self.some(self.text)})}
            case "L":
                return {"L": [self.value(depth + 1) for _ in range(self.random.randint(0, 3))]}
            case "M":
                return {"M": {self.name(): self.value(depth + 1) for _ in range(self.random.randint(0, 3))}}
            case "NULL":
                return {"NULL": True}
            case "BOOL":
                return {"BOOL": self.random.random() < 0.5}

    def name(self):
        return self.random.choice(NAMES + RESERVED[:2])

    def item(self):
        return {self.name(): self.value() for _ in range(self.random.randint(0, 5))}

    def path(self, item=None):
        """Mostly one that is in the item."""
        path, value = [self.name()], None
        if item and self.random.random() < 0.7:
            path = [self.random.choice(list(item))]
            value = item[path[0]]
        while self.random.random() < (0.5 if value is not None and kind(value) in "ML" else 0.15) and len(path) < 5:
            if value is not None and kind(value) == "L" and self.random.random() < 0.9:
                path.append(self.random.randint(0, 3))
            elif value is not None and kind(value) == "M" and self.random.random() < 0.9:
                path.append(self.random.choice(list(value["M"]) or NAMES))
            else:
                path.append(self.random.choice([0, 1, self.name()]))
            value = lookup(item, path) if item else None
        return path

    def operand(self, item, types=None):
        chance = self.random.random()
        if chance < 0.55:
            return ("path", self.path(item))
        if chance < 0.65:
            return ("size", self.path(item))
        return ("value", self.value(types=types))

    def condition(self, item, depth=0):
        choice = self.random.randrange(5 if depth > 2 else 8)
        if choice > 4:
            parts = [self.condition(item, depth + 1) for _ in range(self.random.randint(2, 3))]
            return (self.random.choice(["and", "or"]), *parts) if choice < 7 else ("not", parts[0])
        path = self.path(item)
        if choice == 0:
            return (self.random.choice(["attribute_exists", "attribute_not_exists"]), path)
        if choice == 1:
            return ("attribute_type", path, {"S": self.random.choice(TYPES)})
        if choice == 2:
            return ("begins_with", path, self.value(types=["S", "B"]))
        if choice == 3:
            return ("contains", path, self.value(2))
        return self.comparison(item)

    def comparison(self, item):
        scalars = ["S", "N", "B"]
        choice = self.random.randrange(4)
        if choice == 0:
            one, two = self.value(types=(only := [self.random.choice(scalars)])), self.value(types=only)
            lower, upper = (one, two) if order(one, two) <= 0 else (two, one)
            return ("between", ("path", self.path(item)), ("value", lower), ("value", upper))
        if choice == 1:
            return ("in", ("path", self.path(item)), *[self.operand(item) for _ in range(self.random.randint(1, 3))])
        symbol = self.random.choice(["=", "<>", "<", "<=", ">", ">="])
        types = None if symbol in ("=", "<>") else scalars
        left, right = ("path", self.path(item)), self.operand(item, types)
        if left == right:
            right = ("value", self.value(types=types))
        return (symbol, left, right) if self.random.random() < 0.7 else (symbol, right, left)

    def set_value(self, item, depth=0):
        choice = self.random.randrange(6 if depth < 2 else 3)
        if choice < 2:
            return ("value", self.value())
        if choice == 2:
            return ("path", self.path(item))
        if choice == 3:
            return ("if_not_exists", self.path(item), self.set_value(item, depth + 2))
        if choice == 4:
            return ("list_append", *[self.list_operand(item) for _ in range(2)])
        return (self.random.choice("+-"), *[self.number_operand(item) for _ in range(2)])

    def typed_operand(self, item, wanted):
        there = [[name] for name in item if kind(item[name]) == wanted]
        if there and self.random.random() < 0.7:
            return ("path", self.random.choice(there))
        if self.random.random() < 0.2:
            return ("path", self.path(item))
        if self.random.random() < 0.3:
            return ("if_not_exists", self.path(item), ("value", self.value(types=[wanted])))
        return ("value", self.value(types=[wanted]))

    def list_operand(self, item):
        return self.typed_operand(item, "L")

    def number_operand(self, item):
        return self.typed_operand(item, "N")

    def update(self, item):
        actions, paths = [], []
        for _ in range(self.random.randint(1, 4)):
            path = self.path(item)
            if overlapping([*paths, path]):
                continue
            paths.append(path)
            match self.random.choice(["SET", "SET", "SET", "REMOVE", "ADD", "DELETE"]):
                case "SET":
                    actions.append(("SET", path, self.set_value(item)))
                case "REMOVE":
                    actions.append(("REMOVE", path))
                case verb:
                    types = ["SS", "NS", "BS"] + (["N"] if verb == "ADD" else [])
                    actions.append((verb, path, ("value", self.value(types=types))))
        order_of_verbs = list(dict.fromkeys(action[0] for action in actions))
        return sorted(actions, key=lambda action: order_of_verbs.index(action[0]))

    def projection(self, item):
        paths = []
        for _ in range(self.random.randint(1, 4)):
            path = self.path(item)
            if not overlapping([*paths, path]):
                paths.append(path)
        return paths
