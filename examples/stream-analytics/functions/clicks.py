"""What a click is, and what is counted of it. The function counts with this, and `verify` counts the archive with it."""

NAMES = ("views", "errors", "bytes", "millis")


def key_of(click):
    """By what clicks are counted: minute and page."""
    return click["at"][:16], click["page"]


def counters(clicks):
    """{(minute, page): [views, errors, bytes, millis]} of clicks."""
    found = {}
    for click in clicks:
        counts = found.setdefault(key_of(click), [0, 0, 0, 0])
        counts[0] += 1
        counts[1] += click["status"] >= 500
        counts[2] += click["bytes"]
        counts[3] += click["millis"]
    return found
