"""What a click is, and what is counted of it. The function counts with this, and `verify` counts the archive with it."""

import collections
import json


def counters(lines):
    """{(minute, page): {"views", "errors", "bytes", "millis"}} of clicks, each a line of JSON."""
    found = collections.defaultdict(collections.Counter)
    for line in lines:
        click = json.loads(line)
        of_page = found[click["at"][:16], click["page"]]
        of_page["views"] += 1
        of_page["errors"] += click["status"] >= 500
        of_page["bytes"] += click["bytes"]
        of_page["millis"] += click["millis"]
    return found
