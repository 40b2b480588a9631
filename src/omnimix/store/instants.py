"""Instants as numbers, the same on every engine.

in   timestamp columns
out  whole seconds
"""

from ibis.expr.types import IntegerValue, TimestampValue


def seconds(at: TimestampValue) -> IntegerValue:
    """Whole seconds since 1970-01-01 UTC, rounded down.

    Engines differ in what their own function does with the microseconds: one keeps them, one drops them.
    """
    return at.truncate("s").epoch_seconds().cast("int64")
