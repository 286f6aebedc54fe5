"""What `verify` keeps of clicks instead of the clicks: one byte for each, and a sum of their digests."""

import hashlib


class Tally:
    """How often each number came, and what came: order does not matter. Content that differs changes the sum."""

    def __init__(self):
        self.times = bytearray()  # How often each number came, up to 255.
        self.count = 0
        self.digests = 0

    def add(self, line, click):
        """A click, whose id ends in its number, and the line that tells of it."""
        number = int(click["id"].rpartition("-")[2])
        if number >= len(self.times):
            self.times.extend(bytes(max(number, 2 * len(self.times)) + 1 - len(self.times)))
        self.times[number] = min(255, self.times[number] + 1)
        self.digests += int.from_bytes(hashlib.blake2b(line, digest_size=16).digest(), "big")
        self.count += 1

    def distinct(self):
        return len(self.times) - self.times.count(0)

    def __eq__(self, other):
        same = (self.count, self.digests) == (other.count, other.digests)
        return same and self.times.rstrip(b"\0") == other.times.rstrip(b"\0")


def add_up(total, counters):
    """Adds {key: counts} to {key: counts}."""
    for key, counts in counters.items():
        before = total.get(key, [0] * len(counts))
        total[key] = [one + other for one, other in zip(before, counts)]
