"""The hooks of SnapStart, under the name and with the functions of AWS's package.

Before the snapshot they run in the reverse order of their registration, after a restore in the order of it. Both
functions give back what they were given, so that they serve as decorators.
"""

_before = []
_after = []


def register_before_snapshot(func, *args, **kwargs):
    _before.append((func, args, kwargs))
    return func


def register_after_restore(func, *args, **kwargs):
    _after.append((func, args, kwargs))
    return func


def get_before_snapshot():
    return _before


def get_after_restore():
    return _after
